"""What the columns of a file of claims mean: a TOML file, one of those that come with Lifecert or one's own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from detection.errors import DetectionError
from models.claim import CareSetting

SHIPPED = Path(__file__).parent / "mappings"

NEEDED = ("claim", "provider", "from_date", "to_date")
OPTIONAL = (
    "person",
    "department",
    "doctor",
    "drg",
    "scheme",
    "level",
    "birth_date",
    "sex",
    "discharge_way",
    "principal_diagnosis",
    "setting",
)
MONEY = ("total", "fund", "own")
LISTS = ("diagnoses", "procedures")
VALUED = ("setting", "level", "sex", "scheme", "discharge_way")
"""Columns whose cells [values] may translate."""


class ClaimFilesError(DetectionError):
    """A file of claims, of labels or the mapping cannot be used; the message says where and what to do."""

    code = "claim_files"


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Headings = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingMapping(_Part):
    """The setting of claims by which column is filled."""

    otherwise: CareSetting = CareSetting.INPATIENT
    when_filled: dict[CareSetting, str] = Field(default_factory=dict)


class ClaimMapping(_Part):
    """missing: words that stand for an empty cell. fen_per_unit: of the file's currency. columns: canonical name -> headings of which the
    first that is filled counts. icd10: diagnoses and procedures are coded as the national rules know
    them; otherwise rules about codes are not run. lists: columns that belong together. values: canonical name -> word of the file -> ours.
    """

    missing: tuple[str, ...] = ("NA",)
    fen_per_unit: float = Field(default=100, gt=0)
    date_formats: tuple[str, ...] = ("%Y-%m-%d",)
    icd10: bool = True
    columns: dict[str, Headings]
    lists: dict[str, Headings] = Field(default_factory=dict)
    setting: SettingMapping = SettingMapping()
    values: dict[str, dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names(self) -> ClaimMapping:
        for section, names, known in (
            ("columns", self.columns, (*NEEDED, *MONEY, *OPTIONAL)),
            ("lists", self.lists, LISTS),
            ("values", self.values, VALUED),
        ):
            wrong = sorted(set(names) - set(known))
            if wrong:
                raise ValueError(f"[{section}] {wrong[0]!r} is not known here: {', '.join(known)}")
        absent = [name for name in NEEDED if name not in self.columns]
        if absent:
            raise ValueError(f"[columns] {absent[0]!r} is missing: {', '.join(NEEDED)} are needed, and total or fund")
        if not {"total", "fund"} & set(self.columns):
            raise ValueError("[columns] an amount is missing: name a column for total or for fund")
        return self

    @property
    def needed(self) -> list[tuple[str, tuple[str, ...]]]:
        """(canonical name, headings) of what every file must have."""
        amounts = [name for name in ("total", "fund") if name in self.columns]
        return [(name, self.columns[name]) for name in (*NEEDED, amounts[0])]


def shipped() -> list[str]:
    """Names of the mappings that come with Lifecert."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_claim_mapping(name: str) -> ClaimMapping:
    """The mapping of a file, or the one that comes with Lifecert under this name.

    Raises:
        ClaimFilesError: there is none, or it is no valid mapping.
    """
    path = Path(name)
    if not path.is_file():
        path = SHIPPED / f"{name.removesuffix('.toml')}.toml"
        if Path(name).name.removesuffix(".toml") not in shipped() or Path(name).parent != Path("."):
            raise ClaimFilesError(
                f"{name}: no such mapping: give a TOML file, or one of those that come with Lifecert: {', '.join(shipped())}"
            )
    try:
        return ClaimMapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClaimFilesError(f"{path.name}: is no TOML file: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ClaimFilesError(f"{path.name}: {place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}") from error
