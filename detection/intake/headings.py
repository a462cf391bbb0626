"""Which column of a file is which field: a map of Chinese and English headings, and of words for coded values."""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from detection.intake.errors import HeadingMapError
from models.import_batch import ImportKind

_IGNORED = re.compile(r"[\s_\-*:'\"()\[\].,/\\·\ufeff]+")

WHO = ("resident_id", "social_security_number")
CLAIM = ("claim_reference", "visit_reference")
"""The number of the settlement, and in its absence that of the visit."""
OTHER, RECIPIENT = "other_", "recipient_"
"""Before the fields of the second person that a row names."""


@dataclass(frozen=True)
class Fields:
    """Columns of a kind. required: each must be there. one_of: of each group one must be there. optional: used when there."""

    required: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every field that is used."""
        return (*self.required, *(field for group in self.one_of for field in group), *self.optional)


FIELDS: dict[ImportKind, Fields] = {
    ImportKind.PERSONS: Fields(
        ("resident_id", "name", "region_code"), (), ("sex", "birth_date", "phone", "social_security_number", "address")
    ),
    ImportKind.ENROLMENTS: Fields(("scheme", "from_month"), (WHO,), ("region_code", "to_month", "name")),
    ImportKind.BENEFITS: Fields(
        ("scheme", "from_month"),
        (WHO, ("monthly_fen", "monthly_yuan")),
        ("region_code", "to_month", "status", "paused_on", "bank_account", "approved_birth_date", "retirement_kind", "name"),
    ),
    ImportKind.PAYMENTS: Fields(("month",), (WHO, ("amount_fen", "amount_yuan")), ("scheme", "region_code", "name")),
    ImportKind.DEATHS: Fields(("death_date",), (WHO,), ("source", "institution", "reference", "name")),
    ImportKind.CUSTODY: Fields(("from_on",), (WHO,), ("to_on", "source", "institution", "reference", "name")),
    ImportKind.TRACES: Fields(("trace", "occurred_on"), (WHO,), ("source", "institution", "reference", "name")),
    ImportKind.BLACKLIST: Fields(("social_security_number", "reason", "from_on"), (), ("to_on", "source", "institution")),
    ImportKind.RELATIONS: Fields(
        ("relation",),
        (WHO, tuple(OTHER + field for field in WHO)),
        ("from_on", "to_on", "source", "institution", "name", OTHER + "name"),
    ),
    ImportKind.GRANTS: Fields(
        ("grant", "paid_on", "reference"),
        (WHO, ("amount_fen", "amount_yuan")),
        ("region_code", *(RECIPIENT + field for field in WHO), RECIPIENT + "name", "bank_account", "name"),
    ),
    ImportKind.INSTITUTIONS: Fields(
        ("institution_code", "institution_name", "institution_kind", "region_code"), (), ("institution_level", "beds")
    ),
    ImportKind.CLAIMS: Fields(
        ("institution_code", "setting", "scheme", "from_date"),
        (WHO, CLAIM, ("total_fen", "total_yuan"), ("fund_fen", "fund_yuan")),
        (
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
            "admission_way",
            "discharge_way",
            "identity_check",
            "own_fen",
            "own_yuan",
            "name",
        ),
    ),
    ImportKind.CLAIM_LINES: Fields(
        ("institution_code", "line_number", "item_code", "category", "quantity", "charged_on"),
        (CLAIM, ("unit_price_fen", "unit_price_yuan"), ("amount_fen", "amount_yuan")),
        (
            "item_name",
            "days",
            "fund_fen",
            "fund_yuan",
            "executed_at",
            "executed_quantity",
            "doctor",
            "department",
            "prescription",
        ),
    ),
}
LISTS = frozenset({"diagnoses", "procedures", "hospital_acquired"})
"""Fields that may have several columns, numbered."""
CODED = (
    "scheme",
    "sex",
    "status",
    "trace",
    "reason",
    "retirement_kind",
    "relation",
    "grant",
    "institution_kind",
    "institution_level",
    "setting",
    "category",
    "discharge_way",
    "admission_way",
    "identity_check",
    "transferred_in",
)
"""Fields whose words the map translates."""


def heading_key(text: str) -> str:
    """A heading or word without what does not matter: case, spaces, underscores, brackets, full-width forms."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", text)).casefold()


