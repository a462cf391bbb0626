"""How often somebody came and how often somebody failed, for limits that all workers share. Keys are digests: no address and no number.

Moments are whole microseconds since 1970 (UTC), because both databases count with them inside one statement.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, SECRET, column


class RateLimitState(Base):
    """One who is limited, under one limit. free_at_us: when everything that was taken is made good again (the theoretical arrival time of
    GCRA). granted: how many the last statement let through.
    """

    __tablename__ = "rate_limit_state"
    __table_args__ = (Index("ix_rate_limit_state_free_at_us", "free_at_us"),)

    scope: Mapped[str] = column(INTERNAL, String(40), primary_key=True)
    key_digest: Mapped[bytes] = column(SECRET, LargeBinary(16), primary_key=True)
    free_at_us: Mapped[int] = column(INTERNAL, BigInteger)
    granted: Mapped[int] = column(INTERNAL)


class FailureCount(Base):
    """Failures in a row of one who tries something. wait_until_us: no try is looked at before. let_in: whether the last try was."""

    __tablename__ = "failure_count"
    __table_args__ = (Index("ix_failure_count_last_us", "last_us"),)

    scope: Mapped[str] = column(INTERNAL, String(40), primary_key=True)
    key_digest: Mapped[bytes] = column(SECRET, LargeBinary(16), primary_key=True)
    failed: Mapped[int] = column(INTERNAL)
    last_us: Mapped[int] = column(INTERNAL, BigInteger)
    wait_until_us: Mapped[int] = column(INTERNAL, BigInteger)
    let_in: Mapped[bool] = column(INTERNAL)
