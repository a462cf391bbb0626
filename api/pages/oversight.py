"""The view of supervisors: one page of a region that is understood in ten seconds, its charts, and the tables as files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from babel.dates import format_timedelta
from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import figures_requests
from api.callers import Caller
from api.context import Context, current
from api.i18n import current_language, with_aside
from api.oversight import files
from api.oversight.headlines import headlines
from api.oversight.pictures import charts
from api.oversight.tables import Tables, months_needed, tables
from api.oversight.tiles import Place, columns_for, places, tone, tone_of_class
from api.oversight.words import MEASURES, long_day, long_month, moment
from api.pages.blueprints import counter_pages
from api.pages.chart_svg import svg_answer
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import alert_title, yuan
from api.request_id import current_request_id
from api.rights import Right
from models.certification import add_months
from models.region import Region, region_prefix
from models.repositories import audit, hospitals
from models.repositories.oversight import overview
from models.repositories.oversight_results import Overview

MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])")
MONTHS_OFFERED = 25
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OLD = timedelta(hours=26)
"""Figures that are older are said to be old: a night's count was missed."""


@dataclass(frozen=True)
class View:
    """What the address asks for. region: six digits; month: first day; today: of the policy."""

    region: str
    month: date
    today: date

    @property
    def day(self) -> date:
        """The last day that counts."""
        return min(self.today, add_months(self.month, 1) - timedelta(days=1))

    @property
    def typed(self) -> dict[str, str]:
        """Arguments of links that stay in this view."""
        return {"region": self.region, "month": f"{self.month:%Y-%m}"}


@dataclass(frozen=True)
class Tile:
    """One tile of the map. tone: None where nobody is to be certified."""

    place: Place
    name: str
    share: str
    tone: int | None
    url: str


def view_of(caller: Caller) -> View:
    """The view of the address, within the caller's region; the whole of it and this month when nothing is said. Aborts with 404."""
    context = current()
    today = context.policy.certification.today(context.clock())
    own = (caller.region or "").ljust(6, "0")
    region = request.args.get("region", "") or own
    typed = request.args.get("month", "")
    if caller.region is None or not (len(region) == 6 and region.isascii() and region.isdigit() and caller.covers(region)):
        abort(404)
    month = date.fromisoformat(f"{typed}-01") if MONTH.fullmatch(typed) else today.replace(day=1)
    return View(region, min(month, today.replace(day=1)), today)


def read_overview(session: Session, context: Context, view: View) -> Overview | None:
    """The figures of the view; None when nothing was counted up to its day."""
    return overview(
        session,
        region_code=view.region,
        backlog_days=context.policy.oversight.backlog_days,
        day=view.day,
        months=months_needed(view.day),
    )


@counter_pages.get("/desk/oversight")
@staff_needed(Right.READ_OVERSIGHT)
def oversight(caller: Caller) -> ResponseReturnValue:
    """The figures of a region. Counts only: nobody's data."""
    if caller.region is None:
        return render_template("desk_oversight/no_region.html")
    context, view, language = current(), view_of(caller), current_language()
    with context.database.read_scope() as session:
        found = read_overview(session, context, view)
        trail = breadcrumbs(session, caller, view.region)
        dearest = hospitals.most_at_risk(session, region_prefix(view.region)) if found is not None else []
    shown = None if found is None else tables(found, language)
    return render_template(
        "desk_oversight/page.html",
        view=view,
        found=found,
        trail=trail,
        headlines=() if found is None else headlines(found, language),
        tables=shown,
        sheets={sheet.name: sheet for sheet in shown.all()} if shown else {},
        silent_row=list(MEASURES).index("silent"),
        tiles=[] if found is None else tiles(found, context.policy.oversight.coverage_steps, view),
        legend=legend(context.policy.oversight.coverage_steps),
        map_width=columns_for(len(found.places)) if found else 0,
        hospitals=dearest,
        months=[(f"{month:%Y-%m}", long_month(month, language)) for month in _months(view.today)],
        month_words=long_month(view.month, language),
        day_words="" if found is None else long_day(found.day, language),
        age=None if found is None or found.counted_at is None else _age(context, found.counted_at),
        is_old=found is not None and found.counted_at is not None and view.day == view.today and context.clock() - found.counted_at > OLD,
        other_month=found is not None and found.day.replace(day=1) != view.month,
        waiting=figures_requests.waiting(context),
        may_refresh=Right.START_DETECTION in caller.rights,
        may_list=Right.READ_ALERTS in caller.rights,
        alert_title=alert_title,
        yuan=yuan,
    )


