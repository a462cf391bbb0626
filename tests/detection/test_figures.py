"""Every figure of supervisors against a count by hand, on both databases; past days stay what they were; what pages read adds up."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from detection.figures_service import DayToComeError, FiguresService
from models.alert import Alert, AlertState, CaseFile
from models.certification_state import CertificationState
from models.database import Database
from models.keys import FileKeyRing
from models.oversight import FigurePeriod, OversightFigure
from models.policy import RecordsPolicy
from models.repositories import oversight
from models.repositories.figures.kinds import MEANINGS, Kind, Method
from models.repositories.oversight_results import Amount, Overview
from sample_data import generate
from sample_data.county import load_county
from sample_data.place import CITY, COUNTIES
from tests.conftest import TEMPLATE, FixedClock, _postgres_database
from tests.detection.figures_by_hand import ByHand, Key, Number
from tests.detection.figures_store import NOW, Maker, merge_some

TODAY = date(2026, 3, 15)
THEN = date(2026, 2, 10)
THIS_MONTH, LAST_MONTH = date(2026, 3, 1), date(2026, 2, 1)
BY = "test"


@dataclass
class Made:
    """A store that was counted on THEN, went on for a month, and was counted on TODAY and again as of THEN."""

    database: Database
    service: FiguresService
    clock: FixedClock
    then: dict[Key, Number]
    then_again: dict[Key, Number]
    january: dict[Key, Number]
    january_again: dict[Key, Number]


def kept(database: Database, period: FigurePeriod, day: date) -> dict[Key, Number]:
    """The figures of a day or month, those of scorecards left out: they have a test of their own."""
    with database.read_scope() as session:
        rows = session.scalars(select(OversightFigure).where(OversightFigure.period == period, OversightFigure.day == day))
        return {
            (row.region_code, row.kind, row.code): (row.count, row.fen, row.seconds) for row in rows if not row.kind.startswith("scorecard")
        }


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    generate.generate(folder, as_of=date(2026, 1, 20))
    return folder


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def made(
    request: pytest.FixtureRequest, county: Path, tmp_path_factory: pytest.TempPathFactory, records_policy: RecordsPolicy
) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("figures")
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            copied = shutil.copy(request.getfixturevalue("sqlite_template"), home / "lifecert.sqlite")
            database = Database(f"sqlite:///{copied}")
        else:
            database = Database(stack.enter_context(_postgres_database(request.getfixturevalue("postgres_server"), TEMPLATE)))
        stack.callback(database.dispose)
        then = datetime(2026, 2, 10, 15, 30, tzinfo=UTC)  # half an hour before midnight in China
        clock = FixedClock(then)
        service = FiguresService(database, records_policy, clock)
        with database.session_scope() as session:
            load_county(session, FileKeyRing.open(home / "keys.json"), county)
            merge_some(session)
            maker = Maker(session, Random(20260315))
            maker.everything(datetime(2025, 11, 1, tzinfo=UTC), then)
        service.count(by=BY)
        counted = kept(database, FigurePeriod.DAY, THEN), kept(database, FigurePeriod.MONTH, date(2026, 1, 1))
        clock.now = NOW
        with database.session_scope() as session:
            go_on(session, maker, datetime(2026, 2, 10, 16, 0, tzinfo=UTC))
        service.count(by=BY)
        service.count(THEN, by=BY)
        again = kept(database, FigurePeriod.DAY, THEN), kept(database, FigurePeriod.MONTH, date(2026, 1, 1))
        yield Made(database, service, clock, counted[0], again[0], counted[1], again[1])


def go_on(session: Session, maker: Maker, since: datetime) -> None:
    """Another month: more of everything, and work on what was there: some decided, some of what was decided taken back."""
    maker.session = session
    open_then = session.scalars(select(Alert).where(Alert.state == AlertState.OPEN).order_by(Alert.id)).all()
    maker.everything(since, NOW, 0.5)
    maker.pause(40, date(2026, 3, 1))
    for alert in open_then[::3]:
        maker.case(session.merge(alert), since, NOW, decided=True)
    # of those decided in January, a decision taken back would be missing among the month's: these were decided in February
    decided = select(CaseFile).where(CaseFile.closed_at < since, CaseFile.closed_at >= datetime(2026, 2, 1, tzinfo=UTC))
    taken_back = session.scalars(decided.order_by(CaseFile.id)).all()[::3]
    assert taken_back
    for case in taken_back:
        maker.reopen(case, session.get_one(Alert, case.alert_id), maker.moment(since, NOW))


@pytest.fixture(scope="module")
def hand(made: Made, records_policy: RecordsPolicy) -> ByHand:
    with made.database.read_scope() as session:
        hand = ByHand(session, records_policy)
        session.expunge_all()
        return hand


@pytest.mark.parametrize("day", [TODAY, THEN])
def test_stocks_are_what_a_count_by_hand_gives(made: Made, hand: ByHand, day: date) -> None:
    assert kept(made.database, FigurePeriod.DAY, day) == hand.day(day)


@pytest.mark.parametrize("month", [THIS_MONTH, LAST_MONTH, date(2026, 1, 1)])
def test_flows_are_what_a_count_by_hand_gives(made: Made, hand: ByHand, month: date) -> None:
    assert kept(made.database, FigurePeriod.MONTH, month) == hand.month(month)


def test_the_store_has_something_of_every_kind(made: Made) -> None:
    """So that no kind is equal for want of rows."""
    days = {kind for _, kind, _ in kept(made.database, FigurePeriod.DAY, TODAY)}
    months = {kind for month in (THIS_MONTH, LAST_MONTH) for _, kind, _ in kept(made.database, FigurePeriod.MONTH, month)}
    of_day = {kind.value for kind in Kind if MEANINGS[kind].period is FigurePeriod.DAY}
    assert of_day == days
    assert {kind.value for kind in Kind} - of_day == months
    methods = {code for _, kind, code in kept(made.database, FigurePeriod.DAY, TODAY) if kind == Kind.METHOD}
    assert {"", Method.SILENT, Method.FACE, Method.COUNTER} <= methods


def test_a_past_day_counts_as_it_was_counted_on_that_day(made: Made) -> None:
    assert made.then_again == made.then
    assert made.january_again == made.january


def test_money_and_time_stand_where_the_catalogue_says(made: Made) -> None:
    for day, period in ((TODAY, FigurePeriod.DAY), (THIS_MONTH, FigurePeriod.MONTH)):
        for (_, kind, code), (_, fen, seconds) in kept(made.database, period, day).items():
            meaning = MEANINGS[Kind(kind)]
            assert (fen is not None, seconds is not None) == (bool(meaning.fen), bool(meaning.seconds)), kind
            assert meaning.code or code == "", kind


@pytest.fixture(scope="module")
def seen(made: Made, records_policy: RecordsPolicy) -> dict[str, Overview]:
    """What pages read of the province, the city and a county, each in six statements."""
    found = {}
    for region in ("420000", CITY[0], COUNTIES[0].code):
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object, into: list[str] = statements) -> None:
            into.append(statement)

        with made.database.read_scope() as session:
            event.listen(made.database.engine, "before_cursor_execute", note)
            try:
                read = oversight.overview(session, region_code=region, backlog_days=records_policy.oversight.backlog_days)
            finally:
                event.remove(made.database.engine, "before_cursor_execute", note)
        assert read is not None
        assert len([each for each in statements if each.startswith("SELECT")]) <= 6
        found[region] = read
    return found


def total(numbers: dict[Key, Number], region: str, kind: str, code: str = "") -> Amount:
    inside = [
        value for (place, its_kind, its_code), value in numbers.items() if (its_kind, its_code) == (kind, code) and place.startswith(region)
    ]
    return Amount(*(sum(value[part] or 0 for value in inside) for part in range(3)))


@pytest.mark.parametrize(("region", "prefix"), [("420000", "42"), (CITY[0], "4298"), (COUNTIES[0].code, COUNTIES[0].code)])
def test_the_page_reads_what_was_counted_by_hand(made: Made, hand: ByHand, seen: dict[str, Overview], region: str, prefix: str) -> None:
    page, day, month = seen[region], hand.day(TODAY), hand.month(THIS_MONTH)
    now = page.now
    assert (page.day, now.month, page.counted_at) == (TODAY, THIS_MONTH, NOW)
    assert now.people is not None
    assert now.methods is not None
    assert now.decisions is not None
    for state in CertificationState:
        assert now.people.of(state) == total(day, prefix, f"people.{state.value}").count
    assert now.methods.total == now.people.covered
    assert now.methods.counts[Method.SILENT] == total(day, prefix, "method", "silent").count
    assert now.open == total(day, prefix, "alerts.open")
    assert now.opened == total(month, prefix, "alerts.opened")
    assert now.recovered == total(month, prefix, "recovered")
    outcomes = [total(month, prefix, kind) for kind in ("cases.confirmed", "cases.unfounded", "cases.data_error", "cases.referred")]
    assert (now.decisions.total, now.decisions.found_fen) == (sum(each.count for each in outcomes), sum(each.fen for each in outcomes))
    assert now.decisions.median_s == month[region, "cases.decided.median_s", ""][2]
    for line in page.alerts:
        assert line.open == total(day, prefix, "alerts.open", line.code)
        assert line.decisions.median_s == month.get((region, "cases.decided.median_s", line.code), (0, None, None))[2]
    assert sum(line.open.fen for line in page.alerts) == now.open.fen
    assert sum(each.alerts.count for each in page.ages) == now.open.count == sum(each.count for each in page.severities.values())


def test_places_inside_add_up_to_the_region(seen: dict[str, Overview]) -> None:
    province, city, county = seen["420000"], seen[CITY[0]], seen[COUNTIES[0].code]
    assert [place.region_code for place in province.places] == [CITY[0]]
    assert {place.region_code for place in city.places} >= {county.code for county in COUNTIES}
    assert county.places == ()
    assert province.now.people == province.places[0].people == city.now.people
    assert city.now.people is not None
    assert city.now.open is not None
    assert city.now.decisions is not None
    assert sum(place.people.to_certify for place in city.places) == city.now.people.to_certify
    assert sum(place.open.fen for place in city.places) == city.now.open.fen
    assert sum(place.decisions.total for place in city.places) == city.now.decisions.total
    one = next(place for place in city.places if place.region_code == COUNTIES[0].code)
    assert (one.people, one.methods, one.decisions) == (county.now.people, county.now.methods, county.now.decisions)
    itself = next(place for place in city.places if place.region_code == CITY[0])
    assert itself.open.count > 0  # alerts that are on record for the city itself


def test_months_that_were_never_counted_are_none_and_not_nought(seen: dict[str, Overview]) -> None:
    page = seen[CITY[0]]
    assert [point.month for point in page.months][-3:] == [date(2026, 1, 1), LAST_MONTH, THIS_MONTH]
    assert page.last_month is not None
    assert page.last_year is not None
    assert page.last_month.people is None  # the tenth was counted, not the end of the month
    assert page.last_month.opened is not None
    assert (page.last_year.month, page.last_year.people, page.last_year.opened) == (date(2025, 3, 1), None, None)


def test_one_kind_of_alerts_by_month_and_by_place(made: Made, hand: ByHand, seen: dict[str, Overview]) -> None:
    line = next(line for line in seen[CITY[0]].alerts if line.code == "P1")
    with made.database.read_scope() as session:
        points = oversight.code_trend(session, region_code=CITY[0], code="P1", day=TODAY)
        places = oversight.code_places(session, region_code=CITY[0], code="P1", day=TODAY)
    now = points[-1]
    assert (now.open, now.in_case, now.opened, now.decisions, now.recovered) == (
        line.open,
        line.in_case,
        line.opened,
        line.decisions,
        line.recovered,
    )
    assert points[-2].opened == total(hand.month(LAST_MONTH), "4298", "alerts.opened", "P1")
    assert sum(place.open.count for place in places) == line.open.count
    assert sum(place.decisions.total for place in places) == line.decisions.total
    month = hand.month(THIS_MONTH)
    for place in places:
        if place.region_code == CITY[0]:
            continue  # what is on record for the city itself: the median of that code is of the whole city
        assert place.decisions.median_s == month.get((place.region_code, "cases.decided.median_s", "P1"), (0, None, None))[2]


def test_groups_of_attempts_and_times_of_routes(made: Made, hand: ByHand) -> None:
    months = [LAST_MONTH, THIS_MONTH]
    by_month = {month: hand.month(month) for month in months}
    with made.database.read_scope() as session:
        groups = oversight.verification_groups(session, region_code="420000", months=months)
        routes = oversight.route_times(session, region_code="420000", months=months)
    whole = next(line for line in groups if line.group == "all")
    assert whole.started == sum(total(by_month[month], "42", "verifications.started", "all:").count for month in months)
    assert whole.started == whole.decided + whole.abandoned + whole.expired
    assert whole.decided_s == sum(
        total(by_month[month], "42", f"verifications.{end}", "all:").seconds
        for month in months
        for end in ("certified", "refer", "retry", "refused")
    )
    for group in ("age", "sex", "device", "route"):
        assert sum(line.started for line in groups if line.group == group) == whole.started
    for line in routes:
        of_month = by_month[line.month]
        timed = total(of_month, "42", "route.timed", line.route)
        assert (line.count, line.timed, line.seconds) == (total(of_month, "42", "route", line.route).count, timed.count, timed.seconds)
        assert line.median_s == of_month.get(("420000", "route.median_s", line.route), (0, None, None))[2]
    assert any(line.median_s for line in routes if line.route == "home_visit")


def test_an_older_count_never_replaces_a_newer_one(made: Made, records_policy: RecordsPolicy) -> None:
    before = kept(made.database, FigurePeriod.DAY, TODAY), kept(made.database, FigurePeriod.MONTH, LAST_MONTH)
    late = FiguresService(made.database, records_policy, FixedClock(NOW - timedelta(minutes=5)))  # began sooner, comes to its end later
    counted = late.count(by=BY)
    assert not counted.written
    other_day = late.count(date(2026, 2, 20), by=BY)  # a day that nobody counted: kept, but not its months
    assert other_day.written
    assert (kept(made.database, FigurePeriod.DAY, TODAY), kept(made.database, FigurePeriod.MONTH, LAST_MONTH)) == before


def test_a_run_that_dies_while_it_writes_changes_nothing(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept(made.database, FigurePeriod.DAY, TODAY), kept(made.database, FigurePeriod.MONTH, THIS_MONTH)
    monkeypatch.setattr("models.repositories.figures.writing.FiguresRun", None)  # the last statement cannot be made
    with pytest.raises(Exception):  # noqa: B017, PT011
        made.service.count(by=BY)
    monkeypatch.undo()
    assert (kept(made.database, FigurePeriod.DAY, TODAY), kept(made.database, FigurePeriod.MONTH, THIS_MONTH)) == before


def test_a_day_to_come_is_refused(made: Made) -> None:
    with pytest.raises(DayToComeError, match="2026-03-16 has not begun: give 2026-03-15"):
        made.service.count(date(2026, 3, 16), by=BY)
    with pytest.raises(DayToComeError):
        made.service.fill(2, date(2027, 1, 1), by=BY)


def test_attempts_that_were_deleted_meanwhile_stay_counted(made: Made, records_policy: RecordsPolicy) -> None:
    month = date(2025, 12, 1)
    made.service.count(date(2025, 12, 31), by=BY)
    before = kept(made.database, FigurePeriod.MONTH, month)
    with made.database.session_scope() as session:
        session.execute(update(OversightFigure).where(OversightFigure.day == month).values(count=OversightFigure.count + 1_000))
    short = records_policy.model_copy(update={"retention": records_policy.retention.model_copy(update={"verification_days": 30})})
    FiguresService(made.database, short, made.clock).count(date(2025, 12, 31), by=BY)
    after = kept(made.database, FigurePeriod.MONTH, month)
    rest_on_attempts = {key for key in before if key[1].startswith("verifications.") or key[1] in {"route.timed", "route.median_s"}}
    assert rest_on_attempts
    assert {key for key in before if after[key][0] == before[key][0] + 1_000} == rest_on_attempts
    assert {key for key in before if after[key][0] == before[key][0]} == before.keys() - rest_on_attempts
