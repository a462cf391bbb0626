"""The decision: the worst of its pieces, monotone in each, with every reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.observations import POLICY
from verify.decision import ORDER, decide, outcome_of
from verify.evidence import Evidence, EvidenceKind, EvidenceState, Outcome, Reason

RISING = (EvidenceState.CONTRADICTED, EvidenceState.INSUFFICIENT, EvidenceState.BORDERLINE, EvidenceState.PASSED)
pieces = st.lists(st.sampled_from(RISING), min_size=len(EvidenceKind), max_size=len(EvidenceKind))


def all_of(states: list[EvidenceState]) -> list[Evidence]:
    return [
        Evidence(kind, state, () if state is EvidenceState.PASSED else (Reason.HOLD_STILL,))
        for kind, state in zip(EvidenceKind, states, strict=True)
    ]


@pytest.mark.parametrize(("state", "outcome"), list(zip(RISING, ORDER, strict=True)))
def test_each_state_has_its_outcome(state: EvidenceState, outcome: Outcome) -> None:
    for kind in EvidenceKind:
        states = [state if other is kind else EvidenceState.PASSED for other in EvidenceKind]
        assert decide(all_of(states), POLICY, tries_left=2).outcome is outcome


@given(pieces, st.integers(0, len(EvidenceKind) - 1), st.sampled_from(RISING), st.integers(0, 3))
def test_a_better_piece_never_gives_a_worse_decision(states: list[EvidenceState], index: int, other: EvidenceState, tries: int) -> None:
    better = [max(state, other, key=RISING.index) if i == index else state for i, state in enumerate(states)]
    before, after = (decide(all_of(s), POLICY, tries).outcome for s in (states, better))
    assert ORDER.index(after) >= ORDER.index(before)


@given(pieces)
def test_certified_needs_every_piece(states: list[EvidenceState]) -> None:
    decision = decide(all_of(states), POLICY, tries_left=3)
    assert (decision.outcome is Outcome.CERTIFIED) == all(state is EvidenceState.PASSED for state in states)


@given(pieces, st.permutations(range(len(EvidenceKind))))
def test_the_order_of_the_pieces_does_not_matter(states: list[EvidenceState], order: list[int]) -> None:
    evidence = all_of(states)
    assert decide([evidence[i] for i in order], POLICY, 1).outcome is decide(evidence, POLICY, 1).outcome


def test_no_evidence_certifies_nobody() -> None:
    decision = decide([], POLICY, tries_left=3)
    assert decision.outcome is not Outcome.CERTIFIED
    assert {piece.kind for piece in decision.evidence} == set(EvidenceKind)


@pytest.mark.parametrize("kind", [EvidenceKind.ACTIVE, EvidenceKind.PASSIVE, EvidenceKind.MATCH, EvidenceKind.SCREEN])
def test_a_kind_the_engine_cannot_measure_goes_to_a_person(kind: EvidenceKind) -> None:
    states = [EvidenceState.PASSED] * len(EvidenceKind)
    evidence = [replace(piece, state=EvidenceState.ABSENT) if piece.kind is kind else piece for piece in all_of(states)]
    assert decide(evidence, POLICY, 3).outcome is Outcome.REFER
    assert decide([piece for piece in evidence if piece.kind is not kind], POLICY, 3).outcome is Outcome.REFER


@pytest.mark.parametrize("kind", [EvidenceKind.DEPTH, EvidenceKind.FLASH])
def test_evidence_that_is_only_reported_may_be_absent(kind: EvidenceKind) -> None:
    assert outcome_of(Evidence(kind, EvidenceState.ABSENT), POLICY) is Outcome.CERTIFIED


def test_after_the_last_try_a_person_looks_and_a_refusal_stays_one() -> None:
    states = [EvidenceState.PASSED] * len(EvidenceKind)
    evidence = all_of(states)
    evidence[1] = Evidence(EvidenceKind.QUALITY, EvidenceState.INSUFFICIENT, (Reason.TOO_DARK,))
    last = decide(evidence, POLICY, tries_left=0)
    assert last.outcome is Outcome.REFER
    assert last.reasons == (Reason.TOO_DARK, Reason.TRIES_USED_UP)
    assert decide(evidence, POLICY, tries_left=1).outcome is Outcome.RETRY
    evidence[0] = Evidence(EvidenceKind.INTEGRITY, EvidenceState.CONTRADICTED, (Reason.REPLAY,))
    refused = decide(evidence, POLICY, tries_left=0)
    assert refused.outcome is Outcome.REFUSED
    assert refused.reasons[0] is Reason.REPLAY


def test_reasons_of_the_worst_pieces_come_first_and_once() -> None:
    evidence = [
        Evidence(EvidenceKind.QUALITY, EvidenceState.INSUFFICIENT, (Reason.TOO_DARK, Reason.MOVE_CLOSER)),
        Evidence(EvidenceKind.ACTIVE, EvidenceState.BORDERLINE, (Reason.GENTLE_NEEDS_PERSON,)),
        Evidence(EvidenceKind.SCREEN, EvidenceState.CONTRADICTED, (Reason.SCREEN,)),
        Evidence(EvidenceKind.NOISE, EvidenceState.INSUFFICIENT, (Reason.TOO_DARK,)),
    ]
    reasons = decide(evidence, POLICY, 1).reasons
    assert reasons[0] is Reason.SCREEN
    assert reasons.index(Reason.TOO_DARK) < reasons.index(Reason.GENTLE_NEEDS_PERSON)
    assert len(set(reasons)) == len(reasons)
