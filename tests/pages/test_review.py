"""The review of a referred camera check: pictures only when asked for, one decision, the person's own pages tell the answer and no more."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta

import cv2
import numpy as np
import pytest
from sqlalchemy import event, select

from api.callers import PERSON_KEY
from api.evidence import evidence_service
from api.message_texts import TEXTS
from api.pages.session_person import ATTEMPT_KEY
from api.rights import RoleName
from models.alert import Alert, AlertState, CaseFile, CaseOutcome
from models.audit import AuditEntry
from models.casework import VerificationReview
from models.consent import ConsentPurpose
from models.life_evidence import EvidenceKind
from models.repositories import persons
from models.verification import Verification
from sample_data.captures import draw
from sample_data.captures import jpeg as drawn_jpeg
from tests.api.conftest import NAME, OTHER_REGION, RESIDENT_ID, World
from tests.pages.test_pages import post, token_of
from tests.verify.referrals import FRAMES, store_referral
from verify.engines.scripted import Scene
from verify.evidence_rules import TypedEvidence
from verify.review_service import AGAIN_MESSAGE, CERTIFIED_MESSAGE

WHY = "看起来是另一个人"


def refer(world: World, *, pictures: bool = True) -> str:
    context = world.context
    return store_referral(
        context.database,
        context.keyring,
        world.at_home,
        engine=context.engine,
        policy=context.policy,
        verification=context.policy.verification,
        policy_hash=context.policy.hash,
        now=world.clock(),
        pictures=pictures,
    )


@pytest.fixture
def referred(world: World) -> str:
    references = world.context.verification.references
    references.give_consent(
        world.at_home, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="2026-01", language="zh", channel="counter"
    )
    references.enrol(world.at_home, drawn_jpeg(draw(Scene(height=180), noise_seed=1)), source="counter", actor="clerk")
    return refer(world)


def pictures_of(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR) for one in found]


def decide(world: World, verification: str, decision: str, reason: str = "", role: RoleName = RoleName.REVIEWER):
    return post(world.staff(role), f"/desk/review/{verification}", what="decide", decision=decision, reason=reason)


def actions(world: World) -> list[str]:
    with world.context.database.read_scope() as session:
        rows = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("review_")).order_by(AuditEntry.id))
        return list(rows)


def test_everything_is_on_one_page_and_the_pictures_only_in_the_answer_to_the_button(world: World, referred: str) -> None:
    client = world.staff(RoleName.REVIEWER)
    page = client.get(f"/desk/review/{referred}")
    assert page.status_code == 200
    assert pictures_of(page.text) == []
    assert NAME not in page.text
    assert RESIDENT_ID not in page.text
    for said in ("与参照人脸相似，但不够明确", "0.4", "Front camera"):
        assert said in page.text
    data = json.loads(re.search(r'id="frames-data">(.*?)</script>', page.text, re.S).group(1))  # type: ignore[union-attr]
    assert [frame["seq"] for frame in data["frames"]] == list(range(FRAMES))
    assert {value["name"]: value["fits"] for value in data["frames"][0]["values"]}["与参照人脸的相似度"] is False
    shown = post(client, f"/desk/review/{referred}", what="uncover")
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    assert len(pictures_of(shown.text)) == FRAMES + 1  # the strip, and the one that was compared beside the reference
    assert all(max(picture.shape) <= 480 for picture in pictures_of(shown.text))
    assert "这里不保存参照照片" in shown.text
    assert pictures_of(client.get(f"/desk/review/{referred}").text) == []
    assert actions(world) == ["review_seen", "review_seen", "review_faces_seen", "review_seen"]


def test_who_may_review(world: World, referred: str) -> None:
    may = {RoleName.CASEWORKER, RoleName.REVIEWER, RoleName.SUPERVISOR}
    for role in set(RoleName) - {RoleName.MACHINE_CLIENT}:
        assert world.staff(role).get(f"/desk/review/{referred}").status_code == (200 if role in may else 403), role
    assert actions(world) == ["review_seen"] * len(may)


def test_another_region_and_what_is_not_there_are_not_found(world: World, referred: str) -> None:
    with world.context.database.session_scope() as session:
        persons.get(session, world.at_home).region_code = OTHER_REGION
    client = world.staff(RoleName.REVIEWER)
    token = token_of(client.get("/desk/alerts").text)
    for address in (f"/desk/review/{referred}", "/desk/review/nothing"):
        assert client.get(address).status_code == 404
        for what in ("uncover", "decide"):
            form = {"csrf_token": token, "what": what, "decision": "certified"}
            assert client.post(address, data=form).status_code == 404


def test_certified_ends_with_the_persons_certificate(world: World, referred: str) -> None:
    answer = decide(world, referred, "certified")
    assert answer.status_code == 303
    page = world.staff(RoleName.REVIEWER).get(f"/desk/review/{referred}").text
    assert 'name="decision"' not in page
    assert "已不再保存" in page
    with world.context.database.read_scope() as session:
        alert, case = session.scalars(select(Alert)).one(), session.scalars(select(CaseFile)).one()
        assert (alert.state, case.outcome, case.closed_by) == (AlertState.CLOSED, CaseOutcome.UNFOUNDED, "staff:reviewer")
    person = result_page_of(world, referred)
    assert "您已通过认证" in person or "养老金" in person
    assert "/certify/certificate.pdf" in person
    second = decide(world, referred, "try_again", "x", role=RoleName.CASEWORKER)
    assert second.status_code == 409
    assert "reviewer 已先行决定" in second.text
    with world.context.database.read_scope() as session:
        assert session.scalars(select(VerificationReview)).one().decision == "certified"


def result_page_of(world: World, verification: str) -> str:
    """The page in the browser of the person whose attempt it was."""
    client = world.pensioner()
    with client.session_transaction() as session:
        session[PERSON_KEY] = world.at_home
        session[ATTEMPT_KEY] = (verification, "token")
    page = client.get("/certify/result")
    assert page.status_code == 200
    return page.text


def own_status(world: World) -> str:
    client = world.pensioner()
    page = client.get("/status")
    assert page.status_code == 200
    return page.text


def test_the_persons_pages_tell_until_when_they_wait_and_then_the_answer_and_never_a_suspicion(world: World, referred: str) -> None:
    policy = world.context.policy
    by = policy.certification.today(world.clock()) + timedelta(days=policy.casework.referred_days)
    for page in (result_page_of(world, referred), own_status(world)):
        assert f"{by.year}年{by.month}月{by.day}日" in page
    assert decide(world, referred, "suspected", WHY).status_code == 303
    suspected = [re.sub(r'(content|value)="[^"]{40,}"', "", page) for page in (result_page_of(world, referred), own_status(world))]
    for page in suspected:
        assert "请再试一次，或用其他办法" in page
        assert WHY not in page
        assert "可疑" not in page
    with world.context.database.session_scope() as session:  # the same, had it been "once more"
        session.scalars(select(VerificationReview)).one().decision = "try_again"
    again = [re.sub(r'(content|value)="[^"]{40,}"', "", page) for page in (result_page_of(world, referred), own_status(world))]
    assert suspected == again
    assert "/certify/how" in again[0]
    assert "到柜台" in again[0] or "12333" in again[0]


def test_against_somebody_needs_words_and_a_second_person(world: World, referred: str) -> None:
    refused = decide(world, referred, "suspected", " ")
    assert refused.status_code == 422
    assert 'value="suspected" checked' in refused.text.replace(" required", "")
    assert decide(world, referred, "").status_code == 422
    assert decide(world, referred, "suspected", WHY).status_code == 303
    with world.context.database.read_scope() as session:
        case = session.scalars(select(CaseFile)).one()
    assert (case.proposed_outcome, case.proposed_by, case.closed_at) == (CaseOutcome.CONFIRMED, "staff:reviewer", None)
    page = post(world.staff(RoleName.SUPERVISOR), f"/desk/review/{referred}", what="uncover")
    assert len(pictures_of(page.text)) == FRAMES + 1  # the second person sees what the first one saw
    assert f"/desk/cases/{case.public_id}" in page.text


def test_a_settled_one_says_so_and_asks_for_no_decision(world: World, referred: str) -> None:
    today = world.context.policy.certification.today(world.clock())
    evidence_service(world.context).record(world.at_home, TypedEvidence(EvidenceKind.COUNTER, today), actor="staff:counter")
    text = world.staff(RoleName.REVIEWER).get(f"/desk/review/{referred}").text
    assert 'name="decision"' not in text
    assert "已不需要决定" in text
    assert "您已通过其他办法完成认证" in result_page_of(world, referred)


def test_values_stand_without_pictures(world: World, referred: str) -> None:
    without = refer(world, pictures=False)
    page = world.staff(RoleName.REVIEWER).get(f"/desk/review/{without}").text
    assert 'value="uncover"' not in page
    assert "已不再保存" in page
    assert f'href="/desk/review/{referred}"' in page  # the earlier attempt that waits too


def test_the_page_makes_few_statements(world: World, referred: str) -> None:
    client = world.staff(RoleName.REVIEWER)
    client.get(f"/desk/review/{referred}")
    seen: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    event.listen(world.context.database.engine, "before_cursor_execute", count)
    try:
        client.get(f"/desk/review/{referred}")
    finally:
        event.remove(world.context.database.engine, "before_cursor_execute", count)
    told = [statement for statement in seen if not statement.startswith(("BEGIN", "COMMIT", "PRAGMA"))]
    assert len(told) <= 12, "\n".join(one[:160] + " ... " + re.sub(r".*?(FROM \w+).*", r"\1", one, flags=re.S) for one in told)


def test_the_messages_name_nobody_and_fit_a_phone() -> None:
    for kind in (CERTIFIED_MESSAGE, AGAIN_MESSAGE):
        for language, text in TEXTS[kind].items():
            assert len(text) <= (70 * 2 if language == "zh" else 160), kind
            assert set(re.findall(r"\{(\w+)\}", text)) <= {"due_on"}


def test_the_token_of_the_session_is_needed_for_the_result(world: World, referred: str) -> None:
    client = world.pensioner()
    with client.session_transaction() as session:
        session[ATTEMPT_KEY] = (referred, "another")
    assert client.get("/certify/result").headers["Location"] == "/certify"
    with world.context.database.read_scope() as session:
        row = session.get_one(Verification, referred)
    assert row.token_hash == hashlib.sha256(b"token").digest()
