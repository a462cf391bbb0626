"""Triggers that keep a table append-only, for migrations to call.

Batch mode on SQLite copies a table and loses its triggers: a migration that changes an append-only table calls ``protect`` again.
"""

from __future__ import annotations

from alembic import op

FUNCTION = "lifecert_refuse_change"


def create_function() -> None:
    """Make the trigger function of PostgreSQL (SQLite has none)."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
        )


def drop_function() -> None:
    """Undo ``create_function``."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {FUNCTION}()")


def protect(table: str) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE of the table with an integrity error that names it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER tr_{table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tr_{table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def unprotect(table: str) -> None:
    """Undo ``protect``."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER tr_{table}_append_only ON {table}")
        return
    for change in ("update", "delete"):
        op.execute(f"DROP TRIGGER tr_{table}_no_{change}")
