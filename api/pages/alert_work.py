"""One alert: every signal behind it with what led to it, its history, and the casework on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import Caller
from api.context import Context, current
from api.i18n import current_language
from api.pages import signal_words
from api.pages.alert_history import history
from api.pages.blueprints import counter_pages
from api.pages.people import PersonCard, card
from api.pages.signal_view import SignalPanel, panel
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, yuan
from api.request_id import current_request_id
from api.rights import Right
from api.signal_explanations import certain
from models.alert import Alert, AlertSeverity, CaseFile, CaseOutcome
from models.detection import Signal
from models.errors import ConflictError, NotFoundError
from models.person import Person
from models.region import Region
from models.repositories import alerts as store
from models.repositories import audit, persons
from models.triage import DOUBTS_DEATH

REASON_MAX, CONCLUSION_MAX = 500, 1000
SIGNALS_SHOWN = 30
OUTCOMES = {
    CaseOutcome.CONFIRMED: lazy_gettext("Confirmed: it is as the alert says"),
    CaseOutcome.UNFOUNDED: lazy_gettext("Unfounded: nothing is wrong"),
    CaseOutcome.DATA_ERROR: lazy_gettext("An error in the data: corrected"),
    CaseOutcome.REFERRED: lazy_gettext("Handed on to another office"),
}
WORK = frozenset({"close", "open_case", "close_case"})
_SEVERITY_ORDER = list(AlertSeverity)


@dataclass(frozen=True)
class OpenedNumbers:
    """Both whole identity card numbers of a pair, character by character. signal_id: public."""

    signal_id: str
    one: tuple[tuple[str, bool], ...]
    other: tuple[tuple[str, bool], ...]


@counter_pages.route("/desk/alerts/<alert_id>", methods=["GET", "POST"])
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def alert(caller: Caller, alert_id: str) -> ResponseReturnValue:
    """One alert: what led to it, and what is done about it."""
    if request.method == "GET":
        return _alert_page(caller, alert_id), 200
    what = request.form.get("what", "")
    if what == "open_numbers":
        if Right.MERGE_PERSONS not in caller.rights:
            abort(403)
        return _alert_page(caller, alert_id, open_signal=request.form.get("signal", "")), 200
    if Right.WORK_ALERTS not in caller.rights:
        abort(403)
    return _work(caller, alert_id, what)


def _reached(session: Session, caller: Caller, alert_id: str) -> Alert:
    """The alert, when it lies in the caller's region; 404 otherwise."""
    try:
        found = store.get(session, alert_id)
    except NotFoundError:
        abort(404)
    if not caller.covers(found.region_code):
        abort(404)
    return found


def _cases(session: Session, found: Alert) -> list[CaseFile]:
    return list(session.scalars(select(CaseFile).where(CaseFile.alert_id == found.id).order_by(CaseFile.id)))


def _signals(session: Session, found: Alert) -> list[Signal]:
    """Standing ones first, the worst and dearest of them first."""
    rows = session.scalars(select(Signal).where(Signal.alert_id == found.id).order_by(Signal.id))
    return sorted(rows, key=lambda row: (row.vanished_at is not None, _SEVERITY_ORDER.index(row.severity), -row.amount_fen, row.id))


