"""Assisted certification inside one installation: asking, answering, carrying out, deadlines. One transaction a step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.account import Account
from models.alert import AlertSeverity
from models.assistance import AssistanceMethod, AssistanceReason, AssistanceRequest, AssistanceState, Peer
from models.certificate import Certificate
from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.identifiers import mask_name
from models.keys import KeyRing
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_store import AssistancePolicy
from models.region import Region
from models.repositories import alerts, assistance, audit, peers, persons
from models.repositories.alerts import NewAlert
from models.repositories.assistance import QueueLine, Step
from models.triage import TriageRules
from models.types import opaque_id
from verify.assistance import REASONS, WHO, Action, Deadline, Side, after, comes_back_on, next_deadline, possible
from verify.assistance_effects import AssistanceEffects, Effect
from verify.assistance_views import (
    CONTACT_MAX,
    TEXT_MAX,
    Answer,
    AssistanceInvalid,
    Field,
    OpenedPerson,
    RequestView,
    Rule,
    StepView,
)
from verify.people import known_person

LATE = "assistance_late"
CALENDAR = "job:assistance"
TEND_AT_ONCE = 500


class AssistanceService:
    """Use cases of staff and of the calendar. Thread-safe."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        *,
        certification: CertificationPolicy,
        policy: AssistancePolicy,
        triage: TriageRules,
        visiting_roles: frozenset[str],
        clock: Callable[[], datetime],
    ) -> None:
        """visiting_roles: names of the roles of which the second member of staff at a home visit must have one."""
        self._database = database
        self._keyring = keyring
        self._certification = certification
        self._policy = policy
        self._visiting_roles = visiting_roles
        self._clock = clock
        self._effects = AssistanceEffects(keyring, certification, triage)

    # ask and answer ------------------------------------------------------------------------------------------------

    def ask(self, person_id: str, *, performing_region: str, reason: str, contact: str | None, actor: str) -> str:
        """Ask another region about a person; public id of the request.

        Raises:
            PersonUnknown; AssistanceInvalid; ConflictError: ASSISTANCE_STATE, a request about this person is open already.
        """
        now = self._clock()
        today = self._certification.today(now)
        reason, contact = _text(Field.REASON, reason, TEXT_MAX), _text(Field.CONTACT, contact or "", CONTACT_MAX) or None
        if not reason:
            raise AssistanceInvalid(Field.REASON, Rule.MISSING, "say why the other region should help")
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            if performing_region == person.region_code:
                raise AssistanceInvalid(Field.REGION, Rule.OWN_REGION, "this is the person's own region")
            peer = peers.serving(session, performing_region)
            if peer is None and session.get(Region, performing_region) is None:
                raise AssistanceInvalid(Field.REGION, Rule.NOT_SERVED, f"no office of {performing_region} can be asked from here")
            public_id = opaque_id()
            row = AssistanceRequest(
                public_id=public_id,
                requesting_region=person.region_code,
                performing_region=performing_region,
                asked_here=True,
                peer_id=None if peer is None else peer.id,
                person_id=person.id,
                name_sealed=assistance.seal(self._keyring, public_id, "name", person.name),
                name_masked=mask_name(person.name),
                resident_id_sealed=assistance.seal(
                    self._keyring, public_id, "resident_id", persons.open_resident_id(person, self._keyring)
                ),
                resident_id_masked=person.resident_id_masked,
                contact_sealed=None if contact is None else assistance.seal(self._keyring, public_id, "contact", contact),
                reason=reason,
                state=AssistanceState.REQUESTED,
                version=1,
                accept_by=today + timedelta(days=self._policy.accept_days),
                carry_out_by=today + timedelta(days=self._policy.carry_out_days),
                requested_by=actor,
                requested_at=now,
                updated_at=now,
            )
            assistance.add(session, row, by=actor)
            self._effects.tell(session, row, now=now)
            details = {"region": performing_region, "other_installation": peer is not None}
            audit.record(
                session, actor=actor, action="assistance.requested", now=now, person_id=person.id, object=public_id, details=details
            )
        return public_id

    def act(self, request_id: str, action: Action, answer: Answer, *, version: int, region: str | None, actor: str) -> Effect:
        """Take a request one step on. version: that the actor saw. region: prefix of what the actor works for, None for nothing.

        Raises:
            NotFoundError: no such request in the actor's regions; AssistanceInvalid names what is wrong;
            ConflictError: ASSISTANCE_STATE, it has gone on since, or the step is not possible now or not theirs.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            row = assistance.get(session, request_id)
            sides = sides_of(row, region)
            if not sides:
                raise NotFoundError("there is no such request")
            if row.version != version:
                raise assistance.stale()
            state = after(row.state, action)
            if state is None or WHO[action] not in sides:
                raise ConflictError(Conflict.ASSISTANCE_STATE, f"a request that is {row.state.value} cannot be taken on like this")
            if WHO[action] is Side.PERFORMING and row.requested_by == actor:
                raise AssistanceInvalid(Field.ACTOR, Rule.SAME_PERSON, "who asked cannot answer: somebody of the other region has to")
            step = self._step(session, row, action, state, answer, actor=actor, now=now)
            return self._effects.take(session, row, step, by=actor, now=now)

    def _step(
        self,
        session: Session,
        row: AssistanceRequest,
        action: Action,
        state: AssistanceState,
        answer: Answer,
        *,
        actor: str,
        now: datetime,
    ) -> Step:
        note = _text(Field.NOTE, answer.note or "", TEXT_MAX) or None
        why = None
        if action in REASONS:
            if answer.why not in REASONS[action]:
                raise AssistanceInvalid(Field.WHY, Rule.NOT_A_REASON, "choose a reason")
            why = answer.why
            if why is AssistanceReason.OTHER and note is None:
                raise AssistanceInvalid(Field.NOTE, Rule.MISSING, "another reason has to be written down")
        if action is not Action.CARRY_OUT:
            return Step(state, reason=why, note=note)
        if answer.method is None:
            raise AssistanceInvalid(Field.METHOD, Rule.MISSING, "say how the person was seen")
        check_day(answer.occurred_on, asked_on=self._certification.today(row.requested_at), today=self._certification.today(now))
        second = None
        if answer.method is AssistanceMethod.HOME_VISIT:
            second = self._second_staff(session, answer.second_staff or "", actor)
        elif (answer.second_staff or "").strip():
            raise AssistanceInvalid(Field.SECOND_STAFF, Rule.NOT_OF_THIS_KIND, "only a home visit takes two members of staff")
        return Step(state, note=note, method=answer.method, occurred_on=answer.occurred_on, second_staff=second)

    def _second_staff(self, session: Session, typed: str, actor: str) -> str:
        wanted = typed.strip().removeprefix("staff:").lower()
        if not wanted:
            raise AssistanceInvalid(Field.SECOND_STAFF, Rule.MISSING, "a home visit takes two members of staff")
        account = session.scalar(select(Account).where(func.lower(Account.username) == wanted))
        if account is None or not account.active or not self._visiting_roles & {role.name for role in account.roles}:
            raise AssistanceInvalid(Field.SECOND_STAFF, Rule.NO_ACTIVE_ACCOUNT, "there is no active account of this name that makes visits")
        second = f"staff:{account.username}"
        if second.lower() == actor.lower():
            raise AssistanceInvalid(Field.SECOND_STAFF, Rule.SAME_PERSON, "the second member of staff must be somebody else")
        return second

    # look ----------------------------------------------------------------------------------------------------------

    def view(self, request_id: str, *, region: str | None, actor: str) -> RequestView:
        """One request, masked. The caller records the look. Raises NotFoundError, also for one of other regions."""
        today = self._certification.today(self._clock())
        with self._database.read_scope() as session:
            row = assistance.get(session, request_id)
            sides = sides_of(row, region)
            if not sides:
                raise NotFoundError("there is no such request")
            peer = None if row.peer_id is None else session.get_one(Peer, row.peer_id)
            asking = Side.ASKING in sides
            person = session.get_one(Person, row.person_id) if asking and row.person_id is not None else None
            own = row.requested_by == actor
            actions = possible(row.state, sides - {Side.PERFORMING} if own else sides)
            certified = None
            if row.asked_here and row.evidence_id is not None:
                certified = session.scalar(select(Certificate.id).where(Certificate.evidence_id == row.evidence_id).limit(1)) is not None
            return RequestView(
                request_id=row.public_id,
                version=row.version,
                state=row.state,
                sides=sides,
                actions=actions,
                own_request=own and Side.PERFORMING in sides,
                name_masked=row.name_masked,
                resident_id_masked=row.resident_id_masked,
                person_id=None if person is None else person.public_id,
                requesting_region=row.requesting_region,
                performing_region=row.performing_region,
                peer_name=None if peer is None else peer.name,
                reason=row.reason,
                deadline=self.deadline(row, today),
                accept_by=row.accept_by,
                carry_out_by=row.carry_out_by,
                comes_back_on=comes_back_on(
                    row.state, accept_by=row.accept_by, carry_out_by=row.carry_out_by, accept_days=self._policy.accept_days
                ),
                method=row.method,
                occurred_on=row.occurred_on,
                second_staff=row.second_staff,
                certified=certified,
                personal_kept=row.resident_id_sealed is not None,
                requested_by=row.requested_by,
                requested_at=row.requested_at,
                steps=tuple(
                    StepView(event.version, event.state, event.reason, event.note, event.made_by, event.made_at)
                    for event in assistance.events(session, row.id)
                ),
            )

    def open_person(self, request_id: str, *, region: str | None, actor: str, details: dict[str, str | None]) -> OpenedPerson | None:
        """Name, full number and contact of the person, with the audit entry that this leaves; None when they were deleted by then.

        details: of the door, for the audit entry. Raises NotFoundError.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            row = assistance.get(session, request_id)
            if not sides_of(row, region):
                raise NotFoundError("there is no such request")
            opened = opened_person(self._keyring, row)
            if opened is None:
                return None
            audit.record(
                session,
                actor=actor,
                action="assistance.person_opened",
                now=now,
                person_id=row.person_id,
                object=row.public_id,
                details=details,
            )
            return opened

    def queue(
        self, side: Side, region: str, states: Collection[AssistanceState], *, after: tuple[date, int] | None = None, limit: int = 50
    ) -> Sequence[QueueLine]:
        """One side's queue for a prefix of regions, most urgent first."""
        with self._database.read_scope() as session:
            return assistance.queue(session, _which(side, region), states, after=after, limit=limit)

    def place(self, request_id: str, *, region: str | None) -> tuple[date, int]:
        """Where a request stands in a queue, for the page after it. Raises NotFoundError."""
        with self._database.read_scope() as session:
            row = assistance.get(session, request_id)
            if not sides_of(row, region):
                raise NotFoundError("there is no such request")
            return (row.accept_by if row.state is AssistanceState.REQUESTED else row.carry_out_by), row.id

    def counts(self, side: Side, region: str) -> tuple[dict[AssistanceState, int], int]:
        """How many requests are in each state, and how many open ones are late."""
        today = self._certification.today(self._clock())
        with self._database.read_scope() as session:
            which = _which(side, region)
            return assistance.counts(session, which), assistance.late_count(session, which, today)

    def deadline(self, row: AssistanceRequest | QueueLine, today: date) -> Deadline:
        """Until when the asked region has to act next."""
        return next_deadline(
            row.state, accept_by=row.accept_by, carry_out_by=row.carry_out_by, today=today, warn_days=self._policy.warn_days
        )

    # calendar ------------------------------------------------------------------------------------------------------

    def tend(self) -> dict[str, int]:
        """What the calendar does: alerts for late requests, long late ones come back, personal data of closed ones is deleted."""
        done = {"late": 0, "returned": 0, "forgotten": 0}
        for work, name in ((self._alert_late, "late"), (self._bring_back, "returned")):
            while (number := work()) > 0:
                done[name] += number
        now = self._clock()
        with self._database.session_scope() as session:
            done["forgotten"] = assistance.forget_persons(session, now - timedelta(days=self._policy.personal_days))
        return done

    def _alert_late(self) -> int:
        now = self._clock()
        with self._database.session_scope() as session:
            rows = assistance.late_without_alert(session, self._certification.today(now), limit=TEND_AT_ONCE)
            for row in rows:
                day = row.accept_by if row.state is AssistanceState.REQUESTED else row.carry_out_by
                alerts.open_alerts(session, _late(row, day), by=CALENDAR, now=now)
                row.alerted_for = day
            return len(rows)

    def _bring_back(self) -> int:
        now = self._clock()
        before = self._certification.today(now) - timedelta(days=self._policy.accept_days)
        with self._database.session_scope() as session:
            rows = assistance.long_late(session, before, limit=TEND_AT_ONCE)
            for row in rows:
                step = Step(AssistanceState.RETURNED, reason=AssistanceReason.DEADLINE)
                self._effects.take(session, row, step, by=CALENDAR, now=now)
            return len(rows)


