"""The kinds of entries of which a person has few: one statement, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import event

from models.assistance import AssistanceRequest, AssistanceState
from models.benefit import Benefit, BenefitPause, BenefitStatus
from models.certification import add_months
from models.database import Database
from models.enrolment import Enrolment, Scheme
from models.keys import FileKeyRing
from models.outreach import Outreach, OutreachAttempt, OutreachChannel, OutreachOutcome
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeReason, PaymentChangeState
from models.person_merge import PersonMerge
from models.repositories import timeline
from models.repositories.timeline import Lane
from models.repositories.timeline_small import CHECKS_READ
from models.verification import Verification, VerificationChannel, VerificationKind, VerificationOutcome, VerificationState
from tests.models.people import NOW, REGION, add_person

JUNE = date(2025, 6, 1)


def today(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def test_the_small_kinds_come_with_their_values_and_the_line_takes_seven_statements(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person, other = add_person(session, keyring), add_person(session, keyring, sequence=126, name="张建")
        other.merged_into_id = person.id
        session.add(PersonMerge(kept_id=person.id, merged_id=other.id, reason="one and the same", merged_by="staff:li", merged_at=NOW))
        benefit = Benefit(
            person_id=other.id,
            scheme=Scheme.RESIDENT_PENSION,
            region_code=REGION,
            monthly_fen=16_000,
            status=BenefitStatus.ACTIVE,
            from_month=JUNE,
        )
        outreach = Outreach(person_id=person.id, region_code=REGION, opened_at=NOW)
        session.add_all((benefit, outreach))
        session.flush()
        for months in (1, 3):
            ends = add_months(JUNE, months + 1)
            session.add(BenefitPause(benefit_id=benefit.id, paused_on=add_months(JUNE, months), resumed_on=ends))
        session.add(Enrolment(person_id=other.id, scheme=Scheme.EMPLOYEE_MEDICAL, region_code=REGION, from_month=JUNE))
        session.add(
            OutreachAttempt(
                outreach_id=outreach.id,
                channel=OutreachChannel.PHONE,
                outcome=OutreachOutcome.REACHED,
                note="will come",
                made_by="staff:li",
                made_at=NOW,
            )
        )
        session.add(
            PaymentChange(
                benefit_id=benefit.id,
                person_id=other.id,
                region_code=REGION,
                kind=PaymentChangeKind.PAUSE,
                state=PaymentChangeState.PROPOSED,
                effective_month=JUNE,
                reason_code=next(iter(PaymentChangeReason)),
                outreach_id=outreach.id,
                reason="overdue",
                arrears_fen=5,
                proposed_by="staff:li",
                proposed_at=NOW,
                policy_hash="0" * 64,
            )
        )
        session.add(
            AssistanceRequest(
                requesting_region=REGION,
                performing_region="429802",
                asked_here=True,
                person_id=person.id,
                name_masked="张*国",
                resident_id_masked="x",
                reason="lives there",
                state=AssistanceState.REFUSED,
                accept_by=JUNE,
                carry_out_by=JUNE,
                requested_by="staff:li",
                requested_at=NOW,
                updated_at=NOW,
            )
        )
        for number in range(CHECKS_READ + 2):
            session.add(
                Verification(
                    person_id=person.id,
                    state=VerificationState.DECIDED,
                    kind=next(iter(VerificationKind)),
                    channel=next(iter(VerificationChannel)),
                    challenge={},
                    token_hash=number.to_bytes(32, "big"),
                    started_at=NOW - timedelta(days=number),
                    expires_at=NOW,
                    outcome=VerificationOutcome.CERTIFIED,
                    decided_at=NOW,
                )
            )
        key, records = person.id, {person.public_id, other.public_id}
        of_other = other.public_id
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]) if a[2].startswith("SELECT") else None)
    with database.read_scope() as session:
        line = timeline.read(session, key, today)
    assert len(asked) == 7
    assert {record.public_id for record in line.records} == records
    of_lane = {lane: [entry for entry in line.entries if entry.lane is lane] for lane in Lane}
    checks = of_lane[Lane.CHECK]
    assert (len(checks), line.shortened) == (CHECKS_READ, True)
    assert checks[-1].on == today(NOW)  # the newest are kept
    assert {entry.code for entry in checks} == {"verification.certified"}
    assert [(entry.on, entry.until) for entry in of_lane[Lane.PAUSE]] == [
        (add_months(JUNE, months), add_months(JUNE, months + 1)) for months in (1, 3)
    ]
    assert len(of_lane[Lane.BENEFIT]) == 1
    change = of_lane[Lane.PAYMENT_CHANGE][0]
    facts = {"state": "proposed", "arrears_fen": 5, "reason": "overdue", "by": "staff:li"}
    assert (change.on, change.code, change.record, change.facts) == (JUNE, "pause", of_other, facts)
    assert of_lane[Lane.ENROLMENT][0].facts == {"scheme": Scheme.EMPLOYEE_MEDICAL, "region": REGION}
    assert of_lane[Lane.ENROLMENT][0].lasts
    assert of_lane[Lane.OUTREACH][0].facts == {"outcome": "reached", "by": "staff:li", "note": "will come"}
    assert (of_lane[Lane.ASSISTANCE][0].code, of_lane[Lane.ASSISTANCE][0].on) == ("refused", today(NOW))
    assert [entry.code for entry in of_lane[Lane.MERGER]] == ["merged"]
