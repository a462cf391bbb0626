"""Identity check at treatment: what a hospital asks, what a comparison of two stills comes to, what follows from it. Pure.

A still face is compared with the enrolled reference. Liveness is not looked at and not claimed: a person at the hospital's counter sees who
stands there. The picture is kept nowhere.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

from models.alert import AlertSeverity
from models.certification_state import CertificationState
from models.identity_check import BlacklistReason, CheckWhy, MatchLevel
from models.policy_store import IdentityCheckPolicy
from models.repositories.alerts import NewAlert
from models.repositories.blacklist import BlacklistEntry
from verify.calibration import Calibration
from verify.comparison import MatchState, compare
from verify.engines.protocol import Capability, Embedding, Engine, Image
from verify.evidence import Reason
from verify.policy import VerificationPolicy
from verify.quality import Purpose, assess_quality
from verify.still import embed_still, find_still_face

# code of the catalogue of signals
CARD_MISUSE = "H13"

LEVELS = {
    MatchState.ACCEPT: (MatchLevel.MATCH, CheckWhy.SAME_FACE),
    MatchState.REFER: (MatchLevel.UNCERTAIN, CheckWhy.UNSURE),
    MatchState.DIFFERENT: (MatchLevel.NO_MATCH, CheckWhy.OTHER_FACE),
}


@dataclass(frozen=True)
class CheckRequest:
    """What a hospital asks. One of resident_id and social_security_number says who; card_number: social-security number of the card shown.

    picture: bytes of one still face. reference: the hospital's own number of this check.
    """

    institution: str
    resident_id: str | None = None
    social_security_number: str | None = None
    name: str | None = None
    card_number: str | None = None
    picture: bytes | None = None
    reference: str | None = None
    department: str | None = None

    def __repr__(self) -> str:
        """Without anybody's numbers, so that no log or traceback shows them."""
        return f"CheckRequest(institution={self.institution!r})"

    def digest(self, secret: bytes) -> bytes:
        """32 bytes, keyed, that are equal for equal requests only."""
        whole = hmac.new(secret, digestmod=sha256)
        for value in vars(self).values():
            part = value if isinstance(value, bytes) else b"" if value is None else value.encode("utf-8")
            whole.update((b"\x00" if value is None else b"\x01") + len(part).to_bytes(8, "big") + part)
        return whole.digest()


@dataclass(frozen=True)
class Compared:
    """What a comparison came to. reasons: what to change about the picture. similarity: the engine's own, None without a comparison.

    calibration: id of the one that was used, ``provisional`` for the policy's thresholds, empty without a comparison.
    """

    level: MatchLevel
    why: CheckWhy
    similarity: float | None = None
    reasons: tuple[Reason, ...] = ()
    calibration: str = ""


def not_compared(why: CheckWhy, reasons: tuple[Reason, ...] = ()) -> Compared:
    """No comparison was made, for this reason."""
    return Compared(MatchLevel.NOT_COMPARED, why, reasons=reasons)


def compare_still(
    engine: Engine, image: Image, reference: Embedding, calibration: Calibration | None, calibration_id: str, policy: VerificationPolicy
) -> Compared:
    """Compare the one face of a (H, W, 3) BGR still with a reference template, by the thresholds of camera verification.

    The picture needs the quality that a frame needs; a larger second face, or none, is not compared.
    """
    faces = engine.detect(image)
    face = faces[0] if faces else find_still_face(engine, image)
    if face is None:
        return not_compared(CheckWhy.NO_FACE, (Reason.NO_FACE,))
    if len(faces) > 1:
        first, second = (float(f.box[2] * f.box[3]) for f in faces[:2])
        if second / first > policy.continuity.second_face_ratio_max:
            return not_compared(CheckWhy.SEVERAL_FACES, (Reason.TWO_FACES,))
    mesh = engine.mesh(image, face) if Capability.MESH in engine.capabilities else None
    quality = assess_quality(image, face, mesh, policy, Purpose.FRAME)
    if quality.reasons:
        return not_compared(CheckWhy.POOR_PICTURE, quality.reasons)
    probe = embed_still(engine, image, face, flip=engine.name in policy.matching.flip_stills)
    comparison = compare(engine, reference, probe, calibration, policy.matching)
    level, why = LEVELS[comparison.state]
    used = calibration_id if comparison.calibrated_at is not None else "provisional"
    return replace(Compared(level, why), similarity=comparison.similarity, calibration=used)


