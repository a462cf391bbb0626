"""How the service is, part by part, for those who run it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import SQLAlchemyError

from api.callers import Caller
from api.context import Context, current
from api.health_parts import Part, State, jobs_and_clock, look
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.recent import Recent
from api.rights import Right
from models.errors import ModelsError
from models.operations import JobRun
from models.repositories import heartbeats

KEY = "lifecert_trouble"
TROUBLE_OLD_S = 15.0

PARTS = {
    Part.STORE: _("Store"),
    Part.REVISION: _("Tables"),
    Part.POLICY: _("Policy file"),
    Part.KEYS: _("Encryption keys"),
    Part.WEIGHTS: _("Face models"),
    Part.JOBS: _("Background jobs"),
    Part.DISK: _("Disk"),
    Part.CLOCK: _("Clock"),
}
STATES = {State.WELL: _("well"), State.LIMITED: _("limited"), State.FAILED: _("failed")}
BANNERS = {
    Part.JOBS: _("Background jobs do not run just now. What you do is kept; letters, lists and runs wait."),
    Part.CLOCK: _("The machine's clock is in doubt. Nothing can be changed until it is right again; you can go on reading."),
}


@dataclass(frozen=True)
class Trouble:
    """What every member of staff is told on top of each page."""

    banners: tuple[Part, ...] = ()


@counter_pages.get("/desk/health")
@staff_needed(Right.READ_OPERATIONS)
def health(_caller: Caller) -> ResponseReturnValue:
    """Each part with what is wrong and what to do; how the background jobs went."""
    found = look(current())
    return render_template("counter/health.html", found=found, parts=PARTS, states=STATES, runs=_job_runs(), State=State)


def _job_runs() -> list[JobRun]:
    try:
        with current().database.read_scope() as session:
            return list(heartbeats.job_runs(session))
    except (ModelsError, SQLAlchemyError, sqlite3.Error):
        return []  # the store is among the parts, and says so


def _trouble(context: Context) -> Trouble:
    jobs, clock = jobs_and_clock(context)
    # a home in which jobs never ran has no queue that could be down
    unwell = [jobs.part] if jobs.code == "silent" else []
    return Trouble(tuple(unwell + ([clock.part] if clock.state is State.FAILED else [])))


def for_templates() -> dict[str, object]:
    """``service_trouble()`` for the layout of staff pages: sentences, none when all is well. May be a quarter of a minute old."""

    def service_trouble() -> list[str]:
        recent: Recent[Trouble] = current_app.extensions[KEY]
        return [str(BANNERS[part]) for part in recent.get().banners]

    return {"service_trouble": service_trouble}


def register(app: Flask) -> None:
    """Add the banner to the templates."""
    context: Context = app.extensions["lifecert"]
    app.extensions[KEY] = Recent(lambda: _trouble(context), TROUBLE_OLD_S)
    app.context_processor(for_templates)
