"""Scorecards: what each rule and model is worth by what people decided, what is suggested, and in which mode it runs. People decide."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import or_, select

from api.callers import Caller
from api.charts import Chart, ChartKind, Series
from api.context import Context, current
from api.i18n import current_language
from api.pages import model_words, rules
from api.pages import scorecard_words as words
from api.pages.blueprints import counter_pages
from api.pages.chart_svg import svg_answer
from api.pages.oversight import view_of
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import alert_title, yuan
from api.pages.words import account
from api.policy_comments import comments_of
from api.rights import Right
from api.signal_explanations import rule_codes, rule_texts
from detection.rates import rate
from detection.scorecards.scorecard import Suggestion
from detection.scorecards_service import Board, Card, ScorecardsService
from models.casework import RuleMode
from models.errors import ConflictError
from models.person import Person
from models.region import region_bounds
from models.repositories import rule_modes, scorecards

CODE_MAX = 40
REASON_MAX = 500
CHANGES_SHOWN = 20
DIGITS_MAX = 19
CONFLICT = 409
_ORDER = (Suggestion.RETIRE, Suggestion.TIGHTEN, Suggestion.NONE)


@counter_pages.get("/desk/scorecards", endpoint="scorecards")
@staff_needed(Right.READ_OVERSIGHT)
def scorecards_page(caller: Caller) -> ResponseReturnValue:
    """Every rule and model with its numbers, those with a suggestion first. Nobody's data."""
    if caller.region is None:
        return render_template("desk_oversight/no_region.html")
    context, view = current(), view_of(caller)
    board = _board(context, view.region)
    labels = {}
    if board.day is not None:
        with context.database.read_scope() as session:
            labels = scorecards.labels(session, board.day)
    policy = context.policy.oversight.scorecard
    return render_template(
        "scorecards/list.html",
        board=board,
        cards=[card for card in sorted(board.cards, key=_rank) if _has_figures(card)],
        others=[card for card in board.cards if not _has_figures(card)],
        suggested=[card for card in sorted(board.cards, key=_rank) if card.scorecard.suggested.suggestion is not Suggestion.NONE],
        region=view.region,
        policy=policy,
        labels=[(model_words.ENTITIES[entity], counts, min(counts.values())) for entity, counts in labels.items()],
        labels_min=context.policy.anomaly.store.labels_min,
        may_see_models=not caller.rights.isdisjoint({Right.READ_ALERTS, Right.START_DETECTION}),
        words=words,
        alert_title=alert_title,
        today=context.policy.certification.today,
    )


@counter_pages.get("/desk/scorecards/<code>")
@staff_needed(Right.READ_OVERSIGHT)
def scorecard(caller: Caller, code: str) -> ResponseReturnValue:
    """One rule: numbers, trend, the last decided cases, how it explains itself, its parameters and its mode."""
    return _page(caller, code)


@counter_pages.get("/desk/scorecards/<code>/trend.svg")
@staff_needed(Right.READ_OVERSIGHT)
def scorecard_trend(caller: Caller, code: str) -> ResponseReturnValue:
    """The precision of a rule, month by month, with its interval."""
    context, view = current(), view_of(caller)
    board = _board(context, view.region, _known(code))
    title = _("Precision by month: %(rule)s", rule=alert_title(code))
    months = _months(board, board.cards[0], context)
    values = tuple(None if one["precision"].share is None else 100 * one["precision"].share for one in months)
    spans = tuple(None if one["precision"].share is None else (100 * one["precision"].low, 100 * one["precision"].high) for one in months)
    series = Series(_("confirmed, of those that say whether it is right"), values, spans=spans)
    labels = tuple(f"{one['month']:%Y-%m}" for one in months)
    return svg_answer(Chart(title, ChartKind.LINES, labels, (series,), "%", 0.0, 100.0))


