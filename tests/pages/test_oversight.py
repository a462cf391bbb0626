"""The supervisors' view over HTTP: who sees what, and that page, CSV, Excel and paper have the same numbers."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from api import figures_requests
from api.oversight.sheets import per_mille
from api.oversight.tiles import TONES, places, tone
from api.rights import RoleName
from models.audit import AuditEntry
from models.region import Region
from models.repositories import persons
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, World
from tests.pages.oversight_figures import Money, fill_figures, fill_money
from tests.pages.test_pages import post

TABLES = ("summary", "places", "methods", "trend", "alerts", "backlog")


@pytest.fixture
def filled(world: World) -> Money:
    with world.context.database.session_scope() as session:
        today = world.context.policy.certification.today(world.clock())
        fill_figures(session, HOME_REGION, today, world.clock())
        return fill_money(session, world.at_home, HOME_REGION, world.clock())


def english(client: FlaskClient) -> FlaskClient:
    client.set_cookie("lifecert_language", "en")
    return client


class _Tables(HTMLParser):
    """Cells of every table that has an id, row by row, without what only screen readers hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self._at: str | None = None
        self._cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._at = dict(attrs).get("id")
            if self._at:
                self.found[self._at] = []
        elif self._at and tag == "tr":
            self.found[self._at].append([])
        elif self._at and tag in {"th", "td"}:
            self.found[self._at][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._at = None
        elif tag in {"th", "td"}:
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._at and self._cell:
            self.found[self._at][-1][-1] += data.strip()


def tables_of(page: str) -> dict[str, list[list[str]]]:
    parser = _Tables()
    parser.feed(page)
    return parser.found


def plain(cell: str) -> str:
    """A cell of the page as the CSV has it."""
    return "" if cell == "–" else cell.replace(",", "") if re.fullmatch(r"-?[\d,]+(\.\d+)?%?", cell) else cell


@pytest.mark.parametrize("address", ["/desk/oversight", "/desk/oversight/tables.xlsx", "/desk/oversight/kind/P1"])
def test_only_those_who_oversee_see_figures(world: World, filled: Money, address: str) -> None:
    seen = {role: world.staff(role).get(address).status_code for role in RoleName if role is not RoleName.MACHINE_CLIENT}
    allowed = {RoleName.SUPERVISOR, RoleName.AUDITOR}
    assert seen == {role: 200 if role in allowed else 403 for role in seen}
    assert world.anonymous().get(address).status_code == 303


def test_a_region_that_is_not_the_callers_is_not_there(world: World, filled: Money) -> None:
    client = world.staff(RoleName.SUPERVISOR)
    for region in (OTHER_REGION, "190000", "19", "nonsense", "19010x"):
        for address in (
            "/desk/oversight",
            "/desk/oversight/table/places.csv",
            "/desk/oversight/kind/P1",
            "/desk/oversight/chart/trend.svg",
        ):
            assert client.get(address, query_string={"region": region}).status_code == 404, (region, address)


def test_an_empty_store_says_what_to_do(world: World) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get("/desk/oversight")
    assert page.status_code == 200
    assert "No figures of this time were counted yet" in page.text
    assert "lifecert figures" in page.text
    assert 'id="refresh"' in page.text
    for address in ("/desk/oversight/tables.xlsx", "/desk/oversight/chart/trend.svg", "/desk/oversight/report/2026-03.pdf"):
        assert client.get(address).status_code == 404


def test_large_figures_say_what_changed(world: World, filled: Money) -> None:
    page = english(world.staff(RoleName.SUPERVISOR)).get("/desk/oversight").text
    shown = {
        key: " ".join(re.sub(r"<[^>]+>", " ", text).split())
        for key, text in re.findall(r'headline" id="key-(\w+)">(.*?)</li>', page, re.DOTALL)
    }
    # six counties: certified 700 + 40n + 24, due soon 20, overdue 200 - 25n, paused n + 24, never 5
    assert shown["coverage"].startswith("Certification coverage 85.9% 5,304 of 6,174 pensioners")
    assert "0.8 points less than a year before" in shown["coverage"]
    assert shown["overdue"].startswith("Overdue 675 165 paused besides as a month before as a year before")
    assert shown["open"].startswith("Open alerts 69 73,795.38 yuan at risk")
    # January to March: 6 counties x 10,000n + months 22, 23, 24
    assert shown["found_year"].startswith(
        "Found since January 6,304.14 yuan 724.14 yuan of it came back 2,101.44 yuan in this month so far, 2,101.38 in"
    )
    assert shown["median"].startswith("Time to decide 5.4 days 12 cases decided in this month so far ! 0.1 days more than a month before")


def test_page_csv_and_excel_have_the_same_numbers(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    on_page = tables_of(client.get("/desk/oversight").text)
    book = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/desk/oversight/tables.xlsx").data))
    sheets = dict(zip(TABLES, book.sheet_names[1:], strict=True))
    for name in TABLES:
        answer = client.get(f"/desk/oversight/table/{name}.csv")
        assert answer.data.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert rows == [[plain(cell) for cell in row] for row in on_page[name]], name
        excel = book.get_sheet_by_name(sheets[name]).to_python()
        assert len(excel) == len(rows) > 1
        for row, line in zip(rows[1:], excel[1:], strict=True):
            for cell, value in zip(row, line, strict=True):
                if isinstance(value, int | float):
                    said = float(cell.removesuffix("%")) / (100 if cell.endswith("%") else 1)
                    assert value == pytest.approx(said, abs=1e-9), (name, row)
                else:
                    assert value == cell, (name, row)


def test_counties_are_rows_tiles_and_links(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get("/desk/oversight").text
    a_tile = r'class="tile tile--\d" href="[^"]*region=(\d{6})[^"]*"><span[^>]*>([^<]+)</span><span class="tile__share">([^<]+)<'
    tiles = re.findall(a_tile, page)
    assert [code for code, _, _ in tiles] == [f"1901{number:02d}" for number in range(1, 7)]
    rows = {row[1]: row for row in tables_of(page)["places"][1:]}
    assert {code: (name, share) for code, name, share in tiles} == {code: (row[0], row[2]) for code, row in rows.items()}
    inside = client.get("/desk/oversight?region=190103").text
    assert "第3区" in inside
    assert 'id="map"' not in inside
    assert 'href="/desk/oversight?region=190100' in inside


def test_another_month_shows_what_was_then(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get("/desk/oversight?month=2026-01").text
    assert "January 31, 2026" in page
    now, then = tables_of(client.get("/desk/oversight").text)["summary"], tables_of(page)["summary"]
    assert [row[2] for row in tables_of(client.get("/desk/oversight?month=2026-02").text)["summary"][1:]] == [row[1] for row in then[1:]]
    assert now != then
    early = client.get("/desk/oversight?month=2020-01")
    assert "No figures of this time were counted yet" in early.text
    assert client.get("/desk/oversight?month=2999-01").status_code == 200  # as the present month


def test_charts_follow_theme_and_language_and_are_not_sent_twice(world: World, filled: Money) -> None:
    client = world.staff(RoleName.SUPERVISOR)
    first = client.get("/desk/oversight/chart/backlog.svg")
    assert first.mimetype == "image/svg+xml"
    assert "0至7天" in first.text
    again = client.get("/desk/oversight/chart/backlog.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    client.set_cookie("lifecert_theme", "dark")
    dark = client.get("/desk/oversight/chart/backlog.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert dark.status_code == 200
    assert dark.text != first.text
    assert "0 to 7 days" in english(client).get("/desk/oversight/chart/backlog.svg").text
    assert client.get("/desk/oversight/chart/nothing.svg").status_code == 404


def refresh(client: FlaskClient) -> int:
    answer = post(client, "/desk/oversight", "/desk/oversight/refresh")
    return int(answer.status_code)  # type: ignore[attr-defined]


def test_a_count_is_asked_for_once_and_only_by_those_who_may(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    assert figures_requests.waiting(world.context) is None
    assert refresh(client) == 303
    waiting = figures_requests.waiting(world.context)
    assert waiting is not None
    assert waiting.by == "staff:supervisor"
    assert "A count was asked for" in client.get("/desk/oversight").text
    auditor = world.staff(RoleName.AUDITOR)
    assert 'id="refresh"' not in auditor.get("/desk/oversight").text
    assert refresh(auditor) == 403
    assert figures_requests.ask(world.context, by="another") is False
    figures_requests.done(world.context)
    assert figures_requests.waiting(world.context) is None


def test_a_kind_leads_to_its_dearest_alerts_and_to_the_hospital(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    assert "/desk/oversight/kind/M-HOSPITAL" in client.get("/desk/oversight").text
    page = client.get("/desk/oversight/kind/M-HOSPITAL").text
    assert f"/desk/alerts/{filled.alert}" in page
    assert f"/desk/hospitals/{filled.hospital}" in page
    assert "7,777.77" in page
    months = tables_of(client.get("/desk/oversight/kind/P1").text)["months"]
    assert months[-1][1:] == ["42", "25,925.76", "21", "12", "2,101.44", "241.44", "5.4"]
    assert client.get("/desk/oversight/kind/nothing-at-all").status_code == 404


def test_a_hospital_shows_its_alerts_its_months_and_its_dearest_claims_and_names_nobody(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get(f"/desk/hospitals/{filled.hospital}").text
    assert f"/desk/alerts/{filled.alert}" in page
    assert f"/desk/claims/{filled.claim}" in page
    assert NAME not in page
    assert "543.21" in tables_of(page)["months"][1]
    empty = client.get(f"/desk/hospitals/{filled.hospital}?month=2025-05").text
    assert "No claim of this hospital ended in this month" in empty
    assert client.get(f"/desk/hospitals/{filled.hospital}/claims.svg").mimetype == "image/svg+xml"
    assert client.get("/desk/hospitals/nothing").status_code == 404
    assert world.staff(RoleName.COUNTER).get(f"/desk/hospitals/{filled.hospital}").status_code == 403


def test_a_claim_shows_its_lines_and_what_names_them_and_the_look_is_recorded(world: World, filled: Money) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get(f"/desk/claims/{filled.claim}").text
    assert NAME not in page
    assert "王**" in page or "王*" in page
    lines = tables_of(page)["lines"]
    assert [row[0] for row in lines[1:]] == ["1", "2", "3"]
    assert ["Named by" in row[1] for row in lines[1:]] == [False, True, False]
    assert f"/desk/alerts/{filled.of_person}" in page
    assert f"/desk/claims/{filled.claim}" in client.get(f"/desk/alerts/{filled.of_person}").text
    with world.context.database.read_scope() as session:
        key = persons.get(session, world.at_home).id
        looks = session.execute(select(AuditEntry.object, AuditEntry.person_id).where(AuditEntry.action == "claim_seen")).all()
    assert [tuple(look) for look in looks] == [(filled.claim, key)]


def test_a_person_of_another_region_stays_unnamed_and_a_hospital_elsewhere_is_not_there(world: World, filled: Money) -> None:
    with world.context.database.session_scope() as session:
        money = session.scalars(select(Region).where(Region.code == OTHER_REGION)).one()
        persons.get(session, world.at_home).region_code = money.code
    page = english(world.staff(RoleName.SUPERVISOR)).get(f"/desk/claims/{filled.claim}").text
    assert "a person of another region" in page
    assert "王" not in page
    with world.context.database.session_scope() as session:
        from models.claim import Institution

        session.scalars(select(Institution)).one().region_code = OTHER_REGION
    client = world.staff(RoleName.SUPERVISOR)
    assert client.get(f"/desk/claims/{filled.claim}").status_code == 404
    assert client.get(f"/desk/hospitals/{filled.hospital}").status_code == 404


@pytest.mark.parametrize(
    ("language", "words"), [("zh", ("资格认证与基金", "2026年3月", "第1区")), ("en", ("report of March 2026", "Coverage", "第1区"))]
)
def test_the_paper_has_the_pages_numbers_and_is_the_same_twice(world: World, filled: Money, language: str, words: tuple[str, ...]) -> None:
    client = world.staff(RoleName.SUPERVISOR)
    client.set_cookie("lifecert_language", language)
    first, again = (client.get("/desk/oversight/report/2026-03.pdf") for _ in range(2))
    assert first.data == again.data
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(first.data)).pages)
    compact = re.sub(r"\s+", "", text)
    for word in words:
        assert re.sub(r"\s+", "", word) in compact
    for row in tables_of(client.get("/desk/oversight").text)["places"][1:]:
        for cell in row[1:]:
            assert cell in compact, row
    assert client.get("/desk/oversight/report/2020-01.pdf").status_code == 404
    assert client.get("/desk/oversight/report/nonsense.pdf").status_code == 404


def test_what_leaves_the_service_is_recorded(world: World, filled: Money) -> None:
    client = world.staff(RoleName.AUDITOR)
    for address in ("table/places.csv", "tables.xlsx", "report/2026-03.pdf"):
        assert client.get(f"/desk/oversight/{address}").status_code == 200
    with world.context.database.read_scope() as session:
        details = session.scalars(select(AuditEntry.details).where(AuditEntry.action == "figures.exported").order_by(AuditEntry.id)).all()
    assert [one["what"] for one in details] == ["places.csv", "tables.xlsx", "report.pdf"]
    assert {(one["region"], one["month"]) for one in details} == {(HOME_REGION, "2026-03")}


def test_tiles_stand_where_the_codes_say_whatever_the_order() -> None:
    codes = [f"42{number:02d}00" for number in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 28)] + ["429004", "429005", "429006", "429021"]
    placed = places(codes)
    assert placed == places(list(reversed(codes)))
    assert len({(one.column, one.row) for one in placed}) == len(codes)
    assert [(one.code, one.column) for one in placed if one.code == "429004"] == [("429004", 1)]
    for count in range(1, 31):
        some = places([f"42{number:02d}00" for number in range(1, count + 1)])
        assert max(one.column for one in some) <= 7
        assert max(one.row for one in some) <= max(5, count // 7 + 1)


def test_tones_rise_with_the_share_and_change_exactly_at_the_steps() -> None:
    steps = (0.6, 0.75, 0.85, 0.95)
    tones = [tone(share, steps) for share in range(1001)]
    assert tones == sorted(tones, key=lambda one: one or 0)
    assert [share for share in range(1, 1001) if tones[share] != tones[share - 1]] == [600, 750, 850, 950]
    assert (tones[0], tones[-1]) == (0, TONES - 1)
    assert tone(None, steps) is None


def test_a_share_never_says_all_where_one_is_missing() -> None:
    assert per_mille(9_999, 10_000) == 999
    assert per_mille(0, 0) is None