@counter_pages.post("/desk/oversight/refresh")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_refresh(caller: Caller) -> ResponseReturnValue:
    """Ask for the figures of today to be counted now."""
    if Right.START_DETECTION not in caller.rights:
        abort(403)
    context = current()
    if figures_requests.ask(context, by=caller.actor):
        with context.database.session_scope() as session:
            details = {"request_id": current_request_id()}
            audit.record(session, actor=caller.actor, action="figures.asked", now=context.clock(), details=details)
        flash(_("The figures are counted within a minute or two. Open this page again then."), "success")
    else:
        flash(_("A count was asked for already. Open this page again in a minute or two."), "info")
    return redirect(url_for("counter.oversight"), 303)


@counter_pages.get("/desk/oversight/chart/<name>.svg")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_chart(caller: Caller, name: str) -> ResponseReturnValue:
    """One chart of the page."""
    _view, _overview, shown = _shown(caller)
    chart = charts(shown, current_language()).get(name)
    return svg_answer(chart) if chart is not None else abort(404)


@counter_pages.get("/desk/oversight/table/<name>.csv")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_csv(caller: Caller, name: str) -> ResponseReturnValue:
    """One table of the page, for Excel and for programs."""
    view, found, shown = _shown(caller)
    sheet = shown.named(name)
    if sheet is None:
        abort(404)
    record_export(caller, view, f"{name}.csv")
    return _file(files.csv_file(sheet), "text/csv; charset=utf-8", f"lifecert-{view.region}-{found.day:%Y-%m-%d}-{name}.csv")


@counter_pages.get("/desk/oversight/tables.xlsx")
@staff_needed(Right.READ_OVERSIGHT)
def oversight_workbook(caller: Caller) -> ResponseReturnValue:
    """Every table of the page, as one Excel workbook."""
    view, found, shown = _shown(caller)
    counted_at = found.counted_at or datetime.combine(found.day, datetime.min.time())
    about = [
        (_("Region"), f"{found.region_code} {found.region_name}"),
        (_("As of"), long_day(found.day, current_language())),
        (_("Counted"), moment(counted_at, current().policy.certification.time_zone)),
    ]
    content = files.workbook(shown.all(), about, _("About these figures"), counted_at)
    record_export(caller, view, "tables.xlsx")
    return _file(content, EXCEL, f"lifecert-{view.region}-{found.day:%Y-%m-%d}.xlsx")


def _shown(caller: Caller) -> tuple[View, Overview, Tables]:
    context, view = current(), view_of(caller)
    with context.database.read_scope() as session:
        found = read_overview(session, context, view)
    if found is None:
        abort(404)
    return view, found, tables(found, current_language())


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def record_export(caller: Caller, view: View, what: str) -> None:
    """An audit entry: figures left the service. what: name of the file."""
    context = current()
    details: dict[str, Any] = {**view.typed, "what": what, "request_id": current_request_id()}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action="figures.exported", now=context.clock(), details=details)


def breadcrumbs(session: Session, caller: Caller, region: str) -> list[tuple[str, str]]:
    """Code and name of the regions from the caller's own down to this one."""
    codes = [code for code in dict.fromkeys((f"{region[:2]}0000", f"{region[:4]}00", region)) if caller.covers(code)]
    named = session.execute(select(Region.code, Region.name).where(Region.code.in_(codes)))
    names = {row.code: row.name for row in named}
    return [(code, names[code]) for code in codes if code in names]


def tiles(found: Overview, steps: tuple[float, ...], view: View) -> list[Tile]:
    """The map: a tile for each place inside; what is on record for the region itself has none."""
    lines = {line.region_code: line for line in found.places if line.region_code != found.region_code}
    shown = []
    for place in places(list(lines)):
        people = lines[place.code].people
        share = 1000 * people.covered // people.to_certify if people.to_certify else None
        said = "–" if share is None else f"{share // 10}.{share % 10}%"
        url = url_for("counter.oversight", region=place.code, month=view.typed["month"])
        shown.append(Tile(place, lines[place.code].name, said, tone(share, steps), url))
    return shown


def legend(steps: tuple[float, ...]) -> list[tuple[int, str]]:
    """Tone and words of each class of the map, the lowest first."""
    shares = [f"{100 * step:g}%" for step in steps]
    words = [
        _("under %(share)s", share=shares[0]),
        *(_("%(low)s to under %(high)s", low=low, high=high) for low, high in pairwise(shares)),
        _("%(share)s and more", share=shares[-1]),
    ]
    return [(tone_of_class(number, len(steps)), said) for number, said in enumerate(words)]


def _months(today: date) -> list[date]:
    return [add_months(today.replace(day=1), -back) for back in range(MONTHS_OFFERED)]


def _age(context: Context, counted_at: datetime) -> str:
    """How long ago, in words, with the time of the day."""
    ago = format_timedelta(counted_at - context.clock(), add_direction=True, locale=get_locale())
    return with_aside(ago, moment(counted_at, context.policy.certification.time_zone))
