"""Work that goes on beside the queue's jobs: the audit is sealed, changes of status are announced, webhooks sent, and detection run that
staff asked for.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from sqlalchemy.exc import SQLAlchemyError

from api import announcer, audit_sealing, detection_requests
from api.clock_guard import read_clock
from api.context import Context
from api.log import logger
from api.webhook_delivery import Sender
from api.webhook_targets import Targets
from models.errors import ModelsError

ANNOUNCE_EVERY_S = 3.0
SEND_EVERY_S = 1.0
LOOK_FOR_RUNS_EVERY_S = 5.0
AFTER_TROUBLE_S = 15.0
STOP_WITHIN_S = 15.0

log = logger("lifecert.beside")


def make_sender(context: Context) -> Sender:
    """A sender of webhooks for this installation. Close it."""
    return Sender(context.database, context.keyring, context.policy.integration, Targets(context.settings), context.clock)


@contextmanager
def working_beside(context: Context) -> Iterator[None]:
    """Seal, announce, send and detect in threads until the block ends; what is in hand is finished, or goes on with the next process."""
    stop = threading.Event()
    sender = make_sender(context)

    def seal() -> None:
        audit_sealing.seal(context)

    def tell() -> None:
        if not read_clock(context).steady:
            return  # a status goes by the day
        done = announcer.announce(context.database, context.policy.certification, context.clock, stop=stop.is_set)
        if done.changes:
            log.info("changes_announced", looked_at=done.looked_at, changes=done.changes)

    def send() -> None:
        done = sender.start_round()
        if done.dead or done.failed:
            log.info("webhooks_sent", **asdict(done))

    def detect() -> None:
        if not read_clock(context).steady:
            return
        detection_requests.carry_out_waiting(context)

    threads = [
        threading.Thread(target=_every, args=(stop, seal, audit_sealing.SEAL_EVERY_S), name="audit"),
        threading.Thread(target=_every, args=(stop, tell, ANNOUNCE_EVERY_S), name="announcer"),
        threading.Thread(target=_every, args=(stop, send, SEND_EVERY_S), name="webhooks"),
        threading.Thread(target=_every, args=(stop, detect, LOOK_FOR_RUNS_EVERY_S), name="detection"),
    ]
    for thread in threads:
        thread.daemon = True  # killed at any moment, none loses anything
        thread.start()
    try:
        yield
    finally:
        stop.set()
        sender.close()
        for thread in threads:
            thread.join(STOP_WITHIN_S)


def _every(stop: threading.Event, work: Callable[[], None], seconds: float) -> None:
    while not stop.is_set():
        wait_s = seconds
        try:
            work()
        except (SQLAlchemyError, sqlite3.Error, ModelsError) as error:
            log.warning("beside_failed", work=work.__name__, why=type(error).__name__)  # the store may be back in a while
            wait_s = AFTER_TROUBLE_S
        except RuntimeError as error:
            if not stop.is_set():  # a worker is asked for while the pool closes
                log.error("beside_failed", work=work.__name__, exc_info=error)
                wait_s = AFTER_TROUBLE_S
        stop.wait(wait_s)
