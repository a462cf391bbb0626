"""The audit written into a file that proves itself: every entry with its place in the chain, and a signed manifest beside it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.context import Context
from models.audit_canonical import entry_bytes, utc_text
from models.audit_chain import AuditLink
from models.database import Database
from models.repositories import audit, audit_chain
from models.repositories.audit_rows import any_text, entry_columns, entry_of, query
from models.spreadsheet_text import harmless

ACTION = "audit.exported"
CHUNK = 5_000
COLUMNS = ("day", "position", "id", "at", "actor", "action", "person_id", "object", "reason", "details", "hash")

Report = Callable[[int, int], None]

_LINKS = """
SELECT l.position, l.hash, p.public_id, {columns}
FROM (SELECT position, entry_id, hash FROM audit_link WHERE day = :day AND position > :after ORDER BY position LIMIT {chunk}) AS l
JOIN audit_entry AS e ON e.id = l.entry_id LEFT JOIN person AS p ON p.id = e.person_id ORDER BY l.position
"""


@dataclass(frozen=True)
class Exported:
    """What was written. sha256: of the file, in hex."""

    file: Path
    manifest: Path
    entries: int
    sha256: str


def export(context: Context, *, start: date, end: date, out: Path, as_csv: bool, by: str, report: Report | None = None) -> Exported:
    """Write the sealed entries of the days of the chain from ``start`` to ``end``, and ``OUT.manifest.json`` with their signature.

    Both files appear whole or not at all, and only their owner may read them. The export is an entry of its own.

    Raises:
        OSError: the folder cannot be written.
    """
    manifest_path = out.with_name(f"{out.name}.manifest.json")
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            digest, entries = _write(context.database, stream, start, end, as_csv, report)
            stream.flush()
            os.fsync(stream.fileno())
        content = _manifest(context, start, end, "csv" if as_csv else "jsonl", entries, digest)
        details = {"from": start.isoformat(), "to": end.isoformat(), "entries": entries, "sha256": digest}
        with context.database.session_scope() as session:
            audit.record(session, actor=by, action=ACTION, now=context.clock(), details=details)
        manifest_path.write_bytes(content)
        manifest_path.chmod(0o600)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return Exported(out, manifest_path, entries, digest)


def _write(database: Database, stream: BinaryIO, start: date, end: date, as_csv: bool, report: Report | None) -> tuple[str, int]:
    digest, entries = hashlib.sha256(), 0

    def write(raw: bytes) -> None:
        digest.update(raw)
        stream.write(raw)

    if as_csv:
        write(_csv_line(COLUMNS))
    with database.same_snapshot(1) as connections, Session(connections[0]) as session, any_text(session):
        total = session.scalar(select(func.count()).select_from(AuditLink).where(AuditLink.day.between(start, end))) or 0
        for day in session.scalars(select(AuditLink.day).where(AuditLink.day.between(start, end)).distinct().order_by(AuditLink.day)).all():
            for rows in _links(session, day):
                for row in rows:
                    write(_line(day, row, as_csv))
                entries += len(rows)
                if report is not None:
                    report(entries, total)
    return digest.hexdigest(), entries


def _links(session: Session, day: date) -> Iterator[list[Any]]:
    sqlite = session.get_bind().dialect.name == "sqlite"
    sql = _LINKS.format(columns=entry_columns(session, "e"), chunk=CHUNK)
    after = 0
    while True:
        rows = query(session, sql, {"day": day.isoformat() if sqlite else day, "after": after})
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _line(day: date, row: Any, as_csv: bool) -> bytes:
    position, stored, person_id, *values = row
    entry, hashed = entry_of(values), bytes(stored).hex()
    if not as_csv:
        whole = {
            "day": day.isoformat(),
            "position": position,
            "hash": hashed,
            "person_id": person_id,
            "entry": json.loads(entry_bytes(entry)),
        }
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    words = (entry.actor, entry.action, person_id, entry.object, entry.reason, entry.details)
    return _csv_line((day.isoformat(), position, entry.id, entry.at, *(harmless(word or "") for word in words), hashed))


class _Line:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)


def _csv_line(values: tuple[Any, ...]) -> bytes:
    line = _Line()
    csv.writer(line).writerow(values)
    return line.text.encode()


def _manifest(context: Context, start: date, end: date, file_format: str, entries: int, digest: str) -> bytes:
    with context.database.read_scope() as session:
        last = audit_chain.last_seal(session)
        said: dict[str, str | int | None] = {
            "format": "lifecert-audit-export-1",
            "file_format": file_format,
            "from": start.isoformat(),
            "to": end.isoformat(),
            "entries": entries,
            "sha256": digest,
            "made_at": utc_text(context.clock()),
            "last_seal": None if last is None else last.id,
        }
    key_id, signature = context.keyring.sign(rfc8785.dumps(said))
    return json.dumps({"manifest": said, "key": key_id, "signature": signature.hex()}, indent=2, sort_keys=True).encode() + b"\n"
