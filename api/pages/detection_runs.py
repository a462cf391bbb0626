"""Runs of detection for staff: what was looked for and when, stage by stage, what came of it, and a form that asks for a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api import detection_requests
from api.callers import Caller
from api.context import Context, current
from api.detection_requests import RunRequest
from api.pages.blueprints import counter_pages
from api.pages.signal_words import CODES_OF_KIND, RUN_KINDS, RUN_STATES, stage_words
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import alert_title, yuan
from api.request_id import current_request_id
from api.rights import Right
from models.detection import DetectionKind, DetectionRun, RunState
from models.errors import ConflictError, NotFoundError
from models.legal_basis import LegalPurpose
from models.region import Region, RegionLevel
from models.repositories import alert_lists, audit, legal_bases, run_lists
from models.repositories import detection_runs as detection_runs_store

PAGE = 50
NOWHERE = "-"  # an account without a region
EARLIEST = date(2000, 1, 1)
STARTED_HERE = (
    DetectionKind.DUPLICATES,
    DetectionKind.BENEFITS,
    DetectionKind.PAYMENTS,
    DetectionKind.CLAIMS,
    DetectionKind.FACES,
)
PART, TRIAGE_STAGE = " (part)", "triage"
COUNTS: dict[str, LazyString] = {
    "rows": lazy_gettext("rows"),
    "found": lazy_gettext("found"),
    "opened": lazy_gettext("new"),
    "updated": lazy_gettext("changed"),
    "unchanged": lazy_gettext("as before"),
    "closed": lazy_gettext("gone"),
    "told": lazy_gettext("in cases"),
}


@dataclass(frozen=True)
class FoundLine:
    """Signals of one code, in words."""

    code: str
    title: str
    standing: int
    vanished: int
    amount: str


@dataclass(frozen=True)
class Stage:
    """One stage that ended. facts: numbers that it left, as name and number."""

    name: str
    facts: list[tuple[str, str]]


@counter_pages.route("/desk/detection", methods=["GET", "POST"])
@staff_needed(Right.READ_ALERTS, Right.START_DETECTION)
def detection_runs(caller: Caller) -> ResponseReturnValue:
    """Runs, newest first. Counts only: nobody's data."""
    if request.method == "POST":
        return _ask(caller)
    return _list_page(caller, None), 200


def _list_page(caller: Caller, wrong: str | None) -> str:
    context = current()
    before = request.args.get("before", type=int)
    today = context.policy.certification.today(context.clock())
    with context.database.read_scope() as session:
        runs = run_lists.listing(session, before_id=before, limit=PAGE + 1, region=caller.region or NOWHERE)
        regions = _regions(alert_lists.regions(session, caller.region)) if caller.region is not None else []
        basis = legal_bases.holding(session, LegalPurpose.FACE_SEARCH, today)
    return render_template(
        "detection/list.html",
        runs=runs[:PAGE],
        following=runs[PAGE - 1].id if len(runs) > PAGE else None,
        waiting=detection_requests.waiting(context),
        kinds=RUN_KINDS,
        states=RUN_STATES,
        may_start=Right.START_DETECTION in caller.rights and bool(regions),
        choices=[(kind.value, RUN_KINDS[kind]) for kind in STARTED_HERE if kind is not DetectionKind.FACES or basis is not None],
        faces_lack=basis is None,
        claim_days=context.policy.claims.window_days,
        regions=[(region.code, f"{region.code} {region.name}") for region in regions],
        today=today,
        day=context.policy.certification.today,
        wrong=wrong,
        typed=request.form,
    )


def _regions(found: list[Region]) -> list[Region]:
    """Those above the counties: duplicates are found between places."""
    above = [region for region in found if region.level is not RegionLevel.COUNTY]
    return above or found


