"""What every answer has to carry, whatever it answers: looked at in the walks over all addresses, so that nothing is asked for twice."""

from __future__ import annotations

from werkzeug.test import TestResponse

from api.security_headers import HEADERS

POLICY = "Content-Security-Policy"
NOT_THERE = ("X-Powered-By", "Access-Control-Allow-Origin", "Refresh")
KEPT_BY_BROWSERS = ("/static/", "/bootstrap/static/", "/fs-static/", "/docs")
# Figures of regions, rules and institutions without anybody's data; the browser asks each time whether they are still the newest.
FIGURES = ("/desk/oversight/", "/desk/scorecards/", "/desk/fairness/", "/desk/hospitals/")
OF_A_COOKIE = {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}


def wrong_headers(answer: TestResponse, *, https: bool) -> list[str]:
    """What is wrong with the headers and cookies of an answer; [] when nothing is. https: the service is reached over it."""
    headers, path = answer.headers, answer.request.path
    wrong = [f"no {name}" for name in HEADERS if name not in headers]
    wrong += [
        f"{name}: {headers[name]}" for name, value in HEADERS.items() if name in headers and name != POLICY and headers[name] != value
    ]
    policy = headers.get(POLICY, "").split("; ")
    wrong += [f"the policy lacks {part}" for part in ("default-src 'none'", "frame-ancestors 'none'") if part not in policy]
    wrong += [f"a header {name}" for name in NOT_THERE if name in headers]
    if https != ("Strict-Transport-Security" in headers):
        wrong.append("Strict-Transport-Security")
    if not may_be_kept(path, answer.mimetype) and "no-store" not in headers.get("Cache-Control", ""):
        wrong.append(f"kept: {headers.get('Cache-Control')}")
    return wrong + [f"cookie {cookie.split('=')[0]}" for cookie in headers.getlist("Set-Cookie") if not _is_safe(cookie, https=https)]


def may_be_kept(path: str, kind: str | None) -> bool:
    """True for the files of the design and the documentation, and for drawings of figures that are nobody's."""
    return path.startswith(KEPT_BY_BROWSERS) or (path.startswith(FIGURES) and kind == "image/svg+xml")


def _is_safe(cookie: str, *, https: bool) -> bool:
    parts = {part.strip() for part in cookie.split(";")[1:]}
    needed = OF_A_COOKIE if https else OF_A_COOKIE - {"Secure"}
    return needed <= parts and not any(part.startswith("Domain") for part in parts)
