"""One claim as a hospital hands it in for screening: its values, and its rows in the tables that rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from detection.claims.tables import SCHEMAS
from models.claim import CareSetting, ChargeCategory, ClaimIdentityCheck, DischargeWay
from models.enrolment import Scheme

NEW_CLAIM = 1 << 62
"""Id of a claim that is not in the store: greater than any other, as its id would be if it came in now."""


@dataclass(frozen=True)
class NewLine:
    """One charge. Meanings and units: ``models.claim.ClaimLine``."""

    number: int
    item_code: str
    item_name: str
    category: ChargeCategory
    quantity: float
    unit_price_fen: int
    amount_fen: int
    charged_on: date
    days: int | None = None
    fund_fen: int | None = None
    executed_at: datetime | None = None
    executed_quantity: float | None = None
    doctor: str | None = None
    department: str | None = None
    prescription: str | None = None


@dataclass(frozen=True)
class NewClaim:
    """One claim. Meanings and units: ``models.claim.Claim``. institution: its code."""

    institution: str
    reference: str
    setting: CareSetting
    scheme: Scheme
    from_date: date
    to_date: date
    total_fen: int
    fund_fen: int
    lines: tuple[NewLine, ...]
    own_fen: int | None = None
    department: str | None = None
    doctor: str | None = None
    settled_at: datetime | None = None
    uploaded_at: datetime | None = None
    principal_diagnosis: str | None = None
    diagnoses: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    hospital_acquired: tuple[str, ...] = ()
    drg: str | None = None
    transferred_in: bool | None = None
    discharge_way: DischargeWay | None = None
    identity_check: ClaimIdentityCheck | None = None

    def line(self, line_id: int) -> NewLine | None:
        """The line whose row has this id; None for a line of another claim."""
        place = line_id - NEW_CLAIM
        return self.lines[place] if 0 <= place < len(self.lines) else None

    def line_number(self, line_id: int) -> int | None:
        """Number of the line whose row has this id; None for a line of another claim."""
        line = self.line(line_id)
        return None if line is None else line.number


def rows_of(claim: NewClaim, *, person_id: int, institution_id: int) -> dict[str, pa.Table]:
    """The claim and its lines as tables ``claim`` and ``line``."""
    ids = {"id": NEW_CLAIM, "person_id": person_id, "institution_id": institution_id}
    lines = [_values(line, {"id": NEW_CLAIM + place, "claim_id": NEW_CLAIM}) for place, line in enumerate(claim.lines)]
    return {
        "claim": pa.Table.from_pylist([_values(claim, ids)], schema=SCHEMAS["claim"]),
        "line": pa.Table.from_pylist(lines, schema=SCHEMAS["line"]),
    }


def _values(source: NewClaim | NewLine, ids: Mapping[str, int]) -> dict[str, Any]:
    known = {field.name: getattr(source, field.name) for field in fields(source)}
    return {**{name: list(value) if isinstance(value, tuple) else value for name, value in known.items() if name != "lines"}, **ids}
