"""The queue of cases, saved views and suppressions: the pages over HTTP, against what plain Python finds in the same rows."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from api.rights import RoleName
from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.casework import SavedView, Suppression
from models.person import Person
from models.region import Region, RegionLevel
from models.repositories import persons
from models.types import opaque_id
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, RESIDENT_ID, World, make_world
from tests.conftest import FixedClock
from tests.pages.test_pages import post

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 15)  # in the policy's zone, ten in the morning
COUNTY = "190102"
CODES = ("P1", "B1", "H2", "verification_referred")
DUE_DAYS = {AlertSeverity.VIOLATION: 10, AlertSeverity.WARNING: 20, AlertSeverity.SUSPICION: 30}
REFERRED_DAYS = 3
SPARE = "assistance_late"  # a code that only the tests of taking use


@dataclass(frozen=True)
class Row:
    """An alert that is not closed with its open case, as plain values."""

    alert_id: str
    verification: str | None
    code: str
    severity: AlertSeverity
    state: AlertState
    region: str
    fen: int
    priority: float
    number: int
    due: date
    case_id: str | None
    owner: str | None
    held_until: datetime | None
    diary: date | None
    proposer: str | None

    @property
    def address(self) -> str:
        """Where the queue leads to."""
        if self.verification is not None and self.proposer is None:
            return f"/desk/review/{self.verification}"
        return f"/desk/cases/{self.case_id}" if self.case_id else f"/desk/alerts/{self.alert_id}"

    @property
    def nobodys(self) -> bool:
        return self.owner is None or (self.held_until is not None and self.held_until <= NOW)


def _populate(world: World) -> None:
    """Alerts of four kinds in three regions, half of them with a case in every state that a case can have."""
    rng = random.Random(20260315)
    with world.context.database.session_scope() as session:
        session.add(Region(code=COUNTY, name="测试县", level=RegionLevel.COUNTY, parent_code=HOME_REGION))
        session.flush()
        person = persons.get(session, world.at_home)
        for number in range(70):
            code = rng.choice(CODES)
            state = rng.choice([AlertState.OPEN, AlertState.IN_CASE, AlertState.IN_CASE, AlertState.CLOSED])
            key = f"verification:v{number}" if code == CODES[3] else f"person:{person.id}" if number == 0 else f"hospital:Y{number:04}"
            opened = NOW - timedelta(days=rng.randrange(40), hours=rng.randrange(24))
            alert = Alert(
                public_id=opaque_id(),
                code=code,
                key=key,
                severity=rng.choice(list(AlertSeverity)),
                state=AlertState.OPEN if number == 0 else state,
                person_id=person.id if number == 0 or code == CODES[3] else None,
                region_code=rng.choice([HOME_REGION, COUNTY, OTHER_REGION]) if number else HOME_REGION,
                amount_fen=rng.randrange(0, 900_000),
                priority=float(rng.randrange(6)),
                opened_by="test",
                opened_at=opened,
                details={},
            )
            if alert.state is AlertState.CLOSED:
                alert.closed_by, alert.closed_at = "test", NOW
            session.add(alert)
            session.flush()
            if alert.state is AlertState.IN_CASE:
                session.add(_case(rng, alert, number))


def _case(rng: random.Random, alert: Alert, number: int) -> CaseFile:
    people = ("staff:caseworker", "staff:reviewer", "staff:supervisor", "staff:someone")
    case = CaseFile(
        public_id=opaque_id(),
        alert_id=alert.id,
        region_code=alert.region_code,
        owner=rng.choice([None, *people]),
        opened_by="test",
        opened_at=alert.opened_at,
        due_on=TODAY + timedelta(days=rng.randrange(-3, 12)) if number % 3 else None,
        diary_on=rng.choice([None, None, TODAY, TODAY - timedelta(days=2), TODAY + timedelta(days=2)]),
    )
    if case.owner is not None:
        case.held_until = rng.choice([None, NOW - timedelta(minutes=1), NOW + timedelta(minutes=9)])
    if number % 4 == 0:
        case.proposed_outcome, case.proposed_by, case.proposed_at = CaseOutcome.CONFIRMED, rng.choice(people), NOW
    return case


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One store for all tests of this module: what a test changes belongs to an account or code of its own."""
    folder = tmp_path_factory.mktemp("queue")
    path = folder / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{path}", folder / "home", FixedClock(NOW))
    _populate(made)
    yield made
    made.context.database.dispose()


