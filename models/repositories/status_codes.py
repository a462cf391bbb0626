"""One-time codes of the status page: made, tried, used once, deleted. Only keyed digests are stored."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models.keys import KeyRing
from models.status_code import CodeChannel, StatusCode


class CodeDigests:
    """HMAC-SHA256 under a key of its own, of the person's public id and the code: digests of two persons with one code differ."""

    def __init__(self, keyring: KeyRing) -> None:
        self._key = keyring.derive("status page codes")

    def digest(self, public_id: str, code: str) -> bytes:
        """32 bytes."""
        return hmac.new(self._key, f"{public_id}:{code}".encode(), hashlib.sha256).digest()


def add(
    session: Session, person_id: int, digest: bytes, *, channel: CodeChannel, by: str, now: datetime, expires_at: datetime
) -> StatusCode:
    """Keep a new code; those that the person got before on the same way end with it."""
    session.execute(
        update(StatusCode)
        .where(StatusCode.person_id == person_id, StatusCode.channel == channel, StatusCode.used_at.is_(None), StatusCode.expires_at > now)
        .values(expires_at=now)
    )
    code = StatusCode(person_id=person_id, digest=digest, channel=channel, issued_by=by, issued_at=now, expires_at=expires_at, tries=0)
    session.add(code)
    session.flush()
    return code


def issued_since(session: Session, person_id: int, channel: CodeChannel, since: datetime) -> int:
    """How many codes the person got on this way after a moment."""
    query = select(func.count()).where(StatusCode.person_id == person_id, StatusCode.channel == channel, StatusCode.issued_at > since)
    return session.scalar(query) or 0


def use(session: Session, person_ids: Sequence[int], digests: Sequence[bytes], *, tries: int, now: datetime) -> CodeChannel | None:
    """Use up the code with one of these digests: its way for one caller only, None for every other.

    A wrong code counts against every one that still holds.

    tries: wrong ones after which a code holds no more.
    """
    holds = (StatusCode.person_id.in_(person_ids), StatusCode.used_at.is_(None), StatusCode.expires_at > now, StatusCode.tries < tries)
    used = session.scalars(
        update(StatusCode).where(StatusCode.digest.in_(digests), *holds).values(used_at=now).returning(StatusCode.channel)
    ).all()
    if not used:
        session.execute(update(StatusCode).where(*holds).values(tries=StatusCode.tries + 1).execution_options(synchronize_session=False))
        return None
    return used[0]


def purge(session: Session, *, before: datetime) -> int:
    """Delete codes that ended before the moment; how many there were."""
    return len(session.scalars(delete(StatusCode).where(StatusCode.expires_at < before).returning(StatusCode.id)).all())
