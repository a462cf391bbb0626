"""The national rule base and its knowledge points (两库), as they were published and as rules read them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PUBLIC, BigId, JsonValue, column, enum_column_type, opaque_id


class KnowledgeFileKind(StrEnum):
    """What a published file has."""

    RULES = "rules"
    POINTS = "points"


class KnowledgeFile(Base):
    """One file that was imported. loaded, unchanged, rejected: its rows; rejections: [{"row", "id", "field", "reason"}]."""

    __tablename__ = "knowledge_file"
    __table_args__ = (Index("ix_knowledge_file_sha256", "sha256"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    kind: Mapped[KnowledgeFileKind] = column(INTERNAL, enum_column_type(KnowledgeFileKind, "kind"))
    name: Mapped[str] = column(INTERNAL, String(200))
    sha256: Mapped[str] = column(INTERNAL, String(64))
    edition: Mapped[str | None] = column(PUBLIC, String(200))
    loaded: Mapped[int] = column(INTERNAL, BigInteger)
    unchanged: Mapped[int] = column(INTERNAL, BigInteger)
    rejected: Mapped[int] = column(INTERNAL, BigInteger)
    rejections: Mapped[list[Any]] = column(INTERNAL, JsonValue, default=list)
    imported_by: Mapped[str] = column(INTERNAL, String(100))
    imported_at: Mapped[datetime] = column(INTERNAL)


class KnowledgeRule(Base):
    """One rule of the national rule base as published. code: the official one, or that of ``detection.knowledge.rule_base`` where the
    edition gives none. Of one code one version has no end; one that was replaced before it took effect ends the day before it begins.
    """

    __tablename__ = "knowledge_rule"
    __table_args__ = (Index("uq_knowledge_rule_code_version", "code", "version", unique=True),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    code: Mapped[str] = column(PUBLIC, String(20))
    version: Mapped[int] = column(PUBLIC, Integer)
    sequence: Mapped[int | None] = column(PUBLIC, Integer)
    name: Mapped[str] = column(PUBLIC, String(200))
    tier1: Mapped[str] = column(PUBLIC, String(60))
    tier2: Mapped[str] = column(PUBLIC, String(60))
    definition: Mapped[str | None] = column(PUBLIC, Text)
    effective_from: Mapped[date] = column(PUBLIC, Date)
    effective_until: Mapped[date | None] = column(PUBLIC, Date)
    file_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("knowledge_file.id"))


class KnowledgePoint(Base):
    """One knowledge point, in one version. point_id: of the publisher. limit_text: the constraint in its own words; check_text: its logic.

    parameters: the constraint as rules read it (``detection.knowledge.parameters``). effective_until: last day, None while it holds; what a
    later point supersedes ends the day before that takes effect, which is before it begins where it never held. source: file and row of
    the publication, with the days that it gives ("published", "until").
    """

    __tablename__ = "knowledge_point"
    __table_args__ = (
        Index("uq_knowledge_point_point_version", "point_id", "version", unique=True),
        Index("ix_knowledge_point_rule_code", "rule_code"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    point_id: Mapped[str] = column(PUBLIC, String(60))
    version: Mapped[int] = column(PUBLIC, Integer)
    rule_code: Mapped[str] = column(PUBLIC, String(20))
    item_name: Mapped[str] = column(PUBLIC, String(500))
    item_codes: Mapped[list[Any]] = column(PUBLIC, JsonValue, default=list)
    limit_text: Mapped[str] = column(PUBLIC, Text)
    check_text: Mapped[str] = column(PUBLIC, Text)
    parameters: Mapped[dict[str, Any]] = column(PUBLIC, JsonValue, default=dict)
    supersedes: Mapped[list[Any]] = column(PUBLIC, JsonValue, default=list)
    source: Mapped[dict[str, Any]] = column(PUBLIC, JsonValue, default=dict)
    effective_from: Mapped[date] = column(PUBLIC, Date)
    effective_until: Mapped[date | None] = column(PUBLIC, Date)
    file_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("knowledge_file.id"))