def _ask(caller: Caller) -> ResponseReturnValue:
    if Right.START_DETECTION not in caller.rights:
        abort(403)
    context = current()
    wanted = _wanted(context, caller)
    if isinstance(wanted, str):
        return _list_page(caller, wanted), 422
    try:
        detection_requests.ask(context, wanted)
    except ConflictError:
        flash(_("This run waits already."), "warning")
        return redirect(url_for("counter.detection_runs"), 303)
    details = {
        "kind": wanted.kind.value,
        "as_of": wanted.as_of.isoformat(),
        "region": wanted.region_code,
        "request_id": current_request_id(),
    }
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action="detection.asked", now=context.clock(), details=details)
    flash(_("The run is in the line. It begins within a minute or two."), "success")
    return redirect(url_for("counter.detection_runs"), 303)


def _wanted(context: Context, caller: Caller) -> RunRequest | str:
    """The run of the form, or what is wrong with it."""
    kind, region = request.form.get("kind", ""), request.form.get("region", "")
    now = context.clock()
    today = context.policy.certification.today(now)
    if kind not in {one.value for one in STARTED_HERE}:
        return _("Choose what to look for.")
    try:
        as_of = date.fromisoformat(request.form.get("as_of", ""))
    except ValueError:
        return _("Write the day as in 2026-03-31.")
    if not EARLIEST <= as_of <= today:
        return _("The day must not lie in the future, nor before 2000.")
    with context.database.read_scope() as session:
        newest = detection_runs_store.newest_day(session, DetectionKind(kind), region)
        if newest is not None and as_of < newest:
            return _("A run as of %(day)s has ended already. Give that day or a later one.", day=newest.isoformat())
        allowed = {one.code for one in alert_lists.regions(session, caller.region)} if caller.region is not None else set()
        if DetectionKind(kind) is DetectionKind.FACES and legal_bases.holding(session, LegalPurpose.FACE_SEARCH, today) is None:
            return _("Faces are searched only while a recorded legal basis holds. Ask the operator: lifecert legal-basis add.")
    if region not in allowed:
        return _("Choose a region that your account sees.")
    return RunRequest(DetectionKind(kind), as_of, region, caller.actor, now)


@counter_pages.get("/desk/detection/<public_id:run_id>")
@staff_needed(Right.READ_ALERTS, Right.START_DETECTION)
def detection_run(caller: Caller, run_id: str) -> ResponseReturnValue:
    """One run: stages, counts by code, and what to do about a fault."""
    context = current()
    with context.database.read_scope() as session:
        try:
            run = run_lists.get(session, run_id)
        except NotFoundError:
            abort(404)
        if not caller.concerns(run.region_code):
            abort(404)
        found = run_lists.found_by_code(session, run.id, CODES_OF_KIND[run.kind])
    return render_template(
        "detection/one.html",
        run=run,
        kind=RUN_KINDS[run.kind],
        state=RUN_STATES[run.state],
        stages=_stages(run),
        found=[FoundLine(one.code, alert_title(one.code), one.standing, one.vanished, yuan(one.amount_fen)) for one in found],
        failed=run.state is RunState.FAILED,
        unfinished=run.state is RunState.RUNNING,
        day=context.policy.certification.today,
        minutes=_minutes(run, context),
    )


def _stages(run: DetectionRun) -> list[Stage]:
    """In the order of the work: the store keeps no order."""
    order = ("snapshot", *CODES_OF_KIND[run.kind], "linkage", "faces")
    ended = {name: left for name, left in run.finished_stages.items() if not name.endswith(PART)}

    def place(name: str) -> tuple[int, str]:
        return (len(order) + (name == TRIAGE_STAGE), name) if name not in order else (order.index(name), name)

    return [Stage(stage_words(name), _facts(ended[name])) for name in sorted(ended, key=place)]


def _facts(left: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a stage counted, without what is nothing."""
    found = []
    for name, words in COUNTS.items():
        value = left.get(name)
        if isinstance(value, int) and (value or name == "found"):
            found.append((str(words), f"{value:,}"))
    if left.get("amount_fen"):
        found.append((_("at risk, yuan"), yuan(int(left["amount_fen"]))))
    if isinstance(left.get("wall_s"), int | float):
        found.append((_("seconds"), f"{left['wall_s']:,.1f}"))
    return found


def _minutes(run: DetectionRun, context: Context) -> float:
    end = run.finished_at or context.clock()
    return round((end - run.started_at).total_seconds() / 60, 1)
