"""Certification status by resident ID or social-security number: of one person in one statement, of many by sets.

The single read is a statement of its own on a driver connection. It brings what ``models.certification.derive`` needs; a test holds the
answer equal to ``certifications.status_of``. Records that were merged into another are answered for by the one that speaks for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.benefit import BenefitStatus
from models.certification import BenefitFact, CertificationStatus, EvidenceFact, derive
from models.certification_sql import status_table
from models.certification_state import CertificationState
from models.database import Database
from models.enrolment import Scheme
from models.identifiers import parse_resident_id, parse_social_security_number
from models.kept_connections import KeptConnections
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, Strength
from models.person import Person
from models.policy import CertificationPolicy
from models.repositories.persons import BlindIndex


class Number(Enum):
    """Numbers by which a person is found; the value is the column of the blind index."""

    RESIDENT_ID = "resident_id_index"
    SOCIAL_SECURITY_NUMBER = "social_security_number_index"


@dataclass(frozen=True)
class FoundStatus:
    """A person and their status. key: of the table; person_id: public."""

    key: int
    person_id: str
    region_code: str
    resident_id_masked: str
    status: CertificationStatus


# The corrected rows of the ledger are told by the index of corrections, so that no row of it has to be read. IN, and not a join: after
# ANALYZE, SQLite may take the few members for many, and reads the whole ledger into a Bloom filter before it joins.
_STATEMENT = """
WITH root AS (SELECT coalesce(merged_into_id, id) AS id FROM person WHERE {number} = {mark}),
member AS (SELECT id FROM root UNION ALL SELECT id FROM person WHERE merged_into_id = (SELECT id FROM root))
SELECT 0 AS part, person.id AS id, person.public_id AS a, person.region_code AS b, person.resident_id_masked AS c,
    {no_date} AS first, {no_date} AS last, {no_date} AS paused
FROM person WHERE id = (SELECT id FROM root)
UNION ALL
SELECT 1, evidence.id, evidence.kind, evidence.strength, NULL, evidence.occurred_on, NULL, NULL
FROM life_evidence AS evidence WHERE evidence.person_id IN (SELECT id FROM member)
AND NOT EXISTS (SELECT 1 FROM life_evidence AS correction WHERE correction.corrects_id = evidence.id)
UNION ALL
SELECT 2, benefit.id, benefit.scheme, benefit.status, benefit.region_code, benefit.from_month, benefit.to_month, benefit.paused_on
FROM benefit WHERE person_id IN (SELECT id FROM member)
UNION ALL
SELECT 3, pause.benefit_id, NULL, NULL, NULL, pause.paused_on, pause.resumed_on, NULL
FROM benefit JOIN benefit_pause AS pause ON pause.benefit_id = benefit.id WHERE benefit.person_id IN (SELECT id FROM member)
"""
PERSON, EVIDENCE, BENEFIT, PAUSE = range(4)

_KINDS: Mapping[str, EvidenceKind] = {kind.value: kind for kind in EvidenceKind}
_STRENGTHS: Mapping[str, Strength] = {strength.value: strength for strength in Strength}
_SCHEMES: Mapping[str, Scheme] = {scheme.value: scheme for scheme in Scheme}
_BENEFIT_STATES: Mapping[str, BenefitStatus] = {state.value: state for state in BenefitStatus}


@cache
def _statement(number: Number, dialect: str) -> str:
    sqlite = dialect == "sqlite"
    return _STATEMENT.format(number=number.value, mark="?" if sqlite else "%s", no_date="NULL" if sqlite else "NULL::date")


class StatusReader:
    """Reads one status at a time. Thread-safe; one an application."""

    def __init__(self, database: Database, keyring: KeyRing, policy: CertificationPolicy) -> None:
        self._connections = KeptConnections(database, read_only=True)
        self._sqlite = database.dialect == "sqlite"
        self._statements = {number: _statement(number, database.dialect) for number in Number}
        self._index = BlindIndex(keyring)
        self._policy = policy

    def digest(self, number: Number, given: str) -> bytes:
        """The key of the blind index. Raises IdentifierError for a wrong number."""
        if number is Number.RESIDENT_ID:
            return self._index.resident_id(parse_resident_id(given).number)
        return self._index.social_security_number(parse_social_security_number(given))

    def read(self, number: Number, given: str, on: date) -> FoundStatus | None:
        """The person with this number and their status on a day; None when nobody has it.

        Raises:
            IdentifierError: the number is wrong.
            DatabaseUnreachableError: the database does not answer.
        """
        parameters = (self.digest(number, given),)
        statement = self._statements[number]
        rows = self._connections.run(lambda connection: connection.execute(statement, parameters).fetchall())
        return self._found(rows, on) if rows else None

    def _found(self, rows: Sequence[tuple[Any, ...]], on: date) -> FoundStatus:
        day = _from_text if self._sqlite else _as_it_is
        person: tuple[Any, ...] = ()
        evidence: list[EvidenceFact] = []
        benefits: list[tuple[Any, ...]] = []
        pauses: dict[int, list[tuple[date, date]]] = {}
        for row in rows:
            part = row[0]
            if part == EVIDENCE:
                evidence.append(EvidenceFact(row[1], _KINDS[row[2]], day(row[5]), _STRENGTHS[row[3]]))
            elif part == BENEFIT:
                benefits.append(row)
            elif part == PERSON:
                person = row
            else:
                pauses.setdefault(row[1], []).append((day(row[5]), day(row[6])))
        drawn = [
            BenefitFact(
                _SCHEMES[scheme], region, _BENEFIT_STATES[state], day(first), day(last), day(paused), tuple(pauses.get(benefit_id, ()))
            )
            for _, benefit_id, scheme, state, region, first, last, paused in benefits
        ]
        return FoundStatus(person[1], person[2], person[3], person[4], derive(evidence, drawn, self._policy, on))


def _from_text(value: str | None) -> Any:
    return None if value is None else date.fromisoformat(value)


def _as_it_is(value: date | None) -> Any:
    return value


def read_many(
    session: Session, digests: Mapping[Number, Collection[bytes]], policy: CertificationPolicy, on: date
) -> dict[tuple[Number, bytes], FoundStatus]:
    """Who has these numbers, and the status of each on a day, by kind of number and digest, in two statements a kind.

    Keep it to some hundreds of digests a call: each is a parameter of the statement.
    """
    found: dict[tuple[Number, bytes], tuple[int, str, str, str]] = {}
    record, root = aliased(Person), aliased(Person)
    for number, wanted in digests.items():
        if not wanted:
            continue
        index = record.resident_id_index if number is Number.RESIDENT_ID else record.social_security_number_index
        query = (
            select(index, root.id, root.public_id, root.region_code, root.resident_id_masked)
            .join(root, root.id == func.coalesce(record.merged_into_id, record.id))
            .where(index.in_(list(wanted)))
        )
        for digest, key, public_id, region_code, masked in session.execute(query):
            found[number, bytes(digest or b"")] = (key, public_id, region_code, masked)
    keys = sorted({person[0] for person in found.values()})
    if not keys:
        return {}
    table = status_table(policy, on, select(Person.id).where(Person.id.in_(keys)))
    statuses = {
        row.person_id: CertificationStatus(CertificationState(row.state), on, row.last_certified_on, row.due_on, row.cycle_months)
        for row in session.execute(select(table))
    }
    # a record that was merged between the two statements has no row: next time it is found under the other
    return {place: FoundStatus(*person, statuses[person[0]]) for place, person in found.items() if person[0] in statuses}
