"""JSON made by the database: the same expression for PostgreSQL (jsonb) and SQLite (json1)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.types import JsonValue


class _JsonObject(GenericFunction[Any]):
    type = JsonValue
    name = "lifecert_json_object"
    inherit_cache = True


class _JsonArray(GenericFunction[Any]):
    type = JsonValue
    name = "lifecert_json_array"
    inherit_cache = True


@compiles(_JsonObject, "postgresql")
def _object_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_build_object({compiler.process(element.clauses, **options)})"


@compiles(_JsonObject, "sqlite")
def _object_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_object({compiler.process(element.clauses, **options)})"


@compiles(_JsonArray, "postgresql")
def _array_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_agg({compiler.process(element.clauses, **options)})"


@compiles(_JsonArray, "sqlite")
def _array_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"json(json_group_array(json({compiler.process(element.clauses, **options)})))"


def json_object(**values: ColumnElement[Any]) -> ColumnElement[Any]:
    """An object of these keys; dates as YYYY-MM-DD."""
    parts: list[ColumnElement[Any]] = []
    for key, value in values.items():
        parts += [literal_column(f"'{key}'"), value]
    return _JsonObject(*parts)


def json_array_of(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Aggregate: an array of these JSON values, in no particular order."""
    return _JsonArray(value)
