"""The page of a case over HTTP on a real store: who sees it, every step, wrong input, other regions, and two people at once."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from api.rights import RoleName
from models.alert import Alert, AlertState, CaseFile, CaseOutcome
from models.audit import AuditEntry
from models.casework import CaseEvent, CaseStep
from models.claim import CareSetting, Claim, Institution, InstitutionKind, InstitutionLevel
from models.detection import SubjectKind
from models.enrolment import Scheme
from models.repositories import persons
from tests.api.conftest import HOME_REGION, NAME, RESIDENT_ID, World, make_world
from tests.api.signal_cases import Found, add_alert, add_signal, fill
from tests.conftest import FixedClock
from tests.pages.test_pages import post, token_of

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
WAITS = "Waits for a second signature"
KEYS = count(1)


@pytest.fixture(scope="module")
def desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for the module: every test works on alerts of its own."""
    home = tmp_path_factory.mktemp("desk")
    path = home / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{path}", home / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
    yield made
    made.context.database.dispose()


@pytest.fixture(scope="module")
def found(desk: World) -> Found:
    with desk.context.database.session_scope() as session:
        return fill(session, desk.context.keyring, desk.at_home, "190102195203070027", desk.clock())


@pytest.fixture
def alert(desk: World) -> str:
    """A fresh open alert about the person at home."""
    return new_alert(desk)


def new_alert(desk: World, code: str = "P4", **other: Any) -> str:
    with desk.context.database.session_scope() as session:
        person = persons.get(session, desk.at_home)
        values = {"key": f"test:{next(KEYS)}", "amount_fen": 120_000} | other
        return add_alert(session, person, code, desk.clock(), **values).public_id


def english(client: FlaskClient) -> FlaskClient:
    client.set_cookie("lifecert_language", "en")
    return client


def taken(desk: World, alert: str, role: RoleName = RoleName.CASEWORKER) -> tuple[FlaskClient, str]:
    """A client of this role that has taken the alert, and the address of the case."""
    client = english(desk.staff(role))
    answer = post(client, f"/desk/alerts/{alert}", what="take")
    assert answer.status_code == 303, answer.text
    return client, str(answer.headers["Location"])


def proposed(desk: World, alert: str, **other: str) -> tuple[FlaskClient, str]:
    """The same, with confirmation proposed."""
    client, at = taken(desk, alert)
    form = {"outcome": "confirmed", "conclusion": "paid for nobody", "found": "1,200.50"} | other
    assert post(client, at, what="decide", **form).status_code == 303
    return client, at


def case_of(desk: World, address: str) -> CaseFile:
    with desk.context.database.read_scope() as session:
        return session.scalars(select(CaseFile).where(CaseFile.public_id == address.rsplit("/", 1)[1])).one()


def steps(desk: World, address: str) -> list[CaseStep]:
    with desk.context.database.read_scope() as session:
        return list(session.scalars(select(CaseEvent.step).where(CaseEvent.case_id == case_of(desk, address).id).order_by(CaseEvent.id)))


def said(answer: TestResponse) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def offered(page: str) -> set[str]:
    """Steps that the page has a button for."""
    return set(re.findall(r'name="what" value="(\w+)"', page))


# who sees what -----------------------------------------------------------------------------------------------------


def test_the_page_says_what_it_is_about_whom_and_by_when_and_names_nobody_whole(desk: World, found: Found) -> None:
    client, at = taken(desk, found.alert)
    page = client.get(at)
    for words in ("Employee and resident pension paid at once (B1)", "王*国", "8,001.00 yuan", "in 10 days", "Taken up · caseworker"):
        assert words in said(page), words
    assert (NAME in page.text, RESIDENT_ID in page.text) == (False, False)
    assert "Paid after death (P1)" in page.text
    with desk.context.database.read_scope() as session:
        looks = session.scalars(select(AuditEntry.person_id).where(AuditEntry.action == "alert_seen", AuditEntry.object == found.alert))
        assert persons.get(session, desk.at_home).id in set(looks)


