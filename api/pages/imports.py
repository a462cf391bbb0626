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
PROVINCE_DIGITS = 2


@counter_pages.get("/desk/imports")
@staff_needed(Right.READ_IMPORTS)
def imports(caller: Caller) -> ResponseReturnValue:
    """Batches that concern the caller's region, newest first. Counts only: nobody's data."""
    before = request.args.get("before", type=int)
    with current().database.read_scope() as session:
        found = batches.listing(session, before_id=before, limit=PAGE + 1)
    following = found[PAGE - 1].id if len(found) > PAGE else None
    shown = [batch for batch in found[:PAGE] if _concerns(caller, batch)]
    return render_template("imports/list.html", batches=shown, following=following, kinds=KINDS, states=STATES)


@counter_pages.get("/desk/imports/<public_id:batch_id>")
@staff_needed(Right.READ_IMPORTS)
def import_batch(caller: Caller, batch_id: str) -> ResponseReturnValue:
    """One batch: counts, rules and cities."""
    batch = _batch(caller, batch_id)
    with current().database.read_scope() as session:
        names = import_rows.region_names(session)
    by_rule = sorted(((RULES[code], n) for code, n in batch.by_rule.items() if code in RULES), key=lambda one: -one[1])
    theirs = {city: counts for city, counts in batch.by_region.items() if city == "" or caller.covers(city)}
    cities = sorted(theirs.items(), key=lambda one: -one[1]["rows"])
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
        has_report=_covers(caller, batch) and _file(batch, "report.html").exists(),
    )


@counter_pages.get("/desk/imports/<public_id:batch_id>/report")
@staff_needed(Right.READ_IMPORTS)
def import_report(caller: Caller, batch_id: str) -> ResponseReturnValue:
    """The quality report of all cities of the batch, to be kept or printed."""
    batch = _batch(caller, batch_id)
    path = _file(batch, "report.html")
    if not _covers(caller, batch):
        abort(403)
    if not path.exists():
        abort(404)
    headers = {"Content-Disposition": f'attachment; filename="import-{batch_id}.html"'}
    return Response(path.read_bytes(), mimetype="text/html", headers=headers)


@counter_pages.get("/desk/imports/<public_id:batch_id>/rejected")
@staff_needed(Right.READ_IMPORTS)
def import_rejected(caller: Caller, batch_id: str) -> ResponseReturnValue:
    """The rejected rows, masked; only for accounts whose region covers every city of the batch."""
    batch = _batch(caller, batch_id)
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


def _batch(caller: Caller, batch_id: str) -> ImportBatch:
    """The batch, when it concerns the caller's region; otherwise it is as if there were none."""
    try:
        with current().database.read_scope() as session:
            batch = batches.get(session, batch_id)
    except NotFoundError:
        abort(404)
    if not _concerns(caller, batch):
        abort(404)
    return batch


def _cities(batch: ImportBatch) -> list[str]:
    """The cities that rows of the batch belong to; rows whose city nobody could read are of none."""
    return [city for city in batch.by_region if city]


def _concerns(caller: Caller, batch: ImportBatch) -> bool:
    """True when the account sees a city of the batch. A batch that reached no city yet is shown: it has counts only."""
    cities = _cities(batch)
    return not cities or any(caller.covers(city) for city in cities)


def _covers(caller: Caller, batch: ImportBatch) -> bool:
    """True when the account sees every city of the batch. Rows of no city alone may be anybody's: for accounts of a whole province."""
    cities = _cities(batch)
    return all(caller.covers(city) for city in cities) if cities else caller.region is not None and len(caller.region) <= PROVINCE_DIGITS


def _file(batch: ImportBatch, name: str) -> Path:
    return current().settings.home / "imports" / batch.public_id / name
