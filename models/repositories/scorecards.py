"""Scorecards as they are read: what people decided of each rule's and model's findings, from the figures that were counted before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select, union
from sqlalchemy.orm import Session

from models.alert import Alert, CaseFile, CaseOutcome
from models.anomaly_model import EntityKind
from models.detection import Signal
from models.oversight import FigurePeriod, OversightFigure
from models.region import region_bounds
from models.repositories import model_labels
from models.repositories.figures.scorecards import LABELS, OF_OUTCOME, SHADOWS, ScorecardKind
from models.scorecard import Decisions

CASES_LOOKED_AT = 2_000
SIGNALS_LOOKED_AT = 2_000
"""How far back the list of a rule's decided cases looks: among the last decided cases of the region, and the last findings of the rule."""


@dataclass(frozen=True)
class Shadow:
    """Findings of a rule in the shadow: (count, fen at risk) by what is known of whom they are about."""

    new: tuple[int, int] = (0, 0)
    open: tuple[int, int] = (0, 0)
    confirmed: tuple[int, int] = (0, 0)
    other: tuple[int, int] = (0, 0)

    @property
    def found(self) -> int:
        """All of them."""
        return self.new[0] + self.open[0] + self.confirmed[0] + self.other[0]


@dataclass(frozen=True)
class Counted:
    """One code in a region. months: first days, oldest first. open: alerts that it stands behind; shadow: None out of the shadow."""

    code: str
    decisions: Decisions = field(default_factory=Decisions)
    months: Mapping[date, Decisions] = field(default_factory=dict)
    open: int = 0
    shadow: Shadow | None = None


@dataclass(frozen=True)
class DecidedCase:
    """One decided case as the list of a rule shows it; nobody's data. case_id, alert_id: public."""

    case_id: str
    alert_id: str
    code: str
    region_code: str
    outcome: CaseOutcome
    found_fen: int | None
    recovered_fen: int
    closed_at: datetime
    closed_by: str
    signed_by: str | None


def counted(session: Session, *, region_code: str, day: date, months: Sequence[date], code: str | None = None) -> dict[str, Counted]:
    """Every code that has figures, or one, with decisions of these months (first days) and stocks of a day. Two statements.

    region_code: with all inside it.
    """
    figure = OversightFigure
    inside = figure.region_code.between(*region_bounds(region_code))
    mine = () if code is None else (figure.code == code,)
    sums: tuple[Any, ...] = tuple(func.coalesce(func.sum(column), 0) for column in (figure.count, figure.fen, figure.seconds))
    of_months: dict[str, dict[date, Decisions]] = defaultdict(lambda: {month: Decisions() for month in months})
    kinds = [*OF_OUTCOME.values(), ScorecardKind.RECOVERED]
    of_decisions = (
        select(figure.code, figure.day, figure.kind, *sums)
        .where(figure.period == FigurePeriod.MONTH, figure.day.in_(list(months)), figure.kind.in_(kinds), inside, *mine)
        .group_by(figure.code, figure.day, figure.kind)
    )
    for of_code, month, kind, count, fen, seconds in session.execute(of_decisions):
        of_months[of_code][month] += _decisions(ScorecardKind(kind), int(count), int(fen), int(seconds))
    stocks: dict[str, dict[ScorecardKind, tuple[int, int]]] = defaultdict(dict)
    of_stocks = (
        select(figure.code, figure.kind, *sums[:2])
        .where(figure.period == FigurePeriod.DAY, figure.day == day, figure.kind.in_([ScorecardKind.OPEN, *SHADOWS]), inside, *mine)
        .group_by(figure.code, figure.kind)
    )
    for of_code, kind, count, fen in session.execute(of_stocks):
        stocks[of_code][ScorecardKind(kind)] = (int(count), int(fen))
    return {of_code: _counted(of_code, of_months[of_code], stocks.get(of_code, {})) for of_code in sorted({*of_months, *stocks})}


