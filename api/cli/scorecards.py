"""`lifecert scorecards` and `lifecert fairness`: what rules are worth, and whether groups of people fare alike."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError
from api.context import Context, open_context
from api.settings import load_settings

if TYPE_CHECKING:
    from detection.fairness.comparing import Compared
    from detection.fairness_service import Fairness, Tended
    from detection.scorecards_service import Board, Card

AS_OF = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="As of the last counted day up to this one, YYYY-MM-DD."
)
REGION = click.option("--region", metavar="CODE", help="Only this region and all inside it, six digits.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
NOTHING_COUNTED = "no figures were counted: lifecert figures --months 12"
LINE = "{:<24}  {:<8}  {:>8}  {:>9}  {:<20}  {:>14}  {:>12}  {:>8}  {}"


@click.command("scorecards")
@AS_OF
@REGION
@click.option("--all", "everything", is_flag=True, help="Rules without a decision, an open alert or a finding in the shadow as well.")
@AS_JSON
def scorecards(as_of: datetime | None, region: str | None, everything: bool, as_json: bool) -> None:
    """Show what each rule and model is worth by what people decided, and what the numbers speak for. Changes nothing.

    \b
    Examples:
      lifecert scorecards
      lifecert scorecards --region 420100 --as-of 2026-02-28
      lifecert scorecards --json
    """
    from api.signal_explanations import rule_codes
    from detection.scorecards_service import ScorecardsService

    context = open_context(load_settings())
    service = ScorecardsService(context.database, context.policy.oversight.scorecard)
    board = service.board(_region(context, region) or "", rule_codes(), as_of=None if as_of is None else as_of.date())
    if as_json:
        click.echo(json.dumps(_board(board)))
        return
    if board.day is None:
        click.echo(NOTHING_COUNTED)
        return
    click.echo(f"decisions of {board.months[0]:%Y-%m} to {board.months[-1]:%Y-%m}, the rest as of {board.day}", err=True)
    click.echo(LINE.format("code", "mode", "decided", "confirmed", "precision", "found yuan", "yuan/hour", "open", "suggestion"))
    for card in board.cards:
        if everything or card.scorecard.decisions.decided or card.counted.open or card.counted.shadow:
            click.echo(_line(card).rstrip())


@click.command("fairness")
@AS_OF
@REGION
@AS_JSON
def fairness(as_of: datetime | None, region: str | None, as_json: bool) -> None:
    """Hold groups of people against everybody else in the camera check; open an alert for each gap beyond policy, close those
    that are gone.

    With a region, or as of an earlier day than today, it only looks.

    \b
    Examples:
      lifecert fairness
      lifecert fairness --as-of 2026-02-28
      lifecert fairness --region 420100 --json
    """
    from api.fairness import make_fairness

    context = open_context(load_settings())
    service = make_fairness(context)
    today = context.policy.certification.today(context.clock())
    day = today if as_of is None else as_of.date()
    only = _region(context, region)
    tended = service.tend() if only is None and day >= today else None
    codes = service.top_regions(as_of=day) if only is None else [only]
    seen = [service.look(code, as_of=day) for code in codes]
    if as_json:
        told = {"tended": None if tended is None else asdict(tended), "regions": [_fairness(one) for one in seen]}
        click.echo(json.dumps(told))
        return
    for one in seen:
        if one.day is None:
            click.echo(f"{one.region_code}: {NOTHING_COUNTED}")
            continue
        click.echo(f"{one.region_code}  {one.months[0]:%Y-%m} to {one.months[-1]:%Y-%m}  {len(one.gaps)} gaps")
        for gap in one.gaps:
            click.echo(f"  {_gap(gap)}")
    if not seen:
        click.echo("no attempt by camera was counted in these months: lifecert figures")
    if tended is not None:
        click.echo(_said(tended))


def _region(context: Context, code: str | None) -> str | None:
    from models.region import Region

    if code is None:
        return None
    with context.database.read_scope() as session:
        if session.get(Region, code) is None:
            raise BadInputError(f"--region {code}: there is no such region in the store; give six digits, such as 420100")
    return code


def _line(card: Card) -> str:
    worth, made = card.scorecard, card.scorecard.decisions
    of = worth.precision
    precision = "-" if of.share is None else f"{100 * of.share:.1f}% ({100 * of.low:.1f}-{100 * of.high:.1f})"
    an_hour = "-" if worth.found_fen_an_hour is None else f"{worth.found_fen_an_hour / 100:,.0f}"
    found, suggestion = f"{made.found_fen / 100:,.0f}", worth.suggested.suggestion.value
    counts = (made.decided, made.confirmed, precision, found, an_hour, card.counted.open)
    return LINE.format(card.code, card.mode.value, *counts, "" if suggestion == "none" else suggestion)


def _board(board: Board) -> dict[str, Any]:
    return {
        "day": _iso(board.day),
        "months": [month.isoformat() for month in board.months],
        "rules": [_card(card) for card in board.cards],
    }


def _card(card: Card) -> dict[str, Any]:
    worth, made, shadow = card.scorecard, card.scorecard.decisions, card.counted.shadow
    return {
        "code": card.code,
        "rule": card.is_rule,
        "mode": card.mode.value,
        "decided": made.decided,
        **asdict(made),
        "precision": {"share": worth.precision.share, "low": worth.precision.low, "high": worth.precision.high, "of": worth.precision.of},
        "found_fen_an_hour": worth.found_fen_an_hour,
        "open": card.counted.open,
        "shadow": None if shadow is None else {name: {"count": each[0], "fen": each[1]} for name, each in vars(shadow).items()},
        "suggestion": worth.suggested.suggestion.value,
        "reason": worth.suggested.reason.value,
    }


def _fairness(seen: Fairness) -> dict[str, Any]:
    return {
        "region": seen.region_code,
        "day": _iso(seen.day),
        "months": [month.isoformat() for month in seen.months],
        "groups": [
            {
                "dimension": one.dimension.value,
                "group": one.group,
                "measure": one.measure.value,
                "count": one.rate.count,
                "of": one.rate.of,
                "share": one.rate.share,
                "low": one.rate.low,
                "high": one.rate.high,
                "others_share": one.others.share,
                "worse": None if one.worse is None else [one.worse.value, one.worse.low, one.worse.high],
                "limit": one.limit,
                "verdict": one.verdict.value,
            }
            for one in seen.compared
        ],
    }


def _gap(one: Compared) -> str:
    share, others = 100 * (one.rate.share or 0.0), 100 * (one.others.share or 0.0)
    worse = "" if one.worse is None else f": worse by {100 * one.worse.value:.1f} points (at least {100 * one.worse.low:.1f})"
    name = f"{one.dimension.value} {one.group} {one.measure.value}"
    return f"{name}: {share:.1f}% of {one.rate.of}, others {others:.1f}% of {one.others.of}{worse}, policy allows {100 * one.limit:.1f}"


def _said(tended: Tended) -> str:
    return f"{tended.found} gap(s); alerts: {tended.opened} opened, {tended.closed} closed, {tended.held_back} held back"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
