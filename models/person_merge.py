"""Which records are of one human being. Merging moves nothing, so that splitting loses nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column


class PersonMerge(Base):
    """One decision of a person that merged_id is the same human being as kept_id; split_at closes it.

    ``person.merged_into_id`` follows from the open rows: the record at the end of the chain.
    """

    __tablename__ = "person_merge"
    __table_args__ = (
        CheckConstraint("kept_id <> merged_id", name="two_records"),
        CheckConstraint("(split_at IS NULL) = (split_by IS NULL)", name="split_by_someone"),
        Index("ix_person_merge_kept_id", "kept_id"),
        Index(
            "uq_person_merge_open",
            "merged_id",
            unique=True,
            sqlite_where=text("split_at IS NULL"),
            postgresql_where=text("split_at IS NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    kept_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    merged_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    reason: Mapped[str] = column(PERSONAL, String(500))
    merged_by: Mapped[str] = column(INTERNAL, String(100))
    merged_at: Mapped[datetime] = column(INTERNAL)
    split_reason: Mapped[str | None] = column(PERSONAL, String(500))
    split_by: Mapped[str | None] = column(INTERNAL, String(100))
    split_at: Mapped[datetime | None] = column(INTERNAL)
