"""Triggers of the audit: no change at all, and no deletion but of days whose entries are retired, for migrations to call.

A day is retired by a seal of that kind, which is signed and stays. Whoever writes one by hand can delete a day, but not sign for it:
``lifecert audit verify`` finds that.
"""

from __future__ import annotations

from alembic import op

FUNCTION = "lifecert_refuse_deletion_of_{}"
RETIRED = {
    "audit_entry": "SELECT 1 FROM audit_link JOIN audit_seal ON audit_seal.day = audit_link.day AND audit_seal.kind = 'retired' "
    "WHERE audit_link.entry_id = gone.id",
    "audit_link": "SELECT 1 FROM audit_seal WHERE audit_seal.day = gone.day AND audit_seal.kind = 'retired'",
}


def protect(table: str) -> None:
    """Refuse UPDATE, TRUNCATE, and DELETE of what is not retired, with an integrity error that names the table."""
    if op.get_bind().dialect.name == "postgresql":
        function = FUNCTION.format(table)
        op.execute(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF EXISTS (SELECT 1 FROM gone WHERE NOT EXISTS ({RETIRED[table]})) THEN "
            "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END IF; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER tr_{table}_retired_only AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
        op.execute(
            f"CREATE TRIGGER tr_{table}_append_only BEFORE UPDATE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION lifecert_refuse_change()"
        )
        return
    retired = RETIRED[table].replace("gone.", "OLD.")
    op.execute(f"CREATE TRIGGER tr_{table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
    op.execute(
        f"CREATE TRIGGER tr_{table}_no_delete BEFORE DELETE ON {table} WHEN NOT EXISTS ({retired}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def unprotect(table: str) -> None:
    """Undo ``protect``."""
    if op.get_bind().dialect.name == "postgresql":
        for trigger in ("retired_only", "append_only"):
            op.execute(f"DROP TRIGGER tr_{table}_{trigger} ON {table}")
        op.execute(f"DROP FUNCTION {FUNCTION.format(table)}()")
        return
    for change in ("update", "delete"):
        op.execute(f"DROP TRIGGER tr_{table}_no_{change}")
