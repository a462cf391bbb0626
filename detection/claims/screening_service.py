"""The use case of screening one claim: the person and their claims from the store, the rules in memory; nothing of the claim is kept.

A process compiles the rules once and keeps a few engines, each with the knowledge points in it. The audit says who had whose claim
screened, before anybody has the answer.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from detection.claims.catalogue import CLAIM_RULES
from detection.claims.findings import CLAIM, LINE
from detection.claims.new_claim import NEW_CLAIM, NewClaim, rows_of
from detection.claims.screening import Plan, ScreeningEngine, plan_of_process
from detection.claims.tables import SCHEMAS
from detection.errors import DetectionError
from detection.findings import Finding
from detection.knowledge.points import points_from_store
from models.casework import RuleMode
from models.claim import Claim, Institution
from models.database import Database
from models.errors import NotFoundError
from models.keys import KeyRing
from models.knowledge import KnowledgeFile
from models.person import Person
from models.policy import RecordSections
from models.repositories import audit, claim_extracts, claims, extracts, persons, rule_modes
from models.repositories.claim_extracts import ClaimScope
from models.repositories.claim_names import ClaimName, LineName, Names
from models.repositories.status_lookup import Number

SCREENED, NOT_FOUND = "claim_screened", "claim_screening_unknown"
HISTORY = ("patient", CLAIM, "line", "evidence", "identity_check")


class ClaimPersonUnknownError(NotFoundError):
    """Nobody has the number that the claim names."""


class InstitutionUnknownError(NotFoundError):
    """There is no institution with the code that the claim names, or it lies out of the caller's reach."""


class ScreeningBusyError(DetectionError):
    """As many claims as policy allows are being screened; try again in a moment."""

    code = "screening_busy"


@dataclass(frozen=True)
class Screener:
    """Who asks. actor: as the audit trail names them; covers: whether a region is in their reach; details: for the audit."""

    actor: str
    covers: Callable[[str], bool]
    details: dict[str, Any]


@dataclass(frozen=True)
class ScreenedClaim:
    """What came of it. person: public id. history_claims: of the person, that the rules looked at beside it. ms: of this call.

    cpu_ms: of the rules, by statement. names: how claims and lines of the same institution that findings name are called.
    """

    claim: NewClaim
    person: str
    findings: tuple[Finding, ...]
    history_claims: int
    rules_run: int
    ms: float
    cpu_ms: dict[str, float]
    names: Names


