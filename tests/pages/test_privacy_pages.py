"""My data behind a code, requests at the desk answered by two people, the filing pack and deletion when due for the security office."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from api.privacy import make_privacy
from api.retention import run as run_retention
from api.rights import RoleName
from models.audit import AuditEntry
from models.face import FaceReference
from models.privacy import PrivacyState
from tests.api.conftest import NAME, RESIDENT_ID, World, csrf
from tests.api.test_privacy import PHONE, fill
from verify.status_code_service import StatusCodeService


def at_the_desk(world: World, role: RoleName) -> FlaskClient:
    return world.staff(role)


@pytest.fixture
def own(world: World) -> FlaskClient:
    """The person's browser with the status page open by a code from the counter."""
    from api.status_page import status_code_service

    fill(world)
    service: StatusCodeService = status_code_service(world.context)
    code, _until = service.issue_at_counter(world.at_home, actor="staff:counter")
    client = world.anonymous()
    form = {"full_name": NAME, "resident_id": RESIDENT_ID, "way": "counter"}
    assert client.post("/my-status", data=form, headers=csrf(world, client)).status_code == 303
    assert client.post("/my-status/code", data={"code": code}, headers=csrf(world, client)).status_code == 303
    return client


def test_my_data_is_closed_without_a_code(world: World) -> None:
    pensioner = world.pensioner()  # name and number alone
    for method, address in (("get", "/my-data"), ("post", "/my-data/copy"), ("post", "/my-data/requests"), ("post", "/my-data/consent")):
        answer = getattr(pensioner, method)(address, headers=csrf(world, pensioner))
        assert (answer.status_code, answer.location) == (303, "/my-status"), address


def test_i_see_what_is_held_take_a_copy_and_withdraw(world: World, own: FlaskClient) -> None:
    page = own.get("/my-data").text
    assert "人脸模板" in page
    assert RESIDENT_ID not in page
    assert PHONE not in page
    copy = own.post("/my-data/copy", headers=csrf(world, own))
    assert copy.status_code == 200
    assert "no-store" in copy.headers["Cache-Control"]
    with zipfile.ZipFile(io.BytesIO(copy.data)) as archive:
        assert json.loads(archive.read("data.json"))["tables"]["person"][0]["phone_sealed"] == PHONE
    for _ in range(world.context.policy.privacy.copies_a_day - 1):
        assert own.post("/my-data/copy", headers=csrf(world, own)).status_code == 200
    assert own.post("/my-data/copy", headers=csrf(world, own)).status_code == 429
    assert own.post("/my-data/consent", headers=csrf(world, own)).status_code == 303
    with world.context.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(FaceReference).where(FaceReference.template.is_not(None))) == 0


def test_a_correction_and_a_deletion_from_my_page_to_the_signature(world: World, own: FlaskClient) -> None:
    assert own.post("/my-data/requests", data={"kind": "correction", "wish": ""}, headers=csrf(world, own)).status_code == 422
    assert own.post("/my-data/requests", data={"kind": "export"}, headers=csrf(world, own)).status_code == 422
    for kind in ("correction", "deletion"):
        wish = {"kind": kind, "wish": "我的电话错了<b>"}
        assert own.post("/my-data/requests", data=wish, headers=csrf(world, own)).status_code == 303
    assert own.post("/my-data/requests", data={"kind": "deletion"}, headers=csrf(world, own)).status_code == 409
    views = make_privacy(world.context).of_person(world.at_home)
    deletion, correction = views[0].request_id, views[1].request_id

    worker, signer = at_the_desk(world, RoleName.CASEWORKER), at_the_desk(world, RoleName.REVIEWER)
    assert at_the_desk(world, RoleName.SECURITY_OFFICER).get("/desk/privacy-requests").status_code == 403
    assert NAME not in worker.get("/desk/privacy-requests").text
    address = f"/desk/privacy-requests/{correction}"
    assert "我的电话错了" not in worker.get(address).text
    shown = worker.post(f"{address}/wish", headers=csrf(world, worker)).text
    assert "我的电话错了&lt;b&gt;" in shown
    assert worker.post(f"{address}/answer", data={"answer": "carry_out"}, headers=csrf(world, worker)).status_code == 422  # no note
    assert worker.post(f"{address}/answer", data={"answer": "carry_out", "note": "done"}, headers=csrf(world, worker)).status_code == 303
    assert make_privacy(world.context).one(correction).state is PrivacyState.DONE

    address = f"/desk/privacy-requests/{deletion}"
    assert worker.post(f"{address}/answer", data={"answer": "carry_out"}, headers=csrf(world, worker)).status_code == 303
    assert worker.post(f"{address}/signature", data={"decision": "sign"}, headers=csrf(world, worker)).status_code == 403  # may not sign
    assert signer.post(f"{address}/signature", data={"decision": "sign"}, headers=csrf(world, signer)).status_code == 303
    page = signer.get(address).text
    assert "人脸模板：1" in page
    assert "发放待遇并证明发放正确所必需" in page
    mine = own.get("/my-data").text
    assert "发放待遇并证明发放正确所必需" in mine


