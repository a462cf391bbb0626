"""The citizen's status page by a one-time code: what opens it, what never shows, and that nobody and somebody look alike."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient

from api.callers import PERSON_KEY
from api.limits import KEY, Limited, RateLimits
from api.messages import FILE, FOLDER
from api.pages.my_status import code_sending
from api.pages.session_person import STATUS_ASKED_KEY, STATUS_OPEN_KEY
from api.rights import RoleName
from models.repositories import persons
from tests.api.conftest import NAME, RESIDENT_ID, World
from tests.pages.test_pages import post, token_of

NOBODYS_ID = "190102195203070027"


@pytest.fixture
def with_phone(world: World) -> World:
    from models.identifiers import mask_phone

    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        person.phone_sealed = world.context.keyring.seal(b"13800001121", persons.associated_data(person.public_id, "phone"))
        person.phone_masked = mask_phone("13800001121")
    return world


def ask(client: FlaskClient, *, name: str = NAME, number: str = RESIDENT_ID, way: str = "message") -> object:
    return post(client, "/my-status", full_name=name, resident_id=number, way=way)


def sent(world: World) -> list[dict[str, str]]:
    with world.app.app_context():
        code_sending().wait(10)
    path = world.context.settings.home / FOLDER / FILE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def code_of(world: World) -> str:
    found = re.search(r"验证码是(\d+)", sent(world)[-1]["text"])
    assert found
    return found.group(1)


def test_a_code_opens_the_page_and_only_with_it(with_phone: World) -> None:
    client = with_phone.anonymous()
    assert ask(client).headers["Location"] == "/my-status/code?way=message"  # type: ignore[attr-defined]
    [message] = sent(with_phone)
    assert message["phone"] == "13800001121"
    assert post(client, "/my-status/code", code="12").status_code == 422  # type: ignore[attr-defined]
    opened = post(client, "/my-status/code", code=code_of(with_phone))
    assert opened.headers["Location"] == "/my-status/open"  # type: ignore[attr-defined]
    page = client.get("/my-status/open")
    assert page.status_code == 200
    assert "王*国" in page.text
    assert "138******21" in page.text
    assert NAME not in page.text
    assert RESIDENT_ID not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    with client.session_transaction() as session:
        assert PERSON_KEY not in session  # the camera's pages stay closed
    assert client.get("/status").headers["Location"] == "/identify"
    with_phone.clock.advance(minutes=15)
    assert client.get("/my-status/open").headers["Location"] == "/my-status"


def test_somebody_and_nobody_look_alike_up_to_the_code(with_phone: World) -> None:
    pages, cookies = [], []
    for name, number in ((NAME, RESIDENT_ID), (NAME, NOBODYS_ID), ("李四", RESIDENT_ID)):
        client = with_phone.anonymous()
        answer = ask(client, name=name, number=number)
        code_page = client.get("/my-status/code?way=message").text
        wrong = post(client, "/my-status/code?way=message", code="000000")
        pages.append([re.sub(r'(content|value)="[^"]{40,}"', "", text) for text in (answer.text, code_page, wrong.text)])  # type: ignore[attr-defined]
        with client.session_transaction() as session:
            cookies.append((sorted(session), len(session[STATUS_ASKED_KEY][1])))
            assert with_phone.at_home not in str(dict(session))
    assert pages[0] == pages[1] == pages[2]
    assert cookies[0] == cookies[1] == cookies[2]
    assert len(sent(with_phone)) == 1


def test_the_page_of_the_code_cannot_be_reached_without_asking_first(world: World) -> None:
    client = world.anonymous()
    for address in ("/my-status/code", "/my-status/open"):
        assert client.get(address).headers["Location"] == "/my-status"
    with client.session_transaction() as session:
        session[STATUS_OPEN_KEY] = ["k1", "bm90aGluZw=="]
    assert client.get("/my-status/open").headers["Location"] == "/my-status"


def test_what_was_sealed_for_asking_does_not_open(with_phone: World) -> None:
    client = with_phone.anonymous()
    ask(client)
    with client.session_transaction() as session:
        session[STATUS_OPEN_KEY] = session[STATUS_ASKED_KEY]
    assert client.get("/my-status/open").headers["Location"] == "/my-status"


def test_asking_again_and_again_has_to_wait_whoever_it_is(with_phone: World) -> None:
    for number in (RESIDENT_ID, NOBODYS_ID):
        answers = [ask(with_phone.anonymous(), number=number).status_code for _ in range(6)]  # type: ignore[attr-defined]
        assert answers == [303] * 5 + [429]


def test_one_address_may_ask_so_often_an_hour(world: World) -> None:
    limits: RateLimits = world.app.extensions[KEY]
    asked = [limits.wait_s(Limited.STATUS_CODES_FROM_ADDRESS, "192.0.2.1") for _ in range(61)]
    assert asked == [0] * 60 + [60]
    assert limits.wait_s(Limited.STATUS_CODES_FROM_ADDRESS, "192.0.2.2") == 0
    world.clock.advance(minutes=1)
    assert limits.wait_s(Limited.STATUS_CODES_FROM_ADDRESS, "192.0.2.1") == 0


def test_the_tries_of_a_code_run_out_in_words(with_phone: World) -> None:
    client = with_phone.anonymous()
    ask(client)
    code = code_of(with_phone)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    texts = [post(client, "/my-status/code", code=wrong).text for _ in range(5)]  # type: ignore[attr-defined]
    assert "尝试次数已用完" in texts[-1]
    assert "尝试次数已用完" not in texts[0]
    assert post(client, "/my-status/code", code=code).status_code == 422  # type: ignore[attr-defined]


def test_a_code_on_paper_is_shown_once_by_staff_who_may(world: World) -> None:
    staff = world.staff(RoleName.COUNTER)
    at = f"/desk/person/{world.at_home}/status-code"
    page = post(staff, f"/counter/person/{world.at_home}", at)
    found = re.search(r'class="one-code"[^>]*>(\d{6})<', page.text)  # type: ignore[attr-defined]
    assert found
    assert staff.get(at).headers["Location"] == f"/counter/person/{world.at_home}"
    client = world.anonymous()
    ask(client, way="counter")
    assert sent(world) == []
    assert post(client, "/my-status/code", code=f" {found.group(1)[:3]} {found.group(1)[3:]}").headers["Location"] == "/my-status/open"  # type: ignore[attr-defined]
    auditor = world.staff(RoleName.AUDITOR)
    assert auditor.get(at).status_code == 403
    elsewhere = f"/desk/person/{world.elsewhere}/status-code"
    assert post(staff, "/counter", elsewhere).status_code == 404  # type: ignore[attr-defined]


def test_leaving_wipes_the_status_page_too(with_phone: World) -> None:
    client = with_phone.anonymous()
    for way_out in ("/leave", "/my-status/close"):
        ask(client)
        post(client, "/my-status/code", code=code_of(with_phone))
        page = client.get("/my-status/open")
        assert page.status_code == 200
        client.post(way_out, data={"csrf_token": token_of(page.text)})
        assert client.get("/my-status/open").headers["Location"] == "/my-status"


def test_the_english_pages_have_no_chinese(with_phone: World) -> None:
    client = with_phone.anonymous()
    client.set_cookie("lifecert_language", "en")
    ask(client)
    code = re.search(r"code is (\d+)", sent(with_phone)[-1]["text"])
    assert code
    texts = [client.get(address).text for address in ("/my-status", "/my-status/code", "/my-status/code?way=counter")]
    post(client, "/my-status/code", code=code.group(1))
    texts.append(client.get("/my-status/open").text.replace("王*国", ""))
    for text in texts:
        main = text[text.index("<main") : text.index("</main>")]
        assert not re.search(r"[\u4e00-\u9fff]", main)
        assert main.count("<h1>") == 1
