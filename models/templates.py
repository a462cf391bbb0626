"""How a face template is stored: float32 values, sealed for one person and one engine version."""

from __future__ import annotations

import json

STORED_DTYPE = "<f4"
"""Little-endian order whatever the machine's own is."""


def template_data(person_id: str, engine_name: str, engine_version: str, size: int) -> bytes:
    """What a sealed template of ``size`` values is bound to: the record's public id and the engine version; nothing else opens it."""
    # a JSON list keeps the parts apart whatever characters they hold
    return json.dumps(["lifecert/template/1", person_id, engine_name, engine_version, size], ensure_ascii=True).encode()
