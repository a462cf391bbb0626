"""The page of notices: what an account was told, its subscriptions, and the number in the header; each account's own only."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.app import create_app
from api.notices import tell_subscribers
from api.rights import RIGHTS, Right, RoleName
from models.alert import Alert
from models.audit import AuditEntry
from models.oversight import AlertSubscription, Notice
from models.repositories import subscriptions
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, csrf
from tests.api.test_notices import close, open_alert, subscribe

FORM = {"region": HOME_REGION, "channel": "in_app", "cadence": "at_once"}


def post(world: World, client: FlaskClient, path: str, **form: object) -> tuple[int, str]:
    answer = client.post(path, data=form, headers=csrf(world, client))
    return answer.status_code, answer.text


def mine(world: World) -> list[AlertSubscription]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AlertSubscription).order_by(AlertSubscription.id)))


def english(world: World, role: RoleName = RoleName.CASEWORKER) -> FlaskClient:
    client = world.staff(role)
    client.set_cookie("lifecert_language", "en")
    return client


def test_a_subscription_tells_and_what_was_read_is_unread_no_more(world: World) -> None:
    client = english(world)
    assert "Nothing new." in client.get("/desk/notices").text
    assert (
        post(world, client, "/desk/notices/new", **FORM, code=["P1", "H1"], at_least="50", quiet_from="22:00", quiet_until="07:00")[0]
        == 303
    )
    [row] = mine(world)
    assert (row.codes, row.amount_fen_min, row.quiet_from, row.quiet_until) == (["H1", "P1"], 50_00, 22 * 60, 7 * 60)
    assert (row.owner, row.language, row.next_at) == ("staff:caseworker", "en", None)
    first, second = open_alert(world, fen=100_00), open_alert(world, code="H1", fen=60_00)
    tell_subscribers(world.context)
    page = client.get("/desk/notices").text
    assert "New alerts: 2, 160.00 yuan at risk" in page
    assert "Unread notices: 1" in page
    assert f"/desk/alerts/{first}" in page
    assert f"/desk/alerts/{second}" in page
    with world.context.database.read_scope() as session:
        notice = session.scalars(select(Notice.public_id)).one()
    assert post(world, client, "/desk/notices/read", notice=notice)[0] == 303
    page = client.get("/desk/notices").text
    assert "Unread notices" not in page
    assert "Read before" in page


def test_a_notice_says_what_is_closed_by_now_and_names_nothing_out_of_reach(world: World) -> None:
    client = english(world)
    subscribe(world)
    gone, moved = open_alert(world), open_alert(world)
    tell_subscribers(world.context)
    close(world, gone)
    with world.context.database.session_scope() as session:
        session.scalars(select(Alert).where(Alert.public_id == moved)).one().region_code = OTHER_REGION
    page = client.get("/desk/notices").text
    assert re.search(rf"/desk/alerts/{gone}.*· closed", page)
    assert moved not in page
    assert "1 more in the list of alerts" in page


def test_all_are_marked_as_read_up_to_the_newest_that_was_shown(world: World) -> None:
    client = english(world)
    subscribe(world)
    for _ in range(2):
        open_alert(world)
        tell_subscribers(world.context)
    upto = re.search(r'name="upto" value="([^"]+)"', client.get("/desk/notices").text)
    assert upto is not None
    open_alert(world)
    tell_subscribers(world.context)
    post(world, client, "/desk/notices/read", upto=upto[1])
    assert "Unread notices: 1" in client.get("/desk/notices").text


def test_read_notices_come_in_pages(world: World) -> None:
    subscribe(world)
    for _ in range(32):
        open_alert(world)
        tell_subscribers(world.context)
    with world.context.database.session_scope() as session:
        for notice in session.scalars(select(Notice)):
            notice.read_at = world.clock()
    client = english(world)
    page = client.get("/desk/notices").text
    assert page.count('class="told"') == 30
    following = re.search(r'href="(/desk/notices\?before=[^"]+)"', page)
    assert following is not None
    assert client.get(following[1]).text.count('class="told"') == 2
    assert client.get("/desk/notices?before=nothing").text.count('class="told"') == 0


def test_nobody_sees_or_touches_what_another_was_told(world: World) -> None:
    public_id = subscribe(world)
    open_alert(world)
    tell_subscribers(world.context)
    with world.context.database.read_scope() as session:
        notice = session.scalars(select(Notice.public_id)).one()
    other = english(world, RoleName.SUPERVISOR)
    page = other.get("/desk/notices").text
    assert "Unread notices" not in page
    assert "You are told of no alerts yet." in page
    post(world, other, "/desk/notices/read", notice=notice)
    post(world, other, "/desk/notices/read", upto=notice)
    for what in ("test", "end"):
        assert post(world, other, f"/desk/notices/subscriptions/{public_id}/{what}")[0] == 404
    assert "Unread notices: 1" in english(world).get("/desk/notices").text
    assert mine(world)[0].ended_at is None


def test_a_webhook_shows_its_secret_once(world: World) -> None:
    client = english(world)
    status, page = post(world, client, "/desk/notices/new", **FORM | {"channel": "webhook", "url": "https://hook.example.org/secret-path"})
    assert status == 200
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
    assert secret is not None
    [row] = mine(world)
    assert subscriptions.open_secret(row, world.context.keyring) == secret[0]
    listed = client.get("/desk/notices").text
    assert "hook.example.org" in listed
    assert "secret-path" not in listed, "an address may hold a token"
    assert "whsec_" not in listed
    with world.context.database.read_scope() as session:
        entries = [entry for entry in session.scalars(select(AuditEntry)) if entry.action == "alert_subscription.made"]
    assert [(entry.actor, entry.object) for entry in entries] == [("staff:caseworker", row.public_id)]
    assert "hook.example" not in str(entries[0].details)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": OTHER_REGION}, "Choose one of the regions"),
        ({"region": ""}, "Choose one of the regions"),
        ({"code": ["P1", "nothing"]}, "Choose the kinds from the list."),
        ({"channel": "pigeon"}, "Choose where you want to be told."),
        ({"channel": "email"}, "No mail server is set up here"),
        ({"channel": "webhook", "url": "ftp://example.org"}, "This address cannot be used"),
        ({"channel": "webhook", "url": ""}, "This address cannot be used"),
        ({"cadence": "hourly"}, "Choose how often"),
        ({"at_least": "-5"}, "Write the amount in whole yuan"),
        ({"quiet_from": "22:00"}, "Give both times"),
        ({"quiet_from": "22:00", "quiet_until": "25:00"}, "Give both times"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "begin and end at the same time"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_kept(world: World, change: dict[str, object], words: str) -> None:
    client = english(world)
    status, page = post(world, client, "/desk/notices/new", **FORM | change)
    assert status == 422
    assert words in page
    assert mine(world) == []


def test_letters_are_offered_where_a_mail_server_is_set_up(world: World) -> None:
    assert 'value="email" disabled' in english(world).get("/desk/notices/new").text.replace('aria-describedby="no-mail"', "")
    settings = world.context.settings.model_copy(update={"smtp_url": "smtps://mail.example", "mail_from": "lifecert@example.invalid"})
    context = replace(world.context, settings=settings)
    world = replace(world, context=context, app=create_app(context))
    client = english(world)
    assert "No mail server" not in client.get("/desk/notices/new").text
    assert post(world, client, "/desk/notices/new", **FORM | {"channel": "email", "cadence": "weekly"})[0] == 303
    assert mine(world)[0].next_at is not None


def test_a_person_has_no_more_subscriptions_than_policy_allows(world: World) -> None:
    for _ in range(world.context.policy.oversight.notices.of_a_person_max):
        subscribe(world)
    client = english(world)
    status, page = post(world, client, "/desk/notices/new", **FORM)
    assert status == 422
    assert "End one of them first." in page
    assert post(world, client, f"/desk/notices/subscriptions/{mine(world)[0].public_id}/end")[0] == 303
    assert post(world, client, "/desk/notices/new", **FORM)[0] == 303


def test_a_test_in_the_application_is_there_at_once(world: World) -> None:
    public_id = subscribe(world)
    client = english(world)
    assert post(world, client, f"/desk/notices/subscriptions/{public_id}/test")[0] == 303
    assert "This is a test: it tells of no alert." in client.get("/desk/notices").text
    post(world, client, f"/desk/notices/subscriptions/{public_id}/end")
    assert post(world, client, f"/desk/notices/subscriptions/{public_id}/test")[0] == 404


@pytest.mark.parametrize("role", [role for role in RoleName if role is not RoleName.MACHINE_CLIENT])
def test_only_who_reads_alerts_has_notices(world: World, role: RoleName) -> None:
    allowed = Right.READ_ALERTS in RIGHTS[role]
    client = world.staff(role)
    assert client.get("/desk/notices").status_code == (200 if allowed else 403)
    assert client.get("/desk/notices/new").status_code == (200 if allowed else 403)
    assert post(world, client, "/desk/notices/new", **FORM)[0] == (303 if allowed else 403)
