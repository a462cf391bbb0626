"""Entries that wait in files: every one gets into the store once, whoever takes it in, whoever is killed, and whatever the store says."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models import audit_journal as files
from models.audit import AuditEntry, AuditJournalPosition
from models.audit_journal import AuditJournal, Entry, details_of, files_in
from models.database import Database
from models.keys import FileKeyRing
from models.repositories import audit_journal
from models.repositories.audit_journal import take_in, waiting_bytes
from models.repositories.audit_sealing import seal_waiting
from models.repositories.audit_verification import verify
from tests.models.people import NOW, add_person

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from models.audit_journal import AuditJournal, Entry
journal = AuditJournal(Path(sys.argv[1]))
number = 0
while True:
    journal.append([Entry("client:test", "status_looked_up", None, str(number), datetime.now(UTC), "{}")])
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def entry(name: str, person: int | None = None) -> Entry:
    return Entry("client:test", "status_looked_up", person, name, NOW, details_of(door="api"))


def seen(database: Database) -> list[str]:
    """What the entries name, in the order in which they are in the store."""
    with database.read_scope() as session:
        wanted = select(AuditEntry.object).where(AuditEntry.action == "status_looked_up").order_by(AuditEntry.id)
        return [name or "" for name in session.scalars(wanted)]


def positions(database: Database) -> int:
    with database.read_scope() as session:
        return session.scalar(select(func.count()).select_from(AuditJournalPosition)) or 0


def test_an_entry_is_in_the_store_as_it_was_written_and_in_the_chain(database: Database, keyring: FileKeyRing, folder: Path) -> None:
    with database.session_scope() as session:
        key = add_person(session, keyring).id
    here = datetime(2026, 3, 1, 7, 59, 59, 123456, timezone(timedelta(hours=8)))
    journal = AuditJournal(folder)
    journal.append([Entry('client:"Zhāng\n', "status_looked_up", key, "张,三", here, details_of(door="api", request_id="r-1"))])
    journal.append([Entry("client:test", "status_not_found", None, None, NOW, "{}")])
    assert take_in(database, folder) > 0
    with database.read_scope() as session:
        first, second = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("status_")).order_by(AuditEntry.id))
        assert (first.actor, first.person_id, first.object, first.reason, first.at) == ('client:"Zhāng\n', key, "张,三", None, here)
        assert first.details == {"door": "api", "request_id": "r-1"}
        assert (second.action, second.person_id, second.object, second.at, second.details) == ("status_not_found", None, None, NOW, {})
    seal_waiting(database, keyring, now=NOW)
    assert verify(database, keyring).clean


def test_a_file_in_use_stays_and_one_that_was_left_goes_with_its_position(database: Database, folder: Path) -> None:
    journal = AuditJournal(folder)
    for turn in range(3):
        journal.append([entry(f"{turn}")])
        take_in(database, folder)
        assert (len(files_in(folder)), positions(database)) == (1, 1)
    assert [each.stat().st_mode & 0o077 for each in (folder, *files_in(folder))] == [0, 0]  # its owner's only
    journal.append([entry("last")])
    journal.close()
    take_in(database, folder)
    assert (list(folder.iterdir()), positions(database)) == ([], 0)
    assert seen(database) == ["0", "1", "2", "last"]
    assert take_in(database, folder) == 0


def test_what_waits_is_counted_in_bytes(database: Database, folder: Path) -> None:
    assert waiting_bytes(database, folder) == 0
    one, other = AuditJournal(folder), AuditJournal(folder)
    one.append([entry("1"), entry("2")])
    other.append([entry("3")])
    size = len(files.line_of(entry("1"))) + 1
    assert waiting_bytes(database, folder) == 3 * size
    take_in(database, folder)
    assert waiting_bytes(database, folder) == 0
    other.append([entry("4")])
    other.close()
    assert waiting_bytes(database, folder) == size


def test_a_process_leaves_to_others_what_they_are_adding_to(database: Database, folder: Path) -> None:
    own, busy, gone = (AuditJournal(folder) for _ in range(3))
    for name, journal in (("own", own), ("busy", busy), ("gone", gone)):
        journal.append([entry(name)])
    gone.close()
    take_in(database, folder, of=own.path)
    assert sorted(seen(database)) == ["gone", "own"]
    assert sorted(files_in(folder)) == sorted(path for path in (own.path, busy.path) if path)
    take_in(database, folder)
    assert sorted(seen(database)) == ["busy", "gone", "own"]


def test_threads_write_and_others_take_in_and_every_entry_is_there_once(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILE_BYTES", 2_000)  # some twenty entries
    monkeypatch.setattr(audit_journal, "CHUNK_BYTES", 700)
    journal, over = AuditJournal(folder), threading.Event()

    def write(thread: int) -> None:
        for turn in range(100):
            journal.append([entry(f"{thread}-{turn}")])

    def take() -> None:
        while not over.is_set():
            take_in(database, folder)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    takers = [threading.Thread(target=take) for _ in range(3)]
    for thread in (*writers, *takers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in takers:
        thread.join()
    journal.close()
    take_in(database, folder)
    assert Counter(seen(database)) == Counter(f"{thread}-{turn}" for thread in range(4) for turn in range(100))
    assert (list(folder.iterdir()), positions(database)) == ([], 0)


def test_what_a_killed_process_was_told_is_in_the_store(database: Database, folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(200)]
        take_in(database, folder)
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().splitlines()]
    take_in(database, folder)
    found = [int(name) for name in seen(database)]
    assert found == list(range(len(found)))  # one more than was told, where the kill came between the two
    assert len(found) - len(told) in {0, 1}
    assert files_in(folder) == []


def test_who_is_killed_between_the_store_and_the_file_takes_nothing_in_twice(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = AuditJournal(folder)
    journal.append([entry("1"), entry("2")])
    journal.close()

    def killed(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(audit_journal, "delete_if_left", killed)
        with pytest.raises(KeyboardInterrupt):
            take_in(database, folder)
    take_in(database, folder)
    assert seen(database) == ["1", "2"]
    assert files_in(folder) == []


def test_what_the_store_does_not_take_waits(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = AuditJournal(folder)
    journal.append([entry("1")])
    with monkeypatch.context() as patch:
        patch.setattr(database, "session_scope", database.read_scope)  # which the database itself keeps from writing
        with pytest.raises(Exception, match=r"read-?only"):
            take_in(database, folder)
    assert seen(database) == []
    journal.append([entry("2")])
    take_in(database, folder)
    assert seen(database) == ["1", "2"]


def test_a_line_that_cannot_be_taken_in_is_told_in_its_place_and_keeps_no_other_back(database: Database, folder: Path) -> None:
    journal = AuditJournal(folder)
    journal.append([entry("1"), entry("nobody", 10**9), entry("2")])
    journal.close()
    (file,) = files_in(folder)
    with file.open("r+b") as damaged:
        damaged.seek(file.read_bytes().index(0))
        damaged.write(
            b'["client:te\xff\n["client:te\0t"\n' + files.line_of(entry("3")).encode() + b"\n" + files.line_of(entry("half")).encode()
        )
    lines = file.read_bytes().splitlines(keepends=True)
    take_in(database, folder)
    assert seen(database) == ["1", "2", "3"]
    with database.read_scope() as session:
        told = session.scalars(
            select(AuditEntry.details).where(AuditEntry.action == "audit.journal_unreadable").order_by(AuditEntry.id)
        ).all()
    assert told == [{"file": file.stem, "position": sum(map(len, lines[:number])), "bytes": len(lines[number])} for number in (1, 3, 4)]
    assert files_in(folder) == []  # the answer to the half line was never given


def test_a_full_disk_refuses_the_entry_and_loses_no_other(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BYTES", 150)  # one entry
    journal = AuditJournal(folder)
    journal.append([entry("1")])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                journal.append([entry("refused")])
    assert [each.suffix for each in folder.iterdir()] == [".jsonl"]
    journal.append([entry("2")])
    journal.append([entry(str(number)) for number in range(3, 20)])  # more than a file holds otherwise
    journal.close()
    take_in(database, folder)
    assert sorted(seen(database), key=int) == [str(number) for number in range(1, 20)]
    assert files_in(folder) == []


def test_what_another_processor_does_not_see_yet_waits(database: Database, folder: Path) -> None:
    journal = AuditJournal(folder)
    journal.append([entry("1"), entry("2"), entry("3")])
    (file,) = files_in(folder)
    first = file.read_bytes().index(b"\n") + 1
    with file.open("r+b") as written:
        written.seek(first + 5)
        hidden = written.read(3)
        written.seek(first + 5)
        written.write(bytes(3))
        written.flush()
        take_in(database, folder)
        assert seen(database) == ["1"]
        written.seek(first + 5)
        written.write(hidden)
    take_in(database, folder)
    assert seen(database) == ["1", "2", "3"]


def test_a_forked_process_writes_a_file_of_its_own(database: Database, folder: Path) -> None:
    journal = AuditJournal(folder)
    journal.append([entry("parent")])
    child = os.fork()
    if not child:
        journal.append([entry("child")])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(files_in(folder)) == 2
    take_in(database, folder)
    assert len(files_in(folder)) == 1
    journal.append([entry("parent again")])
    take_in(database, folder)
    assert sorted(seen(database)) == ["child", "parent", "parent again"]
