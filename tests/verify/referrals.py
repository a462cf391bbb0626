"""A referred verification in the store, for tests: measured from drawn pictures, decided by the real code, without the whole session."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.database import Database
from models.keys import KeyRing
from models.person import Person
from models.policy import RecordSections
from models.repositories import referred, verifications
from models.repositories.referred import Referral
from models.repositories.verifications import DecisionRecord, NewFrame, NewVerification
from models.templates import frame_data
from models.types import opaque_id
from models.verification import VerificationChannel, VerificationKind, VerificationOutcome
from sample_data.captures import draw, jpeg
from verify.capture import decode
from verify.engines.protocol import Engine
from verify.engines.scripted import Scene
from verify.frames import measures_of, seal_observation
from verify.observation import Observation
from verify.observe import FrameStamp, observe
from verify.policy import VerificationPolicy

FRAMES = 4
EVIDENCE = [
    {
        "kind": "active",
        "state": "passed",
        "reasons": [],
        "measures": [{"name": "turn_1_turn_left", "value": 31.0, "threshold": 20.0, "unit": "deg"}],
    },
    {
        "kind": "continuity",
        "state": "passed",
        "reasons": [],
        "measures": [{"name": "frames_with_second_face", "value": 0, "threshold": 3, "unit": "frames"}],
    },
    {
        "kind": "match",
        "state": "borderline",
        "reasons": ["match_unsure"],
        "measures": [
            {"name": "score", "value": 0.4, "threshold": 0.5, "unit": "similarity"},
            {"name": "refer_from", "value": 0.3, "threshold": None, "unit": "similarity"},
            {"name": "fmr_level", "value": None, "threshold": None, "unit": "false match rate"},
        ],
    },
    {"kind": "depth", "state": "absent", "reasons": ["evidence_not_measured"], "measures": []},
]


def store_referral(
    database: Database,
    keyring: KeyRing,
    person_id: str,
    *,
    engine: Engine,
    policy: RecordSections,
    verification: VerificationPolicy,
    policy_hash: str,
    now: datetime,
    pictures: bool = True,
) -> str:
    """Id of a referred verification of this person (public id), with its alert; decided at ``now``."""
    challenge = {
        "kind": "standard",
        "prompts": [{"name": "look_straight", "hold_ms": 0}, {"name": "turn_left", "hold_ms": 0}, {"name": "turn_right", "hold_ms": 0}],
        "colours": ["red"],
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(minutes=2)).isoformat(),
    }
    with database.session_scope() as session:
        person = session.query(Person).filter_by(public_id=person_id).one()
        new = NewVerification(
            person.id,
            VerificationKind.STANDARD,
            VerificationChannel.SELF,
            challenge,
            hashlib.sha256(b"token").digest(),
            now + timedelta(minutes=2),
            {},
            camera_label="Front camera",
            id=opaque_id(),
        )
        row = verifications.start(session, new, now=now)
        _frames(session, keyring, row.id, engine=engine, verification=verification, now=now, pictures=pictures)
        verifications.claim_for_decision(session, row.id, now=now, takeover_after=timedelta(seconds=30))
        record = DecisionRecord(
            VerificationOutcome.REFER, ["match_unsure"], EVIDENCE, engine.name, engine.version, "provisional", policy_hash
        )
        verifications.record_decision(session, row.id, record, claimed_at=now, now=now)
        referral = Referral(row.id, person.id, person.region_code, ["match_unsure"])
        referred.open_alert(session, referral, priority=policy.casework.referred_priority, by="system", now=now)
        return row.id


def _frames(
    session: Session,
    keyring: KeyRing,
    verification_id: str,
    *,
    engine: Engine,
    verification: VerificationPolicy,
    now: datetime,
    pictures: bool,
) -> None:
    for seq in range(FRAMES):
        data, seen = _seen(seq, engine, verification)
        frame = NewFrame(
            verification_id,
            seq,
            now,
            hashlib.sha256(data).digest(),
            measures_of(seen),
            seal_observation(keyring, verification_id, seen),
            now + timedelta(days=15),
            keyring.seal(data, frame_data(verification_id, seq, "picture")) if pictures else None,
        )
        verifications.add_frame(session, frame, now=now)


_MEASURED: dict[tuple[int, str], tuple[bytes, Observation]] = {}


def _seen(seq: int, engine: Engine, policy: VerificationPolicy) -> tuple[bytes, Observation]:
    """Picture and measurement of a frame; measured once in a run of the tests."""
    key = seq, policy.model_dump_json()
    if key not in _MEASURED:
        data = jpeg(draw(Scene(height=180, yaw=(0, 0, 25, -25)[seq], likeness=6), noise_seed=seq))
        stamp = FrameStamp(seq, seq * 200, seq * 200 + 40, min(seq, 3), None, hashlib.sha256(data).hexdigest())
        image = decode(data, policy.capture.frame)
        _MEASURED[key] = data, observe(image, engine, stamp, policy, embed=seq % 2 == 0, passive=True, texture=True)
    return _MEASURED[key]
