"""What stands on the line of a person: one entry, and the lane that it is on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class Lane(StrEnum):
    """Which part of the line an entry is on."""

    EVIDENCE = "evidence"
    CHECK = "check"
    BENEFIT = "benefit"
    PAUSE = "pause"
    PAYMENT = "payment"
    PAYMENT_CHANGE = "payment_change"
    CLAIM = "claim"
    ENROLMENT = "enrolment"
    OUTREACH = "outreach"
    ASSISTANCE = "assistance"
    ALERT = "alert"
    CASE = "case"
    MERGER = "merger"


@dataclass(frozen=True)
class Entry:
    """One thing that happened or lasted. key: unique on the line. until: last day, None while it lasts or for one day (``lasts`` tells).

    code: what it is, in the words of its table. record: public id of the record that it belongs to. counts: False for a row of the ledger
    that another one corrects, or that takes one away. facts: the further values that words are made of.
    """

    lane: Lane
    key: str
    on: date
    code: str
    record: str
    until: date | None = None
    lasts: bool = False
    counts: bool = True
    facts: dict[str, Any] = field(default_factory=dict)
