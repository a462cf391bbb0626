"""What the client gives back: frozen values, with dates as dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


def _day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


@dataclass(frozen=True)
class Status:
    """Certification status as of a day. state: certified, due_soon, overdue, paused, deceased or never_certified."""

    person_id: str
    resident_id_masked: str
    state: str
    on: date
    last_certified_on: date | None
    due_on: date | None
    cycle_months: int

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Status:
        """From the JSON of the service; members that this version does not know are left out."""
        return cls(
            person_id=body["person_id"],
            resident_id_masked=body["resident_id_masked"],
            state=body["state"],
            on=date.fromisoformat(body["on"]),
            last_certified_on=_day(body["last_certified_on"]),
            due_on=_day(body["due_on"]),
            cycle_months=body["cycle_months"],
        )


@dataclass(frozen=True)
class BatchLine:
    """One id of a batch: its place in what was sent, and either a status or the code of a problem."""

    index: int
    status: Status | None
    problem: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> BatchLine:
        """From one line of the stream."""
        problem = body.get("problem")
        return cls(body["index"], None if problem is not None else Status.of(body), problem)


@dataclass(frozen=True)
class CardStatus:
    """Whether a card is on the blacklist on a day."""

    blacklisted: bool
    on: date
    reason: str | None
    from_on: date | None
    until_on: date | None
    source: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> CardStatus:
        """From the JSON of the service."""
        return cls(
            body["blacklisted"],
            date.fromisoformat(body["on"]),
            body["reason"],
            _day(body["from_on"]),
            _day(body["until_on"]),
            body["source"],
        )


@dataclass(frozen=True)
class IdentityCheck:
    """What an identity check came to. match: the level. certification and card: as the service gives them."""

    check: str
    person_id: str
    match: str
    why: str
    reasons: tuple[str, ...]
    certification_state: str
    certification_due_on: date | None
    card_blacklisted: bool
    trace_recorded: bool

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> IdentityCheck:
        """From the JSON of the service."""
        return cls(
            check=body["check"],
            person_id=body["person_id"],
            match=body["match"],
            why=body["why"],
            reasons=tuple(body["reasons"]),
            certification_state=body["certification"]["state"],
            certification_due_on=_day(body["certification"]["due_on"]),
            card_blacklisted=body["card"]["blacklisted"],
            trace_recorded=body["trace_recorded"],
        )


@dataclass(frozen=True)
class Change:
    """One change of a status. before: None the first time that anything is told of the person."""

    change: str
    person_id: str
    region_code: str
    on: date
    before: str | None
    state: str
    last_certified_on: date | None
    due_on: date | None
    announced_at: datetime

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Change:
        """From the JSON of the service."""
        return cls(
            change=body["change"],
            person_id=body["person_id"],
            region_code=body["region_code"],
            on=date.fromisoformat(body["on"]),
            before=body["before"],
            state=body["state"],
            last_certified_on=_day(body["last_certified_on"]),
            due_on=_day(body["due_on"]),
            announced_at=datetime.fromisoformat(body["announced_at"]),
        )


@dataclass(frozen=True)
class Changes:
    """A page of changes. next_cursor: keep it, and ask from there the next time. more: whether another page waits."""

    changes: tuple[Change, ...]
    next_cursor: str
    more: bool

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Changes:
        """From the JSON of the service."""
        return cls(tuple(Change.of(change) for change in body["changes"]), body["next_cursor"], body["more"])


@dataclass(frozen=True)
class NewWebhook:
    """A webhook that was made. secret: signs its messages (Standard Webhooks), shown this once."""

    webhook_id: str
    url: str
    secret: str


@dataclass(frozen=True)
class Webhook:
    """A webhook as it stands. pending and dead: messages that wait, and that were given up."""

    webhook_id: str
    url: str
    states: tuple[str, ...] | None
    pending: int
    dead: int
    last_error: str | None
    disabled_reason: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Webhook:
        """From the JSON of the service."""
        states = body["states"]
        return cls(
            body["webhook_id"],
            body["url"],
            None if states is None else tuple(states),
            body["pending"],
            body["dead"],
            body["last_error"],
            body["disabled_reason"],
        )


@dataclass(frozen=True)
class Import:
    """A file that was handed in. state: running, done or failed. by_rule: rejected rows by rule."""

    batch: str
    kind: str
    state: str
    rows: int
    accepted: int
    unchanged: int
    rejected: int
    by_rule: Mapping[str, int]
    failure: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Import:
        """From the JSON of the service."""
        return cls(**{name: body[name] for name in cls.__dataclass_fields__})
