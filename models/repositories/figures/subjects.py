"""Every subject that figures are counted of. A subject has ``stocks``, ``flows`` or both; all run in one snapshot of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy.orm import Session

from models.policy import RecordSections
from models.repositories.figures import alerts, cases, payments, people, routes, scorecards, verifications
from models.repositories.figures.spans import DaySpan, FigureRow, MonthSpan

STOCKS: tuple[Callable[[Session, RecordSections, DaySpan], Iterator[FigureRow]], ...] = (people.stocks, alerts.stocks, scorecards.stocks)
"""What stands at the end of a day."""

FLOWS: tuple[Callable[[Session, RecordSections, MonthSpan], Iterator[FigureRow]], ...] = (
    people.flows,
    alerts.flows,
    cases.flows,
    payments.flows,
    verifications.flows,
    routes.flows,
    scorecards.flows,
)
"""What happened in a month."""
