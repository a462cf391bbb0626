"""Merging two records of one human being, and splitting them again: by people, with a reason, audited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.certification import CertificationStatus
from models.certification_state import CertificationState
from models.database import Database
from models.errors import NotFoundError
from models.person import Person, Sex
from models.policy import CertificationPolicy
from models.repositories import audit, certifications, mergers, persons, record_sums
from models.repositories.record_sums import RecordSums
from verify.service_errors import PersonUnknown

REASON_MAX = 500


@dataclass(frozen=True)
class RecordView:
    """One record, as two are held side by side before they are merged. Names are whole here: the comparison is about them.

    benefits: how many; paid_fen: all that was ever paid on them. status: of the record's person today.
    """

    person_id: str
    name: str
    resident_id_masked: str
    birth_date: date
    sex: Sex
    region_code: str
    phone_masked: str | None
    evidence: int
    last_evidence_on: date | None
    benefits: int
    paid_fen: int
    merged_records: int
    status: CertificationStatus


@dataclass(frozen=True)
class MergedRecord:
    """One record that is merged into the person, directly or through another."""

    person_id: str
    name: str
    resident_id_masked: str
    merged_at: datetime
    merged_by: str
    reason: str


@dataclass(frozen=True)
class MergeDone:
    """What a merger or split came to. states: of each person that there is now, the record that was kept first."""

    person_id: str
    states: tuple[CertificationState, ...]


class MergeService:
    """Use cases of mergers. Thread-safe."""

    def __init__(self, database: Database, policy: CertificationPolicy, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock

    def compare(self, person_ids: tuple[str, str]) -> tuple[RecordView, RecordView]:
        """Both records' persons side by side. Raises PersonUnknown."""
        with self._database.read_scope() as session:
            first, second = (_speaking(session, person_id) for person_id in person_ids)
            found = record_sums.sums(session, (first.id, second.id), self._policy, self._policy.today(self._clock()))
            if not {first.id, second.id} <= found.keys():
                raise PersonUnknown("one of the records was merged meanwhile: look at its person again")
            return _view(first, found[first.id]), _view(second, found[second.id])

    def merged(self, person_id: str) -> list[MergedRecord]:
        """The records that are merged into this person, oldest merger first. Raises PersonUnknown."""
        with self._database.read_scope() as session:
            person = _speaking(session, person_id)
            found = []
            for row in mergers.open_mergers(session, persons.records_of(session, person.id)):
                record = session.get_one(Person, row.merged_id)
                found.append(
                    MergedRecord(record.public_id, record.name, record.resident_id_masked, row.merged_at, row.merged_by, row.reason)
                )
            return found

    def merge(self, kept: str, merged: str, *, reason: str, actor: str) -> MergeDone:
        """Make one person of two records' persons; the first speaks for both from now on. reason: 1 to 500 characters.

        Raises:
            PersonUnknown; ConflictError: MERGER_STATE when they belong together already, or somebody else was faster.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            first, second = _record(session, kept), _record(session, merged)
            row = mergers.merge(session, first.id, second.id, reason=reason[:REASON_MAX], by=actor, now=now)
            self._note(session, "person.merge", (first, second), actor=actor, now=now, merger=row.id)
            return MergeDone(_speaking(session, kept).public_id, self._states(session, [first.id]))

    def split(self, merged: str, *, reason: str, actor: str) -> MergeDone:
        """Take a record out of the person it was merged into. Raises PersonUnknown, ConflictError: MERGER_STATE."""
        now = self._clock()
        with self._database.session_scope() as session:
            record = _record(session, merged)
            row = mergers.split(session, record.id, reason=reason[:REASON_MAX], by=actor, now=now)
            kept = session.get_one(Person, row.kept_id)
            self._note(session, "person.split", (kept, record), actor=actor, now=now, merger=row.id)
            return MergeDone(_speaking(session, kept.public_id).public_id, self._states(session, [kept.id, record.id]))

    def _states(self, session: Session, keys: list[int]) -> tuple[CertificationState, ...]:
        today = self._policy.today(self._clock())
        return tuple(certifications.status_of(session, key, self._policy, today).state for key in keys)

    @staticmethod
    def _note(session: Session, action: str, pair: tuple[Person, Person], *, actor: str, now: datetime, merger: int) -> None:
        # one entry about each record, so that the trail of either tells it
        for about, other in (pair, pair[::-1]):
            details = {"merger": merger, "with": other.public_id}
            audit.record(session, actor=actor, action=action, now=now, person_id=about.id, object=about.public_id, details=details)


def _view(person: Person, of: RecordSums) -> RecordView:
    return RecordView(
        person_id=person.public_id,
        name=person.name,
        resident_id_masked=person.resident_id_masked,
        birth_date=person.birth_date,
        sex=person.sex,
        region_code=person.region_code,
        phone_masked=person.phone_masked,
        evidence=of.evidence,
        last_evidence_on=of.last_evidence_on,
        benefits=of.benefits,
        paid_fen=of.paid_fen,
        merged_records=of.records,
        status=of.status,
    )


def _record(session: Session, public_id: str) -> Person:
    """The record itself, merged or not."""
    record = session.scalar(select(Person).where(Person.public_id == public_id))
    if record is None:
        raise PersonUnknown("there is no person with this id")
    return record


def _speaking(session: Session, public_id: str) -> Person:
    try:
        return persons.get(session, public_id)
    except NotFoundError as error:
        raise PersonUnknown("there is no person with this id") from error
