"""Codes that tell the sex or the age of a person, and which procedures belong to which diagnoses: what ``coding.toml`` has."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import ibis
import ibis.expr.types as ir


@dataclass(frozen=True)
class AgeCodes:
    """Diagnoses of an age. Years inclusive below, exclusive above; None is open. principal: as the first diagnosis alone. mothers: women
    who may have given birth are exempt.
    """

    codes: tuple[str, ...]
    min_years: int | None
    max_years: int | None
    principal: bool
    mothers: bool


@dataclass(frozen=True)
class Related:
    """Procedures, and the diagnoses of which one must be there."""

    procedures: tuple[str, ...]
    diagnoses: tuple[str, ...]


@dataclass(frozen=True)
class Coding:
    """The whole file; codes without dots."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    ages: tuple[AgeCodes, ...]
    male_procedures: tuple[str, ...]
    female_procedures: tuple[str, ...]
    related: tuple[Related, ...]


@lru_cache(maxsize=1)
def coding() -> Coding:
    """The file, read once."""
    content: dict[str, Any] = tomllib.loads(files(__package__).joinpath("coding.toml").read_text(encoding="utf-8"))
    return Coding(
        female=_plain(content["diagnoses"]["female"]["categories"]),
        male=_plain(content["diagnoses"]["male"]["categories"]),
        ages=tuple(
            AgeCodes(
                _plain(one["categories"]),
                one.get("min_years"),
                one.get("max_years"),
                one.get("principal", False),
                one.get("mothers", False),
            )
            for one in content["ages"]
        ),
        male_procedures=_plain(content["procedures"]["male"]),
        female_procedures=_plain(content["procedures"]["female"]),
        related=tuple(Related(_plain(one["procedures"]), _plain(one["diagnoses"])) for one in content["related"]),
    )


def _plain(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(code.replace(".", "") for code in codes)


def of(code: ir.StringValue, beginnings: Iterable[str]) -> ir.BooleanValue:
    """Whether a code begins with one of these; looked up by length, for they may be many."""
    by_length: dict[int, list[str]] = {}
    for one in beginnings:
        by_length.setdefault(len(one), []).append(one)
    found = ibis.literal(False)
    for length, those in sorted(by_length.items()):
        found = found | code.substr(0, length).isin(those)
    return found