def leaves_trace(compared: Compared, policy: IdentityCheckPolicy) -> bool:
    """True when the check counts as a trace of life. A name that does not fit never does, whatever policy says."""
    return compared.level in policy.trace_levels and compared.why is not CheckWhy.NAME_DIFFERS


@dataclass(frozen=True)
class CardView:
    """What is known of the card: the one shown, else the person's own. of_person: None when the person's record holds no number."""

    blacklisted: bool
    reason: BlacklistReason | None = None
    from_on: date | None = None
    of_person: bool | None = None


@dataclass(frozen=True)
class CertificationView:
    """The certification status on the day of the check."""

    state: CertificationState
    due_on: date | None


@dataclass(frozen=True)
class IdentityCheckView:
    """The answer to one check. reasons: what to change about the picture."""

    check: str
    person_id: str
    match: MatchLevel
    why: CheckWhy
    reasons: tuple[Reason, ...]
    certification: CertificationView
    card: CardView
    trace_recorded: bool

    def to_json(self) -> dict[str, Any]:
        """What the row of the check does not hold in columns of its own, as plain values."""
        return {
            "person_id": self.person_id,
            "reasons": [reason.value for reason in self.reasons],
            "state": self.certification.state.value,
            "due_on": _text(self.certification.due_on),
            "card_reason": None if self.card.reason is None else self.card.reason.value,
            "card_from_on": _text(self.card.from_on),
            "card_of_person": self.card.of_person,
        }

    @classmethod
    def from_json(
        cls, values: dict[str, Any], *, check: str, level: MatchLevel, why: CheckWhy, card_hit: bool, trace_recorded: bool
    ) -> IdentityCheckView:
        """The answer as it was given."""
        reason = values["card_reason"]
        return cls(
            check=check,
            person_id=values["person_id"],
            match=level,
            why=why,
            reasons=tuple(Reason(value) for value in values["reasons"]),
            certification=CertificationView(CertificationState(values["state"]), _day(values["due_on"])),
            card=CardView(
                card_hit, None if reason is None else BlacklistReason(reason), _day(values["card_from_on"]), values["card_of_person"]
            ),
            trace_recorded=trace_recorded,
        )


def findings_of(
    view: IdentityCheckView, entry: BlacklistEntry | None, *, person_key: int, region_code: str, death_record: int | None, trace: int | None
) -> list[NewAlert]:
    """What people have to look at: a blacklisted card in use; somebody treated as a person whose death is recorded.

    entry: what stands against the card. death_record: key of the first one that counts, of any strength. trace: key of the trace of life
    that the check left; a face that fits speaks for a wrong death record, which is found as such, a visit without one for somebody else
    with the card.
    """

    def alert(code: str, key: str, severity: AlertSeverity, **details: str | int) -> NewAlert:
        told = {"check": view.check, "level": view.match.value, **details}
        return NewAlert(code, f"{code}:{key}", severity, region_code, person_id=person_key, details=told)

    found = []
    if entry is not None:
        key = f"blacklisted:{entry.key}:{person_key}"
        found.append(alert(CARD_MISUSE, key, AlertSeverity.WARNING, why="card_blacklisted", reason=entry.reason.value))
    if death_record is not None and trace is None:
        key = f"holder_deceased:{person_key}"
        found.append(alert(CARD_MISUSE, key, AlertSeverity.SUSPICION, why="holder_deceased", death_record=death_record))
    return found


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
