"""Silent certification (静默认证) for one person: the rules as plain Python, and what explains a certification.

The database does the same for everybody at once (``models.repositories.silent``); a property test holds the two equal.

A trace counts when policy gives its kind points, it is fresh on the day of the run, no later row corrects it, and it is younger than the
person's last certification and than every silent certification that was ever made of the person, also one that was taken back. Each kind
and source counts once, by its newest row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from models.certification_state import CertificationState
from models.life_evidence import EvidenceKind, Strength, Trace
from models.policy_store import SilentPolicy
from models.silent_run import Contradiction


@dataclass(frozen=True)
class LedgerRow:
    """What silent certification needs of one row of the ledger; ids as there."""

    id: int
    kind: EvidenceKind
    occurred_on: date
    strength: Strength
    source: str
    trace: Trace | None = None
    ends_on: date | None = None
    corrects_id: int | None = None
    based_on_id: int | None = None


@dataclass(frozen=True)
class Standing:
    """Where the person stands on the day of the run. has_open_case: or an open alert that silent certification did not open itself."""

    state: CertificationState
    last_certified_on: date | None
    draws_benefit: bool
    has_open_case: bool


@dataclass(frozen=True)
class Judgement:
    """certified_on: the day that the certification counts from, None without one. counted: the rows that counted, oldest first."""

    certified_on: date | None
    contradiction: Contradiction | None
    counted: tuple[LedgerRow, ...]
    points: int


NOTHING = Judgement(None, None, (), 0)


def judge(rows: Iterable[LedgerRow], standing: Standing, policy: SilentPolicy, as_of: date) -> Judgement:
    """What silent certification does about a person: certify, say what contradicts the traces, or nothing.

    rows: every row of the ledger of every record of the person.
    """
    everything = tuple(rows)
    corrected = {row.corrects_id for row in everything}
    effective = [row for row in everything if row.id not in corrected and row.strength is not Strength.VOID]
    died_on = min((row.occurred_on for row in effective if row.kind is EvidenceKind.DEATH_RECORD), default=None)
    deceased = standing.state is CertificationState.DECEASED
    if not deceased and (standing.state not in policy.states or not standing.draws_benefit):
        return NOTHING
    made = [row.occurred_on for row in everything if row.kind is EvidenceKind.DATA_MATCH and row.based_on_id is not None]
    bounds = [died_on] if deceased else [standing.last_certified_on, *made]
    bound = max((day for day in bounds if day is not None), default=date.min)
    newest: dict[tuple[Trace, str], LedgerRow] = {}
    for row in sorted(effective, key=_age):
        if row.trace is not None and row.occurred_on > bound and _is_fresh(row, policy, as_of):
            newest[row.trace, row.source] = row
    counted = tuple(sorted(newest.values(), key=_age))
    points = sum(policy.traces[trace].points for trace, _ in newest)
    if not counted or (not deceased and points < policy.needed_points):
        return NOTHING
    newest_on = counted[-1].occurred_on
    contradiction = _contradiction(effective, counted, died_on, standing, as_of)
    return Judgement(None if contradiction else newest_on, contradiction, counted, points)


def _age(row: LedgerRow) -> tuple[date, int]:
    return row.occurred_on, row.id


def _is_fresh(row: LedgerRow, policy: SilentPolicy, as_of: date) -> bool:
    if row.kind is not EvidenceKind.DATA_MATCH or row.trace is None:
        return False
    worth = policy.traces[row.trace]
    return worth.points > 0 and as_of - timedelta(days=worth.fresh_days) < row.occurred_on <= as_of


def _contradiction(
    effective: Iterable[LedgerRow], counted: tuple[LedgerRow, ...], died_on: date | None, standing: Standing, as_of: date
) -> Contradiction | None:
    if died_on is not None:
        return Contradiction.TRACE_AFTER_DEATH if counted[-1].occurred_on > died_on else Contradiction.DEATH_RECORD
    days = {as_of, *(row.occurred_on for row in counted)}
    for row in effective:
        if row.kind is EvidenceKind.CUSTODY and any(row.occurred_on <= day <= (row.ends_on or date.max) for day in days):
            return Contradiction.CUSTODY
    return Contradiction.OPEN_CASE if standing.has_open_case else None


class Explained(StrEnum):
    """What one line of an explanation says; its values in brackets.

    TRACE (trace, source, on, points): a trace that counted. ENOUGH (points, needed): together they reach what policy asks for. RULE (as_of,
    policy, run): judged as of this day by the policy with this hash, in this run.
    """

    TRACE = "trace"
    ENOUGH = "enough"
    RULE = "rule"


@dataclass(frozen=True)
class ExplanationLine:
    """One line, for doors to put into words. values: see ``Explained``; days are ``date``, trace is ``Trace``."""

    code: Explained
    values: Mapping[str, Any]


def is_silent(details: Mapping[str, Any] | None) -> bool:
    """Whether these are the details of a silent certification."""
    return details is not None and details.keys() >= {"as_of", "run", "policy", "needed", "points", "traces"}


def explain(details: Mapping[str, Any]) -> list[ExplanationLine]:
    """The lines that explain a silent certification, from the details of its row in the ledger; traces oldest first.

    Raises:
        KeyError, ValueError: not the details of a silent certification (ask ``is_silent``).
    """
    traces = sorted(details["traces"], key=lambda trace: (trace["on"], trace["id"]))
    lines = [
        ExplanationLine(
            Explained.TRACE,
            {
                "trace": Trace(trace["trace"]),
                "source": trace["source"],
                "on": date.fromisoformat(trace["on"]),
                "points": trace["points"],
            },
        )
        for trace in traces
    ]
    lines.append(ExplanationLine(Explained.ENOUGH, {"points": details["points"], "needed": details["needed"]}))
    judged = {"as_of": date.fromisoformat(details["as_of"]), "policy": details["policy"], "run": details["run"]}
    lines.append(ExplanationLine(Explained.RULE, judged))
    return lines
