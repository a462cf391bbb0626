"""Who may do which step of a case: as a table, and what must hold of every case whatsoever."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.casework.inputs import paper_name, words
from detection.casework.rules import (
    CaseAction,
    CaseState,
    Refusal,
    Standing,
    Worker,
    needs_second_person,
    refusal_of,
    state_of,
)
from models.alert import AlertSeverity, CaseOutcome, CaseReferral
from models.case_holding import due_on, worked
from models.casework import VERIFICATION_REFERRED
from models.policy import RecordsPolicy

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
ME, OTHER = "staff:me", "staff:other"
SIGNER, WORKER = Worker(ME, "42", may_sign=True), Worker(ME, "42")
LATER, EARLIER = NOW + timedelta(minutes=5), NOW - timedelta(seconds=1)

FREE = Standing()
MINE = Standing(ME, LATER)
KEPT = Standing(ME)
LAPSED = Standing(ME, EARLIER)
THEIRS = Standing(OTHER, LATER)
THEIRS_KEPT = Standing(OTHER)
THEIRS_LAPSED = Standing(OTHER, EARLIER)
MY_PROPOSAL = Standing(proposed=True, own_proposal=True)
THEIR_PROPOSAL = Standing(proposed=True)
LOOKED_AT = Standing(OTHER, LATER, proposed=True)
CLOSED = Standing(ME, closed_at=NOW, outcome=CaseOutcome.CONFIRMED, found_fen=5)

R, A = Refusal, CaseAction
WORKING = (A.KEEP, A.GIVE_BACK, A.HAND_OVER, A.NOTE, A.SET_DIARY, A.ATTACH, A.REMOVE_ATTACHMENT, A.PROPOSE, A.SUPPRESS)
SIGNING = (A.WITHDRAW, A.SIGN, A.SEND_BACK)
AFTER = (A.UNDO, A.RECORD_RECOVERY)


def table(standing: Standing, who: Worker, **refusals: Refusal | None) -> list[tuple[Standing, Worker, CaseAction, Refusal | None]]:
    return [(standing, who, CaseAction(name), refusal) for name, refusal in refusals.items()]


def same(
    standing: Standing, actions: tuple[CaseAction, ...], refusal: Refusal | None
) -> list[tuple[Standing, Worker, CaseAction, Refusal | None]]:
    return [(standing, WORKER, action, refusal) for action in actions]


ROWS = [
    *(row for held in (MINE, KEPT, LAPSED) for row in same(held, (A.TAKE, A.ASSIGN, *WORKING), None)),
    *(row for held in (FREE, THEIRS_LAPSED) for row in same(held, WORKING, R.NOT_TAKEN)),
    *(row for held in (FREE, THEIRS_LAPSED) for row in same(held, (A.TAKE, A.ASSIGN), None)),
    *(row for held in (THEIRS, THEIRS_KEPT) for row in same(held, (A.TAKE, *WORKING), R.HELD_BY_ANOTHER)),
    *(row for held in (THEIRS, THEIRS_KEPT) for row in same(held, (A.ASSIGN,), None)),
    *(row for held in (FREE, MINE, THEIRS) for row in same(held, SIGNING, R.NOTHING_PROPOSED)),
    *(row for held in (FREE, MINE, THEIRS, MY_PROPOSAL) for row in same(held, AFTER, R.NOT_CLOSED)),
    *table(MY_PROPOSAL, SIGNER, sign=R.OWN_PROPOSAL, send_back=R.OWN_PROPOSAL, take=R.OWN_PROPOSAL, withdraw=None, note=None, attach=None),
    *table(MY_PROPOSAL, SIGNER, propose=R.WAITS_FOR_SIGNATURE, hand_over=R.WAITS_FOR_SIGNATURE, suppress=R.WAITS_FOR_SIGNATURE),
    *table(THEIR_PROPOSAL, SIGNER, sign=None, send_back=None, take=None, note=None, withdraw=R.NOT_THE_PROPOSER, give_back=R.NOT_TAKEN),
    *table(THEIR_PROPOSAL, WORKER, sign=R.MAY_NOT_SIGN, send_back=R.MAY_NOT_SIGN, take=R.MAY_NOT_SIGN, note=R.MAY_NOT_SIGN),
    *table(THEIR_PROPOSAL, SIGNER, assign=R.WAITS_FOR_SIGNATURE, propose=R.WAITS_FOR_SIGNATURE),
    *table(LOOKED_AT, SIGNER, sign=R.HELD_BY_ANOTHER, send_back=R.HELD_BY_ANOTHER, take=R.HELD_BY_ANOTHER),
    *table(CLOSED, WORKER, undo=None, record_recovery=None, note=None, suppress=None, take=R.CLOSED, propose=R.CLOSED, sign=R.CLOSED),
]


@pytest.mark.parametrize(("standing", "who", "action", "refusal"), ROWS)
def test_who_may_do_what(
    standing: Standing, who: Worker, action: CaseAction, refusal: Refusal | None, records_policy: RecordsPolicy
) -> None:
    assert refusal_of(action, standing, who, NOW, records_policy.casework) is refusal


@pytest.mark.parametrize(
    ("standing", "days", "refusal"),
    [
        (CLOSED, 30, None),
        (CLOSED, 31, R.TOO_LATE_TO_UNDO),
        (Standing(closed_at=NOW, outcome=CaseOutcome.REFERRED, referred_to=CaseReferral.POLICE), 0, R.REFERRED_TO_POLICE),
        (Standing(closed_at=NOW, outcome=CaseOutcome.REFERRED, referred_to=CaseReferral.REGION), 0, None),
        (Standing(closed_at=NOW, outcome=CaseOutcome.CONFIRMED, found_fen=5, recovered_fen=5), 0, R.ACTED_ON),
    ],
)
def test_what_can_be_taken_back(standing: Standing, days: int, refusal: Refusal | None, records_policy: RecordsPolicy) -> None:
    assert refusal_of(A.UNDO, standing, WORKER, NOW + timedelta(days=days), records_policy.casework) is refusal


moments = st.one_of(st.none(), st.integers(-3600, 3600).map(lambda seconds: NOW + timedelta(seconds=seconds)))
standings = st.builds(
    Standing,
    owner=st.sampled_from([None, ME, OTHER]),
    held_until=moments,
    proposed=st.booleans(),
    own_proposal=st.booleans(),
    closed_at=st.one_of(st.none(), st.just(NOW)),
    outcome=st.sampled_from(CaseOutcome),
    referred_to=st.one_of(st.none(), st.sampled_from(CaseReferral)),
    found_fen=st.one_of(st.none(), st.integers(0, 100)),
    recovered_fen=st.integers(0, 5),
)
workers = st.builds(Worker, actor=st.just(ME), region=st.just("42"), may_sign=st.booleans())


@given(standings, workers, st.sampled_from([*WORKING, A.SIGN, A.SEND_BACK]))
def test_nobody_works_on_what_another_holds_or_signs_their_own(
    records_policy: RecordsPolicy, standing: Standing, who: Worker, action: CaseAction
) -> None:
    allowed = refusal_of(action, standing, who, NOW, records_policy.casework) is None
    open_now = standing.closed_at is None
    if allowed and open_now and action not in (A.NOTE, A.ATTACH):
        assert not standing.held_by_another(ME, NOW)
    if allowed and action in (A.SIGN, A.SEND_BACK):
        assert open_now
        assert standing.proposed
        assert who.may_sign
        assert not standing.own_proposal
    if allowed and open_now and standing.proposed:
        assert action in (A.SIGN, A.SEND_BACK, A.NOTE, A.ATTACH, A.GIVE_BACK)


@given(standings, workers)
def test_states_and_possible_steps_fit(records_policy: RecordsPolicy, standing: Standing, who: Worker) -> None:
    may = {action for action in CaseAction if refusal_of(action, standing, who, NOW, records_policy.casework) is None}
    state = state_of(standing, NOW)
    assert (state is CaseState.CLOSED) == (standing.closed_at is not None)
    if state is CaseState.FREE:
        assert {A.TAKE, A.ASSIGN} <= may
    if state is CaseState.CLOSED:
        assert may <= {A.UNDO, A.RECORD_RECOVERY, A.NOTE, A.ATTACH, A.SUPPRESS}
    else:
        assert not may & {A.UNDO, A.RECORD_RECOVERY}
    if A.PROPOSE in may:
        assert standing.owner == ME


@given(st.lists(st.integers(-100, 100_000), max_size=20))
def test_work_never_exceeds_the_time_that_passed(records_policy: RecordsPolicy, gaps: list[int]) -> None:
    total, at = 0, NOW
    for gap in gaps:
        total += worked(at, at + timedelta(seconds=gap), records_policy.casework)
        at += timedelta(seconds=gap)
    idle = records_policy.casework.idle_seconds
    assert total == sum(min(max(gap, 0), idle) for gap in gaps)


def test_only_what_goes_against_somebody_needs_two() -> None:
    assert {outcome for outcome in CaseOutcome if needs_second_person(outcome)} == {CaseOutcome.CONFIRMED, CaseOutcome.REFERRED}


def test_due_days_are_the_policys(records_policy: RecordsPolicy) -> None:
    opened = date(2026, 2, 27)
    assert due_on(opened, AlertSeverity.VIOLATION, "P1", records_policy.casework) == date(2026, 3, 9)
    assert due_on(opened, AlertSeverity.VIOLATION, VERIFICATION_REFERRED, records_policy.casework) == date(2026, 3, 2)


@given(st.text(max_size=300))
def test_a_papers_name_is_only_a_name(name: str) -> None:
    kept = paper_name(name)
    assert 0 < len(kept) <= 120
    assert not set(kept) & set('/\\<>:"|?*\x00\n\r\u202e')
    assert kept not in (".", "..")
    assert paper_name(kept) == kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\身份 证明.pdf", "身份 证明.pdf"),
        ("...", "paper"),
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("y" * 300 + ".pdf", "y" * 116 + ".pdf"),
    ],
)
def test_names_of_papers(name: str, kept: str) -> None:
    assert paper_name(name) == kept


def test_words_lose_the_space_around_them() -> None:
    assert words("  two\nlines ", 20) == "two\nlines"
    assert words("  ", 20, needed=False) == ""
