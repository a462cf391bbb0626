"""`lifecert import references`: resumable, the same list twice changes nothing, each rejected row comes back with its reason."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import func, select

from models.audit import AuditEntry
from models.database import Database
from models.face import FaceReference
from models.keys import FileKeyRing
from tests.cli.conftest import Command, one_line, portrait
from tests.models.people import add_person, resident_id
from tests.verify.real_data import data_file
from tests.verify.real_data import engine as real_engine

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)


@pytest.fixture
def store(home: Path) -> Database:
    """The store of the home, with persons 101 to 110."""
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    keyring = FileKeyRing.open(home / "keys.json")
    with database.session_scope() as session:
        for sequence in range(101, 111):
            add_person(session, keyring, sequence=sequence)
    return database


def write_list(path: Path, rows: list[tuple[str, str]], *, encoding: str = "utf-8") -> Path:
    lines = "\r\n".join(["resident_id,file", *(",".join(row) for row in rows)])
    path.write_bytes((lines + "\r\n").encode(encoding))
    return path


def active(database: Database) -> int:
    with database.read_scope() as session:
        return session.scalar(select(func.count()).select_from(FaceReference).where(FaceReference.revoked_at.is_(None))) or 0


def rows_of(database: Database) -> list[tuple[object, ...]]:
    with database.read_scope() as session:
        references = session.execute(select(FaceReference.public_id, FaceReference.enrolled_at, FaceReference.revoked_at)).all()
        return [tuple(row) for row in references] + [(session.scalar(select(func.count()).select_from(AuditEntry)),)]


def test_the_same_list_twice_changes_nothing(command: Command, store: Database, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    rows = [(resident_id(sequence=n), portrait(photos / f"{n}.png", n).name) for n in (101, 102, 103)]
    people = write_list(tmp_path / "people.csv", rows)
    first = command("import", "references", "--photos", photos, "--list", people, "--json")
    assert first.code == 0
    assert first.json == {"rows": 3, "enrolled": 3, "unchanged": 0, "rejected": 0, "by_rule": {}, "rejected_file": None}
    assert "references: 3 of 3" in first.err
    before = rows_of(store)
    second = command("import", "references", "--photos", photos, "--list", people, "--json")
    assert second.json == {"rows": 3, "enrolled": 0, "unchanged": 3, "rejected": 0, "by_rule": {}, "rejected_file": None}
    assert rows_of(store) == before


def test_a_stopped_import_goes_on_where_it_stopped(command: Command, store: Database, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    rows = [(resident_id(sequence=n), portrait(photos / f"{n}.png", n).name) for n in (101, 102, 103)]
    assert command("import", "references", "--photos", photos, "--list", write_list(tmp_path / "half.csv", rows[:2])).code == 0
    result = command("import", "references", "--photos", photos, "--list", write_list(tmp_path / "all.csv", rows), "--json")
    assert (result.json["enrolled"], result.json["unchanged"]) == (1, 2)
    assert active(store) == 3


def test_replace_puts_the_new_photograph_into_force(command: Command, store: Database, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    people = write_list(tmp_path / "people.csv", [(resident_id(sequence=101), portrait(photos / "a.png", 101).name)])
    assert command("import", "references", "--photos", photos, "--list", people).code == 0
    result = command("import", "references", "--photos", photos, "--list", people, "--replace", "--json")
    assert (result.json["enrolled"], result.json["unchanged"]) == (1, 0)
    assert active(store) == 1
    with store.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(FaceReference)) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_lists_in_every_usual_encoding_are_read(command: Command, store: Database, tmp_path: Path, encoding: str) -> None:
    photos = tmp_path / "photos"
    portrait(photos / "a.png", 101).rename(photos / "王建国.png")
    people = write_list(tmp_path / "people.csv", [(resident_id(sequence=101), "王建国.png")], encoding=encoding)
    result = command("import", "references", "--photos", photos, "--list", people, "--json")
    assert (result.code, result.json["enrolled"]) == (0, 1)


def test_every_rejected_row_comes_back_with_its_reason(command: Command, store: Database, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    good = portrait(photos / "good.png", 101)
    portrait(photos / "two.png", 102, faces=2)
    portrait(tmp_path / "outside.png", 103)
    (photos / "link.png").symlink_to(tmp_path / "outside.png")
    (photos / "cut.png").write_bytes(good.read_bytes()[:4000])
    (photos / "text.jpg").write_text("not a picture")
    (photos / "empty.jpg").touch()
    cv2.imwrite(str(photos / "nobody.png"), np.full((480, 640, 3), 127, np.uint8))
    (photos / "folder").mkdir()
    cases = [
        (resident_id(sequence=101), "good.png", None),
        (resident_id(sequence=102), "two.png", "two_faces"),
        (resident_id(sequence=103), "../outside.png", "file_outside"),
        (resident_id(sequence=103), str(tmp_path / "outside.png"), "file_outside"),
        (resident_id(sequence=103), "link.png", "file_outside"),
        (resident_id(sequence=103), "", "file_outside"),
        (resident_id(sequence=104), "missing.png", "file_unreadable"),
        (resident_id(sequence=104), "folder", "file_unreadable"),
        (resident_id(sequence=105), "cut.png", "truncated"),
        (resident_id(sequence=105), "text.jpg", "unsupported_type"),
        (resident_id(sequence=105), "empty.jpg", "empty"),
        (resident_id(sequence=106), "nobody.png", "no_face"),
        (resident_id(sequence=999), "good.png", "person_unknown"),
        ("12345", "good.png", "resident_id"),
        (resident_id(sequence=107)[:-1] + "?", "good.png", "resident_id"),
        (resident_id(sequence=107), "good.png,spare", "fields"),
    ]
    people = write_list(tmp_path / "people.csv", [(number, file) for number, file, _ in cases])
    result = command("import", "references", "--photos", photos, "--list", people, "--json")
    assert result.code == 1
    assert result.json["enrolled"] == 1
    assert result.json["rows"] == len(cases)
    with (tmp_path / "people.rejected.csv").open(encoding="utf-8-sig", newline="") as stream:
        rejected = {int(row["row"]): row for row in csv.DictReader(stream)}
    assert {number: row["rule"] for number, row in rejected.items()} == {
        number: rule for number, (_, _, rule) in enumerate(cases, start=2) if rule is not None
    }
    assert all(row["reason"] for row in rejected.values())
    assert result.json["rejected"] == len(rejected) == sum(result.json["by_rule"].values())
    everything = result.out + result.err + (tmp_path / "people.rejected.csv").read_text(encoding="utf-8-sig")
    for number, _, _ in cases:
        assert number not in everything, "a resident ID is nobody's business outside the list itself"
    assert active(store) == 1


def test_a_mended_list_removes_the_file_of_rejected_rows(command: Command, store: Database, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    people = write_list(tmp_path / "people.csv", [(resident_id(sequence=101), "a.png")])
    photos.mkdir()
    rejected = tmp_path / "elsewhere.csv"
    words = ("import", "references", "--photos", photos, "--list", people, "--rejected", rejected)
    assert command(*words).code == 1
    assert rejected.exists()
    portrait(photos / "a.png", 101)
    assert command(*words).code == 0
    assert not rejected.exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "column resident_id, file missing"),
        (b"resident_id,photo\n1,2\n", "column file missing"),
        (b"resident_id,file\n", "no rows"),
        (b"resident_id,file\n\x00\x00\x00\xff\xfe\xfd", "neither UTF-8 nor GB18030"),
        (b'resident_id,file\n"1,2\n', "not a CSV table"),
    ],
)
def test_a_list_that_cannot_be_used_is_exit_2(command: Command, store: Database, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "people.csv").write_bytes(content)
    result = command("import", "references", "--photos", tmp_path, "--list", tmp_path / "people.csv")
    assert result.code == 2
    assert says in one_line(result)


def test_real_photographs_with_the_real_engine(
    command: Command, store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy_with: Callable[..., Path]
) -> None:
    monkeypatch.setenv("LIFECERT_ENGINE", real_engine("onnx").name)
    photos = tmp_path / "photos"
    photos.mkdir()
    names = sorted(path.name for path in data_file("faces", "images").iterdir())[:6]
    for name in names:
        shutil.copy(data_file("faces", "images", name), photos / name)
    left, right = (cv2.imread(str(photos / name)) for name in names[:2])
    assert left is not None
    assert right is not None
    cv2.imwrite(str(photos / "two.jpg"), np.hstack([left, right]))
    (photos / "cut.jpg").write_bytes((photos / names[0]).read_bytes()[:5000])
    # these photographs are 250 px wide: smaller than what a counter enrols
    policy_with(("inter_eye_distance = 25 # 30 px", "inter_eye_distance = 10"))
    numbers = [resident_id(sequence=101 + index) for index in range(8)]
    people = write_list(tmp_path / "people.csv", list(zip(numbers, [*names, "two.jpg", "cut.jpg"], strict=True)))
    first = command("import", "references", "--photos", photos, "--list", people, "--json")
    assert first.code == 1
    assert first.json["enrolled"] >= 4
    with (tmp_path / "people.rejected.csv").open(encoding="utf-8-sig", newline="") as stream:
        rules = {row["file"]: row["rule"] for row in csv.DictReader(stream)}
    assert (rules["two.jpg"], rules["cut.jpg"]) == ("two_faces", "truncated")
    assert active(store) == first.json["enrolled"]
    second = command("import", "references", "--photos", photos, "--list", people, "--json")
    assert (second.json["enrolled"], second.json["unchanged"]) == (0, first.json["enrolled"])
