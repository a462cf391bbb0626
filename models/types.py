"""Column types and helpers that every table uses."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from models.keys import Sealed


class Sensitivity(StrEnum):
    """How much harm a column's value does in the wrong hands; exports, logs and pages go by it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    BIOMETRIC = "biometric"
    SECRET = "secret"  # noqa: S105 - the name of a level, not a secret


PUBLIC = Sensitivity.PUBLIC
INTERNAL = Sensitivity.INTERNAL
PERSONAL = Sensitivity.PERSONAL
BIOMETRIC = Sensitivity.BIOMETRIC
SECRET = Sensitivity.SECRET

# 64 bits on PostgreSQL; SQLite numbers rows by itself only for a column declared INTEGER, which holds 64 bits there anyway.
BigId = BigInteger().with_variant(Integer(), "sqlite")

# None is SQL NULL, not the JSON word null.
JsonValue = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def column(sensitivity: Sensitivity, *args: Any, **options: Any) -> MappedColumn[Any]:
    """``mapped_column`` that cannot be written without saying how sensitive the value is."""
    return mapped_column(*args, info={"sensitivity": sensitivity}, **options)


def enum_column_type(enum: type[StrEnum], name: str, *, checked: bool = True) -> Enum:
    """Text column that takes the values of ``enum`` only, by a named CHECK constraint on both databases.

    checked: without it there is no constraint; for a column that is added to a large table of SQLite, which would have to copy it.
    """
    return Enum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=checked,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def opaque_id() -> str:
    """22 characters of base64url from 128 random bits: reveals neither order nor person (RFC 4648 section 5).

    Never begins with a hyphen: on a command line that would be read as an option.
    """
    while (drawn := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return drawn


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC date and time with microseconds; refuses naive values, and gives aware ones back on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Python to database. Raises ValueError for a naive value: guessing its zone would move due dates."""
        if value is None:
            return None
        if value.tzinfo is None or value.utcoffset() is None:
            raise ValueError(f"the date and time {value.isoformat()} has no time zone: pass an aware one, e.g. datetime.now(UTC)")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Database to Python."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@lru_cache(maxsize=64)
def _key_prefix(key_id: str) -> bytes:
    raw = key_id.encode("ascii")
    return bytes([len(raw)]) + raw


class SealedValue(TypeDecorator[Sealed]):
    """A ``Sealed`` in one column: one byte length of the key id, the key id, then nonce + ciphertext + tag."""

    impl = LargeBinary
    cache_ok = True

    @staticmethod
    def prefix(key_id: str) -> bytes:
        """What every value begins with that was sealed with this key."""
        return _key_prefix(key_id)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Plain bytes on every database."""
        return dialect.type_descriptor(LargeBinary())

    def process_bind_param(self, value: Sealed | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Sealed to bytes."""
        if value is None:
            return None
        return _key_prefix(value.key_id) + value.blob

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Sealed | None:  # noqa: ARG002
        """Bytes to Sealed."""
        if value is None:
            return None
        raw = bytes(value)
        end = 1 + raw[0]
        return Sealed(raw[1:end].decode("ascii"), raw[end:])
