"""The certificate's paper: one page, both languages, a code that leads to the check."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from api.certificate_pdf import certificate_pdf, square_code
from verify.views import CertificateView

URL = "https://lifecert.example.gov.cn/c/" + "A" * 116
CERTIFICATE = CertificateView(
    certificate_id="Zm9vYmFyYmF6cXV4Zm9vYg",
    person_id="p",
    full_name="欧阳建国",
    resident_id_masked="42************1244",
    method="face",
    certified_on=date(2026, 3, 15),
    valid_until=date(2027, 3, 15),
    issued_at=datetime(2026, 3, 15, tzinfo=UTC),
    check_token="A" * 116,
    revoked_at=None,
)


def text_of(paper: bytes) -> str:
    reader = PdfReader(io.BytesIO(paper))
    assert len(reader.pages) == 1
    return str(reader.pages[0].extract_text())


def test_the_paper_says_the_same_in_both_languages() -> None:
    text = text_of(certificate_pdf(CERTIFICATE, URL))
    for words in (
        "欧阳建国",
        "42************1244",
        "2026年3月15日",
        "March 15, 2027",
        "人脸认证（摄像头）",
        "Face, by camera",
        CERTIFICATE.certificate_id,
    ):
        assert words in text
    assert "Certificate of pension certification" in text


def test_the_paper_needs_no_font_file_and_stays_small() -> None:
    paper = certificate_pdf(CERTIFICATE, URL)
    fonts = PdfReader(io.BytesIO(paper)).pages[0]["/Resources"]["/Font"]
    assert any("STSong-Light" in str(font.get_object()["/BaseFont"]) for font in fonts.values())
    assert len(paper) < 60_000


def test_the_link_and_the_code_lead_to_the_check() -> None:
    page = PdfReader(io.BytesIO(certificate_pdf(CERTIFICATE, URL))).pages[0]
    assert [a.get_object()["/A"]["/URI"] for a in page["/Annots"]] == [URL]


@pytest.mark.parametrize("name", ["王", "阿卜杜拉·买买提·伊布拉音", "Maria da Conceição"])
def test_long_and_short_names_are_printed(name: str) -> None:
    assert name[:3] in text_of(certificate_pdf(replace(CERTIFICATE, full_name=name), URL)).replace("\n", "")


def test_the_code_reads_back() -> None:
    side = 600
    picture = np.full((side, side), 255, np.uint8)
    for cell in square_code(URL, side).contents[1:]:
        top, left = round(side - cell.y - cell.height), round(cell.x)
        picture[top : top + round(cell.height) + 1, left : left + round(cell.width) + 1] = 0
    read, *_ = cv2.QRCodeDetector().detectAndDecode(picture)
    assert read == URL
