"""A referred verification put together for its reviewer, in the caller's transaction: rows opened, measured against policy, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from models.alert import AlertState
from models.case_holding import held_by_another
from models.identifiers import mask_name
from models.keys import KeyRing, UnsealError
from models.policy import CertificationPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories import reviews
from models.repositories.reviews import FrameRow, ReferenceRow, Referred
from models.verification import Verification, VerificationKind
from verify.assessment import best_frames
from verify.certifying import evidence_of
from verify.engines.protocol import Embedding, Engine
from verify.errors import TemplateError
from verify.evidence import EvidenceKind, Reason
from verify.frames import open_observation_of
from verify.observation import Observation
from verify.observation_codec import ObservationCodecError
from verify.pad.challenge import Challenge
from verify.policy import VerificationPolicy
from verify.review import (
    Attempt,
    Certification,
    Decided,
    Frame,
    Piece,
    ReferenceShown,
    Review,
    ReviewState,
    chosen,
    frame_values,
    worst_component,
)
from verify.template import SealedTemplate, open_template
from verify.views import ChallengeKind, Channel

ATTEMPTS_SHOWN, CERTIFICATIONS_SHOWN = 10, 5


@dataclass(frozen=True)
class ReviewReader:
    """Puts reviews together. policy_hash: of the policy in force."""

    keyring: KeyRing
    engine: Engine
    policy: VerificationPolicy
    policy_hash: str
    certification: CertificationPolicy
    casework: CaseworkPolicy

    def review(self, session: Session, found: Referred, *, actor: str, now: datetime) -> Review:
        """Everything but the pictures, as this reviewer sees it at this moment."""
        row, person, today = found.verification, found.person, self.certification.today
        reference = self.reference(session, found)
        pieces = tuple(Piece.of(evidence_of(piece)) for piece in row.evidence)
        decided_at = row.decided_at or row.started_at
        case = found.case
        held = case is not None and case.closed_at is None and held_by_another(case.owner, case.held_until, actor, now)
        return Review(
            verification_id=row.id,
            person_id=person.public_id,
            masked_name=mask_name(person.name),
            masked_resident_id=person.resident_id_masked,
            birth_year=person.birth_date.year,
            region_code=person.region_code,
            region_name=found.region_name,
            kind=_kind(row.kind),
            channel=Channel(row.channel.value),
            camera_label=row.camera_label,
            started_at=row.started_at,
            decided_at=decided_at,
            answer_by=today(decided_at) + timedelta(days=self.casework.referred_days),
            reasons=tuple(Reason(reason) for reason in row.reasons),
            pieces=pieces,
            frames=self._frames(row, reviews.frames(session, row.id), reference, pieces),
            reference=None
            if reference is None
            else ReferenceShown(today(reference.enrolled_at), reference.source, reference.overall, reference.image is not None),
            attempts=tuple(
                Attempt(
                    each.verification_id,
                    today(each.started_at),
                    each.state,
                    each.outcome,
                    _kind(each.kind),
                    Channel(each.channel.value),
                    tuple(Reason(reason) for reason in each.reasons),
                    each.decision,
                )
                for each in reviews.attempts(session, person.id, but=row.id, limit=ATTEMPTS_SHOWN)
            ),
            certifications=tuple(
                Certification(each.occurred_on, each.kind, each.source, each.silent)
                for each in reviews.certifications(session, person.id, self.certification, on=today(now), limit=CERTIFICATIONS_SHOWN)
            ),
            state=_state(found),
            decided=None if found.review is None else Decided(found.review.decision, found.review.reason, found.review.by, found.review.at),
            alert_id=None if found.alert is None else found.alert.public_id,
            case_id=None if case is None else case.public_id,
            held_by=case.owner if case is not None and held else None,
            held_until=case.held_until if case is not None and held else None,
            own_session=reviews.started_by(session, row) == actor,
            other_policy=row.policy_hash != self.policy_hash,
            same_engine=self._same_engine(row),
        )

    def _same_engine(self, row: Verification) -> bool:
        return (row.engine_name, row.engine_version) == (self.engine.name, self.engine.version)

    def reference(self, session: Session, found: Referred) -> ReferenceRow | None:
        """The reference that the attempt was, or would be, compared with."""
        row = found.verification
        return reviews.reference(session, found.person.id, row.engine_name or "", row.engine_version or "")

    def _frames(
        self, row: Verification, rows: Sequence[FrameRow], reference: ReferenceRow | None, pieces: Sequence[Piece]
    ) -> tuple[Frame, ...]:
        challenge = Challenge.from_json(row.challenge)
        seen = {frame.seq: observation for frame in rows if (observation := self._observation(row.id, frame)) is not None}
        similarities = self._similarities(row, reference, seen)
        probes = [observation.seq for observation in best_frames(list(seen.values()), self.policy.probe_frames)]
        shown = chosen([frame.seq for frame in rows if frame.has_picture], probes, self.casework.review_pictures)
        accept_from = _accept_from(pieces)
        return tuple(
            Frame(
                seq=frame.seq,
                at_ms=int(frame.measures["captured_at_ms"]),
                prompt=challenge.prompt_at(max(0, int(frame.measures["step"]))).name,
                colour=frame.measures["colour"],
                values=frame_values(frame.measures, similarity=similarities.get(frame.seq), accept_from=accept_from, policy=self.policy),
                hints=tuple(Reason(hint) for hint in frame.measures.get("hints", ())),
                worst_component=worst_component(frame.measures, self.policy),
                has_picture=frame.has_picture,
                shown=frame.seq in shown,
                probe=frame.seq in probes,
            )
            for frame in rows
        )

    def _observation(self, verification_id: str, frame: FrameRow) -> Observation | None:
        try:
            return open_observation_of(self.keyring, verification_id, frame.seq, frame.observation)
        except (UnsealError, ObservationCodecError):
            return None  # measured by an older version, or damaged: what is kept in clear still stands

    def _similarities(self, row: Verification, reference: ReferenceRow | None, seen: dict[int, Observation]) -> dict[int, float]:
        """Likeness of each frame to the reference, where both are of the running engine."""
        embedded = {seq: one.embedding for seq, one in seen.items() if one.embedding is not None}
        template = self._template(reference)
        if template is None or not embedded or not self._same_engine(row):
            return {}
        found = self.engine.similarity(template, np.stack(list(embedded.values())))
        return dict(zip(embedded, (float(value) for value in found.ravel()), strict=True))

    def _template(self, reference: ReferenceRow | None) -> Embedding | None:
        running = (self.engine.name, self.engine.version)
        if reference is None or reference.template is None or (reference.engine_name, reference.engine_version) != running:
            return None
        sealed = SealedTemplate(reference.template, *running, self.engine.embedding_size)
        try:
            return open_template(self.keyring, sealed, reference.record_id)
        except TemplateError:
            return None


def _kind(kind: VerificationKind) -> ChallengeKind:
    return ChallengeKind.GENTLE if kind is VerificationKind.GENTLE else ChallengeKind.STANDARD


def _state(found: Referred) -> ReviewState:
    if found.review is not None:
        return ReviewState.DECIDED
    return ReviewState.CLOSED if found.alert is None or found.alert.state is AlertState.CLOSED else ReviewState.WAITING


def _accept_from(pieces: Sequence[Piece]) -> float | None:
    """From which similarity on the comparison was a match; None where it was held against a normalised score."""
    for piece in pieces:
        for value in piece.values:
            if piece.kind is EvidenceKind.MATCH and value.name == "score" and value.unit == "similarity":
                return value.threshold
    return None
