"""Alerts of the region, and the casework on them: one list, one page an alert."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.people import PersonCard, card
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, yuan
from api.request_id import current_request_id
from api.rights import Right
from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.errors import ConflictError, NotFoundError
from models.identifiers import mask_name
from models.person import Person
from models.repositories import alerts as store
from models.repositories import audit

PAGE = 50
REASON_MAX, CONCLUSION_MAX = 500, 1000
OUTCOMES = {
    CaseOutcome.CONFIRMED: lazy_gettext("Confirmed: it is as the alert says"),
    CaseOutcome.UNFOUNDED: lazy_gettext("Unfounded: nothing is wrong"),
    CaseOutcome.DATA_ERROR: lazy_gettext("An error in the data: corrected"),
    CaseOutcome.REFERRED: lazy_gettext("Handed on to another office"),
}


@dataclass(frozen=True)
class AlertLine:
    """One alert as the list shows it."""

    alert_id: str
    title: str
    severity: str
    state: str
    opened_on: date
    region_code: str
    amount: str | None
    masked_name: str | None


@counter_pages.get("/desk/alerts")
@staff_needed(Right.WORK_ALERTS)
def alerts(caller: Caller) -> ResponseReturnValue:
    """What is open in the region: newest first, by code and severity."""
    context = current()
    states = [AlertState.CLOSED] if request.args.get("state") == "closed" else [AlertState.OPEN, AlertState.IN_CASE]
    code = request.args.get("code") or None
    severity = request.args.get("severity", "")
    chosen = AlertSeverity(severity) if severity in set(AlertSeverity) else None
    before = request.args.get("before")
    with context.database.read_scope() as session:
        rows = _rows(session, caller, states, code, chosen, before) if caller.region is not None else []
        keys = {row.person_id for row in rows if row.person_id is not None}
        names = {row.id: mask_name(row.name) for row in session.execute(select(Person.id, Person.name).where(Person.id.in_(keys)))}
        codes = _codes(session, caller) if caller.region is not None else []
        today = context.policy.certification.today
        lines = [
            AlertLine(
                row.public_id,
                alert_title(row.code),
                str(STATES[row.severity.value]),
                str(STATES[row.state.value]),
                today(row.opened_at),
                row.region_code,
                None if row.amount_fen is None else yuan(row.amount_fen),
                None if row.person_id is None else names[row.person_id],
            )
            for row in rows[:PAGE]
        ]
    return render_template(
        "desk_person/alerts.html",
        lines=lines,
        codes=[(each, alert_title(each)) for each in codes],
        severities=[(each.value, STATES[each.value]) for each in AlertSeverity],
        code=code,
        severity=severity,
        closed=states == [AlertState.CLOSED],
        older=rows[PAGE - 1].public_id if len(rows) > PAGE else None,
    )


def _rows(
    session: Session, caller: Caller, states: list[AlertState], code: str | None, severity: AlertSeverity | None, before: str | None
) -> list[Alert]:
    query = select(Alert).where(Alert.state.in_(states), Alert.region_code.startswith(caller.region or "", autoescape=True))
    if code is not None:
        query = query.where(Alert.code == code)
    if severity is not None:
        query = query.where(Alert.severity == severity)
    if before is not None:
        query = query.where(Alert.id < select(Alert.id).where(Alert.public_id == before).scalar_subquery())
    return list(session.scalars(query.order_by(Alert.id.desc()).limit(PAGE + 1)))


def _codes(session: Session, caller: Caller) -> list[str]:
    return list(
        session.scalars(
            select(Alert.code).where(Alert.region_code.startswith(caller.region or "", autoescape=True)).distinct().order_by(Alert.code)
        )
    )


@counter_pages.route("/desk/alerts/<alert_id>", methods=["GET", "POST"])
@staff_needed(Right.WORK_ALERTS)
def alert(caller: Caller, alert_id: str) -> ResponseReturnValue:
    """One alert: what led to it, and what is done about it."""
    if request.method == "POST":
        return _work(caller, alert_id)
    return _alert_page(caller, alert_id, None), 200


def _reached(session: Session, caller: Caller, alert_id: str) -> Alert:
    """The alert, when it lies in the caller's region; 404 otherwise."""
    try:
        found = store.get(session, alert_id)
    except NotFoundError:
        abort(404)
    if not caller.covers(found.region_code):
        abort(404)
    return found


