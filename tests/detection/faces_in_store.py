"""Made-up faces of made-up people in a store: sealed templates, as enrolment leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from sqlalchemy.orm import Session

from detection.faces.face_service import FaceSearchService
from detection.faces.gallery import Gallery
from detection.faces.index import FaissIndex
from detection.faces.matching import Matching, ThresholdSource
from detection.faces.metric import Metric
from models.database import Database
from models.face import ReferenceSource
from models.keys import KeyRing
from models.legal_basis import LegalPurpose
from models.policy import RecordsPolicy
from models.region import Region
from models.repositories import legal_bases, persons, references
from models.templates import STORED_DTYPE, template_data
from tests.models.people import REGION, add_regions, resident_id

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
SIZE = 64
ENGINE, VERSION = "made-up", "1"
MATCHING = Matching(ENGINE, VERSION, SIZE, Metric.COSINE, 0.6, ThresholdSource.PROVISIONAL)


def face(seed: int, size: int = SIZE) -> np.ndarray:
    """A stranger's face."""
    values = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    return values / np.linalg.norm(values)


def mate_of(seed: int, similarity: float = 0.8, size: int = SIZE) -> np.ndarray:
    """Another picture of the stranger's face."""
    original, other = face(seed, size), face(seed + 10_000, size)
    other = other - original * (other @ original)
    other /= np.linalg.norm(other)
    return (similarity * original + np.sqrt(1 - similarity**2) * other).astype(np.float32)


@dataclass(frozen=True)
class Enrolled:
    """A person with a reference. key: of the record."""

    key: int
    public_id: str
    reference: int


def enrol(
    session: Session,
    keyring: KeyRing,
    template: np.ndarray,
    *,
    sequence: int,
    name: str = "张建国",
    born: date = date(1950, 6, 1),
    region: str = REGION,
    engine: str = ENGINE,
    version: str = VERSION,
) -> Enrolled:
    """Add a person and a sealed template. sequence: even numbers are women."""
    if session.get(Region, REGION) is None:
        add_regions(session)
    new = persons.NewPerson(resident_id=resident_id(born, sequence), name=name, region_code=region)
    person = persons.add(session, new, keyring=keyring, now=NOW)
    data = template_data(person.public_id, engine, version, template.size)
    row = references.enrol(
        session,
        references.NewReference(
            person.id, engine, version, keyring.seal(template.astype(STORED_DTYPE).tobytes(), data), ReferenceSource.IMPORT, {"overall": 70}
        ),
        by="test",
        now=NOW,
    )
    return Enrolled(person.id, person.public_id, row.id)


def approve_basis(database: Database, *, until: date = date(2026, 12, 31)) -> str:
    """A legal basis that holds in 2026."""
    new = legal_bases.NewBasis(LegalPurpose.FACE_SEARCH, "a law", "a paper", date(2026, 1, 1), until)
    with database.session_scope() as session:
        basis_id = legal_bases.record(session, new, by="one", now=NOW).public_id
        legal_bases.approve(session, basis_id, by="two", now=NOW)
    return basis_id


def flat_index(gallery: Gallery, matching: Matching) -> FaissIndex:
    """Every face with every other."""
    index = FaissIndex.flat(matching.size, matching.metric)
    index.add(gallery.people.reference, gallery.templates)
    return index


def search_service(database: Database, keyring: KeyRing, policy: RecordsPolicy, matching: Matching = MATCHING) -> FaceSearchService:
    """The service on a store, at NOW."""
    return FaceSearchService(
        database,
        keyring,
        policy=policy.faces.model_copy(update={"sampled_pairs": 10_000}),
        certification=policy.certification,
        matching=matching,
        make_index=flat_index,
        clock=lambda: NOW,
    )
