"""Everybody's template in memory, with who they are. Templates are opened here and never leave the memory of the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.faces.matching import Matching
from detection.faces.people import FEMALE, MALE, FacePeople
from models.keys import KeyRing, UnsealError
from models.person import Sex
from models.repositories.face_templates import StoredFace, open_stored

CITY_DIGITS = 4
_SEX = {Sex.MALE: MALE, Sex.FEMALE: FEMALE}


@dataclass(frozen=True, eq=False)
class Gallery:
    """templates: (n, d) float32; rows as in people. unopened: references whose template does not open or is not of this engine's shape."""

    templates: NDArray[np.float32]
    people: FacePeople
    regions: tuple[str, ...]
    unopened: int


def open_gallery(batches: Iterable[Sequence[StoredFace]], count: int, keyring: KeyRing, matching: Matching) -> Gallery:
    """Open every template. count: how many there are at most. Memory: 4 d bytes a template and some 60 for who it is.

    A template that does not open is left out and counted: one damaged row must not keep all others from being looked at.
    """
    templates = np.empty((count, matching.size), dtype=np.float32)
    reference, human = np.zeros(count, np.int64), np.zeros(count, np.int64)
    sex, year = np.zeros(count, np.int8), np.zeros(count, np.int16)
    day, surname, city = np.zeros(count, np.int32), np.zeros(count, np.int32), np.zeros(count, np.int32)
    surnames: dict[str, int] = {}
    cities: dict[str, int] = {}
    regions: list[str] = []
    row = unopened = 0
    for batch in batches:
        for face in batch:
            try:
                opened = open_stored(keyring, face, matching.engine_name, matching.engine_version, matching.size)
            except UnsealError:
                unopened += 1
                continue
            if opened.size != matching.size or not np.isfinite(opened).all() or row == count:
                unopened += 1
                continue
            templates[row] = opened
            reference[row], human[row], sex[row] = face.reference, face.human, _SEX[face.sex]
            year[row], day[row] = face.birth_date.year, face.birth_date.toordinal()
            # compound surnames share their first character, and a wrong second one must not hide a twin
            first = face.name.strip()[:1]
            surname[row] = surnames.setdefault(first, len(surnames)) if first else -1
            city[row] = cities.setdefault(face.region_code[:CITY_DIGITS], len(cities))
            regions.append(face.region_code)
            row += 1
    people = FacePeople(reference[:row], human[:row], sex[:row], day[:row], year[:row], surname[:row], city[:row])
    return Gallery(templates[:row], people, tuple(regions), unopened)
