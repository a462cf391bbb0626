"""Announcing changes of status: finds them, one transaction a chunk, and never two announcers at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.database import Database
from models.policy import CertificationPolicy
from models.repositories import status_changes

# Persons a transaction. On SQLite everybody who writes waits for it, so it stays under a second there.
CHUNK = {"sqlite": 5_000, "postgresql": 50_000}

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Announced:
    """What a run did. looked_at: touches, and persons whose day came. elsewhere: another announcer was at work, and this one left."""

    looked_at: int
    changes: int
    elsewhere: bool


def announce(
    database: Database,
    policy: CertificationPolicy,
    clock: Callable[[], datetime],
    *,
    everybody: bool = False,
    report: Report | None = None,
    stop: Callable[[], bool] = lambda: False,
    chunk: int | None = None,
) -> Announced:
    """Tell every change there is. Killed at any moment, it loses nothing and tells nothing twice: a chunk is a transaction.

    everybody: look at everybody, as after new rules. report: (stage, done, total). stop: asked between chunks. chunk: persons a
    transaction, otherwise what suits the database.
    """
    limit = chunk or CHUNK[database.dialect]
    with database.read_scope() as session:
        idle = not everybody and status_changes.nothing_to_do(session, policy, on=policy.today(clock()))
    if idle:
        return Announced(0, 0, elsewhere=False)  # nobody's write has to wait for a look that finds nothing
    with database.session_scope() as session:
        if not status_changes.take_lock(session):
            return Announced(0, 0, elsewhere=True)
        status_changes.touch_all_under_new_rules(session, policy, now=clock(), always=everybody)
    looked_at = changes = 0
    while not stop():
        now = clock()
        with database.session_scope() as session:
            if not status_changes.take_lock(session):
                return Announced(looked_at, changes, elsewhere=True)
            done = status_changes.announce_chunk(session, policy, on=policy.today(now), now=now, limit=limit)
            waiting = status_changes.waiting(session, up_to=100 * limit) if report is not None else 0
        if done.looked_at == 0:
            break
        looked_at += done.looked_at
        changes += done.changes
        if report is not None:
            report("looked at", looked_at, looked_at + waiting)
    return Announced(looked_at, changes, elsewhere=False)
