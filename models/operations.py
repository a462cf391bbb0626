"""What the running service says of itself: when each part was last heard, how each background job went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, column


class Heartbeat(Base):
    """When a part of the service was last heard. note: a code of what is wrong with it, none when all is well."""

    __tablename__ = "heartbeat"

    part: Mapped[str] = column(INTERNAL, String(40), primary_key=True)
    heard_at: Mapped[datetime] = column(INTERNAL)
    note: Mapped[str | None] = column(INTERNAL, String(40))


class JobRun(Base):
    """How one background job went so far. error: the kind of the last failure, never its words."""

    __tablename__ = "job_run"

    name: Mapped[str] = column(INTERNAL, String(60), primary_key=True)
    started_at: Mapped[datetime] = column(INTERNAL)
    succeeded_at: Mapped[datetime | None] = column(INTERNAL)
    failed_at: Mapped[datetime | None] = column(INTERNAL)
    error: Mapped[str | None] = column(INTERNAL, String(60))
    runs: Mapped[int] = column(INTERNAL, default=0)
    failures: Mapped[int] = column(INTERNAL, default=0)
