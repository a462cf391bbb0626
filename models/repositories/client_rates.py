"""What each machine client has used of its present minute, in one row that all workers share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.client import ClientRate


def lease(session: Session, client_pk: int, *, window_start: datetime, share: int, rate_per_minute: int) -> tuple[int, int]:
    """Take a share of what is left of a client's minute, in one statement: (how many requests were had, how many are left for all).

    share: how many are wanted, at least 1. A minute that another host, whose clock is ahead, has begun already is the one that counts.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = insert(ClientRate).values(client_pk=client_pk, window_start=window_start, taken=share)
    newer = fresh.excluded.window_start > ClientRate.window_start
    statement = fresh.on_conflict_do_update(
        index_elements=[ClientRate.client_pk],
        set_={
            "window_start": case((newer, fresh.excluded.window_start), else_=ClientRate.window_start),
            "taken": case((newer, literal(share)), else_=ClientRate.taken + share),
        },
    ).returning(ClientRate.taken)
    taken = int(session.execute(statement).scalar_one())
    had = max(0, min(share, rate_per_minute - (taken - share)))
    return had, max(0, rate_per_minute - taken)
