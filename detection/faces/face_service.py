"""The search of all enrolled faces in the store: with a legal basis, audited, in batches that can be gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from detection.faces.error_rate import FalsePairs, ThresholdInUse, false_pairs, threshold_in_use
from detection.faces.errors import LegalBasisMissingError
from detection.faces.finding_pairs import Surroundings, findings_of
from detection.faces.gallery import Gallery, open_gallery
from detection.faces.index import VectorIndex
from detection.faces.matching import Matching
from detection.faces.search import FacePair, FaceSearch
from detection.findings import Finding
from models.database import Database
from models.keys import KeyRing
from models.legal_basis import LegalPurpose
from models.policy import CertificationPolicy
from models.policy_faces import FacesPolicy
from models.region import region_prefix
from models.repositories import audit, face_templates, legal_bases
from models.repositories.legal_bases import Lack

BATCH = 20_000
"""Faces between two places where a run may be gone on with."""

IndexMaker = Callable[[Gallery, Matching], VectorIndex]
Progress = Callable[[str, int, int], None]

_SAYS = {
    Lack.NOT_APPROVED: "is not approved by a second person (lifecert legal-basis approve {id} --by NAME)",
    Lack.WITHDRAWN: "was withdrawn",
    Lack.NOT_YET: "holds only from {valid_from} on",
    Lack.EXPIRED: "ended on {valid_until}",
}


@dataclass(frozen=True)
class Basis:
    """The legal basis that a run rests on."""

    basis_id: str
    document: str
    valid_until: date


@dataclass(frozen=True)
class FaceBatch:
    """What one batch of faces came to. until: id of the last face reference that was looked at; a run goes on after it."""

    findings: tuple[Finding, ...]
    pairs: int
    until: int
    searched: int
    of: int


@dataclass(frozen=True)
class Summary:
    """What was searched and what is to be expected by chance; goes into the output of the command and the audit.

    basis: public id of the legal basis that the search rests on.
    """

    basis: str
    faces: int
    persons: int
    unopened: int
    engine: str
    engine_version: str
    threshold: float
    threshold_source: str
    raised: bool
    expected_pairs: int
    fmr: float | None
    false_pairs: FalsePairs
    index_s: float

    def plain(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "false_pairs": vars(self.false_pairs)}


class PreparedSearch:
    """Templates in memory, the index built, the threshold fixed. Made by ``FaceSearchService.prepare``."""

    def __init__(
        self,
        database: Database,
        gallery: Gallery,
        search: FaceSearch,
        calibrated: Matching,
        used: ThresholdInUse,
        summary: Summary,
        *,
        as_of: date,
    ) -> None:
        self.summary = summary
        self._database = database
        self._gallery = gallery
        self._search = search.with_threshold(used.threshold)
        self._calibrated = calibrated
        self._as_of = as_of

    def batches(self, *, region_code: str = "", after: int = 0, batch: int = BATCH) -> Iterator[FaceBatch]:
        """Findings batch by batch, in order of the face references after ``after``. A pair may come up from both of its faces: the findings
        then have the same keys. region_code: only faces of this region and all inside it are looked for, among everybody's.
        """
        reference = self._gallery.people.reference
        wanted = reference > after
        if region_code:
            prefix = region_prefix(region_code)
            wanted &= np.fromiter((code.startswith(prefix) for code in self._gallery.regions), dtype=bool, count=reference.size)
        rows = np.flatnonzero(wanted)
        for start in range(0, rows.size, batch):
            part = rows[start : start + batch]
            pairs = self._search.pairs_of(part)
            yield FaceBatch(self._findings(pairs), len(pairs), int(reference[part[-1]]), min(start + batch, rows.size), int(rows.size))

    def _findings(self, pairs: list[FacePair]) -> tuple[Finding, ...]:
        if not pairs:
            return ()
        people, policy = self._gallery.people, self._search.policy
        humans = sorted({int(people.human[row]) for pair in pairs for row in (pair.left, pair.right)})
        references = sorted({int(people.reference[row]) for pair in pairs for row in (pair.left, pair.right)})
        with self._database.read_scope() as session:
            records = face_templates.records_of_all(session, humans)
            known = Surroundings(
                face_templates.relations(session, records),
                face_templates.paid(session, records, from_month=_months_back(self._as_of, policy.paid_months - 1), to_month=self._as_of),
                face_templates.regions(session, humans),
                face_templates.qualities(session, references),
            )
        # how sure it is goes by the calibrated threshold, which does not move with the number of faces
        return tuple(finding for pair in pairs for finding in findings_of(pair, people, self._calibrated, policy, known))


class FaceSearchService:
    """The search of one face under two identities (P8). One process at a time; the caller holds the lock of its run."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        *,
        policy: FacesPolicy,
        certification: CertificationPolicy,
        matching: Matching,
        make_index: IndexMaker,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._certification = certification
        self._matching = matching
        self._make_index = make_index
        self._clock = clock

    def basis(self) -> Basis:
        """The legal basis that holds today. Raises LegalBasisMissingError that says what is missing."""
        today = self._certification.today(self._clock())
        with self._database.read_scope() as session:
            held = legal_bases.holding(session, LegalPurpose.FACE_SEARCH, today)
            if held is not None:
                return Basis(held.public_id, held.document, held.valid_until)
            lacks = [(row, legal_bases.lack(row, today)) for row in legal_bases.listing(session, LegalPurpose.FACE_SEARCH)]
            told = [
                f"{row.public_id} " + _SAYS[lack].format(id=row.public_id, valid_from=row.valid_from, valid_until=row.valid_until)
                for row, lack in lacks[:3]
                if lack is not None
            ]
        why = "; ".join(told) or "none is on record: lifecert legal-basis add"
        raise LegalBasisMissingError(f"faces may be searched only with a legal basis that holds on {today}: {why}")

    def prepare(
        self, *, by: str, run: str, as_of: date, progress: Progress = lambda _stage, _done, _total: None, threshold: float | None = None
    ) -> PreparedSearch:
        """Open the templates, build the index, fix the threshold; the audit entry that names the basis comes first, in its own transaction.

        run: public id of the run. threshold: of the first part of a run that is gone on with.

        Raises:
            LegalBasisMissingError: no legal basis holds.
        """
        basis = self.basis()
        with self._database.session_scope() as session:
            details = {"basis": basis.basis_id, "engine": self._matching.engine_name, "engine_version": self._matching.engine_version}
            audit.record(session, actor=by, action="face_search.start", now=self._clock(), object=run, details=details)
        gallery = self._open(progress)
        began = time.monotonic()
        progress("index", 0, len(gallery.people))
        index = self._make_index(gallery, self._matching)
        progress("index", len(gallery.people), len(gallery.people))
        index_s = time.monotonic() - began
        search = FaceSearch(gallery.templates, gallery.people, self._matching, self._policy, index)
        used = threshold_in_use(search)
        if threshold is not None:
            used = ThresholdInUse(threshold, threshold > self._matching.threshold, used.expected_pairs)
        chance = false_pairs(search.with_threshold(used.threshold), raised=used.raised)
        summary = Summary(
            basis=basis.basis_id,
            faces=len(gallery.people),
            persons=int(np.unique(gallery.people.human).size),
            unopened=gallery.unopened,
            engine=self._matching.engine_name,
            engine_version=self._matching.engine_version,
            threshold=used.threshold,
            threshold_source=self._matching.source.value,
            raised=used.raised,
            expected_pairs=used.expected_pairs,
            fmr=self._matching.fmr,
            false_pairs=chance,
            index_s=round(index_s, 3),
        )
        return PreparedSearch(self._database, gallery, search, self._matching, used, summary, as_of=as_of)

    def finish(self, *, by: str, run: str, summary: Summary, pairs: int) -> None:
        """The audit entry of a search that came to its end."""
        details = {
            "basis": summary.basis,
            "faces": summary.faces,
            "pairs": pairs,
            "threshold": round(summary.threshold, 6),
            "raised": summary.raised,
        }
        with self._database.session_scope() as session:
            audit.record(session, actor=by, action="face_search.done", now=self._clock(), object=run, details=details)

    def _open(self, progress: Progress) -> Gallery:
        engine, version = self._matching.engine_name, self._matching.engine_version
        with self._database.read_scope() as session:
            until = face_templates.newest_reference(session)
            count = face_templates.count(session, engine, version, until=until)

            def told() -> Iterator[Any]:
                done = 0
                for batch in face_templates.stored(session, engine, version, until=until):
                    progress("templates", done, count)
                    yield batch
                    done += len(batch)
                progress("templates", count, count)

            return open_gallery(told(), count, self._keyring, self._matching)


def _months_back(day: date, months: int) -> date:
    place = day.year * 12 + day.month - 1 - months
    return date(place // 12, place % 12 + 1, 1)
