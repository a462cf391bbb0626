"""Outreach: the list is brought up to date, people are reminded, attempts are recorded, and it is seen how far each has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.database import Database
from models.errors import Conflict, ConflictError
from models.outreach import Outreach, OutreachChannel, OutreachEnd, OutreachOutcome
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_store import OutreachPolicy, PausePolicy
from models.repositories import audit, certifications, outreach, payment_changes
from models.repositories.outreach import Entry
from verify.errors import VerifyError
from verify.outreach import COUNTS, OUTCOMES, Attempt, Readiness, next_channel, readiness

PERSONS_A_STEP = 20_000
REMINDERS_A_STEP = 2_000
PAGE = 50
JOB = "job:outreach"

Progress = Callable[[str, int, int], None]


class AttemptError(VerifyError):
    """The attempt contradicts itself."""

    code = "attempt_error"


@dataclass(frozen=True)
class Refreshed:
    """What a refresh changed. withdrawn: proposals of a pause that no longer stand."""

    opened: int
    certified: int
    deceased: int
    not_due: int
    withdrawn: int


@dataclass(frozen=True)
class Line:
    """One line of the list. next_channel: None when every way was tried."""

    entry: Entry
    overdue_days: int
    next_channel: OutreachChannel | None
    readiness: Readiness


@dataclass(frozen=True)
class AttemptView:
    """One attempt, as pages show it."""

    channel: OutreachChannel
    outcome: OutreachOutcome
    note: str | None
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class OutreachView:
    """One row of the list in full. readiness: None when the row is closed."""

    public_id: str
    person_id: str
    region_code: str
    due_on: date | None
    opened_at: datetime
    closed_at: datetime | None
    ended: OutreachEnd | None
    phone_masked: str | None
    attempts: tuple[AttemptView, ...]
    readiness: Readiness | None


class OutreachService:
    """What staff and jobs do with the outreach list."""

    def __init__(
        self,
        database: Database,
        certification: CertificationPolicy,
        policy: OutreachPolicy,
        pause: PausePolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._certification = certification
        self._policy = policy
        self._pause = pause
        self._clock = clock

    def refresh(self, *, as_of: date | None = None, actor: str = JOB, progress: Progress | None = None) -> Refreshed:
        """Close the rows of whoever is no longer due, then add whoever is. as_of: the day, None for today.

        It goes by steps of 20,000 persons, each its own transaction: a run that is killed has lost nothing, the next one does the rest.
        """
        now = self._clock()
        on = as_of or self._certification.today(now)
        report = progress or (lambda _stage, _done, _total: None)
        ended = dict.fromkeys(OutreachEnd, 0)
        withdrawn = opened = 0
        with self._database.read_scope() as session:
            last_open, last_person = outreach.last_open_id(session), outreach.last_person_id(session)
        for start in range(0, last_open, PERSONS_A_STEP):
            with self._database.session_scope() as session:
                closed = outreach.close_settled(session, self._certification, on, after_id=start, to_id=start + PERSONS_A_STEP, now=now)
                for reason, ids in closed.items():
                    ended[reason] += len(ids)
                    withdrawn += payment_changes.withdraw_of_outreach(session, ids, by=actor, note=reason.value, now=now)
            report("closing", min(start + PERSONS_A_STEP, last_open), last_open)
        for start in range(0, last_person, PERSONS_A_STEP):
            with self._database.session_scope() as session:
                opened += outreach.open_due(session, self._certification, on, after_id=start, to_id=start + PERSONS_A_STEP, now=now)
            report("adding", min(start + PERSONS_A_STEP, last_person), last_person)
        counts = {reason.value: number for reason, number in ended.items()}
        done = Refreshed(opened=opened, withdrawn=withdrawn, **counts)
        with self._database.session_scope() as session:
            details = {"on": on.isoformat(), "opened": opened, "withdrawn": withdrawn, **counts}
            audit.record(session, actor=actor, action="outreach.refreshed", now=now, details=details)
        return done

    def remind(self) -> int:
        """Put a reminder into the outbox for everybody on the list who has a phone and whose last one is long enough ago; how many."""
        now = self._clock()
        every = timedelta(days=self._policy.sms_every_days)
        total = 0
        while True:
            with self._database.session_scope() as session:
                put = outreach.remind(session, every=every, now=now, limit=REMINDERS_A_STEP)
            total += put
            if put < REMINDERS_A_STEP:
                return total

    def listing(
        self,
        region_code: str,
        *,
        overdue_days_min: int = 0,
        attempts_max: int | None = None,
        channel: OutreachChannel | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> list[Line]:
        """Open rows of a region and all inside it, longest overdue first. See ``models.repositories.outreach.listing``."""
        now = self._clock()
        today = self._certification.today(now)
        with self._database.read_scope() as session:
            entries = outreach.listing(
                session,
                region_code=region_code,
                due_before=today - timedelta(days=overdue_days_min) if overdue_days_min else None,
                attempts_max=attempts_max,
                next_channel=channel,
                after=after,
                limit=limit,
            )
            attempts = outreach.attempts_of(session, [entry.id for entry in entries])
        lines = []
        for entry in entries:
            made = [Attempt(row.channel, row.outcome, row.made_at) for row in attempts[entry.id]]
            tried = frozenset(attempt.channel for attempt in made if attempt.outcome in COUNTS)
            state = self._readiness(made, entry.due_on or today, today, now)
            lines.append(Line(entry, state.overdue_days, next_channel(tried, has_phone=entry.has_phone), state))
        return lines

    def one(self, public_id: str) -> OutreachView:
        """One row of the list. Raises NotFoundError."""
        now = self._clock()
        today = self._certification.today(now)
        with self._database.read_scope() as session:
            row = outreach.get(session, public_id)
            person = session.get_one(Person, row.person_id)
            attempts = outreach.attempts_of(session, [row.id])[row.id]
            state = None
            if row.closed_at is None:
                due_on = certifications.status_of(session, row.person_id, self._certification, today).due_on or row.due_on
                made = [Attempt(attempt.channel, attempt.outcome, attempt.made_at) for attempt in attempts]
                state = self._readiness(made, due_on or today, today, now)
            return OutreachView(
                public_id=row.public_id,
                person_id=person.public_id,
                region_code=row.region_code,
                due_on=row.due_on,
                opened_at=row.opened_at,
                closed_at=row.closed_at,
                ended=row.ended,
                phone_masked=person.phone_masked,
                attempts=tuple(AttemptView(a.channel, a.outcome, a.note, a.made_by, a.made_at) for a in attempts),
                readiness=state,
            )

    def log_attempt(self, public_id: str, *, channel: OutreachChannel, outcome: OutreachOutcome, note: str | None, actor: str) -> None:
        """Record an attempt that a member of staff made.

        Raises:
            NotFoundError: there is no such row.
            AttemptError: an outcome that this way cannot have, or a note over 500 characters.
            ConflictError: OUTREACH_STATE, the row was closed meanwhile.
        """
        if outcome not in OUTCOMES[channel]:
            raise AttemptError(f"outcome: {outcome.value} cannot come of {channel.value}; possible are {', '.join(OUTCOMES[channel])}")
        text = (note or "").strip() or None
        if text is not None and len(text) > 500:
            raise AttemptError("note: at most 500 characters")
        now = self._clock()
        with self._database.session_scope() as session:
            row = outreach.get(session, public_id, lock=True)
            _require_open(row)
            outreach.add_attempt(session, row.id, channel=channel, outcome=outcome, note=text, by=actor, now=now)
            details = {"channel": channel.value, "outcome": outcome.value}
            audit.record(
                session, actor=actor, action="outreach.attempt", now=now, person_id=row.person_id, object=row.public_id, details=details
            )

    def _readiness(self, attempts: list[Attempt], due_on: date, today: date, now: datetime) -> Readiness:
        return readiness(attempts, due_on=due_on, today=today, now=now, outreach=self._policy, pause=self._pause)


def _require_open(row: Outreach) -> None:
    if row.closed_at is not None:
        raise ConflictError(Conflict.OUTREACH_STATE, "the person has left the outreach list meanwhile: nothing more is to be done")
