"""People's rights over their own data: withdraw, ask for correction or deletion, and how staff answer. Two people for what is refused
or deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from models.actors import same_actor
from models.database import Database
from models.keys import KeyRing
from models.person import Person
from models.policy import RecordSections
from models.privacy import PrivacyKind, PrivacyRequest, PrivacyState
from models.repositories import audit, persons, privacy_deletion, privacy_requests
from models.repositories.privacy_deletion import Kept
from models.repositories.privacy_requests import WAITING, NewRequest
from verify.people import known_person
from verify.service_errors import ServiceError


class Lack(StrEnum):
    """Why a step is refused."""

    WISH = "wish"
    NOTE = "note"
    SAME_PERSON = "same_person"
    NOT_ASKED_HERE = "not_asked_here"
    TOO_OFTEN = "too_often"


class PrivacyRefused(ServiceError):
    """The step cannot be done so; ``lack`` says why."""

    code = "privacy_refused"

    def __init__(self, lack: Lack, detail: str) -> None:
        super().__init__(detail)
        self.lack = lack


@dataclass(frozen=True)
class RequestView:
    """One request, as lists and pages show it. person_id: public. wish: in clear, only where it was asked for and audited."""

    request_id: str
    person_id: str
    name: str
    resident_id_masked: str
    region_code: str
    kind: PrivacyKind
    state: PrivacyState
    channel: str
    asked_by: str
    asked_at: datetime
    due_on: date
    late: bool
    carry_out: bool | None
    note: str | None
    prepared_by: str | None
    prepared_at: datetime | None
    signed_by: str | None
    done_at: datetime | None
    deleted: dict[str, int]
    kept: tuple[dict[str, Any], ...]
    key: int
    wish: str | None = None


class PrivacyService:
    """The use cases. Thread-safe; one a process."""

    def __init__(self, database: Database, keyring: KeyRing, policy: RecordSections, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._clock = clock

    def ask(self, person_id: str, kind: PrivacyKind, *, wish: str = "", channel: str, actor: str) -> str:
        """Ask for a correction or a deletion. Returns the request's public id.

        Raises:
            PersonUnknown; PrivacyRefused (WISH: a correction says what is wrong); ConflictError: one of this kind waits.
        """
        now, text = self._clock(), wish.strip()
        longest = self._policy.privacy.wish_characters
        if (kind is PrivacyKind.CORRECTION and not text) or len(text) > longest:
            raise PrivacyRefused(Lack.WISH, f"say in 1 to {longest} characters what is wrong and what is right")
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            new = NewRequest(kind, text or None, channel, actor, self._due_on(now))
            row = privacy_requests.ask(session, person, new, keyring=self._keyring, now=now)
            audit.record(
                session, actor=actor, action="privacy.ask", now=now, person_id=person.id, object=row.public_id, details={"kind": kind.value}
            )
            return row.public_id

    def note_export(self, person_id: str, *, channel: str, actor: str) -> None:
        """Record that a copy was given: a request that is done at once, and an audit entry.

        Raises:
            PersonUnknown, ConflictError; PrivacyRefused (TOO_OFTEN: as many copies as a day allows were made since yesterday).
        """
        now = self._clock()
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            recent = privacy_requests.of_person(session, person.id, limit=100)
            copies = [row for row in recent if row.kind is PrivacyKind.EXPORT and row.asked_at > now - timedelta(days=1)]
            if len(copies) >= self._policy.privacy.copies_a_day:
                raise PrivacyRefused(Lack.TOO_OFTEN, f"{len(copies)} copies were made since yesterday: ask again tomorrow")
            new = NewRequest(PrivacyKind.EXPORT, None, channel, actor, self._due_on(now))
            row = privacy_requests.ask(session, person, new, keyring=self._keyring, now=now)
            privacy_requests.move(session, row, from_states=WAITING, state=PrivacyState.DONE, done_at=now)
            audit.record(session, actor=actor, action="privacy.export", now=now, person_id=person.id, object=row.public_id)

    def withdraw(self, request_id: str, *, person_id: str, actor: str) -> None:
        """The person no longer wants it. Raises NotFoundError, ConflictError; PrivacyRefused for a request of somebody else."""
        now = self._clock()
        with self._database.session_scope() as session:
            row = privacy_requests.one(session, request_id, lock=True)
            person = known_person(session, person_id)
            if row.person_id not in persons.records_of(session, person.id):
                raise PrivacyRefused(Lack.NOT_ASKED_HERE, "this request is of somebody else")
            privacy_requests.move(session, row, from_states=WAITING, state=PrivacyState.WITHDRAWN, done_at=now, wish=None)
            audit.record(session, actor=actor, action="privacy.withdraw", now=now, person_id=person.id, object=row.public_id)

    def prepare(self, request_id: str, *, carry_out: bool, note: str, actor: str) -> PrivacyState:
        """Propose the answer; a correction that was made is done with that, everything else waits for a second person.

        note: what was corrected, or why not; needed but for a deletion that is carried out. At most 500 characters.

        Raises:
            NotFoundError, ConflictError, PrivacyRefused (NOTE, SAME_PERSON: who wrote the request down does not answer it).
        """
        now, text = self._clock(), note.strip()
        with self._database.session_scope() as session:
            row = privacy_requests.one(session, request_id, lock=True)
            if len(text) > 500 or (not text and not (carry_out and row.kind is PrivacyKind.DELETION)):
                raise PrivacyRefused(Lack.NOTE, "say in 1 to 500 characters what was corrected, or why it is not carried out")
            if same_actor(row.asked_by, actor):
                raise PrivacyRefused(Lack.SAME_PERSON, "who wrote the request down does not answer it")
            values: dict[str, Any] = {
                "carry_out": carry_out,
                "prepared_note": text or None,
                "prepared_by": actor,
                "prepared_at": now,
                "state": PrivacyState.PREPARED,
            }
            if carry_out and row.kind is PrivacyKind.CORRECTION:
                values |= {"state": PrivacyState.DONE, "done_at": now, "wish": None}
            privacy_requests.move(session, row, from_states=[PrivacyState.OPEN], **values)
            self._tell(session, row, "privacy.prepare", actor, now)
            return row.state

    def sign(self, request_id: str, *, agree: bool, actor: str) -> PrivacyState:
        """The second person: carry out what was prepared, or send it back to be answered anew.

        Raises:
            NotFoundError, ConflictError (it is not prepared, or somebody was faster), PrivacyRefused (SAME_PERSON).
        """
        now = self._clock()
        with self._database.session_scope() as session:
            row = privacy_requests.one(session, request_id, lock=True)
            if any(other is not None and same_actor(other, actor) for other in (row.prepared_by, row.asked_by)):
                raise PrivacyRefused(Lack.SAME_PERSON, "another person than who asked and who prepared the answer has to sign it")
            if not agree:
                back = {"carry_out": None, "prepared_by": None, "prepared_at": None, "prepared_note": None, "state": PrivacyState.OPEN}
                privacy_requests.move(session, row, from_states=[PrivacyState.PREPARED], **back)
                self._tell(session, row, "privacy.send_back", actor, now)
                return row.state
            carried_out = bool(row.carry_out)
            values: dict[str, Any] = {"signed_by": actor, "done_at": now, "wish": None}
            values["state"] = PrivacyState.DONE if carried_out else PrivacyState.REFUSED
            privacy_requests.move(session, row, from_states=[PrivacyState.PREPARED], **values)
            if carried_out and row.kind is PrivacyKind.DELETION:
                done = privacy_deletion.erase(session, row.person_id, self._policy, by=actor, now=now)
                row.deleted, row.what_is_kept = done.deleted, [one.to_json() for one in done.kept]
                session.flush()
            self._tell(session, row, "privacy.sign", actor, now)
            return row.state

    def one(self, request_id: str) -> RequestView:
        """The request. Raises NotFoundError."""
        with self._database.read_scope() as session:
            row = privacy_requests.one(session, request_id)
            return self._view(row, session.get_one(Person, row.person_id))

    def wish(self, request_id: str, *, actor: str) -> str | None:
        """What the person wrote, opened; the look is audited. Raises NotFoundError, UnsealError."""
        now = self._clock()
        with self._database.session_scope() as session:
            row = privacy_requests.one(session, request_id)
            self._tell(session, row, "privacy.wish_seen", actor, now)
            return privacy_requests.open_wish(row, self._keyring)

    def held(self, person_id: str) -> tuple[Kept, ...]:
        """What is held about the person, by table, with why it would stay. Raises PersonUnknown."""
        with self._database.read_scope() as session:
            members = persons.records_of(session, known_person(session, person_id).id)
            return privacy_deletion.kept(session, members, self._policy)

    def of_person(self, person_id: str) -> list[RequestView]:
        """The person's last requests, newest first. Raises PersonUnknown."""
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            return [self._view(row, person) for row in privacy_requests.of_person(session, person.id)]

    def listing(self, prefix: str, *, waiting: bool, after: tuple[date, int] | None, limit: int) -> list[RequestView]:
        """Requests of a region (code prefix, empty: everywhere): by the day they are due, or the last answered first."""
        with self._database.read_scope() as session:
            rows = privacy_requests.listing(session, prefix, waiting=waiting, after=after, limit=limit)
            return [self._view(row, person) for row, person in rows]

    def _due_on(self, now: datetime) -> date:
        return self._policy.certification.today(now + timedelta(days=self._policy.privacy.answer_days))

    def _tell(self, session: Any, row: PrivacyRequest, action: str, actor: str, now: datetime) -> None:
        details = {"kind": row.kind.value, "carry_out": row.carry_out, "deleted": sum(row.deleted.values())}
        audit.record(session, actor=actor, action=action, now=now, person_id=row.person_id, object=row.public_id, details=details)

    def _view(self, row: PrivacyRequest, person: Person) -> RequestView:
        today = self._policy.certification.today(self._clock())
        return RequestView(
            row.public_id,
            person.public_id,
            person.name,
            person.resident_id_masked,
            row.region_code,
            row.kind,
            row.state,
            row.channel,
            row.asked_by,
            row.asked_at,
            row.due_on,
            row.done_at is None and row.due_on < today,
            row.carry_out,
            row.prepared_note,
            row.prepared_by,
            row.prepared_at,
            row.signed_by,
            row.done_at,
            dict(row.deleted),
            tuple(row.what_is_kept),
            row.id,
        )
