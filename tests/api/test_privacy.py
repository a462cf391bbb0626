"""A person's rights over their own data: a whole copy, correction, deletion by two people, and what stays with its reason."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from api.privacy import make_privacy
from api.privacy_export import export_bytes
from api.privacy_words import column_words, words
from models.alert import AlertSeverity
from models.audit import AuditEntry
from models.bank_account import mask_bank_account
from models.benefit import Benefit, BenefitStatus, Payment
from models.consent import ConsentPurpose
from models.enrolment import Scheme
from models.errors import Conflict, ConflictError
from models.face import FaceReference
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.privacy import PrivacyKind, PrivacyRequest, PrivacyState
from models.privacy_holdings import HOLDINGS
from models.repositories import alerts, audit, life_evidence, outbox, persons
from models.repositories.alerts import NewAlert
from models.repositories.life_evidence import NewEvidence
from models.repositories.privacy_deletion import KeptBecause
from models.repositories.privacy_rows import given_columns
from models.verification import VerificationFrame
from sample_data.captures import draw, jpeg
from tests.api.conftest import HOME_REGION, NAME, OTHER_RESIDENT_ID, RESIDENT_ID, World
from tests.verify.referrals import store_referral
from verify.engines.scripted import Scene
from verify.privacy_service import Lack, PrivacyRefused

PHONE, ADDRESS, ACCOUNT = "13812345678", "光明路七号", "6222021234567890123"
CLERK, OTHER_CLERK = "staff:caseworker", "staff:reviewer"


def fill(world: World) -> None:
    """Everything of a pensioner's life in the store: pension, evidence, face, messages, an open alert."""
    context, now = world.context, world.clock()
    references = context.verification.references
    references.give_consent(
        world.at_home, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="2026-01", language="zh", channel="counter", actor=CLERK
    )
    references.enrol(world.at_home, jpeg(draw(Scene(height=180), noise_seed=1)), source="counter", actor=CLERK)
    with context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        keyring = context.keyring
        person.phone_sealed = keyring.seal(PHONE.encode(), persons.associated_data(person.public_id, "phone"))
        person.phone_masked = "138****5678"
        person.address_sealed = keyring.seal(ADDRESS.encode(), persons.associated_data(person.public_id, "address"))
        benefit = Benefit(
            person_id=person.id,
            scheme=Scheme.EMPLOYEE_PENSION,
            region_code=HOME_REGION,
            monthly_fen=300_000,
            status=BenefitStatus.ACTIVE,
            from_month=date(2015, 1, 1),
            account_sealed=keyring.seal(ACCOUNT.encode(), persons.associated_data(person.public_id, "bank_account")),
            account_index=b"x" * 32,
            account_masked=mask_bank_account(ACCOUNT),
        )
        session.add(benefit)
        session.flush()
        session.add(Payment(benefit_id=benefit.id, month=date(2026, 1, 1), amount_fen=300_000))
        new = NewEvidence(person.id, EvidenceKind.COUNTER, date(2026, 1, 2), Strength.CONCLUSIVE, "counter")
        life_evidence.add(session, new, by=CLERK, now=now)
        outbox.put(session, kind="person.certified", now=now, person_id=person.id)
        alerts.open_alerts(session, [NewAlert("P1", "hidden", AlertSeverity.WARNING, HOME_REGION, person.id)], by="job:detect", now=now)
        audit.record(session, actor=CLERK, action="person_seen", now=now, person_id=person.id)
        audit.record(session, actor=CLERK, action="alert_seen", now=now, person_id=person.id)


def copy_of(world: World, *, language: str = "zh") -> tuple[dict[str, Any], str, list[str]]:
    data, _ = export_bytes(world.context, world.at_home, language=language)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return json.loads(archive.read("data.json")), archive.read("index.html").decode("utf-8"), archive.namelist()


