"""Papers out of blocks: the same content as a page to read and as a PDF to file. Chinese is set in a font that every PDF reader brings."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

FONT = "STSong-Light"
STYLE = (
    "body{font:16px/1.6 system-ui,'Noto Sans CJK SC',sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{border:1px solid #888;padding:.3rem .6rem;text-align:left;"
    "vertical-align:top}.wide{overflow-x:auto}"
)


@dataclass(frozen=True)
class Part:
    """One section: a heading, paragraphs, and a table with its head."""

    heading: str
    texts: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Paper:
    """One document. lead: under the title. name: of the file, without ending."""

    name: str
    title: str
    lead: tuple[str, ...]
    parts: tuple[Part, ...] = field(default=())


def as_html(paper: Paper, language: str) -> str:
    """A page that needs nothing from anywhere else."""
    escaped = html.escape
    out = [
        f'<!doctype html><html lang="{"zh-Hans" if language == "zh" else "en"}"><head><meta charset="utf-8">',
        f'<title>{escaped(paper.title)}</title><meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>',
        f"<h1>{escaped(paper.title)}</h1>",
        *(f"<p>{escaped(text)}</p>" for text in paper.lead),
    ]
    for part in paper.parts:
        out.append(f"<h2>{escaped(part.heading)}</h2>")
        out.extend(f"<p>{escaped(text)}</p>" for text in part.texts)
        if part.head:
            head = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in part.head)
            body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in part.rows)
            out.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')
    return "".join((*out, "</body></html>"))


def as_pdf(paper: Paper) -> bytes:
    """A4, with page numbers. The same input gives the same bytes."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    plain = ParagraphStyle("plain", fontName=FONT, fontSize=9.5, leading=14, wordWrap="CJK", spaceAfter=4)
    cell = ParagraphStyle("cell", parent=plain, fontSize=8, leading=11, spaceAfter=0)
    heading = ParagraphStyle("heading", parent=plain, fontSize=12, leading=18, spaceBefore=10)
    title = ParagraphStyle("title", parent=plain, fontSize=17, leading=24, spaceAfter=8)
    width = A4[0] - 40 * mm
    flow: list[Flowable] = [_text(paper.title, title), *(_text(text, plain) for text in paper.lead)]
    for part in paper.parts:
        flow.append(_text(part.heading, heading))
        flow.extend(_text(text, plain) for text in part.texts)
        if part.head:
            cells = [[_text(value, cell) for value in row] for row in (part.head, *part.rows)]
            table = Table(cells, colWidths=[width / len(part.head)] * len(part.head), repeatRows=1)
            table.setStyle([("GRID", (0, 0), (-1, -1), 0.4, "#888888"), ("VALIGN", (0, 0), (-1, -1), "TOP")])
            flow.extend((table, Spacer(1, 6)))
    out = io.BytesIO()
    side, edge = 20 * mm, 18 * mm
    document = SimpleDocTemplate(out, pagesize=A4, leftMargin=side, rightMargin=side, topMargin=edge, bottomMargin=edge, invariant=1)
    document.title, document.author = paper.title, "Lifecert"
    document.build(flow, onFirstPage=_numbered, onLaterPages=_numbered)
    return out.getvalue()


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(html.escape(text), style)


def _numbered(canvas: object, document: object) -> None:
    canvas.setFont(FONT, 8)  # type: ignore[attr-defined]
    canvas.drawCentredString(A4[0] / 2, 10 * mm, str(document.page))  # type: ignore[attr-defined]


def both(papers: Sequence[Paper], language: str) -> dict[str, bytes]:
    """File name -> bytes of every paper in both forms."""
    made: dict[str, bytes] = {}
    for paper in papers:
        made[f"{paper.name}.html"] = as_html(paper, language).encode("utf-8")
        made[f"{paper.name}.pdf"] = as_pdf(paper)
    return made
