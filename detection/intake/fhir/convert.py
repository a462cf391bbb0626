"""FHIR files as files of the intake: read twice, first what claims refer to, then the claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from detection.intake.errors import FileUnusableError, ImportFailedError
from detection.intake.fhir.facts import fact_book
from detection.intake.fhir.resources import resources
from detection.intake.fhir.rows import HowToConvert, Row, Skipped, convert
from models.import_batch import ImportKind

ROWS_AT_ONCE = 5_000
CLAIMS = frozenset({"Claim", "ExplanationOfBenefit"})
COLUMNS: dict[ImportKind, tuple[str, ...]] = {
    ImportKind.INSTITUTIONS: ("institution_code", "institution_name", "institution_kind", "region_code"),
    ImportKind.CLAIMS: (
        "institution_code",
        "claim_reference",
        "resident_id",
        "social_security_number",
        "name",
        "setting",
        "scheme",
        "from_date",
        "to_date",
        "settled_at",
        "uploaded_at",
        "department",
        "doctor",
        "principal_diagnosis",
        "diagnoses",
        "procedures",
        "hospital_acquired",
        "drg",
        "transferred_in",
        "discharge_way",
        "total_yuan",
        "fund_yuan",
    ),
    ImportKind.CLAIM_LINES: (
        "institution_code",
        "claim_reference",
        "line_number",
        "item_code",
        "item_name",
        "category",
        "quantity",
        "unit_price_yuan",
        "amount_yuan",
        "fund_yuan",
        "charged_on",
        "days",
        "prescription",
        "doctor",
    ),
}
"""In the order in which they are to be brought in."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ConvertedFiles:
    """files: kind -> Parquet file with headings of the intake; kinds without rows are not among them. skipped: reason -> count."""

    files: Mapping[ImportKind, Path]
    rows: Mapping[ImportKind, int]
    skipped: Mapping[str, int]


def convert_files(
    paths: Sequence[Path], folder: Path, how: HowToConvert, progress: Progress = lambda _stage, _done, _total: None
) -> ConvertedFiles:
    """Write the rows of all these files together into ``folder``; the same files give the same bytes. Memory: one bundle or line at a time.

    Raises:
        FileUnusableError: a file is no FHIR, too large, or there is no claim in any of them.
        ImportFailedError: the disk is full.
    """
    skipped, seen = Skipped(), set[str]()
    try:
        with ExitStack() as stack:
            book = stack.enter_context(fact_book(folder))
            for done, (full_url, resource) in enumerate(_all(paths), start=1):
                book.add(full_url, resource)
                _tell(progress, "resources", done)
            writers = {kind: stack.enter_context(_Writer(folder / f"{kind.value}.parquet", columns)) for kind, columns in COLUMNS.items()}
            for done, (full_url, resource) in enumerate(_all(paths), start=1):
                _tell(progress, "claims", done)
                found = convert(resource, full_url, book, how, skipped) if resource["resourceType"] in CLAIMS else None
                if found is None:
                    continue
                if found.institution is not None and found.institution["institution_code"] not in seen:
                    seen.add(found.institution["institution_code"])
                    writers[ImportKind.INSTITUTIONS].add(found.institution)
                writers[ImportKind.CLAIMS].add(found.claim)
                for line in found.lines:
                    writers[ImportKind.CLAIM_LINES].add(line)
    except OSError as error:
        raise ImportFailedError(f"the rows of the FHIR files cannot be written ({error.strerror}): make room and run it again") from error
    if writers[ImportKind.CLAIMS].rows == 0:
        named = ", ".join(path.name for path in paths)
        raise FileUnusableError(f"{named}: no Claim and no ExplanationOfBenefit that was submitted is in there")
    return ConvertedFiles(
        {kind: one.path for kind, one in writers.items() if one.rows},
        {kind: one.rows for kind, one in writers.items()},
        dict(sorted(skipped.counts.items())),
    )


def _all(paths: Sequence[Path]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for path in paths:
        yield from resources(path)


def _tell(progress: Progress, stage: str, done: int) -> None:
    if done % 1_000 == 0:
        progress(stage, done, 0)


class _Writer:
    """Rows of texts into a Parquet file, some thousands at a time."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.rows = path, 0
        self._schema = pa.schema([(name, pa.string()) for name in columns])
        self._waiting: list[Row] = []

    def __enter__(self) -> _Writer:
        self._writer = pq.ParquetWriter(self.path, self._schema, compression="lz4")
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: Row) -> None:
        """One row; a column that it does not have is empty."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            columns = [pa.array([row.get(name) or None for row in self._waiting], pa.string()) for name in self._schema.names]
            self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
            self._waiting.clear()