def _case_of(session: Session, found: Alert) -> CaseFile | None:
    return session.scalars(select(CaseFile).where(CaseFile.alert_id == found.id).order_by(CaseFile.id.desc()).limit(1)).one_or_none()


def _alert_page(caller: Caller, alert_id: str, wrong: str | None) -> str:
    context = current()
    today = context.policy.certification.today
    with context.database.session_scope() as session:
        found = _reached(session, caller, alert_id)
        case = _case_of(session, found)
        person = None if found.person_id is None else session.get_one(Person, found.person_id)
        shown: PersonCard | None = None if person is None else card(context, person.public_id)
        if person is not None:
            details = {"door": "counter", "request_id": current_request_id()}
            audit.record(
                session,
                actor=caller.actor,
                action="alert_seen",
                now=context.clock(),
                person_id=person.id,
                object=found.public_id,
                details=details,
            )
        return render_template(
            "desk_person/alert.html",
            alert=found,
            title=alert_title(found.code),
            severity=STATES[found.severity.value],
            state=STATES[found.state.value],
            amount=None if found.amount_fen is None else yuan(found.amount_fen),
            opened_on=today(found.opened_at),
            closed_on=None if found.closed_at is None else today(found.closed_at),
            case=case,
            case_outcome=None if case is None or case.outcome is None else OUTCOMES[case.outcome],
            card=shown,
            may_see=shown is not None and caller.covers(shown.region_code) and Right.READ_TIMELINE in caller.rights,
            outcomes=[(outcome.value, said) for outcome, said in OUTCOMES.items()],
            wrong=wrong,
            typed=request.form,
        )


def _work(caller: Caller, alert_id: str) -> ResponseReturnValue:
    context = current()
    now, what = context.clock(), request.form.get("what", "")
    reason, conclusion = request.form.get("reason", "").strip(), request.form.get("conclusion", "").strip()
    outcome = request.form.get("outcome", "")
    if what == "close" and not 0 < len(reason) <= REASON_MAX:
        return _alert_page(caller, alert_id, _("Write why it is closed, in at most %(count)s characters.", count=REASON_MAX)), 422
    if what == "close_case" and (outcome not in set(CaseOutcome) or not 0 < len(conclusion) <= CONCLUSION_MAX):
        said = _("Choose the outcome and write the conclusion, in at most %(count)s characters.", count=CONCLUSION_MAX)
        return _alert_page(caller, alert_id, said), 422
    if what not in {"close", "open_case", "close_case"}:
        abort(400)
    try:
        with context.database.session_scope() as session:
            found = _reached(session, caller, alert_id)
            case = _case_of(session, found)
            if what == "close":
                store.close(session, found.id, reason=reason, by=caller.actor, now=now)
            elif what == "open_case":
                store.open_case(session, found.id, owner=caller.actor, by=caller.actor, now=now)
            elif case is None:
                abort(400)
            else:
                store.close_case(session, case.id, outcome=CaseOutcome(outcome), conclusion=conclusion, by=caller.actor, now=now)
            details = {"outcome": outcome} if what == "close_case" else {}
            audit.record(
                session,
                actor=caller.actor,
                action=f"alert.{what}",
                now=now,
                person_id=found.person_id,
                object=found.public_id,
                details=details,
            )
    except ConflictError:
        flash(_("Somebody else was faster. This is the present state."), "warning")
        return redirect(url_for("counter.alert", alert_id=alert_id), 303)
    done = {"close": _("The alert is closed."), "open_case": _("The case is open, and yours."), "close_case": _("The case is closed.")}
    flash(done[what], "success")
    return redirect(url_for("counter.alert", alert_id=alert_id), 303)
