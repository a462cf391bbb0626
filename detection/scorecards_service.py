"""Scorecards of every rule and model of a region, from counted figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from detection.scorecards.scorecard import Scorecard, scorecard
from models.casework import RuleMode
from models.certification import add_months
from models.database import Database
from models.policy_casework import ScorecardPolicy
from models.repositories import oversight, rule_modes, scorecards
from models.repositories.scorecards import Counted


@dataclass(frozen=True)
class Card:
    """One code: what was counted, what it is worth, and the mode it is in."""

    scorecard: Scorecard
    counted: Counted
    mode: RuleMode
    is_rule: bool

    @property
    def code(self) -> str:
        """Stable code of the rule or model, or of an alert that no rule opens."""
        return self.scorecard.code


@dataclass(frozen=True)
class Board:
    """Every card, by code. day: last one that was counted, None when none was; months: first days whose decisions count, oldest first."""

    day: date | None
    counted_at: datetime | None
    months: tuple[date, ...]
    cards: tuple[Card, ...]

    def card(self, code: str) -> Card | None:
        """The card of a code."""
        return next((card for card in self.cards if card.code == code), None)


class ScorecardsService:
    """Reads only; what is done about a rule, people do."""

    def __init__(self, database: Database, policy: ScorecardPolicy) -> None:
        self._database = database
        self._policy = policy

    def board(self, region_code: str, rules: Collection[str], *, as_of: date | None = None, code: str | None = None) -> Board:
        """Cards of every rule, and of other codes that have figures. Four statements.

        region_code: with all inside it. rules: codes of the published rules and models. code: only this one.
        """
        with self._database.read_scope() as session:
            counted_days = oversight.counted_days(session)
            day = max((each for each in counted_days if as_of is None or each <= as_of), default=None)
            modes = rule_modes.current(session)
            counted: dict[str, Counted] = {}
            months: tuple[date, ...] = ()
            if day is not None:
                months = tuple(add_months(day.replace(day=1), -back) for back in reversed(range(self._policy.months)))
                counted = scorecards.counted(session, region_code=region_code, day=day, months=months, code=code)
        codes = sorted({*rules, *counted}) if code is None else [code]
        empty = dict.fromkeys(months, Counted("").decisions)
        cards = []
        for each in codes:
            one = counted.get(each, Counted(each, months=empty))
            worth = scorecard(each, one.decisions, self._policy, is_rule=each in rules)
            cards.append(Card(worth, one, modes.get(each, RuleMode.LIVE), each in rules))
        return Board(day, None if day is None else counted_days[day], months, tuple(cards))
