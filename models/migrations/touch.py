"""Triggers that note whose status may have changed, for migrations to call.

A trigger cannot be forgotten by a writer, however the rows come in. Batch mode on SQLite copies a table and loses its triggers: a migration
that changes life_evidence, benefit or person calls ``drop`` before and ``create`` after.
"""

from __future__ import annotations

from alembic import op

STATEMENTS = "lifecert_touch"
MERGERS = "lifecert_touch_merger"
CHANGES = (("life_evidence", "insert"), ("benefit", "insert"), ("benefit", "update"))


def create() -> None:
    """Make the triggers."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {STATEMENTS}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO status_touch (person_id) SELECT DISTINCT person_id FROM new_rows; RETURN NULL; END $$"
        )
        for table, change in CHANGES:
            op.execute(
                f"CREATE TRIGGER tr_{table}_touch_{change} AFTER {change.upper()} ON {table} REFERENCING NEW TABLE AS new_rows "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {STATEMENTS}()"
            )
        op.execute(
            f"CREATE FUNCTION {MERGERS}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO status_touch (person_id) SELECT id FROM unnest(ARRAY[NEW.id, NEW.merged_into_id, OLD.merged_into_id]) AS t (id) "
            "WHERE id IS NOT NULL; RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER tr_person_touch AFTER UPDATE OF merged_into_id, region_code ON person FOR EACH ROW "
            "WHEN (NEW.merged_into_id IS DISTINCT FROM OLD.merged_into_id OR NEW.region_code <> OLD.region_code) "
            f"EXECUTE FUNCTION {MERGERS}()"
        )
        return
    for table, change in CHANGES:
        op.execute(
            f"CREATE TRIGGER tr_{table}_touch_{change} AFTER {change.upper()} ON {table} "
            "BEGIN INSERT INTO status_touch (person_id) VALUES (NEW.person_id); END"
        )
    op.execute(
        "CREATE TRIGGER tr_person_touch AFTER UPDATE OF merged_into_id, region_code ON person "
        "WHEN NEW.merged_into_id IS NOT OLD.merged_into_id OR NEW.region_code <> OLD.region_code "
        "BEGIN INSERT INTO status_touch (person_id) SELECT id FROM (SELECT NEW.id AS id UNION SELECT NEW.merged_into_id "
        "UNION SELECT OLD.merged_into_id) WHERE id IS NOT NULL; END"
    )


def drop() -> None:
    """Undo ``create``."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table, change in CHANGES:
        op.execute(f"DROP TRIGGER tr_{table}_touch_{change}" + (f" ON {table}" if postgresql else ""))
    op.execute("DROP TRIGGER tr_person_touch" + (" ON person" if postgresql else ""))
    if postgresql:
        op.execute(f"DROP FUNCTION {STATEMENTS}()")
        op.execute(f"DROP FUNCTION {MERGERS}()")
