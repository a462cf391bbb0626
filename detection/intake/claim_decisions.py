"""Institutions, claims and lines of a chunk against those of the store. An empty cell is no news: it takes nothing away.

A claim or line that is known takes over what the row says otherwise: the sender corrected it. The warning names the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from detection.intake import rules
from detection.intake.records import ClaimLineRecord, ClaimRecord, InstitutionRecord
from detection.intake.regions import within
from detection.intake.rules import RowRejected, Rule
from detection.intake.verdicts import Outcome, Setting, Verdict, Warned, Writes, person_of
from models.claim import Claim, ClaimLine, Institution, InstitutionLevel
from models.repositories.import_claims import CLAIM_FIELDS, LINE_FIELDS, ClaimHead, StoredClaim, StoredInstitution, StoredLine
from models.repositories.import_rows import StoredPerson
from models.types import opaque_id

Known = Mapping[tuple[str, bytes], StoredPerson]
Institutions = Mapping[str, StoredInstitution]
LISTS = frozenset({"diagnoses", "procedures", "hospital_acquired"})
_CLAIM, _LINE = attrgetter(*CLAIM_FIELDS), attrgetter(*LINE_FIELDS)


def decide_institutions(records: Sequence[InstitutionRecord], stored: Institutions, setting: Setting, writes: Writes) -> list[Verdict]:
    """One verdict a record; a known institution takes over everything. Within the sender's region only."""
    return [_institution(record, stored.get(record.code), setting, writes) for record in records]


def _institution(record: InstitutionRecord, row: StoredInstitution | None, setting: Setting, writes: Writes) -> Verdict:
    regions = {record.region_code} if row is None else {record.region_code, row.region_code}
    if not all(within(region, setting.region) for region in regions):
        return Verdict(record.region_code, rejection=RowRejected(rules.REGION_NOT_YOURS, "region_code", record.region_code))
    values = {
        "name": record.name,
        "level": record.level,
        "kind": record.kind,
        "region_code": record.region_code,
        "beds": record.beds,
    }
    if row is None:
        level = record.level or InstitutionLevel.UNGRADED
        writes.insert(Institution, {"public_id": opaque_id(), "code": record.code, **values, "level": level})
        writes.regions.add(record.region_code)
        return Verdict(record.region_code, Outcome.ACCEPTED)
    changes = {name: value for name, value in values.items() if value is not None and value != getattr(row, name)}
    if not changes:
        return Verdict(record.region_code, Outcome.UNCHANGED)
    writes.change(Institution, {"id": row.id, **changes})
    writes.regions.add(record.region_code)
    return Verdict(record.region_code, Outcome.ACCEPTED)


