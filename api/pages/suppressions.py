"""Suppressions of the region: which findings are not told about whom, until when and why; and ending one before its day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.casework import NOWHERE, casework_service, worker
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.queue_words import subject
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import alert_title
from api.pages.words import account
from api.rights import Right
from detection.casework.inputs import CaseInputError
from models.errors import ConflictError, NotFoundError
from models.repositories import suppression_lists
from models.repositories.signals import TRIAGE
from models.repositories.suppression_lists import ListedSuppression

PAGE = 50
CONFLICT = 409
REASON_MAX = 500


@dataclass(frozen=True)
class SuppressionLine:
    """One suppression as the page shows it. findings: what is not told. person_id: public, of somebody whom the caller may see."""

    suppression_id: str
    about: str
    person_id: str | None
    findings: str
    region: str
    until: date
    reason: str
    by: str
    since: date
    case_id: str | None
    ended: str | None


@counter_pages.get("/desk/suppressions")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def suppressions(caller: Caller) -> ResponseReturnValue:
    """Those that hold, or those that are over."""
    return _page(caller)


@counter_pages.post("/desk/suppressions/<suppression_id>/end")
@staff_needed(Right.WORK_ALERTS)
def end_suppression(caller: Caller, suppression_id: str) -> ResponseReturnValue:
    """End one before its last day: the next triage tells its findings again."""
    try:
        casework_service(current()).end_suppression(worker(caller), suppression_id, request.form.get("reason", "").strip())
    except NotFoundError:
        abort(404)
    except CaseInputError:
        said = _("Write why it is ended, in at most %(count)s characters.", count=REASON_MAX)
        return _page(caller, wrong=(suppression_id, said))
    except ConflictError:
        flash(_("Somebody else was faster. This is the present state."), "warning")
        return _page(caller, status=CONFLICT)
    flash(_("It is ended. The next run of detection tells its findings again."), "success")
    return redirect(url_for("counter.suppressions"), 303)


def _page(caller: Caller, wrong: tuple[str, str] | None = None, *, status: int = 200) -> ResponseReturnValue:
    """The list. wrong: public id of the suppression whose form was sent with something unusable, and what to do.

    status: CONFLICT shows those that are over, with who ended them, to whoever was slower.
    """
    context = current()
    policy = context.policy.certification
    today, ended = policy.today(context.clock()), request.args.get("show") == "ended" or status == CONFLICT
    said, rows = None, []
    with context.database.read_scope() as session:
        try:
            rows = suppression_lists.page(
                session, caller.region or NOWHERE, today, ended=ended, after=request.args.get("after") or None, limit=PAGE + 1
            )
        except ValueError:
            said = _("The address of this page is not complete. Begin again at the first page.")
    page = render_template(
        "desk_cases/suppressions.html",
        lines=[_line(row, caller) for row in rows[:PAGE]],
        ended=ended,
        following=rows[PAGE - 1].row.public_id if len(rows) > PAGE else None,
        further=bool(request.args.get("after")),
        may_work=Right.WORK_ALERTS in caller.rights,
        wrong=wrong,
        typed=request.form.get("reason", ""),
        said=said,
        reason_max=REASON_MAX,
    )
    return page, 422 if wrong or said else status


def _line(listed: ListedSuppression, caller: Caller) -> SuppressionLine:
    row, policy = listed.row, current().policy.certification
    over = None
    if row.ended_at is not None and row.ended_by == TRIAGE:
        over = _("its last day has passed")
    elif row.ended_at is not None:
        over = _("ended by %(name)s", name=account(row.ended_by or ""))
    return SuppressionLine(
        suppression_id=row.public_id,
        about=subject(row.key, listed.name),
        person_id=listed.person_id if Right.READ_TIMELINE in caller.rights else None,
        findings=alert_title(row.code) if row.code else _("All findings"),
        region=row.region_code,
        until=row.until,
        reason=row.reason,
        by=account(row.by),
        since=policy.today(row.at),
        case_id=listed.case_id,
        ended=over,
    )
