"""The report of a month as a PDF, from the page of supervisors."""

from __future__ import annotations

import re
from datetime import date

from flask import Response, abort
from flask.typing import ResponseReturnValue

from api.callers import Caller
from api.context import current
from api.i18n import current_language
from api.oversight.report import report_pdf
from api.oversight.words import moment
from api.pages.blueprints import counter_pages
from api.pages.oversight import View, read_overview, record_export, view_of
from api.pages.staff_only import staff_needed
from api.rights import Right

MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])")


@counter_pages.get("/desk/oversight/report/<month>.pdf")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_report(caller: Caller, month: str) -> ResponseReturnValue:
    """The paper of a month in the language of the page. 404 where nothing was counted in it."""
    asked = view_of(caller)
    if not MONTH.fullmatch(month):
        abort(404)
    context, view = current(), View(asked.region, date.fromisoformat(f"{month}-01"), asked.today)
    with context.database.read_scope() as session:
        found = read_overview(session, context, view)
    if found is None or found.day.replace(day=1) != view.month:
        abort(404)
    policy = context.policy
    counted_at = "–" if found.counted_at is None else moment(found.counted_at, policy.certification.time_zone)
    paper = report_pdf(found, current_language(), steps=policy.oversight.coverage_steps, counted_at=counted_at)
    record_export(caller, view, "report.pdf")
    name = f"lifecert-{view.region}-{month}.pdf"
    return Response(paper, mimetype="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'})
