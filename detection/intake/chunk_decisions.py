"""A chunk of records against the store: what is looked up for each kind, in the session of the chunk's own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from detection.intake import claim_decisions, cover_decisions, evidence_decisions, pair_decisions, person_decisions
from detection.intake.records import whos_of
from detection.intake.verdicts import Setting, Verdict, Writes
from models.import_batch import ImportKind
from models.keys import KeyRing
from models.life_evidence import EvidenceKind
from models.policy_store import IntakePolicy, SilentPolicy
from models.repositories import import_claims, import_pairs, import_rows
from models.repositories.import_claims import StoredInstitution
from models.repositories.import_rows import StoredPerson

Known = dict[tuple[str, bytes], StoredPerson]


def decide_chunk(
    session: Session,
    kind: ImportKind,
    records: Sequence[Any],
    keyring: KeyRing,
    policy: IntakePolicy,
    silent: SilentPolicy,
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record, in order; what is to be written goes into ``writes``."""
    if kind is ImportKind.PERSONS:
        people = import_rows.persons_by(session, "resident_id", {record.digest for record in records})
        numbers = {record.social_security_digest for record in records if record.social_security_digest is not None}
        holders = import_rows.persons_by(session, "social_security_number", numbers)
        return person_decisions.decide(records, people, holders, keyring, setting, writes)
    if kind is ImportKind.BLACKLIST:
        digests = {record.digest for record in records}
        holders = import_rows.persons_by(session, "social_security_number", digests)
        return evidence_decisions.decide_cards(records, holders, import_rows.cards_of(session, digests), setting, writes)
    if kind is ImportKind.INSTITUTIONS:
        stored_institutions = import_claims.institutions_by_code(session, {record.code for record in records})
        return claim_decisions.decide_institutions(records, stored_institutions, setting, writes)
    if kind is ImportKind.CLAIM_LINES:
        return _decide_lines(session, records, setting, writes)
    known = _known(session, records)
    if kind is ImportKind.CLAIMS:
        institutions, keys = _claim_keys(session, records)
        return claim_decisions.decide_claims(records, known, institutions, import_claims.claims_by_key(session, keys), setting, writes)
    ids = {person.id for person in known.values()}
    if kind is ImportKind.ENROLMENTS:
        return cover_decisions.decide_enrolments(records, known, import_rows.enrolments_of(session, ids), setting, writes)
    if kind is ImportKind.BENEFITS:
        enrolments = import_rows.enrolments_of(session, ids)
        return cover_decisions.decide_benefits(records, known, import_rows.benefits_of(session, ids), enrolments, keyring, setting, writes)
    if kind is ImportKind.PAYMENTS:
        benefits = import_rows.benefits_of(session, ids)
        paid = import_rows.payments_of(session, {benefit.id for benefit in benefits}, {record.month for record in records})
        return cover_decisions.decide_payments(records, known, benefits, import_rows.enrolments_of(session, ids), paid, setting, writes)
    if kind is ImportKind.DEATHS:
        stored = import_rows.evidence_of(session, EvidenceKind.DEATH_RECORD, ids)
        return evidence_decisions.decide_deaths(records, known, stored, policy.death_strength, setting, writes)
    if kind is ImportKind.CUSTODY:
        stored = import_rows.evidence_of(session, EvidenceKind.CUSTODY, ids)
        return evidence_decisions.decide_custody(records, known, stored, setting, writes)
    if kind is ImportKind.RELATIONS:
        return pair_decisions.decide_relations(records, known, import_pairs.relations_of(session, ids), setting, writes)
    if kind is ImportKind.GRANTS:
        stored_grants = import_pairs.grants_of(session, {record.reference for record in records})
        return pair_decisions.decide_grants(records, known, stored_grants, setting, writes)
    days = [record.occurred_on for record in records]
    stored = import_rows.evidence_of(session, EvidenceKind.DATA_MATCH, ids, (min(days), max(days))) if days else []
    strengths = {trace: one.strength for trace, one in silent.traces.items()}
    return evidence_decisions.decide_traces(records, known, stored, strengths, setting, writes)


def _claim_keys(session: Session, records: Sequence[Any]) -> tuple[dict[str, StoredInstitution], set[tuple[int, str]]]:
    """The institutions that these records name, and the keys of the claims that they name there."""
    institutions = import_claims.institutions_by_code(session, {record.institution_code for record in records})
    named = {(institutions[one.institution_code].id, one.reference) for one in records if one.institution_code in institutions}
    return institutions, named


def _decide_lines(session: Session, records: Sequence[Any], setting: Setting, writes: Writes) -> list[Verdict]:
    institutions, keys = _claim_keys(session, records)
    heads = import_claims.heads_by_key(session, keys)
    sums = import_claims.line_sums(session, {head.id for head in heads.values()})
    lines = import_claims.lines_of(session, sums, {record.number for record in records})
    return claim_decisions.decide_lines(records, institutions, heads, lines, sums, setting, writes)


def _known(session: Session, records: Sequence[Any]) -> Known:
    known: Known = {}
    for by in ("resident_id", "social_security_number"):
        digests = {who.digest for record in records for who in whos_of(record) if who.by == by}
        for digest, person in import_rows.persons_by(session, by, digests).items():
            known[by, digest] = person
    return known
