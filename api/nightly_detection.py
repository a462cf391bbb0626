"""The runs of detection that policy wants every night: asked for once a day, carried out like those that staff ask for."""

from __future__ import annotations

from api import detection_requests
from api.context import Context
from api.detection_requests import RunRequest
from models.detection import DetectionKind
from models.errors import ConflictError
from models.repositories import detection_runs

ASKED_BY = "job:detection"
TRIES = 3
"""Runs of a day that may fail before people have to look."""


def ask_for_tonight(context: Context) -> list[DetectionKind]:
    """Ask for the kinds that policy lists and that have no finished run of this day yet; what was asked for. Out of hours: nothing."""
    policy, now = context.policy.triage.nightly, context.clock()
    local = context.policy.certification.local(now)
    first, end = policy.hours
    if not first <= local.hour < end:
        return []
    asked = []
    for kind in policy.kinds:
        with context.database.read_scope() as session:
            if not detection_runs.needed(session, kind, local.date(), tries=TRIES):
                continue
        try:
            detection_requests.ask(context, RunRequest(kind, local.date(), "", ASKED_BY, now))
        except ConflictError:
            continue  # it waits already
        asked.append(kind)
    return asked
