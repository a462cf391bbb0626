"""Seals written out of the store, and a store compared with them: one that was rolled back to an older state lacks some."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from models.audit_canonical import of_row, seal_bytes
from models.audit_chain import AuditSeal
from models.database import Database
from models.keys import KeyRing
from models.repositories.audit_findings import FindingKind, Verification

CHUNK = 2_000


class SealFileError(ValueError):
    """A line is no seal; the message says which."""


@dataclass(frozen=True)
class SealLine:
    """A seal as a file has it. signed: the bytes that were signed, as JSON text; signature: hex."""

    number: int
    day: str
    position: int
    signed: str
    key_id: str
    signature: str


def lines(database: Database) -> Iterator[str]:
    """Every seal, oldest first, as one JSON object a line."""
    before, after = b"", 0
    with database.read_scope() as session:
        while True:
            rows = session.scalars(select(AuditSeal).where(AuditSeal.id > after).order_by(AuditSeal.id).limit(CHUNK)).all()
            for row in rows:
                signed = seal_bytes(of_row(row, before))
                yield json.dumps({"seal": json.loads(signed), "key": row.key_id, "signature": bytes(row.signature).hex()}, sort_keys=True)
                before, after = bytes(row.signature), row.id
            if len(rows) < CHUNK:
                return
            session.expunge_all()


def read(text: Iterable[str]) -> Iterator[SealLine]:
    """The seals of a file that ``lines`` wrote. Raises SealFileError."""
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            said: dict[str, Any] = json.loads(line)
            seal = said["seal"]
            signed = json.dumps(seal, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            yield SealLine(int(seal["number"]), str(seal["day"]), int(seal["position"]), signed, str(said["key"]), str(said["signature"]))
        except (ValueError, KeyError, TypeError) as error:
            raise SealFileError(f"line {number} is no seal: give a file that `lifecert audit seals` wrote") from error


def compare(database: Database, keyring: KeyRing, seals: Iterable[SealLine], found: Verification) -> int:
    """Note every seal that the store does not have as it was written out; how many were compared.

    Raises SealFileError for one that no key of this installation signed.
    """
    compared = 0
    batch: list[SealLine] = []
    for seal in seals:
        try:
            signature = bytes.fromhex(seal.signature)
        except ValueError:
            signature = b""
        if not keyring.verify_signature(seal.key_id, seal.signed.encode(), signature):
            raise SealFileError(f"seal {seal.number} is not signed by a key of this installation: the file is of another one, or changed")
        batch.append(seal)
        compared += 1
        if len(batch) == CHUNK:
            _compare(database, batch, found)
            batch = []
    _compare(database, batch, found)
    return compared


def _compare(database: Database, batch: list[SealLine], found: Verification) -> None:
    if not batch:
        return
    with database.read_scope() as session:
        wanted = select(AuditSeal.id, AuditSeal.signature).where(AuditSeal.id.in_([one.number for one in batch]))
        stored = {number: bytes(signature).hex() for number, signature in session.execute(wanted)}
    for one in batch:
        if stored.get(one.number) == one.signature:
            continue
        said = "is not in the store" if one.number not in stored else "is another one in the store"
        what = f"seal {one.number} of {one.day}, which was written out, {said}: the store was put back to an older state, or replaced"
        found.add(FindingKind.ROLLED_BACK, what, day=datetime.fromisoformat(one.day).date(), position=one.position)
