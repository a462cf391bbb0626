"""The pages over HTTP without a browser: headers, forms, who may see what, and what never shows."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api.callers import PERSON_KEY
from api.pages.certify import link_for_one_person
from api.pages.recordings import Recorder, RecordingRefused
from api.pages.session_person import ATTEMPT_KEY, HELPING_KEY
from api.rights import RoleName
from models.certification_state import CertificationState
from models.consent import ConsentPurpose
from tests.api.conftest import NAME, OTHER_RESIDENT_ID, RESIDENT_ID, World, blank_picture
from tests.api.route_table import SIGNING_IN
from verify.policy import CaptureLimits
from verify.views import PromptName

DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)


def token_of(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found
    return found.group(1)


def post(client: FlaskClient, form: str, to: str | None = None, **values: object) -> object:
    """Open the page with the form and send it as a browser does."""
    token = token_of(client.get(form).text)
    return client.post(to or form, data={"csrf_token": token, **values}, content_type="multipart/form-data")


def signed_in(world: World, role: RoleName = RoleName.COUNTER) -> FlaskClient:
    """A member of staff; signing in itself is tested with the accounts and in the browser."""
    return world.staff(role)


@pytest.mark.parametrize("address", ["/", "/identify", "/c/nothing", "/no-such-page", "/login", "/static/css/tokens.css"])
def test_the_content_security_policy_allows_nothing_from_elsewhere_and_nothing_inline(world: World, address: str) -> None:
    with world.anonymous().get(address) as answer:
        policy = answer.headers["Content-Security-Policy"]
    for directive in DIRECTIVES:
        assert directive in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_form_without_its_token_is_refused_in_plain_words(world: World) -> None:
    answer = world.anonymous().post("/identify", data={"full_name": NAME, "resident_id": RESIDENT_ID})
    assert answer.status_code == 400
    assert "请重新开始" in answer.text


def test_a_wrong_name_and_a_wrong_number_get_the_same_answer(world: World) -> None:
    client = world.anonymous()
    wrong_name = post(client, "/identify", full_name="李四", resident_id=RESIDENT_ID)
    wrong_number = post(client, "/identify", full_name=NAME, resident_id="190102195203070027")
    assert wrong_name.status_code == wrong_number.status_code == 422
    notices = [re.search(r'id="problems">(.*?)</div>', answer.text, re.DOTALL).group(1) for answer in (wrong_name, wrong_number)]
    assert notices[0] == notices[1]
    with client.session_transaction() as session:
        assert PERSON_KEY not in session


def test_the_cookie_holds_an_opaque_id_and_the_page_a_masked_name(world: World) -> None:
    client = world.anonymous()
    answer = post(client, "/identify", full_name=NAME, resident_id=f" {RESIDENT_ID[:6]} {RESIDENT_ID[6:]} ")
    assert answer.headers["Location"] == "/certify"
    with client.session_transaction() as session:
        assert session[PERSON_KEY] == world.at_home
        assert NAME not in str(dict(session))
        assert RESIDENT_ID not in str(dict(session))
    page = client.get("/certify/consent").text
    assert "王*国" in page
    assert NAME not in page


def test_the_page_before_identifying_is_where_one_comes_out(world: World) -> None:
    client = world.anonymous()
    assert client.get("/status").headers["Location"] == "/identify"
    assert post(client, "/identify", full_name=NAME, resident_id=RESIDENT_ID).headers["Location"] == "/status"
    assert "还没有认证过" in client.get("/status").text


def test_one_number_cannot_be_tried_with_many_names(world: World) -> None:
    client = world.anonymous()
    answers = [post(client, "/identify", full_name=f"王{letter}", resident_id=RESIDENT_ID).status_code for letter in "一二三四五六"]
    assert answers[0] == 422
    assert answers[-1] == 429
    assert post(client, "/identify", full_name=NAME, resident_id=RESIDENT_ID).status_code == 429


def test_a_link_for_one_person_knows_them_and_a_changed_one_does_not(world: World) -> None:
    client = world.anonymous()
    link = link_for_one_person(world.context, world.at_home).removeprefix(world.context.settings.base_url)
    assert NAME not in link
    assert client.get(link[:-2]).status_code == 404
    with client.session_transaction() as session:
        assert PERSON_KEY not in session
    assert client.get(link).headers["Location"] == "/certify"
    with client.session_transaction() as session:
        assert session[PERSON_KEY] == world.at_home


def test_consent_is_recorded_with_the_text_that_was_shown_and_can_be_withdrawn(world: World) -> None:
    client = world.pensioner()
    version = world.context.policy.consent.text_versions[ConsentPurpose.FACE_VERIFICATION]
    references = world.context.verification.references
    assert post(client, "/certify/consent", answer="yes", text_version="an older one").headers["Location"] == "/certify/consent"
    assert not references.has_consent(world.at_home)
    assert post(client, "/certify/consent", answer="other", text_version=version).headers["Location"] == "/other-ways"
    assert not references.has_consent(world.at_home)
    assert post(client, "/certify/consent", answer="yes", text_version=version).headers["Location"] == "/certify/how"
    assert references.has_consent(world.at_home)
    post(client, "/consent/withdraw")
    assert not references.has_consent(world.at_home)
    assert client.get("/certify/camera").headers["Location"] == "/certify/consent"


def test_leaving_wipes_the_person_and_keeps_the_helper(world: World) -> None:
    client = world.pensioner()
    with client.session_transaction() as session:
        session[HELPING_KEY] = True
        session[ATTEMPT_KEY] = ["v", "t"]
    assert post(client, "/certify/how", "/leave").headers["Location"] == "/certify"
    with client.session_transaction() as session:
        assert PERSON_KEY not in session
        assert ATTEMPT_KEY not in session
        assert session[HELPING_KEY] is True


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:1"])
def test_the_language_switch_leads_nowhere_else(world: World, target: str) -> None:
    client = world.anonymous()
    answer = post(client, "/", "/language", language="en", next=target)
    assert answer.headers["Location"] == "/"
    assert 'lang="en"' in client.get("/").text


def test_an_unknown_page_shows_the_number_to_tell_and_nothing_else(world: World) -> None:
    answer = world.anonymous().get(f"/no-such-page/{RESIDENT_ID}")
    assert answer.status_code == 404
    assert answer.headers["X-Request-ID"] in answer.text
    assert RESIDENT_ID not in answer.text


def test_staff_pages_are_closed_to_everyone_else(world: World) -> None:
    staff = [rule for rule in world.app.url_map.iter_rules() if rule.endpoint.startswith("counter.")]
    assert len(staff) > 12
    client = world.pensioner()
    for rule in staff:
        if rule.endpoint == "counter.choose_theme" or rule.endpoint in SIGNING_IN:
            continue  # a colour, for anyone; pages of signing in are for who is not signed in yet
        view = world.app.view_functions[rule.endpoint]
        assert hasattr(view, "staff_right"), rule.endpoint
        if "GET" in (rule.methods or ()):
            address = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
            address = re.sub(r"<int:[^>]+>", "1", address)
            address = re.sub(r"<[^>]+>", world.at_home, address)
            assert client.get(address).headers.get("Location", "").startswith("/login"), rule.rule


def test_the_counter_finds_people_of_its_region_only_and_writes_nothing_into_addresses(world: World) -> None:
    client = signed_in(world)
    by_number = post(client, "/counter", text=RESIDENT_ID)
    assert by_number.headers["Location"] == f"/counter/person/{world.at_home}"
    elsewhere = post(client, "/counter", text=OTHER_RESIDENT_ID)
    assert elsewhere.headers["Location"] == "/counter/found"
    assert world.elsewhere not in client.get("/counter/found").text
    assert client.get(f"/counter/person/{world.elsewhere}").status_code == 404
    by_name = post(client, "/counter", text=NAME[:2])
    assert by_name.headers["Location"] == f"/counter/person/{world.at_home}"
    page = client.get(by_name.headers["Location"]).text
    assert "王*国" in page
    assert NAME not in page
    assert RESIDENT_ID not in page


def test_an_auditor_sees_no_button_that_changes_anything(world: World) -> None:
    client = signed_in(world, RoleName.AUDITOR)
    page = client.get(f"/counter/person/{world.at_home}").text
    assert "/reference" not in page
    assert "/visit" not in page
    assert client.get(f"/counter/person/{world.at_home}/reference").status_code == 403


def test_a_picture_without_a_face_is_not_saved_and_the_page_says_why(world: World) -> None:
    client = signed_in(world)
    version = world.context.policy.consent.text_versions[ConsentPurpose.FACE_VERIFICATION]
    at = f"/counter/person/{world.at_home}"
    post(client, f"{at}/consent", answer="yes", text_version=version)
    for data, words in ((blank_picture(), "没有找到人脸"), (b"not a picture", "这不是可用的照片")):
        answer = post(client, f"{at}/reference", picture=(io.BytesIO(data), "a.jpg"), source="file")
        assert answer.status_code == 422
        assert words in answer.text
    assert world.context.verification.references.active(world.at_home) is None


def test_a_visit_certifies_and_gives_a_certificate_that_anyone_can_check(world: World) -> None:
    client = signed_in(world)
    at = f"/counter/person/{world.at_home}"
    assert post(client, f"{at}/visit").status_code == 422  # the box was not ticked
    assert world.context.verification.certificates.of_person(world.at_home) == []
    assert post(client, f"{at}/visit", seen="yes").headers["Location"] == at
    [certificate] = world.context.verification.certificates.of_person(world.at_home)
    paper = client.get(f"{at}/certificate.pdf")
    assert paper.mimetype == "application/pdf"
    assert NAME not in paper.headers["Content-Disposition"]
    check = world.anonymous().get(f"/c/{certificate.check_token}")
    assert check.status_code == 200
    assert "这份证明有效" in check.text
    assert NAME not in check.text
    status = world.pensioner().get("/status").text
    assert "一切正常" in status


def test_every_certification_state_has_its_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.pages import people

    client = world.pensioner()
    for state in CertificationState:
        monkeypatch.setattr(people, "standing", lambda *_, state=state: people.Standing(state.value, None, None))
        page = client.get("/status")
        assert page.status_code == 200
        assert ('/certify"' in page.text) is (state.value not in {"paused", "deceased"})


def test_recordings_go_into_the_table_of_the_liveness_evaluation(tmp_path: Path, world: World) -> None:
    recorder = Recorder(tmp_path / "recordings", b"k" * 32)
    limits = world.context.policy.verification.capture.frame
    assert isinstance(limits, CaptureLimits)
    with pytest.raises(RecordingRefused):
        recorder.start(label="attack", species="Print Flat!", actor="staff:x", at=world.clock())
    token = recorder.start(label="attack", species="print_flat", actor="staff:x", at=world.clock())
    recorder.add(token, blank_picture(), at_ms=100, step=1, prompt=PromptName.TURN_LEFT, limits=limits)
    with pytest.raises(RecordingRefused):
        recorder.add(token + "x", blank_picture(), at_ms=200, step=1, prompt=PromptName.TURN_LEFT, limits=limits)
    with pytest.raises(RecordingRefused):
        recorder.add(token, b"nothing", at_ms=200, step=1, prompt=PromptName.TURN_LEFT, limits=limits)
    with (tmp_path / "recordings" / "attempts.csv").open(encoding="utf-8", newline="") as stream:
        [row] = csv.DictReader(stream)
    assert (row["label"], row["species"], row["at_ms"], row["prompt"]) == ("attack", "print_flat", "100", "turn_left")
    assert (tmp_path / "recordings" / row["file"]).read_bytes() == blank_picture()
    assert "agreed" in (tmp_path / "recordings" / "consents.csv").read_text(encoding="utf-8")
