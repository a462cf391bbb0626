"""Import batches: one file brought in, how far it got, and what came of its rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, BigId, JsonValue, column, enum_column_type, opaque_id


class ImportKind(StrEnum):
    """What the rows of a file are."""

    PERSONS = "persons"
    ENROLMENTS = "enrolments"
    BENEFITS = "benefits"
    PAYMENTS = "payments"
    DEATHS = "deaths"
    CUSTODY = "custody"
    TRACES = "traces"
    BLACKLIST = "blacklist"
    RELATIONS = "relations"
    GRANTS = "grants"
    INSTITUTIONS = "institutions"
    CLAIMS = "claims"
    CLAIM_LINES = "claim_lines"


class ImportState(StrEnum):
    """running: rows_done says where to go on. failed: the file itself cannot be used."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ImportBatch(Base):
    """One file. rows_done, the counts and rejected_bytes move on in the transaction of the rows that they count.

    rows_done: data rows of the file that are dealt with (accepted + unchanged + rejected). rejected_bytes: length of the file of rejected
    rows that belongs to them; what is beyond was written by a run that died. by_rule: rule -> rejected rows. by_region: city code ->
    {"rows", "accepted", "unchanged", "rejected", "by_rule"}. by_warning, warning_bytes: the same of
    accepted rows to look at. settings_sha256: of everything else that the outcome depends on (heading map).
    """

    __tablename__ = "import_batch"
    __table_args__ = (
        CheckConstraint("accepted + unchanged + rejected = rows_done", name="every_row_counted"),
        CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="finished_when_no_longer_running"),
        Index(
            "uq_import_batch_running",
            "kind",
            "file_sha256",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    kind: Mapped[ImportKind] = column(INTERNAL, enum_column_type(ImportKind, "kind"))
    state: Mapped[ImportState] = column(INTERNAL, enum_column_type(ImportState, "state"))
    file_name: Mapped[str] = column(INTERNAL, String(255))
    file_sha256: Mapped[bytes] = column(INTERNAL, LargeBinary(32))
    file_bytes: Mapped[int] = column(INTERNAL, BigInteger)
    settings_sha256: Mapped[bytes] = column(INTERNAL, LargeBinary(32))
    rows_done: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    accepted: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    unchanged: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    rejected: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    rejected_bytes: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    by_rule: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict)
    by_region: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict)
    by_warning: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict, server_default="{}")
    warning_bytes: Mapped[int] = column(INTERNAL, BigInteger, default=0, server_default="0")
    failure: Mapped[str | None] = column(INTERNAL, String(500))
    started_by: Mapped[str] = column(INTERNAL, String(100))
    started_at: Mapped[datetime] = column(INTERNAL)
    updated_at: Mapped[datetime] = column(INTERNAL)
    finished_at: Mapped[datetime | None] = column(INTERNAL)
