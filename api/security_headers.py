"""Headers that tell the browser what a page of ours may do: nothing from elsewhere, no frames, no guessing of types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, request

from api.context import current

if TYPE_CHECKING:
    from flask import Flask, Response

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # data: Bootstrap's icons; blob: the picture chosen at the counter, before it is sent
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)

# The camera page needs the camera and the screen kept awake, a home visit its position; nothing else of the device is anybody's business.
PERMISSIONS_POLICY = ", ".join(
    (
        "camera=(self)",
        "screen-wake-lock=(self)",
        "fullscreen=(self)",
        "microphone=()",
        "geolocation=(self)",
        "payment=()",
        "usb=()",
        "display-capture=()",
        "browsing-topics=()",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",  # within the service it is needed: the check against forged requests looks at it over https
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def register(app: Flask) -> None:
    """Set the headers on every answer, and the cookie flags."""
    secure = app.extensions["lifecert"].settings.base_url.startswith("https://")
    app.config.update(
        # over https the browser itself sees to it that no other host of the domain can set this cookie (RFC 6265bis, section 4.1.3.2)
        SESSION_COOKIE_NAME="__Host-lifecert" if secure else "lifecert",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=secure,
    )

    def head_is_get() -> None:
        # a page tells showing from doing by the method: HEAD shows, and what only shows needs no token against forged requests
        if request.method == "HEAD":
            request.method = "GET"

    def nothing_has_a_nul() -> None:
        # PostgreSQL takes no NUL in a text; nothing that is here has one in its address. JSON doors say which field it is in.
        if "\x00" in request.path or (b"%00" in request.query_string and not request.path.startswith("/api/")):
            abort(404)

    app.before_request_funcs.setdefault(None, [])[:0] = [head_is_get, nothing_has_a_nul]

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if current().settings.base_url.startswith("https://"):
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint != "static" and not request.path.startswith("/docs/"):
            # personal data may be in any answer; shared computers and proxies keep none of it
            response.headers.setdefault("Cache-Control", "no-store")
        return response
