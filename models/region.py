"""Regions: the tree of administrative division codes (GB/T 2260: province 2, city 4, county 6 digits)."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import PUBLIC, column, enum_column_type


class RegionLevel(StrEnum):
    """Level in the tree."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"


class Region(Base):
    """One administrative division. code: six digits, the lower levels zero-filled (420000, 420100, 420102)."""

    __tablename__ = "region"

    code: Mapped[str] = column(PUBLIC, String(6), primary_key=True)
    name: Mapped[str] = column(PUBLIC, String(100))
    level: Mapped[RegionLevel] = column(PUBLIC, enum_column_type(RegionLevel, "level"))
    parent_code: Mapped[str | None] = column(PUBLIC, String(6), ForeignKey("region.code"), index=True)


@lru_cache(maxsize=8_192)
def region_prefix(code: str) -> str:
    """Digits that every code inside the region starts with: 420000 -> 42, 420100 -> 4201, 420102 -> 420102."""
    if code.endswith("0000"):
        return code[:2]
    if code.endswith("00"):
        return code[:4]
    return code


def region_bounds(code: str) -> tuple[str, str]:
    """Smallest and greatest code inside the region, for BETWEEN: that takes an index in every collation, which LIKE does not."""
    prefix = region_prefix(code)
    return prefix.ljust(6, "0"), prefix.ljust(6, "9")
