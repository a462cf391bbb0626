"""Example bodies for the documentation, all of one made-up person. A test holds them against their schemas."""

from __future__ import annotations

from typing import Any

PERSON_ID = "Zk3wq0m1T2uXv9aBcDeFgH"
VERIFICATION_ID = "p8Qw2nE5rT7yU1iO3sD6fG"
CERTIFICATE_ID = "c4Vb6nM8kJ2hG5fD7sA9qW"
SESSION_TOKEN = "pQ9vS2mX7bL4kR1tY6wZ8cN3dF5gH0jU"  # noqa: S105 (made up)

GUIDE: dict[str, Any] = {
    "prompt": "turn_left",
    "step_token": "c3RlcC0y",
    "colour": None,
    "progress": 0.4,
    "steps_done": 2,
    "steps_total": 5,
}
START = {"person_id": PERSON_ID, "kind": "standard", "channel": "self", "camera_label": "Front camera"}
STARTED: dict[str, Any] = {
    "verification_id": VERIFICATION_ID,
    "token": SESSION_TOKEN,
    "kind": "standard",
    "expires_at": "2026-03-02T08:05:00Z",
    "guide": GUIDE,
    "tries_left": 5,
}
FRAME: dict[str, Any] = {"seq": 7, "accepted": True, "hints": ["move_closer"], "guide": GUIDE, "complete": False, "frames": 8}
VERIFICATION: dict[str, Any] = {
    "verification_id": VERIFICATION_ID,
    "state": "decided",
    "kind": "standard",
    "started_at": "2026-03-02T08:00:00Z",
    "expires_at": "2026-03-02T08:05:00Z",
    "frames": 42,
    "outcome": "certified",
    "reasons": [],
    "evidence": [{"kind": "active", "state": "passed", "reasons": []}, {"kind": "match", "state": "passed", "reasons": []}],
    "certificate_id": CERTIFICATE_ID,
    "valid_until": "2027-03-31",
    "tries_left": 5,
    "retry_after_s": 0,
    "answer": None,
}
REFERENCE_CHECK: dict[str, Any] = {
    "acceptable": False,
    "faces": 1,
    "quality": {
        "overall": 31,
        "components": [{"name": "sharpness", "score": 31, "raw": 12.5, "unit": "grey levels"}],
        "reasons": ["blurred"],
    },
    "reasons": ["blurred"],
    "box": [212.0, 96.0, 180.0, 240.0],
    "width_px": 640,
    "height_px": 480,
}
REFERENCE: dict[str, Any] = {
    "reference_id": "r1Ty5uI8oP3aS6dF9gH2jK",
    "person_id": PERSON_ID,
    "engine_name": "onnx",
    "engine_version": "2026.1",
    "source": "camera",
    "quality": 78,
    "enrolled_at": "2026-03-01T02:10:00Z",
    "revoked_at": None,
}
REVOKE = {"reason": "withdrawn_by_person"}
CONSENT_REQUEST = {"purpose": "face_verification", "text_version": "2026-01", "language": "zh", "channel": "self"}
CONSENT = {"consent_id": "17", "purpose": "face_verification"}
LOOKUP_REQUEST = {"name": "王建国", "resident_id": "190102195203070019"}
LOOKUP = {"person_id": PERSON_ID}
STATUS = {
    "person_id": PERSON_ID,
    "state": "due_soon",
    "on": "2026-03-01",
    "last_certified_on": "2025-03-31",
    "due_on": "2026-03-31",
}
CERTIFICATE: dict[str, Any] = {
    "certificate_id": CERTIFICATE_ID,
    "person_id": PERSON_ID,
    "full_name": "王建国",
    "resident_id_masked": "19**************19",
    "method": "face",
    "certified_on": "2026-03-02",
    "valid_until": "2027-03-31",
    "issued_at": "2026-03-02T08:01:10Z",
    "check_token": "c4Vb6nM8kJ2hG5fD7sA9qW.s1.AbCd",
    "revoked_at": None,
}
CERTIFICATE_CHECK = {"state": "valid", "masked_name": "王**", "valid_until": "2027-03-31"}
ENGINE = {"name": "onnx", "version": "2026.1", "note": "", "calibration": "provisional"}
PROBLEM_KIND = {
    "code": "consent_missing",
    "status": 409,
    "title": "Face recognition needs a consent that is in force",
    "remedy": "Give consent first.",
}
PARAMETERS: dict[str, Any] = {
    "kind": "persons",
    "batch_id": "8Jk3dVh2QpW5tYc7Lm9RzA",
    "webhook_id": "w2Eb7oK9hQ4rT6yU8iO0pA",
    "cursor": "9G0G00000000000H",
    "limit": 100,
    "state": "dead",
    "request_id": "Zk3TQ0Zl1nqk0m2v9X7a5w",
    "person_id": PERSON_ID,
    "verification_id": VERIFICATION_ID,
    "certificate_id": CERTIFICATE_ID,
    "token": CERTIFICATE["check_token"],
    "code": "consent_missing",
    "seq": 7,
    "captured_at_ms": 1840,
    "step": GUIDE["step_token"],
    "camera_label": "Front camera",
    "source": "camera",
}
