"""The page of one case: what it is about, what led to it, what was done, and everything that is needed to decide it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from api.alert_looks import record_alert_looks
from api.callers import Caller
from api.casework import casework_service, worker
from api.context import Context, current
from api.i18n import current_language
from api.pages import case_words as words
from api.pages.alert_history import history
from api.pages.blueprints import counter_pages
from api.pages.case_forms import WrongInputError
from api.pages.fairness_words import gap_sentence
from api.pages.people import card_of
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, yuan
from api.pages.words import account
from api.rights import Right
from api.signal_explanations import sentences_of
from detection.casework.rules import CaseAction, Refusal
from detection.casework.views import CaseDetails, Receiver
from models.alert import AlertSeverity
from models.casework import verification_of
from models.claim import Institution
from models.detection import Signal, SubjectKind
from models.errors import NotFoundError
from models.repositories import case_page as behind
from models.repositories import claim_names, claims
from models.repositories.case_page import CaseHead
from models.repositories.claim_names import Names
from models.triage import DOUBTS_DEATH

SIGNALS_SHOWN = 30
_SEVERITY_ORDER = list(AlertSeverity)


@dataclass(frozen=True)
class Notice:
    """What the page says at its head about the step that was just tried. kept: what was typed for a form that is not offered any more."""

    words: str
    kept: str | None = None


@dataclass(frozen=True)
class _SignalLine:
    """One signal in short, until its records are loaded."""

    title: str
    severity: str
    severity_code: str
    sentences: tuple[str, ...]


@counter_pages.get("/desk/cases/<public_id:case_id>", endpoint="case")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def case(caller: Caller, case_id: str) -> ResponseReturnValue:
    """One case."""
    return case_page(caller, case_id)


def details_or_404(context: Context, caller: Caller, case_id: str) -> CaseDetails:
    """The case, when it lies in the caller's region; 404 otherwise."""
    try:
        return casework_service(context).details(worker(caller), case_id)
    except NotFoundError:
        abort(404)


def case_page(caller: Caller, case_id: str, *, wrong: WrongInputError | None = None, notice: Notice | None = None) -> str:
    """The page as it stands. wrong: of a form that was sent with something unusable; what was typed is kept in it."""
    context = current()
    details = details_or_404(context, caller, case_id)
    now = context.clock()
    may_work = Right.WORK_ALERTS in caller.rights
    receivers = _receivers(context, caller, details) if may_work else ()
    with context.database.session_scope() as session:
        head = behind.head(session, case_id)
        signals = ordered(behind.signals(session, head.alert.id))
        institution = institution_of(session, head)
        looked_at = set() if head.person is None else {head.person.id}
        record_alert_looks(session, caller, head.alert, looked_at, door="counter", now=now)
        standing = [signal for signal in signals if signal.vanished_at is None]
        lead = next((signal for signal in standing or signals if signal.code == head.alert.code), None)
        language = current_language()
        told = [*([] if lead is None else [lead]), *(standing or signals)[:SIGNALS_SHOWN]]
        names = claim_names.read(session, [signal.records for signal in told], caller.covers)
        policy = context.policy.certification
        return render_template(
            "desk_cases/case.html",
            case=details.case,
            alert=head.alert,
            title=alert_title(head.alert.code),
            sentence=next(iter(sentences_of(lead, language, names)), None) if lead is not None else gap_sentence(head.alert.details, {}),
            severity=STATES[head.alert.severity.value],
            amount=yuan(head.alert.amount_fen) if head.alert.amount_fen else None,
            region=head.region_name,
            state=words.CASE_STATES[details.case.state],
            due=words.due_words(details.case.due_on, policy.today(now)),
            overdue=details.case.closed_at is None and details.case.due_on < policy.today(now),
            card=None if head.person is None else card_of(head.person),
            may_see=head.person is not None and caller.covers(head.person.region_code) and Right.READ_TIMELINE in caller.rights,
            institution=institution,
            doctors=doctors_of(signals),
            about_group=head.person is None and institution is None,
            signals=[_short(signal, language, names) for signal in (standing or signals)[:SIGNALS_SHOWN]],
            vanished=not standing and bool(signals),
            doubts_death=bool(head.alert.details.get(DOUBTS_DEATH)) and bool(standing),
            history=history(head.alert, (), signals, details.events),
            attachments=[one for one in details.attachments if one.removed_at is None],
            suppressions=details.suppressions,
            receivers=receivers,
            review_url=_review_url(head.alert.key),
            may_work=may_work,
            may_assign=Right.ASSIGN_CASES in caller.rights,
            me=caller.actor,
            views=current_app.view_functions,
            why=_why(details, may_work=may_work),
            outcomes=[(outcome.value, said) for outcome, said in words.OUTCOMES.items()],
            outcome_words=words.outcome_words(),
            referrals=[(to.value, said) for to, said in words.REFERRALS.items()],
            referral_words={to.value: str(said) for to, said in words.REFERRALS.items()},
            limits=_limits(context, policy.today(now)),
            today=policy.today,
            moment=lambda at: f"{policy.local(at):%Y-%m-%d %H:%M}",
            yuan=yuan,
            alert_title=alert_title,
            notice=notice,
            wrong=wrong,
            typed=request.form,
        )


