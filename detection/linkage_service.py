"""One human being under two identities in the store (D3): values opened in memory, linked, and what comes of it as findings."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from detection.detection_service import Batch, Marker, Progress, RunAs, Stage
from detection.errors import RunFailedError
from detection.findings import Finding, Record
from detection.linkage.engines import EngineName
from detection.linkage.errors import LinkageError
from detection.linkage.link import Linked, link
from detection.linkage.mapping import mapping_of
from detection.linkage.source import ID
from models.alert import AlertSeverity
from models.database import Database
from models.enrolment import Scheme
from models.keys import KeyRing, Sealed
from models.policy import RecordSections
from models.relation import RelationKind
from models.repositories import audit, linkage_people
from models.repositories.linkage_people import Drawn, Pair, SealedPerson
from models.repositories.persons import associated_data

CODE = "D3"
COLUMNS = ("resident_id", "full_name", "sex", "birth_date", "region_code", "phone", "bank_account", "address")
SCHEMA = pa.schema([(ID, pa.string()), *((name, pa.string()) for name in COLUMNS)])
PAIRS_AT_ONCE = 200
TWINS, RELATIVES = "twins_on_record", "relatives_on_record"
MEASURED = frozenset({"confidence", "probability", "weight", "threshold", "waterfall"})
"""They go by how frequent values are in the store, and by what was learned from it in this run."""
_RELATIVES = frozenset({RelationKind.SIBLING, RelationKind.PARENT})


@dataclass(frozen=True)
class LinkedPair:
    """Two persons who are one by the threshold of the run. steps: the match weight by feature, without anybody's values."""

    pair: Pair
    probability: float
    weight: float
    threshold: float
    steps: tuple[dict[str, Any], ...]