@dataclass(frozen=True)
class HeadingMap:
    """A map that was read. digest: SHA-256 of the file, because what an import does depends on it."""

    fields: Mapping[str, frozenset[str]]
    kinds: Mapping[str, Mapping[str, frozenset[str]]]
    values: Mapping[str, Mapping[str, str]]
    digest: bytes

    def field_of(self, kind: ImportKind, heading: str) -> str | None:
        """The field that a heading of such a file means; None when it means none."""
        key = heading_key(heading)
        if not key:
            return None
        wanted = FIELDS[kind].all
        own = self.kinds.get(kind.value, {})
        for field in wanted:
            if key in own.get(field, ()):
                return field
        for field in wanted:
            if key == heading_key(field) or key in self.fields.get(field, ()):
                return field
        stem = key.rstrip("0123456789")
        if stem != key:
            for field in wanted:
                if field in LISTS and (stem == heading_key(field) or stem in own.get(field, ()) or stem in self.fields.get(field, ())):
                    return field
        return None

    def places(self, kind: ImportKind, headings: Sequence[str]) -> dict[str, int]:
        """Field -> index of its column. Of two columns for one field the first counts; of a list all do, as ``FIELD#COLUMN``."""
        found: dict[str, int] = {}
        for index, heading in enumerate(headings):
            field = self.field_of(kind, heading)
            if field in LISTS and field in found:
                found[f"{field}#{index}"] = index
            elif field is not None:
                found.setdefault(field, index)
        return found

    def value(self, field: str, text: str) -> str | None:
        """The canonical value that a word means; None when it is not known."""
        return self.values[field].get(heading_key(text))


def missing_columns(kind: ImportKind, places: Mapping[str, int]) -> list[str]:
    """What must be there and is not; alternatives as ``a or b``."""
    fields = FIELDS[kind]
    missing = [field for field in fields.required if field not in places]
    return missing + [" or ".join(group) for group in fields.one_of if not any(field in places for field in group)]


def load_headings(path: Path | None = None) -> HeadingMap:
    """Read a map; None: the one that comes with Lifecert. Raises HeadingMapError."""
    name = "headings.toml" if path is None else path.name
    try:
        raw = (files("detection.intake") / "headings.toml").read_bytes() if path is None else path.read_bytes()
        content = tomllib.loads(raw.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise HeadingMapError(f"{name}: the map of headings cannot be read ({why})") from error
    known = {field for fields in FIELDS.values() for field in fields.all}
    fields = _lists(name, "fields", content.get("fields", {}), known)
    kinds = {}
    for kind, table in content.get("kinds", {}).items():
        if kind not in set(ImportKind):
            raise HeadingMapError(f"{name}: [kinds.{kind}] names no kind of file; known: {', '.join(ImportKind)}")
        kinds[kind] = _lists(name, f"kinds.{kind}", table, known)
    values = {}
    standard = content if path is None else tomllib.loads((files("detection.intake") / "headings.toml").read_text(encoding="utf-8"))
    for field in CODED:
        given = content.get("values", {}).get(field, {})
        allowed = set(standard["values"][field])
        merged = {word: key for key, words in standard["values"][field].items() for word in (key, *words)}
        merged |= {word: key for key, words in _lists(name, f"values.{field}", given, allowed).items() for word in words}
        values[field] = {heading_key(word): key for word, key in merged.items()}
    return HeadingMap(fields, kinds, values, hashlib.sha256(raw).digest())


def _lists(file: str, where: str, table: Any, known: set[str]) -> dict[str, frozenset[str]]:
    if not isinstance(table, dict):
        raise HeadingMapError(f"{file}: [{where}] must be a table")
    result = {}
    for key, words in table.items():
        if key not in known:
            raise HeadingMapError(f"{file}: [{where}] {key} is not known; known: {', '.join(sorted(known))}")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise HeadingMapError(f"{file}: [{where}] {key} must be a list of words")
        result[key] = frozenset(heading_key(word) for word in words)
    return result
