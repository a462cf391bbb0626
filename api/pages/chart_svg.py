"""A chart as the answer to a request: by the theme of the page, and not sent again while it has not changed."""

from __future__ import annotations

from flask import Response, make_response, request

from api.charts import Chart, svg
from api.pages.counter import THEME_COOKIE

OF_A_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""A drawing says its own colours in it; it loads nothing and runs nothing."""


def svg_answer(chart: Chart) -> Response:
    """The chart as SVG in the colours of the theme. The browser asks every time, and is told when it has the newest (304)."""
    dark = request.cookies.get(THEME_COOKIE) == "dark"
    etag = chart.etag(dark=dark)
    known = etag in request.if_none_match
    answer = make_response("", 304) if known else Response(svg(chart, dark), mimetype="image/svg+xml")
    answer.set_etag(etag)
    answer.headers["Cache-Control"] = "private, no-cache"  # figures without personal data; kept by the reader's browser only
    answer.headers["Vary"] = "Cookie"
    answer.headers["Content-Security-Policy"] = OF_A_PICTURE
    return answer
