"""States of an attempt and the tokens that bind frames to it."""

from __future__ import annotations

from itertools import product

from models.verification import VerificationState
from verify.session import StepTokens, may_become, new_token, token_fits, token_hash


def test_nothing_leaves_an_end_state() -> None:
    ends = (VerificationState.DECIDED, VerificationState.EXPIRED, VerificationState.ABANDONED)
    assert not any(may_become(end, state) for end, state in product(ends, VerificationState))


def test_only_a_claimed_session_can_be_decided() -> None:
    assert [state for state in VerificationState if may_become(state, VerificationState.DECIDED)] == [VerificationState.DECIDING]


def test_session_tokens_differ_and_are_known_by_their_hash_only() -> None:
    one, other = new_token(), new_token()
    assert one != other
    assert token_fits(one, token_hash(one))
    assert not token_fits(other, token_hash(one))


def test_a_step_token_is_of_one_step_of_one_session_under_one_key() -> None:
    tokens = StepTokens(b"a" * 32)
    given = tokens.token("session", 3)
    assert tokens.step("session", given, 8) == 3
    assert tokens.step("session", given, 3) is None  # a step that the challenge does not have
    assert tokens.step("another", given, 8) is None
    assert StepTokens(b"b" * 32).step("session", given, 8) is None
    assert tokens.step("session", "é" * 22, 8) is None


def test_what_is_drawn_for_a_frame_is_fixed_and_depends_on_the_key() -> None:
    assert StepTokens(b"a" * 32).draw("session", 1) == StepTokens(b"a" * 32).draw("session", 1)
    assert StepTokens(b"a" * 32).draw("session", 1) != StepTokens(b"b" * 32).draw("session", 1)
