"""The audit for auditors, and its part about accounts, programs and keys for security officers. Every look at it is an entry itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api import audit_journal
from api.callers import Caller
from api.context import Context, current
from api.pages.audit_words import ACTIONS, SECURITY_ACTIONS
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.problems import Problem
from api.request_id import current_request_id
from api.rights import Right
from models.audit_canonical import link_hash
from models.audit_chain import SealKind
from models.repositories import audit, audit_chain, audit_lists
from models.repositories.audit_lists import Filter, Line, Place
from models.repositories.audit_rows import entry_columns, entry_of, query

READ, ENTRY_READ, VERIFIED = "audit.read", "audit.entry_read", "audit.verified"
DAYS = 7
LATE_AFTER_S = 60
TEXT_MAX = 100


class _InvalidError(ValueError):
    """What was asked for cannot be read; the message is for the page."""


@dataclass(frozen=True)
class _Asked:
    """What the form says, as it is shown again."""

    start: str
    end: str
    actor: str = ""
    action: str = ""
    person: str = ""


@counter_pages.route("/desk/audit", methods=["GET", "POST"])
@staff_needed(Right.READ_AUDIT, Right.READ_SECURITY_AUDIT)
def audit_list(caller: Caller) -> ResponseReturnValue:
    """Entries of some days, newest first. What is looked for is posted: names of accounts do not belong into addresses."""
    context = current()
    today = context.policy.certification.today(context.clock())
    form = request.form if request.method == "POST" else {}
    audit_journal.take_in(context)
    asked = _Asked(
        str(form.get("start", today - timedelta(days=DAYS - 1))),
        str(form.get("end", today)),
        *(str(form.get(name, "")).strip()[:TEXT_MAX] for name in ("actor", "action", "person")),
    )
    error, found = "", None
    try:
        wanted, after = _wanted(context, caller, asked), _place(form.get("after", ""))
    except _InvalidError as wrong:
        error = str(wrong)
    else:
        _tell(context, caller, READ, wanted.people[0] if wanted.people else None, wanted.actor, looked_for=asked.action or None)
        with context.database.read_scope() as session:
            found = audit_lists.page(session, wanted, after=after)
    with context.database.read_scope() as session:
        state = audit_chain.chain_state(session)
        checked = audit_lists.last_of(session, VERIFIED)
    page = render_template(
        "desk_audit/list.html",
        asked=asked,
        error=error,
        page=found,
        after="" if found is None or found.following is None else f"{found.following.at.isoformat()}/{found.following.id}",
        state=state,
        late=state.unsealed_since is not None and (context.clock() - state.unsealed_since).total_seconds() > LATE_AFTER_S,
        checked=checked,
        words=ACTIONS,
        choices=_choices(caller),
        moment=_moment(context),
        people=Right.READ_AUDIT in caller.rights,
    )
    return page, 422 if error else 200


@counter_pages.get("/desk/audit/<day>/<int:position>")
@staff_needed(Right.READ_AUDIT, Right.READ_SECURITY_AUDIT)
def audit_entry(caller: Caller, day: str, position: int) -> ResponseReturnValue:
    """One entry by its place in the chain, with the proof that it is what was sealed."""
    context = current()
    try:
        chained_on = date.fromisoformat(day)
    except ValueError:
        abort(404)
    with context.database.read_scope() as session:
        proof = audit_chain.place(session, chained_on, position)
        line = None if proof is None else audit_lists.may_see(session, proof.link.entry_id, _region(caller))
        if proof is None or line is None or not _of_reader(caller, line):
            abort(404)
        columns = entry_columns(session, "e")
        stored = query(session, f"SELECT {columns} FROM audit_entry AS e WHERE e.id = :id ", {"id": line.id})  # noqa: S608
        entry = entry_of(stored[0])
        details = audit.details_of(session, line.id)
        following = audit_chain.links_after(session, chained_on, position, same_day=True)
        signed = b"" if proof.seal is None else audit_chain.signed_bytes(session, proof.seal)
    _tell(context, caller, ENTRY_READ, entry.person_id, f"{day}/{position}")
    seal = proof.seal
    return render_template(
        "desk_audit/entry.html",
        line=line,
        details=details,
        proof=proof,
        fits=link_hash(proof.before, entry) == bytes(proof.link.hash),
        signed=seal is not None and context.keyring.verify_signature(seal.key_id, signed, bytes(seal.signature)),
        closing=seal is not None and seal.kind is SealKind.CLOSING,
        following=following,
        words=ACTIONS,
        moment=_moment(context),
    )


def _wanted(context: Context, caller: Caller, asked: _Asked) -> Filter:
    zone = ZoneInfo(context.policy.certification.time_zone)
    start, end = _day(asked.start), _day(asked.end)
    if end < start:
        raise _InvalidError(_("The last day is before the first one."))
    if asked.action and asked.action not in _choices(caller):
        raise _InvalidError(_("There is no such action: choose one from the list."))
    people: tuple[int, ...] = ()
    if asked.person:
        if Right.READ_AUDIT not in caller.rights:
            raise _InvalidError(_("Entries about persons are for auditors."))
        try:
            person = caller.reach(asked.person)
        except Problem as problem:
            raise _InvalidError(_("There is no person with this id in your region.")) from problem
        with context.database.read_scope() as session:
            people = (person.key, *(key for key in audit_lists.records_of(session, person.key) if key != person.key))
    return Filter(
        datetime.combine(start, time(), zone).astimezone(UTC),
        datetime.combine(end + timedelta(days=1), time(), zone).astimezone(UTC),
        _region(caller),
        asked.actor or None,
        asked.action or None,
        people,
        None if Right.READ_AUDIT in caller.rights else SECURITY_ACTIONS,
    )


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise _InvalidError(_("Give the days as in 2026-03-15.")) from error
    if not 1990 <= day.year <= 2200:
        raise _InvalidError(_("Give the days as in 2026-03-15."))
    return day


def _place(text: str) -> Place | None:
    if not text:
        return None
    try:
        at, _slash, entry_id = text.partition("/")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return Place(moment, min(int(entry_id), 2**62))
    except ValueError as error:
        raise _InvalidError(_("This page of the list is not there: begin again.")) from error


def _region(caller: Caller) -> str:
    return "none" if caller.region is None else caller.region


def _choices(caller: Caller) -> dict[str, Any]:
    return ACTIONS if Right.READ_AUDIT in caller.rights else {action: ACTIONS[action] for action in SECURITY_ACTIONS}


def _of_reader(caller: Caller, line: Line) -> bool:
    return Right.READ_AUDIT in caller.rights or line.action in SECURITY_ACTIONS


def _moment(context: Context) -> Any:
    zone = ZoneInfo(context.policy.certification.time_zone)
    return lambda at: f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _tell(context: Context, caller: Caller, action: str, person_id: Any, object: str | None, **details: str | None) -> None:
    told = {"door": "counter", "request_id": current_request_id()} | {name: value for name, value in details.items() if value}
    about = person_id if isinstance(person_id, int) else None
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action=action, now=context.clock(), person_id=about, object=object, details=told)
