"""Sealing the audit: every few seconds beside the jobs, and at the end of every command that opened the store.

Imports what it needs when it is called: a command that opens nothing has nothing to wait for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.context import Context
    from models.repositories.audit_sealing import Report

SEAL_EVERY_S = 3.0

_opened: list[Context] | None = None
_process = 0


def remember() -> None:
    """Keep the contexts that are opened from now on, for ``seal_opened``: a command begins."""
    global _opened, _process
    _opened, _process = [], os.getpid()


def opened(context: Context) -> None:
    """Told of every context of this process."""
    if _opened is not None:
        _opened.append(context)


def leave(context: Context) -> None:
    """Do not seal this one at the end of the command: it was opened to be looked at."""
    if _opened is not None:
        _opened[:] = [known for known in _opened if known is not context]


def seal_opened() -> None:
    """Seal what the command wrote into the stores that it opened. A worker that a server forked leaves it alone."""
    global _opened
    kept, _opened = _opened or [], None
    if os.getpid() == _process:
        for context in kept:
            seal(context)


def seal(context: Context, report: Report | None = None) -> int:
    """Put every entry that waits into the chain; how many. What keeps it from that is logged: the next round does it."""
    from sqlalchemy.exc import SQLAlchemyError

    from api import audit_journal
    from api.log import logger
    from models.errors import ModelsError
    from models.keys import KeyRingError
    from models.repositories import audit_sealing

    log = logger("lifecert.audit")
    audit_journal.take_in(context)
    try:
        done = audit_sealing.seal_waiting(context.database, context.keyring, now=context.clock(), report=report)
    except audit_sealing.AuditChainError as error:
        log.error("audit_chain_broken", why=str(error))
        return 0
    except (SQLAlchemyError, ModelsError, KeyRingError) as error:
        log.warning("audit_not_sealed", why=type(error).__name__)
        return 0
    if done is None:
        return 0
    for made in done.seals:
        # a seal that is also in a log cannot be rolled back unseen
        log.info(
            "audit_sealed",
            number=made.id,
            kind=made.kind.value,
            day=made.day.isoformat(),
            position=made.position,
            entries=made.entries,
            head=made.head_hash.hex(),
            signature=made.signature.hex(),
            key=made.key_id,
        )
    return done.entries
