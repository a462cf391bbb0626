"""The bytes of an audit entry that are hashed and of a seal that are signed: canonical JSON (RFC 8785), the same on both databases.

Numbers are IEEE doubles, as RFC 8785 has them: a whole number beyond 2**53 is rounded to the nearest one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, NoReturn

import rfc8785

from models.audit_chain import AuditSeal, SealKind

GENESIS = bytes(32)
"""The hash before the first link of all."""

SAFE_DIGITS = 15  # a whole number of so many digits is exact as a double

_text = json.encoder.encode_basestring
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class EntryRow(NamedTuple):
    """An entry as the database says it. at: UTC with microseconds, 2026-01-02T03:04:05.678901Z. details: JSON."""

    id: int
    actor: str
    action: str
    person_id: int | None
    object: str | None
    reason: str | None
    at: str | None
    details: str | None


@dataclass(frozen=True)
class Seal:
    """A seal without its signature. number: the row's id. previous: signature of the seal before it."""

    number: int
    kind: SealKind
    day: date
    position: int
    entries: int
    head_hash: bytes
    settled_id: int
    sealed_at: datetime
    previous: bytes


class _NotPlainError(Exception):
    pass


def _not_plain(_value: str) -> NoReturn:
    raise _NotPlainError


def _short_int(value: str) -> int:
    if len(value) > SAFE_DIGITS:
        raise _NotPlainError
    return int(value)


# Most details hold words and small numbers only: for those the encoder of the standard library writes the same bytes, ten times faster.
_plain = json.JSONDecoder(parse_float=_not_plain, parse_int=_short_int, parse_constant=_not_plain).decode


def entry_bytes(row: EntryRow) -> bytes:
    """The canonical bytes of a whole entry. Never fails: details that are no JSON, or none that RFC 8785 can write, count as a text."""
    return (
        f'{{"action":{_word(row.action)},"actor":{_word(row.actor)},"at":{_word(row.at)},"details":{_details(row.details)},'
        f'"id":{_whole(row.id)},"object":{_word(row.object)},"person":{_whole(row.person_id)},"reason":{_word(row.reason)}}}'
    ).encode("utf-8", "backslashreplace")


def _word(value: str | None) -> str:
    return "null" if value is None else _text(str(value))


def _whole(value: Any) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else _text(str(value))


def _details(raw: str | None) -> str:
    if raw is None:
        return "null"
    # escapes and other scripts may hide keys whose order in UTF-16 is not that of their code points
    if raw.isascii() and "\\u" not in raw:
        try:
            return _encode(_plain(raw))
        except (_NotPlainError, ValueError, RecursionError):
            pass
    try:
        return rfc8785.dumps(_doubles(json.loads(raw, parse_constant=str))).decode()
    except (ValueError, RecursionError):
        return _text(raw)


def _doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        try:
            return float(value)
        except OverflowError:
            return str(value)
    return value


def link_hash(before: bytes, row: EntryRow) -> bytes:
    """SHA-256 of the hash before and the entry."""
    return hashlib.sha256(before + entry_bytes(row)).digest()


def utc_text(moment: datetime) -> str:
    """``2026-01-02T03:04:05.678901Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seal_bytes(seal: Seal) -> bytes:
    """What is signed of a seal."""
    return rfc8785.dumps(
        {
            "day": seal.day.isoformat(),
            "entries": seal.entries,
            "format": "lifecert-audit-seal-1",
            "head": seal.head_hash.hex(),
            "kind": seal.kind.value,
            "number": seal.number,
            "position": seal.position,
            "previous": seal.previous.hex(),
            "sealed_at": utc_text(seal.sealed_at),
            "settled": seal.settled_id,
        }
    )


def of_row(row: AuditSeal, previous: bytes) -> Seal:
    """The content of a stored seal."""
    return Seal(row.id, row.kind, row.day, row.position, row.entries, bytes(row.head_hash), row.settled_id, row.sealed_at, previous)
