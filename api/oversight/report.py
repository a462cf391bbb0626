"""The paper of a month: key figures, the map, charts and every table of a region, with what each number counts. A4, in one language.

Chinese is set in STSong-Light, which every PDF reader brings for Adobe-GB1 (PDF 1.7, 9.7.5.2). The same figures give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from flask_babel import lazy_gettext as _
from reportlab.graphics.charts.barcharts import HorizontalBarChart
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from api.certificate_pdf import CHINESE_FONT, INK, JADE, LINE, SOFT
from api.charts import LIGHT, Chart, ChartKind
from api.oversight.headlines import Headline, headlines
from api.oversight.pictures import charts
from api.oversight.sheets import CellKind, Sheet
from api.oversight.tables import tables
from api.oversight.tiles import columns_for, places, tone
from api.oversight.words import long_day, long_month, say
from models.repositories.oversight_results import Overview

TITLE = _("Certification and funds: report of %(month)s")
AS_OF = _("%(region)s. As of %(day)s; counted %(at)s.")
NOT_OVER = _("The month is not over: what happened in it is counted so far.")
MAP = _("Coverage by city or county")
MAP_NOTE = _("One tile each, in the order of the division codes, not of the land. Steps: %(steps)s.")
METHOD = _("How these figures are counted")
METHOD_NOTES = (
    _(
        "All numbers are counted in one pass over the store as of the day named above; this paper, the page and the files are made "
        "from the same rows."
    ),
    _("A share is rounded down to a tenth of a percent, so that it never says all where one is missing."),
    _(
        "Money at risk is what findings add up to before anybody looked. Found is what people decided was wrongly paid; "
        "recovered came back."
    ),
    _("The median is from the opening of an alert to the decision of its case, of the cases decided in the month."),
)
PAGE_OF = _("Page %(number)s")
MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN - 12  # 6 points inside each edge of the frame
TONES = ("#f4f7f6", "#e0eeea", "#c3dfd8", "#93c8bd", "#2f7d74", "#0b5f59", "#063c37")
"""As in the style sheet."""
DARK_FROM = 4
TILE_HEIGHT = 30.0
SMALL, TEXT, LARGE = 7.5, 9.0, 17.0


def report_pdf(overview: Overview, language: str, *, steps: Sequence[float], counted_at: str) -> bytes:
    """The report as PDF bytes. steps: shares at which the map changes its tone. counted_at: when the figures were counted, in words."""
    if CHINESE_FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    shown, pictures = tables(overview, language), charts(tables(overview, language), language)
    title = say(TITLE, language, month=long_month(overview.day, language))
    where = f"{overview.region_name} ({overview.region_code})"
    story: list[Flowable] = [
        _paragraph(title, "title"),
        _paragraph(say(AS_OF, language, region=where, day=long_day(overview.day, language), at=counted_at), "soft"),
    ]
    if not overview.month_is_over:
        story.append(_paragraph(say(NOT_OVER, language), "soft"))
    story += [Spacer(1, 6), _headlines(headlines(overview, language)), Spacer(1, 8)]
    if tiles := _map(overview, steps):
        story.append(KeepTogether([_paragraph(say(MAP, language), "head"), tiles, _paragraph(_map_note(steps, language), "soft")]))
    for sheet in shown.all():
        chart = pictures.get(sheet.name)
        head: list[Flowable] = [_paragraph(sheet.title, "head")]
        if chart is not None and sheet.rows:
            head.append(_drawing(chart))
        story += [KeepTogether(head), _table(sheet), _paragraph(sheet.note, "soft")]
    story.append(_paragraph(say(METHOD, language), "head"))
    story += [_paragraph(say(note, language), "text") for note in METHOD_NOTES]
    out = io.BytesIO()
    paper = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 4 * mm,
        title=title,
        author="Lifecert",
        subject=where,
        invariant=1,
        lang="zh-CN" if language == "zh" else "en",
    )

    def foot(canvas: Any, _document: Any) -> None:
        canvas.setFont(CHINESE_FONT, SMALL)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, 10 * mm, f"{title} · {where}")
        canvas.drawRightString(A4[0] - MARGIN, 10 * mm, say(PAGE_OF, language, number=canvas.getPageNumber()))

    paper.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


STYLES = {
    "title": ParagraphStyle("title", fontName=CHINESE_FONT, fontSize=LARGE, leading=24, textColor=JADE, wordWrap="CJK"),
    "head": ParagraphStyle("head", fontName=CHINESE_FONT, fontSize=12, leading=16, spaceBefore=9, textColor=JADE, wordWrap="CJK"),
    "text": ParagraphStyle("text", fontName=CHINESE_FONT, fontSize=TEXT, leading=13, spaceAfter=3, textColor=INK, wordWrap="CJK"),
    "soft": ParagraphStyle("soft", fontName=CHINESE_FONT, fontSize=SMALL, leading=11, spaceAfter=3, textColor=SOFT, wordWrap="CJK"),
    "cell": ParagraphStyle("cell", fontName=CHINESE_FONT, fontSize=SMALL, leading=10, textColor=INK, wordWrap="CJK"),
    "number": ParagraphStyle("number", fontName=CHINESE_FONT, fontSize=SMALL, leading=10, textColor=INK, alignment=TA_RIGHT),
    "heading": ParagraphStyle("heading", fontName=CHINESE_FONT, fontSize=SMALL, leading=10, textColor=SOFT, wordWrap="CJK"),
    "number_heading": ParagraphStyle(
        "number_heading", fontName=CHINESE_FONT, fontSize=SMALL, leading=10, textColor=SOFT, alignment=TA_RIGHT, wordWrap="CJK"
    ),
    "large": ParagraphStyle("large", fontName=CHINESE_FONT, fontSize=13, leading=18, textColor=INK, wordWrap="CJK"),
}


def _paragraph(words: str, style: str) -> Paragraph:
    # Latin words break between each other, not within: the setting for Chinese would cut them
    chosen = STYLES[style]
    if chosen.wordWrap == "CJK" and words.isascii():
        chosen = ParagraphStyle(f"{chosen.name}-latin", parent=chosen, wordWrap=None)
    return Paragraph(escape(words), chosen)


def _headlines(found: Sequence[Headline]) -> Table:
    cells = [
        [_paragraph(one.label, "heading"), _paragraph(one.value, "large"), _paragraph(one.detail, "heading")]
        + [_paragraph(change.words, "heading") for change in one.changes]
        for one in found
    ]
    return Table(
        [cells],
        colWidths=[WIDTH / len(cells)] * len(cells),
        style=TableStyle(
            [("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOX", (0, 0), (-1, -1), 0.5, LINE), ("INNERGRID", (0, 0), (-1, -1), 0.5, LINE)]
        ),
    )


def _map(overview: Overview, steps: Sequence[float]) -> Drawing | None:
    lines = {line.region_code: line for line in overview.places if line.region_code != overview.region_code}
    if not lines:
        return None
    placed = places(list(lines))
    side, rows = WIDTH / columns_for(len(lines)), max(place.row for place in placed)
    drawing = Drawing(WIDTH, rows * TILE_HEIGHT)
    for place in placed:
        people = lines[place.code].people
        share = 1000 * people.covered // people.to_certify if people.to_certify else None
        shade = tone(share, steps)
        x, y = (place.column - 1) * side, (rows - place.row) * TILE_HEIGHT
        fill = HexColor("#ffffff" if shade is None else TONES[shade])
        ink = HexColor("#ffffff") if shade is not None and shade >= DARK_FROM else INK
        box: dict[str, Any] = {"fillColor": fill, "strokeColor": LINE, "strokeWidth": 0.6}
        drawing.add(Rect(x + 1.5, y + 1.5, side - 3, TILE_HEIGHT - 3, 3, 3, **box))
        said = "–" if share is None else f"{share // 10}.{share % 10}%"
        for words, size, up in ((_fitted(lines[place.code].name, side - 8, SMALL), SMALL, 17.0), (said, TEXT, 6.0)):
            drawing.add(String(x + side / 2, y + up, words, fontName=CHINESE_FONT, fontSize=size, fillColor=ink, textAnchor="middle"))
    return drawing


def _map_note(steps: Sequence[float], language: str) -> str:
    return say(MAP_NOTE, language, steps=" · ".join(f"{100 * step:g}%" for step in steps))


def _fitted(words: str, width: float, size: float) -> str:
    """The words, cut off with dots where they are wider than width (points)."""
    if pdfmetrics.stringWidth(words, CHINESE_FONT, size) <= width:
        return words
    while words and pdfmetrics.stringWidth(words + "…", CHINESE_FONT, size) > width:
        words = words[:-1]
    return words + "…"


def _table(sheet: Sheet) -> Table:
    heads = [_paragraph(column.heading, "heading" if column.kind is CellKind.TEXT else "number_heading") for column in sheet.columns]
    rows = [
        [
            _paragraph(said, "cell") if column.kind is CellKind.TEXT else Paragraph(escape(said), STYLES["number"])
            for column, said in zip(sheet.columns, sheet.said(row), strict=True)
        ]
        for row in sheet.rows
    ]
    shares = [2.6 if place == 0 else 1.6 if column.kind is CellKind.FEN else 1.0 for place, column in enumerate(sheet.columns)]
    return Table(
        [heads, *rows],
        colWidths=[WIDTH * share / sum(shares) for share in shares],
        repeatRows=1,
        style=TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, SOFT),
                *((side, (0, 0), (-1, -1), 2.0) for side in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")),
            ]
        ),
    )


def _drawing(chart: Chart) -> Drawing:
    """The chart in the paper's own font: the numbers are those of the screen's."""
    lines = chart.kind is ChartKind.LINES
    bars = len(chart.labels) * len(chart.series)
    height = 120.0 if lines else 34.0 + 13.0 * max(bars, 3)
    drawing = Drawing(WIDTH, height)
    widest = max((pdfmetrics.stringWidth(label, CHINESE_FONT, SMALL) for label in chart.labels), default=0.0)
    inside: Any = HorizontalLineChart() if lines else HorizontalBarChart()
    inside.x = 40.0 if lines else min(widest, 0.4 * WIDTH) + 8
    inside.y, inside.height = 24.0 if lines else 14.0, height - (46.0 if lines else 34.0)
    inside.width = WIDTH - inside.x - 50
    # horizontal bars grow upwards from the first label: turned round, so that the first is on top as on the screen
    order = 1 if lines else -1
    inside.data = [[value or 0.0 for value in one.values][::order] for one in chart.series][::order]
    inside.categoryAxis.categoryNames = [_fitted(label, 0.4 * WIDTH, SMALL) for label in chart.labels][::order]
    for axis in (inside.categoryAxis, inside.valueAxis):
        axis.labels.fontName, axis.labels.fontSize, axis.labels.fillColor = CHINESE_FONT, SMALL, INK
        axis.strokeColor = LINE
    inside.valueAxis.valueMin, inside.valueAxis.labelTextFormat = 0, "%d" if lines else "%g"
    if not any(any(values) for values in inside.data):
        inside.valueAxis.valueMax = 1
    for number, one in enumerate(chart.series[::order]):
        part = inside.lines[number] if lines else inside.bars[number]
        part.strokeColor = HexColor(LIGHT[one.tone]) if lines else None
        if not lines:
            part.fillColor = HexColor(LIGHT[one.tone])
    drawing.add(inside)
    at = inside.x
    for one in chart.series:
        drawing.add(Rect(at, height - 11, 8, 8, fillColor=HexColor(LIGHT[one.tone]), strokeColor=None))  # type: ignore[arg-type]
        drawing.add(String(at + 11, height - 10, one.name, fontName=CHINESE_FONT, fontSize=SMALL, fillColor=INK))
        at += 26 + pdfmetrics.stringWidth(one.name, CHINESE_FONT, SMALL)
    drawing.add(String(WIDTH - 4, height - 10, chart.axis, fontName=CHINESE_FONT, fontSize=SMALL, fillColor=SOFT, textAnchor="end"))
    return drawing