def english(world: World, role: RoleName) -> FlaskClient:
    client = world.staff(role)
    client.set_cookie("lifecert_language", "en")
    return client


def standing(world: World) -> list[Row]:
    """Every alert of the accounts' region that is not closed, the most urgent first."""
    with world.context.database.read_scope() as session:
        cases = {case.alert_id: case for case in session.scalars(select(CaseFile).where(CaseFile.closed_at.is_(None)))}
        found = []
        for alert in session.scalars(select(Alert)):
            if alert.state is AlertState.CLOSED or not alert.region_code.startswith("1901"):
                continue
            case = cases.get(alert.id)
            days = REFERRED_DAYS if alert.code == CODES[3] else DUE_DAYS[alert.severity]
            opened = (alert.opened_at + timedelta(hours=8)).date()
            due = case.due_on if case is not None and case.due_on is not None else opened + timedelta(days=days)
            found.append(
                Row(
                    alert.public_id,
                    alert.key.removeprefix("verification:") if alert.code == CODES[3] else None,
                    alert.code,
                    alert.severity,
                    alert.state,
                    alert.region_code,
                    alert.amount_fen or 0,
                    alert.priority,
                    alert.id,
                    due,
                    None if case is None else case.public_id,
                    None if case is None else case.owner,
                    None if case is None else case.held_until,
                    None if case is None else case.diary_on,
                    None if case is None else case.proposed_by,
                )
            )
    return sorted(found, key=lambda row: (-row.priority, -row.number))


def signable(row: Row, actor: str) -> bool:
    return row.proposer is not None and row.proposer != actor and (row.owner == actor or row.nobodys)


PARTS: dict[str, Callable[[Row, str], bool]] = {
    "mine": lambda row, actor: row.owner == actor,
    "diary": lambda row, actor: row.owner == actor and row.proposer is None and row.diary is not None and row.diary <= TODAY,
    "to_sign": signable,
    "free": lambda row, _actor: row.case_id is None or (row.proposer is None and row.nobodys and (row.diary is None or row.diary <= TODAY)),
    "overdue": lambda row, _actor: row.due < TODAY,
    "due_soon": lambda row, _actor: TODAY <= row.due < TODAY + timedelta(days=7),
}
LABELS = {
    "mine": "Mine",
    "diary": "Diary today",
    "to_sign": "For my signature",
    "free": "Free",
    "overdue": "Overdue",
    "due_soon": "Due within 7 days",
}


def shown(page: str) -> list[str]:
    return re.findall(r'class="queue__title" href="([^"]+)"', page)


def counted(page: str) -> dict[str, int]:
    found = re.findall(r"<span>([^<]+)</span> <span class=\"queue-tabs__count[^\"]*\">([\d,]+)</span>", page)
    return {label: int(number.replace(",", "")) for label, number in found}


