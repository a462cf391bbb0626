from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, select, text
from sqlalchemy.exc import IntegrityError

from models.alert import Alert, AlertSeverity
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus
from models.casework import CaseEvent, CaseStep, RuleMode, RuleModeChange
from models.database import Database, make_engine
from models.enrolment import Scheme
from models.errors import DatabaseUnreachableError, SchemaError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength, Trace
from models.region import Region, RegionLevel
from models.repositories import alerts, audit, cases, life_evidence, outbox
from models.repositories.alerts import NewAlert
from models.repositories.life_evidence import NewEvidence
from models.schema import check_schema, current_revision, downgrade, head_revision, upgrade
from models.tables import APPEND_ONLY, metadata
from models.types import Sensitivity
from tests.models.people import REGION, add_person

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_migrated_tables_are_those_of_the_metadata(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_named_check_constraints_exist_as_declared(database: Database) -> None:
    inspector = inspect(database.engine)
    for table in metadata.sorted_tables:
        declared = {str(constraint.name) for constraint in table.constraints if isinstance(constraint, CheckConstraint)}
        assert {check["name"] for check in inspector.get_check_constraints(table.name)} == declared


def test_up_down_up_with_data_in_the_tables(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    database = Database(empty_database_url)
    with database.session_scope() as session:
        session.add(Region(code="429800", name="试验市", level=RegionLevel.CITY, parent_code=None))
        audit.record(session, actor="system", action="test", now=NOW)
    downgrade(empty_database_url, "base")
    assert current_revision(database.engine) is None
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    upgrade(empty_database_url)
    assert current_revision(database.engine) == head_revision()
    with database.read_scope() as session:
        assert session.query(Region).count() == 0
    database.dispose()


def _fill_ledger(database: Database, keyring: FileKeyRing) -> None:
    """A person with a benefit, a message, and a ledger with a corrected row, a trace and a silent certification that rests on it."""
    with database.session_scope() as session:
        person = add_person(session, keyring)
        benefit = {"scheme": Scheme.EMPLOYEE_PENSION, "region_code": REGION, "monthly_fen": 300_000, "status": BenefitStatus.ACTIVE}
        session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **benefit))

        def fact(kind: EvidenceKind, strength: Strength, **options: Any) -> NewEvidence:
            return NewEvidence(person_id=person.id, kind=kind, occurred_on=date(2026, 1, 2), strength=strength, source="测试", **options)

        wrong = life_evidence.add(session, fact(EvidenceKind.DEATH_RECORD, Strength.CONCLUSIVE, reference="r"), by="test", now=NOW)
        life_evidence.correct(session, wrong.id, fact(EvidenceKind.DEATH_RECORD, Strength.VOID), by="test", now=NOW)
        trace = life_evidence.add(session, fact(EvidenceKind.DATA_MATCH, Strength.SUPPORTING, trace=Trace.TRAVEL), by="test", now=NOW)
        life_evidence.add(session, fact(EvidenceKind.DATA_MATCH, Strength.CONCLUSIVE, based_on_id=trace.id), by="test", now=NOW)
        outbox.put(session, kind="person.certified", now=NOW, person_id=person.id, payload={"evidence": wrong.id})
        audit.record(session, actor="system", action="test", now=NOW, person_id=person.id)


def _rows(database: Database, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    with database.engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT {', '.join(names)} FROM {table} ORDER BY 1"))]  # noqa: S608
            for table, names in columns.items()
        }


def _columns(database: Database) -> dict[str, list[str]]:
    inspector = inspect(database.engine)
    kept = ("life_evidence", "person", "benefit", "outbox_message", "audit_entry", "region")
    return {table: [column["name"] for column in inspector.get_columns(table)] for table in kept}


