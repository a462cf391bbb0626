"""Modes of rules: live, in shadow or retired; the last change of a code counts, and a code without any is live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.casework import RuleMode, RuleModeChange
from models.detection import Signal
from models.errors import Conflict, ConflictError
from models.repositories import audit
from models.repositories.silent_scratch import COUNT_ROWS, row_count

RETIRED = "rule_retired"
"""Why the signals of a retired rule vanish."""


def current(session: Session) -> dict[str, RuleMode]:
    """The mode of every code that was ever changed."""
    last = select(func.max(RuleModeChange.id)).group_by(RuleModeChange.code)
    return {
        row.code: row.mode for row in session.execute(select(RuleModeChange.code, RuleModeChange.mode).where(RuleModeChange.id.in_(last)))
    }


def changes(session: Session, code: str, *, limit: int = 50) -> Sequence[RuleModeChange]:
    """Changes of one code, the newest first."""
    query = select(RuleModeChange).where(RuleModeChange.code == code).order_by(RuleModeChange.id.desc()).limit(limit)
    return session.scalars(query).all()


def change(session: Session, code: str, mode: RuleMode, *, reason: str, by: str, now: datetime, seen: int | None = None) -> bool:
    """Put a code into a mode; False when it is in it already. The next triage brings alerts to what then stands.

    The signals of a code that is retired vanish at once; those of one that goes into shadow, or comes back, are looked at again.

    seen: id of the last change of the code that whoever decides has seen, 0 for none; None asks for no such check.

    Raises ConflictError (RULE_MODE_STATE) when the code was changed since: nothing is written.
    """
    if (
        session.get_bind().dialect.name == "postgresql"
    ):  # of two changes at once one waits here, and then sees the other; SQLite has one writer
        session.execute(text(f"LOCK TABLE {RuleModeChange.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))
    last = session.scalar(select(func.max(RuleModeChange.id)).where(RuleModeChange.code == code)) or 0
    if seen is not None and seen != last:
        raise ConflictError(Conflict.RULE_MODE_STATE, "the mode of this rule was changed meanwhile: look at it again")
    if current(session).get(code, RuleMode.LIVE) is mode:
        return False
    session.add(RuleModeChange(code=code, mode=mode, reason=reason, by=by, at=now))
    if mode is RuleMode.RETIRED:
        retire(session, code, now=now)
    else:
        standing = update(Signal).where(Signal.code == code, Signal.vanished_at.is_(None))
        session.execute(standing.values(triage_due=True).execution_options(synchronize_session=False))
    audit.record(session, actor=by, action="rule.mode_changed", now=now, object=code, details={"code": code, "mode": mode.value})
    return True


def retire(session: Session, code: str, *, now: datetime) -> int:
    """Let every standing signal of a retired code vanish; how many. The next triage tells their alerts."""
    standing = update(Signal).where(Signal.code == code, Signal.vanished_at.is_(None))
    gone = standing.values(vanished_at=now, vanished_reason=RETIRED, triage_due=True)
    return row_count(session.execute(gone.execution_options(synchronize_session=False, **COUNT_ROWS)))
