"""A store in which every list of the desk has many rows and every page something to show: for what holds for all pages."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import select

from api.assistance import assistance_service
from api.casework import casework_service
from api.context import Context
from api.evidence import evidence_service
from api.notices import tell_subscribers
from api.payments import make_lists, make_outreach
from api.privacy import make_privacy
from api.retention import run as run_retention
from detection.casework.rules import Worker
from detection.casework.views import Decision
from detection.knowledge.rule_base import by_code
from models.account import Account
from models.alert import AlertSeverity, CaseOutcome
from models.anomaly_model import AnomalyModel, EntityKind, ModelKind, ModelState
from models.audit_chain import AuditLink
from models.benefit import Benefit, BenefitStatus
from models.certification import add_months
from models.consent import ConsentPurpose
from models.detection import SubjectKind
from models.enrolment import Scheme
from models.evidence_handles import EvidenceHandles
from models.identifiers import check_character
from models.import_batch import ImportBatch, ImportKind, ImportState
from models.life_evidence import EvidenceKind, LifeEvidence
from models.outreach import OutreachChannel, OutreachOutcome
from models.oversight import Cadence, NoticeChannel
from models.payment_change import PaymentChangeKind, PaymentChangeReason, PaymentChangeState
from models.privacy import PrivacyKind
from models.repositories import audit, audit_sealing, outreach, payment_changes, persons, subscriptions
from models.repositories.payment_changes import NewPause
from models.repositories.subscriptions import NewSubscription
from sample_data.captures import draw, jpeg
from tests.api.signal_cases import add_alert, add_run, add_signal, fill
from tests.pages.face_pair_signals import approve_basis, store_pair
from tests.pages.oversight_figures import fill_figures, fill_money
from tests.verify.referrals import store_referral
from verify.engines.scripted import Scene
from verify.evidence_rules import TypedEvidence

ROWS = 14  # more than the statements that a page may make, so that one for each row is found out
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SECOND_NUMBER = "190102195203070027"

Addresses = MappingProxyType[str, dict[str, str]]


def fill_desk(context: Context, at_home: str, elsewhere: str, region: str, other_region: str, *, actor: str, signer: str) -> Addresses:
    """Fill the store; what each page needs in its address, by endpoint. actor: a caseworker's; signer: somebody's who signs.

    at_home: a person of the region; elsewhere: one of the other region.
    """
    now, today = context.clock(), context.policy.certification.today(context.clock())
    where: dict[str, dict[str, str]] = {}
    *people, of_claims = _people(context, region)
    _referral(context, at_home, where)
    with context.database.session_scope() as session:
        found = fill(session, context.keyring, at_home, SECOND_NUMBER, now)
        runs = [add_run(session, now, region_code=region).public_id for _ in range(ROWS)]
        fill_figures(session, region, today, now)
        money = fill_money(session, of_claims, region, now)
        alerts = []
        for number, person_id in enumerate(people):
            person = persons.get(session, person_id)
            alert = add_alert(session, person, "P4", now, amount_fen=1_234_567 * (number + 1), priority=float(number))
            for code in ("P4", "D2"):
                add_signal(session, alert, person, code, now, months=3, amount_fen=1_000_00, subject_kind=SubjectKind.PERSON)
            alerts.append(alert.public_id)
        _models(session, today, now)
        batches = _imports(session, now, region)
    pair = store_pair(context, at_home, elsewhere, pictures=True)
    approve_basis(context)
    case = _cases(context, alerts, Worker(actor, region), today)
    money_case = casework_service(context).take(Worker(actor, region), money.alert).case_id
    _notices(context, region, people, actor)
    change, payment_list, row = _payments(context, people, actor, signer, region)
    for person_id in (at_home, of_claims):
        evidence_service(context).record(person_id, TypedEvidence(EvidenceKind.COUNTER, today), actor=actor)
    with context.database.read_scope() as session:
        person = persons.get(session, at_home)
        query = select(LifeEvidence).where(LifeEvidence.person_id == person.id, LifeEvidence.kind == EvidenceKind.COUNTER)
        evidence = EvidenceHandles(context.keyring).handle(session.scalars(query.limit(1)).one().id)
        model = session.scalars(select(AnomalyModel.public_id)).first() or ""
    request = ""
    for person_id in people[:ROWS]:
        request = assistance_service(context).ask(person_id, performing_region=other_region, reason="moved", contact=None, actor=actor)
    privacy = make_privacy(context)
    wanted = {person_id: privacy.ask(person_id, PrivacyKind.DELETION, channel="self", actor="person") for person_id in people}
    where["counter.privacy_request"] = {"request_id": wanted[people[0]]}
    where["counter.person_data"] = {"person_id": at_home}
    run_retention(context, by="job:retention")
    of_person = {"person_id": at_home}
    for name in ("person", "assistance_ask", "camera", "consent", "reference", "result", "visit", "merge", "timeline"):
        where[f"counter.{name}"] = of_person
    for name in ("certificate", "certificate_code", "status_code"):
        where[f"counter.{name}"] = {"person_id": of_claims}
    for name in ("case", "case_beside", "case_signals", "case_timeline"):
        where[f"counter.{name}"] = {"case_id": case}
    for name in ("case_claims", "case_claims_chart"):
        where[f"counter.{name}"] = {"case_id": money_case}
    for name in ("hospital", "hospital_chart"):
        where[f"counter.{name}"] = {"hospital_id": money.hospital}
    for name in ("import_batch", "import_rejected", "import_report"):
        where[f"counter.{name}"] = {"batch_id": batches}
    for name in ("payment_list_file", "payment_list_signature"):
        where[f"counter.{name}"] = {"list_id": payment_list}
    for name in ("oversight_kind", "oversight_kind_chart", "scorecard", "scorecard_trend"):
        where[f"counter.{name}"] = {"code": "P1"}
    paper = casework_service(context).attach(Worker(actor, region), case, "letter.pdf", PDF).attachment_id
    where |= {
        "counter.case_paper": {"case_id": case, "paper_id": paper},
        "counter.alert": {"alert_id": found.alert},
        "counter.assistance_request": {"request_id": request},
        "counter.assistance_step": {"request_id": request, "action": "withdraw"},
        "counter.fairness_chart": {"dimension": "sex"},
        "counter.claim": {"claim_id": money.claim},
        "counter.detection_run": {"run_id": runs[0]},
        "counter.knowledge_rule": {"code": next(iter(by_code()))},
        "counter.anomaly_model": {"model_id": model},
        "counter.outreach_one": {"row_id": row},
        "counter.oversight_chart": {"name": "trend"},
        "counter.oversight_report": {"month": f"{add_months(today.replace(day=1), -1):%Y-%m}"},
        "counter.oversight_csv": {"name": "places"},
        "counter.payment_change": {"change_id": change},
        "counter.correct_evidence": {"person_id": at_home, "evidence_id": evidence},
        "counter.compare_records": {"person_id": at_home, "other_id": found.second},
        "counter.record_evidence": {"person_id": at_home, "kind": "counter"},
        "face_pairs.show": {"signal_id": pair.at_home},
    }
    where["counter.audit_entry"] = _sealed_sign_in(context, actor)
    with context.database.read_scope() as session:
        of_staff = {"account_id": session.scalars(select(Account.public_id).where(Account.username == actor.removeprefix("staff:"))).one()}
    where |= {"counter.account_of_staff": of_staff, "counter.account_change": of_staff}
    where |= {"counter.account_session_end": {"session_id": "x" * 22}, "counter.account_factor_remove": {"factor_id": "x" * 22}}
    return MappingProxyType(where)


def _sealed_sign_in(context: Context, actor: str) -> dict[str, str]:
    """The place in the audit's chain of an entry that auditors and security officers of the actor's region see."""
    with context.database.session_scope() as session:
        entry = audit.record(session, actor=actor, action="account.sign_in", now=context.clock()).id
    audit_sealing.seal_waiting(context.database, context.keyring, now=context.clock())
    with context.database.read_scope() as session:
        link = session.scalars(select(AuditLink).where(AuditLink.entry_id == entry)).one()
        return {"day": link.day.isoformat(), "position": str(link.position)}


def _people(context: Context, region: str) -> list[str]:
    """Pensioners of the region who are overdue."""
    made = []
    with context.database.session_scope() as session:
        for number in range(ROWS + 3):
            first_17 = f"190102{date(1948, 1, 1 + number):%Y%m%d}{100 + number:03d}"
            new = persons.NewPerson(
                resident_id=first_17 + check_character(first_17), name=f"赵{'一二三四五六七八九十'[number % 10]}", region_code=region
            )
            person = persons.add(session, new, keyring=context.keyring, now=context.clock())
            benefit = {"scheme": Scheme.RESIDENT_PENSION, "region_code": region, "monthly_fen": 123_456, "status": BenefitStatus.ACTIVE}
            session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **benefit))
            made.append(person.public_id)
    return made


def _referral(context: Context, person_id: str, where: dict[str, dict[str, str]]) -> None:
    references = context.verification.references
    references.give_consent(person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="2026-01", language="zh", channel="counter")
    references.enrol(person_id, jpeg(draw(Scene(height=180), noise_seed=1)), source="counter", actor="clerk")
    verification = store_referral(
        context.database,
        context.keyring,
        person_id,
        engine=context.engine,
        policy=context.policy,
        verification=context.policy.verification,
        policy_hash=context.policy.hash,
        now=context.clock(),
        pictures=True,
    )
    where["counter.review"] = {"verification_id": verification}


def _models(session: Any, today: date, now: Any) -> None:
    first = today.replace(day=1)
    for number in range(ROWS):
        model = {"entity": EntityKind.HOSPITAL, "kind": ModelKind.UNSUPERVISED, "version": number + 1, "state": ModelState.SHADOW}
        made = {"artefact": b"x", "artefact_sha256": "0" * 64, "data_sha256": "0" * 64, "trained_by": "staff:one", "trained_at": now}
        session.add(AnomalyModel(**model, **made, card={}, trained_from=add_months(first, -6), trained_to=add_months(first, -1)))


def _imports(session: Any, now: Any, region: str) -> str:
    rows = []
    for number in range(ROWS):
        digest = hashlib.sha256(str(number).encode()).digest()
        counts = {"rows_done": 3, "accepted": 2, "rejected": 1, "by_rule": {"resident_id": 1}}
        counts |= {"by_region": {region: {"rows": 3, "accepted": 2, "unchanged": 0, "rejected": 1, "by_rule": {"resident_id": 1}}}}
        times = {"started_by": "staff:one", "started_at": now, "updated_at": now, "finished_at": now}
        file = {
            "kind": ImportKind.PERSONS,
            "state": ImportState.DONE,
            "file_name": f"{number}.csv",
            "file_sha256": digest,
            "file_bytes": 100,
        }
        rows.append(ImportBatch(**file, settings_sha256=digest, **counts, **times))
    session.add_all(rows)
    session.flush()
    return rows[0].public_id


def _cases(context: Context, alerts: list[str], who: Worker, today: date) -> str:
    """Every alert but two is a case; some wait for a signature, one is kept from coming again. The last of them."""
    service = casework_service(context)
    case_id = ""
    for number, alert in enumerate(alerts[:-2]):
        case_id = service.take(who, alert).case_id
        if number % 3 == 0:
            service.propose(who, case_id, Decision(outcome=CaseOutcome.CONFIRMED, conclusion="paid after the month", found_fen=100_00))
        if number % 3 == 1:
            service.suppress(who, case_id, "P4", today + timedelta(days=30), "known and told")
    return case_id


def _notices(context: Context, region: str, people: list[str], actor: str) -> None:
    with context.database.session_scope() as session:
        for _ in range(ROWS):
            new = NewSubscription(actor, region, NoticeChannel.IN_APP, Cadence.AT_ONCE, "zh")
            subscriptions.add(session, new, most=ROWS, keyring=context.keyring, now=context.clock())
        person = persons.get(session, people[0])
        add_alert(session, person, "P2", context.clock(), key="told", severity=AlertSeverity.WARNING, amount_fen=5_000_00)
    tell_subscribers(context)


def _payments(context: Context, people: list[str], actor: str, signer: str, region: str) -> tuple[str, str, str]:
    """Everybody is on the outreach list; a pause of each is proposed, half are signed and on a list. Change, list, row that is open."""
    make_outreach(context).refresh()
    now, today = context.clock(), context.policy.certification.today(context.clock())
    month = add_months(today.replace(day=1), 1)
    with context.database.session_scope() as session:
        for number, person_id in enumerate(people[:-1]):
            person = persons.get(session, person_id)
            row = outreach.open_of_person(session, person.id)
            assert row is not None
            for way in OutreachChannel:
                outreach.add_attempt(session, row.id, channel=way, outcome=OutreachOutcome.NOT_REACHED, note=None, by=actor, now=now)
            [benefit] = payment_changes.drawn_active(session, [person.id], today)
            new = NewPause(benefit, row.id, month, PaymentChangeReason.OVERDUE, "tried three times", None, "0" * 64)
            change = payment_changes.propose(session, new, by=actor, now=now)
            session.flush()
            if number % 2:
                payment_changes.decide(session, change.id, PaymentChangeState.APPROVED, by=signer, note=None, now=now)
            else:
                proposed = change.public_id
        last = outreach.open_of_person(session, persons.get(session, people[-1]).id)
        assert last is not None
        open_row = last.public_id
    made = make_lists(context).make(PaymentChangeKind.PAUSE, region, actor=signer)
    assert made is not None
    return proposed, made.view.public_id, open_row
