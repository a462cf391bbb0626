"""Casework over the store: taking, holding, deciding with a second person, taking back, papers, money that came back, two at once."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from PIL import Image
from sqlalchemy import select, update

from detection.casework.inputs import CaseInputError, InputProblem
from detection.casework.rules import CaseAction, CaseHeldError, CaseState, Refusal, SecondPersonNeededError, StepRefusedError, Worker
from detection.casework.views import Decision
from models.account import Account
from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome, CaseReferral
from models.casework import VERIFICATION_REFERRED, CaseAttachment
from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories import cases
from models.repositories.alerts import NewAlert, open_alerts
from models.repositories.case_next import NextFilter
from tests.conftest import FixedClock
from tests.detection.casework_world import Casework
from tests.models.people import REGION
from tests.models.workers import outcomes_of

TODAY = date(2026, 3, 15)
UNFOUNDED = Decision(CaseOutcome.UNFOUNDED, "nothing is wrong")


@pytest.fixture
def desk(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> Casework:
    return Casework(database, keyring, records_policy, clock)


@pytest.fixture
def small(sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> Casework:
    """For what does not depend on the kind of the database."""
    return Casework(sqlite_database, keyring, records_policy, clock)


# take --------------------------------------------------------------------------------------------------------------


def test_the_next_is_the_most_urgent_that_nobody_has(desk: Casework) -> None:
    for number, priority in enumerate((2.0, 9.0, 5.0, 5.0)):
        desk.alert(f"group:{number}", priority=priority)
    taken = [desk.service.take_next(who) for who in (desk.wang, desk.li, desk.wang, desk.li)]
    assert [case.key for case in taken if case] == ["group:1", "group:3", "group:2", "group:0"]  # the newer of two alike
    assert [case.owner for case in taken if case] == ["staff:wang", "staff:li"] * 2
    assert {case.state for case in taken if case} == {CaseState.TAKEN}
    assert desk.service.take_next(desk.wang) is None


def test_the_next_keeps_to_region_and_filter(small: Casework) -> None:
    small.alert("group:elsewhere", priority=9, region="429800")
    small.alert("group:other", code="C2", priority=5)
    small.alert("group:mine", priority=1, severity=AlertSeverity.VIOLATION)
    assert small.service.take_next(small.far) is None
    first = small.service.take_next(small.wang, NextFilter(severity=AlertSeverity.VIOLATION))
    second = small.service.take_next(small.wang, NextFilter(code="C2"))
    assert first
    assert second
    assert (first.key, second.key) == ("group:mine", "group:other")
    assert small.service.take_next(small.wang) is None
    city = small.service.take_next(Worker("staff:li", "4298"))
    assert city
    assert city.key == "group:elsewhere"


def test_a_referred_verification_is_due_sooner(small: Casework) -> None:
    policy = small.policy.casework
    later = small.service.take(small.wang, small.alert("group:1"))
    sooner = small.service.take(small.wang, small.alert("verification:v", code=VERIFICATION_REFERRED))
    assert later.due_on == TODAY + timedelta(days=policy.due_days[AlertSeverity.WARNING])
    assert sooner.due_on == TODAY + timedelta(days=policy.referred_days)


@pytest.mark.parametrize("workers", [2, 20])
def test_of_many_at_once_each_gets_another_case(desk: Casework, workers: int) -> None:
    for number in range(workers):
        desk.alert(f"group:{number}", priority=number)
    team = [Worker(f"staff:{number}", REGION) for number in range(workers)]
    taken = outcomes_of(workers, lambda number: desk.service.take_next(team[number]))
    assert sorted(case.key for case in taken if case and not isinstance(case, str)) == sorted(f"group:{n}" for n in range(workers))
    with desk.database.read_scope() as session:
        owners = session.scalars(select(CaseFile.owner)).all()
    assert sorted(str(owner) for owner in owners) == sorted(who.actor for who in team)


def test_of_many_at_one_alert_one_gets_it_and_the_rest_hear_who(desk: Casework) -> None:
    alert = desk.alert()
    told = outcomes_of(8, lambda number: desk.service.take(Worker(f"staff:{number}", REGION), alert).owner)
    assert sorted(told)[:7] == [Conflict.CASE_HELD.value] * 7
    with desk.database.read_scope() as session:
        assert len(session.scalars(select(CaseFile)).all()) == 1
    with pytest.raises(CaseHeldError) as refused:
        desk.service.take(desk.li, alert)
    assert (refused.value.owner, refused.value.until) == (max(told), desk.clock() + timedelta(minutes=30))
    assert str(refused.value.owner) in str(refused.value)


def test_a_lock_lasts_from_the_last_step_and_then_anybody_may_take_the_case(desk: Casework) -> None:
    case = desk.taken()
    desk.clock.advance(minutes=29)
    desk.service.add_note(desk.wang, case.case_id, "called the county")
    desk.clock.advance(minutes=29)
    with pytest.raises(CaseHeldError):
        desk.service.take(desk.li, case.alert_id)
    assert desk.service.take_next(desk.li) is None
    desk.clock.advance(minutes=1)
    assert desk.service.view(desk.li, case.case_id).state is CaseState.FREE
    desk.service.add_note(desk.wang, case.case_id, "until somebody takes it, its holder goes on")
    desk.clock.advance(minutes=30)
    found = desk.service.take_next(desk.li)
    assert found
    assert (found.case_id, found.owner) == (case.case_id, "staff:li")
    with pytest.raises(CaseHeldError):
        desk.service.propose(desk.wang, case.case_id, UNFOUNDED)


def test_of_two_at_a_lapsed_lock_one_gets_the_case(desk: Casework) -> None:
    case = desk.taken()
    desk.clock.advance(hours=1)
    told = outcomes_of(6, lambda number: desk.service.take(Worker(f"staff:{number}", REGION), case.alert_id).owner)
    assert told.count(Conflict.CASE_HELD.value) == 5


def test_what_is_kept_stays_until_it_is_given_back(small: Casework) -> None:
    case = small.service.keep(small.wang, small.taken().case_id)
    small.clock.advance(days=20)
    assert (case.state, case.held_until) == (CaseState.KEPT, None)
    assert small.service.take_next(small.li) is None
    free = small.service.give_back(small.wang, case.case_id, "not my field")
    assert (free.state, free.owner) == (CaseState.FREE, None)
    found = small.service.take_next(small.li)
    assert found
    assert found.case_id == case.case_id
    assert small.steps(case.case_id) == ["taken", "kept", "given_back", "taken"]


def test_a_case_with_a_diary_day_comes_back_first_on_that_day_and_once(desk: Casework) -> None:
    case = desk.taken()
    desk.service.set_diary(desk.wang, case.case_id, TODAY + timedelta(days=3))
    desk.alert("group:urgent", priority=99)
    desk.clock.advance(days=2)
    first = desk.service.take_next(desk.li)
    assert first
    assert first.key == "group:urgent"
    assert desk.service.take_next(desk.li) is None
    desk.alert("group:later", priority=99)
    desk.clock.advance(days=1)
    mine, other = desk.service.take_next(desk.wang), desk.service.take_next(desk.wang)
    assert mine
    assert other
    assert (mine.case_id, mine.diary_on, mine.state) == (case.case_id, None, CaseState.KEPT)
    assert other.case_id != case.case_id


def test_a_case_is_given_only_to_who_can_work_on_it(small: Casework) -> None:
    case = small.taken()
    assert [one.actor for one in small.service.receivers(small.wang, case.case_id)] == ["staff:far", "staff:li", "staff:wang", "staff:zhao"]
    for nobody in ("staff:gone", "staff:unknown", "system", ""):
        with pytest.raises(CaseInputError) as refused:
            small.service.hand_over(small.wang, case.case_id, nobody)
        assert refused.value.reason is InputProblem.RECEIVER_UNKNOWN
    given = small.service.hand_over(small.wang, case.case_id, "staff:li", "she knows the hospital")
    assert (given.owner, given.state) == ("staff:li", CaseState.KEPT)
    with pytest.raises(CaseHeldError):
        small.service.hand_over(small.wang, case.case_id, "staff:wang")
    back = small.service.assign(small.wang, case.case_id, "staff:zhao")
    assert back.owner == "staff:zhao"
    fresh = small.service.assign_alert(small.wang, small.alert("group:2"), "staff:li")
    assert (fresh.owner, fresh.state) == ("staff:li", CaseState.KEPT)


def test_work_is_counted_from_step_to_step_without_pauses(small: Casework) -> None:
    case = small.taken()
    small.clock.advance(seconds=100)
    assert small.service.add_note(small.wang, case.case_id, "one").worked_s == 100
    small.clock.advance(hours=5)
    assert small.service.add_note(small.wang, case.case_id, "two").worked_s == 100 + small.policy.casework.idle_seconds
    small.clock.advance(seconds=10)
    decided = small.service.propose(small.wang, case.case_id, UNFOUNDED)
    assert decided.worked_s == 110 + small.policy.casework.idle_seconds


# decide ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [CaseOutcome.UNFOUNDED, CaseOutcome.DATA_ERROR])
def test_what_goes_against_nobody_is_decided_by_one(small: Casework, outcome: CaseOutcome) -> None:
    case = small.taken()
    done = small.service.propose(small.wang, case.case_id, Decision(outcome, "  as the register says  "))
    assert (done.state, done.closed_by, done.signed_by) == (CaseState.CLOSED, "staff:wang", None)
    assert done.decided == Decision(outcome, "as the register says")
    with small.database.read_scope() as session:
        alert = session.scalars(select(Alert)).one()
    assert (alert.state, alert.closed_by, alert.close_reason) == (AlertState.CLOSED, "staff:wang", outcome.value)
    assert small.steps(case.case_id) == ["taken", "closed"]


def test_what_goes_against_somebody_needs_a_second_person(desk: Casework) -> None:
    waiting = desk.proposed()
    assert (waiting.state, waiting.owner, waiting.alert_state) == (CaseState.WAITING, None, AlertState.IN_CASE)
    with pytest.raises(SecondPersonNeededError):
        desk.service.sign(desk.wang, waiting.case_id)
    with pytest.raises(StepRefusedError) as refused:
        desk.service.sign(desk.zhao, waiting.case_id)
    assert refused.value.refusal is Refusal.MAY_NOT_SIGN
    assert desk.service.take_next(desk.wang) is None
    assert desk.service.take_next(desk.zhao) is None
    for_li = desk.service.take_next(desk.li)
    assert for_li
    assert (for_li.case_id, for_li.state, for_li.owner) == (waiting.case_id, CaseState.WAITING, "staff:li")
    assert for_li.proposal
    done = desk.service.sign(desk.li, waiting.case_id, for_li.proposal.at)
    assert (done.state, done.closed_by, done.signed_by) == (CaseState.CLOSED, "staff:wang", "staff:li")
    assert done.decided == Decision(CaseOutcome.CONFIRMED, "paid twice", 100_00)
    assert desk.steps(waiting.case_id) == ["taken", "proposed", "taken", "signed"]
    assert [entry.action for entry in desk.audited(waiting.case_id)] == ["case.taken", "case.proposed", "case.taken", "case.signed"]


def test_the_proposer_is_known_under_another_name_too(small: Casework) -> None:
    waiting = small.proposed()
    with small.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == "wang").values(username="wang2"))
    renamed = Worker("staff:wang2", REGION, may_sign=True)
    with pytest.raises(SecondPersonNeededError):
        small.service.sign(renamed, waiting.case_id)
    assert small.service.take_next(renamed) is None
    assert small.service.withdraw(renamed, waiting.case_id).state is CaseState.KEPT


def test_of_two_who_sign_at_once_one_does_and_a_withdrawal_does_not_come_between(desk: Casework) -> None:
    waiting = desk.proposed()

    def act(number: int) -> str | None:
        if number == 0:
            return desk.service.withdraw(desk.wang, waiting.case_id).state.value
        return desk.service.sign(Worker(f"staff:{number}", REGION, may_sign=True), waiting.case_id).signed_by

    done = outcomes_of(4, act)
    assert sum(result not in ("case_state", "case_held") for result in done) == 1


def test_another_proposal_than_the_one_that_was_shown_is_not_signed(small: Casework) -> None:
    shown = small.proposed()
    assert shown.proposal
    small.service.withdraw(small.wang, shown.case_id)
    small.clock.advance(seconds=5)
    small.service.propose(small.wang, shown.case_id, Decision(CaseOutcome.CONFIRMED, "much more", 900_00))
    with pytest.raises(StepRefusedError, match="meanwhile"):
        small.service.sign(small.li, shown.case_id, shown.proposal.at)


def test_what_is_sent_back_is_the_proposers_again(small: Casework) -> None:
    waiting = small.proposed()
    back = small.service.send_back(small.li, waiting.case_id, "the month of May is missing")
    assert (back.state, back.owner, back.proposal) == (CaseState.KEPT, "staff:wang", None)
    small.service.propose(small.wang, waiting.case_id, Decision(CaseOutcome.REFERRED, "theirs", referred_to=CaseReferral.REGION))
    with small.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == "wang").values(active=False))
    assert small.service.send_back(small.li, waiting.case_id, "again").owner is None
    assert small.steps(waiting.case_id) == ["taken", "proposed", "sent_back", "proposed", "sent_back"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (Decision(CaseOutcome.UNFOUNDED, "  "), InputProblem.TEXT_MISSING),
        (Decision(CaseOutcome.UNFOUNDED, "x" * 1001), InputProblem.TEXT_TOO_LONG),
        (Decision(CaseOutcome.CONFIRMED, "x", -1), InputProblem.AMOUNT_WRONG),
        (Decision(CaseOutcome.REFERRED, "x"), InputProblem.REFERRAL_MISSING),
        (Decision(CaseOutcome.CONFIRMED, "x", None, CaseReferral.POLICE), InputProblem.REFERRAL_NOT_FITTING),
    ],
)
def test_a_decision_that_cannot_be_used_changes_nothing(small: Casework, given: Decision, problem: InputProblem) -> None:
    case = small.taken()
    with pytest.raises(CaseInputError) as refused:
        small.service.propose(small.wang, case.case_id, given)
    assert refused.value.reason is problem
    assert small.service.view(small.wang, case.case_id) == case


# take back ---------------------------------------------------------------------------------------------------------


def test_a_decision_is_taken_back_in_time_and_stays_in_the_steps(desk: Casework) -> None:
    waiting = desk.proposed()
    desk.service.sign(desk.li, waiting.case_id)
    desk.clock.advance(days=desk.policy.casework.undo_days)
    again = desk.service.undo(desk.zhao, waiting.case_id, "the hospital sent the missing list")
    assert (again.state, again.owner, again.alert_state, again.decided) == (CaseState.KEPT, "staff:zhao", AlertState.IN_CASE, None)
    reopened = desk.service.details(desk.zhao, waiting.case_id).events[-1]
    assert (reopened.details["outcome"], reopened.details["found_fen"]) == ("confirmed", 100_00)
    assert (reopened.details["closed_by"], reopened.details["signed_by"]) == ("staff:wang", "staff:li")
    done = desk.service.propose(desk.zhao, waiting.case_id, UNFOUNDED)
    assert done.decided
    assert done.decided.outcome is CaseOutcome.UNFOUNDED
    desk.clock.advance(days=desk.policy.casework.undo_days, seconds=1)
    with pytest.raises(StepRefusedError) as late:
        desk.service.undo(desk.zhao, waiting.case_id, "once more")
    assert late.value.refusal is Refusal.TOO_LATE_TO_UNDO


def test_what_went_to_the_police_or_brought_money_back_is_not_taken_back(small: Casework) -> None:
    police = small.proposed(outcome=CaseOutcome.REFERRED, referred_to=CaseReferral.POLICE)
    small.service.sign(small.li, police.case_id)
    paid = small.proposed("group:g2")
    small.service.sign(small.li, paid.case_id)
    small.service.record_recovery(small.wang, paid.case_id, 1, TODAY)
    for case, refusal in ((police, Refusal.REFERRED_TO_POLICE), (paid, Refusal.ACTED_ON)):
        with pytest.raises(StepRefusedError) as refused:
            small.service.undo(small.li, case.case_id, "why")
        assert refused.value.refusal is refusal
        assert small.service.view(small.li, case.case_id).state is CaseState.CLOSED


def test_a_decision_is_not_taken_back_when_the_same_was_noticed_again(desk: Casework) -> None:
    case = desk.taken()
    desk.service.propose(desk.wang, case.case_id, UNFOUNDED)
    newer = desk.alert()
    assert newer != case.alert_id
    with pytest.raises(StepRefusedError) as refused:
        desk.service.undo(desk.wang, case.case_id, "why")
    assert refused.value.refusal is Refusal.NEWER_ALERT


def test_money_that_came_back_adds_up_to_what_was_found_at_most(small: Casework) -> None:
    case = small.proposed()
    small.service.sign(small.li, case.case_id)
    small.service.record_recovery(small.wang, case.case_id, 60_00, TODAY, "by transfer")
    with pytest.raises(CaseInputError) as refused:
        small.service.record_recovery(small.wang, case.case_id, 40_01, TODAY)
    assert (refused.value.reason, refused.value.limit) == (InputProblem.AMOUNT_OVER_FOUND, 40_00)
    with pytest.raises(CaseInputError):
        small.service.record_recovery(small.wang, case.case_id, 1, TODAY + timedelta(days=1))
    assert small.service.record_recovery(small.wang, case.case_id, 40_00, TODAY).recovered_fen == 100_00
    nothing = small.service.propose(small.wang, small.taken(key="group:g2").case_id, UNFOUNDED)
    assert nothing.refusals[CaseAction.RECORD_RECOVERY] is Refusal.NOTHING_FOUND


def test_twenty_recoveries_at_once_never_exceed_what_was_found(desk: Casework) -> None:
    case = desk.proposed(found_fen=10)
    desk.service.sign(desk.li, case.case_id)

    def recover(_number: int) -> int:
        try:
            return desk.service.record_recovery(desk.wang, case.case_id, 3, TODAY).recovered_fen
        except CaseInputError:
            return 0

    assert sorted(outcomes_of(8, recover), key=str)[-3:] == [3, 6, 9]
    assert desk.service.view(desk.wang, case.case_id).recovered_fen == 9


# papers ------------------------------------------------------------------------------------------------------------


def picture(kind: str, grey: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), grey).save(stream, kind)
    return stream.getvalue()


def test_a_paper_is_what_its_content_shows_and_lies_sealed(desk: Casework) -> None:
    case = desk.taken()
    png = picture("PNG")
    kept = desk.service.attach(desk.wang, case.case_id, "C:\\scans\\..\\身份 证明.pdf", png)
    assert (kept.name, kept.media_type, kept.size_bytes) == ("身份 证明.pdf", "image/png", len(png))
    with desk.database.read_scope() as session:
        row = session.scalars(select(CaseAttachment)).one()
    assert png[8:40] not in row.content.blob
    assert desk.service.read_attachment(desk.li, case.case_id, kept.attachment_id).data == png
    assert desk.audited(case.case_id)[-1].action == "case.attachment_read"
    with pytest.raises(ConflictError) as twice:
        desk.service.attach(desk.wang, case.case_id, "other.png", png)
    assert twice.value.conflict is Conflict.ATTACHMENT_EXISTS
    gone = desk.service.remove_attachment(desk.wang, case.case_id, kept.attachment_id, "of another person")
    assert gone.removed_by == "staff:wang"
    with pytest.raises(NotFoundError):
        desk.service.read_attachment(desk.wang, case.case_id, kept.attachment_id)
    desk.service.attach(desk.wang, case.case_id, "again.png", png)
    assert "attachment_removed" in desk.steps(case.case_id)
    assert all("身份" not in str(entry.details) for entry in desk.audited(case.case_id))


def test_papers_of_another_kind_size_or_number_are_refused(small: Casework) -> None:
    limits = small.policy.casework.attachments
    tight = limits.model_copy(update={"of_a_case_max": 2, "bytes_max": 2000})
    small.policy = small.policy.model_copy(update={"casework": small.policy.casework.model_copy(update={"attachments": tight})})
    case = small.taken()
    wrong = {
        b"": InputProblem.ATTACHMENT_EMPTY,
        b"%PDF-1.7\n" + bytes(2000): InputProblem.ATTACHMENT_TOO_LARGE,
        b"<html><script>alert(1)</script>": InputProblem.ATTACHMENT_TYPE,
        b"plain words": InputProblem.ATTACHMENT_TYPE,
        b"MZ\x90\x00 a program %PDF-1.7": InputProblem.ATTACHMENT_TYPE,
        picture("GIF"): InputProblem.ATTACHMENT_TYPE,
    }
    for data, problem in wrong.items():
        with pytest.raises(CaseInputError) as refused:
            small.service.attach(small.wang, case.case_id, "scan.pdf", data)
        assert refused.value.reason is problem
    for number, data in enumerate((picture("JPEG"), b"%PDF-1.7\n1 0 obj\n")):
        small.service.attach(small.wang, case.case_id, f"{number}", data)
    with pytest.raises(CaseInputError) as full:
        small.service.attach(small.wang, case.case_id, "third", picture("PNG"))
    assert (full.value.reason, full.value.limit) == (InputProblem.ATTACHMENTS_TOO_MANY, 2)


# bounds ------------------------------------------------------------------------------------------------------------


def test_outside_ones_region_there_is_no_case(small: Casework) -> None:
    case = small.taken()
    paper = small.service.attach(small.wang, case.case_id, "scan", picture("PNG"))
    service, far = small.service, small.far
    for call in (
        lambda: service.view(far, case.case_id),
        lambda: service.details(far, case.case_id),
        lambda: service.of_alert(far, case.alert_id),
        lambda: service.take(far, case.alert_id),
        lambda: service.take_case(far, case.case_id),
        lambda: service.add_note(far, case.case_id, "hello"),
        lambda: service.propose(far, case.case_id, UNFOUNDED),
        lambda: service.assign(far, case.case_id, "staff:far"),
        lambda: service.assign_alert(far, case.alert_id, "staff:far"),
        lambda: service.receivers(far, case.case_id),
        lambda: service.read_attachment(far, case.case_id, paper.attachment_id),
        lambda: service.view(small.wang, "nosuchcase"),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert small.steps(case.case_id) == ["taken", "attached"]


def test_a_matter_that_is_settled_elsewhere_closes_alert_and_case(desk: Casework) -> None:
    case = desk.taken(key="verification:v1")
    desk.alert("verification:v2")
    with desk.database.session_scope() as session:
        for key in ("verification:v1", "verification:v2", "verification:none"):
            there = cases.settle(session, key, outcome=CaseOutcome.UNFOUNDED, conclusion="certified since", by="system", now=desk.clock())
            assert there is (key != "verification:none")
    done = desk.service.view(desk.wang, case.case_id)
    assert (done.state, done.closed_by) == (CaseState.CLOSED, "system")
    assert desk.steps(case.case_id) == ["taken", "closed"]
    assert desk.service.take_next(desk.wang) is None


def test_a_person_is_named_in_the_audit_by_key_only(small: Casework) -> None:
    person = small.person()
    with small.database.session_scope() as session:
        new = NewAlert("P1", f"person:{person}", AlertSeverity.WARNING, REGION, person)
        open_alerts(session, [new], by="test", now=small.clock())
    case = small.service.take_next(small.wang)
    assert case
    assert case.person_id
    small.service.add_note(small.wang, case.case_id, "张建国 was seen on Monday")
    entries = small.audited(case.case_id)
    assert {entry.person_id for entry in entries} == {person}
    assert all("张建国" not in str(entry.details) + str(entry.reason) for entry in entries)
