"""Resources of FHIR files, one after another, and what is asked of any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from detection.intake.errors import FileUnusableError

Resource = Mapping[str, Any]

FILE_MAX_BYTES = 256 * 1024 * 1024
"""A bundle is held in memory, so that it may be so large; NDJSON may have lines of this length and any number of them."""
_LOCAL = re.compile(r"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]+)?$")


def resources(path: Path) -> Iterator[tuple[str, Resource]]:
    """(full address or empty, resource) of every resource of a bundle, an NDJSON file, or a file with one resource.

    Raises:
        FileUnusableError: it is no JSON, or too large; the message names the line.
    """
    try:
        with path.open("rb") as stream:
            first = stream.readline(FILE_MAX_BYTES + 1)
            rest = stream.read(1)
        if path.suffix.lower() in {".ndjson", ".jsonl"} or (rest and _is_object(first)):
            yield from _lines(path)
            return
        if path.stat().st_size > FILE_MAX_BYTES:
            raise FileUnusableError(
                f"{path.name}: is larger than {FILE_MAX_BYTES // 2**20} MB: split the bundle, or write it as NDJSON, one resource a line"
            )
        yield from _entries(path.name, _parsed(path.name, path.read_bytes()))
    except OSError as error:
        raise FileUnusableError(f"{path.name}: cannot be read ({error.strerror})") from error


def _is_object(line: bytes) -> bool:
    # a bundle in one line is no NDJSON, but one without line breaks inside its resources is
    if len(line) > FILE_MAX_BYTES:
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _lines(path: Path) -> Iterator[tuple[str, Resource]]:
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(FILE_MAX_BYTES + 1):
            number += 1
            where = f"{path.name}, line {number}"
            if len(line) > FILE_MAX_BYTES:
                raise FileUnusableError(f"{where}: is longer than {FILE_MAX_BYTES // 2**20} MB")
            if line.strip():
                yield from _entries(where, _parsed(where, line))


def _parsed(where: str, data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        place = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) and error.lineno > 1 else ""
        raise FileUnusableError(f"{where}{place}: is no JSON ({type(error).__name__}): export it again") from error


def _entries(where: str, content: Any) -> Iterator[tuple[str, Resource]]:
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise FileUnusableError(f"{where}: is no FHIR resource: it has no resourceType")
    if content["resourceType"] != "Bundle":
        yield "", content
        return
    for entry in items(content, "entry"):
        resource = entry.get("resource")
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            yield text(entry, "fullUrl"), resource


# --- parts of a resource; what has another shape than FHIR says counts as not there


def items(resource: Resource, name: str) -> list[Resource]:
    """The elements of a list that are objects."""
    value = resource.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def part(resource: Resource, *names: str) -> Resource:
    """An object inside objects; empty when it is not there."""
    for name in names:
        value = resource.get(name)
        if not isinstance(value, dict):
            return {}
        resource = value
    return resource


def text(resource: Resource, name: str) -> str:
    """A string, empty when it is not there."""
    value = resource.get(name)
    return value if isinstance(value, str) else ""


def codings(concept: Resource) -> list[tuple[str, str, str]]:
    """(system, code, display) of each coding of a CodeableConcept."""
    return [(text(one, "system"), text(one, "code"), text(one, "display")) for one in items(concept, "coding")]


def code_of_system(concept: Resource, *parts_of_system: str) -> str:
    """The code of the first coding whose system has one of these parts in its name; empty when there is none."""
    for system, code, _ in codings(concept):
        if code and any(one in system.casefold() for one in parts_of_system):
            return code
    return ""


def has_code(concept: Resource, *wanted: str) -> bool:
    """True when one of the codes is among the codings."""
    return any(code in wanted for _, code, _ in codings(concept))


def told(concept: Resource) -> str:
    """What a concept says in words: its text, else the display or code of its first coding."""
    own = text(concept, "text")
    found = codings(concept)
    return own or (found[0][2] or found[0][1] if found else "")


def identifier_of(resource: Resource, *types: str) -> str:
    """The value of the first identifier whose type has one of these codes, of any type when none is asked; empty without one."""
    for one in items(resource, "identifier"):
        if (not types or has_code(part(one, "type"), *types)) and text(one, "value"):
            return text(one, "value")
    return ""


def addresses(full_url: str, resource: Resource) -> Iterator[str]:
    """Every way in which others refer to a resource: Type/id, its full address, and by each identifier."""
    kind = text(resource, "resourceType")
    if text(resource, "id"):
        yield f"{kind}/{resource['id']}"
    if full_url:
        yield full_url
    for one in items(resource, "identifier"):
        if text(one, "value"):
            yield f"{kind}?identifier={text(one, 'system')}|{one['value']}"


def target(reference: Resource) -> str:
    """The address that a Reference names, in the form of ``addresses``; empty when it names none."""
    named = text(reference, "reference")
    if named.startswith(("#", "urn:")) or "?identifier=" in named:
        return named
    found = _LOCAL.search(named)
    return f"{found[1]}/{found[2]}" if found else named


def number_named(reference: Resource) -> str:
    """The number inside a Reference: of its identifier, else the last part of its address; for what is not in the files."""
    own = text(part(reference, "identifier"), "value")
    address = target(reference)
    return own or address.rpartition("|" if "?identifier=" in address else "/")[2].removeprefix("urn:uuid:")


def first(values: Sequence[Resource]) -> Resource:
    """The first of these, empty when there is none."""
    return values[0] if values else {}
