"""Counting attempts by camera, by the month in which they began: how they ended, by age, sex, device and route, and how long they took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from models.casework import ReviewDecision, VerificationReview
from models.certification import add_months
from models.person import Person
from models.policy import RecordSections
from models.repositories.figures.kinds import AGE_BANDS, DEVICES, UNDER, VERIFIED, Group, Kind
from models.repositories.figures.spans import FigureRow, MonthSpan, whole_seconds
from models.verification import Verification

OTHER = DEVICES[-1]


def flows(session: Session, policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:  # noqa: ARG001 - as every subject
    """``verifications.*``: one statement. A person's record that was merged into another counts where it is."""
    row = Verification
    band = _band(month.month)
    device = _device()
    reviewed = case((VerificationReview.decision == ReviewDecision.CERTIFIED, 1), else_=0)
    attempts = (
        select(
            Person.region_code,
            band.label("band"),
            Person.sex,
            device.label("device"),
            row.channel,
            row.state,
            row.outcome,
            reviewed.label("reviewed"),
            row.decided_at,
            row.started_at,
        )
        .join(Person, Person.id == row.person_id)
        .outerjoin(VerificationReview, VerificationReview.verification_id == row.id)
        .where(row.started_at >= month.begins, row.started_at < month.ends)
        .subquery()
    )
    group = [attempts.c[name] for name in ("region_code", "band", "sex", "device", "channel", "state", "outcome", "reviewed")]
    seconds = func.sum(whole_seconds(attempts.c.decided_at) - whole_seconds(attempts.c.started_at))
    found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in session.execute(select(*group, func.count().label("number"), seconds.label("seconds")).group_by(*group)):
        kinds = [Kind.VERIFICATIONS_STARTED]
        ended = f"verifications.{each.outcome.value if each.outcome else each.state.value}"
        if ended in VERIFIED:
            kinds.append(Kind(ended))
        if each.reviewed:
            kinds.append(Kind.VERIFICATIONS_REVIEWED)
        codes = (
            f"{Group.ALL}:",
            f"{Group.AGE}:{each.band}",
            f"{Group.SEX}:{each.sex.value}",
            f"{Group.DEVICE}:{each.device}",
            f"{Group.ROUTE}:{each.channel.value}",
        )
        for kind in kinds:
            for code in codes:
                found[each.region_code, kind, code][0] += each.number
                found[each.region_code, kind, code][1] += int(each.seconds or 0) if kind in DECIDED else 0
    for key, (number, total) in found.items():
        yield FigureRow(*key, number, None, total if key[1] in DECIDED else None)


DECIDED = (Kind.VERIFICATIONS_CERTIFIED, Kind.VERIFICATIONS_REFER, Kind.VERIFICATIONS_RETRY, Kind.VERIFICATIONS_REFUSED)
"""Kinds with a time: from begin to decision."""


def _band(month: date) -> ColumnElement[str]:
    """By the age in full years on the month's first day, so that one set of dates holds for all its attempts."""
    oldest_first = sorted(AGE_BANDS, reverse=True)
    return case(*((Person.birth_date <= add_months(month, -12 * years), name) for years, name in oldest_first), else_=UNDER)


def _device() -> ColumnElement[str]:
    told = Verification.client["device"].as_string()
    return case((told.in_(DEVICES), told), else_=OTHER)