def test_the_counter_writes_a_request_down_and_another_answers(world: World) -> None:
    counter = at_the_desk(world, RoleName.COUNTER)
    address = f"/counter/person/{world.at_home}/data"
    assert counter.post(address, data={"kind": "deletion"}, headers=csrf(world, counter)).status_code == 303
    assert "等待答复" in counter.get(address).text
    assert counter.get(f"/counter/person/{world.elsewhere}/data").status_code == 404
    [view] = make_privacy(world.context).of_person(world.at_home)
    assert view.asked_by == "staff:counter"


def test_the_security_office_sees_counts_and_papers_and_no_person(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world)
    few = world.context.policy.privacy.model_copy(update={"filing_people": 1})
    monkeypatch.setitem(world.context.policy.__dict__, "privacy", few)  # the policy is one for the whole process
    officer = at_the_desk(world, RoleName.SECURITY_OFFICER)
    assert "尚未统计" in officer.get("/desk/privacy").text
    run_retention(world.context, by="job:retention")
    page = officer.get("/desk/privacy").text
    assert "需要备案" in page
    deleted = officer.get("/desk/retention").text
    assert "retention.audit_days" in deleted
    for language in ("zh", "en"):
        answer = officer.get(f"/desk/privacy/pack.zip?language={language}")
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert {"faces-held.pdf", "impact-assessment.html", "record-of-processing.pdf"} <= set(archive.namelist())
            whole = b"".join(archive.read(name) for name in archive.namelist())
        assert NAME.encode() not in whole
        assert RESIDENT_ID.encode() not in whole
    assert officer.get("/desk/privacy/pack.zip?language=xx").status_code == 404
    assert at_the_desk(world, RoleName.SUPERVISOR).get("/desk/privacy").status_code == 403
    with world.context.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "privacy.pack_made")) == 2


def test_a_new_text_asks_again_before_the_next_check_and_the_old_consent_can_be_withdrawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world)  # consents to 2026-01
    pensioner = world.pensioner()
    assert pensioner.get("/certify").location == "/certify/how"
    consent = world.context.policy.consent
    newer = consent.model_copy(update={"text_versions": dict.fromkeys(consent.text_versions, "2027-01")})
    monkeypatch.setitem(world.context.policy.__dict__, "consent", newer)
    assert pensioner.get("/certify").location == "/certify/consent"
    assert pensioner.get("/certify/camera").location == "/certify/consent"
    counter = world.staff(RoleName.COUNTER)
    address = f"/counter/person/{world.at_home}/consent"
    page = counter.get(address).text
    assert 'value="yes"' in page
    assert 'value="withdraw"' in page
    assert counter.get(f"/counter/person/{world.at_home}/camera").location.endswith("/consent")
    pensioner.post("/certify/consent", data={"answer": "yes", "text_version": "2027-01"}, headers=csrf(world, pensioner))
    assert pensioner.get("/certify").location == "/certify/how"
