"""Which columns of a file mean what: the canonical columns of a person, and further ones with the kind they are of."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from detection.linkage.errors import LinkageInputError


class ColumnKind(StrEnum):
    """How the values of a column are read and compared."""

    IDENTIFIER = "identifier"
    EMAIL = "email"
    FULL_NAME = "full_name"
    GIVEN_NAME = "given_name"
    SURNAME = "surname"
    SEX = "sex"
    DATE = "date"
    REGION = "region"
    POSTCODE = "postcode"
    EXACT = "exact"
    TEXT = "text"
    NUMBER = "number"


CANONICAL: dict[str, ColumnKind] = {
    "resident_id": ColumnKind.IDENTIFIER,
    "full_name": ColumnKind.FULL_NAME,
    "given_name": ColumnKind.GIVEN_NAME,
    "surname": ColumnKind.SURNAME,
    "sex": ColumnKind.SEX,
    "birth_date": ColumnKind.DATE,
    "region_code": ColumnKind.REGION,
    "phone": ColumnKind.IDENTIFIER,
    "email": ColumnKind.EMAIL,
    "bank_account": ColumnKind.IDENTIFIER,
    "address": ColumnKind.TEXT,
    "postcode": ColumnKind.POSTCODE,
}
OTHER_KINDS = {"exact": ColumnKind.EXACT, "text": ColumnKind.TEXT, "date": ColumnKind.DATE, "number": ColumnKind.NUMBER}


@dataclass(frozen=True)
class MappedColumn:
    """One column that takes part. name: canonical, or as [other] names it. column: its heading in the file."""

    name: str
    column: str
    kind: ColumnKind


@dataclass(frozen=True)
class Mapping:
    """All columns that take part, canonical ones first. ``columns`` maps canonical names to headings of the file."""

    mapped: tuple[MappedColumn, ...]

    @property
    def columns(self) -> dict[str, str]:
        """Canonical name -> heading."""
        return {item.name: item.column for item in self.mapped if CANONICAL.get(item.name) is item.kind}

    def renamed(self) -> Mapping:
        """The same for a table whose columns have the names of the mapping already."""
        return Mapping(tuple(MappedColumn(item.name, item.name, item.kind) for item in self.mapped))


def mapping_of(columns: AnyMapping[str, Any], other: AnyMapping[str, Any] | None = None) -> Mapping:
    """A mapping from the two tables of a mapping file.

    Raises:
        LinkageInputError: an unknown name or kind, a heading used twice, nothing mapped.
    """
    unknown = [name for name in columns if name not in CANONICAL]
    if unknown:
        raise LinkageInputError(
            f"the mapping file, [columns]: {unknown[0]!r} is not known; known are {', '.join(CANONICAL)}; put others under [other]"
        )
    mapped = [MappedColumn(name, _heading("columns", name, columns[name]), kind) for name, kind in CANONICAL.items() if name in columns]
    for name, kind in (other or {}).items():
        if not isinstance(kind, str) or kind not in OTHER_KINDS:
            raise LinkageInputError(f"the mapping file, [other], {name}: {kind!r} is not one of {', '.join(OTHER_KINDS)}")
        mapped.append(MappedColumn(name, _heading("other", name, name), OTHER_KINDS[kind]))
    if not mapped:
        raise LinkageInputError("the mapping file names no column: write some under [columns] or [other]")
    used: dict[str, str] = {}
    for item in mapped:
        if item.column in used:
            raise LinkageInputError(
                f"the mapping file uses the column {item.column!r} twice, for {used[item.column]} and {item.name}: use it once"
            )
        used[item.column] = item.name
    return Mapping(tuple(mapped))


def _heading(table: str, name: str, heading: object) -> str:
    if not isinstance(heading, str) or not heading.strip():
        raise LinkageInputError(f"the mapping file, [{table}], {name}: the heading must be text, got {heading!r}")
    return heading.strip()


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        LinkageInputError: not TOML, or not a mapping; the message names the key.
        OSError: the file cannot be read.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LinkageInputError(f"{path.name}: not a TOML file in UTF-8: {error}") from error
    unknown = sorted(content.keys() - {"columns", "other"})
    if unknown:
        raise LinkageInputError(f"{path.name}: [{unknown[0]}] is not known; a mapping has [columns] and [other]")
    for table in ("columns", "other"):
        if not isinstance(content.get(table, {}), dict):
            raise LinkageInputError(f"{path.name}: {table} must be a table, written [{table}]")
    return mapping_of(content.get("columns", {}), content.get("other", {}))
