"""Parts of a case page that are read on their own, so that the page itself answers at once: the records behind the signals, the person's
line, an institution's claims by month. Each is a piece of a page for the page's script, and a page of its own without it.
"""

from __future__ import annotations

from datetime import date

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from api.alert_looks import record_alert_looks
from api.callers import Caller
from api.charts import Chart, ChartKind, Series, Tone
from api.context import current
from api.i18n import current_language
from api.pages import model_words, signal_words
from api.pages import timeline as person_line
from api.pages.blueprints import counter_pages
from api.pages.case_page import SIGNALS_SHOWN, doctors_of, institution_of, ordered
from api.pages.case_words import outcome_words
from api.pages.chart_svg import svg_answer
from api.pages.signal_view import panels
from api.pages.staff_only import reach, record_look, staff_needed
from api.pages.timeline_words import LANES, STATES, alert_title, month, yuan
from api.rights import Right
from api.signal_explanations import certain
from models.anomaly_model import EntityKind
from models.errors import NotFoundError
from models.evidence_handles import EvidenceHandles
from models.repositories import anomaly_models, hospitals
from models.repositories import case_page as behind
from models.repositories.case_page import CaseHead
from models.repositories.hospitals import ClaimMonth

MONTHS_SHOWN = 24
ENTRIES_SHOWN = 60


def _embedded() -> str:
    """The layout around a part: none when the page's script asks."""
    return "desk_cases/bare.html" if request.headers.get("X-Requested-With") == "fetch" else "counter/layout.html"


def head_in_reach(session: Session, caller: Caller, case_id: str) -> CaseHead:
    """What the case is about, when it lies in the caller's region; 404 otherwise."""
    try:
        head = behind.head(session, case_id)
    except NotFoundError:
        abort(404)
    if not caller.covers(head.alert.region_code):
        abort(404)
    return head


@counter_pages.get("/desk/cases/<public_id:case_id>/signals", endpoint="case_signals")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def signals(caller: Caller, case_id: str) -> ResponseReturnValue:
    """Every standing signal with its records; every person whose data it shows is looked at."""
    context = current()
    now = context.clock()
    with context.database.session_scope() as session:
        head = head_in_reach(session, caller, case_id)
        found = ordered(behind.signals(session, head.alert.id))
        shown = [one for one in found if one.vanished_at is None] or found
        made = panels(session, caller, shown[:SIGNALS_SHOWN], current_language(), context.policy.certification.today(now))
        others = {key for one in made for key in one.persons} - {head.alert.person_id}
        record_alert_looks(session, caller, head.alert, others, door="counter", now=now)
        return render_template(
            "desk_cases/part_signals.html",
            layout=_embedded(),
            case_id=case_id,
            panels=made,
            hidden_signals=max(0, len(shown) - SIGNALS_SHOWN),
            feature_words=signal_words.feature_words,
            level_words=signal_words.level_words,
            probability_words=certain,
            may_open=False,
            numbers=None,
            yuan=yuan,
        )


@counter_pages.get("/desk/cases/<public_id:case_id>/beside", endpoint="case_beside")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def beside(caller: Caller, case_id: str) -> ResponseReturnValue:
    """Cases like this one that were decided before, and other alerts about the same."""
    context = current()
    with context.database.read_scope() as session:
        head = head_in_reach(session, caller, case_id)
        return render_template(
            "desk_cases/part_beside.html",
            layout=_embedded(),
            case_id=case_id,
            similar=behind.similar(session, head.alert, limit=context.policy.casework.similar),
            others=[one for one in behind.others(session, head.alert, head.person) if caller.covers(one.region_code)],
            outcome_words=outcome_words(),
            states=STATES,
            alert_title=alert_title,
            today=context.policy.certification.today,
            yuan=yuan,
        )


@counter_pages.get("/desk/cases/<public_id:case_id>/timeline", endpoint="case_timeline")
@staff_needed(Right.READ_TIMELINE)
def timeline(caller: Caller, case_id: str) -> ResponseReturnValue:
    """The line of the person whom the case is about, newest first, with what contradicts what."""
    context = current()
    with context.database.read_scope() as session:
        head = head_in_reach(session, caller, case_id)
    if head.person is None:
        abort(404)
    person = reach(caller, head.person.public_id)
    record_look(caller, person, "timeline_seen")
    line, found = person_line.read(context, person)
    items = person_line.items_of(line.entries, found, EvidenceHandles(context.keyring), may_correct=Right.CORRECT_EVIDENCE in caller.rights)
    return render_template(
        "desk_cases/part_timeline.html",
        layout=_embedded(),
        case_id=case_id,
        person_id=person.person_id,
        items=list(reversed(items))[:ENTRIES_SHOWN],
        further=max(0, len(items) - ENTRIES_SHOWN),
        conflicts=person_line.said_with_numbers(found, items[-ENTRIES_SHOWN:]),
        lane_words=LANES,
        may_work_alerts=Right.WORK_ALERTS in caller.rights,
    )


@counter_pages.get("/desk/cases/<public_id:case_id>/claims", endpoint="case_claims")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def claims(caller: Caller, case_id: str) -> ResponseReturnValue:
    """Claims by month of the institution, or of its doctor, whom the case is about, and what models say of it."""
    with current().database.read_scope() as session:
        head = head_in_reach(session, caller, case_id)
        institution = institution_of(session, head)
        if institution is None:
            abort(404)
        doctor = _doctor(doctors_of(ordered(behind.signals(session, head.alert.id))))
        rows = hospitals.claims_by_month(session, institution.id, last=_today(), months=MONTHS_SHOWN, doctor=doctor)
        entity, ref = (EntityKind.HOSPITAL, institution.code) if doctor is None else (EntityKind.DOCTOR, f"{institution.code}/{doctor}")
        scores = anomaly_models.of_entity(session, entity, ref, limit=MONTHS_SHOWN)
    return render_template(
        "desk_cases/part_claims.html",
        layout=_embedded(),
        case_id=case_id,
        institution=institution,
        doctor=doctor,
        rows=list(reversed(rows)),
        scores=[(month(row.month), model_words.KINDS[row.kind], row.percentile) for row in scores],
        month=month,
        yuan=yuan,
    )


@counter_pages.get("/desk/cases/<public_id:case_id>/claims.svg", endpoint="case_claims_chart")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def claims_chart(caller: Caller, case_id: str) -> ResponseReturnValue:
    """The same as a picture: how many claims, and how much the fund paid."""
    with current().database.read_scope() as session:
        head = head_in_reach(session, caller, case_id)
        institution = institution_of(session, head)
        if institution is None:
            abort(404)
        doctor = _doctor(doctors_of(ordered(behind.signals(session, head.alert.id))))
        rows = hospitals.claims_by_month(session, institution.id, last=_today(), months=MONTHS_SHOWN, doctor=doctor)
    answer = svg_answer(_chart(rows))
    answer.headers["Cache-Control"] = "no-store"  # of a case, and perhaps of one doctor
    return answer


def _doctor(named: list[str]) -> str | None:
    """The doctor whom everything is about; None when it is about several, or about the institution."""
    return named[0] if len(named) == 1 else None


def _today() -> date:
    return current().policy.certification.today(current().clock())


def _chart(rows: list[ClaimMonth]) -> Chart:
    labels = tuple(month(row.month) for row in rows)
    values = tuple(round(row.fund_fen / 100, 2) for row in rows)
    return Chart(_("Paid by the fund, by month"), ChartKind.LINES, labels, (Series(_("Paid by the fund"), values, Tone.MAIN),), _("yuan"))
