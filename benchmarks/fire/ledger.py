"""What the service acknowledged, and the comparison of that with what is in its store: nothing lost, nothing twice."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from models.audit import AuditEntry
from models.certificate import Certificate
from models.database import Database
from models.life_evidence import LifeEvidence
from models.outbox import OutboxMessage
from models.verification import Verification, VerificationFrame, VerificationState


@dataclass(frozen=True)
class Compared:
    """acknowledged: steps that a caller was told of. lost: of them, not in the store. doubled: there more than once."""

    acknowledged: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]

    def __add__(self, other: Compared) -> Compared:
        return Compared(self.acknowledged + other.acknowledged, self.lost + other.lost, self.doubled + other.doubled)


@dataclass
class Ledger:
    """Acknowledged steps of verifications. Thread-safe."""

    sessions: set[str] = field(default_factory=set)
    frames: dict[tuple[str, int], bytes] = field(default_factory=dict)
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def started(self, verification_id: str) -> None:
        """A session was opened."""
        with self._lock:
            self.sessions.add(verification_id)

    def frame(self, verification_id: str, seq: int, digest: bytes, *, accepted: bool) -> None:
        """A frame was taken."""
        if accepted:
            with self._lock:
                self.frames[verification_id, seq] = digest

    def decided(self, view: dict[str, Any]) -> None:
        """A decision was told; another one than was told before is kept as changed."""
        kept = {name: view[name] for name in ("outcome", "certificate_id", "reasons")}
        with self._lock:
            if self.decisions.setdefault(view["verification_id"], kept) != kept:
                self.changed.append(view["verification_id"])

    def compare(self, database: Database) -> Compared:
        """Look everything up in the store."""
        lost, doubled = [], [f"decision told twice: {each}" for each in self.changed]
        with database.read_scope() as session:
            rows = {row.id: row for row in session.scalars(select(Verification))}
            frames = {
                (row.verification_id, row.seq): bytes(row.sha256)
                for row in session.execute(select(VerificationFrame.verification_id, VerificationFrame.seq, VerificationFrame.sha256))
            }
            audited = Counter(
                (row.action, row.object)
                for row in session.execute(select(AuditEntry.action, AuditEntry.object).where(AuditEntry.action.like("verification.%")))
            )
            messages = Counter(
                str(payload.get("verification"))
                for payload in session.scalars(select(OutboxMessage.payload).where(OutboxMessage.kind.like("verification.%")))
            )
            certificates = Counter(session.scalars(select(Certificate.id)))
            evidence = session.scalar(select(func.count()).select_from(LifeEvidence).where(LifeEvidence.source.like("camera/%"))) or 0
        lost += [f"session {each}" for each in self.sessions if each not in rows]
        lost += [f"frame {key}" for key, digest in self.frames.items() if frames.get(key) != digest]
        certified = 0
        for verification_id, told in self.decisions.items():
            row = rows.get(verification_id)
            if row is None or row.state is not VerificationState.DECIDED or row.outcome is None or row.outcome.value != told["outcome"]:
                lost.append(f"decision of {verification_id}")
                continue
            written = {
                "audit entry": audited[f"verification.{told['outcome']}", verification_id],
                "message": messages[verification_id],
            }
            if told["outcome"] == "certified":
                certified += 1
                written["certificate"] = certificates[told["certificate_id"]]
            lost += [f"{what} of {verification_id}" for what, count in written.items() if count == 0]
            doubled += [f"{what} of {verification_id}" for what, count in written.items() if count > 1]
        in_store = sum(row.outcome is not None and row.outcome.value == "certified" for row in rows.values())
        if evidence != in_store or len(certificates) != in_store:
            doubled.append(f"{in_store} certified verifications, {evidence} rows of life evidence, {len(certificates)} certificates")
        if in_store < certified:
            lost.append(f"{certified} certifications told, {in_store} in the store")
        return Compared(len(self.sessions) + len(self.frames) + len(self.decisions), tuple(lost), tuple(doubled))
