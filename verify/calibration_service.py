"""Calibration of the enrolled references: computed by a job as the gallery grows, put into force by a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np

from models.database import Database
from models.face import Calibration as CalibrationRow
from models.keys import KeyRing
from models.repositories import audit, calibrations, references
from models.repositories.calibrations import NewCalibration
from models.templates import calibration_data
from verify.calibration import Calibration, Person, calibrate
from verify.engines.protocol import Engine
from verify.policy import VerificationPolicy
from verify.template import SealedTemplate, open_template

AGE_BAND_YEARS = 10
OLDEST_BAND = 90
ProgressCallback = Callable[[str, int, int], None]


class CalibrationService:
    """Use cases around the calibration of the running engine."""

    def __init__(
        self, database: Database, keyring: KeyRing, engine: Engine, policy: VerificationPolicy, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._engine = engine
        self._policy = policy
        self._clock = clock

    def compute(self, *, actor: str, progress: ProgressCallback | None = None) -> int:
        """Calibrate on every active reference of the running engine and store the result, not in force. Returns its id.

        Memory: 4 bytes x d a reference, 2 KB each with 512 values. Raises CalibrationError when there is not one impostor pair.
        """
        now = self._clock()
        embeddings, persons = self._gallery(now.date())
        result = calibrate(
            embeddings,
            persons,
            similarity=self._engine.similarity,
            engine_name=self._engine.name,
            engine_version=self._engine.version,
            policy=self._policy.calibration,
            references_min=self._policy.matching.references_min,
            now=now,
            progress=None if progress is None else lambda done, total: progress("impostor pairs", done, total),
        )
        new = NewCalibration(
            engine_name=self._engine.name,
            engine_version=self._engine.version,
            payload=self._keyring.seal(result.to_bytes(), calibration_data(self._engine.name, self._engine.version)),
            references_count=result.references,
            pair_count=result.impostor_pairs,
            thresholds=result.summary(),
        )
        with self._database.session_scope() as session:
            row = calibrations.propose(session, new, now=now)
            audit.record(session, actor=actor, action="calibration.compute", now=now, object=str(row.id))
            return row.id

    def compute_if_grown(self, *, actor: str) -> int | None:
        """Compute when the gallery has grown by policy's share since the last calibration; the id, or None when it has not."""
        with self._database.read_scope() as session:
            count = references.count_active(session, self._engine.name, self._engine.version)
            newest = next(
                (row for row in calibrations.listing(session, self._engine.name) if row.engine_version == self._engine.version), None
            )
        before = 0 if newest is None else newest.references_count
        enough = count >= self._policy.matching.references_min
        if not enough or count < before * (1 + self._policy.calibration.recompute_growth):
            return None
        return self.compute(actor=actor)

    def promote(self, calibration_id: int, *, actor: str) -> None:
        """Put a calibration into force; the one before it is retired. Raises NotFoundError or ConflictError."""
        now = self._clock()
        with self._database.session_scope() as session:
            calibrations.promote(session, calibration_id, by=actor, now=now)
            audit.record(session, actor=actor, action="calibration.promote", now=now, object=str(calibration_id))

    def all(self) -> list[dict[str, Any]]:
        """Every calibration of the running engine, newest first, as plain values."""
        with self._database.read_scope() as session:
            return [_plain(row) for row in calibrations.listing(session, self._engine.name)]

    def _gallery(self, today: date) -> tuple[np.ndarray[Any, np.dtype[np.float32]], list[Person]]:
        embeddings, persons = [], []
        with self._database.read_scope() as session:
            for reference, person in references.for_calibration(session, self._engine.name, self._engine.version):
                if reference.template is None:
                    continue
                sealed = SealedTemplate(reference.template, reference.engine_name, reference.engine_version, self._engine.embedding_size)
                embeddings.append(open_template(self._keyring, sealed, person.public_id))
                persons.append(Person(person.sex.value, age_band(person.birth_date, today)))
        size = self._engine.embedding_size
        return (np.stack(embeddings) if embeddings else np.empty((0, size), np.float32)), persons


def age_band(born: date, today: date) -> str:
    """``60-69`` and so on; ``90+`` for the oldest."""
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    low = max(0, age) // AGE_BAND_YEARS * AGE_BAND_YEARS
    return f"{OLDEST_BAND}+" if low >= OLDEST_BAND else f"{low}-{low + AGE_BAND_YEARS - 1}"


def load_calibration(keyring: KeyRing, engine: Engine, row: CalibrationRow) -> Calibration:
    """Open a stored calibration. Raises UnsealError or CalibrationError."""
    return Calibration.from_bytes(keyring.unseal(row.payload, calibration_data(engine.name, engine.version)))


def _plain(row: CalibrationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "engine_version": row.engine_version,
        "references": row.references_count,
        "pairs": row.pair_count,
        "created_at": row.created_at.isoformat(),
        "in_force": row.promoted_at is not None and row.retired_at is None,
        "promoted_by": row.promoted_by,
        "provisional": row.thresholds["provisional"],
        "thresholds": {f"{level['fmr']:g}": level["threshold"] for level in row.thresholds["levels"]},
    }
