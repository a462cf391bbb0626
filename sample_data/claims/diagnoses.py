"""Diagnoses of made-up patients: who has them, where they are treated, and how they are grouped. Codes of ICD-10."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample_data.claims import places

CHILD, WOMAN, OLDER_WOMAN, MAN, OLDER_MAN = range(5)
"""Groups of patients: 1 to 13, 18 to 49, from 50 on."""


@dataclass(frozen=True)
class Diagnosis:
    """One. groups: of patients who have it; drg: of a stay; days: usual length of one, 0 where nobody stays for it; winter: seasonal."""

    code: str
    department: int
    groups: tuple[int, ...]
    drg: str
    days: int
    winter: bool = False


_ADULT = (WOMAN, OLDER_WOMAN, MAN, OLDER_MAN)
_OLDER = (OLDER_WOMAN, OLDER_MAN)

DIAGNOSES = (
    Diagnosis("J06.9", places.INTERNAL, (CHILD, *_ADULT), "", 0, winter=True),
    Diagnosis("J18.9", places.INTERNAL, (CHILD, *_ADULT), "ES23", 7, winter=True),
    Diagnosis("J44.1", places.INTERNAL, _OLDER, "ES13", 9, winter=True),
    Diagnosis("K29.5", places.INTERNAL, _ADULT, "GV13", 5),
    Diagnosis("K35.8", places.SURGERY, (CHILD, *_ADULT), "GD13", 6),
    Diagnosis("K80.2", places.SURGERY, _ADULT, "HC23", 8),
    Diagnosis("K40.9", places.SURGERY, (MAN, OLDER_MAN), "GE15", 5),
    Diagnosis("I10", places.HEART, _ADULT, "", 0),
    Diagnosis("I25.1", places.HEART, _OLDER, "FR43", 7),
    Diagnosis("I50.0", places.HEART, _OLDER, "FR23", 9),
    Diagnosis("I63.9", places.INTERNAL, _OLDER, "BR23", 10),
    Diagnosis("E11.9", places.INTERNAL, _ADULT, "KS13", 8),
    Diagnosis("N20.0", places.SURGERY, _ADULT, "LE23", 6),
    Diagnosis("N18.5", places.KIDNEYS, _ADULT, "LR13", 9),
    Diagnosis("M51.2", places.BONES, _ADULT, "IU29", 8),
    Diagnosis("S52.5", places.BONES, (CHILD, *_ADULT), "IF45", 7),
    Diagnosis("M17.9", places.BONES, _OLDER, "IC29", 10),
    Diagnosis("H25.9", places.EYES, _OLDER, "CB39", 3),
    Diagnosis("H10.9", places.EYES, (CHILD, *_ADULT), "", 0),
    Diagnosis("N76.0", places.WOMEN, (WOMAN, OLDER_WOMAN), "", 0),
    Diagnosis("D25.9", places.WOMEN, (WOMAN,), "NA39", 8),
    Diagnosis("O80.0", places.WOMEN, (WOMAN,), "OR15", 4),
    Diagnosis("N40", places.SURGERY, (OLDER_MAN,), "MC15", 8),
    Diagnosis("A09.9", places.CHILDREN, (CHILD,), "GW19", 4),
    Diagnosis("J20.9", places.CHILDREN, (CHILD,), "ES33", 6, winter=True),
    Diagnosis("L30.9", places.INTERNAL, (CHILD, *_ADULT), "", 0),
    Diagnosis("M54.5", places.CHINESE, _ADULT, "", 0),
    Diagnosis("R51", places.INTERNAL, _ADULT, "", 0),
)
CODES = tuple(one.code for one in DIAGNOSES)
PLACE = {one.code: place for place, one in enumerate(DIAGNOSES)}
DEPARTMENT = np.array([one.department for one in DIAGNOSES])
DAYS = np.array([one.days for one in DIAGNOSES])
WINTER = np.array([one.winter for one in DIAGNOSES])

VISITS = tuple(np.array([p for p, one in enumerate(DIAGNOSES) if group in one.groups and one.code != "O80.0"]) for group in range(5))
"""Group -> places of what brings them to a consultation."""

STAYS = tuple(np.array([p for p, one in enumerate(DIAGNOSES) if group in one.groups and one.days]) for group in range(5))
"""Group -> places of what they stay for."""


def drawn(options: tuple[np.ndarray, ...], group: np.ndarray, mark: np.ndarray) -> np.ndarray:
    """A diagnosis for each patient, by group and mark."""
    found = np.zeros(len(group), dtype=np.int64)
    for number, listed in enumerate(options):
        of = group == number
        found[of] = listed[mark[of] % len(listed)]
    return found