class ScreeningService:
    """Screens claims. Thread-safe; one a process, because it bounds what the process screens at once."""

    def __init__(self, database: Database, keyring: KeyRing, policy: RecordSections, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._clock = clock
        self._free: queue.LifoQueue[tuple[tuple[int, int], ScreeningEngine] | None] = queue.LifoQueue()
        for _ in range(policy.claims.screenings_at_once):
            self._free.put(None)

    def screen(self, claim: NewClaim, number: Number, given: str, by: Screener) -> ScreenedClaim:
        """Everything that live rules find about the claim, with the person's claims of the store. number, given: whose claim it is.

        Raises:
            IdentifierError: the number cannot be right.
            ClaimPersonUnknownError, InstitutionUnknownError: not in the store, or out of reach (the look is audited).
            ScreeningBusyError: too many at once.
        """
        began = time.monotonic()
        with self._database.read_scope() as session:
            person = self._person(session, number, given)
            found = None if person is None else (person.id, person.public_id)
            institution = claims.institution_of_code(session, claim.institution)
            reachable = institution is not None and by.covers(institution.region_code)
            place = institution.id if institution is not None and reachable else None
            known = self._knowledge(session)
            silent = {code for code, mode in rule_modes.current(session).items() if mode is not RuleMode.LIVE}
            tables = None
            if found is not None and place is not None:
                tables = self._tables(session, claim, found[0], place)
        if found is None or place is None or tables is None:
            self._record(by, NOT_FOUND, None if found is None else found[0], claim, {})
            if found is None:
                raise ClaimPersonUnknownError("nobody has this number")
            raise InstitutionUnknownError("there is no institution with this code in your reach")
        with self._engine(known) as engine:
            screened = engine.screen(tables, NEW_CLAIM)
        findings = tuple(one for one in screened.findings if one.code not in silent)
        codes = sorted({one.code for one in findings})
        self._record(by, SCREENED, found[0], claim, {"findings": len(findings), "codes": codes})
        ms = round(1_000 * (time.monotonic() - began), 1)
        names = _names(tables, place, findings)
        return ScreenedClaim(claim, found[1], findings, screened.history_claims, screened.rules_run, ms, dict(screened.cpu_ms), names)

    # parts ---------------------------------------------------------------------------------------------------------

    def _person(self, session: Session, number: Number, given: str) -> Person | None:
        if number is Number.RESIDENT_ID:
            return persons.find_by_resident_id(session, given, keyring=self._keyring)
        return persons.find_by_social_security_number(session, given, keyring=self._keyring)

    def _tables(self, session: Session, claim: NewClaim, person_id: int, institution_id: int) -> dict[str, pa.Table]:
        """What the rules read: the person's claims from ``look_back_days`` before this one, and this one in place of an earlier version."""
        scope = ClaimScope(claim.to_date - timedelta(days=self._policy.claims.look_back_days), None, person_id)
        others = persons.records_of(session, person_id)[1:]
        merged = extracts.Merged(pa.array(others, pa.int64()), pa.array([person_id] * len(others), pa.int64()))
        found = {
            name: pa.Table.from_batches(claim_extracts.batches(session, name, SCHEMAS[name], scope, merged), SCHEMAS[name])
            for name in HISTORY
        }
        earlier = session.scalar(select(Claim.id).where(Claim.institution_id == institution_id, Claim.reference == claim.reference))
        if earlier is not None:
            found[CLAIM] = found[CLAIM].filter(pc.not_equal(found[CLAIM]["id"], earlier))
            found["line"] = found["line"].filter(pc.not_equal(found["line"]["claim_id"], earlier))
        for name, rows in rows_of(claim, person_id=person_id, institution_id=institution_id).items():
            found[name] = pa.concat_tables([found[name], rows])
        found["institution"] = _institutions(session, found[CLAIM]["institution_id"].to_pylist())
        return found

    def _record(self, by: Screener, action: str, person_id: int | None, claim: NewClaim, details: dict[str, Any]) -> None:
        with self._database.session_scope() as session:
            audit.record(
                session,
                actor=by.actor,
                action=action,
                now=self._clock(),
                person_id=person_id,
                object=claim.institution,
                details={**by.details, **details},
            )

    # engines -------------------------------------------------------------------------------------------------------

    def _compiled(self) -> Plan:
        return plan_of_process(CLAIM_RULES, self._policy.claims)

    def _knowledge(self, session: Session) -> tuple[int, int]:
        """What tells one state of the knowledge points from another: files imported, the newest of them."""
        count, newest = session.execute(select(func.count(), func.coalesce(func.max(KnowledgeFile.id), 0))).one()
        return int(count), int(newest)

    @contextmanager
    def _engine(self, known: tuple[int, int]) -> Iterator[ScreeningEngine]:
        self._compiled()  # takes seconds once a process: that is no reason to send anybody away
        try:
            held = self._free.get(timeout=self._policy.claims.screening_wait_s)
        except queue.Empty:
            raise ScreeningBusyError("too many claims are being screened: send this one again in a moment") from None
        try:
            if held is None or held[0] != known:
                if held is not None:
                    held[1].close()
                held = None
                held = known, self._made()
            yield held[1]
        except BaseException:
            if held is not None:
                held[1].close()
            held = None
            raise
        finally:
            self._free.put(held)

    def _made(self) -> ScreeningEngine:
        with self._database.read_scope() as session:
            points = points_from_store(session)
        policy = self._policy.claims
        return ScreeningEngine(self._compiled(), points, memory_mb=policy.screening_memory_mb, threads=policy.threads)


def _institutions(session: Session, ids: list[int]) -> pa.Table:
    row = Institution
    columns = [row.id, row.code, row.level, row.kind, row.region_code, row.beds]
    rows = session.execute(select(*columns).where(row.id.in_(sorted(set(ids)))))
    listed = [dict(zip(SCHEMAS["institution"].names, values, strict=True)) for values in rows]
    plain = [{name: getattr(value, "value", value) for name, value in one.items()} for one in listed]
    return pa.Table.from_pylist(plain, schema=SCHEMAS["institution"])


def _names(tables: dict[str, pa.Table], institution_id: int, findings: tuple[Finding, ...]) -> Names:
    """What the institution calls its own earlier claims and lines that findings name."""
    wanted = {(record.kind, record.id) for one in findings for record in one.records}
    claim, line = tables[CLAIM], tables["line"]
    own = claim.filter(pc.equal(claim["institution_id"], institution_id)).select(["id", "reference", "from_date", "to_date", "total_fen"])
    references = {row["id"]: row for row in own.to_pylist() if row["id"] != NEW_CLAIM}
    names: dict[tuple[str, int], ClaimName | LineName] = {
        (CLAIM, key): ClaimName(row["reference"], row["from_date"], row["to_date"], row["total_fen"])
        for key, row in references.items()
        if (CLAIM, key) in wanted
    }
    lines = [key for kind, key in wanted if kind == LINE]
    if lines:
        named = line.filter(pc.is_in(line["id"], value_set=pa.array(lines, pa.int64())))
        for row in named.select(["id", "claim_id", "number", "item_name", "charged_on", "amount_fen"]).to_pylist():
            if row["claim_id"] in references:
                reference = references[row["claim_id"]]["reference"]
                names[LINE, row["id"]] = LineName(reference, row["number"], row["item_name"], row["charged_on"], row["amount_fen"])
    return names


def numbers_of(claim: NewClaim, finding: Finding) -> list[int]:
    """Numbers of the lines of the claim that a finding names, in order."""
    found = {claim.line_number(record.id) for record in finding.records if record.kind == LINE}
    return sorted(number for number in found if number is not None)
