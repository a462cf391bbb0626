"""The certificate as one A4 page in both languages, with a square code that anyone can check.

Chinese is set in STSong-Light, one of the fonts that every PDF reader brings for Adobe-GB1 (PDF 1.7, 9.7.5.2): no font file is
needed or embedded.
"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import segno
from babel.dates import format_date
from flask_babel import lazy_gettext as _
from reportlab.graphics.shapes import Drawing, Rect
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from api.i18n import LOCALES, translate
from verify.views import CertificateView

CHINESE_FONT = "STSong-Light"
LATIN_FONT = "Helvetica"
INK = HexColor("#1d2a2b")
SOFT = HexColor("#4a5758")
JADE = HexColor("#0b5f59")
LINE = HexColor("#b9b2a6")
CODE_MM = 46.0

# Message ids, marked for extraction; they are set in both languages at once.
TITLE = _("Certificate of pension certification")
NAME = _("Name")
RESIDENT_ID = _("Identity card number")
METHOD = _("How it was confirmed")
CERTIFIED_ON = _("Certified on")
VALID_UNTIL = _("Valid until")
NUMBER = _("Certificate number")
SENTENCE = _("This office has confirmed that the person named here is alive and entitled to certification on the day stated.")
CHECK_IT = _("Anyone can check this certificate: scan the square code. The page shows the masked name and the validity, nothing else.")
METHODS = {
    "face": _("Face, by camera"),
    "counter": _("In person, at a counter"),
    "home_visit": _("In person, at home"),
    "video_call": _("Video call"),
    "assisted": _("With the help of another office"),
    "data_match": _("From official records"),
}


def _message(lazy: object) -> str:
    """The message id behind a lazy text."""
    return str(lazy._args[0])  # type: ignore[attr-defined]


def _both(lazy: object) -> tuple[str, str]:
    """Chinese and English of one message."""
    message = _message(lazy)
    return translate(message, "zh"), translate(message, "en")


def _wrapped(text: str, font: str, size: float, width: float) -> list[str]:
    """Lines no wider than width (points). Chinese breaks anywhere, English between words."""
    pieces = list(text) if font == CHINESE_FONT else [word + " " for word in text.split()]
    lines, line = [], ""
    for piece in pieces:
        if line and pdfmetrics.stringWidth((line + piece).rstrip(), font, size) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


class _Page:
    """Draws from the top of the page downwards. y: points from the bottom."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.left = 25 * mm
        self.width = A4[0] - 50 * mm
        self.y = A4[1] - 38 * mm

    def text(self, words: str, size: float, *, colour: Color = INK, x: float | None = None, chinese: bool = True) -> None:
        font = CHINESE_FONT if chinese else LATIN_FONT
        self.canvas.setFillColor(colour)
        self.canvas.setFont(font, size)
        self.canvas.drawString(self.left if x is None else x, self.y, words)

    def paragraph(self, words: str, size: float, width: float, *, colour: Color = INK, chinese: bool = True) -> None:
        for line in _wrapped(words, CHINESE_FONT if chinese else LATIN_FONT, size, width):
            self.text(line, size, colour=colour, chinese=chinese)
            self.y -= size * 1.55

    def row(self, label: object, value_zh: str, value_en: str | None = None) -> None:
        chinese, english = _both(label)
        self.text(chinese, 12, colour=SOFT)
        room = self.width - 62 * mm
        size = min(15.0, 15.0 * room / max(pdfmetrics.stringWidth(value_zh, CHINESE_FONT, 15), 1.0))  # long names stay on the line
        self.text(value_zh, size, x=self.left + 62 * mm)
        self.y -= 15
        self.text(english, 9, colour=SOFT, chinese=False)
        if value_en is not None:
            self.text(value_en, 10, colour=SOFT, x=self.left + 62 * mm, chinese=False)
        self.y -= 9
        self.canvas.setStrokeColor(LINE)
        self.canvas.setLineWidth(0.4)
        self.canvas.line(self.left, self.y, self.left + self.width, self.y)
        self.y -= 22


def _dates(day: date) -> tuple[str, str]:
    return format_date(day, "long", locale=LOCALES["zh"]), format_date(day, "long", locale="en")


def square_code(address: str, side: float) -> Drawing:
    """The address as a QR code (error level M), side in points with its quiet zone."""
    rows = [list(row) for row in segno.make(address, error="m", micro=False).matrix_iter(border=4)]
    cell = side / len(rows)
    drawing = Drawing(side, side)
    white: dict[str, Any] = {"fillColor": HexColor("#ffffff"), "strokeColor": None}
    black: dict[str, Any] = {"fillColor": HexColor("#000000"), "strokeColor": None}
    drawing.add(Rect(0, 0, side, side, **white))
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                drawing.add(Rect(x * cell, side - (y + 1) * cell, cell, cell, **black))
    return drawing


def certificate_pdf(certificate: CertificateView, check_url: str) -> bytes:
    """One A4 page as PDF bytes. check_url: the public address in the square code; also a link in the file."""
    if CHINESE_FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=1)
    chinese_title, english_title = _both(TITLE)
    canvas.setTitle(f"{chinese_title} {english_title}")
    canvas.setAuthor("Lifecert")
    canvas.setStrokeColor(JADE)
    canvas.setLineWidth(1.6)
    canvas.roundRect(13 * mm, 13 * mm, A4[0] - 26 * mm, A4[1] - 26 * mm, 6 * mm)
    canvas.setLineWidth(0.5)
    canvas.roundRect(15 * mm, 15 * mm, A4[0] - 30 * mm, A4[1] - 30 * mm, 5 * mm)

    page = _Page(canvas)
    page.text(chinese_title, 26, colour=JADE)
    page.y -= 20
    page.text(english_title, 13, colour=JADE, chinese=False)
    page.y -= 34
    chinese, english = _both(SENTENCE)
    page.paragraph(chinese, 13, page.width)
    page.y -= 3
    page.paragraph(english, 10, page.width, colour=SOFT, chinese=False)
    page.y -= 22
    page.row(NAME, certificate.full_name)
    page.row(RESIDENT_ID, certificate.resident_id_masked)
    page.row(METHOD, *_both(METHODS.get(certificate.method, METHODS["face"])))
    page.row(CERTIFIED_ON, *_dates(certificate.certified_on))
    page.row(VALID_UNTIL, *_dates(certificate.valid_until))
    page.row(NUMBER, certificate.certificate_id)

    side = CODE_MM * mm
    bottom = 27 * mm
    square_code(check_url, side).drawOn(canvas, page.left, bottom)
    canvas.linkURL(check_url, (page.left, bottom, page.left + side, bottom + side), relative=0)
    chinese, english = _both(CHECK_IT)
    page.left += side + 7 * mm
    page.y = bottom + side - 20
    width = page.width - side - 7 * mm
    page.paragraph(chinese, 12, width)
    page.y -= 4
    page.paragraph(english, 9.5, width, colour=SOFT, chinese=False)
    canvas.showPage()
    canvas.save()
    return out.getvalue()
