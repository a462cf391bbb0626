"""Nothing that names a person reaches a log line, however it got into the event."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from api.log import configure, logger, mask
from api.rights import RoleName
from models.repositories import persons
from sample_data.generate import build
from tests.api.conftest import HOME_REGION, NAME, RESIDENT_ID, make_world
from tests.api.test_doors import perform, ready, start
from tests.conftest import FixedClock

PHONE, SOCIAL_SECURITY_NUMBER = "13912345678", "190100000777"
SECRETS = {
    "resident ID": "190102195203070019",
    "resident ID with X": "19010219520307001X",
    "resident ID with x": "19010219520307001x",
    "legacy resident ID": "190102520307001",
    "grouped resident ID": "190102 19520307 0019",
    "bank card": "6222021234567890123",
    "short bank card": "6222021234567890",
    "grouped bank card": "6222 0212 3456 7890 123",
    "mobile": "13912345678",
    "grouped mobile": "139-1234-5678",
    "made-up mobile": "10012345678",
    "social-security number": "190100000777",
    "name": "王建国",
    "rare name": "㐱𠮷",
    "address": "光明路十八号",
}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Logging as in production; gives what was written so far."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure("DEBUG", json_lines=True)
    yield lambda: capsys.readouterr().err
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Record:
    """Something whose text names a person."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"Record({self._secret})"


def fail(secret: str) -> None:
    raise ValueError(f"no place for {secret} here")


def _in_context(secret: str) -> None:
    with structlog.contextvars.bound_contextvars(person=secret):
        logger("t").info("found")


def _exception(write: Callable[[str], object], secret: str) -> None:
    try:
        fail(secret)
    except ValueError:
        write("failed")


WAYS: dict[str, Callable[[str], object]] = {
    "event": lambda secret: logger("t").info(f"found {secret} twice"),
    "field": lambda secret: logger("t").info("found", who=secret),
    "nested field": lambda secret: logger("t").info("found", body={"people": [{"id": (secret,)}]}),
    "key of a field": lambda secret: logger("t").info("found", body={secret: 1}),
    "object": lambda secret: logger("t").info("found", record=Record(secret)),
    "message of the standard library": lambda secret: logging.getLogger("some.library").warning("found %s", secret),
    "object of the standard library": lambda secret: logging.getLogger("some.library").warning("found %r", Record(secret)),
    "bound": lambda secret: logger("t").bind(who=secret).info("found"),
    "context": _in_context,
    "exception": lambda secret: _exception(logger("t").exception, secret),
    "exception of the standard library": lambda secret: _exception(logging.getLogger("some.library").exception, secret),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_log_line_masks_what_names_a_person(lines: Callable[[], str], way: str) -> None:
    for kind, secret in SECRETS.items():
        WAYS[way](secret)
        written = lines()
        assert written.strip(), kind
        assert secret not in written, kind
        assert json.loads(written.splitlines()[0]), "each line is JSON"


def test_numbers_given_as_numbers_are_masked_too(lines: Callable[[], str]) -> None:
    logger("t").info("found", phone=13912345678, phones=[13912345678], frames=1500, share=0.12345678901234)
    written = json.loads(lines())
    assert (written["phone"], written["phones"], written["frames"]) == ("<number>", ["<number>"], 1500)
    assert written["share"] == 0.12345678901234


def test_a_line_that_cannot_be_written_is_lost_without_showing_what_was_in_it(lines: Callable[[], str]) -> None:
    record = logging.LogRecord("some.library", logging.WARNING, __file__, 1, "found %s %s", ("王建国 13912345678",), None)
    logging.getLogger().handlers[0].handle(record)
    written = lines()
    assert "could not be written" in written
    assert "王建国" not in written
    assert "13912345678" not in written


def test_what_a_log_is_read_for_stays_readable(lines: Callable[[], str]) -> None:
    logger("t").warning("request_failed", request_id="0a1b2c3d" * 4, status=503, verification="Zk3_x9Qw-11aBcDeFgHiJk", took_ms=12.5)
    written = json.loads(lines())
    assert written["event"] == "request_failed"
    assert written["request_id"] == "0a1b2c3d" * 4
    assert written["verification"] == "Zk3_x9Qw-11aBcDeFgHiJk"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", written["timestamp"])


def test_every_number_of_the_made_up_county_is_masked() -> None:
    rows = build(persons=300)["persons.csv"].decode().splitlines()[1:]
    for row in rows:
        _, resident_id, name, _, _, number, phone, *_ = row.split(",")
        masked = mask(f"{resident_id} {name} {number} {phone}")
        assert not {resident_id, name, number, phone} & set(masked.split())


def test_a_whole_verification_over_http_logs_nothing_of_the_person(
    lines: Callable[[], str], sqlite_template: Path, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    world = make_world(f"sqlite:///{path}", tmp_path / "home", clock)
    new = persons.NewPerson("190102195203070035", "欧阳春兰", HOME_REGION, SOCIAL_SECURITY_NUMBER, PHONE)
    with world.context.database.session_scope() as session:
        persons.add(session, new, keyring=world.context.keyring, now=clock())
    staff = world.staff(RoleName.COUNTER)
    for name, number in ((NAME, RESIDENT_ID), (new.name, new.resident_id), (new.name, "12345")):
        staff.post("/api/v1/persons/lookup", json={"name": name, "resident_id": number})
    staff.get("/counter", query_string={"name": new.name})
    ready(world)
    client, session_of_client = start(world)
    assert perform(world, client, session_of_client)["outcome"] == "certified"

    # what a database says of a row that it refuses names everything in it
    def refuse(*_: object, **__: object) -> None:
        raise IntegrityError(f"INSERT {NAME} {RESIDENT_ID}", {"phone": PHONE}, Exception(f"Failing row contains ({NAME}, {RESIDENT_ID})"))

    monkeypatch.setattr(type(world.context.verification), "start", refuse)
    world.app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    again = staff.post("/api/v1/verifications", json={"person_id": world.at_home})
    assert again.status_code == 500
    written = lines()
    assert "request_failed" in written
    assert "IntegrityError" in written
    for secret in (NAME, RESIDENT_ID, new.name, new.resident_id, PHONE, SOCIAL_SECURITY_NUMBER, session_of_client["token"]):
        assert secret not in written
    world.context.database.dispose()
