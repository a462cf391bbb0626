"""FHIR files brought in: converted to the rows of institutions, claims and lines, which then go the way of every file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from detection.intake.fhir.convert import convert_files
from detection.intake.fhir.rows import HowToConvert
from detection.intake.results import ImportResult, Options
from detection.intake_service import Intake
from detection.snapshot import private_folder
from models.import_batch import ImportKind

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FhirResult:
    """results: of each kind that had rows, in order. skipped: what made no row, reason -> count."""

    results: Mapping[ImportKind, ImportResult]
    skipped: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The result as the command prints it."""
        return {**{kind.value: result.as_json() for kind, result in self.results.items()}, "skipped": dict(self.skipped)}


@dataclass(frozen=True)
class FhirIntake:
    """The door for FHIR of an intake. Converted rows lie in a private folder while they come in, and are gone afterwards."""

    intake: Intake

    def import_files(
        self,
        paths: Sequence[Path],
        options: Options,
        *,
        actor: str,
        rates: Mapping[str, Decimal] | None = None,
        scheme: str = "",
        progress: Progress = lambda _stage, _done, _total: None,
    ) -> FhirResult:
        """Bring files in, which may refer to each other; a killed run goes on where it stopped, the same files twice change nothing.

        rates: currency -> yuan for one of it; amounts in another currency than CNY without a rate are rejected. scheme: of all claims.

        Raises:
            FileUnusableError: a file is no FHIR, or there is no claim in any of them; nothing was written.
            ConflictError: RUN_IN_PROGRESS, another import of one of the kinds is running.
            ImportFailedError: the disk is full, or a chunk met other writers again and again.
            RunFailedError: no folder for the rows can be made.
        """
        how = HowToConvert(rates or {}, scheme, ZoneInfo(self.intake.certification.time_zone))
        name = paths[0].name + (f" + {len(paths) - 1}" if len(paths) > 1 else "")
        with private_folder(self.intake.folder / "fhir") as folder:
            converted = convert_files(paths, folder, how, progress)
            results = {
                kind: self.intake.import_file(kind, file, options, actor=actor, file_name=f"{name} ({kind.value})", progress=progress)
                for kind, file in converted.files.items()
            }
        return FhirResult(results, converted.skipped)