def test_the_copy_has_everything_in_clear_and_nothing_of_others(both_worlds: World) -> None:
    world = both_worlds
    fill(world)
    document, page, names = copy_of(world)
    tables = document["tables"]
    assert set(tables) == {holding.table for holding in HOLDINGS}
    [person] = tables["person"]
    assert (person["name"], person["resident_id_sealed"], person["phone_sealed"]) == (NAME, RESIDENT_ID, PHONE)
    assert person["address_sealed"] == ADDRESS
    assert tables["benefit"][0]["account_sealed"] == ACCOUNT
    assert tables["payment"] == [{"month": "2026-01-01", "amount_fen": 300_000}]
    assert tables["face_reference"][0]["template"].startswith("held, sealed")
    assert tables["face_reference"][0]["enrolled_by"] == "staff (caseworker)"
    assert [entry["action"] for entry in tables["audit_entry"]].count("person_seen") == 1
    # an open inspection is not told, nor who looked at its alert
    assert tables["alert"] == []
    assert not any(entry["action"].startswith("alert") for entry in tables["audit_entry"])
    whole = json.dumps(document, ensure_ascii=False) + page
    assert "cannot be opened" not in whole
    assert OTHER_RESIDENT_ID not in whole
    assert "staff:" not in whole
    assert RESIDENT_ID in page
    assert "index.html" in names


def test_pictures_of_a_referred_attempt_are_in_the_copy_and_open(world: World) -> None:
    fill(world)
    context = world.context
    store_referral(
        context.database,
        context.keyring,
        world.at_home,
        engine=context.engine,
        policy=context.policy,
        verification=context.policy.verification,
        policy_hash=context.policy.hash,
        now=world.clock(),
    )
    data, done = export_bytes(context, world.at_home, language="en")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        assert archive.read(pictures[0]).startswith(b"\xff\xd8")
    assert (len(pictures), done.broken) == (done.pictures, 0)
    assert done.pictures > 0


def test_every_given_table_and_column_has_words() -> None:
    for holding in HOLDINGS:
        for language in ("en", "zh"):
            assert words("tables", holding.table, language)
            assert words("purposes", holding.purpose.value, language)
            for column in given_columns(holding):
                assert column_words(column.name, language)
    for why in KeptBecause:
        assert words("reasons", why.value, "zh")


def test_a_deletion_takes_two_people_and_names_what_stays(both_worlds: World) -> None:
    world = both_worlds
    fill(world)
    service = make_privacy(world.context)
    request = service.ask(world.at_home, PrivacyKind.DELETION, channel="self", actor="person")
    with pytest.raises(ConflictError) as twice:
        service.ask(world.at_home, PrivacyKind.DELETION, channel="self", actor="person")
    assert twice.value.conflict is Conflict.PRIVACY_REQUEST_WAITS
    with pytest.raises(ConflictError):
        service.sign(request, agree=True, actor=OTHER_CLERK)  # nothing is prepared
    assert service.prepare(request, carry_out=True, note="", actor=CLERK) is PrivacyState.PREPARED
    for same in (CLERK, "cli:Caseworker"):
        with pytest.raises(PrivacyRefused) as refused:
            service.sign(request, agree=True, actor=same)
        assert refused.value.lack is Lack.SAME_PERSON
    assert service.sign(request, agree=True, actor=OTHER_CLERK) is PrivacyState.DONE

    view = service.one(request)
    assert view.deleted["templates"] == 1
    assert view.deleted["phones"] == 1
    assert view.deleted["consents_withdrawn"] == 1
    kept = {one["what"]: one for one in view.kept}
    assert kept["payment"] == {"what": "payment", "rows": 1, "why": "duty_of_the_fund", "until": None}
    assert kept["life_evidence"]["why"] == "evidence"
    assert kept["audit_entry"]["until"] == "2029-03-14"  # 1095 days on
    with world.context.database.read_scope() as session:
        person = persons.get(session, world.at_home)
        assert (person.phone_sealed, person.phone_masked, person.address_sealed) == (None, None, None)
        assert session.scalar(select(func.count()).select_from(FaceReference).where(FaceReference.template.is_not(None))) == 0
        held = VerificationFrame.picture.is_not(None) | VerificationFrame.observation.is_not(None)
        assert session.scalar(select(func.count()).select_from(VerificationFrame).where(held)) == 0
        assert session.scalar(select(func.count()).select_from(Payment)) == 1
        assert session.scalar(select(func.count()).select_from(LifeEvidence)) == 1
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("privacy")).order_by(AuditEntry.id)))
    assert actions == ["privacy.ask", "privacy.prepare", "privacy.sign"]
    assert PHONE not in json.dumps(copy_of(world)[0])


