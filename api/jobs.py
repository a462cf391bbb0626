"""Background jobs on huey: deletion when due, expiry of sessions, calibration as the gallery grows.

Each job checks what there is to do before it does it, so a second delivery, or two consumers, do no harm.
"""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from huey import SqliteHuey, crontab
from huey.api import Huey
from huey.consumer import Consumer
from sqlalchemy.exc import SQLAlchemyError

from api import figures_requests, retention
from api.assistance import assistance_service
from api.beside import working_beside
from api.clock_guard import read_clock
from api.context import Context
from api.fairness import make_fairness
from api.figures import make_figures
from api.identity_checks import make_identity_checks
from api.intake import delete_old_files, import_waiting
from api.job_watch import heard, watch
from api.keys import make_rotation
from api.log import logger
from api.message_dispatch import send_messages
from api.nightly_detection import ask_for_tonight
from api.notice_dispatch import send_notices
from api.notices import tell_subscribers
from api.payments import make_outreach, make_resumptions
from api.peers import relay
from api.retention import RetentionRefusedError, note_housekeeping
from api.status_page import status_code_service
from models.database import Database, parse_url
from models.errors import ConflictError
from models.repositories import clients, failure_counts, notices, rate_limits, webhook_deliveries
from verify.calibration_service import CalibrationService

CHECKPOINT_EVERY_S = 2.0

log = logger("lifecert.jobs")


def make_queue(context: Context) -> Huey:
    """SQLite in the home by default; PostgreSQL when the store is there. Only the constructor differs."""
    url = parse_url(context.settings.store_url)
    if url.get_backend_name() == "postgresql":
        from huey import PostgresHuey

        return PostgresHuey("lifecert", dsn=url.set(drivername="postgresql").render_as_string(hide_password=False))
    return SqliteHuey("lifecert", filename=str(context.settings.home / "jobs.sqlite3"))