def sides_of(row: AssistanceRequest, region: str | None) -> frozenset[Side]:
    """For which side of a request somebody works. region: prefix of their regions, None for none."""
    if region is None:
        return frozenset()
    sides = set()
    if row.asked_here and row.requesting_region.startswith(region):
        sides.add(Side.ASKING)
    if (row.peer_id is None or not row.asked_here) and row.performing_region.startswith(region):
        sides.add(Side.PERFORMING)
    return frozenset(sides)


def opened_person(keyring: KeyRing, row: AssistanceRequest) -> OpenedPerson | None:
    """The person of a request in clear; None when the sealed columns were emptied. The caller writes the audit entry."""
    name = assistance.unseal(keyring, row.public_id, "name", row.name_sealed)
    number = assistance.unseal(keyring, row.public_id, "resident_id", row.resident_id_sealed)
    if name is None or number is None:
        return None
    return OpenedPerson(name, number, assistance.unseal(keyring, row.public_id, "contact", row.contact_sealed))


def check_day(occurred_on: date | None, *, asked_on: date, today: date) -> None:
    """The day on which a person was seen: not before the request, not after today. Raises AssistanceInvalid."""
    if occurred_on is None:
        raise AssistanceInvalid(Field.OCCURRED_ON, Rule.MISSING, "say on which day the person was seen")
    if occurred_on < asked_on:
        raise AssistanceInvalid(
            Field.OCCURRED_ON, Rule.BEFORE_REQUEST, f"the request was made on {asked_on}: a day before it does not count"
        )
    if occurred_on > today:
        raise AssistanceInvalid(Field.OCCURRED_ON, Rule.IN_FUTURE, f"the day is after today, {today}")


def _text(field: Field, value: str, longest: int) -> str:
    """One line without control characters: whatever a database, a log or another installation could stumble over."""
    text = "".join(character for character in " ".join(value.split()) if character.isprintable())
    if len(text) > longest:
        raise AssistanceInvalid(field, Rule.TOO_LONG, f"at most {longest} characters")
    return text


def _which(side: Side, region: str) -> ColumnElement[bool]:
    return assistance.asked_by(region) if side is Side.ASKING else assistance.asked_of(region)


def _late(row: AssistanceRequest, day: date) -> list[NewAlert]:
    """One for each side that is served here: the one that waits and the one that has to act."""
    findings = []
    details = {"request": row.public_id, "state": row.state.value, "deadline": day.isoformat()}
    if row.asked_here:
        key = f"{LATE}:{row.public_id}:{day}:asking"
        findings.append(NewAlert(LATE, key, AlertSeverity.WARNING, row.requesting_region, row.person_id, details=details))
    if row.peer_id is None or not row.asked_here:
        key = f"{LATE}:{row.public_id}:{day}:performing"
        findings.append(NewAlert(LATE, key, AlertSeverity.WARNING, row.performing_region, None, details=details))
    return findings