def decide_claims(
    records: Sequence[ClaimRecord],
    known: Known,
    institutions: Institutions,
    stored: Mapping[tuple[int, str], StoredClaim],
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. Institution or person has to lie in the sender's region."""
    return [_claim(record, known, institutions, stored, setting, writes) for record in records]


def _claim(
    record: ClaimRecord,
    known: Known,
    institutions: Institutions,
    stored: Mapping[tuple[int, str], StoredClaim],
    setting: Setting,
    writes: Writes,
) -> Verdict:
    found = known.get((record.who.by, record.who.digest))
    institution = institutions.get(record.institution_code)
    region = None if institution is None else institution.region_code
    try:
        if institution is None:
            raise RowRejected(rules.INSTITUTION_UNKNOWN, "institution_code", record.institution_code)
        person = person_of(record.who, known, None)
        if not within(institution.region_code, setting.region) and not within(person.region_code, setting.region):
            raise RowRejected(rules.REGION_NOT_YOURS, "institution_code", record.institution_code)
    except RowRejected as rejection:
        return Verdict(region or (None if found is None else found.region_code), rejection=rejection)
    row = stored.get((institution.id, record.reference))
    values = dict(zip(CLAIM_FIELDS, _CLAIM(record), strict=True))
    if row is None:
        lists = {name: list(values[name]) for name in LISTS}
        key = {"public_id": opaque_id(), "institution_id": institution.id, "person_id": person.id, "reference": record.reference}
        writes.insert(Claim, {**key, **values, **lists, "batch_id": setting.batch_id})
        writes.months.add(record.to_date.replace(day=1))
        return Verdict(region, Outcome.ACCEPTED)
    changes, corrected = _changes(values, row)
    if person.id != row.person_id:
        changes["person_id"] = person.id
        corrected.append("person")
    if not changes:
        return Verdict(region, Outcome.UNCHANGED)
    writes.change(Claim, {"id": row.id, **changes, "batch_id": setting.batch_id})
    writes.months |= {row.to_date.replace(day=1), record.to_date.replace(day=1)}
    return Verdict(region, Outcome.ACCEPTED, warning=_corrected(rules.CLAIM_CORRECTED, "claim_reference", corrected))


def decide_lines(
    records: Sequence[ClaimLineRecord],
    institutions: Institutions,
    heads: Mapping[tuple[int, str], ClaimHead],
    stored: Mapping[tuple[int, int], StoredLine],
    sums: Mapping[int, int],
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. sums: claim -> fen of its lines so far; a row that brings them over the claim's total is warned of."""
    standing = dict(sums)
    return [_line(record, institutions, heads, stored, standing, setting, writes) for record in records]


def _line(
    record: ClaimLineRecord,
    institutions: Institutions,
    heads: Mapping[tuple[int, str], ClaimHead],
    stored: Mapping[tuple[int, int], StoredLine],
    standing: dict[int, int],
    setting: Setting,
    writes: Writes,
) -> Verdict:
    institution = institutions.get(record.institution_code)
    if institution is None:
        return Verdict(None, rejection=RowRejected(rules.INSTITUTION_UNKNOWN, "institution_code", record.institution_code))
    region = institution.region_code
    claim = heads.get((institution.id, record.reference))
    if claim is None:
        return Verdict(region, rejection=RowRejected(rules.CLAIM_UNKNOWN, "claim_reference", record.reference[:2] + "***"))
    if not within(region, setting.region) and not within(claim.person_region, setting.region):
        return Verdict(region, rejection=RowRejected(rules.REGION_NOT_YOURS, "institution_code", record.institution_code))
    row = stored.get((claim.id, record.number))
    values = dict(zip(LINE_FIELDS, _LINE(record), strict=True))
    if row is None:
        writes.insert(ClaimLine, {"claim_id": claim.id, "number": record.number, **values})
        warning = None
    else:
        changes, corrected = _changes(values, row)
        if not changes:
            return Verdict(region, Outcome.UNCHANGED)
        writes.change(ClaimLine, {"id": row.id, **changes})
        warning = _corrected(rules.LINE_CORRECTED, "line_number", corrected)
    writes.months.add(claim.to_date.replace(day=1))
    added = record.amount_fen - (0 if row is None else row.amount_fen)
    standing[claim.id] = standing.get(claim.id, 0) + added
    if added > 0 and standing[claim.id] > claim.total_fen:
        warning = Warned(rules.LINES_OVER_TOTAL, "amount_fen", str(standing[claim.id]))
    return Verdict(region, Outcome.ACCEPTED, warning=warning)


def _changes(values: Mapping[str, Any], row: StoredClaim | StoredLine) -> tuple[dict[str, Any], list[str]]:
    """(column -> new value, the columns among them that said something else before)."""
    changes: dict[str, Any] = {}
    corrected = []
    for name, value in values.items():
        before = getattr(row, name)
        if name in LISTS:
            value, before = list(value), list(before)  # as the column holds it
        if value is None or value == [] or value == before:
            continue
        changes[name] = value
        if before is not None and before != []:
            corrected.append(name)
    return changes, corrected


def _corrected(rule: Rule, field: str, columns: Sequence[str]) -> Warned | None:
    """The warning that names the columns and no values; None where only what was empty was filled."""
    return Warned(rule, field, ", ".join(columns)) if columns else None
