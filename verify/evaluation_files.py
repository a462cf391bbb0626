"""Pictures of an evaluation: read from files, with every mistake named by its row of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from verify.engines.protocol import Embedding, Engine, Image
from verify.still import embed_still, find_still_face
from verify.tables import TableError, raise_mistakes

ProgressCallback = Callable[[str, int, int], None]


def check_files(table: Path, folder: Path, named: Iterable[tuple[int, str, str]]) -> None:
    """Check that every (row, column, file name) names a file. Raises TableError naming the rows of those that do not."""
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
        raise TableError(f"{path} cannot be read ({error.strerror})") from error
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
