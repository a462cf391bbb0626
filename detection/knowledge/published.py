"""The published files of the national rule base, and a province's own points in the same shape."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from detection.errors import DetectionError
from detection.knowledge.given import checked
from detection.knowledge.parameters import ParametersError
from detection.knowledge.rule_base import by_any_code, by_name
from models.knowledge import KnowledgeFileKind

BYTES_MOST = 200_000_000
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2200, 1, 1)


class KnowledgeFileError(DetectionError):
    """A file of rules or points cannot be used; the message says what is wrong, where, and what to do."""

    code = "knowledge_file"


@dataclass(frozen=True)
class PublishedRule:
    """One rule as a file has it; None for what that file does not tell."""

    code: str
    sequence: int | None
    name: str
    tier1: str
    tier2: str
    definition: str | None


@dataclass(frozen=True)
class PublishedPoint:
    """One point as a file has it. row: counted from 1. published: its day of effect, None where the file has none.

    given: parameters that it states itself.
    """

    row: int
    point_id: str
    rule_code: str
    item_name: str
    item_codes: tuple[str, ...]
    limit_text: str
    check_text: str
    supersedes: tuple[str, ...]
    source: Mapping[str, Any]
    published: date | None
    until: date | None
    given: Mapping[str, Any]


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not taken. row: counted from 1; id: of the publisher, "" without one; field: that is wrong, "" for the whole row."""

    row: int
    id: str
    field: str
    reason: str