def test_rows_of_the_first_tables_survive_down_and_up_again(empty_database_url: str, keyring: FileKeyRing) -> None:
    upgrade(empty_database_url)
    database = Database(empty_database_url)
    _fill_ledger(database, keyring)
    before = _rows(database, _columns(database))
    assert len(before["life_evidence"]) == 4
    database.dispose()

    downgrade(empty_database_url, "0001")
    database = Database(empty_database_url)
    first = _columns(database)
    assert "based_on_id" not in first["life_evidence"]
    at_first = _rows(database, first)
    assert {table: len(rows) for table, rows in at_first.items()} == {table: len(rows) for table, rows in before.items()}
    with pytest.raises(IntegrityError, match="append-only"), database.session_scope() as session:
        session.execute(text("DELETE FROM life_evidence"))
    database.dispose()

    upgrade(empty_database_url)
    database = Database(empty_database_url)
    assert _rows(database, first) == at_first
    corrects = first["life_evidence"].index("corrects_id")
    assert [row[corrects] for row in at_first["life_evidence"]] == [None, at_first["life_evidence"][0][0], None, None]
    for change in ("UPDATE life_evidence SET source = 'x'", "DELETE FROM life_evidence"):
        with pytest.raises(IntegrityError, match="life_evidence is append-only"), database.session_scope() as session:
            session.execute(text(change))
    with database.session_scope() as session:
        person_id = session.execute(text("SELECT id FROM person")).scalar_one()
        touched = text("SELECT count(*) FROM status_touch WHERE person_id = :id")
        assert session.execute(touched, {"id": person_id}).scalar_one() == 0
        new = NewEvidence(person_id, EvidenceKind.FACE, date(2026, 2, 2), Strength.CONCLUSIVE, "test")
        life_evidence.add(session, new, by="test", now=NOW)
        assert session.execute(touched, {"id": person_id}).scalar_one() == 1
        session.execute(text("UPDATE benefit SET monthly_fen = 1"))
        assert session.execute(touched, {"id": person_id}).scalar_one() == 2
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
    database.dispose()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    with database.session_scope() as session:
        audit.record(session, actor="system", action="kept", now=NOW)
    upgrade(database.url)
    with database.read_scope() as session:
        assert [entry.action for entry in session.query(AuditEntry)] == ["kept"]


def test_workers_that_start_together_migrate_once(empty_database_url: str) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def worker() -> None:
        barrier.wait()
        try:
            upgrade(empty_database_url)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    database = Database(empty_database_url)
    check_schema(database.engine)
    database.dispose()


def test_a_database_of_newer_code_is_refused_in_words(database: Database) -> None:
    with database.session_scope() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer version"):
        check_schema(database.engine)
    with pytest.raises(SchemaError, match="newer version"):
        upgrade(database.url)
    with pytest.raises(SchemaError, match="newer version"):
        downgrade(database.url, "base")


def test_an_empty_database_is_refused_with_what_to_do(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with pytest.raises(SchemaError, match="lifecert db upgrade"):
        check_schema(database.engine)
    database.dispose()


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 1", "DELETE FROM {}"])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_tables_refuse_change(database: Database, table: str, statement: str) -> None:
    with database.session_scope() as session:
        session.execute(text("INSERT INTO region (code, name, level) VALUES ('429800', '试验市', 'city')"))
        session.execute(
            text(
                "INSERT INTO person (id, public_id, resident_id_index, resident_id_sealed, resident_id_masked, name, birth_date, sex,"
                " region_code, created_at, updated_at) VALUES (1, 'p', :b, :b, '', '', '1950-01-01', 'male', '429800', :now, :now)"
            ),
            {"b": b"x" * 32, "now": "2026-01-01 00:00:00"},
        )
        session.execute(
            text(
                "INSERT INTO life_evidence (person_id, kind, occurred_on, strength, source, recorded_by, recorded_at)"
                " VALUES (1, 'counter', '2026-01-01', 'conclusive', 'test', 'test', '2026-01-01 00:00:00')"
            )
        )
        audit.record(session, actor="system", action="test", now=NOW)
        finding = NewAlert("P1", "person:1", AlertSeverity.WARNING, "429800", person_id=1)
        alerts.open_alerts(session, [finding], by="test", now=NOW)
        case = cases.open_case(session, session.scalars(select(Alert)).one(), by="test", due_on=NOW.date(), now=NOW)
        session.add(CaseEvent(case_id=case.id, step=CaseStep.TAKEN, by="test", at=NOW))
        session.add(RuleModeChange(code="P1", mode=RuleMode.SHADOW, reason="test", by="test", at=NOW))
    with pytest.raises(IntegrityError, match=f"{table} is append-only"), database.session_scope() as session:
        session.execute(text(statement.format(table)))
    with database.read_scope() as session:
        assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1  # noqa: S608


def test_every_column_says_how_sensitive_it_is() -> None:
    silent = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if not isinstance(column.info.get("sensitivity"), Sensitivity)
    ]
    assert silent == []


def test_every_constraint_has_a_name() -> None:
    nameless = [(table.name, constraint) for table in metadata.sorted_tables for constraint in table.constraints if not constraint.name]
    assert nameless == []


def test_a_broken_foreign_key_stops_a_sqlite_migration(tmp_path: Path) -> None:
    path = tmp_path / "broken.sqlite"
    upgrade(f"sqlite:///{path}", "0001")
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO region (code, name, level, parent_code) VALUES ('429801', 'x', 'county', '000000')")
    connection.commit()
    connection.close()
    with pytest.raises(SchemaError, match="region"):
        upgrade(f"sqlite:///{path}")
    engine = make_engine(f"sqlite:///{path}")
    assert current_revision(engine) == "0001"
    engine.dispose()


def test_a_folder_that_cannot_hold_a_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(DatabaseUnreachableError, match="writable"):
        upgrade(f"sqlite:///{tmp_path / 'folder.sqlite'}")
