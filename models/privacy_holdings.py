"""Which tables hold something about a person, how their rows are found, and what of them the person is given.

Everything that refers to a person, straight or through another table, is listed here: as a holding, or as withheld with the reason. A
test compares both with the metadata, so that a new table cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Table, or_, select

from models.tables import metadata


class Purpose(StrEnum):
    """What something is held for (personal-information law, article 17): the headings under which a person sees it."""

    IDENTITY = "identity"
    PENSION = "pension"
    PROOF_OF_LIFE = "proof_of_life"
    FACE = "face"
    MESSAGES = "messages"
    MEDICAL = "medical"
    INSPECTION = "inspection"
    RECORD_KEEPING = "record_keeping"


class Withheld(StrEnum):
    """Why something that refers to a person is not given to them."""

    INSPECTION = "inspection"
    """Notes, papers and facts of an inspection: telling would hinder a public duty, and they tell of others (articles 18, 35)."""

    OF_THE_SERVICE = "of_the_service"
    """A queue or a digest by which the service works: it says nothing about the person that another table does not say."""


@dataclass(frozen=True)
class Holding:
    """One table with rows about people. columns: which refer to a person; or parent: the column that refers to a row of another holding.

    omit: columns that are not given, because they tell of other people. closed: column that is filled once an inspection is over; rows
    without it are withheld until then. digest: a column, and the column of ``person``
    with the same keyed digest, where no row is referred to.
    """

    table: str
    purpose: Purpose
    columns: tuple[str, ...] = ("person_id",)
    parent: str | None = None
    omit: frozenset[str] = frozenset()
    closed: str | None = None
    digest: tuple[str, str] | None = None


def _of(table: str, purpose: Purpose, parent: str, *omit: str) -> Holding:
    return Holding(table, purpose, (), parent, frozenset(omit))


HOLDINGS = (
    Holding("person", Purpose.IDENTITY, ("id", "merged_into_id")),
    Holding("person_merge", Purpose.IDENTITY, ("kept_id", "merged_id")),
    Holding("person_relation", Purpose.IDENTITY, ("person_id", "other_id")),
    Holding("enrolment", Purpose.PENSION),
    Holding("benefit", Purpose.PENSION),
    _of("benefit_pause", Purpose.PENSION, "benefit_id"),
    _of("payment", Purpose.PENSION, "benefit_id"),
    Holding("payment_change", Purpose.PENSION, omit=frozenset({"list_line", "list_position"})),
    Holding("grant_payment", Purpose.PENSION, ("deceased_id", "recipient_id")),
    Holding("life_evidence", Purpose.PROOF_OF_LIFE),
    _of("home_visit", Purpose.PROOF_OF_LIFE, "evidence_id"),
    Holding("certificate", Purpose.PROOF_OF_LIFE),
    Holding("assistance_request", Purpose.PROOF_OF_LIFE),
    _of("assistance_event", Purpose.PROOF_OF_LIFE, "request_id"),
    Holding("status_announced", Purpose.PROOF_OF_LIFE),
    Holding("status_change", Purpose.PROOF_OF_LIFE),
    Holding("consent", Purpose.FACE),
    Holding("face_reference", Purpose.FACE),
    Holding("verification", Purpose.FACE),
    _of("verification_frame", Purpose.FACE, "verification_id"),
    _of("verification_review", Purpose.FACE, "verification_id"),
    Holding("try_counter", Purpose.FACE),
    Holding("outreach", Purpose.MESSAGES),
    _of("outreach_attempt", Purpose.MESSAGES, "outreach_id"),
    Holding("outbox_message", Purpose.MESSAGES),
    Holding("status_code", Purpose.MESSAGES),
    Holding("identity_check", Purpose.MEDICAL),
    Holding("blacklisted_card", Purpose.MEDICAL, (), digest=("card_index", "social_security_number_index")),
    Holding("claim", Purpose.MEDICAL),
    _of("claim_line", Purpose.MEDICAL, "claim_id"),
    Holding("alert", Purpose.INSPECTION, omit=frozenset({"details", "key"}), closed="closed_at"),
    Holding("case_file", Purpose.INSPECTION, omit=frozenset({"conclusion", "worked_s", "worked_at"}), closed="closed_at"),
    Holding("privacy_request", Purpose.RECORD_KEEPING),
    Holding("audit_entry", Purpose.RECORD_KEEPING, omit=frozenset({"details"})),
)

WITHHELD = {
    "signal": Withheld.INSPECTION,
    "case_event": Withheld.INSPECTION,
    "case_attachment": Withheld.INSPECTION,
    "suppression": Withheld.INSPECTION,
    "status_touch": Withheld.OF_THE_SERVICE,
    "webhook_delivery": Withheld.OF_THE_SERVICE,
}
"""Tables that refer to a person and are not given, with the reason."""

NOT_LINKED = {
    "model_score": "scores of hospitals and doctors, and of persons by their public id until the model is trained anew",
}
"""Tables without a reference in which a person can nevertheless be meant, with what is in them."""

BY_NAME = {holding.table: holding for holding in HOLDINGS}


def table_of(name: str) -> Table:
    """The table of the metadata."""
    return metadata.tables[name]


def rows_of(holding: Holding, members: Sequence[int]) -> ColumnElement[bool]:
    """The condition that finds the rows about a person. members: keys of all records of that person."""
    table = table_of(holding.table)
    if holding.digest is not None:
        column, of_person = holding.digest
        person = table_of("person")
        return table.c[column].in_(select(person.c[of_person]).where(person.c.id.in_(members), person.c[of_person].is_not(None)))
    if holding.parent is None:
        return or_(*(table.c[name].in_(members) for name in holding.columns))
    target = next(iter(table.c[holding.parent].foreign_keys)).column
    above = rows_of(BY_NAME[target.table.name], members)
    return table.c[holding.parent].in_(select(target).where(above))


def linked_tables() -> frozenset[str]:
    """Every table of the metadata from which a chain of references leads to a person, or which has a column named person_id."""
    linked = {"person"}
    grown = True
    while grown:
        before = len(linked)
        for table in metadata.sorted_tables:
            refers = any(key.column.table.name in linked for key in table.foreign_keys)
            if refers or "person_id" in table.c:
                linked.add(table.name)
        grown = len(linked) > before
    return frozenset(linked)