@dataclass(frozen=True)
class KnowledgeContent:
    """What a file has, read as a whole."""

    kind: KnowledgeFileKind
    name: str
    sha256: str
    edition: str | None
    rules: tuple[PublishedRule, ...] = ()
    points: tuple[PublishedPoint, ...] = ()
    rejected: tuple[RejectedRow, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Rows of the file, taken and rejected."""
        return len(self.rules) + len(self.points) + len(self.rejected)


def read_knowledge(path: Path) -> KnowledgeContent:
    """Read one file. Raises KnowledgeFileError when nothing of it can be used."""
    try:
        if path.stat().st_size > BYTES_MOST:
            raise KnowledgeFileError(f"{path.name}: larger than {BYTES_MOST // 1_000_000} MB; split the list of points into several files")
        data = path.read_bytes()
    except OSError as error:
        raise KnowledgeFileError(f"{path.name} cannot be read ({error.strerror}): give the path of a published JSON file") from error
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise KnowledgeFileError(f"{path.name}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise KnowledgeFileError(
            f"{path.name}: not JSON at line {error.lineno}, column {error.colno} ({error.msg}); the file may be cut off: fetch it again"
        ) from error
    except UnicodeEncodeError as error:
        raise KnowledgeFileError(
            f"{path.name}: has half of a character (a lone surrogate), which no text can hold; save it anew"
        ) from error
    except ValueError as error:
        raise KnowledgeFileError(f"{path.name}: has a number that cannot be used ({error})") from error
    except RecursionError as error:
        raise KnowledgeFileError(f"{path.name}: nested too deeply to be a list of rules or points") from error
    if isinstance(content, list):
        return _points(path.name, sha256, content)
    if isinstance(content, dict):
        edition = content["meta"].get("source") if isinstance(content.get("meta"), dict) else None
        for key in ("rules", "rules_flat"):
            if isinstance(content.get(key), list):
                return _rules(path.name, sha256, content[key], edition if isinstance(edition, str) else None)
        if isinstance(content.get("points"), list):
            return _points(path.name, sha256, content["points"], edition if isinstance(edition, str) else None)
    raise KnowledgeFileError(
        f'{path.name}: neither a list of knowledge points nor an object with "rules", "rules_flat" or "points"; see docs/knowledge.md'
    )


def _no_constant(name: str) -> None:
    raise ValueError(name)


_PAGE_HEADER = re.compile(r"\s*\d*\s*规则编码\s*一级分类\s*二级分类\s*规则名称\s*定义\s*$")
_SPACES = re.compile(r"\s+")


def cleaned_definition(text: str) -> str | None:
    """A definition without what the extraction of the PDF left in it: line breaks, the table's header, class and name before it."""
    joined = _SPACES.sub("", _PAGE_HEADER.sub("", text))
    start = joined.find("对")
    return joined[start:] if start >= 0 else joined or None


def _rules(name: str, sha256: str, rows: list[Any], edition: str | None) -> KnowledgeContent:
    rules: dict[str, PublishedRule] = {}
    rejected: list[RejectedRow] = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            rejected.append(RejectedRow(number, "", "", "not an object"))
            continue
        given = row.get("official_code") or row.get("gz_code_1_0")
        known = by_any_code().get(given) if isinstance(given, str) else None
        known = known or by_name().get(str(row.get("name") or "").strip())
        if known is None:
            rejected.append(RejectedRow(number, str(given or ""), "name", "no rule of this code or name in the edition of 2025"))
        elif known.code in rules:
            rejected.append(RejectedRow(number, known.code, "official_code", "this rule stands in the file already"))
        else:
            definition = row.get("definition")
            rules[known.code] = PublishedRule(
                known.code,
                known.sequence,
                known.name_zh,
                known.tier1,
                known.tier2,
                cleaned_definition(definition) if isinstance(definition, str) else None,
            )
    return KnowledgeContent(KnowledgeFileKind.RULES, name, sha256, edition, rules=tuple(rules.values()), rejected=tuple(rejected))


class _RowError(Exception):
    def __init__(self, named: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = named, reason


def _points(name: str, sha256: str, rows: list[Any], edition: str | None = None) -> KnowledgeContent:
    points: dict[str, PublishedPoint] = {}
    rejected: list[RejectedRow] = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            rejected.append(RejectedRow(number, "", "", "not an object"))
            continue
        point_id = row.get("kp_id")
        shown = str(point_id)[:60] if isinstance(point_id, str) else ""
        try:
            point = _point(row, number)
            if point.point_id in points:
                raise _RowError("kp_id", "a point of this id stands in the file already")
            points[point.point_id] = point
        except _RowError as error:
            rejected.append(RejectedRow(number, shown, error.field, error.reason))
    if rows and not points and not any(isinstance(row, dict) and "kp_id" in row for row in rows):
        raise KnowledgeFileError(f'{name}: no row has a "kp_id", so this is no list of knowledge points; see docs/knowledge.md')
    return KnowledgeContent(KnowledgeFileKind.POINTS, name, sha256, edition, points=tuple(points.values()), rejected=tuple(rejected))


def _point(row: Mapping[str, Any], number: int) -> PublishedPoint:
    if "\\u0000" in json.dumps(row, ensure_ascii=False):
        raise _RowError("", "has a zero character")
    point_id = _text(row, "kp_id", 60)
    if not point_id:
        raise _RowError("kp_id", "empty: every point needs an id that never changes")
    codes = row.get("med_codes")
    if not isinstance(codes, list) or not all(isinstance(code, str) and 0 < len(code) <= 40 for code in codes):
        raise _RowError("med_codes", "not a list of codes of at most 40 characters")
    given = row.get("parameters")
    item_name = _text(row, "item_name", 500)
    if not codes and not given:
        note = item_name.startswith("说明")
        raise _RowError("med_codes", "empty: a note beside the points, about no item" if note else "empty: the point names no item code")
    try:
        parameters = checked(given) if given is not None else {}
    except ParametersError as error:
        raise _RowError("parameters", str(error)) from error
    published, until = _day(row, "effective_from") or _day(row, "published_at"), _day(row, "effective_until")
    if published and until and until < published:
        raise _RowError("effective_until", "before the day from which the point holds")
    source = row.get("source")
    return PublishedPoint(
        number,
        point_id,
        _rule_code(row),
        item_name,
        tuple(dict.fromkeys(codes)),
        _text(row, "constraint"),
        _text(row, "detect_logic"),
        _supersedes(row, point_id),
        source if isinstance(source, dict) else {},
        published,
        until,
        parameters,
    )


def _text(row: Mapping[str, Any], key: str, longest: int = 20_000) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise _RowError(key, f"not a text of at most {longest} characters")
    return value.strip()


def _rule_code(row: Mapping[str, Any]) -> str:
    code, name = row.get("gz_code"), row.get("rule_class")
    by_its_code = by_any_code().get(code) if isinstance(code, str) else None
    by_its_name = by_name().get(name) if isinstance(name, str) else None
    if by_its_code and by_its_name and by_its_code != by_its_name:
        raise _RowError("gz_code", f"is the code of {by_its_code.name_zh}, but rule_class is another rule")
    if code and not by_its_code:
        raise _RowError("gz_code", "no rule of the edition of 2025 has this code")
    found = by_its_code or by_its_name
    if found is None:
        raise _RowError("rule_class", "no rule of the edition of 2025 has this name")
    return found.code


def _supersedes(row: Mapping[str, Any], point_id: str) -> tuple[str, ...]:
    value = row.get("supersedes")
    found: Iterable[Any] = value if isinstance(value, list) else [] if value is None else [value]
    ids = tuple(found)
    if not all(isinstance(one, str) and 0 < len(one) <= 60 for one in ids):
        raise _RowError("supersedes", "neither an id of a point nor a list of them")
    if point_id in ids:
        raise _RowError("supersedes", "a point cannot supersede itself")
    return ids


def _day(row: Mapping[str, Any], key: str) -> date | None:
    value = row.get(key)
    if value is None or value == "":
        return None
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _RowError(key, "not a day as YYYY-MM-DD") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise _RowError(key, f"not between {FIRST_DAY} and {LAST_DAY}")
    return day
