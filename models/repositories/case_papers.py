"""Papers of cases: sealed, listed without their content, emptied when they are removed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, defer

from models.alert import CaseFile
from models.casework import CaseAttachment
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing
from models.types import opaque_id


def count(session: Session, case_id: int) -> int:
    """Papers that a case has now."""
    there = select(func.count()).where(CaseAttachment.case_id == case_id, CaseAttachment.removed_at.is_(None))
    return session.scalar(there) or 0


def of_case(session: Session, case_id: int) -> Sequence[CaseAttachment]:
    """Papers of a case, removed ones too, in the order in which they came; without their content."""
    query = select(CaseAttachment).where(CaseAttachment.case_id == case_id).order_by(CaseAttachment.id)
    return session.scalars(query.options(defer(CaseAttachment.content, raiseload=True))).all()


@dataclass(frozen=True)
class NewPaper:
    """A paper that was checked. media_type: as its content shows."""

    name: str
    media_type: str
    data: bytes


def add(session: Session, case: CaseFile, new: NewPaper, *, keyring: KeyRing, by: str, now: datetime) -> CaseAttachment:
    """Keep a paper. The caller holds the case. Raises ConflictError: ATTACHMENT_EXISTS when the case has the same one."""
    digest = hashlib.sha256(new.data).digest()
    mine = (CaseAttachment.case_id == case.id, CaseAttachment.removed_at.is_(None))
    if session.scalar(select(CaseAttachment.id).where(*mine, CaseAttachment.sha256 == digest)) is not None:
        raise ConflictError(Conflict.ATTACHMENT_EXISTS, "the case has this paper already, byte for byte")
    public_id = opaque_id()
    values: dict[str, Any] = {"case_id": case.id, "public_id": public_id, "name": new.name, "media_type": new.media_type}
    values |= {"size_bytes": len(new.data), "sha256": digest, "added_by": by, "added_at": now}
    row = CaseAttachment(**values, content=keyring.seal(new.data, sealed_for(case.public_id, public_id)))
    session.add(row)
    session.flush()
    return row


def find(session: Session, case_id: int, public_id: str) -> CaseAttachment:
    """The paper of this case with this public id, removed or not. Raises NotFoundError."""
    row = session.scalar(select(CaseAttachment).where(CaseAttachment.case_id == case_id, CaseAttachment.public_id == public_id))
    if row is None:
        raise NotFoundError("the case has no such paper")
    return row


def opened(row: CaseAttachment, case_public_id: str, keyring: KeyRing) -> bytes:
    """The content. Raises NotFoundError for a removed one, UnsealError for one that was altered."""
    if row.content is None:
        raise NotFoundError("the paper was removed")
    return keyring.unseal(row.content, sealed_for(case_public_id, row.public_id))


def remove(session: Session, row: CaseAttachment, *, by: str, now: datetime) -> None:
    """Empty a paper. Raises NotFoundError when it was removed already."""
    gone = (
        update(CaseAttachment)
        .where(CaseAttachment.id == row.id, CaseAttachment.removed_at.is_(None))
        .values(content=None, removed_by=by, removed_at=now)
        .returning(CaseAttachment.id)
    )
    if session.scalar(gone.execution_options(synchronize_session=False)) is None:
        raise NotFoundError("the paper was removed already")


def sealed_for(case_public_id: str, public_id: str) -> bytes:
    """What the content of a paper is bound to."""
    return f"case:{case_public_id}:paper:{public_id}".encode("ascii")
