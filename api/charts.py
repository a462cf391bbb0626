"""Charts as pictures of their own (SVG): their colours are those of the page's theme, their words those of its language.

Each stands beside a table with the same numbers, so that a chart never says anything alone.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

WIDTH_IN = 8.0
BAR_IN = 0.42
"""Height of one bar and the gap after it, in inches."""
LINES_HEIGHT_IN = 3.1
KEPT = 64
"""Pictures that a process remembers; one has 10 to 60 kB."""
_DRAWING = threading.Lock()  # settings of the library are the whole process's


class ChartKind(StrEnum):
    """How the numbers are drawn."""

    BARS = "bars"  # horizontal, one group a label
    STACKED = "stacked"  # horizontal, the series one after another
    LINES = "lines"  # over time, one line a series


class Tone(StrEnum):
    """Colours by what they stand for."""

    MAIN = "main"
    WARNING = "warning"
    DANGER = "danger"
    CALM = "calm"
    QUIET = "quiet"


LIGHT = {"ink": "#1d2a2b", "soft": "#4a5758", "grid": "#d9d2c6", "main": "#0b5f59", "warning": "#b06c00", "danger": "#9c2f22"}
LIGHT |= {"calm": "#1f5286", "quiet": "#7d8886"}
DARK = {"ink": "#ece7dd", "soft": "#b9c2bf", "grid": "#34413f", "main": "#5fc4b4", "warning": "#f0bb62", "danger": "#f2998b"}
DARK |= {"calm": "#93c0ee", "quiet": "#83908d"}
MARKERS = ("o", "s", "^", "D", "v")  # lines are told apart without their colours
MOST_LABELS = 13  # beside each other under a chart: a year and the month before
HATCHES = ("", "///", "...", "xx", "\\\\")


@dataclass(frozen=True)
class Series:
    """One line or set of bars. values: in the unit of the axis, one a label; None where nothing is known. said: as written beside them.

    spans: (low, high) of the interval of each value, drawn as whiskers of bars that stand side by side, and as a band around a line.
    """

    name: str
    values: tuple[float | None, ...]
    tone: Tone = Tone.MAIN
    said: tuple[str, ...] = ()
    spans: tuple[tuple[float, float] | None, ...] = ()


@dataclass(frozen=True)
class Chart:
    """One picture. labels: of the bars, first on top, or of the points in time. axis: what the numbers are, with the unit. low, high:
    limits of the axis of values; None for what fits.
    """

    title: str
    kind: ChartKind
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    axis: str = ""
    low: float | None = 0.0
    high: float | None = None

    def etag(self, *, dark: bool) -> str:
        """The same for the same picture."""
        return hashlib.sha256(f"{self!r}{dark}".encode()).hexdigest()[:32]


@lru_cache(maxsize=KEPT)
def svg(chart: Chart, dark: bool = False) -> str:
    """The picture, without a background, so that it lies on the page's own. Takes about 0.1 s; pictures are kept."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colours = DARK if dark else LIGHT
    settings: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": chart.title,
        "font.size": 13.5,
        "text.color": colours["ink"],
        "axes.labelcolor": colours["soft"],
        "axes.edgecolor": colours["grid"],
        "xtick.color": colours["soft"],
        "ytick.color": colours["ink"],
        "hatch.linewidth": 0.6,
    }
    bars = chart.kind is not ChartKind.LINES
    groups = len(chart.labels) * (len(chart.series) if chart.kind is ChartKind.BARS else 1)
    height = 1.0 + BAR_IN * max(groups, 2) + (0.3 if len(chart.series) > 1 else 0) if bars else LINES_HEIGHT_IN
    # the reader's own fonts draw the characters; the library only misses them for measuring
    with _DRAWING, rc_context(cast(Any, settings)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        axes = figure.subplots()
        (_draw_bars if bars else _draw_lines)(axes, chart, colours)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x" if bars else "y", color=colours["grid"], linewidth=0.7)
        axes.set_axisbelow(True)
        (axes.set_xlabel if bars else axes.set_ylabel)(chart.axis)
        if len(chart.series) > 1:
            figure.legend(loc="outside upper left", ncols=len(chart.series), frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Title": chart.title})
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :]


def _draw_bars(axes: Any, chart: Chart, colours: dict[str, str]) -> None:
    side_by_side = len(chart.series) if chart.kind is ChartKind.BARS else 1
    thick = 0.8 / side_by_side
    before = [0.0] * len(chart.labels)
    for number, one in enumerate(chart.series):
        values = [value or 0.0 for value in one.values]
        shift = thick * (number - (side_by_side - 1) / 2) if side_by_side > 1 else 0.0
        places = [-place - shift for place in range(len(values))]
        left = before if chart.kind is ChartKind.STACKED else None
        hatch = HATCHES[number % len(HATCHES)] if len(chart.series) > 1 else ""
        axes.barh(places, values, thick * 0.9, left=left, color=colours[one.tone], label=one.name, hatch=hatch, edgecolor=colours["soft"])
        ends = [start + value for start, value in zip(before, values, strict=True)]
        if one.spans:
            known = [(place, value, span) for place, value, span in zip(places, values, one.spans, strict=True) if span is not None]
            below = [max(value - span[0], 0.0) for _, value, span in known]
            above = [max(span[1] - value, 0.0) for _, value, span in known]
            lengths = {"xerr": (below, above), "fmt": "none", "ecolor": colours["ink"], "capsize": 3, "elinewidth": 1.4}
            axes.errorbar([value for _, value, _ in known], [place for place, _, _ in known], **lengths)
            ends = [end if span is None else max(end, span[1]) for end, span in zip(ends, one.spans, strict=True)]
        if one.said:
            for place, end, said in zip(places, ends, one.said, strict=True):
                axes.annotate(said, (end, place), xytext=(5, 0), textcoords="offset points", va="center")
        if chart.kind is ChartKind.STACKED:
            before = [start + value for start, value in zip(before, values, strict=True)]
    axes.set_yticks([-place for place in range(len(chart.labels))], labels=list(chart.labels))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-len(chart.labels) + 0.4, 0.6)
    axes.margins(x=0.14)
    axes.set_xlim(left=chart.low, right=chart.high)
    axes.xaxis.set_major_formatter(_thousands)


def _draw_lines(axes: Any, chart: Chart, colours: dict[str, str]) -> None:
    places = list(range(len(chart.labels)))
    for number, one in enumerate(chart.series):
        values = [float("nan") if value is None else value for value in one.values]
        axes.plot(places, values, color=colours[one.tone], marker=MARKERS[number % len(MARKERS)], linewidth=2, label=one.name)
        if one.spans:
            low, high = zip(*((float("nan"),) * 2 if span is None else span for span in one.spans), strict=True)
            axes.fill_between(places, low, high, color=colours[one.tone], alpha=0.18, linewidth=0)
        known = [(place, value) for place, value in zip(places, one.values, strict=True) if value is not None]
        if one.said and known:
            place, value = known[-1]
            axes.annotate(one.said[place], (place, value), xytext=(6, 5), textcoords="offset points", color=colours[one.tone])
    every = -(-len(places) // MOST_LABELS)  # of many labels every second or third, counted from the last
    shown = [place for place in places if (len(places) - 1 - place) % every == 0]
    axes.set_xticks(shown, labels=[chart.labels[place] for place in shown], rotation=45 if len(shown) > 7 else 0)
    axes.set_xlim(-0.4, len(places) - 0.3)
    axes.set_ylim(bottom=chart.low, top=chart.high)
    axes.yaxis.set_major_formatter(_thousands)


def _thousands(value: float, _place: int) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
