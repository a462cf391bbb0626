"""Fairness of the camera check: how groups of people fare, with intervals, which gaps lie beyond policy, and the ways without a face."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from api.callers import Caller
from api.charts import Chart, ChartKind, Series, Tone
from api.context import Context, current
from api.fairness import make_fairness
from api.pages import fairness_words as words
from api.pages.blueprints import counter_pages
from api.pages.chart_svg import svg_answer
from api.pages.oversight import View, view_of
from api.pages.scorecard_words import interval, percent
from api.pages.staff_only import staff_needed
from api.rights import Right
from detection.fairness.comparing import Compared, Verdict
from detection.fairness_service import Fairness
from models.alert import Alert, AlertState
from models.fairness import Attempts, Dimension, Measure
from models.repositories import fairness_alerts
from models.repositories.figures.kinds import Route

TONES = {Measure.COMPLETION: Tone.MAIN, Measure.RETRY: Tone.WARNING, Measure.REFUSAL: Tone.DANGER}
GROUPS_WITH_ALL_MEASURES = 6
"""With more groups the picture shows the first measure alone, or it would be too high to be read."""


@dataclass(frozen=True)
class GroupRow:
    """One group. compared: in each measure; gaps: those beyond policy."""

    name: str
    attempts: Attempts
    compared: tuple[Compared, ...]

    @property
    def gaps(self) -> list[Compared]:
        """In which measures it is worse off than policy allows."""
        return [one for one in self.compared if one.verdict is Verdict.GAP]

    @property
    def too_few(self) -> bool:
        """True when nothing is judged of it."""
        return all(one.verdict is Verdict.TOO_FEW for one in self.compared)

    @property
    def mean_s(self) -> float | None:
        """From the start of an attempt to its decision."""
        return self.attempts.seconds / self.attempts.decided if self.attempts.decided else None


@dataclass(frozen=True)
class RouteRow:
    """One way of proof. mean_s: of those whose beginning is known."""

    name: str
    count: int
    timed: int
    mean_s: float | None


@counter_pages.get("/desk/fairness", endpoint="fairness")
@staff_needed(Right.READ_OVERSIGHT)
def fairness_page(caller: Caller) -> ResponseReturnValue:
    """Every dimension as a table and a picture. Counts only: nobody's data."""
    if caller.region is None:
        return render_template("desk_oversight/no_region.html")
    context, view = current(), view_of(caller)
    seen = _seen(context, view)
    return render_template(
        "fairness/page.html",
        seen=seen,
        region=view.region,
        tables=[(dimension, words.DIMENSIONS[dimension], rows) for dimension in Dimension if (rows := _rows(seen, dimension))],
        gaps=[(words.group_words(one.dimension, one.group, seen.names), one) for one in seen.gaps],
        routes=_routes(seen),
        alerts=_alerts(context, view.region),
        may_open=not caller.rights.isdisjoint({Right.READ_ALERTS, Right.WORK_ALERTS}),
        policy=context.policy.oversight.fairness,
        measures=list(Measure),
        words=words,
        percent=percent,
        interval=interval,
    )


@counter_pages.get("/desk/fairness/<dimension>.svg")
@staff_needed(Right.READ_OVERSIGHT)
def fairness_chart(caller: Caller, dimension: str) -> ResponseReturnValue:
    """The rates of the groups of one dimension, with their intervals."""
    if dimension not in set(Dimension):
        abort(404)
    context, view = current(), view_of(caller)
    rows = _rows(_seen(context, view), Dimension(dimension))
    if not rows:
        abort(404)
    measures = list(Measure) if len(rows) <= GROUPS_WITH_ALL_MEASURES else [Measure.COMPLETION]
    series = []
    for measure in measures:
        rates = [next(one.rate for one in row.compared if one.measure is measure) for row in rows]
        values = tuple(None if one.share is None else 100 * one.share for one in rates)
        said = tuple(percent(one.share) for one in rates)
        series.append(
            Series(str(words.MEASURES[measure]), values, TONES[measure], said, tuple((100 * one.low, 100 * one.high) for one in rates))
        )
    title = str(words.DIMENSIONS[Dimension(dimension)])
    labels = tuple(row.name for row in rows)
    return svg_answer(Chart(title, ChartKind.BARS, labels, tuple(series), _("Share of the attempts that ended, in per cent"), 0.0))


def _seen(context: Context, view: View) -> Fairness:
    return make_fairness(context).look(view.region)


def _rows(seen: Fairness, dimension: Dimension) -> list[GroupRow]:
    groups = seen.groups.get(dimension, {})
    by_group: dict[str, list[Compared]] = {group: [] for group in groups}
    for one in seen.compared:
        if one.dimension is dimension:
            by_group[one.group].append(one)
    return [
        GroupRow(words.group_words(dimension, group, seen.names), attempts, tuple(by_group[group]))
        for group, attempts in sorted(groups.items(), key=lambda item: _place(dimension, item[0]))
    ]


def _place(dimension: Dimension, group: str) -> tuple[int, str]:
    known = [name for of, name in words.GROUPS if of is dimension]
    return (known.index(group) if group in known else len(known)), group


def _routes(seen: Fairness) -> list[RouteRow]:
    found = []
    for route in Route:
        lines = [line for line in seen.routes if line.route == route.value]
        timed, seconds = sum(line.timed for line in lines), sum(line.seconds for line in lines)
        found.append(RouteRow(str(words.ROUTES[route]), sum(line.count for line in lines), timed, seconds / timed if timed else None))
    return found


def _alerts(context: Context, region: str) -> list[tuple[str, dict[str, object], AlertState]]:
    """Alerts of fairness of this very region that are not closed: (public id, details, state)."""
    query = select(Alert.public_id, Alert.details, Alert.state).where(
        Alert.region_code == region, Alert.code == fairness_alerts.FAIRNESS_GAP, Alert.state != AlertState.CLOSED
    )
    with context.database.read_scope() as session:
        return [(row.public_id, row.details, row.state) for row in session.execute(query.order_by(Alert.id))]
