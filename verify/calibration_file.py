"""A calibration on disk: FILE is JSON with open figures, its cohort sealed; FILE.key opens it.

The cohort's embeddings are biometric. They are sealed with AES-256-GCM under a random key of their own, kept beside the file with
mode 0600, so that FILE alone can be passed on or kept in a report without giving anybody's face away.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from verify.calibration import Calibration
from verify.errors import CalibrationError

FILE_FORMAT = "lifecert-calibration-file-1"
_NONCE_BYTES = 12


def key_path(path: Path) -> Path:
    """Where the key of a calibration file is."""
    return path.with_name(path.name + ".key")


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write FILE and FILE.key, each complete or not at all. Raises CalibrationError when the folder cannot be written to."""
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, calibration.to_bytes(), FILE_FORMAT.encode())
    content = {"format": FILE_FORMAT, "summary": calibration.summary(), "sealed": base64.b64encode(sealed).decode("ascii")}
    try:
        _replace(key_path(path), base64.b64encode(key) + b"\n", 0o600)
        _replace(path, json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n", 0o644)
    except OSError as error:
        raise CalibrationError(f"{path} cannot be written ({error.strerror}): choose another place with --out") from error


def _replace(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_calibration(path: Path) -> Calibration:
    """Read FILE with FILE.key beside it. Raises CalibrationError: no key, another file's key, altered, or not a calibration."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FILE_FORMAT:
            raise ValueError(f"format {content['format']!r}")
        sealed = base64.b64decode(content["sealed"], validate=True)
    except OSError as error:
        raise CalibrationError(f"the calibration {path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationError(f"{path.name} is not a file that `lifecert calibrate --out` wrote ({error})") from error
    beside = key_path(path)
    try:
        key = base64.b64decode(beside.read_bytes().strip(), validate=True)
    except FileNotFoundError as error:
        raise CalibrationError(
            f"{beside.name} is missing beside {path.name}: the calibration is sealed because it holds faces, and opens only with its "
            "key file. Put the key file back, or calibrate again"
        ) from error
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{beside.name} cannot be used as a key ({error})") from error
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], FILE_FORMAT.encode())
    except (InvalidTag, ValueError) as error:
        raise CalibrationError(
            f"{beside.name} does not open {path.name}: one of them was altered or belongs to another calibration"
        ) from error
    return Calibration.from_bytes(plain)
