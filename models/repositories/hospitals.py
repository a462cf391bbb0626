"""Hospitals for those who look at them: their alerts, their claims by month, and which of a region have the most money at risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import extract, func, select, text
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState
from models.certification import add_months
from models.claim import Claim, ClaimLine, Institution
from models.detection import Signal, SubjectKind

_HOSPITAL = f"{SubjectKind.HOSPITAL.value}:"
NOT_CLOSED = text("alert.state <> 'closed'")  # as the partial indexes say it
MONTHS = 13
SIGNALS_OF_A_CLAIM = 50
SIGNALS_READ = 500
"""Standing signals of one person among which those that name a claim are looked for."""


@dataclass(frozen=True)
class HospitalLine:
    """One hospital with its alert that is not closed. ids are public."""

    institution_id: str
    name: str
    region_code: str
    alert_id: str
    code: str
    amount_fen: int


@dataclass(frozen=True)
class ClaimMonth:
    """Claims of one hospital that ended in a month. month: first day; fund_fen: what the fund paid."""

    month: date
    claims: int
    fund_fen: int


@dataclass(frozen=True)
class DearAlert:
    """One alert of a kind. alert_id: public. hospital: public id of the institution that it is about, None for a person."""

    alert_id: str
    code: str
    severity: AlertSeverity
    state: AlertState
    region_code: str
    amount_fen: int
    opened_at: datetime
    hospital: str | None = None
    hospital_name: str | None = None


def most_at_risk(session: Session, region: str, *, limit: int = 10) -> list[HospitalLine]:
    """Hospitals of a region by the money at risk in their open alert, the dearest first. region: first digits of the codes."""
    query = (
        select(
            Institution.public_id,
            Institution.name,
            Institution.region_code,
            Alert.public_id,
            Alert.code,
            func.coalesce(Alert.amount_fen, 0),
        )
        .join(Institution, Alert.key == _HOSPITAL + Institution.code)
        .where(Alert.person_id.is_(None), NOT_CLOSED, Alert.region_code.between(*_bounds(region)), Alert.amount_fen > 0)
        .order_by(Alert.amount_fen.desc(), Alert.id)
        .limit(limit)
    )
    return [HospitalLine(*row) for row in session.execute(query)]


def dearest(session: Session, region: str, code: str, *, limit: int = 20) -> list[DearAlert]:
    """Alerts of a kind that are not closed, the dearest first; those without money come last, the most urgent of them first."""
    columns: tuple[Any, ...] = (
        Alert.public_id,
        Alert.code,
        Alert.severity,
        Alert.state,
        Alert.region_code,
        func.coalesce(Alert.amount_fen, 0),
        Alert.opened_at,
        Institution.public_id,
        Institution.name,
    )
    of_kind = (
        select(*columns)
        .outerjoin(Institution, (Alert.person_id.is_(None)) & (Alert.key == _HOSPITAL + Institution.code))
        .where(Alert.code == code, NOT_CLOSED, Alert.region_code.between(*_bounds(region)))
    )
    found = list(session.execute(of_kind.where(Alert.amount_fen > 0).order_by(Alert.amount_fen.desc(), Alert.id.desc()).limit(limit)))
    if len(found) < limit:
        without = of_kind.where(func.coalesce(Alert.amount_fen, 0) <= 0).order_by(Alert.priority.desc(), Alert.id.desc())
        found += session.execute(without.limit(limit - len(found)))
    return [DearAlert(*row) for row in found]


def open_alerts(session: Session, code: str) -> Sequence[Alert]:
    """The alerts about a hospital and its doctors that are not closed. code: of the institution."""
    return session.scalars(select(Alert).where(Alert.key == _HOSPITAL + code, NOT_CLOSED).order_by(Alert.id.desc())).all()


def claims_by_month(
    session: Session, institution_id: int, *, last: date, months: int = MONTHS, doctor: str | None = None
) -> list[ClaimMonth]:
    """Claims of these months, oldest first, 0 where there are none; from an index alone. last: any day of the last month.

    doctor: only those of this doctor of the institution, by code.
    """
    final = last.replace(day=1)
    wanted = [add_months(final, -back) for back in reversed(range(months))]
    year, month = extract("year", Claim.to_date), extract("month", Claim.to_date)
    query = (
        select(year, month, func.count(), func.coalesce(func.sum(Claim.fund_fen), 0))
        .where(Claim.institution_id == institution_id, Claim.to_date >= wanted[0], Claim.to_date < add_months(final, 1))
        .group_by(year, month)
    )
    if doctor is not None:
        query = query.where(Claim.doctor == doctor)
    found = {date(int(row[0]), int(row[1]), 1): (int(row[2]), int(row[3])) for row in session.execute(query)}
    return [ClaimMonth(each, *found.get(each, (0, 0))) for each in wanted]


def last_claim_on(session: Session, institution_id: int) -> date | None:
    """Day of the newest claim of an institution."""
    return session.scalar(select(func.max(Claim.to_date)).where(Claim.institution_id == institution_id))


def dearest_claims(session: Session, institution_id: int, month: date, *, limit: int = 50) -> Sequence[Claim]:
    """Claims of an institution that ended in a month, those that cost the fund most first. month: first day."""
    ended = (Claim.to_date >= month, Claim.to_date < add_months(month, 1))
    query = select(Claim).where(Claim.institution_id == institution_id, *ended).order_by(Claim.fund_fen.desc(), Claim.id).limit(limit)
    return session.scalars(query).all()


def lines_after(session: Session, claim_id: int, number: int = 0, *, limit: int = 200) -> list[ClaimLine]:
    """Lines of a claim in order, from after a number."""
    query = select(ClaimLine).where(ClaimLine.claim_id == claim_id, ClaimLine.number > number).order_by(ClaimLine.number).limit(limit)
    return list(session.scalars(query))


def signals_naming(session: Session, claim: Claim, lines: Sequence[ClaimLine]) -> list[Signal]:
    """Standing signals about the claim's person that name it or one of its lines, the dearest first.

    Among the newest ``SIGNALS_READ`` of the person. Findings about the hospital as a whole are not among them.
    """
    of_person = select(Signal).where(Signal.person_id == claim.person_id, Signal.vanished_at.is_(None))
    ids = {line.id for line in lines}
    found = [
        signal
        for signal in session.scalars(of_person.order_by(Signal.id.desc()).limit(SIGNALS_READ))
        if any(
            (one.get("kind") == "claim" and one.get("id") == claim.id) or (one.get("kind") == "claim_line" and one.get("id") in ids)
            for one in signal.records
        )
    ]
    return sorted(found, key=lambda signal: (-signal.amount_fen, signal.id))[:SIGNALS_OF_A_CLAIM]


def _bounds(region: str) -> tuple[str, str]:
    return region.ljust(6, "0"), region.ljust(6, "9")
