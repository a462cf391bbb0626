"""Draws what the store has beside benefits and certifications: traces of life, custody, pauses that are over, blacklisted cards.

Drawn by a random source of its own, so that the people, their benefits and their statuses do not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from models.certification import add_months
from sample_data.lives import BenefitRow, EvidenceRow, Records
from sample_data.people import MadeUpPerson, integer, weighted
from sample_data.place import CARD_REASONS, TRACES

DUE = frozenset({"due_soon", "overdue", "never_certified", "paused"})
FRESH_DAYS = 80  # fresh enough for every kind of trace
STALE_DAYS = (200, 300)


@dataclass(frozen=True)
class PauseRow:
    """One line of pauses.csv: a pause of a benefit that is over. resumed_on: first day paid again."""

    benefit_no: str
    paused_on: date
    resumed_on: date


@dataclass(frozen=True)
class CardRow:
    """One line of blacklist.csv."""

    card_number: str
    reason: str
    from_on: date
    until_on: date | None
    source: str


@dataclass(frozen=True)
class Additions:
    """What is drawn here; traces, custody and evidence of a resumption go into the records themselves."""

    pauses: list[PauseRow]
    cards: list[CardRow]


def draw_additions(random: Random, people: list[MadeUpPerson], records: Records, as_of: date) -> Additions:
    """Add traces and custody to the records, and draw the rest."""
    pauses: list[PauseRow] = []
    cards: list[CardRow] = []
    by_number = {person.person_no: person for person in people}
    for benefit in tuple(records.benefits):
        fate = records.fates[benefit.person_no]
        if fate in DUE:
            _leave_traces(random, records, benefit.person_no, as_of)
        elif fate == "deceased":
            _after_death(random, records, benefit.person_no, as_of)
        elif fate == "certified":
            _past(random, records, benefit, pauses, as_of)
        if random.random() < (0.3 if fate == "deceased" else 0.008):
            cards.append(_card(random, by_number[benefit.person_no], as_of, deceased=fate == "deceased"))
    return Additions(pauses, cards)


def _add(records: Records, person_no: str, kind: str, day: date, strength: str, source: str, **more: str | date | None) -> None:
    number = f"E{len(records.evidence) + 1:06d}"
    records.evidence.append(EvidenceRow(number, person_no, kind, day, strength, source, day, **more))  # type: ignore[arg-type]


def _trace(random: Random, records: Records, person_no: str, trace: str, day: date) -> None:
    strength, sources = TRACES[trace]
    _add(records, person_no, "data_match", day, strength, sources[integer(random, 0, len(sources) - 1)], trace=trace)


def _leave_traces(random: Random, records: Records, person_no: str, as_of: date) -> None:
    """Six in ten of those who are due: most enough for a silent certification, some stale or too little, some contradicted."""
    mark = random.random()
    if mark >= 0.6:
        return
    day = as_of - timedelta(days=integer(random, 1, FRESH_DAYS))
    if mark < 0.3:
        _trace(random, records, person_no, "medical_visit", day)
    elif mark < 0.4:
        _trace(random, records, person_no, "vaccination", day)
    elif mark < 0.48:
        _trace(random, records, person_no, "travel", day)
        _trace(random, records, person_no, "other", day - timedelta(days=integer(random, 0, 5)))
    elif mark < 0.54:
        _trace(random, records, person_no, "travel", day)
        return
    else:
        _trace(random, records, person_no, "medical_visit", as_of - timedelta(days=integer(random, *STALE_DAYS)))
        return
    contradiction = random.random()
    if contradiction < 0.06:
        _add(records, person_no, "custody", day - timedelta(days=integer(random, 5, 60)), "conclusive", "prison administration")
    elif contradiction < 0.12:
        # heard of in the village: too weak for a status, enough to look before certifying anybody silently
        _add(records, person_no, "death_record", day - timedelta(days=integer(random, 1, 30)), "indicative", "village committee")


def _after_death(random: Random, records: Records, person_no: str, as_of: date) -> None:
    died_on = max(row.occurred_on for row in records.evidence if row.person_no == person_no and row.kind == "death_record")
    days = (as_of - died_on).days
    if random.random() < 0.15 and days > 3:
        _trace(random, records, person_no, "travel", died_on + timedelta(days=integer(random, 2, days - 1)))


def _past(random: Random, records: Records, benefit: BenefitRow, pauses: list[PauseRow], as_of: date) -> None:
    mark = random.random()
    this_month = as_of.replace(day=1)
    if mark < 0.04 and benefit.status == "active" and benefit.from_month < add_months(this_month, -36):
        resumed_on = add_months(this_month, -integer(random, 16, 24))  # before the payments of the files begin
        pauses.append(PauseRow(benefit.benefit_no, add_months(resumed_on, -integer(random, 2, 6)), resumed_on))
        _add(records, benefit.person_no, "counter", resumed_on - timedelta(days=10), "conclusive", "service hall")
    elif mark < 0.055:
        began_on = as_of - timedelta(days=integer(random, 700, 1400))
        ended_on = began_on + timedelta(days=integer(random, 60, 400))
        _add(records, benefit.person_no, "custody", began_on, "conclusive", "prison administration", ends_on=ended_on)


def _card(random: Random, person: MadeUpPerson, as_of: date, *, deceased: bool) -> CardRow:
    from_on = as_of - timedelta(days=integer(random, 5, 300))
    if deceased:
        return CardRow(person.social_security_number, "holder_deceased", from_on, None, "card centre")
    reason = weighted(random, CARD_REASONS)
    until_on = from_on + timedelta(days=3) if random.random() < 0.3 else None
    return CardRow(person.social_security_number, reason, from_on, until_on, "card centre")
