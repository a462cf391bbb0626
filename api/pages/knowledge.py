"""The national rule base for staff: all 88 rules with what carries each out or what it lacks, and the points of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from api.callers import Caller
from api.context import current
from api.pages import knowledge_words as words
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.rights import Right
from models.repositories import knowledge as knowledge_store

if TYPE_CHECKING:
    from detection.knowledge.coverage import RuleCoverage

PAGE = 50
SEARCH_MOST = 60
STATES = ("implemented", "missing", "points")


@counter_pages.get("/desk/knowledge")
@staff_needed(Right.READ_ALERTS)
def knowledge(_caller: Caller) -> ResponseReturnValue:
    """All 88, searched and filtered."""
    from detection.knowledge.coverage_service import coverage_of_store

    context = current()
    found = coverage_of_store(context.database, context.policy.certification.today(context.clock()))
    search = request.args.get("search", "").strip()[:SEARCH_MOST]
    state, group = request.args.get("state", ""), request.args.get("class", "")
    rules = [rule for rule in found.rules if _fits(rule, search, state, group)]
    return render_template("knowledge/list.html", coverage=found, rules=rules, search=search, state=state, group=group, words=words)


def _fits(rule: RuleCoverage, search: str, state: str, group: str) -> bool:
    if group in words.CLASSES and rule.tier2 != group:
        return False
    if state in STATES and not {"implemented": rule.implemented, "missing": not rule.implemented, "points": bool(rule.points)}[state]:
        return False
    wanted = search.casefold()
    told = (rule.code, rule.name_zh, rule.name_en, str(rule.sequence), *rule.engine_rules)
    return not wanted or any(wanted in one.casefold() for one in told)


@counter_pages.get("/desk/knowledge/<code>")
@staff_needed(Right.READ_ALERTS)
def knowledge_rule(_caller: Caller, code: str) -> ResponseReturnValue:
    """One rule and its points in force, by page."""
    from detection.knowledge.coverage_service import coverage_of_store
    from detection.knowledge.parameters import from_json

    context = current()
    day = context.policy.certification.today(context.clock())
    rule = next((one for one in coverage_of_store(context.database, day).rules if one.code == code), None)
    if rule is None:
        abort(404)
    search = request.args.get("search", "").strip()[:SEARCH_MOST]
    page = max(1, min(request.args.get("page", 1, type=int), 1_000))
    with context.database.read_scope() as session:
        stored = knowledge_store.rule_in_force(session, code)
        points = knowledge_store.points_of(session, code, day=day, search=search, after=(page - 1) * PAGE, limit=PAGE)
        told = [(point, words.bounds(point.parameters), from_json(point.parameters).checkable.value) for point in points.rows]
        return render_template(
            "knowledge/rule.html",
            rule=rule,
            definition=stored.definition if stored else None,
            points=told,
            total=points.total,
            page=page,
            pages=_pages(points.total),
            search=search,
            words=words,
        )


def _pages(total: int) -> Sequence[int]:
    return range(1, max(1, -(-total // PAGE)) + 1)
