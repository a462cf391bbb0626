"""What somebody works on next: chosen and held in one statement, so that two persons never get the same.

On PostgreSQL a row that somebody is just taking is passed over (SKIP LOCKED), so that nobody waits for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, CaseFile
from models.repositories.case_queue import Narrowed, in_region, of_code, on_diary, open_with_cases, signable, takeable


@dataclass(frozen=True)
class NextFilter:
    """What the person wants to work on: alerts of a code (or with a signal of it) or of a severity; all of them without."""

    code: str | None = None
    severity: AlertSeverity | None = None


class Turn(StrEnum):
    """What comes in turn."""

    DIARY = "diary"  # the person's own cases whose day has come
    TO_SIGN = "to_sign"  # what waits for a second person
    FREE = "free"  # alerts that nobody has, and free cases


def choose(session: Session, turn: Turn, actor: str, region: str, wanted: NextFilter, *, now: datetime, today: date) -> Alert | None:
    """The most urgent alert of a turn, held until the transaction ends; None when there is none. region: first digits."""
    narrowed = in_region(_of_turn(turn, actor, now, today), region)
    if wanted.severity is not None:
        narrowed = narrowed.where(Alert.severity == wanted.severity)
    if wanted.code is not None:
        narrowed = of_code(narrowed, wanted.code)
    first = narrowed.order_by(Alert.priority.desc(), Alert.id.desc()).limit(1)
    held = first.with_for_update(of=Alert, skip_locked=True, key_share=True).execution_options(populate_existing=True)
    return session.scalar(held)


def _of_turn(turn: Turn, actor: str, now: datetime, today: date) -> Narrowed:
    if turn is Turn.FREE:
        return open_with_cases(Alert).where(takeable(now, today))
    of_cases = select(Alert).join(CaseFile, and_(CaseFile.alert_id == Alert.id, CaseFile.closed_at.is_(None)))
    if turn is Turn.DIARY:
        return of_cases.where(on_diary(actor, today))
    return of_cases.where(signable(actor, now), CaseFile.owner.is_distinct_from(actor))
