"""Counting pauses and resumptions of benefits: proposed, signed, resumed in a month."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeState
from models.policy import RecordSections
from models.repositories.figures.kinds import Kind
from models.repositories.figures.spans import FigureRow, MonthSpan

PAUSE = PaymentChange.kind == PaymentChangeKind.PAUSE
RESUME = PaymentChange.kind == PaymentChangeKind.RESUME
SIGNED = PaymentChange.state == PaymentChangeState.APPROVED


def flows(session: Session, policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:  # noqa: ARG001 - as every subject
    """``pauses.*``: three statements."""
    what = (
        (Kind.PAUSES_PROPOSED, PaymentChange.proposed_at, (PAUSE,)),
        (Kind.PAUSES_MADE, PaymentChange.decided_at, (PAUSE, SIGNED)),
        (Kind.PAUSES_RESUMED, PaymentChange.decided_at, (RESUME, SIGNED)),
    )
    for kind, moment, only in what:
        query = (
            select(PaymentChange.region_code, func.count().label("number"), func.sum(PaymentChange.arrears_fen).label("arrears"))
            .where(moment >= month.begins, moment < month.ends, *only)
            .group_by(PaymentChange.region_code)
        )
        for row in session.execute(query):
            arrears = int(row.arrears or 0) if kind is Kind.PAUSES_RESUMED else None
            yield FigureRow(row.region_code, kind, "", row.number, arrears)
