"""Files that machine clients hand in: taken, brought in by the job, told about to whoever sent them and to staff."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from api.intake import delete_old_files, import_waiting, incoming
from api.rights import RoleName
from api.scopes import Scope
from models.person import Person
from tests.api.conftest import HOME_REGION, OTHER_REGION, World
from tests.detection.files import count, number

CSV = "text/csv"
HEADINGS = "身份证号,姓名,统筹区\n"


def body(*rows: tuple[int, str]) -> bytes:
    lines = [f"{number(sequence)},王安,{region}\n" for sequence, region in rows]
    return (HEADINGS + "".join(lines)).encode("gb18030")


def test_a_file_is_taken_brought_in_by_the_job_and_told_about(world: World) -> None:
    client = world.client(Scope.RECORDS_WRITE)
    data = body((5, HOME_REGION), (7, OTHER_REGION))
    answer = client.post("/api/v1/imports/persons", data=data, content_type=CSV)
    assert answer.status_code == 202, answer.text
    batch = answer.get_json()["batch"]
    assert answer.get_json()["state"] == "running"
    assert client.post("/api/v1/imports/persons", data=data, content_type=CSV).get_json()["batch"] == batch
    before = count(world.context.database, Person)
    assert import_waiting(world.context) == 1
    assert import_waiting(world.context) == 0
    assert count(world.context.database, Person) == before + 1
    assert list(incoming(world.context).iterdir()) == []
    told = client.get(f"/api/v1/imports/batches/{batch}").get_json()
    assert (told["state"], told["rows"], told["accepted"], told["by_rule"]) == ("done", 2, 1, {"REGION_NOT_YOURS": 1})
    rejected = client.get(f"/api/v1/imports/batches/{batch}/rejected")
    assert rejected.data.decode("utf-8-sig").splitlines()[1].startswith("3,region_code")
    stranger = world.client(Scope.RECORDS_WRITE)
    assert stranger.get(f"/api/v1/imports/batches/{batch}").get_json()["code"] == "import_unknown"


@pytest.mark.parametrize(
    ("kind", "data", "content_type", "status", "code"),
    [
        ("persons", b"", CSV, 422, "file_unusable"),
        ("persons", b"a,b\n1,2\n", CSV, 422, "file_unusable"),
        ("persons", body((5, HOME_REGION)), "application/json", 415, "unsupported_media_type"),
        ("people", body((5, HOME_REGION)), CSV, 404, "not_found"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    world: World, kind: str, data: bytes, content_type: str, status: int, code: str
) -> None:
    answer = world.client(Scope.RECORDS_WRITE).post(f"/api/v1/imports/{kind}", data=data, content_type=content_type)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert list(incoming(world.context).iterdir()) == []


def test_a_file_that_is_too_large_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.v1.imports.FILE_MAX_BYTES", 100)
    answer = world.client(Scope.RECORDS_WRITE).post("/api/v1/imports/persons", data=b"x" * 200, content_type=CSV)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")
    assert list(incoming(world.context).iterdir()) == []


def test_staff_see_batches_report_and_rejected_rows_of_their_region(world: World) -> None:
    client = world.client(Scope.RECORDS_WRITE)
    data = body((5, HOME_REGION), (7, "999999"))
    batch = client.post("/api/v1/imports/persons", data=data, content_type=CSV).get_json()["batch"]
    import_waiting(world.context)
    staff = world.staff(RoleName.SUPERVISOR)
    assert batch in staff.get("/desk/imports").text
    page = staff.get(f"/desk/imports/{batch}").text
    assert "REGION_UNKNOWN" in page
    assert staff.get(f"/desk/imports/{batch}/report").text.startswith("<!doctype html>")
    rejected = staff.get(f"/desk/imports/{batch}/rejected")
    assert (rejected.status_code, rejected.mimetype) == (200, "text/csv")
    assert world.staff(RoleName.COUNTER).get("/desk/imports").status_code == 403
    assert staff.get("/desk/imports/nothing").status_code == 404


def test_rejected_rows_are_deleted_after_their_time_and_the_report_is_kept(world: World) -> None:
    client = world.client(Scope.RECORDS_WRITE)
    answer = client.post("/api/v1/imports/persons", data=body((5, HOME_REGION), (7, OTHER_REGION)), content_type=CSV)
    folder = incoming(world.context).parent / answer.get_json()["batch"]
    assert import_waiting(world.context) == 1
    days = world.context.policy.intake.rejected_file_days
    now = world.context.clock()
    on_the_day = dataclasses.replace(world.context, clock=lambda: now + timedelta(days=days) - timedelta(hours=1))
    after = dataclasses.replace(world.context, clock=lambda: now + timedelta(days=days, hours=1))
    assert delete_old_files(on_the_day) == 0
    assert (folder / "rejected.csv").exists()
    assert delete_old_files(after) == 1
    assert not (folder / "rejected.csv").exists()
    assert (folder / "report.html").exists()
