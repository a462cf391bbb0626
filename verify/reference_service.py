"""Reference faces and the consent they rest on: check a picture, enrol, replace, revoke, re-issue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.consent import ConsentPurpose
from models.database import Database
from models.errors import ConflictError
from models.face import FaceReference, ReferenceSource
from models.keys import KeyRing, Sealed
from models.person import Person
from models.policy import RetentionPolicy
from models.repositories import audit, consents, persons, privacy_deletion, references, verifications
from models.templates import image_data
from verify.capture import decode
from verify.engines.protocol import Capability, Embedding, Engine, Face, Image
from verify.evidence import Reason
from verify.observation import Quality
from verify.people import known_person
from verify.policy import VerificationPolicy
from verify.quality import Purpose, assess_quality
from verify.service_errors import ReferenceMissing, ReferenceRejected
from verify.still import embed_still, find_still_face
from verify.template import SealedTemplate, open_template, seal_template
from verify.views import ReferenceCheck, ReferenceView

FACE = ConsentPurpose.FACE_VERIFICATION


class ReferenceService:
    """Use cases around reference faces. Thread-safe; one a process."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        engine: Engine,
        policy: VerificationPolicy,
        retention: RetentionPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._engine = engine
        self._policy = policy
        self._retention = retention
        self._clock = clock

    # consent -------------------------------------------------------------------------------------------------------

    def give_consent(
        self, person_id: str, *, purpose: ConsentPurpose, text_version: str, language: str, channel: str, actor: str = "person"
    ) -> str:
        """Record a consent with the version of the text that was shown. actor: who typed it in. Returns its id.

        Raises PersonUnknown.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            consent = consents.give(session, person.id, purpose, text_version=text_version, language=language, channel=channel, now=now)
            audit.record(session, actor=actor, action="consent.give", now=now, person_id=person.id, object=f"{purpose}/{text_version}")
            return str(consent.id)

    def withdraw_consent(self, person_id: str, *, purpose: ConsentPurpose = FACE, actor: str) -> bool:
        """End the consent in force. Without consent to face verification the templates go too, and what is kept of referred attempts, and
        an attempt that is open ends; without consent to keep the picture, the kept picture goes. Returns False when there was none."""
        now = self._clock()
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            withdrawn = consents.withdraw(session, person.id, purpose, now=now)
            if withdrawn and purpose is FACE:
                privacy_deletion.end_open_attempts(session, persons.records_of(session, person.id))
                references.revoke_all(session, person.id, by=actor, reason="consent withdrawn", now=now)
                verifications.purge_person(session, person.id)
                consents.withdraw(session, person.id, ConsentPurpose.REFERENCE_IMAGE, now=now)
            elif withdrawn:
                references.erase_images(session, person.id)
            if withdrawn:
                audit.record(session, actor=actor, action="consent.withdraw", now=now, person_id=person.id, object=str(purpose))
            return withdrawn

    def has_consent(self, person_id: str, *, purpose: ConsentPurpose = FACE, text_version: str | None = None) -> bool:
        """True while a consent is in force. text_version: only one to this text, for pages that ask anew. Raises PersonUnknown."""
        with self._database.read_scope() as session:
            given = consents.in_force(session, known_person(session, person_id).id, purpose)
            return given is not None and text_version in {None, given.text_version}

    # references ----------------------------------------------------------------------------------------------------

    def check(self, data: bytes) -> ReferenceCheck:
        """Whether a picture can become a reference: one face, good enough. Raises CaptureError for bytes that are no picture."""
        return self._examine(data)[0]

    def enrol(self, person_id: str, data: bytes, *, source: str, actor: str) -> ReferenceView:
        """Enrol a reference face, replacing the one in force.

        Raises:
            PersonUnknown, CaptureError, ReferenceRejected (its ``check`` says why).
        """
        purpose = ReferenceSource(source)
        check, image, face = self._examine(data)
        if image is None or face is None or not check.acceptable:
            raise ReferenceRejected(f"the picture cannot become a reference: {', '.join(check.reasons)}", check)
        embedding = self._embed(image, face)
        now = self._clock()
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            new = references.NewReference(
                person_id=person.id,
                engine_name=self._engine.name,
                engine_version=self._engine.version,
                template=self._seal(embedding, person.public_id),
                source=purpose,
                quality=_quality_json(check.quality),
                image=self._kept_image(session, person, data),
            )
            try:
                row = references.replace(session, new, by=actor, reason="replaced", now=now)
            except ConflictError:  # another counter was faster by a moment: the later picture counts
                row = references.replace(session, new, by=actor, reason="replaced", now=now)
            audit.record(
                session,
                actor=actor,
                action="reference.enrol",
                now=now,
                person_id=person.id,
                object=row.public_id,
                details={"source": source},
            )
            return _view(row, person_id)

    def revoke(self, person_id: str, *, actor: str, reason: str) -> ReferenceView | None:
        """Revoke every active reference; templates and kept pictures are erased. None when there was none."""
        now = self._clock()
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            newest = next(iter(references.active_of_person(session, person.id)), None)
            if newest is None:
                return None
            references.revoke_all(session, person.id, by=actor, reason=reason, now=now)
            audit.record(
                session, actor=actor, action="reference.revoke", now=now, person_id=person.id, object=newest.public_id, reason=reason
            )
            session.refresh(newest)
            return _view(newest, person_id)

    def active(self, person_id: str) -> ReferenceView | None:
        """The reference in force for the running engine, None without one."""
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            row = references.active(session, person.id, self._engine.name, self._engine.version)
            return None if row is None else _view(row, person_id)

    def template(self, person_id: str) -> Embedding:
        """The opened template for the running engine, re-issued from the kept picture when the engine has changed.

        Raises:
            ReferenceMissing: nothing is enrolled for this engine, and no picture is kept that it could be made from.
            TemplateError: the sealed template does not open.
        """
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            row = references.active(session, person.id, self._engine.name, self._engine.version)
            if row is not None and row.template is not None:
                sealed = SealedTemplate(row.template, row.engine_name, row.engine_version, self._engine.embedding_size)
                return open_template(self._keyring, sealed, _sealed_for(session, row))
        if self.reissue(person_id, actor="system"):
            return self.template(person_id)
        raise ReferenceMissing(f"no reference face is enrolled for the engine {self._engine.name} {self._engine.version}")

    def reissue(self, person_id: str, *, actor: str) -> bool:
        """Make a template for the running engine from the picture kept at enrolment. False when no picture is kept."""
        now = self._clock()
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            kept = next((row for row in references.active_of_person(session, person.id) if row.image is not None), None)
            owner = None if kept is None else _sealed_for(session, kept)
        if kept is None or kept.image is None or owner is None:
            return False
        data = self._keyring.unseal(kept.image, image_data(owner))
        check, image, face = self._examine(data)
        if image is None or face is None:
            return False
        new = references.NewReference(
            person_id=kept.person_id,
            engine_name=self._engine.name,
            engine_version=self._engine.version,
            template=self._seal(self._embed(image, face), owner),
            source=kept.source,
            quality=_quality_json(check.quality),
            image=self._keyring.seal(data, image_data(owner)),
        )
        with self._database.session_scope() as session:
            try:
                row = references.enrol(session, new, by=kept.enrolled_by, now=now)
            except ConflictError:
                return True  # another worker re-issued it at the same moment
            references.revoke_older(session, row, by=actor, reason="re-issued for another engine", now=now)
            audit.record(session, actor=actor, action="reference.reissue", now=now, person_id=kept.person_id, object=row.public_id)
        return True

    # parts ---------------------------------------------------------------------------------------------------------

    def _examine(self, data: bytes) -> tuple[ReferenceCheck, Image | None, Face | None]:
        image = decode(data, self._policy.capture.still, exif_orientation=True)
        height, width = image.shape[:2]
        faces = self._engine.detect(image)
        face = faces[0] if faces else find_still_face(self._engine, image)  # a photograph cut tight shows no face without a margin
        if face is None:
            return ReferenceCheck(False, 0, None, (Reason.NO_FACE,), None, width, height), None, None
        mesh = self._engine.mesh(image, face) if Capability.MESH in self._engine.capabilities else None
        quality = assess_quality(image, face, mesh, self._policy, Purpose.ENROLMENT)
        reasons = quality.reasons
        if len(faces) > 1:
            area = [float(f.box[2] * f.box[3]) for f in faces[:2]]
            if area[1] / area[0] > self._policy.continuity.second_face_ratio_max:
                reasons = (Reason.TWO_FACES, *reasons)
        x, y, w, h = (float(v) for v in face.box)
        return ReferenceCheck(not reasons, max(1, len(faces)), quality, reasons, (x, y, w, h), width, height), image, face

    def _embed(self, image: Image, face: Face) -> Embedding:
        return embed_still(self._engine, image, face, flip=self._engine.name in self._policy.matching.flip_stills)

    def _seal(self, embedding: Embedding, person_id: str) -> Sealed:
        sealed = seal_template(self._keyring, embedding, person_id, self._engine.name, self._engine.version)
        return sealed.sealed

    def _kept_image(self, session: Session, person: Person, data: bytes) -> Sealed | None:
        """The picture, sealed, only when policy keeps pictures and the person agreed to it separately."""
        if not self._retention.keep_reference_images:
            return None
        if consents.in_force(session, person.id, ConsentPurpose.REFERENCE_IMAGE) is None:
            return None
        return self._keyring.seal(data, image_data(person.public_id))


def _sealed_for(session: Session, row: FaceReference) -> str:
    """Public id of the record that the reference was enrolled for: what is sealed opens under it, whichever record speaks today."""
    return session.get_one(Person, row.person_id).public_id


def open_picture(keyring: KeyRing, image: Sealed, record_id: str) -> bytes:
    """Bytes of a kept enrolment picture. record_id: public id of the record that it was enrolled for. Raises UnsealError."""
    return keyring.unseal(image, image_data(record_id))


def _quality_json(quality: Quality | None) -> dict[str, Any]:
    if quality is None:
        return {"overall": 0, "components": {}}
    return {
        "overall": quality.overall,
        "components": {c.name: {"score": c.score, "raw": round(c.raw, 4), "unit": c.unit} for c in quality.components},
    }


def _view(row: FaceReference, person_id: str) -> ReferenceView:
    return ReferenceView(
        reference_id=row.public_id,
        person_id=person_id,
        engine_name=row.engine_name,
        engine_version=row.engine_version,
        source=row.source.value,
        quality=int(row.quality.get("overall", 0)),
        enrolled_at=row.enrolled_at,
        revoked_at=row.revoked_at,
    )