def test_parts_of_the_page_have_the_records_and_the_line_and_their_looks_are_recorded(desk: World, found: Found) -> None:
    client = english(desk.staff(RoleName.SUPERVISOR))
    at = post(client, f"/desk/alerts/{found.pair}", what="take").headers["Location"]
    alone = client.get(f"{at}/signals")
    embedded = client.get(f"{at}/signals", headers={"X-Requested-With": "fetch"})
    assert alone.text.count("<h1") == 1
    assert "<h1" not in embedded.text
    assert "<html" not in embedded.text
    assert "The records that led to it" in embedded.text
    with desk.context.database.read_scope() as session:
        looks = session.scalars(select(AuditEntry.person_id).where(AuditEntry.action == "alert_seen", AuditEntry.object == found.pair))
        assert persons.get(session, found.second).id in set(looks)
    line = client.get(f"{at}/timeline")
    assert line.status_code == 200
    assert "line__entry" in line.text
    assert "timeline_seen" in actions(desk)


def actions(desk: World) -> list[str]:
    with desk.context.database.read_scope() as session:
        return list(session.scalars(select(AuditEntry.action)))


@pytest.mark.parametrize(
    ("role", "status"), [(RoleName.AUDITOR, 200), (RoleName.REVIEWER, 200), (RoleName.COUNTER, 403), (RoleName.ADMINISTRATOR, 403)]
)
def test_roles(desk: World, alert: str, role: RoleName, status: int) -> None:
    _, at = taken(desk, alert)
    assert desk.staff(role).get(at).status_code == status
    if role is RoleName.AUDITOR:
        page = english(desk.staff(role)).get(at)
        assert offered(page.text) == set()
        assert "Your role reads cases, and does not work on them." in page.text
        assert post(desk.staff(role), at, what="note", note="x").status_code == 403
    assert desk.anonymous().get(at).status_code == 303


def test_a_case_of_another_region_is_nobodys(desk: World) -> None:
    with desk.context.database.session_scope() as session:
        person = persons.get(session, desk.elsewhere)
        row = add_alert(session, person, "P4", desk.clock(), key="elsewhere", state=AlertState.IN_CASE)
        case = CaseFile(alert_id=row.id, person_id=person.id, region_code=row.region_code, opened_by="test", opened_at=desk.clock())
        session.add(case)
        session.flush()
        elsewhere, other_alert = case.public_id, row.public_id
    client = desk.staff(RoleName.SUPERVISOR)
    for part in ("", "/signals", "/timeline", "/beside", "/claims", "/claims.svg", f"/papers/{elsewhere}"):
        assert client.get(f"/desk/cases/{elsewhere}{part}").status_code == 404, part
    assert post(client, f"/desk/cases/{elsewhere}", what="take").status_code == 404
    assert post(client, f"/desk/cases/{elsewhere}/papers", what="paper").status_code in {404, 422}
    assert post(client, f"/desk/alerts/{other_alert}", what="take").status_code == 404
    assert client.get("/desk/cases/" + "x" * 22).status_code == 404


def test_forged_posts_change_nothing(desk: World, alert: str) -> None:
    _, at = taken(desk, alert)
    client = desk.app.test_client()
    assert client.post(at, data={"what": "give_back"}).status_code == 400
    assert client.post(f"{at}/papers", data={"paper": (io.BytesIO(PDF), "a.pdf")}).status_code == 400
    assert case_of(desk, at).owner == "staff:caseworker"


def test_no_part_of_a_case_asks_the_store_more_than_twelve_times(desk: World, found: Found) -> None:
    client = desk.staff(RoleName.SUPERVISOR)
    post(client, f"/desk/alerts/{found.pair}", what="take")
    with desk.context.database.read_scope() as session:
        at = "/desk/cases/" + session.scalars(select(CaseFile.public_id).join(Alert).where(Alert.public_id == found.pair)).one()
    line = f"/desk/person/{desk.at_home}/timeline"
    asked: list[str] = []
    engine = desk.context.database.engine
    event.listen(
        engine, "before_cursor_execute", lambda *a: asked.append(a[2]) if a[2].startswith(("SELECT", "INSERT", "UPDATE")) else None
    )
    counts = {}
    for address in (at, f"{at}/signals", f"{at}/timeline", f"{at}/beside", f"/desk/alerts/{found.pair}", line):
        asked.clear()
        assert client.get(address).status_code == 200
        counts[address.replace(at, "")] = len(asked)
    assert all(number <= 12 for number in counts.values()), counts


