"""Imports: a machine client hands a file of records in, and reads what came of it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Literal

from flask import Response, request
from pydantic import Field

from api.callers import Caller
from api.context import current
from api.intake import hand_in, incoming
from api.problems import FieldError, Problem
from api.rights import Right
from api.v1.door import Door, blueprint, door
from api.v1.schemas import Answer, Count
from detection.intake.errors import FileUnusableError
from models.errors import NotFoundError
from models.import_batch import ImportBatch, ImportKind
from models.repositories import imports

FILE_MAX_BYTES = 64 * 1024 * 1024
BLOCK = 1 << 18
ENDINGS = {
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.apache.parquet": ".parquet",
}
EXAMPLE: dict[str, Any] = {
    "batch": "8Jk3dVh2QpW5tYc7Lm9RzA",
    "kind": "persons",
    "state": "done",
    "rows": 3,
    "accepted": 1,
    "unchanged": 1,
    "rejected": 1,
    "by_rule": {"ID_CHECK_DIGIT": 1},
    "failure": None,
}
REJECTED_EXAMPLE = (
    "row,field,value,rule,reason\r\n"
    "3,resident_id,1901************11,ID_CHECK_DIGIT,The check digit of the resident ID does not fit: mistyped.\r\n"
)


class ImportAnswer(Answer):
    """How far a file is, and what came of its rows so far."""

    batch: str
    kind: ImportKind
    state: Literal["running", "done", "failed"] = Field(description="running: waits or is being brought in; failed: see failure")
    rows: Count = Field(description="rows that are dealt with")
    accepted: Count = Field(description="rows that changed something")
    unchanged: Count = Field(description="rows that said what is recorded already")
    rejected: Count
    by_rule: dict[str, Count] = Field(description="rule -> rejected rows")
    failure: str | None = Field(description="why the file as a whole cannot be used")


def _answer(batch: ImportBatch) -> dict[str, Any]:
    return {
        "batch": batch.public_id,
        "kind": batch.kind,
        "state": batch.state.value,
        "rows": batch.rows_done,
        "accepted": batch.accepted,
        "unchanged": batch.unchanged,
        "rejected": batch.rejected,
        "by_rule": batch.by_rule,
        "failure": batch.failure,
    }


@blueprint.post("/imports/<public_id:kind>")
@door(
    Door(
        summary="Hand a file of records in",
        right=Right.IMPORT_RECORDS,
        upload_types=tuple(ENDINGS),
        body_max_bytes=FILE_MAX_BYTES,
        answer=ImportAnswer,
        example={**EXAMPLE, "state": "running", "rows": 0, "accepted": 0, "unchanged": 0, "rejected": 0, "by_rule": {}},
        status=202,
        problems=("not_found", "file_unusable", "too_large", "unsupported_media_type", "conflict"),
    )
)
def import_records(kind: str, caller: Caller) -> tuple[dict[str, Any], int]:
    """Hand a file of records in

    `kind` is persons, enrolments, benefits, payments, deaths, custody, traces, blacklist, relations, grants, institutions, claims or
    claim_lines. The body is the file: CSV, Excel or Parquet, 64 MB at most, with Chinese or English headings. It is brought in by a job
    within about a minute; read the batch to see what came of it. Rows about persons outside the client's region are rejected. The same
    file again changes nothing.
    """
    if kind not in set(ImportKind):
        raise Problem("not_found", "There is no such kind of records.")
    name = f"received{ENDINGS[request.mimetype]}"
    received = incoming(current()) / f"{secrets.token_hex(8)}.part"
    try:
        _receive(received)
        region = None if caller.region is None else caller.region.ljust(6, "0")
        batch_id = hand_in(current(), ImportKind(kind), received, file_name=name, region_code=region, actor=caller.actor)
    except FileUnusableError as error:
        raise Problem("file_unusable", str(error)) from error
    finally:
        received.unlink(missing_ok=True)
    return _answer(_of_caller(caller, batch_id)), 202


def _receive(path: Path) -> None:
    size = 0
    with path.open("xb") as file:
        while block := request.stream.read(BLOCK):
            size += len(block)
            if size > FILE_MAX_BYTES:
                raise Problem("too_large", f"This door takes {FILE_MAX_BYTES} bytes at most.", (FieldError("(whole)", "too_many_bytes"),))
            file.write(block)


@blueprint.get("/imports/batches/<public_id:batch_id>")
@door(
    Door(
        summary="Read what came of a file",
        right=Right.IMPORT_RECORDS,
        answer=ImportAnswer,
        example=EXAMPLE,
        problems=("import_unknown",),
    )
)
def read_import(batch_id: str, caller: Caller) -> dict[str, Any]:
    """Read what came of a file

    Each client sees its own files only.
    """
    return _answer(_of_caller(caller, batch_id))


@blueprint.get("/imports/batches/<public_id:batch_id>/rejected")
@door(
    Door(
        summary="Get the rejected rows of a file",
        right=Right.IMPORT_RECORDS,
        file_type="text/csv",
        file_example=REJECTED_EXAMPLE,
        problems=("import_unknown",),
    )
)
def read_rejected_rows(batch_id: str, caller: Caller) -> Response:
    """Get the rejected rows of a file

    CSV with row, field, value (masked), rule and reason; headings alone when no row was rejected, or the rows are past their retention.
    """
    batch = _of_caller(caller, batch_id)
    path = current().settings.home / "imports" / batch.public_id / "rejected.csv"
    content = path.read_bytes()[: batch.rejected_bytes] if path.exists() else b"row,field,value,rule,reason\r\n"
    return Response(content, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="rejected.csv"'})


def _of_caller(caller: Caller, batch_id: str) -> ImportBatch:
    try:
        with current().database.read_scope() as session:
            batch = imports.get(session, batch_id)
    except NotFoundError:
        batch = None
    if batch is None or batch.started_by != caller.actor:
        raise Problem("import_unknown", "No import with this id is yours.")
    return batch
