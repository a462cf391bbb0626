"""Rows that name two persons: relations, and grants for the dead."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from detection.intake import rules
from detection.intake.cells import bank_account_of, day_of, short_text
from detection.intake.fields import Values, after_birth, end_of, needed
from detection.intake.headings import OTHER, RECIPIENT
from detection.intake.records import GrantRecord, RelationRecord, Who
from detection.intake.rules import RowRejected, Rule
from models.relation import GrantKind, RelationKind
from models.repositories.persons import BlindIndex

WARD = "ward"
"""The word for a guardian's relation, seen from the other side."""
REFERENCE_LONGEST = 100


class Reader(Protocol):
    """What is asked of ``reading.RowReader``."""

    @property
    def index(self) -> BlindIndex:
        """Of the store."""
        ...

    def who(self, values: Values, prefix: str = "") -> Who:
        """The person whose fields begin with the prefix."""
        ...

    def word(self, field: str, text: str, rule: Rule) -> str:
        """The coded value that a word means."""
        ...

    def region(self, values: Values) -> str | None:
        """The region code of the row."""
        ...

    def amount(self, values: Values, *fields: str) -> int:
        """Fen of the first of these fields that is filled."""
        ...

    def origin(self, values: Values) -> tuple[str, str | None]:
        """(source, reference)."""
        ...

    def check_not_future(self, field: str, day: date) -> None:
        """Raise RowRejected for a day that is to come."""
        ...


def read_relation(reader: Reader, values: Values) -> RelationRecord:
    """A relation. Raises RowRejected."""
    who, other = reader.who(values), reader.who(values, OTHER)
    word = reader.word("relation", needed(values, "relation"), rules.RELATION_UNKNOWN)
    if (who.by, who.digest) == (other.by, other.digest):
        raise RowRejected(rules.RELATION_WITH_ONESELF, f"{OTHER}{other.by}", other.shown)
    since = day_of("from_on", text) if (text := values.get("from_on")) else None
    if since is not None:
        reader.check_not_future("from_on", since)
        for one in (who, other):
            after_birth(one, "from_on", since, rules.DATE_BEFORE_BIRTH)
    until = end_of(values, since)
    source, _ = reader.origin(values)
    if word == WARD:
        return RelationRecord(other, who, RelationKind.GUARDIAN, since, until, source)
    return RelationRecord(who, other, RelationKind(word), since, until, source)


def read_grant(reader: Reader, values: Values) -> GrantRecord:
    """A grant. Raises RowRejected."""
    who = reader.who(values)
    named = any(values.get(f"{RECIPIENT}{field}") for field in ("resident_id", "social_security_number"))
    recipient = reader.who(values, RECIPIENT) if named else None
    kind = GrantKind(reader.word("grant", needed(values, "grant"), rules.GRANT_UNKNOWN))
    paid_on = day_of("paid_on", needed(values, "paid_on"))
    reader.check_not_future("paid_on", paid_on)
    after_birth(who, "paid_on", paid_on, rules.DATE_BEFORE_BIRTH)
    if recipient is not None and (recipient.by, recipient.digest) == (who.by, who.digest):
        raise RowRejected(rules.RELATION_WITH_ONESELF, f"{RECIPIENT}{recipient.by}", recipient.shown)
    account = bank_account_of("bank_account", text) if (text := values.get("bank_account")) else None
    return GrantRecord(
        who,
        recipient,
        kind,
        reader.region(values),
        short_text("reference", needed(values, "reference"), REFERENCE_LONGEST),
        account,
        None if account is None else reader.index.bank_account(account),
        paid_on,
        reader.amount(values, "amount_fen", "amount_yuan"),
    )