@counter_pages.post("/desk/scorecards/<code>/mode")
@staff_needed(Right.MANAGE_RULES, fresh=True)
def change_rule_mode(caller: Caller, code: str) -> ResponseReturnValue:
    """Put a rule into another mode, with a reason. Only who is responsible for everybody whom the rule looks at."""
    context = current()
    if caller.region is None or code not in rule_codes():
        abort(404)
    mode, reason = request.form.get("mode", ""), request.form.get("reason", "").strip()
    if mode not in set(RuleMode) or not 0 < len(reason) <= REASON_MAX:
        return _page(caller, code, _("Choose a mode and write why, in at most %(count)s characters.", count=REASON_MAX)), 422
    seen = request.form.get("seen", "")
    last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < DIGITS_MAX else None
    try:
        with context.database.session_scope() as session:
            if not _responsible(session, caller):
                abort(403)
            changed = rule_modes.change(session, code, RuleMode(mode), reason=reason, by=caller.actor, now=context.clock(), seen=last)
    except ConflictError:
        with context.database.read_scope() as session:
            faster = rule_modes.changes(session, code, limit=1)[0].by
        flash(_("%(name)s was faster. You changed nothing; this is the present state.", name=account(faster)), "warning")
        return _page(caller, code), CONFLICT
    if changed:
        flash(_("The mode is changed. The next run of detection goes by it."), "success")
    else:
        flash(_("The rule is in this mode already."), "warning")
    return redirect(url_for("counter.scorecard", code=code), 303)


def _page(caller: Caller, code: str, wrong: str | None = None) -> str:
    if caller.region is None:
        return render_template("desk_oversight/no_region.html")
    context, view = current(), view_of(caller)
    board = _board(context, view.region, _known(code))
    card, policy = board.cards[0], context.policy.oversight.scorecard
    if not card.is_rule and alert_title(code) == code and not card.scorecard.decisions.decided and not card.counted.open:
        abort(404)
    with context.database.read_scope() as session:
        cases = scorecards.decided_cases(session, region_code=view.region, code=code, limit=policy.cases_shown)
        changes = rule_modes.changes(session, code, limit=CHANGES_SHOWN)
        may_change = card.is_rule and Right.MANAGE_RULES in caller.rights
        responsible = may_change and _responsible(session, caller)
    text = next((one for one in rule_texts(current_language()) if one.code == code), None)
    return render_template(
        "scorecards/one.html",
        board=board,
        card=card,
        title=alert_title(code),
        region=view.region,
        why=words.why(card, policy),
        months=_months(board, card, context),
        cases=cases,
        changes=changes,
        rule=None if text is None else rules.published(context, text, comments_of(context.settings.policy_file)),
        may_change=may_change,
        responsible=responsible,
        may_open=not caller.rights.isdisjoint({Right.READ_ALERTS, Right.WORK_ALERTS}),
        words=words,
        yuan=yuan,
        alert_title=alert_title,
        modes=list(RuleMode),
        typed=request.form,
        wrong=wrong,
        today=context.policy.certification.today,
    )


def _board(context: Context, region: str, code: str | None = None) -> Board:
    service = ScorecardsService(context.database, context.policy.oversight.scorecard)
    return service.board(region, rule_codes(), code=code)


def _known(code: str) -> str:
    if not 0 < len(code) <= CODE_MAX or not code.isascii() or '"' in code or "\\" in code:
        abort(404)
    return code


def _months(board: Board, card: Card, context: Context) -> list[dict[str, Any]]:
    """Oldest first."""
    confidence = context.policy.oversight.scorecard.confidence
    return [
        {"month": month, "decisions": one, "precision": rate(one.confirmed, one.judged, confidence)}
        for month in board.months
        for one in (card.counted.months[month],)
    ]


def _rank(card: Card) -> tuple[int, int, str]:
    return _ORDER.index(card.scorecard.suggested.suggestion), -card.scorecard.decisions.decided, card.code


def _has_figures(card: Card) -> bool:
    return bool(card.scorecard.decisions.decided or card.counted.open or card.counted.shadow) or card.mode is not RuleMode.LIVE


def _responsible(session: Any, caller: Caller) -> bool:
    """True when nobody outside the caller's region is in the store: a rule looks at everybody, so its mode is a matter of all."""
    low, high = region_bounds((caller.region or "").ljust(6, "0"))
    return session.scalar(select(Person.id).where(or_(Person.region_code < low, Person.region_code > high)).limit(1)) is None
