"""What claims need of the resources that they refer to: a few texts each, kept in a file of its own, so that memory stays bounded."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from detection.intake.fhir.resources import (
    Resource,
    addresses,
    code_of_system,
    codings,
    first,
    has_code,
    identifier_of,
    items,
    number_named,
    part,
    target,
    text,
    told,
)

ICD_10 = ("icd-10", "icd10", "2.16.840.1.113883.6.3", "2.16.840.1.113883.6.90")
ICD_9_PROCEDURES = ("icd-9", "icd9", "2.16.840.1.113883.6.104")
RESIDENT_ID_TYPES = ("NI", "NNCHN", "NIIP", "JHN")
SOCIAL_SECURITY_TYPES = ("SS", "SB")
_CHINESE_ID = re.compile(r"[1-9][0-9]{14}(?:[0-9]{2}[0-9Xx])?")
_CHINESE = re.compile(r"[\u4e00-\u9fff·]+")

Facts = dict[str, str]


def _patient(resource: Resource) -> Facts:
    resident = identifier_of(resource, *RESIDENT_ID_TYPES)
    if not resident:
        values = (text(one, "value") for one in items(resource, "identifier"))
        resident = next((value for value in values if _CHINESE_ID.fullmatch(value)), "")
    name = first(items(resource, "name"))
    given = name.get("given")
    parts = [text(name, "family"), *(given if isinstance(given, list) else [])]
    whole = text(name, "text") or "".join(one for one in parts if isinstance(one, str))
    return {
        "resident_id": resident,
        "social_security_number": "" if resident else identifier_of(resource, *SOCIAL_SECURITY_TYPES),
        "name": whole if _CHINESE.fullmatch(whole) else "",  # in other letters a name is written in many ways
    }


def _organization(resource: Resource) -> Facts:
    address = first(items(resource, "address"))
    kinds = items(resource, "type")
    named = next((told(one) for one in kinds if not has_code(one, "prov")), "")
    return {
        "code": identifier_of(resource) or text(resource, "id"),
        "name": text(resource, "name"),
        "kind": named or ("hospital" if any(has_code(one, "prov") for one in kinds) else ""),
        "region": text(address, "city") + text(address, "district"),
    }


def _practitioner(resource: Resource) -> Facts:
    return {"code": identifier_of(resource) or text(resource, "id")}


def _encounter(resource: Resource) -> Facts:
    stay, discharge = part(resource, "hospitalization"), part(resource, "hospitalization", "dischargeDisposition")
    source = part(stay, "admitSource")
    return {
        "class": text(part(resource, "class"), "code"),
        "start": text(part(resource, "period"), "start"),
        "end": text(part(resource, "period"), "end"),
        "department": told(part(resource, "serviceType")),
        "discharge": next((code for _, code, _ in codings(discharge)), ""),
        "transferred": ("yes" if has_code(source, "hosp-trans") else "no") if source else "",
        "provider": target(part(resource, "serviceProvider")),
        "provider_number": number_named(part(resource, "serviceProvider")),
    }


def _condition(resource: Resource) -> Facts:
    return {"code": code_of_system(part(resource, "code"), *ICD_10)}


def _procedure(resource: Resource) -> Facts:
    return {"code": code_of_system(part(resource, "code"), *ICD_9_PROCEDURES)}


def _coverage(resource: Resource) -> Facts:
    return {"scheme": told(part(resource, "type"))}


def _medication_request(resource: Resource) -> Facts:
    supply = part(resource, "dispenseRequest", "expectedSupplyDuration")
    days = supply.get("value")
    in_days = text(supply, "code") in {"d", ""} and text(supply, "unit").casefold() in {"", "d", "day", "days", "天"}
    return {"days": str(days) if in_days and days is not None else "", "number": identifier_of(resource) or text(resource, "id")}


def claim_key(resource: Resource) -> str:
    """The institution's own number of a claim: its first identifier, else its id."""
    return identifier_of(resource) or text(resource, "id")


def _claim(resource: Resource) -> Facts:
    encounters = (one for item in items(resource, "item") for one in items(item, "encounter"))
    return {
        "key": claim_key(resource),
        "provider": target(part(resource, "provider")),
        "provider_number": number_named(part(resource, "provider")),
        "encounter": target(next(encounters, {})),
    }


KINDS: dict[str, Callable[[Resource], Facts]] = {
    "Patient": _patient,
    "Organization": _organization,
    "Practitioner": _practitioner,
    "Encounter": _encounter,
    "Condition": _condition,
    "Procedure": _procedure,
    "Coverage": _coverage,
    "MedicationRequest": _medication_request,
    "Claim": _claim,
}
ANSWERED = "answered:"
"""Before the address of a claim that an ExplanationOfBenefit is about."""


class FactBook:
    """Address -> facts. contained: of the resource that is being read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, full_url: str, resource: Resource) -> None:
        """Keep what claims need of a resource; nothing of one that they do not refer to."""
        kind = text(resource, "resourceType")
        if kind == "ExplanationOfBenefit":
            claim = target(part(resource, "claim"))
            if claim:
                self._keep(ANSWERED + claim, {})
            return
        read = KINDS.get(kind)
        if read is not None:
            facts = read(resource)
            for address in addresses(full_url, resource):
                self._keep(address, {**facts, "address": next(addresses("", resource), address)})

    def _keep(self, address: str, facts: Facts) -> None:
        self._connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (address, json.dumps(facts, ensure_ascii=False)))

    def find(self, address: str, within: Resource | None = None) -> Facts:
        """The facts of what an address names, among the contained resources of ``within`` too; empty when it is not in the files."""
        if address.startswith("#") and within is not None:
            for one in items(within, "contained"):
                read = KINDS.get(text(one, "resourceType"))
                if text(one, "id") == address[1:] and read is not None:
                    return read(one)
            return {}
        row = self._connection.execute("SELECT facts FROM fact WHERE address = ?", (address,)).fetchone() if address else None
        found: Facts = {} if row is None else json.loads(row[0])
        return found

    def is_answered(self, full_url: str, claim: Resource) -> bool:
        """True when an ExplanationOfBenefit of the files is about this claim."""
        return any(
            self._connection.execute("SELECT 1 FROM fact WHERE address = ?", (ANSWERED + address,)).fetchone() is not None
            for address in addresses(full_url, claim)
        )


@contextmanager
def fact_book(folder: Path) -> Iterator[FactBook]:
    """A book in a file of the folder, which the caller removes."""
    with closing(sqlite3.connect(folder / "facts.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE fact (address TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID")
        connection.execute("BEGIN")
        yield FactBook(connection)