def all_pages(client: FlaskClient, address: str) -> list[str]:
    """Addresses of the rows of every page from this one on."""
    found: list[str] = []
    while address:
        page = client.get(address).text
        found += shown(page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = following.group(1).replace("&amp;", "&") if following else ""
    return found


@pytest.mark.parametrize("role", [RoleName.CASEWORKER, RoleName.REVIEWER, RoleName.SUPERVISOR])
def test_counts_and_rows_of_every_part_are_those_that_plain_python_finds(
    world: World, role: RoleName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.queue.PAGE", 6)
    client, actor, rows = english(world, role), f"staff:{role.value}", standing(world)
    parts = {tab: [row for row in rows if fits(row, actor)] for tab, fits in PARTS.items()}
    if role is RoleName.CASEWORKER:
        del parts["to_sign"]  # who does not sign has no such part
    assert counted(client.get("/desk/cases").text) == {LABELS[tab]: len(found) for tab, found in parts.items()}
    assert len(rows) > 20
    assert all(parts.values())
    assert all_pages(client, "/desk/cases") == [row.address for row in rows]
    for tab, found in parts.items():
        assert all_pages(client, f"/desk/cases?tab={tab}") == [row.address for row in found], tab
    by_due = sorted(rows, key=lambda row: (row.due, row.number))
    assert all_pages(client, "/desk/cases?sort=due") == [row.address for row in by_due]


NARROWED: dict[str, Callable[[Row], bool]] = {
    "code=P1": lambda row: row.code == "P1",
    "severity=warning": lambda row: row.severity is AlertSeverity.WARNING,
    f"region={COUNTY}": lambda row: row.region == COUNTY,
    "region=190000": lambda _row: True,
    f"region={OTHER_REGION}": lambda _row: False,
    "at_least=4,000": lambda row: row.fen >= 400_000,
    "state=open": lambda row: row.state is AlertState.OPEN,
    "state=in_case": lambda row: row.state is AlertState.IN_CASE,
    "due_until=2026-03-14": lambda row: row.due <= date(2026, 3, 14),
    "tab=overdue&severity=violation&at_least=1000": lambda row: (
        row.due < TODAY and row.severity is AlertSeverity.VIOLATION and row.fen >= 100_000
    ),
    "tab=nonsense&severity=nonsense&region=1&state=closed&sort=nonsense": lambda _row: True,
}


def test_the_queue_is_narrowed_and_its_counts_with_it(world: World) -> None:
    client, rows = english(world, RoleName.CASEWORKER), standing(world)
    for query, fits in NARROWED.items():
        page = client.get(f"/desk/cases?{query}").text
        assert shown(page) == [row.address for row in rows if fits(row)][:50], query
    page = client.get("/desk/cases?code=P1").text
    of_kind = [row for row in rows if row.code == "P1"]
    assert counted(page)["Overdue"] == sum(row.due < TODAY for row in of_kind)
    assert counted(page)["Free"] == sum(PARTS["free"](row, "") for row in of_kind)


def test_what_cannot_be_used_is_said_and_the_rest_is_shown(world: World) -> None:
    client = english(world, RoleName.CASEWORKER)
    for query, words in {
        "at_least=ten": "Write the amount in whole yuan",
        "due_until=2026-02-30": "Write the day as year, month and day",
        "after=nonsense": "Begin again at the first page",
    }.items():
        answer = client.get(f"/desk/cases?{query}")
        assert (answer.status_code, words in answer.text) == (422, True), query
    priority_cursor = re.search(r"after=(\w+)", client.get("/desk/cases").text)
    assert priority_cursor is None  # fifty fit on a page


def test_a_row_says_who_has_it_and_how_near_the_day_is_in_words_and_no_name(world: World) -> None:
    page = english(world, RoleName.CASEWORKER).get("/desk/cases").text
    assert (NAME in page, RESIDENT_ID in page) == (False, False)
    told = ("王*国", "Hospital Y00", "Nobody", ">You ", "until 10:09", "proposed by", "overdue by", "Waits for a second signature")
    for words in told:
        assert words in page, words
    assert 'class="queue__late">' in page
    assert 'class="queue__soon">' in page
    assert "测试县" in page


def test_who_may_open_the_queue_and_what_they_are_offered(world: World) -> None:
    for role in RoleName:
        answer = english(world, role).get("/desk/cases")
        reads = role in {RoleName.CASEWORKER, RoleName.REVIEWER, RoleName.SUPERVISOR, RoleName.AUDITOR}
        assert answer.status_code == (200 if reads else 403), role
        works = reads and role is not RoleName.AUDITOR
        assert ("Take the next" in answer.text) == works, role
        if reads:
            assert ("Mine" in counted(answer.text)) == works
    auditor = english(world, RoleName.AUDITOR)
    assert post(auditor, "/desk/cases", "/desk/cases/next").status_code == 403  # type: ignore[attr-defined]
    assert post(auditor, "/desk/cases", "/desk/suppressions/x/end", reason="x").status_code == 403  # type: ignore[attr-defined]


def test_a_day_begins_where_the_work_of_the_role_is(world: World) -> None:
    first = {role: world.staff(role).get("/desk").headers["Location"] for role in RoleName}
    above = "/desk/oversight" if "counter.oversight" in world.app.view_functions else "/desk/cases"
    assert first == {
        RoleName.COUNTER: "/counter",
        RoleName.CASEWORKER: "/desk/cases",
        RoleName.REVIEWER: "/desk/cases",
        RoleName.SUPERVISOR: above,
        RoleName.AUDITOR: above,
        RoleName.SECURITY_OFFICER: "/desk/audit",
        RoleName.ADMINISTRATOR: "/desk/webhooks",
        RoleName.MACHINE_CLIENT: "/counter",
    }
    assert all(world.staff(role).get(address).status_code == 200 for role, address in first.items())


def test_the_queue_asks_the_store_a_few_times_whatever_it_shows(world: World) -> None:
    client, asked = english(world, RoleName.SUPERVISOR), []
    client.get("/desk/cases")

    def note(*arguments: object) -> None:
        if str(arguments[2]).startswith(("SELECT", "WITH", "INSERT", "UPDATE")):
            asked.append(arguments[2])

    event.listen(world.context.database.engine, "before_cursor_execute", note)
    try:
        client.get("/desk/cases?severity=violation")
    finally:
        event.remove(world.context.database.engine, "before_cursor_execute", note)
    assert 0 < len(asked) <= 12, asked


# take the next -------------------------------------------------------------------------------------------------------------------


def spare(world: World, priority: float, *, region: str = HOME_REGION) -> str:
    """A further alert of the code that only these tests use; its public id."""
    with world.context.database.session_scope() as session:
        row = Alert(
            public_id=opaque_id(),
            code=SPARE,
            key=f"spare:{opaque_id()}",
            severity=AlertSeverity.WARNING,
            state=AlertState.OPEN,
            region_code=region,
            priority=priority,
            opened_by="test",
            opened_at=NOW,
            details={},
        )
        session.add(row)
        return row.public_id


def test_take_the_next_leads_to_the_most_urgent_free_case_of_the_filter_and_then_says_that_nothing_is_left(world: World) -> None:
    low, high, _elsewhere = spare(world, 1.0), spare(world, 9.0), spare(world, 99.0, region=OTHER_REGION)
    client = english(world, RoleName.CASEWORKER)
    taken = []
    for _ in range(2):
        answer = post(client, "/desk/cases", "/desk/cases/next", code=SPARE)
        assert re.fullmatch(r"/desk/cases/[\w-]{22}", answer.headers["Location"])  # type: ignore[attr-defined]
        taken.append(answer.headers["Location"])  # type: ignore[attr-defined]
    rows = {row.address: row for row in standing(world)}
    assert [rows[address].alert_id for address in taken] == [high, low]
    assert {rows[address].owner for address in taken} == {"staff:caseworker"}
    assert set(taken) <= set(shown(client.get(f"/desk/cases?tab=mine&code={SPARE}").text))
    nothing = post(client, "/desk/cases", "/desk/cases/next", code=SPARE, tab="free")
    assert nothing.headers["Location"] == f"/desk/cases?tab=free&code={SPARE}"  # type: ignore[attr-defined]
    assert "Nothing of this kind is free now" in client.get("/desk/cases").text


def test_the_next_referred_verification_is_opened_on_its_one_screen_and_one_that_waits_for_a_signature_on_its_case(world: World) -> None:
    caseworker, reviewer = english(world, RoleName.CASEWORKER), english(world, RoleName.REVIEWER)
    to_work = post(caseworker, "/desk/cases", "/desk/cases/next", code=CODES[3])
    assert re.fullmatch(r"/desk/review/v\d+", to_work.headers["Location"])  # type: ignore[attr-defined]
    waiting = {row.address for row in standing(world) if row.code == CODES[3] and signable(row, "staff:reviewer")}
    to_sign = post(reviewer, "/desk/cases", "/desk/cases/next", code=CODES[3])
    assert waiting
    assert to_sign.headers["Location"] in waiting  # type: ignore[attr-defined]


# saved views ---------------------------------------------------------------------------------------------------------------------


def views(world: World, owner: str) -> dict[str, tuple[str, str]]:
    """Name -> public id and query."""
    with world.context.database.read_scope() as session:
        return {view.name: (view.public_id, view.query) for view in session.scalars(select(SavedView).where(SavedView.owner == owner))}


def test_a_filter_is_saved_opened_renamed_and_deleted(world: World) -> None:
    client, owner = english(world, RoleName.CASEWORKER), "staff:caseworker"
    page = client.get("/desk/cases?severity=violation&tab=overdue&at_least=1,000").text
    kept = re.search(r'name="query" value="([^"]+)"', page)
    assert kept
    query = kept.group(1).replace("&amp;", "&")
    saved = post(client, "/desk/cases", "/desk/cases/views", name="  dear   and late ", query=query)
    assert views(world, owner) == {"dear and late": (views(world, owner)["dear and late"][0], query)}
    again = client.get(saved.headers["Location"]).text  # type: ignore[attr-defined]
    assert shown(again) == shown(page)
    assert 'aria-current="true">dear and late</a>' in again
    listed = client.get("/desk/cases/views").text
    assert "Overdue · violation · at least 1,000.00 yuan" in listed
    at = f"/desk/cases/views/{views(world, owner)['dear and late'][0]}"
    assert post(client, "/desk/cases/views", at, what="rename", name="late").status_code == 303  # type: ignore[attr-defined]
    assert list(views(world, owner)) == ["late"]
    assert post(client, "/desk/cases/views", at, what="delete").status_code == 303  # type: ignore[attr-defined]
    assert views(world, owner) == {}


def test_a_saved_query_is_checked_as_the_form_is(world: World) -> None:
    client, owner = english(world, RoleName.REVIEWER), "staff:reviewer"
    junk = "tab=mine&severity=worst&region=19&code=P1&after=x&next=//elsewhere&state=closed"
    assert post(client, "/desk/cases", "/desk/cases/views", name="kept", query=junk).status_code == 303  # type: ignore[attr-defined]
    assert views(world, owner)["kept"][1] == "tab=mine&code=P1"
    for name, query, status, words in (
        ("", "tab=mine", 422, "Write a name of at most 60 characters"),
        ("x" * 61, "tab=mine", 422, "Write a name of at most 60 characters"),
        ("kept", "tab=free", 409, "You have a view of this name already"),
        ("bad", "at_least=ten", 422, "This filter cannot be kept"),
        ("bad", "due_until=tomorrow", 422, "This filter cannot be kept"),
    ):
        answer = post(client, "/desk/cases", "/desk/cases/views", name=name, query=query)
        assert (answer.status_code, words in answer.text) == (status, True), (name[:5], query)  # type: ignore[attr-defined]
        if status == 409:
            assert 'value="tab=free"' in answer.text  # type: ignore[attr-defined] # what was to be saved is still there
    assert list(views(world, owner)) == ["kept"]


def test_saved_views_of_others_are_not_there(world: World) -> None:
    owner = english(world, RoleName.SUPERVISOR)
    post(owner, "/desk/cases", "/desk/cases/views", name="mine alone", query="tab=free")
    view_id = views(world, "staff:supervisor")["mine alone"][0]
    other = english(world, RoleName.CASEWORKER)
    assert "mine alone" not in other.get("/desk/cases/views").text + other.get("/desk/cases").text
    for form in ({"what": "rename", "name": "stolen"}, {"what": "delete"}):
        assert post(other, "/desk/cases", f"/desk/cases/views/{view_id}", **form).status_code == 404  # type: ignore[attr-defined]
    assert list(views(world, "staff:supervisor")) == ["mine alone"]


def test_nobody_keeps_more_views_than_fit_a_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.repositories.saved_views.OF_ONE_PERSON_MAX", 1)
    client = english(world, RoleName.AUDITOR)
    assert post(client, "/desk/cases", "/desk/cases/views", name="one", query="").status_code == 303  # type: ignore[attr-defined]
    assert post(client, "/desk/cases", "/desk/cases/views", name="two", query="").status_code == 409  # type: ignore[attr-defined]
    assert list(views(world, "staff:auditor")) == ["one"]


# suppressions --------------------------------------------------------------------------------------------------------------------


def suppressed(world: World, key: str, region: str = HOME_REGION, *, until: date = TODAY, code: str = "") -> str:
    with world.context.database.session_scope() as session:
        row = Suppression(
            public_id=opaque_id(), key=key, code=code, region_code=region, reason="同名医院", until=until, by="staff:li", at=NOW
        )
        session.add(row)
        return row.public_id


def test_suppressions_of_the_region_are_listed_and_one_is_ended_early_with_a_reason(world: World) -> None:
    with world.context.database.read_scope() as session:
        person = session.scalars(select(Person.id).where(Person.public_id == world.at_home)).one()
    mine = suppressed(world, f"person:{person}", code="P1", until=TODAY + timedelta(days=3))
    suppressed(world, "hospital:Y0001")
    past = suppressed(world, "hospital:Y0009", until=TODAY - timedelta(days=1))
    elsewhere = suppressed(world, "hospital:Z0001", OTHER_REGION)
    client = english(world, RoleName.CASEWORKER)
    page = client.get("/desk/suppressions").text
    for words in ("王*国", "Paid after death (P1)", "Hospital Y0001", "All findings", "同名医院", "March 18, 2026"):
        assert words in page, words
    assert ("Z0001" in page, "Y0009" in page, NAME in page) == (False, False, False)
    assert "Y0009" in client.get("/desk/suppressions?show=ended").text
    end = "/desk/suppressions/{}/end"
    empty = post(client, "/desk/suppressions", end.format(mine), reason=" ")
    assert (empty.status_code, "Write why it is ended" in empty.text) == (422, True)  # type: ignore[attr-defined]
    assert post(client, "/desk/suppressions", end.format(elsewhere), reason="x").status_code == 404  # type: ignore[attr-defined]
    assert post(client, "/desk/suppressions", end.format(mine), reason="查明不同").status_code == 303  # type: ignore[attr-defined]
    late = post(client, "/desk/suppressions", end.format(mine), reason="again")
    assert late.status_code == 409  # type: ignore[attr-defined]
    assert "Somebody else was faster" in late.text  # type: ignore[attr-defined]
    over = client.get("/desk/suppressions?show=ended").text
    assert "ended by caseworker" in over
    assert "王*国" in over
    assert client.get(f"/desk/suppressions?after={past}").status_code == 200
    assert client.get("/desk/suppressions?after=nothing").status_code == 422


def test_without_a_region_there_is_nothing_to_see(world: World) -> None:
    from api.callers import Caller
    from api.pages.queue_form import chosen
    from api.rights import rights_of
    from models.repositories import case_queue

    caller = Caller("staff:nowhere", None, None, rights_of(frozenset({"supervisor"})))
    with world.app.test_request_context():
        choice = chosen({}, caller, world.context)
    with world.context.database.read_scope() as session:
        assert case_queue.page(session, choice.filter) == []
        assert case_queue.counts(session, replace(choice.filter)) == case_queue.QueueCounts()
