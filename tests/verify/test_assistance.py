"""The rules of assisted certification: every state with every action, deadlines, and two copies that always come to agree."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assistance import AssistanceState as State
from verify.assistance import (
    OPEN_STATES,
    RANK,
    TOLD_BY,
    WHO,
    Action,
    Merge,
    Punctuality,
    Side,
    Standing,
    Told,
    after,
    comes_back_on,
    merge,
    merged_version,
    missed_versions,
    next_deadline,
    possible,
)

TABLE = {
    State.REQUESTED: {
        Action.ACCEPT: State.ACCEPTED,
        Action.REFUSE: State.REFUSED,
        Action.CARRY_OUT: None,
        Action.RETURN: None,
        Action.WITHDRAW: State.WITHDRAWN,
        Action.EXPIRE: State.RETURNED,
    },
    State.ACCEPTED: {
        Action.ACCEPT: None,
        Action.REFUSE: None,
        Action.CARRY_OUT: State.CARRIED_OUT,
        Action.RETURN: State.RETURNED,
        Action.WITHDRAW: State.WITHDRAWN,
        Action.EXPIRE: State.RETURNED,
    },
    State.CARRIED_OUT: dict.fromkeys(Action),
    State.RETURNED: dict.fromkeys(Action),
    State.REFUSED: dict.fromkeys(Action),
    State.WITHDRAWN: dict.fromkeys(Action),
}
DAY = date(2026, 3, 20)
LATER = date(2026, 4, 14)


@pytest.mark.parametrize(("state", "action"), [(state, action) for state in State for action in Action])
def test_every_state_with_every_action(state: State, action: Action) -> None:
    assert after(state, action) is TABLE[state][action]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("sides", [frozenset(), *(frozenset({side}) for side in Side), frozenset(Side)])
def test_each_side_may_do_its_own_actions_only(state: State, sides: frozenset[Side]) -> None:
    assert set(possible(state, sides)) == {action for action in Action if TABLE[state][action] is not None and WHO[action] in sides}


def test_only_the_asking_side_withdraws_and_only_the_calendar_lets_a_request_expire() -> None:
    assert {action for action, side in WHO.items() if side is Side.ASKING} == {Action.WITHDRAW}
    assert {action for action, side in WHO.items() if side is Side.CALENDAR} == {Action.EXPIRE}


@pytest.mark.parametrize(
    ("state", "today", "day", "left", "punctuality"),
    [
        (State.REQUESTED, date(2026, 3, 16), DAY, 4, Punctuality.IN_TIME),
        (State.REQUESTED, date(2026, 3, 17), DAY, 3, Punctuality.SOON),
        (State.REQUESTED, DAY, DAY, 0, Punctuality.SOON),
        (State.REQUESTED, date(2026, 3, 21), DAY, -1, Punctuality.LATE),
        (State.ACCEPTED, date(2026, 3, 21), LATER, 24, Punctuality.IN_TIME),
        (State.ACCEPTED, date(2026, 4, 15), LATER, -1, Punctuality.LATE),
        (State.CARRIED_OUT, date(2027, 1, 1), None, None, Punctuality.CLOSED),
    ],
)
def test_the_deadline_that_counts(state: State, today: date, day: date | None, left: int | None, punctuality: Punctuality) -> None:
    found = next_deadline(state, accept_by=DAY, carry_out_by=LATER, today=today, warn_days=3)
    assert (found.day, found.days_left, found.punctuality) == (day, left, punctuality)


def test_an_open_request_comes_back_after_its_deadline_and_the_days_of_an_answer() -> None:
    days = {state: comes_back_on(state, accept_by=DAY, carry_out_by=LATER, accept_days=5) for state in State}
    assert days[State.REQUESTED] == date(2026, 3, 26)
    assert days[State.ACCEPTED] == date(2026, 4, 20)
    assert {day for state, day in days.items() if state not in OPEN_STATES} == {None}


@pytest.mark.parametrize(
    ("ours", "told", "teller", "outcome"),
    [
        (Standing(State.REQUESTED, 1), Told(State.ACCEPTED, 2), Side.PERFORMING, Merge.APPLIED),
        (Standing(State.ACCEPTED, 2), Told(State.ACCEPTED, 2), Side.PERFORMING, Merge.UNCHANGED),
        (Standing(State.CARRIED_OUT, 3, DAY), Told(State.ACCEPTED, 2), Side.PERFORMING, Merge.OLDER),
        (Standing(State.REQUESTED, 1), Told(State.WITHDRAWN, 2), Side.PERFORMING, Merge.CONFLICT),
        (Standing(State.ACCEPTED, 2), Told(State.CARRIED_OUT, 3, DAY), Side.ASKING, Merge.CONFLICT),
        (Standing(State.WITHDRAWN, 3, DAY), Told(State.CARRIED_OUT, 3, DAY), Side.PERFORMING, Merge.APPLIED),
        (Standing(State.WITHDRAWN, 3, DAY), Told(State.CARRIED_OUT, 3, LATER), Side.PERFORMING, Merge.CONFLICT),
        (Standing(State.WITHDRAWN, 3, DAY), Told(State.CARRIED_OUT, 3), Side.PERFORMING, Merge.CONFLICT),
        (Standing(State.REFUSED, 2, DAY), Told(State.CARRIED_OUT, 3, DAY), Side.PERFORMING, Merge.CONFLICT),
        (Standing(State.ACCEPTED, 2), Told(State.WITHDRAWN, 2), Side.ASKING, Merge.APPLIED),
        (Standing(State.WITHDRAWN, 2, DAY), Told(State.ACCEPTED, 2), Side.PERFORMING, Merge.OLDER),
    ],
)
def test_what_becomes_of_a_document(ours: Standing, told: Told, teller: Side, outcome: Merge) -> None:
    assert merge(ours, told, teller=teller) is outcome


def test_a_gap_is_told_and_both_versions_go_on() -> None:
    ours, told = Standing(State.REQUESTED, 1), Told(State.CARRIED_OUT, 4, DAY)
    assert missed_versions(ours, told) == (2, 3)
    assert merged_version(ours, told) == 4
    assert merged_version(Standing(State.ACCEPTED, 2), Told(State.WITHDRAWN, 2)) == 3


def paths(side: Side) -> st.SearchStrategy[list[Action]]:
    return st.lists(st.sampled_from([action for action, who in WHO.items() if who is side]), max_size=3)


@given(asking=paths(Side.ASKING), performing=paths(Side.PERFORMING), order=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_two_copies_agree_whatever_crosses_and_however_often(
    asking: list[Action], performing: list[Action], order: list[tuple[bool, bool]]
) -> None:
    """Both sides act and send old and new documents in any order; once each has heard the other's last word, they agree."""
    copies = {Side.ASKING: Standing(State.REQUESTED, 1), Side.PERFORMING: Standing(State.REQUESTED, 1)}
    todo = {Side.ASKING: list(asking), Side.PERFORMING: list(performing)}
    spoken: dict[Side, list[Told]] = {Side.ASKING: [], Side.PERFORMING: []}
    reached = {State.REQUESTED}

    def hear(side: Side, told: Told, teller: Side) -> None:
        if merge(copies[side], told, teller=teller) is Merge.APPLIED:
            copies[side] = Standing(told.state, merged_version(copies[side], told), DAY if told.state not in OPEN_STATES else None)

    for turn, acts in order:
        side = Side.ASKING if turn else Side.PERFORMING
        other = Side.PERFORMING if turn else Side.ASKING
        if acts and todo[side]:
            state = after(copies[side].state, todo[side].pop(0))
            if state is not None:
                copies[side] = Standing(state, copies[side].version + 1, DAY if state not in OPEN_STATES else None)
                spoken[side].append(Told(state, copies[side].version, DAY if state is State.CARRIED_OUT else None))
                reached.add(state)
        for told in spoken[other][::2]:
            hear(side, told, other)
    for _ in range(2):
        for side, other in ((Side.ASKING, Side.PERFORMING), (Side.PERFORMING, Side.ASKING)):
            for told in reversed(spoken[other]):
                hear(side, told, other)
    assert copies[Side.ASKING].state is copies[Side.PERFORMING].state is max(reached, key=RANK.__getitem__)


def test_every_state_can_be_told_by_somebody() -> None:
    assert frozenset().union(*TOLD_BY.values()) == frozenset(State)
