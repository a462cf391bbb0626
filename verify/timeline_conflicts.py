"""What on a person's line contradicts something else on it. Pure: entries in, conflicts out."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import Any

from models.repositories.timeline import Entry, Lane


class ConflictCode(StrEnum):
    """What contradicts what."""

    LIFE_AFTER_DEATH = "life_after_death"
    DEATH_DATES_DIFFER = "death_dates_differ"
    PAID_AFTER_DEATH = "paid_after_death"
    PAID_IN_CUSTODY = "paid_in_custody"
    PAID_WHILE_PAUSED = "paid_while_paused"
    PAID_OUTSIDE_BENEFIT = "paid_outside_benefit"
    SAME_SCHEME_TWO_REGIONS = "same_scheme_two_regions"
    SEEN_IN_CUSTODY = "seen_in_custody"
    BEFORE_BIRTH = "before_birth"


@dataclass(frozen=True)
class Conflict:
    """One contradiction. keys: of the entries in it, the one that something contradicts first. facts: the days that tell it."""

    code: ConflictCode
    keys: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)


SEEN_ELSEWHERE = frozenset({"counter", "home_visit"})  # a face pass or a video call may come from where the person is held
LIVING = frozenset({"face", "counter", "home_visit", "video_call", "assisted", "data_match"})
CHECKS_OF_LIFE = frozenset({"verification.certified", "identity.match"})


def conflicts(entries: Iterable[Entry], births: Mapping[str, date]) -> list[Conflict]:
    """Every contradiction, in order of the rules above. births: birth date of each record, by its public id.

    Rows of the ledger that were corrected contradict nothing. A month is paid after death when it is later than the month of death; in
    custody when it lies wholly inside; while paused when it begins during a pause of its own benefit.
    """
    line = [entry for entry in entries if entry.counts]
    evidence = [entry for entry in line if entry.lane is Lane.EVIDENCE]
    deaths = sorted((entry for entry in evidence if entry.code == "death_record"), key=lambda entry: (entry.on, entry.key))
    custody = [entry for entry in evidence if entry.code == "custody"]
    payments = [entry for entry in line if entry.lane is Lane.PAYMENT]
    return [
        *_about_death(deaths, line, payments),
        *_in_custody(custody, evidence, payments),
        *_of_benefits(line, payments),
        *_two_regions(line),
        *_before_birth(evidence, births),
    ]


def _about_death(deaths: Sequence[Entry], line: Sequence[Entry], payments: Sequence[Entry]) -> Iterator[Conflict]:
    if not deaths:
        return
    first = deaths[0]
    for entry in line:
        alive = (entry.lane is Lane.EVIDENCE and entry.code in LIVING) or (entry.lane is Lane.CHECK and entry.code in CHECKS_OF_LIFE)
        if alive and entry.on > first.on:
            yield Conflict(ConflictCode.LIFE_AFTER_DEATH, (entry.key, first.key), {"life": entry.on, "death": first.on})
    for other in deaths[1:]:
        if other.on != first.on:
            yield Conflict(ConflictCode.DEATH_DATES_DIFFER, (first.key, other.key), {"first": first.on, "other": other.on})
    late = [entry for entry in payments if entry.on > first.on.replace(day=1)]
    if late:
        yield _payments(ConflictCode.PAID_AFTER_DEATH, late, first, death=first.on)


def _in_custody(custody: Sequence[Entry], evidence: Sequence[Entry], payments: Sequence[Entry]) -> Iterator[Conflict]:
    for held in custody:
        end = date.max if held.until is None else held.until
        paid = [entry for entry in payments if held.on <= entry.on and _month_end(entry.on) <= end]
        if paid:
            yield _payments(ConflictCode.PAID_IN_CUSTODY, paid, held, start=held.on, end=held.until)
        for entry in evidence:
            if entry.code in SEEN_ELSEWHERE and held.on < entry.on < end:
                yield Conflict(ConflictCode.SEEN_IN_CUSTODY, (entry.key, held.key), {"seen": entry.on, "start": held.on})


def _of_benefits(line: Sequence[Entry], payments: Sequence[Entry]) -> Iterator[Conflict]:
    for pause in (entry for entry in line if entry.lane is Lane.PAUSE):
        end = date.max if pause.until is None else pause.until  # first day that is paid again
        paid = [entry for entry in payments if entry.facts["benefit"] == pause.facts["id"] and pause.on <= entry.on < end]
        if paid:
            yield _payments(ConflictCode.PAID_WHILE_PAUSED, paid, pause, start=pause.on, end=pause.until)
    for benefit in (entry for entry in line if entry.lane is Lane.BENEFIT):
        end = date.max if benefit.until is None else benefit.until
        own = [entry for entry in payments if entry.facts["benefit"] == benefit.facts["id"]]
        paid = [entry for entry in own if not benefit.on.replace(day=1) <= entry.on <= end]
        if paid:
            yield _payments(ConflictCode.PAID_OUTSIDE_BENEFIT, paid, benefit, start=benefit.on, end=benefit.until)


def _two_regions(line: Sequence[Entry]) -> Iterator[Conflict]:
    for lane in (Lane.BENEFIT, Lane.ENROLMENT):
        for one, other in combinations([entry for entry in line if entry.lane is lane], 2):
            same = one.facts["scheme"] == other.facts["scheme"] and one.facts["region"] != other.facts["region"]
            start, end = max(one.on, other.on), min(one.until or date.max, other.until or date.max)
            if same and start <= end:
                facts = {"scheme": one.facts["scheme"], "start": start, "regions": (one.facts["region"], other.facts["region"])}
                yield Conflict(ConflictCode.SAME_SCHEME_TWO_REGIONS, (one.key, other.key), facts)


def _before_birth(evidence: Sequence[Entry], births: Mapping[str, date]) -> Iterator[Conflict]:
    for entry in evidence:
        born = births[entry.record]
        if entry.on < born:
            yield Conflict(ConflictCode.BEFORE_BIRTH, (entry.key,), {"on": entry.on, "born": born})


def _payments(code: ConflictCode, paid: Sequence[Entry], against: Entry, **days: date | None) -> Conflict:
    months = sorted(entry.on for entry in paid)
    facts = {"months": len(paid), "first": months[0], "last": months[-1], "fen": sum(entry.facts["fen"] for entry in paid), **days}
    return Conflict(code, (*(entry.key for entry in paid), against.key), facts)


def _month_end(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])
