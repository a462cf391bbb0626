"""Who the faces belong to, as columns beside the templates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN, MALE, FEMALE = 0, 1, 2
"""Values of ``FacePeople.sex``."""


@dataclass(frozen=True, eq=False)
class FacePeople:
    """One row a template, all columns (n,).

    reference: id of the face reference, rising. human: id of the record that speaks for the person, so that merged records are one human
    being. sex: UNKNOWN, MALE or FEMALE. birth_day: days since 0001-01-01 (``date.toordinal``), 0 unknown; birth_year: 0 unknown.
    surname, city: numbers that are equal for equal surnames and cities, -1 unknown.
    """

    reference: NDArray[np.int64]
    human: NDArray[np.int64]
    sex: NDArray[np.int8]
    birth_day: NDArray[np.int32]
    birth_year: NDArray[np.int16]
    surname: NDArray[np.int32]
    city: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.reference.size)

    def rows_of(self, references: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of face references, -1 for those that are not here."""
        if len(self) == 0:
            return np.full(references.shape, -1, dtype=np.int64)
        at = np.searchsorted(self.reference, references).clip(max=len(self) - 1)
        return np.where(self.reference[at] == references, at, -1)
