"""One line for each request, where it is asked for (LIFECERT_ACCESS_LOG=on): which endpoint, how it ended, how long it took.

The address itself is not in it: public ids of people are part of addresses. The id of the request is on the line, as on every other one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import g, request

from api.log import logger

if TYPE_CHECKING:
    from flask import Flask, Response

    from api.context import Context

log = logger("lifecert.access")


def register(app: Flask) -> None:
    """Write the lines, where the settings ask for them."""
    context: Context = app.extensions["lifecert"]
    if not context.settings.access_log:
        return

    def begin() -> None:
        g.access_began = time.monotonic()

    def end(response: Response) -> Response:
        took_ms = round((time.monotonic() - g.get("access_began", time.monotonic())) * 1000, 1)
        log.info("request", endpoint=request.endpoint or "none", method=request.method, status=response.status_code, took_ms=took_ms)
        return response

    app.before_request(begin)
    app.after_request(end)