def add_jobs(queue: Huey, context: Context) -> dict[str, Any]:
    """Register the jobs on a queue; returns them by name."""
    identity_checks = make_identity_checks(context)
    calibration = CalibrationService(context.database, context.keyring, context.engine, context.policy.verification, context.clock)

    def purge_webhooks() -> int:
        before = context.clock() - timedelta(days=context.policy.integration.webhook_days_kept)
        with context.database.session_scope() as session:
            return webhook_deliveries.purge(session, before=before)

    def purge_tokens() -> int:
        before = context.clock() - timedelta(days=context.policy.integration.token_days_kept)
        with context.database.session_scope() as session:
            return clients.purge_tokens(session, before=before)

    def purge_notices() -> int:
        before = context.clock() - timedelta(days=context.policy.oversight.notices_days)
        with context.database.session_scope() as session:
            return notices.purge_read(session, before=before)

    def purge_counters() -> int:
        now = context.clock()
        with context.database.session_scope() as session:
            return rate_limits.purge(session, now=now) + failure_counts.purge(session, context.policy.retry, now=now)

    def housekeeping() -> dict[str, int]:
        done = context.verification.housekeeping()
        done["client_tokens_deleted"] = purge_tokens()
        done["webhook_messages_deleted"] = purge_webhooks()
        done["identity_checks_deleted"] = identity_checks.delete_old()
        done["status_codes_deleted"] = status_code_service(context).housekeeping()
        done["notices_deleted"] = purge_notices()
        done["limit_counters_deleted"] = purge_counters()
        done["import_files_deleted"] = delete_old_files(context)
        note_housekeeping(context, done)
        if any(done.values()):
            log.info("housekeeping", **done)
        return done

    def delete_when_due() -> int:
        try:
            report = retention.run(context, by="job:retention")
        except RetentionRefusedError as refused:
            log.warning("retention_refused", why=refused.doubt.value, next="lifecert retention run says what to do")
            return 0
        log.info("retention_run", run=report.run_id, deleted=report.deleted)
        return report.deleted

    def recalibrate() -> int | None:
        calibration_id = calibration.compute_if_grown(actor="job:recalibrate")
        if calibration_id is not None:
            log.info("calibration_computed", calibration=calibration_id, next="a person promotes it: lifecert calibrate --promote")
        return calibration_id

    def relay_assistance() -> dict[str, int]:
        return relay(context)

    def tend_assistance() -> dict[str, int]:
        done = assistance_service(context).tend()
        if any(done.values()):
            log.info("assistance_tended", **done)
        return done

    def refresh_outreach() -> dict[str, int]:
        done = asdict(make_outreach(context).refresh())
        if any(done.values()):
            log.info("outreach_refreshed", **done)
        return done

    def remind() -> int:
        return make_outreach(context).remind()

    def resume_certified() -> int:
        done = make_resumptions(context).resume_certified()
        if done.changes:
            log.info("payments_resumed", benefits=len(done.changes))
        return len(done.changes)

    def send_waiting_messages() -> dict[str, int]:
        done = asdict(send_messages(context))
        if any(done.values()):
            log.info("messages_sent", **done)
        return done

    def tell_of_alerts() -> dict[str, int]:
        done = asdict(tell_subscribers(context)) | asdict(send_notices(context))
        if any(done.values()):
            log.info("subscribers_told", **done)
        return done

    def ask_for_detection() -> int:
        asked = ask_for_tonight(context)
        if asked:
            log.info("detection_asked_for", kinds=[kind.value for kind in asked])
        return len(asked)

    def import_records() -> int:
        return import_waiting(context)

    def count_figures() -> int:
        done = make_figures(context).count_due(by="job:figures")
        for counted in done:
            log.info("figures_counted", day=counted.day.isoformat(), figures=counted.rows, took_ms=counted.took_ms)
        return len(done)

    def tend_fairness() -> int:
        done = asdict(make_fairness(context).tend())
        if any(done.values()):
            log.info("fairness_tended", **done)
        return int(done["found"])

    def reseal() -> int:
        rotation = make_rotation(context)
        if not rotation.unfinished():
            return 0
        try:
            done = rotation.reseal(actor="job:reseal", seconds=context.policy.keys.job_seconds)
        except ConflictError:
            return 0  # a person's command is at it
        log.info("values_resealed", resealed=done.resealed, unopened=done.unopened, finished=done.finished)
        return done.resealed

    def count_asked_figures() -> bool:
        asked = figures_requests.waiting(context)
        if asked is None:
            return False
        make_figures(context).count(by=asked.by)
        figures_requests.done(context)
        return True

    return {
        "import_records": queue.periodic_task(crontab(), name="import_records")(import_records),
        # hours are of UTC: after midnight in China
        "ask_for_detection": queue.periodic_task(crontab(minute="*/10"), name="ask_for_detection")(ask_for_detection),
        "count_asked_figures": queue.periodic_task(crontab(), name="count_asked_figures")(count_asked_figures),
        "count_figures": queue.periodic_task(crontab(minute="*/10"), name="count_figures")(count_figures),
        "tend_fairness": queue.periodic_task(crontab(minute="35", hour="22"), name="tend_fairness")(tend_fairness),
        "refresh_outreach": queue.periodic_task(crontab(minute="10", hour="18"), name="refresh_outreach")(refresh_outreach),
        "remind": queue.periodic_task(crontab(minute="20"), name="remind")(remind),
        "resume_certified": queue.periodic_task(crontab(minute="*/5"), name="resume_certified")(resume_certified),
        "send_messages": queue.periodic_task(crontab(), name="send_messages")(send_waiting_messages),
        "tell_of_alerts": queue.periodic_task(crontab(), name="tell_of_alerts")(tell_of_alerts),
        "relay_assistance": queue.periodic_task(crontab(), name="relay_assistance")(relay_assistance),
        "tend_assistance": queue.periodic_task(crontab(minute="10"), name="tend_assistance")(tend_assistance),
        "reseal": queue.periodic_task(crontab(), name="reseal")(reseal),
        "housekeeping": queue.periodic_task(crontab(minute="*/5"), name="housekeeping")(housekeeping),
        "delete_when_due": queue.periodic_task(crontab(minute="40", hour="18"), name="delete_when_due")(delete_when_due),
        "recalibrate": queue.periodic_task(crontab(minute="30", hour="3"), name="recalibrate")(recalibrate),
    }


def consume(context: Context) -> None:
    """Run the jobs until SIGTERM or SIGINT."""
    queue = make_queue(context)
    add_jobs(queue, context)
    watch(queue, context)
    if read_clock(context).steady:
        context.verification.housekeeping()  # what fell due while nothing ran
    threading.Thread(target=_keep_log_short, args=(context.database,), daemon=True, name="checkpoints").start()
    consumer = Consumer(queue, workers=1, periodic=True, worker_type="thread", graceful_signal=signal.SIGTERM.name.removeprefix("SIG"))
    with heard(context), working_beside(context):
        consumer.run()


def _keep_log_short(database: Database) -> None:
    """Checkpoint the store every few seconds, so that no request has to: finer than the minutes that periodic tasks come in."""
    while True:
        time.sleep(CHECKPOINT_EVERY_S)
        try:
            database.checkpoint()
        except (SQLAlchemyError, sqlite3.Error) as error:
            log.warning("checkpoint_failed", why=type(error).__name__)  # the next one may do; SQLite does it by itself at its limit
