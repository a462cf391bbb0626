"""Workbooks that are not what they seem: each a small file that asks its reader for far more than it holds."""

from __future__ import annotations

import io
import zipfile

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _relationships(*parts: tuple[str, str]) -> str:
    each = "".join(
        f'<Relationship Id="rId{place}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for place, (kind, target) in enumerate(parts, 1)
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}">{each}</Relationships>'


def workbook(rows: str, shared: str | None = None) -> bytes:
    """A workbook of one sheet with these rows of XML. shared: its table of texts."""
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>'
    parts = [("worksheet", "worksheets/sheet1.xml"), *([("sharedStrings", "sharedStrings.xml")] if shared is not None else [])]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", _TYPES)
        file.writestr("_rels/.rels", _relationships(("officeDocument", "xl/workbook.xml")))
        file.writestr("xl/workbook.xml", f'<?xml version="1.0"?>{book}')
        file.writestr("xl/_rels/workbook.xml.rels", _relationships(*parts))
        file.writestr(
            "xl/worksheets/sheet1.xml", f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
        if shared is not None:
            file.writestr("xl/sharedStrings.xml", f'<?xml version="1.0"?><sst xmlns="{_MAIN}">{shared}</sst>')
    return made.getvalue()


def far_corner() -> bytes:
    """Two cells: the first one, and the last one that a sheet can have. Between them lie 17 thousand million."""
    return workbook('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')


def unnumbered_corner() -> bytes:
    """As ``far_corner`` without a single cell reference: one wide row, and many short ones."""
    return workbook("<row>" + "<c><v>1</v></c>" * 16_384 + "</row>" + "<row><c><v>1</v></c></row>" * 400_000)


def repeated_text() -> bytes:
    """One long text, referred to very often."""
    cells = "".join(f'<row r="{row}">' + '<c t="s"><v>0</v></c>' * 12 + "</row>" for row in range(1, 30_001))
    return workbook(cells, f"<si><t>{'A' * 32_000}</t></si>")


def long_zeros() -> bytes:
    """A sheet that unpacks to 600 MB of nothing."""
    made = io.BytesIO(workbook("<row/>"))
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as file, file.open("xl/sharedStrings.xml", "w") as part:
        for _ in range(600):
            part.write(b" " * 1_000_000)
    return made.getvalue()


BOMBS = {"far corner": far_corner, "unnumbered corner": unnumbered_corner, "repeated text": repeated_text}
"""What cannot be opened within the limits."""