# take, keep, give --------------------------------------------------------------------------------------------------


def test_the_slower_of_two_sees_who_has_it(desk: World, alert: str) -> None:
    taken(desk, alert)
    slower = english(desk.staff(RoleName.SUPERVISOR))
    answer = post(slower, f"/desk/alerts/{alert}", what="take")
    assert answer.status_code == 409
    assert "caseworker was faster and has this case now." in answer.text


def test_a_case_is_kept_and_given_back(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert post(client, at, what="keep").status_code == 303
    assert case_of(desk, at).held_until is None
    assert post(client, at, what="give_back", note="the village office knows more").status_code == 303
    assert case_of(desk, at).owner is None
    page = client.get(at)
    assert "the village office knows more" in page.text
    assert "take" in offered(page.text)
    assert "decide" not in offered(page.text)
    assert post(client, at, what="take").status_code == 303
    assert case_of(desk, at).owner == "staff:caseworker"


def test_a_case_is_handed_over_by_who_has_it_and_assigned_by_who_leads(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert "staff:auditor" not in client.get(at).text
    wrong = post(client, at, what="give_to", receiver="staff:auditor")
    assert wrong.status_code == 422
    assert "This account does not work on cases of the region." in wrong.text
    assert post(client, at, what="give_to", receiver="staff:reviewer", note="you know him").status_code == 303
    assert case_of(desk, at).owner == "staff:reviewer"
    assert post(client, at, what="give_to", receiver="staff:caseworker").status_code == 409
    leader = english(desk.staff(RoleName.SUPERVISOR))
    assert post(leader, at, what="give_to", receiver="staff:caseworker").status_code == 303
    assert steps(desk, at) == [CaseStep.TAKEN, CaseStep.HANDED_OVER, CaseStep.ASSIGNED]


# notes, diary, papers ----------------------------------------------------------------------------------------------


def test_a_note_and_a_day_to_look_again(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert post(client, at, what="note", note=" called the son ").status_code == 303
    assert "called the son" in client.get(at).text
    long = "x" * 2001
    wrong = post(client, at, what="note", note=long)
    assert wrong.status_code == 422
    assert long in wrong.text
    assert post(client, at, what="diary", diary_on="2026-03-15").status_code == 422
    assert post(client, at, what="diary", diary_on="2026-03-20").status_code == 303
    assert case_of(desk, at).diary_on == date(2026, 3, 20)
    assert post(client, at, what="diary", clear="1").status_code == 303
    assert case_of(desk, at).diary_on is None


def upload(client: FlaskClient, at: str, data: bytes, name: str) -> TestResponse:
    form = {"csrf_token": token_of(client.get(at).text), "what": "paper", "paper": FileStorage(io.BytesIO(data), name)}
    boundary, body = encode_multipart(form)  # in memory: the client would leave the file of a large body open
    return client.post(f"{at}/papers", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def test_a_paper_is_kept_opened_and_removed_and_each_is_recorded(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert upload(client, at, PDF, "证明 1.pdf").status_code == 303
    page = client.get(at).text
    assert "证明 1.pdf" in page
    address = re.search(rf'href="({at}/papers/[^"]+)"', page)
    assert address is not None
    opened = client.get(address[1])
    assert (opened.data, opened.mimetype) == (PDF, "application/pdf")
    assert opened.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in opened.headers["Content-Security-Policy"]
    paper = address[1].rsplit("/", 1)[1]
    assert post(client, at, what="remove_paper", paper=paper, reason="").status_code == 422
    assert post(client, at, what="remove_paper", paper=paper, reason="of somebody else").status_code == 303
    assert client.get(address[1]).status_code == 404
    assert "证明 1.pdf" not in client.get(at).text
    assert {"case.attached", "case.attachment_read", "case.attachment_removed"} <= set(actions(desk))


def test_papers_that_are_not_taken_are_said(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert upload(client, at, PDF, "a.pdf").status_code == 303
    most = desk.context.policy.casework.attachments.bytes_max
    for data, name, words in (
        (b"<html><script>1</script>", "a.pdf", "This kind of file is not taken."),
        (b"", "a.pdf", "The file is empty."),
        (PDF + b" " * most, "b.pdf", "The file is too large."),
        (PDF, "copy.pdf", "The same paper is on the case already."),
        (PDF, "", "Choose a file."),
    ):
        answer = upload(client, at, data, name)
        assert answer.status_code == 422, name
        assert words in answer.text
    assert steps(desk, at).count(CaseStep.ATTACHED) == 1


# decide ------------------------------------------------------------------------------------------------------------


def test_what_goes_against_nobody_is_decided_by_one(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert post(client, at, what="decide", outcome="unfounded", conclusion="the record was late", found="999").status_code == 303
    case = case_of(desk, at)
    assert (case.outcome, case.closed_by, case.signed_by, case.found_fen) == (CaseOutcome.UNFOUNDED, "staff:caseworker", None, None)
    page = client.get(at)
    assert "the record was late" in page.text
    assert "decide" not in offered(page.text)
    assert "Take the next" in page.text
    with desk.context.database.read_scope() as session:
        assert session.scalars(select(Alert.state).where(Alert.public_id == alert)).one() is AlertState.CLOSED


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"conclusion": "typed"}, "outcome", "Choose what you conclude."),
        ({"outcome": "nonsense", "conclusion": "typed"}, "outcome", "Choose what you conclude."),
        ({"outcome": "unfounded", "conclusion": " "}, "conclusion", "Write why you conclude this."),
        ({"outcome": "confirmed", "conclusion": "typed"}, "found", "Write how much was wrongly paid"),
        ({"outcome": "confirmed", "conclusion": "typed", "found": "-5"}, "found", "Write the amount in yuan"),
        ({"outcome": "confirmed", "conclusion": "typed", "found": "1.005"}, "found", "Write the amount in yuan"),
        ({"outcome": "referred", "conclusion": "typed", "found": "5"}, "referred_to", "Choose to whom"),
    ],
)
def test_a_decision_that_lacks_something_keeps_what_was_typed(
    desk: World, alert: str, form: dict[str, str], field: str, words: str
) -> None:
    client, at = taken(desk, alert)
    answer = post(client, at, what="decide", **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'id="{field}"' in answer.text
    assert "typed" in answer.text or form["conclusion"] == " "
    if form.get("outcome") in {"confirmed", "referred"}:
        assert re.search(rf'value="{form["outcome"]}" required checked', answer.text)
    assert case_of(desk, at).proposed_outcome is None


def test_what_goes_against_somebody_needs_a_second_person_and_both_names_stand_on_it(desk: World, alert: str) -> None:
    first, at = proposed(desk, alert)
    mine = first.get(at)
    assert WAITS in mine.text
    assert "You proposed it; somebody else signs." in mine.text
    assert "sign" not in offered(mine.text)
    assert post(first, at, what="sign").status_code == 409
    assert case_of(desk, at).outcome is None
    second = english(desk.staff(RoleName.REVIEWER))
    page = second.get(at)
    assert {"sign", "send_back"} <= offered(page.text)
    assert "1,200.50 yuan" in page.text
    seen = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert seen is not None
    assert post(second, at, what="sign", seen=seen[1].replace("&#43;", "+")).status_code == 303
    case = case_of(desk, at)
    assert (case.outcome, case.found_fen) == (CaseOutcome.CONFIRMED, 120_050)
    assert (case.closed_by, case.signed_by) == ("staff:caseworker", "staff:reviewer")
    done = said(second.get(at))
    assert "Decided by caseworker" in done
    assert "Signed by reviewer" in done


def test_who_supervises_does_not_sign_their_own_proposal_either(desk: World, alert: str) -> None:
    leader, at = taken(desk, alert, RoleName.SUPERVISOR)
    assert post(leader, at, what="decide", outcome="referred", referred_to="police", conclusion="forged papers").status_code == 303
    assert post(leader, at, what="sign").status_code == 409
    assert case_of(desk, at).outcome is None


def test_another_proposal_than_the_one_that_was_read_is_not_signed(desk: World, alert: str) -> None:
    first, at = proposed(desk, alert)
    second = english(desk.staff(RoleName.REVIEWER))
    seen = re.search(r'name="seen" value="([^"]+)"', second.get(at).text)
    assert seen is not None
    assert post(first, at, what="withdraw").status_code == 303
    desk.clock.advance(seconds=5)
    assert post(first, at, what="decide", outcome="confirmed", conclusion="other", found="9").status_code == 303
    answer = post(second, at, what="sign", seen=seen[1].replace("&#43;", "+"))
    assert answer.status_code == 409
    assert "below is the present state" in answer.text
    assert case_of(desk, at).outcome is None


def test_a_proposal_is_sent_back_with_a_reason_and_withdrawn(desk: World, alert: str) -> None:
    first, at = proposed(desk, alert)
    second = english(desk.staff(RoleName.SUPERVISOR))
    assert post(second, at, what="send_back", reason=" ").status_code == 422
    assert post(second, at, what="send_back", reason="the amount is of two years").status_code == 303
    assert "the amount is of two years" in first.get(at).text
    assert case_of(desk, at).owner == "staff:caseworker"
    assert post(first, at, what="decide", outcome="confirmed", conclusion="again", found="600").status_code == 303
    assert post(first, at, what="withdraw").status_code == 303
    assert case_of(desk, at).proposed_outcome is None


def test_whoever_was_slower_keeps_what_they_wrote(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    leader = desk.staff(RoleName.SUPERVISOR)
    assert post(leader, at, what="give_to", receiver="staff:reviewer").status_code == 303
    answer = post(client, at, what="decide", outcome="unfounded", conclusion="three careful lines")
    assert answer.status_code == 409
    assert "reviewer has this case until they give it back. Nothing was changed; below is the present state." in said(answer)
    assert "three careful lines" in answer.text
    assert "decide" not in offered(answer.text)


def test_a_decision_is_undone_with_a_reason_and_stays_in_the_history(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    post(client, at, what="decide", outcome="unfounded", conclusion="nothing there")
    assert post(client, at, what="undo", reason="").status_code == 422
    assert post(client, at, what="undo", reason="a new paper came").status_code == 303
    page = said(client.get(at))
    assert "Decision undone · Unfounded: nothing is wrong" in page
    assert "a new paper came" in page
    assert case_of(desk, at).outcome is None
    post(client, at, what="decide", outcome="unfounded", conclusion="nothing there still")
    desk.clock.advance(days=desk.context.policy.casework.undo_days + 1)
    try:
        late = client.get(at)
        assert "undo" not in offered(late.text)
        assert "It was decided too long ago to be undone." in late.text
    finally:
        desk.clock.advance(days=-desk.context.policy.casework.undo_days - 1)


def test_money_that_came_back_is_at_most_what_was_found(desk: World, alert: str) -> None:
    _, at = proposed(desk, alert, found="100")
    second = english(desk.staff(RoleName.REVIEWER))
    assert post(second, at, what="sign").status_code == 303
    assert post(second, at, what="recovered", recovered="", recovered_on="2026-03-15").status_code == 422
    assert post(second, at, what="recovered", recovered="60", recovered_on="2026-03-16").status_code == 422
    assert post(second, at, what="recovered", recovered="60", recovered_on="2026-03-14").status_code == 303
    over = post(second, at, what="recovered", recovered="40.01", recovered_on="2026-03-14")
    assert over.status_code == 422
    assert "More came back than was found" in over.text
    assert case_of(desk, at).recovered_fen == 6_000


def test_findings_are_suppressed_until_a_day_and_told_again_sooner(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert post(client, at, what="suppress", code="P4", until="2026-03-14", reason="moving house").status_code == 422
    assert post(client, at, what="suppress", code="P4", until="2028-03-14", reason="moving house").status_code == 422
    assert post(client, at, what="suppress", code="P4", until="2026-06-30", reason="moving house").status_code == 303
    page = client.get(at)
    assert "moving house" in page.text
    suppression = re.search(r'name="suppression" value="([^"]+)"', page.text)
    assert suppression is not None
    assert post(client, at, what="end_suppression", suppression=suppression[1], reason="it is over").status_code == 303
    assert steps(desk, at)[-2:] == [CaseStep.SUPPRESSED, CaseStep.SUPPRESSION_ENDED]


def test_an_unknown_step_is_refused(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    assert post(client, at, what="delete").status_code == 400
    assert post(client, f"/desk/alerts/{alert}", what="close", reason="x").status_code == 400


# beside the case ---------------------------------------------------------------------------------------------------


def test_similar_cases_are_those_of_the_kind_nearest_in_amount(desk: World) -> None:
    ends = {}
    for fen in (100_000, 119_000, 500_000):
        client, at = taken(desk, new_alert(desk, amount_fen=fen, code="B4"))
        post(client, at, what="decide", outcome="data_error", conclusion="corrected")
        ends[fen] = at.rsplit("/", 1)[1]
    client, at = taken(desk, new_alert(desk, amount_fen=120_000, code="B4"))
    page = client.get(f"{at}/beside").text
    places = [page.index(ends[fen]) for fen in (119_000, 100_000, 500_000)]
    assert places == sorted(places)


def test_a_hospital_has_its_claims_by_month_as_picture_and_table(desk: World) -> None:
    with desk.context.database.session_scope() as session:
        person = persons.get(session, desk.at_home)
        place = Institution(
            code="H0001", name="第一医院", level=InstitutionLevel.TERTIARY, kind=InstitutionKind.HOSPITAL, region_code=HOME_REGION
        )
        session.add(place)
        session.flush()
        for number, day in enumerate((date(2026, 1, 5), date(2026, 1, 20), date(2026, 2, 3))):
            values = {"setting": CareSetting.OUTPATIENT, "scheme": Scheme.EMPLOYEE_MEDICAL, "from_date": day, "to_date": day}
            more = {"doctor": "D7" if number else "D8", "total_fen": 20_000, "fund_fen": 10_000}
            session.add(Claim(institution_id=place.id, person_id=person.id, reference=f"r{number}", **values, **more))
        row = add_alert(session, person, "H14", desk.clock(), key="hospital:H0001", person_id=None)
        about = {"subject_kind": SubjectKind.HOSPITAL, "person_id": None, "subject_ref": "H0001", "key": "H14:H0001"}
        add_signal(session, row, person, "H14", desk.clock(), **about)
        hospital = row.public_id
    client, at = taken(desk, hospital)
    page = client.get(at)
    assert "第一医院" in page.text
    assert f"{at}/timeline" not in page.text
    table = said(client.get(f"{at}/claims"))
    assert "2026-02 1 100.00 2026-01 2 200.00" in table
    picture = client.get(f"{at}/claims.svg")
    assert picture.mimetype == "image/svg+xml"
    assert "2026-03" in picture.text


def test_nothing_of_a_person_is_in_the_audit_of_the_steps(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    post(client, at, what="note", note=f"{NAME} {RESIDENT_ID}")
    with desk.context.database.read_scope() as session:
        told = [str(row.details) for row in session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("case.")))]
    assert told
    assert not any(NAME in one or RESIDENT_ID in one for one in told)


def test_a_lock_that_has_passed_is_free_for_others(desk: World, alert: str) -> None:
    client, at = taken(desk, alert)
    minutes = desk.context.policy.casework.hold_minutes
    desk.clock.advance(minutes=minutes + 1)
    try:
        other = english(desk.staff(RoleName.SUPERVISOR))
        assert "take" in offered(other.get(at).text)
        assert post(other, at, what="take").status_code == 303
        late = post(client, at, what="decide", outcome="unfounded", conclusion="I was away")
        assert late.status_code == 409
        assert "supervisor has this case until" in late.text
        assert case_of(desk, at).owner == "staff:supervisor"
    finally:
        desk.clock.now -= timedelta(minutes=minutes + 1)