def test_the_other_person_keeps_everything(world: World) -> None:
    fill(world)
    with world.context.database.session_scope() as session:
        other = persons.get(session, world.elsewhere)
        other.phone_masked = "139****0000"
    service = make_privacy(world.context)
    request = service.ask(world.at_home, PrivacyKind.DELETION, channel="self", actor="person")
    service.prepare(request, carry_out=True, note="", actor=CLERK)
    service.sign(request, agree=True, actor=OTHER_CLERK)
    with world.context.database.read_scope() as session:
        assert session.scalar(select(Person.phone_masked).where(Person.public_id == world.elsewhere)) == "139****0000"


def test_a_correction_is_answered_by_staff_and_its_text_goes_with_the_answer(world: World) -> None:
    service = make_privacy(world.context)
    with pytest.raises(PrivacyRefused):
        service.ask(world.at_home, PrivacyKind.CORRECTION, wish="  ", channel="self", actor="person")
    request = service.ask(world.at_home, PrivacyKind.CORRECTION, wish="电话错了", channel="counter", actor="staff:counter")
    view = service.one(request)
    assert view.due_on == date(2026, 3, 30)  # 15 days
    assert service.wish(request, actor=CLERK) == "电话错了"
    with pytest.raises(PrivacyRefused) as own:
        service.prepare(request, carry_out=True, note="done", actor="staff:counter")
    assert own.value.lack is Lack.SAME_PERSON
    with pytest.raises(PrivacyRefused) as silent:
        service.prepare(request, carry_out=True, note=" ", actor=CLERK)
    assert silent.value.lack is Lack.NOTE
    assert service.prepare(request, carry_out=True, note="number of 15 March", actor=CLERK) is PrivacyState.DONE
    with world.context.database.read_scope() as session:
        assert session.scalar(select(PrivacyRequest.wish)) is None


def test_a_refusal_is_signed_by_a_second_person_who_may_send_it_back(world: World) -> None:
    service = make_privacy(world.context)
    request = service.ask(world.at_home, PrivacyKind.CORRECTION, wish="x", channel="self", actor="person")
    assert service.prepare(request, carry_out=False, note="the register says so", actor=CLERK) is PrivacyState.PREPARED
    assert service.sign(request, agree=False, actor=OTHER_CLERK) is PrivacyState.OPEN
    service.prepare(request, carry_out=False, note="the register says so", actor=CLERK)
    assert service.sign(request, agree=True, actor=OTHER_CLERK) is PrivacyState.REFUSED


def test_late_requests_come_first_and_say_so(world: World) -> None:
    service = make_privacy(world.context)
    first = service.ask(world.at_home, PrivacyKind.DELETION, channel="self", actor="person")
    world.clock.advance(days=3)
    second = service.ask(world.at_home, PrivacyKind.CORRECTION, wish="x", channel="self", actor="person")
    world.clock.advance(days=13)
    lines = service.listing("1901", waiting=True, after=None, limit=10)
    assert [(line.request_id, line.late) for line in lines] == [(first, True), (second, False)]
    after = (lines[0].due_on, lines[0].key)
    assert [line.request_id for line in service.listing("1901", waiting=True, after=after, limit=10)] == [second]
    assert service.listing("2901", waiting=True, after=None, limit=10) == []
    service.withdraw(first, person_id=world.at_home, actor="person")
    assert [line.state for line in service.listing("", waiting=False, after=None, limit=10)] == [PrivacyState.WITHDRAWN]
    assert world.clock() - timedelta(days=1) < service.of_person(world.at_home)[1].done_at  # type: ignore[operator]


def test_withdrawing_consent_ends_the_attempt_that_is_open(world: World) -> None:
    fill(world)
    from verify.service_errors import VerificationClosed
    from verify.views import ChallengeKind, Channel

    service = world.context.verification
    started = service.start(world.at_home, kind=ChallengeKind.STANDARD, channel=Channel.SELF)
    service.references.withdraw_consent(world.at_home, actor="person")
    with pytest.raises(VerificationClosed):
        service.add_frame(
            started.verification_id, started.token, seq=0, captured_at_ms=0, step_token=started.guide.step_token, data=jpeg(draw(Scene()))
        )
    with world.context.database.read_scope() as session:
        held = VerificationFrame.picture.is_not(None) | VerificationFrame.observation.is_not(None)
        assert session.scalar(select(func.count()).select_from(VerificationFrame).where(held)) == 0
