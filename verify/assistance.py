"""Assisted certification, the rules: who may do what in which state, deadlines, and how two installations come to agree. Pure.

Two installations that each keep a copy of one request cannot lock each other out, so a step of one can cross a step of the other. What
both then come to is decided by the rank of the states: a fact (the person was seen) stands above everybody's wish, the wish of the
asking side above an answer of the other, a later answer above an earlier one. Whatever the order in which messages arrive, and however
often, both copies end in the state of the highest rank that either of them reached.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.assistance import AssistanceReason, AssistanceState


class Side(StrEnum):
    """Who acts: the region that asks, the region that is asked, or the calendar."""

    ASKING = "asking"
    PERFORMING = "performing"
    CALENDAR = "calendar"


class Action(StrEnum):
    """What can be done with a request."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    CARRY_OUT = "carry_out"
    RETURN = "return"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


WHO = {
    Action.ACCEPT: Side.PERFORMING,
    Action.REFUSE: Side.PERFORMING,
    Action.CARRY_OUT: Side.PERFORMING,
    Action.RETURN: Side.PERFORMING,
    Action.WITHDRAW: Side.ASKING,
    Action.EXPIRE: Side.CALENDAR,
}

STEPS = {
    (AssistanceState.REQUESTED, Action.ACCEPT): AssistanceState.ACCEPTED,
    (AssistanceState.REQUESTED, Action.REFUSE): AssistanceState.REFUSED,
    (AssistanceState.REQUESTED, Action.WITHDRAW): AssistanceState.WITHDRAWN,
    (AssistanceState.REQUESTED, Action.EXPIRE): AssistanceState.RETURNED,
    (AssistanceState.ACCEPTED, Action.CARRY_OUT): AssistanceState.CARRIED_OUT,
    (AssistanceState.ACCEPTED, Action.RETURN): AssistanceState.RETURNED,
    (AssistanceState.ACCEPTED, Action.WITHDRAW): AssistanceState.WITHDRAWN,
    (AssistanceState.ACCEPTED, Action.EXPIRE): AssistanceState.RETURNED,
}

OPEN_STATES = (AssistanceState.REQUESTED, AssistanceState.ACCEPTED)
CLOSED_STATES = tuple(state for state in AssistanceState if state not in OPEN_STATES)

REFUSE_REASONS = (AssistanceReason.NOT_HERE, AssistanceReason.NO_CAPACITY, AssistanceReason.DATA_UNCLEAR, AssistanceReason.OTHER)
RETURN_REASONS = (
    AssistanceReason.MOVED_AWAY,
    AssistanceReason.NOT_FOUND,
    AssistanceReason.ILL,
    AssistanceReason.DIED,
    AssistanceReason.OTHER,
)
REASONS: dict[Action, tuple[AssistanceReason, ...]] = {
    Action.REFUSE: REFUSE_REASONS,
    Action.RETURN: RETURN_REASONS,
    Action.EXPIRE: (AssistanceReason.DEADLINE,),
}

RANK = {
    AssistanceState.REQUESTED: 0,
    AssistanceState.ACCEPTED: 1,
    AssistanceState.REFUSED: 2,
    AssistanceState.RETURNED: 3,
    AssistanceState.WITHDRAWN: 4,
    AssistanceState.CARRIED_OUT: 5,
}

# What an installation may tell of a request, by the side that it serves. "returned" from the asking side: a deadline passed.
TOLD_BY = {
    Side.ASKING: frozenset({AssistanceState.REQUESTED, AssistanceState.WITHDRAWN, AssistanceState.RETURNED}),
    Side.PERFORMING: frozenset({AssistanceState.ACCEPTED, AssistanceState.REFUSED, AssistanceState.RETURNED, AssistanceState.CARRIED_OUT}),
}


def after(state: AssistanceState, action: Action) -> AssistanceState | None:
    """The state that the action leads to; None when it is not possible in this state."""
    return STEPS.get((state, action))


def possible(state: AssistanceState, sides: Collection[Side]) -> tuple[Action, ...]:
    """What those who act for these sides may do now, in the order of ``Action``."""
    return tuple(action for action in Action if WHO[action] in sides and (state, action) in STEPS)


class Punctuality(StrEnum):
    """Where a request stands against its next deadline."""

    IN_TIME = "in_time"
    SOON = "soon"
    LATE = "late"
    CLOSED = "closed"


@dataclass(frozen=True)
class Deadline:
    """The next deadline. days_left: negative when it has passed, 0 on the day itself, which is still in time."""

    day: date | None
    days_left: int | None
    punctuality: Punctuality


def next_deadline(state: AssistanceState, *, accept_by: date, carry_out_by: date, today: date, warn_days: int) -> Deadline:
    """Until when the region that is asked has to act next."""
    if state not in OPEN_STATES:
        return Deadline(None, None, Punctuality.CLOSED)
    day = accept_by if state is AssistanceState.REQUESTED else carry_out_by
    days_left = (day - today).days
    if days_left < 0:
        return Deadline(day, days_left, Punctuality.LATE)
    return Deadline(day, days_left, Punctuality.SOON if days_left <= warn_days else Punctuality.IN_TIME)


def comes_back_on(state: AssistanceState, *, accept_by: date, carry_out_by: date, accept_days: int) -> date | None:
    """First day on which an open request comes back by itself, so that the asking region goes another way; None for a closed one.

    That is the day after the deadline and as many days again as there are for an answer.
    """
    if state not in OPEN_STATES:
        return None
    deadline = accept_by if state is AssistanceState.REQUESTED else carry_out_by
    return deadline + timedelta(days=accept_days + 1)


class Merge(StrEnum):
    """What becomes of a document of the other installation."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    OLDER = "older"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Standing:
    """A copy of a request. closed_on: the day on which it was closed, None while it is open."""

    state: AssistanceState
    version: int
    closed_on: date | None = None


@dataclass(frozen=True)
class Told:
    """What the other installation says of its copy. occurred_on: the day on which the person was seen."""

    state: AssistanceState
    version: int
    occurred_on: date | None = None


def merge(ours: Standing, told: Told, *, teller: Side) -> Merge:
    """What becomes of what the other installation tells. teller: the side that it serves.

    CONFLICT where the teller may not say such a thing, and where a person was seen only after the request was closed: then people
    have to talk to each other.
    """
    if told.state is ours.state:
        return Merge.UNCHANGED
    if RANK[told.state] < RANK[ours.state]:
        return Merge.OLDER
    if told.state not in TOLD_BY[teller]:
        return Merge.CONFLICT
    if ours.closed_on is None or told.state is not AssistanceState.CARRIED_OUT:
        return Merge.APPLIED
    seen_in_time = told.occurred_on is not None and told.occurred_on <= ours.closed_on
    return Merge.APPLIED if seen_in_time and ours.state is not AssistanceState.REFUSED else Merge.CONFLICT


def merged_version(ours: Standing, told: Told) -> int:
    """Version of our copy once the other's state is taken over: theirs, or one more than ours where both had gone on."""
    return max(ours.version + 1, told.version)


def missed_versions(ours: Standing, told: Told) -> tuple[int, ...]:
    """Steps of the other that never arrived here: nothing is lost, because a document tells the whole state, but it is said."""
    return tuple(range(ours.version + 1, told.version))