class LinkageService:
    """Finds D3 over the store. folder: below it a private folder of the run is made and removed."""

    def __init__(
        self, database: Database, keyring: KeyRing, policy: RecordSections, *, folder: Path, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._folder = folder
        self._clock = clock

    def stage(self, asked: RunAs) -> Stage:
        """The linkage as a stage of a run; what it found is only known when all of it is, so that it begins anew after a kill."""

        def find(progress: Progress, _marker: Marker | None) -> Iterator[Batch]:
            for findings in self.find(asked.as_of, engine=asked.engine, by=asked.by, run=asked.run, progress=progress):
                yield findings, None

        return Stage(CODE, (CODE,), find)

    def find(self, as_of: date, *, engine: str, by: str, run: str, progress: Progress) -> Iterator[list[Finding]]:
        """Findings in batches: for each pair one about either person. run: public id, for the audit; empty for a look back.

        Raises:
            RunFailedError: the engine is not to be had, or memory or disk did not suffice.
        """
        records = self._open(by=by, run=run, progress=progress)
        if records.num_rows < 2:
            return
        work = self._folder / "linkage"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700, parents=True)
        try:
            mapping = mapping_of({name: name for name in COLUMNS})
            linked = link(records, mapping, self._policy.linkage, work_folder=work, engine=EngineName(engine), progress=progress)
        except LinkageError as error:
            raise RunFailedError(f"linkage: {error}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
        del records
        found = pairs_of(linked)
        for start in range(0, len(found), PAIRS_AT_ONCE):
            yield self._findings(found[start : start + PAIRS_AT_ONCE], as_of)
            progress("pairs", min(start + PAIRS_AT_ONCE, len(found)), len(found))

    def _open(self, *, by: str, run: str, progress: Progress) -> pa.Table:
        """Every person's values as text. The audit says before how many are opened, and why."""
        with self._database.session_scope() as session:
            there = linkage_people.counts(session)
            details = {"why": "one human being under two identities (D3)", **vars(there)}
            audit.record(session, actor=by, action="detection.values_opened", now=self._clock(), object=run or None, details=details)
        batches, after, done = [], 0, 0
        while True:
            with self._database.read_scope() as session:
                people = linkage_people.people(session, after=after)
            if not people:
                break
            columns = list(zip(*(self._values(person) for person in people), strict=True))
            batches.append(pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=SCHEMA))
            after, done = people[-1].id, done + len(people)
            progress("persons", done, max(done, there.resident_ids))
        return pa.Table.from_batches(batches, schema=SCHEMA)

    def _values(self, person: SealedPerson) -> tuple[str | None, ...]:
        def opened(sealed: Sealed | None, column: str) -> str | None:
            return None if sealed is None else self._keyring.unseal(sealed, associated_data(person.public_id, column)).decode("utf-8")

        return (
            str(person.id),
            opened(person.resident_id, "resident_id"),
            person.name,
            person.sex.value,
            person.birth_date.isoformat(),
            person.region_code,
            opened(person.phone, "phone"),
            opened(person.account, "bank_account"),
            opened(person.address, "address"),
        )

    def _findings(self, pairs: Sequence[LinkedPair], as_of: date) -> list[Finding]:
        wanted = [one.pair for one in pairs]
        people = sorted({person for pair in wanted for person in pair})
        schemes = [*self._policy.rules.B2.schemes, Scheme.UNEMPLOYMENT]
        with self._database.read_scope() as session:
            related = linkage_people.relations(session, wanted)
            drawn = linkage_people.drawn(session, people, schemes, as_of.replace(day=1))
            regions = linkage_people.regions(session, people)
        findings = []
        for one in pairs:
            kinds = related.get(one.pair, set())
            low, high = one.pair
            for person, other in ((low, high), (high, low)):
                findings.append(self._finding(one, person, other, regions[person], kinds, drawn.get(person), drawn.get(other)))
        return findings

    def _finding(
        self, pair: LinkedPair, person: int, other: int, region_code: str, kinds: set[RelationKind], own: Drawn | None, others: Drawn | None
    ) -> Finding:
        low, high = pair.pair
        flags, share = [], 1.0
        if RelationKind.TWIN in kinds:
            flags, share = [TWINS], self._policy.triage.twins_share
        elif kinds & _RELATIVES:
            flags, share = [RELATIVES], self._policy.triage.relatives_share
        both = lesser_of_both(own, others)
        records = [Record("person", person, "person"), Record("person", other, "other_person")]
        records += [Record("benefit", benefit, "own") for benefit in (own.benefits if own else ())]
        records += [Record("benefit", benefit, "other") for benefit in (others.benefits if others else ())]
        return Finding(
            code=CODE,
            key=f"{CODE}:{low}:{high}:{person}",
            region_code=region_code,
            severity=AlertSeverity.SUSPICION,
            confidence=round(pair.probability * share, 4),
            person_id=person,
            from_month=min(both) if both else None,
            to_month=max(both) if both else None,
            months=len(both),
            amount_fen=sum(both.values()),
            facts={
                "probability": round(pair.probability, 6),
                "weight": round(pair.weight, 3),
                "threshold": round(pair.threshold, 3),
                "flags": flags,
                "waterfall": list(pair.steps),
            },
            records=tuple(records),
            measured=MEASURED,
        )


def lesser_of_both(own: Drawn | None, others: Drawn | None) -> dict[date, int]:
    """Month in which both were paid -> what the less paid of the two got: when both are one, at most that was not due."""
    if own is None or others is None:
        return {}
    return {month: min(fen, others.by_month[month]) for month, fen in own.by_month.items() if month in others.by_month}


def pairs_of(linked: Linked) -> list[LinkedPair]:
    """The pairs at or above the threshold whose two records are in one cluster, by the ids of the persons."""
    threshold = linked.threshold.weight
    if threshold is None:
        return []
    pairs, cluster = linked.pairs, linked.clusters["cluster"].to_numpy()
    left, right, weight = (pairs[name].to_numpy() for name in ("left_row", "right_row", "weight"))
    places = np.flatnonzero((weight >= threshold) & (cluster[left] == cluster[right]))
    found = []
    for place in places:
        ids = sorted((int(pairs["left"][int(place)].as_py()), int(pairs["right"][int(place)].as_py())))
        found.append(
            LinkedPair(
                (ids[0], ids[1]),
                float(pairs["probability"][int(place)].as_py()),
                float(weight[place]),
                float(threshold),
                tuple(step.as_data() for step in linked.steps(int(place))),
            )
        )
    return sorted(found, key=lambda one: one.pair)
