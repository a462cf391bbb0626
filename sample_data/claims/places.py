"""Institutions of a made-up province: levels, kinds, regions, departments, doctors. None of their codes is given to anything."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

DEPARTMENTS = ("内科", "外科", "妇产科", "儿科", "骨科", "眼科", "中医科", "急诊科", "肿瘤科", "肾内科", "康复科", "心内科")
INTERNAL, SURGERY, WOMEN, CHILDREN, BONES, EYES, CHINESE, EMERGENCY, TUMOURS, KIDNEYS, REHABILITATION, HEART = range(12)
DOCTORS = {"tertiary": 8, "secondary": 4, "primary": 2, "ungraded": 1}
"""In each department of an institution of a level."""

TERTIARY, SECONDARY, COMMUNITY, CLINIC, PHARMACY, INTERNET = range(6)
KINDS = (("hospital", "tertiary"), ("hospital", "secondary"), ("community", "primary"), ("clinic", "ungraded"), ("pharmacy", "ungraded"))
A_REGION = {SECONDARY: 3, COMMUNITY: 8, CLINIC: 5, PHARMACY: 8}
"""Institutions of a kind in each region; besides one tertiary hospital for two regions and one internet hospital for all."""

BAD_HOSPITALS_SHARE, BAD_DOCTORS_SHARE = 0.06, 0.03


@dataclass(frozen=True)
class Institutions:
    """Columns of institutions, ids from 1. role: TERTIARY to INTERNET. bad: hospitals that inflate; bad_doctor: has one who does."""

    codes: list[str]
    roles: np.ndarray
    levels: list[str]
    kinds: list[str]
    regions: list[str]
    region_places: np.ndarray
    beds: list[int | None]
    bad: np.ndarray
    bad_doctor: np.ndarray
    by_role: dict[int, np.ndarray] = field(default_factory=dict)
    """Role -> places of the institutions in order of region."""
    starts: dict[int, np.ndarray] = field(default_factory=dict)
    counts: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many."""
        return len(self.levels)

    def choose(self, role: int, region: np.ndarray, mark: np.ndarray) -> np.ndarray:
        """Places of institutions of the role in the regions, by marks; of one region the same mark gives the same institution."""
        counts = self.counts[role][region]
        return self.by_role[role][self.starts[role][region] + mark % counts]

    def doctor(self, place: int, department: int, number: int = 0) -> str:
        """Code of a doctor."""
        return f"D{self.codes[place][1:]}{department:02d}{number:02d}"


def institutions(regions: list[str], random: np.random.Generator) -> Institutions:
    """The institutions of a province with these regions."""
    codes: list[str] = []
    roles: list[int] = []
    places: list[int] = []
    beds: list[int | None] = []

    def add(role: int, place: int, number: int) -> None:
        letter = "P" if role == PHARMACY else "H"
        codes.append(f"{letter}{regions[place]}{role}{number:04d}")
        roles.append(role)
        places.append(place)
        beds.append({TERTIARY: 1_200, SECONDARY: 350, COMMUNITY: 40}.get(role))

    for place in range(len(regions)):
        if place % 2 == 0:
            add(TERTIARY, place, 1)
        for role, count in A_REGION.items():
            for number in range(1, count + 1):
                add(role, place, number)
    add(INTERNET, 0, 1)
    role_of = np.array(roles)
    region_of = np.array(places)
    hospitals = np.flatnonzero((role_of == SECONDARY) | (role_of == TERTIARY))
    secondary = np.flatnonzero(role_of == SECONDARY)
    bad = np.zeros(len(codes), dtype=bool)
    bad[random.choice(secondary, max(1, round(len(secondary) * BAD_HOSPITALS_SHARE)), replace=False)] = True
    honest = hospitals[~bad[hospitals]]
    bad_doctor = np.zeros(len(codes), dtype=bool)
    bad_doctor[random.choice(honest, max(1, round(len(honest) * BAD_DOCTORS_SHARE)), replace=False)] = True
    named = [("hospital", "ungraded") if role == INTERNET else KINDS[role] for role in roles]
    made = Institutions(
        codes,
        role_of,
        [level for _, level in named],
        ["internet" if role == INTERNET else kind for role, (kind, _) in zip(roles, named, strict=True)],
        [regions[place] for place in places],
        region_of,
        beds,
        bad,
        bad_doctor,
    )
    for role in range(6):
        listed = np.flatnonzero(role_of == role)
        made.by_role[role] = listed
        if role in A_REGION:
            made.starts[role] = np.searchsorted(region_of[listed], np.arange(len(regions)))
            made.counts[role] = np.full(len(regions), A_REGION[role])
        elif role == TERTIARY:
            made.starts[role] = np.arange(len(regions)) // 2
            made.counts[role] = np.ones(len(regions), dtype=np.int64)
        else:
            made.starts[role] = np.zeros(len(regions), dtype=np.int64)
            made.counts[role] = np.ones(len(regions), dtype=np.int64)
    return made
