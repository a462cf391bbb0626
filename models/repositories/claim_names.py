"""What reviewers call claims and their lines: number of the claim, number of the line, item, days and amount; never the number of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.claim import Claim, ClaimLine
from models.person import Person

CLAIM, LINE = "claim", "claim_line"
NAMED = 12
"""Of one kind and role of a finding; a sentence names no more."""
ASKED_AT_ONCE = 10_000
"""Rows; a statement may not have any number of parameters."""


@dataclass(frozen=True)
class ClaimName:
    """A claim. reference: the institution's own number; until: last day, both inclusive; amount_fen: total."""

    reference: str
    on: date
    until: date
    amount_fen: int


@dataclass(frozen=True)
class LineName:
    """A line of a claim. reference: of the claim; number: in it."""

    reference: str
    number: int
    item: str
    on: date
    amount_fen: int


Names = Mapping[tuple[str, int], ClaimName | LineName]
"""(kind of the record, number of its row) -> how it is called. What is not in it is out of the reader's region, or gone."""


def first_of_roles(records: Iterable[Mapping[str, Any]]) -> dict[str, set[int]]:
    """Kind -> numbers of the rows of claims and lines that sentences about a finding may name."""
    by_role: dict[tuple[str, str], list[int]] = {}
    for one in records:
        if one["kind"] in (CLAIM, LINE):
            by_role.setdefault((one["kind"], one["role"]), []).append(one["id"])
    found: dict[str, set[int]] = {CLAIM: set(), LINE: set()}
    for (kind, _role), numbers in by_role.items():
        found[kind].update(sorted(numbers)[:NAMED])
    return found


def read(session: Session, findings: Iterable[Iterable[Mapping[str, Any]]], covers: Callable[[str], bool]) -> Names:
    """The names of claims and lines behind some findings, in a statement for each kind.

    findings: the records of each; covers: whether a region is in the reader's reach, which has to hold for that of the person.
    """
    wanted: dict[str, set[int]] = {CLAIM: set(), LINE: set()}
    for records in findings:
        for kind, numbers in first_of_roles(records).items():
            wanted[kind] |= numbers
    names: dict[tuple[str, int], ClaimName | LineName] = {}
    claims = select(Claim.id, Claim.reference, Claim.from_date, Claim.to_date, Claim.total_fen, Person.region_code)
    claims = claims.join(Person, Person.id == Claim.person_id)
    for part in _parts(wanted[CLAIM]):
        for key, reference, first, last, amount, region in session.execute(claims.where(Claim.id.in_(part))):
            if covers(region):
                names[CLAIM, key] = ClaimName(reference, first, last, amount)
    line = (ClaimLine.id, Claim.reference, ClaimLine.number, ClaimLine.item_name, ClaimLine.charged_on, ClaimLine.amount_fen)
    lines = select(*line, Person.region_code).join(Claim, Claim.id == ClaimLine.claim_id).join(Person, Person.id == Claim.person_id)
    for part in _parts(wanted[LINE]):
        for key, reference, number, item, on, amount, region in session.execute(lines.where(ClaimLine.id.in_(part))):
            if covers(region):
                names[LINE, key] = LineName(reference, number, item, on, amount)
    return names


def _parts(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(numbers)
    return (ordered[start : start + ASKED_AT_ONCE] for start in range(0, len(ordered), ASKED_AT_ONCE))
