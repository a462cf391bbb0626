"""Certification statuses for machine clients, by resident ID or social-security number: one at once, or thousands as a stream.

Numbers travel in bodies only, never in addresses, where logs would keep them. Every person who is shown has an audit entry before the
answer, or before the line about them, leaves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from flask import Response, current_app

from api import audit_journal, client_rate
from api.audit_journal import Journal
from api.callers import Caller
from api.context import Context, current
from api.log import logger
from api.problems import RETRY_SOON_S, FieldError, Problem, problem_of
from api.request_id import current_request_id
from api.rights import Right
from api.v1 import status_examples
from api.v1.door import Door, blueprint, door
from api.v1.status_schemas import Identifier, PersonStatusAnswer, StatusBatchRequest, StatusLookupRequest
from models.audit_journal import Entry, details_of
from models.identifiers import IdentifierError
from models.repositories import status_lookup
from models.repositories.status_lookup import FoundStatus, Number, StatusReader

if TYPE_CHECKING:
    from flask import Flask

READER = "lifecert_status_reader"
NDJSON = "application/x-ndjson"
LOOKED_UP, NOT_FOUND = "status_looked_up", "status_not_found"
BATCH_BYTES = 2 * 1024 * 1024
CHUNK = 500  # ids that are looked up, recorded and sent together

log = logger("lifecert.api")


@blueprint.post("/statuses/lookup")
@door(
    Door(
        summary="Read a certification status by number",
        right=Right.READ_STATUS_BY_NUMBER,
        body=StatusLookupRequest,
        body_example=status_examples.LOOKUP_REQUEST,
        answer=PersonStatusAnswer,
        example=status_examples.STATUS,
        problems=("person_unknown",),
    )
)
def look_up_status(caller: Caller, body: StatusLookupRequest) -> Response:
    """Read a certification status by number

    By resident ID or by social-security number, today or as of a day. Of a record that was merged into another, the status of the
    person that it belongs to.
    """
    number, given = _number(body)
    context = current()
    reader: StatusReader = current_app.extensions[READER]
    try:
        found = reader.read(number, given, body.on or _today(context))
    except IdentifierError as error:
        raise Problem("validation_failed", str(error), (FieldError(_FIELDS[number], error.problem.value),)) from None
    if found is not None and not caller.covers(found.region_code):
        found = None
    _record(audit_journal.journal(), [_entry(context, caller.actor, current_request_id(), found)])
    if found is None:
        raise Problem("person_unknown", "No person in your reach has this number.")
    return Response(json.dumps(_shown(found)), mimetype="application/json")


@blueprint.post("/statuses/batch")
@door(
    Door(
        summary="Read many certification statuses by number",
        right=Right.READ_STATUS_BY_NUMBER,
        body=StatusBatchRequest,
        body_example=status_examples.BATCH_REQUEST,
        body_max_bytes=BATCH_BYTES,
        file_type=NDJSON,
        file_example=status_examples.BATCH,
    )
)
def look_up_statuses(caller: Caller, body: StatusBatchRequest) -> Response:
    """Read many certification statuses by number

    Answered as a stream of JSON lines, one an id and in their order: `index` and the members of the single answer, or `index` and
    `problem`, a code such as `person_unknown`. Costs one request of the client's rate for every `integration.ids_per_request` ids of
    the policy. A stream that ends early was broken off: ask again for what is missing.
    """
    context = current()
    limits = context.policy.integration
    if len(body.ids) > limits.batch_max:
        error = FieldError("ids", "too_long")
        raise Problem("validation_failed", f"A batch holds {limits.batch_max} ids at most.", (error,))
    if caller.client is not None:
        client_rate.take(caller.client, math.ceil(len(body.ids) / limits.ids_per_request) - 1)
    batch = _Batch(
        context, current_app.extensions[READER], audit_journal.journal(), caller, current_request_id(), body.on or _today(context)
    )
    chunks = [body.ids[start : start + CHUNK] for start in range(0, len(body.ids), CHUNK)]
    first = batch.lines(chunks[0], 0)  # what stops everything is said with a status of its own
    return Response(batch.stream(first, chunks), mimetype=NDJSON)


@dataclass(frozen=True)
class _Batch:
    """What a batch is answered with; the request itself is over by the time that most of it is sent."""

    context: Context
    reader: StatusReader
    journal: Journal
    caller: Caller
    request_id: str
    on: date

    def stream(self, first: bytes, chunks: list[list[Identifier]]) -> Iterator[bytes]:
        """The lines, a chunk at a time. When the store stops answering on the way, the rest says so."""
        yield first
        for position in range(1, len(chunks)):
            start = position * CHUNK
            try:
                yield self.lines(chunks[position], start)
            except Exception as error:
                code = problem_of(error).code
                log.error("batch_broken_off", code=code, kind=type(error).__name__, request_id=self.request_id)
                for index in range(start, start + sum(len(chunk) for chunk in chunks[position:])):
                    yield _line({"index": index, "problem": code})
                return

    def lines(self, ids: list[Identifier], start: int) -> bytes:
        """Look a chunk up, record who is seen, and write its lines."""
        places: list[tuple[Number, bytes] | str] = []
        wanted: dict[Number, set[bytes]] = {number: set() for number in Number}
        for one in ids:
            number, given = _number(one)
            try:
                digest = self.reader.digest(number, given)
            except IdentifierError as error:
                places.append(error.problem.value)
            else:
                places.append((number, digest))
                wanted[number].add(digest)
        with self.context.database.read_scope() as session:
            found = status_lookup.read_many(session, wanted, self.context.policy.certification, self.on)
        entries, lines = [], []
        for index, place in enumerate(places, start):
            if isinstance(place, str):
                lines.append(_line({"index": index, "problem": "validation_failed", "rule": place}))
                continue
            person = found.get(place)
            if person is not None and not self.caller.covers(person.region_code):
                person = None
            entries.append(_entry(self.context, self.caller.actor, self.request_id, person))
            lines.append(_line({"index": index} | (_shown(person) if person is not None else {"problem": "person_unknown"})))
        _record(self.journal, entries)
        return b"".join(lines)


_FIELDS = {Number.RESIDENT_ID: "resident_id", Number.SOCIAL_SECURITY_NUMBER: "social_security_number"}


def _number(body: Identifier) -> tuple[Number, str]:
    if body.resident_id is not None:
        return Number.RESIDENT_ID, body.resident_id
    return Number.SOCIAL_SECURITY_NUMBER, body.social_security_number or ""


def _today(context: Context) -> date:
    return context.policy.certification.today(context.clock())


def _shown(found: FoundStatus) -> dict[str, Any]:
    status = found.status
    return {
        "person_id": found.person_id,
        "resident_id_masked": found.resident_id_masked,
        "state": status.state.value,
        "on": status.on.isoformat(),
        "last_certified_on": None if status.last_certified_on is None else status.last_certified_on.isoformat(),
        "due_on": None if status.due_on is None else status.due_on.isoformat(),
        "cycle_months": status.cycle_months,
    }


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _entry(context: Context, actor: str, request_id: str, found: FoundStatus | None) -> Entry:
    details = details_of(door="api", request_id=request_id)
    if found is None:
        return Entry(actor, NOT_FOUND, None, None, context.clock(), details)
    return Entry(actor, LOOKED_UP, found.key, found.person_id, context.clock(), details)


def _record(journal: Journal, entries: list[Entry]) -> None:
    """Return when the entries are in the journal. Raises Problem (503): what cannot be recorded is not shown."""
    if not entries:
        return
    try:
        journal.write(entries)
    except OSError as error:
        log.error("audit_not_recorded", kind=type(error).__name__, entries=len(entries))
        raise Problem(
            "unavailable", "The store does not take the audit entry: try again.", headers={"Retry-After": str(RETRY_SOON_S)}
        ) from error


def register(app: Flask) -> None:
    """What the doors work with in this application."""
    context: Context = app.extensions["lifecert"]
    app.extensions[READER] = StatusReader(context.database, context.keyring, context.policy.certification)
    app.extensions[audit_journal.KEY] = audit_journal.Journal(context)
