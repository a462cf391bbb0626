"""One kind of alerts for supervisors: its months, where it occurs, and its dearest alerts; from here to the scorecard and to each alert."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from flask import abort, current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.charts import Chart, ChartKind, Series, Tone
from api.context import current
from api.i18n import current_language
from api.oversight.kind_tables import kind_months, kind_places
from api.oversight.sheets import CellKind, Sheet, say
from api.oversight.words import long_day, title_of_code
from api.pages.blueprints import counter_pages
from api.pages.chart_svg import svg_answer
from api.pages.oversight import View, breadcrumbs, view_of
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, yuan
from api.rights import Right
from models.region import region_prefix
from models.repositories import hospitals
from models.repositories.oversight import code_places, code_trend, counted_days

SHOWN = 20
CODE_MAX = 40
SCORECARD = "counter.scorecard"


@counter_pages.get("/desk/oversight/kind/<code>")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_kind(caller: Caller, code: str) -> ResponseReturnValue:
    """Figures of one kind of alerts, and the alerts with the most money at risk. Nobody is named."""
    context, view, language = current(), _view(caller, code), current_language()
    with context.database.read_scope() as session:
        day = _day(view, counted_days(session))
        months = code_trend(session, region_code=view.region, code=code, day=day) if day else ()
        inside = code_places(session, region_code=view.region, code=code, day=day) if day else ()
        dearest = hospitals.dearest(session, region_prefix(view.region), code, limit=SHOWN)
        trail = breadcrumbs(session, caller, view.region)
    if not dearest and not any(point.opened and point.opened.count for point in months) and not any(one.open.count for one in inside):
        known = title_of_code(code, language) != code
        if not known:
            abort(404)
    scorecard = SCORECARD in current_app.view_functions
    return render_template(
        "desk_oversight/kind.html",
        view=view,
        code=code,
        title=title_of_code(code, language),
        day_words="" if day is None else long_day(day, language),
        months=kind_months(months, language),
        places=kind_places(inside, language) if inside else None,
        links={
            one.region_code: url_for("counter.oversight_kind", code=code, region=one.region_code, month=view.typed["month"])
            for one in inside
        },
        dearest=dearest,
        trail=trail,
        shown=SHOWN,
        scorecard=url_for(SCORECARD, code=code) if scorecard else None,
        may_open=not caller.rights.isdisjoint({Right.READ_ALERTS, Right.WORK_ALERTS}),
        states=STATES,
        yuan=yuan,
        today=context.policy.certification.today,
    )


@counter_pages.get("/desk/oversight/kind/<code>/chart.svg")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_kind_chart(caller: Caller, code: str) -> ResponseReturnValue:
    """Opened and decided alerts of one kind, month by month."""
    view = _view(caller, code)
    with current().database.read_scope() as session:
        day = _day(view, counted_days(session))
        if day is None:
            abort(404)
        months = code_trend(session, region_code=view.region, code=code, day=day)
    return svg_answer(_chart(kind_months(months, current_language())))


def _address(code: str, region: str, view: View) -> str:
    return url_for("counter.oversight_kind", code=code, region=region, month=view.typed["month"])


def _view(caller: Caller, code: str) -> View:
    if len(code) > CODE_MAX:
        abort(404)
    return view_of(caller)


def _day(view: View, counted: Iterable[date]) -> date | None:
    """The last counted day up to that of the view."""
    return max((day for day in counted if day <= view.day), default=None)


def _chart(sheet: Sheet) -> Chart:
    lines = (("open", _("Open alerts"), Tone.DANGER), ("opened", _("Opened"), Tone.WARNING), ("decided", _("Decided"), Tone.MAIN))
    series = tuple(
        Series(
            heading,
            tuple(float(cell) if isinstance(cell, int) else None for cell in sheet.column(key)),
            tone,
            tuple(say(cell, CellKind.COUNT) for cell in sheet.column(key)),
        )
        for key, heading, tone in lines
    )
    labels = tuple(str(row.cells[0]) for row in sheet.rows)
    return Chart(sheet.title, ChartKind.LINES, labels, series, _("alerts"))
