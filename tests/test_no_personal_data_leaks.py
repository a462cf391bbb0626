"""The whole service is driven with seeded people; then every log line, address, error and audit entry is searched for each of their names,
numbers, phones, accounts and addresses. Logs are searched as they are before the mask, which knows numbers and Chinese, not Latin names."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from flask import Response, request
from flask.testing import FlaskClient
from sqlalchemy import select

from api import log as api_log
from api.cli import cli
from api.cli.errors import describe_error
from api.context import Context
from api.jobs import add_jobs, make_queue
from api.privacy import make_privacy
from api.retention import run as run_retention
from api.rights import RoleName
from models.alert import Alert, AlertSeverity
from models.audit import AuditEntry
from models.bank_account import mask_bank_account
from models.benefit import Benefit, BenefitStatus, Payment
from models.detection import Signal
from models.enrolment import Scheme
from models.identifiers import check_character
from models.import_batch import ImportBatch
from models.outbox import OutboxMessage
from models.privacy import PrivacyKind
from models.repositories import alerts, persons
from models.repositories.alerts import NewAlert
from tests.api.conftest import HOME_REGION, NAME, RESIDENT_ID, World, blank_picture, csrf, make_world
from tests.api.test_doors import FACE, PICTURE, perform, ready, start
from tests.conftest import FixedClock

LATIN_NAME, ADDRESS = "Zhamquil Orvander", "Qorvex Lane Seventeen"
PHONE, ACCOUNT, SOCIAL_SECURITY_NUMBER = "13987651234", "6222021234567890123", "190100000777"
_FIRST_17 = "19010219490817" + "321"
SECOND_NUMBER = _FIRST_17 + check_character(_FIRST_17)
SEEDS = {
    "name": NAME,
    "Latin name": LATIN_NAME,
    "half of the Latin name": "Orvander",
    "number": RESIDENT_ID,
    "second number": SECOND_NUMBER,
    "phone": PHONE,
    "account": ACCOUNT,
    "social-security number": SOCIAL_SECURITY_NUMBER,
    "address": "Qorvex",
}
_ADDRESSES = re.compile(r"""(?:href|action|src|formaction|content)=["']([^"']*)["']""")


@dataclass
class Trail:
    """What was seen while the service was driven."""

    world: World
    second: str
    addresses: set[str] = field(default_factory=set)
    errors: list[tuple[str, str]] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    lines: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)


def found_in(text: str) -> list[str]:
    """Which seeds are in a text."""
    return [name for name, seed in SEEDS.items() if seed in text or seed.encode().hex() in text]


@pytest.fixture(scope="module")
def trail(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """Everything is driven once; the tests look at what it left."""
    folder = tmp_path_factory.mktemp("leaks")
    store = folder / "store.sqlite"
    store.write_bytes(sqlite_template.read_bytes())
    written = io.StringIO()
    root, mask = logging.getLogger(), api_log._mask_event
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api_log, "_mask_event", lambda _logger, _name, event: event)  # the mask is the last resort: nothing may need it
        api_log.configure("DEBUG", json_lines=True)
        patch.setattr("sys.stderr", written)
        clock = FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC))
        world = make_world(f"sqlite:///{store}", folder / "home", clock)
        made = Trail(world, _second_person(world))
        _watch(made)
        for drive in (_pages_for_people, _camera, _counter, _desk, _doors, _broken, _jobs):
            drive(made)
        patch.setenv("LIFECERT_HOME", str(folder / "home"))
        patch.setenv("LIFECERT_DATABASE_URL", f"sqlite:///{store}")
        patch.setenv("LIFECERT_ENVIRONMENT", "test")
        patch.setenv("LIFECERT_ENGINE", "scripted")
        _commands(made, folder)
    made.lines = written.getvalue()
    yield made
    world.context.database.dispose()
    assert api_log._mask_event is mask
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _second_person(world: World) -> str:
    context = world.context
    with context.database.session_scope() as session:
        new = persons.NewPerson(SECOND_NUMBER, LATIN_NAME, HOME_REGION, SOCIAL_SECURITY_NUMBER, PHONE, ADDRESS)
        person = persons.add(session, new, keyring=context.keyring, now=world.clock())
        benefit = Benefit(
            person_id=person.id,
            scheme=Scheme.EMPLOYEE_PENSION,
            region_code=HOME_REGION,
            monthly_fen=300_000,
            status=BenefitStatus.ACTIVE,
            from_month=date(2015, 1, 1),
            account_sealed=context.keyring.seal(ACCOUNT.encode(), persons.associated_data(person.public_id, "bank_account")),
            account_index=persons.BlindIndex(context.keyring).bank_account(ACCOUNT),
            account_masked=mask_bank_account(ACCOUNT),
        )
        session.add(benefit)
        session.flush()
        session.add(Payment(benefit_id=benefit.id, month=date(2026, 1, 1), amount_fen=300_000))
        alerts.open_alerts(
            session, [NewAlert("P4", "seeded", AlertSeverity.WARNING, HOME_REGION, person.id)], by="job:detect", now=world.clock()
        )
        return person.public_id


def _watch(made: Trail) -> None:
    """Keep addresses that pages and answers lead to, and what errors say."""

    def keep(response: Response) -> Response:
        made.statuses.add(response.status_code)
        if response.location:
            made.addresses.add(response.location)
        if response.is_streamed or response.direct_passthrough:
            return response
        text = response.get_data(as_text=True) if response.mimetype in {"text/html", "application/json", "application/problem+json"} else ""
        if response.status_code >= 400 and response.status_code != 422:
            made.errors.append((f"{request.method} {request.endpoint} {response.status_code}", text))
        elif response.status_code == 422 and response.mimetype != "text/html":  # a form is given back to who filled it in
            made.errors.append((f"{request.method} {request.endpoint} 422", text))
        if response.mimetype == "text/html":
            made.addresses.update(_ADDRESSES.findall(text))
        return response

    made.world.app.after_request(keep)


def _post(made: Trail, client: FlaskClient, address: str, **form: str) -> None:
    client.post(address, data=form, headers=csrf(made.world, client))


def _pages_for_people(made: Trail) -> None:
    client = made.world.anonymous()
    for name, number in ((NAME, RESIDENT_ID), (LATIN_NAME, SECOND_NUMBER), (LATIN_NAME, RESIDENT_ID), (NAME, "19010")):
        for address in ("/identify", "/my-status"):
            _post(made, client, address, full_name=name, resident_id=number)
        for address in ("/certify", "/status", "/my-status/code", "/certify/how", "/consent/withdraw", "/my-data"):
            client.get(address)
    _post(made, client, "/login", email=SECOND_NUMBER, password=LATIN_NAME)
    _post(made, client, "/my-status/code", code=PHONE)
    from api.status_page import status_code_service

    code, _ = status_code_service(made.world.context).issue_at_counter(made.second, actor="staff:counter")
    _post(made, client, "/my-status", full_name=LATIN_NAME, resident_id=SECOND_NUMBER, way="counter")
    _post(made, client, "/my-status/code", code=code)
    for address in ("/my-status/open", "/my-data"):
        assert client.get(address).status_code == 200, address
    _post(made, client, "/my-data/requests", kind="correction", wish=f"{LATIN_NAME} {PHONE}")
    _post(made, client, "/my-data/copy")
    _post(made, client, "/my-data/requests/nothing/withdrawal")


def _camera(made: Trail) -> None:
    ready(made.world)
    client, session = start(made.world)
    result = perform(made.world, client, session)
    pensioner = made.world.pensioner()
    certificate = pensioner.get(f"/api/v1/certificates/{result['certificate_id']}")
    assert certificate.status_code == 200
    pensioner.get(f"/api/v1/certificates/{result['certificate_id']}/pdf")
    for address in ("/status", "/certify/result", "/certificate.pdf"):
        pensioner.get(address)


def _counter(made: Trail) -> None:
    client = made.world.staff(RoleName.COUNTER)
    for text in (NAME, RESIDENT_ID, SECOND_NUMBER, LATIN_NAME, SOCIAL_SECURITY_NUMBER, PHONE):
        _post(made, client, "/counter", text=text)
        client.get("/counter/found")
    for person in (made.world.at_home, made.second):
        for page in ("", "/consent", "/reference", "/timeline", "/data", "/merge"):
            client.get(f"/counter/person/{person}{page}")
            client.get(f"/desk/person/{person}{page}")
        _post(made, client, f"/counter/person/{person}/reference", source="file")
        _post(made, client, f"/counter/person/{person}/data", kind="correction", wish=f"{NAME} {RESIDENT_ID} {PHONE}")
    client.put("/counter/found", data={"text": SECOND_NUMBER})
    for wrong in (RESIDENT_ID, NAME, LATIN_NAME, PHONE):  # what somebody typed into the address bar
        assert client.get(f"/counter/person/{wrong}").status_code == 404


def _desk(made: Trail) -> None:
    for role in (RoleName.CASEWORKER, RoleName.SUPERVISOR, RoleName.AUDITOR, RoleName.SECURITY_OFFICER, RoleName.ADMINISTRATOR):
        client = made.world.staff(role)
        for page in ("alerts", "cases", "outreach", "payment-changes", "assistance", "imports", "privacy-requests", "retention", "audit"):
            client.get(f"/desk/{page}")
        client.get(f"/desk/alerts?person={LATIN_NAME}&q={SECOND_NUMBER}")
    service = make_privacy(made.world.context)
    worker = made.world.staff(RoleName.CASEWORKER)
    for view in service.listing("", waiting=True, after=None, limit=10):
        worker.get(f"/desk/privacy-requests/{view.request_id}")
        _post(made, worker, f"/desk/privacy-requests/{view.request_id}/wish")
        _post(made, worker, f"/desk/privacy-requests/{view.request_id}/answer", answer="refuse", note=f"{LATIN_NAME} {SECOND_NUMBER}")
    with made.world.context.database.read_scope() as session:
        alert = session.scalars(select(Alert.public_id)).first()
    worker.get(f"/desk/alerts/{alert}")
    _post(made, worker, f"/desk/alerts/{alert}", what="take")
    deletion = service.ask(made.second, PrivacyKind.DELETION, channel="self", actor="person")
    service.prepare(deletion, carry_out=True, note="", actor="staff:caseworker")


def _doors(made: Trail) -> None:
    world = made.world
    staff = world.staff()
    for name, number in ((NAME, RESIDENT_ID), (LATIN_NAME, SECOND_NUMBER), (LATIN_NAME, RESIDENT_ID), (NAME, "1901")):
        staff.post("/api/v1/persons/lookup", json={"name": name, "resident_id": number})
    client = world.client("status:read", "identity:check", "blacklist:read", "records:write", "claims:screen", "alerts:read")
    for number in (RESIDENT_ID, SECOND_NUMBER, RESIDENT_ID[:-1] + "0", LATIN_NAME):
        client.post("/api/v1/statuses/lookup", json={"resident_id": number})
        client.post("/api/v1/statuses/batch", json={"ids": [{"resident_id": number}]})
        client.post("/api/v1/identity-checks", json={"resident_id": number, "name": LATIN_NAME, "institution": "First Hospital"})
        client.post("/api/v1/blacklist/lookup", json={"card_number": number})
        client.post("/api/v1/claims:screen", json={"resident_id": number})
    rows = f"resident_id,name,region_code\n{RESIDENT_ID[:-1]}0,{NAME},{HOME_REGION}\n{SECOND_NUMBER},{LATIN_NAME},999999\n,{LATIN_NAME},\n"
    answer = client.post("/api/v1/imports/persons", data=rows.encode(), content_type="text/csv")
    made.told.append(("import", answer.get_data(as_text=True)))
    client.get("/api/v1/alerts")
    for body in (f'{{"resident_id": "{SECOND_NUMBER}"', f'["{LATIN_NAME}"]', json.dumps({"resident_id": [SECOND_NUMBER], "x": LATIN_NAME})):
        client.post("/api/v1/statuses/lookup", data=body, content_type="application/json")
    client.post(f"/api/v1/persons/{SECOND_NUMBER}/consents", json={"text_version": LATIN_NAME, "language": LATIN_NAME})
    staff.get(f"/api/v1/persons/{SECOND_NUMBER}/status")
    staff.put(f"/api/v1/persons/{LATIN_NAME}/status")
    staff.post(f"/api/v1/persons/{made.second}/reference?source=file", data=blank_picture(), content_type=PICTURE)
    staff.post(f"/api/v1/persons/{made.second}/reference?source={LATIN_NAME}", data=FACE, content_type=PICTURE)
    world.anonymous().get("/api/v1/alerts", headers={"Authorization": f"Bearer {SECOND_NUMBER}"})


def _broken(made: Trail) -> None:
    """Faults of the code with the person in what they say, behind a page and behind a door."""
    from api.pages import people

    world = made.world
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    world.app.testing = False
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("something broke")

        patch.setattr(people, "search", fail)
        client = world.staff(RoleName.COUNTER)
        _post(made, client, "/counter", text=f"{LATIN_NAME} {SECOND_NUMBER}")
        patch.setattr(persons, "find_by_name_and_resident_id", fail)
        world.staff().post("/api/v1/persons/lookup", json={"name": LATIN_NAME, "resident_id": SECOND_NUMBER})
    assert 500 in made.statuses


def _jobs(made: Trail) -> None:
    context: Context = made.world.context
    jobs = add_jobs(make_queue(context), context)
    for name in ("refresh_outreach", "remind", "resume_certified", "send_messages", "tell_of_alerts", "housekeeping", "count_figures"):
        jobs[name].call_local()
    run_retention(context, by="job:retention")


def _commands(made: Trail, folder: Path) -> None:
    """Commands with people in their arguments and files; results on stdout are theirs to show, errors and logs are not."""
    table = folder / "people.csv"
    table.write_text(
        f"resident_id,name,region_code\n{SECOND_NUMBER[:-1]}0,{LATIN_NAME},{HOME_REGION}\n{SECOND_NUMBER},,1\n", encoding="utf-8"
    )
    calls: tuple[tuple[str, ...], ...] = (
        ("import", "persons", str(table)),
        ("privacy", "export", "--person", made.second, "--out", str(folder / "copy.zip")),
        ("privacy", "requests"),
        ("retention", "run"),
        ("detect", "payments", "--as-of", "2026-03-15"),
        ("statuses", "--region", HOME_REGION),
        ("outreach", "refresh"),
    )
    for arguments in calls:
        done = CliRunner().invoke(cli, list(arguments))
        known = None if not isinstance(done.exception, Exception) else describe_error(done.exception)
        assert done.exit_code in {0, 1, 2}, (arguments, done.exception)
        made.told.append((" ".join(arguments[:2]), done.stderr + (known[0] if known else "")))


def test_the_drive_went_everywhere(trail: Trail) -> None:
    assert {200, 303, 400, 403, 404, 422, 500} <= trail.statuses, sorted(trail.statuses)
    assert len(trail.addresses) > 100
    assert "something broke" in trail.lines
    assert '"level": "debug"' in trail.lines or '"level": "info"' in trail.lines


def test_no_log_line_needs_its_mask(trail: Trail) -> None:
    leaks = [(found, line[:300]) for line in trail.lines.splitlines() if (found := found_in(line))]
    assert leaks == []


def test_no_address_says_who_it_is_about(trail: Trail) -> None:
    assert [address for address in trail.addresses if found_in(address)] == []


def test_no_error_repeats_what_was_sent_about_a_person(trail: Trail) -> None:
    assert [(place, found) for place, text in trail.errors if (found := found_in(text))] == []


def test_no_command_says_it_on_stderr_and_no_import_report_either(trail: Trail) -> None:
    assert [(place, found) for place, text in trail.told if (found := found_in(text))] == []


def test_audit_findings_and_messages_hold_codes_only(trail: Trail) -> None:
    def texts(context: Context) -> Iterator[tuple[str, str]]:
        with context.database.read_scope() as session:
            for entry in session.scalars(select(AuditEntry)):
                yield f"audit {entry.action}", json.dumps([entry.object, entry.reason, entry.details], ensure_ascii=False)
            for alert in session.scalars(select(Alert)):
                yield f"alert {alert.code}", json.dumps([alert.key, alert.details], ensure_ascii=False)
            for signal in session.scalars(select(Signal)):
                yield f"signal {signal.code}", json.dumps([signal.key, signal.facts], ensure_ascii=False, default=str)
            for message in session.scalars(select(OutboxMessage)):
                yield f"message {message.kind}", json.dumps(message.payload, ensure_ascii=False)
            for batch in session.scalars(select(ImportBatch)):
                yield "import", json.dumps([batch.file_name, batch.by_rule, batch.failure], ensure_ascii=False)

    looked = list(texts(trail.world.context))
    assert len(looked) > 30
    assert [(place, found) for place, text in looked if (found := found_in(text))] == []


def test_a_leak_would_be_found() -> None:
    find: Callable[[str], list[str]] = found_in
    assert find(f"event: looked up {LATIN_NAME}") == ["Latin name", "half of the Latin name"]
    assert find(f"/counter?q={SECOND_NUMBER}") == ["second number"]
    assert find("/counter/person/PQ3x8mJk2LwZ1tYbC0aVfg") == []
