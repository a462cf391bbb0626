"""How templates and other sealed values of faces are stored, and what each is bound to: nothing else opens it.

A template is float32 values, sealed for one person and one engine version.
"""

from __future__ import annotations

import json

STORED_DTYPE = "<f4"
"""Little-endian order whatever the machine's own is."""


def template_data(person_id: str, engine_name: str, engine_version: str, size: int) -> bytes:
    """What a sealed template of ``size`` values is bound to: the record's public id and the engine version; nothing else opens it."""
    # a JSON list keeps the parts apart whatever characters they hold
    return json.dumps(["lifecert/template/1", person_id, engine_name, engine_version, size], ensure_ascii=True).encode()


def image_data(person_id: str) -> bytes:
    """What a kept enrolment picture is bound to: the public id of the record that it was enrolled for."""
    return f"lifecert/reference-image/{person_id}".encode()


def calibration_data(engine_name: str, engine_version: str) -> bytes:
    """What a stored calibration is bound to."""
    return f"lifecert/calibration/{engine_name}/{engine_version}".encode()


def frame_data(verification_id: str, seq: int, part: str) -> bytes:
    """What a sealed part of a frame is bound to. part: observation or picture."""
    return f"lifecert/frame/{verification_id}/{seq}/{part}".encode()
