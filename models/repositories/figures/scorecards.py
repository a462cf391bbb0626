"""What rules and models are worth, counted: decisions by month, open alerts and findings in the shadow by day, each by code and county.

Kinds (``ScorecardKind``) are told here and not among those of the supervisors' page: their codes overlap, since one alert may have several
codes behind it, so that they do not add up to alerts or cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, func, literal, or_, select, type_coerce
from sqlalchemy.orm import Session, aliased

from models.alert import Alert, CaseFile, CaseOutcome
from models.anomaly_model import EntityKind
from models.casework import CaseEvent, RuleMode, RuleModeChange
from models.detection import Signal, SubjectKind
from models.person import Person
from models.policy import RecordSections
from models.repositories import model_labels
from models.repositories.figures.behind import codes_of, shared_behind
from models.repositories.figures.cases import came_back_in
from models.repositories.figures.spans import DaySpan, FigureRow, MonthSpan


class ScorecardKind(StrEnum):
    """What a figure counts. Of a month: by the decision; fen: found, seconds: worked, both shared among the codes of a case."""

    CONFIRMED = "scorecard.confirmed"
    UNFOUNDED = "scorecard.unfounded"
    DATA_ERROR = "scorecard.data_error"
    REFERRED = "scorecard.referred"
    RECOVERED = "scorecard.recovered"  # of a month: times that money came back in it; fen: how much, shared alike
    OPEN = "scorecard.open"  # of a day: alerts not closed with the code behind them
    SHADOW_NEW = "scorecard.shadow.new"  # of a day: findings in the shadow about somebody without alert or case; fen: at risk
    SHADOW_OPEN = "scorecard.shadow.open"  # ... with an alert that is not closed
    SHADOW_CONFIRMED = "scorecard.shadow.confirmed"  # ... with no open alert, but a case that was confirmed
    SHADOW_OTHER = "scorecard.shadow.other"  # ... with cases or closed alerts, none confirmed


LABELS = "scorecard.labels"
"""Kind of a day: different entities of which a decision stands that a model may learn from; code: ``<entity>:<outcome>``."""

PREFIX = "scorecard."
OF_OUTCOME = {outcome: ScorecardKind(f"{PREFIX}{outcome.value}") for outcome in CaseOutcome}
SHADOWS = (ScorecardKind.SHADOW_NEW, ScorecardKind.SHADOW_OPEN, ScorecardKind.SHADOW_CONFIRMED, ScorecardKind.SHADOW_OTHER)


def flows(session: Session, _policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:
    """Decisions of a month, by code and outcome, and money that came back in it."""
    kept = (CaseFile.region_code, CaseFile.outcome)
    decided = select(CaseFile.id).join(Alert, Alert.id == CaseFile.alert_id)
    decided = decided.where(CaseFile.closed_at >= month.begins, CaseFile.closed_at < month.ends)
    wholes = {"found": func.coalesce(CaseFile.found_fen, 0), "worked": CaseFile.worked_s}
    each = shared_behind(session, decided, row=CaseFile.id, kept=kept, wholes=wholes).c
    sums = (func.count(), func.sum(each.found), func.sum(each.worked))
    query = select(each.region_code, each.code, each.outcome, *sums).group_by(each.region_code, each.code, each.outcome)
    for region_code, code, outcome, count, found, worked in session.execute(query):
        yield FigureRow(region_code, OF_OUTCOME[outcome], code, count, int(found), int(worked))
    back = select(CaseEvent.id).join(CaseFile, CaseFile.id == CaseEvent.case_id).join(Alert, Alert.id == CaseFile.alert_id)
    back = back.where(came_back_in(month))
    wholes = {"recovered": CaseEvent.details["fen"].as_integer()}
    each = shared_behind(session, back, row=CaseEvent.id, kept=(CaseFile.region_code,), wholes=wholes).c
    query = select(each.region_code, each.code, func.count(), func.sum(each.recovered)).group_by(each.region_code, each.code)
    for region_code, code, count, recovered in session.execute(query):
        yield FigureRow(region_code, ScorecardKind.RECOVERED, code, count, int(recovered))


def stocks(session: Session, _policy: RecordSections, day: DaySpan) -> Iterator[FigureRow]:
    """Open alerts by every code behind them, and findings in the shadow, at the end of a day.

    Of an alert that was open then and is closed now the codes are those it has now: triage keeps no history of them.
    """
    query, code = codes_of(session, select(Alert.region_code).select_from(Alert))
    standing = (Alert.opened_at < day.ends, or_(Alert.closed_at.is_(None), Alert.closed_at >= day.ends))
    each = query.add_columns(code.label("code")).where(*standing).subquery()
    counted = select(each.c.region_code, each.c.code, func.count()).group_by(each.c.region_code, each.c.code)
    for region_code, of_code, count in session.execute(counted):
        yield FigureRow(region_code, ScorecardKind.OPEN, of_code, count)
    for entity in EntityKind:
        for region_code, outcome, count in model_labels.counted(session, entity, until=day.ends):
            yield FigureRow(region_code, LABELS, f"{entity.value}:{outcome.value}", count)
    yield from _in_shadow(session, day)


def _in_shadow(session: Session, day: DaySpan) -> Iterator[FigureRow]:
    shadow = [of_code for of_code, mode in modes_at(session, day.ends).items() if mode is RuleMode.SHADOW]
    if not shadow:
        return
    postgresql = session.get_bind().dialect.name == "postgresql"
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for of_persons in (True, False):
        query = _shadows(shadow, day.ends, of_persons=of_persons, postgresql=postgresql)
        for region_code, of_code, kind, count, fen in session.execute(query):
            before = found.get((region_code, of_code, kind), (0, 0))
            found[region_code, of_code, kind] = (before[0] + count, before[1] + int(fen))
    for (region_code, of_code, kind), (count, fen) in found.items():
        yield FigureRow(region_code, ScorecardKind(kind), of_code, count, fen)


def modes_at(session: Session, until: datetime) -> dict[str, RuleMode]:
    """code -> its mode as it was before ``until``; codes that were never changed are left out, and live."""
    last = select(func.max(RuleModeChange.id)).where(RuleModeChange.at < until).group_by(RuleModeChange.code)
    rows = session.execute(select(RuleModeChange.code, RuleModeChange.mode).where(RuleModeChange.id.in_(last)))
    return {row.code: row.mode for row in rows}


def _shadows(codes: list[str], until: datetime, *, of_persons: bool, postgresql: bool) -> Select[Any]:
    """region_code, code, kind, count and fen of the findings in the shadow, by what is known of whom they are about."""
    human = func.coalesce(Person.merged_into_id, Person.id)
    columns = (Signal.region_code, Signal.code)
    standing = (Signal.code.in_(codes), Signal.first_seen_at < until, or_(Signal.vanished_at.is_(None), Signal.vanished_at >= until))
    if of_persons:
        about = select(Signal.person_id).where(*standing)
        known = _known(human, until).join(Person, Person.id == Alert.person_id).where(human.in_(_roots(about))).group_by(human).subquery()
    else:
        known = _known(Alert.key, until).where(Alert.person_id.is_(None)).group_by(Alert.key).subquery()
    kind = case(
        (known.c.open > 0, ScorecardKind.SHADOW_OPEN.value),
        (known.c.confirmed > 0, ScorecardKind.SHADOW_CONFIRMED.value),
        (known.c.open.is_not(None), ScorecardKind.SHADOW_OTHER.value),
        else_=ScorecardKind.SHADOW_NEW.value,
    )
    query = select(*columns, kind.label("kind"), func.count(), func.sum(Signal.amount_fen)).where(*standing)
    if of_persons:
        query = query.join(Person, Person.id == Signal.person_id).outerjoin(known, known.c.subject == human)
    else:
        key = _key_of_subject(postgresql=postgresql)
        query = query.where(Signal.person_id.is_(None)).outerjoin(known, known.c.subject == key)
    return query.group_by(*columns, kind)


def _roots(person_ids: Select[Any]) -> Select[Any]:
    """The records that speak, of these."""
    theirs = aliased(Person)
    return select(func.coalesce(theirs.merged_into_id, theirs.id)).where(theirs.id.in_(person_ids))


def _known(subject: Any, until: datetime) -> Select[Any]:
    """subject, open: alerts about it that were not closed before ``until``, confirmed: cases about it; of alerts opened before then."""
    is_open = or_(Alert.closed_at.is_(None), Alert.closed_at >= until)
    decided = and_(CaseFile.outcome == CaseOutcome.CONFIRMED, CaseFile.closed_at < until)
    counts = (func.sum(case((is_open, 1), else_=0)).label("open"), func.sum(case((decided, 1), else_=0)).label("confirmed"))
    return (
        select(subject.label("subject"), *counts)
        .outerjoin_from(Alert, CaseFile, CaseFile.alert_id == Alert.id)
        .where(Alert.opened_at < until)
    )


def _key_of_subject(*, postgresql: bool) -> ColumnElement[str]:
    """Key of the alert about what is no person, as ``triage.subject_key`` makes it: a doctor's is the hospital's."""
    kind = type_coerce(Signal.subject_kind, String) + literal(":")
    ended = Signal.subject_ref + literal("/")
    place = func.strpos(ended, "/") if postgresql else func.instr(ended, "/")
    hospital = literal(f"{SubjectKind.HOSPITAL.value}:") + func.substr(ended, 1, place - 1)
    return case((Signal.subject_kind == SubjectKind.DOCTOR, hospital), else_=kind + Signal.subject_ref)
