"""One alert to be read: every signal behind it with what led to it, and its history. Work on it begins with taking it, as a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.alert_looks import record_alert_looks
from api.callers import Caller
from api.casework import casework_service, worker
from api.context import Context, current
from api.i18n import current_language
from api.pages import signal_words
from api.pages.alert_history import history
from api.pages.blueprints import counter_pages
from api.pages.case_page import SIGNALS_SHOWN, ordered
from api.pages.case_words import OUTCOMES
from api.pages.fairness_words import gap_sentence
from api.pages.people import card_of
from api.pages.signal_view import SignalPanel
from api.pages.signal_view import panels as panels_of
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, yuan
from api.pages.words import account
from api.request_id import current_request_id
from api.rights import Right
from api.signal_explanations import certain
from detection.casework.rules import CaseHeldError
from models.alert import Alert, CaseFile
from models.errors import ConflictError, NotFoundError
from models.person import Person
from models.repositories import audit, persons
from models.repositories import case_page as behind
from models.repositories.case_page import CaseHead
from models.triage import DOUBTS_DEATH

CONFLICT = 409


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
    if what != "take":
        abort(400)
    return _take(caller, alert_id)


def _reached(session: Session, caller: Caller, alert_id: str) -> tuple[CaseHead, list[CaseFile]]:
    """The alert and its cases, when it lies in the caller's region; 404 otherwise."""
    try:
        head, cases = behind.of_alert(session, alert_id)
    except NotFoundError:
        abort(404)
    if not caller.covers(head.alert.region_code):
        abort(404)
    return head, cases


def _alerts_in_reach(session: Session, caller: Caller, public_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Public id and title of those of these alerts that the caller may open, by public id."""
    if not public_ids:
        return {}
    rows = session.execute(select(Alert.public_id, Alert.code, Alert.region_code).where(Alert.public_id.in_(list(public_ids))))
    return {row.public_id: (row.public_id, alert_title(row.code)) for row in rows if caller.covers(row.region_code)}


def _alert_page(caller: Caller, alert_id: str, *, open_signal: str | None = None) -> str:
    context = current()
    with context.database.session_scope() as session:
        reached, cases = _reached(session, caller, alert_id)
        found, person = reached.alert, reached.person
        signals = ordered(behind.signals(session, found.id))
        standing = [signal for signal in signals if signal.vanished_at is None]
        shown = standing or signals
        today = context.policy.certification.today(context.clock())
        panels = panels_of(session, caller, shown[:SIGNALS_SHOWN], current_language(), today)
        head = None if person is None else card_of(person)
        looked_at = {key for one in panels for key in one.persons} | ({found.person_id} if found.person_id is not None else set())
        record_alert_looks(session, caller, found, looked_at, door="counter", now=context.clock())
        earlier, instead = found.details.get("earlier") or [], [one for one in (found.details.get("instead"),) if one]
        named = _alerts_in_reach(session, caller, [*earlier, *instead])
        numbers = None if open_signal is None else _open_numbers(session, context, caller, found, panels, open_signal)
        case = cases[-1] if cases else None
        return render_template(
            "desk_alerts/one.html",
            alert=found,
            title=alert_title(found.code),
            severity=STATES[found.severity.value],
            state=STATES[found.state.value],
            amount=yuan(found.amount_fen) if found.amount_fen else None,
            region=reached.region_name,
            panels=panels,
            hidden_signals=max(0, len(shown) - SIGNALS_SHOWN),
            vanished=not standing and bool(signals),
            history=history(found, cases, signals),
            doubts_death=bool(found.details.get(DOUBTS_DEATH)) and bool(standing),
            earlier=[named[one] for one in earlier if one in named],
            instead=[named[one] for one in instead if one in named],
            today=context.policy.certification.today,
            sentence=None if signals else gap_sentence(found.details, {}),
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
            outcomes=OUTCOMES,
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


def _take(caller: Caller, alert_id: str) -> ResponseReturnValue:
    """The alert becomes a case of the caller's, or its case does; whoever is slower sees who has it."""
    context = current()
    with context.database.read_scope() as session:
        _reached(session, caller, alert_id)
    try:
        case = casework_service(context).take(worker(caller), alert_id)
    except CaseHeldError as held:
        flash(_("%(name)s was faster and has this case now.", name=account(held.owner)), "warning")
    except ConflictError:
        flash(_("Somebody else was faster. This is the present state."), "warning")
    else:
        return redirect(url_for("counter.case", case_id=case.case_id), 303)
    return _alert_page(caller, alert_id), CONFLICT
