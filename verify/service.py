"""The use cases of proof of life by camera: start, frames, finish. The only place where frames, evidence and the store meet.

Pictures are decoded and measured outside every transaction; each change of state is one short transaction, won by one worker only.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing, Sealed
from models.person import Person
from models.policy import CertificationPolicy, RetentionPolicy, RetryPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories import audit, consents, idempotency, outbox, references, referred, reviews, tries, verifications
from models.repositories.verifications import FrameResult, NewFrame, NewVerification
from models.templates import frame_data
from models.types import opaque_id
from models.verification import Verification, VerificationChannel, VerificationKind, VerificationState
from verify import session as tokens
from verify.answers import answer_of
from verify.capture import decode
from verify.certificate_service import CertificateService
from verify.certifying import Certifier
from verify.engines.protocol import Capability, Engine
from verify.evidence import Reason
from verify.frames import light_observations, measures_of, seal_observation
from verify.live_session import LiveSession, LiveSessions
from verify.observation import Observation
from verify.observe import FrameStamp, observe
from verify.pad.challenge import Challenge, Progress, draw_challenge, progress
from verify.people import known_person
from verify.policy import VerificationPolicy
from verify.reference_service import FACE, ReferenceService
from verify.service_errors import (
    ConsentMissing,
    FrameDuplicate,
    PersonDeceased,
    ReferenceMissing,
    TooManyFrames,
    TriesUsedUp,
    VerificationClosed,
    VerificationUnknown,
)
from verify.views import Answer, ChallengeKind, Channel, FrameAnswer, Guide, StartedVerification, VerificationView

# A worker that took a session for deciding and died: after this time another one may take it over. A decision takes about a second.
TAKEOVER_AFTER = timedelta(seconds=30)


class VerificationService:
    """Proof of life by camera. Thread-safe; one a process.

    ``references`` holds the use cases around reference faces and consent, ``certificates`` those of reading certificates.
    """

    def __init__(
        self,
        *,
        database: Database,
        keyring: KeyRing,
        engine: Engine,
        policy: VerificationPolicy,
        certification: CertificationPolicy,
        retention: RetentionPolicy,
        retry: RetryPolicy,
        casework: CaseworkPolicy,
        policy_hash: str,
        clock: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._engine = engine
        self._policy = policy
        self._certification = certification
        self._retention = retention
        self._retry = retry
        self._casework = casework
        self._clock = clock
        self._rng = rng
        self._steps = tokens.StepTokens(keyring.derive("step-tokens"))
        self._live = LiveSessions(self._read_live)
        self.references = ReferenceService(database, keyring, engine, policy, retention, clock)
        self.certificates = CertificateService(database, keyring, certification, clock)
        self._certifier = Certifier(
            database=database,
            keyring=keyring,
            engine=engine,
            policy=policy,
            certification=certification,
            retention=retention,
            retry=retry,
            casework=casework,
            policy_hash=policy_hash,
            clock=clock,
            templates=self.references,
        )

    # start ---------------------------------------------------------------------------------------------------------

    def start(
        self,
        person_id: str,
        *,
        kind: ChallengeKind,
        channel: Channel,
        camera_label: str | None = None,
        device: str | None = None,
        actor: str = "person",
    ) -> StartedVerification:
        """Open a session with a fresh random challenge; one of this person that is still open is abandoned.

        device: its coarse class, such as phone, for figures of how fairly attempts go; None when it is not known.

        Raises:
            PersonUnknown, PersonDeceased, ConsentMissing, ReferenceMissing, TriesUsedUp (with the seconds to wait).
        """
        now = self._clock()
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            standing = self._may_start(session, person, now)
        self._require_reference(person)
        challenge = draw_challenge(self._rng, self._policy, kind, now=now)
        token, verification_id = tokens.new_token(), opaque_id()
        new = NewVerification(
            person_id=person.id,
            kind=VerificationKind(kind.value),
            channel=VerificationChannel(channel.value),
            challenge=challenge.to_json(),
            token_hash=tokens.token_hash(token),
            expires_at=challenge.expires_at,
            client={"device": device} if device else {},
            camera_label=camera_label,
            id=verification_id,
        )
        with self._database.session_scope() as session:
            try:
                verifications.start(session, new, now=now)
            except ConflictError as error:
                if error.conflict is not Conflict.VERIFICATION_OPEN:
                    raise
                verifications.start(session, new, now=now)  # the other one that was just opened is abandoned
            audit.record(
                session,
                actor=actor,
                action=reviews.STARTED,
                now=now,
                person_id=person.id,
                object=verification_id,
                details={"kind": kind},
            )
        first = progress(challenge, (), self._policy)
        return StartedVerification(
            verification_id=verification_id,
            token=token,
            kind=kind,
            expires_at=challenge.expires_at,
            guide=self._guide(verification_id, challenge, first),
            tries_left=max(0, self._retry.refer_after - standing.failed_attempts),
        )

    def _may_start(self, session: Session, person: Person, now: datetime) -> tries.Tries:
        if self._certifier.is_deceased(session, person):
            raise PersonDeceased("a record stands against this person that only people can clear up: please go to the counter")
        if consents.in_force(session, person.id, FACE) is None:
            raise ConsentMissing("face recognition needs a consent that is in force")
        standing = tries.standing(session, person.id, policy=self._retry, now=now)
        if standing.wait_until is not None:
            raise TriesUsedUp("too many tries", retry_after_s=max(1, int((standing.wait_until - now).total_seconds())))
        return standing

    def _require_reference(self, person: Person) -> None:
        with self._database.read_scope() as session:
            there = references.active(session, person.id, self._engine.name, self._engine.version) is not None
        if not there and not self.references.reissue(person.public_id, actor="system"):
            raise ReferenceMissing(f"no reference face is enrolled for the engine {self._engine.name}")

    # frames --------------------------------------------------------------------------------------------------------

    def require(self, verification_id: str, token: str) -> None:
        """Return when there is such an attempt and the token is its own. Raises VerificationUnknown."""
        self._live_session(verification_id, token)

    def add_frame(
        self,
        verification_id: str,
        token: str,
        *,
        seq: int,
        captured_at_ms: int,
        step_token: str,
        data: bytes,
        camera_label: str | None = None,
    ) -> FrameAnswer:
        """Measure one frame and say what to do next. The same frame again gives the same kind of answer and changes nothing.

        Raises:
            VerificationUnknown, VerificationClosed, TooManyFrames, FrameDuplicate, CaptureError.
        """
        now = self._clock()
        live = self._live_session(verification_id, token)
        challenge = live.challenge
        if challenge.expired(now):
            raise VerificationClosed("this verification takes no more frames: start a new one", VerificationState.EXPIRED.value)
        if live.frames >= self._policy.frames_max:
            raise TooManyFrames(f"a verification has at most {self._policy.frames_max} frames: finish it or start a new one")
        step = self._steps.step(verification_id, step_token, challenge.steps_total + 1)
        if step is None:
            return self._foreign(verification_id, live, seq)
        image = decode(data, self._policy.capture.frame)
        digest = hashlib.sha256(data).digest()
        stamp = FrameStamp(
            seq=seq,
            captured_at_ms=captured_at_ms,
            received_at_ms=int((now - live.started_at).total_seconds() * 1000),
            step=step,
            colour=challenge.colour_at(step),
            sha256=digest.hex(),
        )
        observation = observe(image, self._engine, stamp, self._policy, **self._schedule(verification_id, seq))
        keep_until = now + timedelta(hours=self._retention.frame_observation_hours)
        frame = NewFrame(
            verification_id=verification_id,
            seq=seq,
            received_at=now,
            sha256=digest,
            measures=measures_of(observation),
            observation=seal_observation(self._keyring, verification_id, observation),
            picture=self._kept_picture(verification_id, seq, data),
            purge_after=keep_until,
        )
        with self._database.session_scope() as session:
            result = verifications.add_frame(session, frame, now=now)
            rows = verifications.frame_measures(session, verification_id, after=live.last_row)
            if result is FrameResult.STORED and camera_label:
                verifications.note_camera(session, verification_id, camera_label)
        if result is FrameResult.NOT_OPEN:
            self._live.forget(verification_id)
            raise VerificationClosed("this verification takes no more frames", self.state(verification_id, token).state.value)
        if result is FrameResult.SEQ_TAKEN:
            raise FrameDuplicate(f"frame {seq} was already sent with another picture")
        live.take(light_observations(rows))
        return self._answer(verification_id, live, seq, observation)

    def _live_session(self, verification_id: str, token: str) -> LiveSession:
        live = self._live.get(verification_id)
        if not tokens.token_fits(token, live.token_hash):
            raise VerificationUnknown("there is no such verification")
        return live

    def _read_live(self, verification_id: str) -> LiveSession:
        with self._database.read_scope() as session:
            row = self._find(session, verification_id)
            if row.state is not VerificationState.OPEN:
                raise VerificationClosed("this verification takes no more frames", row.state.value)
            live = LiveSession(row.token_hash, Challenge.from_json(row.challenge), row.started_at)
            rows = verifications.frame_measures(session, verification_id)
        live.take(light_observations(rows))
        return live

    def _schedule(self, verification_id: str, seq: int) -> dict[str, bool]:
        """Which dear models look at this frame: by a secret, so that nobody can show the right face only where it is looked at."""
        draw = self._steps.draw(verification_id, seq)
        rules = self._policy.frame
        every = {"embed": rules.embed_every, "passive": rules.passive_every, "texture": rules.texture_every}
        return {name: seq == 0 or draw[place] % n == 0 for place, (name, n) in enumerate(every.items())}

    def _kept_picture(self, verification_id: str, seq: int, data: bytes) -> Sealed | None:
        if not self._retention.keep_pictures_of_referred:
            return None
        return self._keyring.seal(data, frame_data(verification_id, seq, "picture"))

    def _foreign(self, verification_id: str, live: LiveSession, seq: int) -> FrameAnswer:
        """A frame whose step token is not of this session: counted against it, and not looked at."""
        with self._database.session_scope() as session:
            verifications.count_foreign_frame(session, verification_id)
        answer = self._answer(verification_id, live, seq, None)
        return replace(answer, accepted=False, hints=(Reason.FOREIGN_FRAME,))

    def _answer(self, verification_id: str, live: LiveSession, seq: int, observation: Observation | None) -> FrameAnswer:
        seen = live.observations()
        state = progress(live.challenge, seen, self._policy)
        unmeasurable = Capability.MESH not in self._engine.capabilities
        return FrameAnswer(
            seq=seq,
            accepted=True,
            hints=_hints(observation, state),
            guide=self._guide(verification_id, live.challenge, state),
            complete=state.satisfied or state.failed is not None or (unmeasurable and len(seen) >= self._policy.frames_max // 4),
            frames=len(seen),
        )

    def _guide(self, verification_id: str, challenge: Challenge, state: Progress) -> Guide:
        colour = None
        if state.colour is not None:
            red, green, blue = self._policy.flash.colours[state.colour]
            colour = f"#{red:02x}{green:02x}{blue:02x}"
        return Guide(
            prompt=state.prompt,
            step_token=self._steps.token(verification_id, state.step),
            colour=colour,
            progress=state.fraction,
            steps_done=min(state.step, challenge.steps_total),
            steps_total=challenge.steps_total,
        )

    # finish --------------------------------------------------------------------------------------------------------

    def finish(self, verification_id: str, token: str) -> VerificationView:
        """Decide. A second call, or a second worker, gets the decision that is there.

        Raises:
            VerificationUnknown.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            self._own(session, verification_id, token)
            claimed = verifications.claim_for_decision(session, verification_id, now=now, takeover_after=TAKEOVER_AFTER)
        self._live.forget(verification_id)
        if claimed:
            try:
                self._certifier.decide(verification_id, claimed_at=now)
            except BaseException:
                with self._database.session_scope() as session:
                    verifications.release(session, verification_id, claimed_at=now)
                raise
        return self.state(verification_id, token)

    def state(self, verification_id: str, token: str) -> VerificationView:
        """Where the attempt stands. Raises VerificationUnknown, for a wrong token too."""
        with self._database.read_scope() as session:
            return self._certifier.view(session, self._own(session, verification_id, token))

    def abandon(self, verification_id: str, token: str) -> VerificationView:
        """End an open session without a decision; its measurements are deleted at the next housekeeping."""
        with self._database.session_scope() as session:
            self._own(session, verification_id, token)
            if verifications.abandon(session, verification_id):
                verifications.purge_now(session, verification_id, now=self._clock())
        return self.state(verification_id, token)

    def latest_of(self, person_id: str) -> VerificationView | None:
        """The person's last decided attempt, for the page that tells how a referred one came out."""
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            decided = (row for row in verifications.latest(session, person.id) if row.state is VerificationState.DECIDED)
            row = next(decided, None)
            return None if row is None else self._certifier.view(session, row)

    def answer(self, person_id: str) -> Answer | None:
        """What became of the person's last attempt when it was referred; None when it was not, or there is none."""
        with self._database.read_scope() as session:
            came_out = reviews.standing(session, person_id=person_id)
        return None if came_out is None else answer_of(came_out, self._certification, self._casework)

    def _own(self, session: Session, verification_id: str, token: str) -> Verification:
        row = self._find(session, verification_id)
        if not tokens.token_fits(token, row.token_hash):
            raise VerificationUnknown("there is no such verification")
        return row

    def _find(self, session: Session, verification_id: str) -> Verification:
        try:
            return verifications.get(session, verification_id)
        except NotFoundError as error:
            raise VerificationUnknown("there is no such verification") from error

    # housekeeping --------------------------------------------------------------------------------------------------

    def housekeeping(self) -> dict[str, int]:
        """Expire sessions, delete what retention says is due. Harmless at any time and from several processes at once."""
        now = self._clock()
        with self._database.session_scope() as session:
            return {
                "sessions_expired": verifications.expire_due(session, now=now),
                "referrals_settled": referred.settle(session, self._certification, now=now),
                "frames_emptied": verifications.purge_frames(session, now=now) + referred.purge_settled(session),
                "verifications_deleted": verifications.delete_older_than(session, now - timedelta(days=self._retention.verification_days)),
                "idempotency_keys_deleted": idempotency.purge(session, now=now),
                "messages_deleted": outbox.purge_sent(session, before=now - timedelta(days=self._retention.outbox_days)),
            }


def _hints(observation: Observation | None, state: Progress) -> tuple[Reason, ...]:
    """What would help now: the picture's faults first, then what the prompt lacks."""
    if observation is None:
        return ()
    picture = (Reason.NO_FACE,) if observation.box is None else (observation.quality.reasons if observation.quality else ())
    return tuple(dict.fromkeys((*picture, *state.hints)))
