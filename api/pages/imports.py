"""Imports for staff: the batches, one of them by rule and by city, its report and its rejected rows."""

from __future__ import annotations

from pathlib import Path

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.import_words import KINDS, STATES
from api.pages.staff_only import staff_needed
from api.request_id import current_request_id
from api.rights import Right
from detection.intake.rules import RULES
from models.errors import NotFoundError
from models.import_batch import ImportBatch
from models.repositories import audit, import_rows
from models.repositories import imports as batches

PAGE = 50


@counter_pages.get("/desk/imports")
@staff_needed(Right.READ_IMPORTS)
def imports(_caller: Caller) -> ResponseReturnValue:
    """Batches, newest first. Counts only: nobody's data."""
    before = request.args.get("before", type=int)
    with current().database.read_scope() as session:
        found = batches.listing(session, before_id=before, limit=PAGE + 1)
    following = found[PAGE - 1].id if len(found) > PAGE else None
    return render_template("imports/list.html", batches=found[:PAGE], following=following, kinds=KINDS, states=STATES)


@counter_pages.get("/desk/imports/<public_id:batch_id>")
@staff_needed(Right.READ_IMPORTS)
def import_batch(caller: Caller, batch_id: str) -> ResponseReturnValue:
    """One batch: counts, rules and cities."""
    batch = _batch(batch_id)
    with current().database.read_scope() as session:
        names = import_rows.region_names(session)
    by_rule = sorted(((RULES[code], n) for code, n in batch.by_rule.items() if code in RULES), key=lambda one: -one[1])
    cities = sorted(batch.by_region.items(), key=lambda one: -one[1]["rows"])
    return render_template(
        "imports/batch.html",
        batch=batch,
        by_rule=by_rule,
        cities=cities,
        names=names,
        kinds=KINDS,
        states=STATES,
        may_download=_covers(caller, batch) and _file(batch, "rejected.csv").exists() and batch.rejected > 0,
        chinese=str(get_locale()).startswith("zh"),
        has_report=_file(batch, "report.html").exists(),
    )


@counter_pages.get("/desk/imports/<public_id:batch_id>/report")
@staff_needed(Right.READ_IMPORTS)
def import_report(_caller: Caller, batch_id: str) -> ResponseReturnValue:
    """The quality report, to be kept or printed."""
    path = _file(_batch(batch_id), "report.html")
    if not path.exists():
        abort(404)
    headers = {"Content-Disposition": f'attachment; filename="import-{batch_id}.html"'}
    return Response(path.read_bytes(), mimetype="text/html", headers=headers)


@counter_pages.get("/desk/imports/<public_id:batch_id>/rejected")
@staff_needed(Right.READ_IMPORTS)
def import_rejected(caller: Caller, batch_id: str) -> ResponseReturnValue:
    """The rejected rows, masked; only for accounts whose region covers every city of the batch."""
    batch = _batch(batch_id)
    path = _file(batch, "rejected.csv")
    if not _covers(caller, batch):
        abort(403)
    if not path.exists():
        abort(404)
    context = current()
    with context.database.session_scope() as session:
        details = {"door": "counter", "request_id": current_request_id()}
        audit.record(session, actor=caller.actor, action="rejected_rows_read", now=context.clock(), object=batch_id, details=details)
    content = path.read_bytes()[: batch.rejected_bytes]
    headers = {"Content-Disposition": f'attachment; filename="rejected-{batch_id}.csv"'}
    return Response(content, mimetype="text/csv", headers=headers)


def _batch(batch_id: str) -> ImportBatch:
    try:
        with current().database.read_scope() as session:
            return batches.get(session, batch_id)
    except NotFoundError:
        abort(404)


def _covers(caller: Caller, batch: ImportBatch) -> bool:
    return all(city == "" or caller.covers(city) for city in batch.by_region)


def _file(batch: ImportBatch, name: str) -> Path:
    return current().settings.home / "imports" / batch.public_id / name
