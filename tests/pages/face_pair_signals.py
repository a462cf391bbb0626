"""Signals of a pair of faces in a store, for the tests of their page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from sqlalchemy import select

from api.context import Context
from detection.faces.finding_pairs import Surroundings, findings_of
from detection.faces.matching import Matching, ThresholdSource
from detection.faces.metric import Metric
from detection.faces.people import FacePeople
from detection.faces.search import FacePair, SexAgreement
from models.detection import DetectionKind, DetectionRun, RunState, Signal
from models.face import ReferenceSource
from models.legal_basis import LegalPurpose
from models.repositories import legal_bases, persons, references, signals
from models.repositories.references import NewReference
from models.templates import template_data
from tests.api.conftest import jpeg


@dataclass(frozen=True)
class Stored:
    """Signals of one pair: of the person at home, and of the other one."""

    at_home: str
    elsewhere: str


def face_picture(shade: int) -> bytes:
    """A grey picture, told from another by its shade."""
    return jpeg(np.full((700, 600, 3), shade, np.uint8))


def store_pair(context: Context, one: str, other: str, *, pictures: bool, fmr: float | None = None, twins: bool = False) -> Stored:
    """Two enrolled references (of persons by public id) and the findings of their pair, as a run leaves them."""
    now = context.clock()
    with context.database.session_scope() as session:
        rows = []
        for shade, public_id in ((90, one), (160, other)):
            person = persons.get(session, public_id)
            sealed = context.keyring.seal(np.zeros(64, "<f4").tobytes(), template_data(public_id, "scripted", "1", 64))
            image = context.keyring.seal(face_picture(shade), f"lifecert/reference-image/{public_id}".encode()) if pictures else None
            new = NewReference(person.id, "scripted", "1", sealed, ReferenceSource.COUNTER, {"overall": 66}, image)
            rows.append((person, references.enrol(session, new, by="test", now=now)))
        people = FacePeople(
            np.array([row.id for _, row in rows]),
            np.array([person.id for person, _ in rows]),
            np.array([1, 2], np.int8),
            np.array([1, 1] if twins else [1, 9_000], np.int32),
            np.array([1952, 1952], np.int16),
            np.array([3, 3], np.int32),
            np.array([5, 5], np.int32),
        )
        rule = Matching("scripted", "1", 64, Metric.COSINE, 0.5, ThresholdSource.PROVISIONAL)
        if fmr is not None:
            rule = replace(rule, source=ThresholdSource.OWN_POPULATION, fmr=fmr)
        known = Surroundings({}, {}, {person.id: person.region_code for person, _ in rows}, {row.id: 66 for _, row in rows})
        found = findings_of(FacePair(0, 1, 0.71, 0.71, 1, SexAgreement.DIFFERENT, 0), people, rule, context.policy.faces, known)
        run = DetectionRun(
            kind=DetectionKind.FACES,
            state=RunState.RUNNING,
            as_of=date(2026, 3, 15),
            engine="faiss",
            policy_hash="0" * 16,
            started_by="test",
            started_at=now,
        )
        session.add(run)
        session.flush()
        signals.write(session, found, run_id=run.id, policy_hash="0" * 16, by="test", now=now)
        ids = {row.person_id: row.public_id for row in session.scalars(select(Signal))}
        return Stored(ids[rows[0][0].id], ids[rows[1][0].id])


def approve_basis(context: Context) -> str:
    """A legal basis that holds for years."""
    new = legal_bases.NewBasis(LegalPurpose.FACE_SEARCH, "a law", "a paper", date(2026, 1, 1), date(2099, 12, 31))
    with context.database.session_scope() as session:
        basis_id = legal_bases.record(session, new, by="one", now=context.clock()).public_id
        legal_bases.approve(session, basis_id, by="two", now=context.clock())
    return basis_id
