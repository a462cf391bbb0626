"""What detection finds: runs, and signals (线索), each one rule's finding with every record that led to it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.alert import AlertSeverity
from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, JsonValue, column, enum_column_type, opaque_id


class DetectionKind(StrEnum):
    """What a run looks for; the sub-commands of ``lifecert detect``."""

    DUPLICATES = "duplicates"
    BENEFITS = "benefits"
    PAYMENTS = "payments"
    FACES = "faces"
    CLAIMS = "claims"


class RunState(StrEnum):
    """running -> done or failed."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class DetectionRun(Base):
    """One run. finished_stages: name of a stage -> what came of it, in the order in which they ended; a run that was killed goes on after
    the last one. region_code: empty for the whole store. from_date, to_date: days whose claims were asked, None for other kinds. opened,
    updated, closed: signals.
    """

    __tablename__ = "detection_run"
    __table_args__ = (
        CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="finished_when_no_longer_running"),
        Index(
            "uq_detection_run_running",
            "kind",
            "as_of",
            "policy_hash",
            "region_code",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    kind: Mapped[DetectionKind] = column(INTERNAL, enum_column_type(DetectionKind, "kind"))
    state: Mapped[RunState] = column(INTERNAL, enum_column_type(RunState, "state"))
    as_of: Mapped[date] = column(INTERNAL, Date)
    region_code: Mapped[str] = column(INTERNAL, String(6), default="")
    from_date: Mapped[date | None] = column(INTERNAL, Date)
    to_date: Mapped[date | None] = column(INTERNAL, Date)
    engine: Mapped[str] = column(INTERNAL, String(20))
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    finished_stages: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict)
    found: Mapped[int] = column(INTERNAL, BigId, default=0)
    opened: Mapped[int] = column(INTERNAL, BigId, default=0)
    updated: Mapped[int] = column(INTERNAL, BigId, default=0)
    closed: Mapped[int] = column(INTERNAL, BigId, default=0)
    failure: Mapped[str | None] = column(INTERNAL, String(500))
    started_by: Mapped[str] = column(INTERNAL, String(100))
    started_at: Mapped[datetime] = column(INTERNAL)
    finished_at: Mapped[datetime | None] = column(INTERNAL)


class SubjectKind(StrEnum):
    """Whom or what a signal is about."""

    PERSON = "person"
    HOSPITAL = "hospital"
    DOCTOR = "doctor"
    GROUP = "group"


class Signal(Base):
    """One finding of one rule or model. key: the same finding has the same key in every run; it stands at most once.

    subject: a person by person_id (of the record that speaks), anything else by subject_ref. facts: what the explanation names, such as
    days, counts and the weights of a pair by feature; records: every record that led to it, {"kind", "id", "role"}; no names and no
    numbers of persons in either. digest: of what the finding says, so that a changed one is seen. from_month, to_month: first days,
    inclusive; months: how many of them count. confidence: 0 to 1. run_id: the last run that found it, None when it was found as a row came
    in. completed_on: day of the claim that completes a finding over claims, None for other kinds. triage_due: the alert does not know of
    it yet as it is now. vanished_at: when a run no longer found it.
    """

    __tablename__ = "signal"
    __table_args__ = (
        CheckConstraint("confidence >= 0 AND confidence <= 1", name="confidence_is_a_share"),
        CheckConstraint("(subject_kind = 'person') = (person_id IS NOT NULL)", name="person_of_a_person"),
        CheckConstraint("(vanished_at IS NULL) = (vanished_reason IS NULL)", name="vanished_for_a_reason"),
        Index(
            "uq_signal_key",
            "key",
            unique=True,
            sqlite_where=text("vanished_at IS NULL"),
            postgresql_where=text("vanished_at IS NULL"),
        ),
        Index(
            "ix_signal_key_vanished", "key", sqlite_where=text("vanished_at IS NOT NULL"), postgresql_where=text("vanished_at IS NOT NULL")
        ),
        Index("ix_signal_triage_due", "person_id", sqlite_where=text("triage_due"), postgresql_where=text("triage_due")),
        Index("ix_signal_alert_id", "alert_id"),
        Index("ix_signal_person_id", "person_id"),
        Index("ix_signal_code_run_id", "code", "run_id"),
        # which alerts a code is behind, without a look at the rows
        Index(
            "ix_signal_code_alert_id",
            "code",
            "alert_id",
            sqlite_where=text("vanished_at IS NULL"),
            postgresql_where=text("vanished_at IS NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    code: Mapped[str] = column(INTERNAL, String(20))
    key: Mapped[str] = column(INTERNAL, String(120))
    alert_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("alert.id"))
    run_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("detection_run.id"))
    subject_kind: Mapped[SubjectKind] = column(INTERNAL, enum_column_type(SubjectKind, "subject_kind"))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    subject_ref: Mapped[str | None] = column(INTERNAL, String(100))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    severity: Mapped[AlertSeverity] = column(INTERNAL, enum_column_type(AlertSeverity, "severity"))
    confidence: Mapped[float] = column(INTERNAL, Float)
    from_month: Mapped[date | None] = column(PERSONAL, Date)
    to_month: Mapped[date | None] = column(PERSONAL, Date)
    months: Mapped[int] = column(PERSONAL, Integer, default=0)
    completed_on: Mapped[date | None] = column(PERSONAL, Date)
    amount_fen: Mapped[int] = column(PERSONAL, BigInteger, default=0)
    facts: Mapped[dict[str, Any]] = column(PERSONAL, JsonValue, default=dict)
    records: Mapped[list[Any]] = column(INTERNAL, JsonValue, default=list)
    digest: Mapped[bytes] = column(INTERNAL, LargeBinary(32))
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    first_seen_at: Mapped[datetime] = column(INTERNAL)
    changed_at: Mapped[datetime] = column(INTERNAL)
    triage_due: Mapped[bool] = column(INTERNAL, Boolean, default=True)
    vanished_at: Mapped[datetime | None] = column(INTERNAL)
    vanished_reason: Mapped[str | None] = column(INTERNAL, String(200))
