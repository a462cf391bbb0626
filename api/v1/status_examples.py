"""Example bodies of the doors for statuses by number, of made-up people."""

from __future__ import annotations

import json
from typing import Any

from api.v1.examples import PERSON_ID

LOOKUP_REQUEST = {"resident_id": "190102195203070019", "on": "2026-03-01"}
STATUS: dict[str, Any] = {
    "person_id": PERSON_ID,
    "resident_id_masked": "19************0019",
    "state": "due_soon",
    "on": "2026-03-01",
    "last_certified_on": "2025-03-31",
    "due_on": "2026-03-31",
    "cycle_months": 12,
}
BATCH_REQUEST: dict[str, Any] = {
    "ids": [{"resident_id": "190102195203070019"}, {"social_security_number": "A12345678"}],
    "on": "2026-03-01",
}
BATCH = "\n".join(json.dumps(line) for line in ({"index": 0} | STATUS, {"index": 1, "problem": "person_unknown"})) + "\n"