def labels(session: Session, day: date) -> dict[EntityKind, dict[CaseOutcome, int]]:
    """Entities of the whole store of which a decision stands that a model may learn from, as of a counted day. One statement."""
    figure = OversightFigure
    query = (
        select(figure.code, func.sum(figure.count))
        .where(figure.period == FigurePeriod.DAY, figure.day == day, figure.kind == LABELS)
        .group_by(figure.code)
    )
    found: dict[EntityKind, dict[CaseOutcome, int]] = {entity: dict.fromkeys(model_labels.DECIDED, 0) for entity in EntityKind}
    for code, count in session.execute(query):
        entity, _, outcome = code.partition(":")
        found[EntityKind(entity)][CaseOutcome(outcome)] = int(count)
    return found


def decided_cases(session: Session, *, region_code: str, code: str, limit: int) -> list[DecidedCase]:
    """Decided cases with a code behind their alert, the last decided first. One statement whose cost does not grow with the store.

    Looked for among the last CASES_LOOKED_AT decided cases of the region and behind the last SIGNALS_LOOKED_AT findings of the code.
    """
    low, high = region_bounds(region_code)
    of_region = (CaseFile.closed_at.is_not(None), CaseFile.region_code.between(low, high))
    kept = CaseFile.id, CaseFile.alert_id, CaseFile.closed_at
    last = select(*kept).where(*of_region).order_by(CaseFile.closed_at.desc()).limit(CASES_LOOKED_AT).subquery()
    postgresql = session.get_bind().dialect.name == "postgresql"
    told = Alert.details["signals"]
    behind: Any = told.op("?")(code) if postgresql else func.json_type(Alert.details, '$.signals."' + code + '"').is_not(None)
    among = select(last.c.id, last.c.closed_at).join(Alert, Alert.id == last.c.alert_id).where(or_(Alert.code == code, behind))
    findings = select(Signal.alert_id).where(Signal.code == code, Signal.alert_id.is_not(None)).order_by(Signal.run_id.desc())
    recent = findings.limit(SIGNALS_LOOKED_AT).subquery()
    through = select(CaseFile.id, CaseFile.closed_at).join(recent, recent.c.alert_id == CaseFile.alert_id).where(*of_region)
    either = union(among, through).subquery()
    newest = select(either.c.id).order_by(either.c.closed_at.desc(), either.c.id.desc()).limit(limit)  # before the other columns are read
    columns: tuple[Any, ...] = (
        CaseFile.public_id,
        Alert.public_id,
        Alert.code,
        CaseFile.region_code,
        CaseFile.outcome,
        CaseFile.found_fen,
        CaseFile.recovered_fen,
        CaseFile.closed_at,
        CaseFile.closed_by,
        CaseFile.signed_by,
    )
    query = (
        select(*columns)
        .join(Alert, Alert.id == CaseFile.alert_id)
        .where(CaseFile.id.in_(newest))
        .order_by(CaseFile.closed_at.desc(), CaseFile.id.desc())
    )
    return [DecidedCase(*row) for row in session.execute(query)]


def _decisions(kind: ScorecardKind, count: int, fen: int, seconds: int) -> Decisions:
    if kind is ScorecardKind.RECOVERED:
        return Decisions(recovered_fen=fen)
    whole = Decisions(found_fen=fen, worked_s=seconds)
    return replace(whole, **{kind.value.rpartition(".")[2]: count})


def _counted(code: str, months: Mapping[date, Decisions], stocks: Mapping[ScorecardKind, tuple[int, int]]) -> Counted:
    shadow = None
    if not stocks.keys().isdisjoint(SHADOWS):
        shadow = Shadow(*(stocks.get(kind, (0, 0)) for kind in SHADOWS))
    return Counted(code, sum(months.values(), Decisions()), dict(months), stocks.get(ScorecardKind.OPEN, (0, 0))[0], shadow)
