"""Tables and pictures of an evaluation: read from files, with every mistake named by its row."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from verify.engines.protocol import Embedding, Engine, Image
from verify.errors import VerifyError
from verify.still import embed_still, find_still_face

_MISTAKES_SHOWN = 5
ProgressCallback = Callable[[str, int, int], None]


class EvaluationInputError(VerifyError):
    """A table or a picture of an evaluation cannot be used; the message names file, row, field and value."""

    code = "evaluation_input_error"


@dataclass(frozen=True)
class Row:
    """One row of a table. number: as a spreadsheet shows it, the header being row 1."""

    number: int
    values: dict[str, str]


def read_table(path: Path, required: Sequence[str]) -> list[Row]:
    """Rows of a CSV file in UTF-8 (with or without byte order mark), UTF-16 with one, or GB18030. Empty rows are left out.

    Raises EvaluationInputError: no such file, no rows, another encoding, a required column that is missing.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvaluationInputError(f"{path} cannot be read ({error.strerror}): check the path") from error
    text = _decode(data, path)
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise EvaluationInputError(f"{path.name} is not a CSV table: {error}") from error
    header = [name.strip().lower() for name in lines[0]] if lines else []
    missing = [name for name in required if name not in header]
    if missing:
        raise EvaluationInputError(
            f"{path.name}, row 1: column {', '.join(missing)} missing. The header must have {','.join(required)}; "
            f"it has {','.join(header) or 'nothing'}"
        )
    rows, mistakes = [], []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(header):
            mistakes.append(f"row {number} has {len(line)} fields instead of {len(header)}")
            continue
        rows.append(Row(number, {name: cell.strip() for name, cell in zip(header, line, strict=True)}))
    raise_mistakes(path, mistakes)
    if not rows:
        raise EvaluationInputError(f"{path.name} has a header but no rows")
    return rows


def _decode(data: bytes, path: Path) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise EvaluationInputError(f"{path.name} is neither UTF-8 nor GB18030: save it as CSV UTF-8")


def raise_mistakes(path: Path, mistakes: Sequence[str]) -> None:
    """Raise EvaluationInputError with the first few mistakes of a file, if there are any."""
    if mistakes:
        more = f" (and {len(mistakes) - _MISTAKES_SHOWN} more)" if len(mistakes) > _MISTAKES_SHOWN else ""
        raise EvaluationInputError(f"{path.name}: {'; '.join(mistakes[:_MISTAKES_SHOWN])}{more}")


def check_files(table: Path, folder: Path, named: Iterable[tuple[int, str, str]]) -> None:
    """Check that every (row, column, file name) names a file. Raises EvaluationInputError naming the rows of those that do not."""
    mistakes = []
    known: dict[str, bool] = {}
    for number, column, name in named:
        if not name:
            mistakes.append(f"row {number}: {column} is empty")
            continue
        if name not in known:
            known[name] = (folder / name).is_file()
        if not known[name]:
            mistakes.append(f"row {number}: {column} {name!r} is not a file in {folder}")
    raise_mistakes(table, mistakes)


def read_picture(path: Path) -> Image | None:
    """(H, W, 3) BGR picture turned upright by its EXIF tag; None when the bytes are not a picture."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise EvaluationInputError(f"{path} cannot be read ({error.strerror})") from error
    if data.size == 0:
        return None
    try:
        return cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV takes
        return None


@dataclass(frozen=True)
class Acquisition:
    """Templates by file name, the files without a usable face (failures to acquire), and the time it took."""

    templates: dict[str, Embedding]
    failed: dict[str, str]
    cpu_s: float

    @property
    def images(self) -> int:
        """Number of different files."""
        return len(self.templates) + len(self.failed)

    @property
    def failure_rate(self) -> float:
        """Failure-to-acquire rate over files (ISO/IEC 19795-1)."""
        return len(self.failed) / self.images

    @property
    def images_per_cpu_s(self) -> float:
        """Files read, detected and embedded a second of processor time."""
        return self.images / max(self.cpu_s, 1e-9)


def acquire(engine: Engine, folder: Path, names: Iterable[str], progress: ProgressCallback | None, *, flip: bool = False) -> Acquisition:
    """Embed every file once. names may repeat; the order of first appearance is kept. flip: see ``verify.still.embed_still``."""
    distinct = list(dict.fromkeys(names))
    templates: dict[str, Embedding] = {}
    failed: dict[str, str] = {}
    began = process_time()
    for done, name in enumerate(distinct, start=1):
        image = read_picture(folder / name)
        face = None if image is None else find_still_face(engine, image)
        if image is None:
            failed[name] = "not a readable picture"
        elif face is None:
            failed[name] = "no face found"
        else:
            templates[name] = embed_still(engine, image, face, flip=flip)
        if progress:
            progress("embedding", done, len(distinct))
    return Acquisition(templates, failed, process_time() - began)