def ordered(signals: Any) -> list[Signal]:
    """Standing ones first, the worst and dearest of them first."""
    return sorted(signals, key=lambda row: (row.vanished_at is not None, _SEVERITY_ORDER.index(row.severity), -row.amount_fen, row.id))


def institution_of(session: Session, head: CaseHead) -> Institution | None:
    """The institution that the alert is about, by its key."""
    kind, _colon, code = head.alert.key.partition(":")
    return claims.institution_of_code(session, code) if kind == SubjectKind.HOSPITAL.value else None


def doctors_of(signals: list[Signal]) -> list[str]:
    """Codes of the doctors whom signals name, each once."""
    named = [one.subject_ref for one in signals if one.subject_kind is SubjectKind.DOCTOR and one.subject_ref is not None]
    return list(dict.fromkeys(ref.partition("/")[2] for ref in named))


def _short(signal: Signal, language: str, names: Names) -> _SignalLine:
    sentences = tuple(sentences_of(signal, language, names))
    return _SignalLine(alert_title(signal.code), str(STATES[signal.severity.value]), signal.severity.value, sentences)


def _receivers(context: Context, caller: Caller, details: CaseDetails) -> tuple[Receiver, ...]:
    """To whom the case can be given, when it can be given at all."""
    may_assign = Right.ASSIGN_CASES in caller.rights and details.case.may(CaseAction.ASSIGN)
    if not may_assign and not details.case.may(CaseAction.HAND_OVER):
        return ()
    found = casework_service(context).receivers(worker(caller), details.case.case_id)
    return tuple(one for one in found if one.actor != details.case.owner)


def _review_url(key: str) -> str | None:
    """The screen on which a referred verification is decided; None for every other alert."""
    verification = verification_of(key)
    if verification is None or "counter.review" not in current_app.view_functions:
        return None
    return url_for("counter.review", verification_id=verification)


def _why(details: CaseDetails, *, may_work: bool) -> dict[str, str]:
    """Why the caller cannot do something, by action; actions that are missing are possible."""
    if not may_work:
        return {action.value: _("Your role reads cases, and does not work on them.") for action in CaseAction}
    return {action.value: refusal_words(details, refusal) for action, refusal in details.case.refusals.items()}


def refusal_words(details: CaseDetails, refusal: Refusal) -> str:
    """Why, with the name and the time of whoever has the case."""
    case_ = details.case
    if refusal is Refusal.HELD_BY_ANOTHER and case_.owner is not None:
        if case_.held_until is None:
            return _("%(name)s has this case until they give it back.", name=account(case_.owner))
        until = current().policy.certification.local(case_.held_until)
        return _("%(name)s has this case until %(time)s.", name=account(case_.owner), time=f"{until:%H:%M}")
    return str(words.REFUSALS[refusal])


def _limits(context: Context, today: date) -> dict[str, Any]:
    papers = context.policy.casework.attachments
    return {
        "today": today.isoformat(),
        "tomorrow": (today + timedelta(days=1)).isoformat(),
        "megabytes": papers.bytes_max // (1024 * 1024),
        "types": papers.media_types,
        "papers": papers.of_a_case_max,
        "days": context.policy.casework.suppression_days_max,
    }
