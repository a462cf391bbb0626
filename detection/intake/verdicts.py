"""What a row comes to, and what has to be written for the rows of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from detection.intake import rules
from detection.intake.cells import tidy_name
from detection.intake.records import Who
from detection.intake.regions import within
from detection.intake.rules import RowRejected, Rule
from models.repositories.import_rows import StoredPerson


class Outcome(StrEnum):
    """accepted: something was written. unchanged: the store says so already."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Warned:
    """What is to be looked at in a row that is taken over. shown: the value, masked."""

    rule: Rule
    field: str
    shown: str


@dataclass(frozen=True)
class Verdict:
    """outcome or rejection, and the region that the row counts under (None where it is not known). warning: of an accepted row."""

    region_code: str | None
    outcome: Outcome | None = None
    rejection: RowRejected | None = None
    warning: Warned | None = None


@dataclass
class Writes:
    """Rows to insert and to change, in this order: table -> rows. months: first days of those whose claims change."""

    inserts: dict[type[Any], list[Mapping[str, Any]]] = field(default_factory=dict)
    changes: dict[type[Any], list[Mapping[str, Any]]] = field(default_factory=dict)
    regions: set[str] = field(default_factory=set)
    months: set[date] = field(default_factory=set)

    def insert(self, table: type[Any], row: Mapping[str, Any]) -> None:
        """A new row; of one table all have the same keys."""
        self.inserts.setdefault(table, []).append(row)

    def change(self, table: type[Any], row: Mapping[str, Any]) -> None:
        """New values of the row with this ``id``."""
        self.changes.setdefault(table, []).append(row)


@dataclass(frozen=True)
class Setting:
    """What decisions go by. region: what the sender may write about; None is everywhere."""

    now: datetime
    today: date
    actor: str
    batch_id: int
    region: str | None


def person_of(who: Who, known: Mapping[tuple[str, bytes], StoredPerson], region: str | None, prefix: str = "") -> StoredPerson:
    """The person that a row is about. region: where it has to be. prefix: of the fields that name the person.

    Raises RowRejected: PERSON_UNKNOWN, REGION_NOT_YOURS, NAME_MISMATCH.
    """
    person = known.get((who.by, who.digest))
    if person is None:
        raise RowRejected(rules.PERSON_UNKNOWN, prefix + who.by, who.shown)
    if not within(person.region_code, region):
        raise RowRejected(rules.REGION_NOT_YOURS, prefix + who.by, who.shown)
    if who.name is not None and who.name != person.name and who.name != tidy_name(person.name):
        raise RowRejected(rules.NAME_MISMATCH, prefix + "name", who.name[:1] + "*")
    return person


class AboutSomebody(Protocol):
    """A record of a known person."""

    @property
    def who(self) -> Who:
        """Whom it is about."""
        ...


R = TypeVar("R", bound=AboutSomebody)


def verdict_of(
    record: R,
    region_code: str | None,
    known: Mapping[tuple[str, bytes], StoredPerson],
    setting: Setting,
    decide: Callable[[R, StoredPerson], Outcome],
) -> Verdict:
    """The verdict about a record of a person: found, within reach, and then as ``decide`` says."""
    person = known.get((record.who.by, record.who.digest))
    counted = region_code or (person.region_code if person is not None else None)
    try:
        return Verdict(counted, decide(record, person_of(record.who, known, setting.region)))
    except RowRejected as rejection:
        return Verdict(counted, rejection=rejection)
