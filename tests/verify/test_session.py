"""The tokens that bind frames to one attempt."""

from __future__ import annotations

from verify.session import StepTokens, new_token, token_fits, token_hash


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