def _alerts_in_reach(session: Session, caller: Caller, public_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Public id and title of those of these alerts that the caller may open."""
    rows = session.execute(select(Alert.public_id, Alert.code, Alert.region_code).where(Alert.public_id.in_(list(public_ids))))
    return [(row.public_id, alert_title(row.code)) for row in rows if caller.covers(row.region_code)]


def _alert_page(caller: Caller, alert_id: str, wrong: str | None = None, *, open_signal: str | None = None) -> str:
    context = current()
    with context.database.session_scope() as session:
        found = _reached(session, caller, alert_id)
        signals, cases = _signals(session, found), _cases(session, found)
        standing = [signal for signal in signals if signal.vanished_at is None]
        shown = standing or signals
        today = context.policy.certification.today(context.clock())
        panels = [panel(session, caller, row, number, current_language(), today) for number, row in enumerate(shown[:SIGNALS_SHOWN], 1)]
        person = None if found.person_id is None else session.get_one(Person, found.person_id)
        head: PersonCard | None = None if person is None else card(context, person.public_id)
        _record_looks(session, context, caller, found, panels)
        numbers = None if open_signal is None else _open_numbers(session, context, caller, found, panels, open_signal)
        case = cases[-1] if cases else None
        return render_template(
            "desk_alerts/one.html",
            alert=found,
            title=alert_title(found.code),
            severity=STATES[found.severity.value],
            state=STATES[found.state.value],
            amount=yuan(found.amount_fen) if found.amount_fen else None,
            region=session.get_one(Region, found.region_code).name,
            panels=panels,
            hidden_signals=max(0, len(shown) - SIGNALS_SHOWN),
            vanished=not standing and bool(signals),
            history=history(found, cases, signals),
            doubts_death=bool(found.details.get(DOUBTS_DEATH)) and bool(standing),
            earlier=_alerts_in_reach(session, caller, found.details.get("earlier") or ()),
            instead=_alerts_in_reach(session, caller, [found.details["instead"]] if found.details.get("instead") else ()),
            today=context.policy.certification.today,
            case=case,
            card=head,
            may_see=head is not None and caller.covers(head.region_code) and Right.READ_TIMELINE in caller.rights,
            may_work=Right.WORK_ALERTS in caller.rights,
            may_open=Right.MERGE_PERSONS in caller.rights,
            numbers=numbers,
            yuan=yuan,
            feature_words=signal_words.feature_words,
            level_words=signal_words.level_words,
            probability_words=certain,
            outcomes=[(outcome.value, said) for outcome, said in OUTCOMES.items()],
            wrong=wrong,
            typed=request.form,
        )


def _record_looks(session: Session, context: Context, caller: Caller, found: Alert, panels: Sequence[SignalPanel]) -> None:
    """One audit entry for everybody whose data the page shows."""
    seen = {key for one in panels for key in one.persons} | ({found.person_id} if found.person_id is not None else set())
    details = {"door": "counter", "request_id": current_request_id()}
    for key in sorted(seen):
        audit.record(
            session,
            actor=caller.actor,
            action="alert_seen",
            now=context.clock(),
            person_id=key,
            object=found.public_id,
            details=details,
        )


def _open_numbers(
    session: Session, context: Context, caller: Caller, found: Alert, panels: Sequence[SignalPanel], signal_id: str
) -> OpenedNumbers:
    """Both whole numbers of the pair of a signal; each opening is an audit entry. 404 for no such pair in reach."""
    pairs = [one.pair for one in panels if one.signal.public_id == signal_id]
    if not pairs or pairs[0] is None or not pairs[0].seen:
        abort(404)
    details = {"door": "counter", "request_id": current_request_id()}
    opened = []
    for key in pairs[0].keys:
        opened.append(persons.open_resident_id(session.get_one(Person, key), context.keyring))
        audit.record(
            session,
            actor=caller.actor,
            action="resident_id_opened",
            now=context.clock(),
            person_id=key,
            object=found.public_id,
            details=details,
        )
    one, other = opened
    alike = [a == b for a, b in zip(one, other, strict=False)]
    alike += [False] * (max(len(one), len(other)) - len(alike))
    return OpenedNumbers(signal_id, tuple(zip(one, alike, strict=False)), tuple(zip(other, alike, strict=False)))


def _work(caller: Caller, alert_id: str, what: str) -> ResponseReturnValue:
    context = current()
    now = context.clock()
    reason, conclusion = request.form.get("reason", "").strip(), request.form.get("conclusion", "").strip()
    outcome = request.form.get("outcome", "")
    if what == "close" and not 0 < len(reason) <= REASON_MAX:
        return _alert_page(caller, alert_id, _("Write why it is closed, in at most %(count)s characters.", count=REASON_MAX)), 422
    if what == "close_case" and (outcome not in set(CaseOutcome) or not 0 < len(conclusion) <= CONCLUSION_MAX):
        said = _("Choose the outcome and write the conclusion, in at most %(count)s characters.", count=CONCLUSION_MAX)
        return _alert_page(caller, alert_id, said), 422
    if what not in WORK:
        abort(400)
    try:
        with context.database.session_scope() as session:
            found = _reached(session, caller, alert_id)
            cases = _cases(session, found)
            if what == "close":
                store.close(session, found.id, reason=reason, by=caller.actor, now=now)
            elif what == "open_case":
                store.open_case(session, found.id, owner=caller.actor, by=caller.actor, now=now)
            elif not cases:
                abort(400)
            else:
                store.close_case(session, cases[-1].id, outcome=CaseOutcome(outcome), conclusion=conclusion, by=caller.actor, now=now)
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
