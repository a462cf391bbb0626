"""Draws who is treated where and when: patients, and their visits and stays of a month. All in order, so that no rule over visits fires.

Besides ordinary patients there are those that look like frauds and are none: monthly visits of the chronically ill, dialysis every other
day, cycles of chemotherapy, transfers between hospitals, families who come together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from sample_data.claims import diagnoses, places
from sample_data.claims.places import Institutions

VISIT, HERBS, URGENT, CHRONIC, PURCHASE, ONLINE, DAY_CASE, DIALYSIS, CHEMO, STAY = range(10)
"""What kind of claim."""

SETTINGS = ("outpatient", "outpatient", "emergency", "chronic", "pharmacy", "internet", "day_case", "chronic", "inpatient", "inpatient")
VISITS_A_MONTH = 0.95
STAYS_SHARE, CHRONIC_SHARE, DIALYSIS_SHARE, CHEMO_SHARE, TRANSFER_SHARE, FAMILY_SHARE = 0.075, 0.06, 0.001, 0.002, 0.0015, 0.015
BAD_SHARE = 0.5
"""Of the stays of a hospital that inflates: on a Saturday, two nights long, with twice as much of everything."""


@dataclass(frozen=True)
class Patients:
    """Columns of patients. born: days since 1970. group: as in ``diagnoses``. mark: a number of their own. share: 0 to 1, a household's."""

    id: np.ndarray
    born: np.ndarray
    female: np.ndarray
    region: np.ndarray
    group: np.ndarray
    mark: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Visits:
    """Columns of claims. patient, institution, diagnosis: places. sequence: number among the patient's. first, last: days, as born."""

    patient: np.ndarray
    kind: np.ndarray
    institution: np.ndarray
    first: np.ndarray
    last: np.ndarray
    diagnosis: np.ndarray
    sent: np.ndarray
    received: np.ndarray
    sequence: np.ndarray
    inflated: np.ndarray


def day_number(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def draw_patients(random: np.random.Generator, first_id: int, count: int, regions: int, as_of: date) -> Patients:
    """So many, with consecutive ids. Nobody is younger than 1 or from 14 to 17, where one limit or another begins."""
    group = random.choice(5, count, p=(0.13, 0.21, 0.25, 0.18, 0.23))
    child, older = group == diagnoses.CHILD, (group == diagnoses.OLDER_WOMAN) | (group == diagnoses.OLDER_MAN)
    years = np.where(
        child, random.uniform(1.2, 12.8, count), np.where(older, random.uniform(50.2, 88, count), random.uniform(20, 48, count))
    )
    female = np.where(child, random.random(count) < 0.48, (group == diagnoses.WOMAN) | (group == diagnoses.OLDER_WOMAN))
    region = random.integers(0, regions, count)
    families = np.arange(count) // 3 * 3
    return Patients(
        np.arange(first_id, first_id + count),
        (day_number(as_of) - years * 365.25).astype(np.int64),
        female,
        region[families],  # three in a row live together
        group,
        random.integers(0, 1 << 30, count),
        random.random(count)[families],
    )


def draw_visits(random: np.random.Generator, patients: Patients, institutions: Institutions, months: list[tuple[int, int]]) -> Visits:
    """The claims that end in the months, each given by its first and last day; by patient and day."""
    edges = np.cumsum([STAYS_SHARE * len(months), CHRONIC_SHARE, DIALYSIS_SHARE, CHEMO_SHARE, TRANSFER_SHARE, FAMILY_SHARE])
    who = np.searchsorted(edges, patients.share, side="right")
    which = random.integers(0, len(months), len(patients.id))
    parts: list[dict[str, np.ndarray]] = []
    for number, (first, last) in enumerate(months):
        of_month = which == number
        parts += [
            _stays(random, patients, institutions, np.flatnonzero((who == 0) & of_month), first, last),
            _chronic(patients, institutions, np.flatnonzero(who == 1), first),
            _dialysis(patients, institutions, np.flatnonzero(who == 2), first, last),
            _chemo(patients, institutions, np.flatnonzero(who == 3), first),
            _transfers(patients, institutions, np.flatnonzero((who == 4) & of_month), first),
            _families(patients, institutions, np.flatnonzero(who == 5), first) if number == len(months) - 1 else {},
            _ordinary(random, patients, institutions, np.flatnonzero((who == 6) | ((who == 0) & ~of_month)), first, last),
        ]
    return _in_order([part for part in parts if part])


def _part(
    patient: np.ndarray, kind: int | np.ndarray, institution: np.ndarray, first: np.ndarray, **more: np.ndarray
) -> dict[str, np.ndarray]:
    none = np.zeros(len(patient), dtype=bool)
    made = {"patient": patient, "kind": np.broadcast_to(kind, patient.shape), "institution": institution, "first": first, "last": first}
    return made | {"sent": none, "received": none, "inflated": none} | more


def _in_order(parts: list[dict[str, np.ndarray]]) -> Visits:
    joined = {name.name: np.concatenate([part[name.name] for part in parts]) for name in fields(Visits) if name.name != "sequence"}
    order = np.lexsort((joined["first"], joined["patient"]))
    joined = {name: values[order] for name, values in joined.items()}
    patient = joined["patient"]
    begins = np.flatnonzero(np.r_[True, patient[1:] != patient[:-1]]) if len(patient) else np.zeros(0, dtype=np.int64)
    lengths = np.diff(np.r_[begins, len(patient)])
    sequence = np.arange(len(patient)) - np.repeat(begins, lengths)
    return Visits(sequence=sequence, **joined)


def _hospital(patients: Patients, institutions: Institutions, who: np.ndarray, turn: int = 0) -> np.ndarray:
    mark = patients.mark[who] + turn
    role = np.where(mark % 3 == 0, places.TERTIARY, places.SECONDARY)
    near = institutions.choose(places.SECONDARY, patients.region[who], mark // 3)
    return np.where(role == places.TERTIARY, institutions.choose(places.TERTIARY, patients.region[who], mark // 3), near)


def _stays(
    random: np.random.Generator, patients: Patients, institutions: Institutions, who: np.ndarray, first: int, last: int
) -> dict[str, np.ndarray]:
    diagnosis = diagnoses.drawn(diagnoses.STAYS, patients.group[who], patients.mark[who] // 7)
    nights = np.maximum(2, np.rint(diagnoses.DAYS[diagnosis] * random.uniform(0.7, 1.3, len(who)))).astype(np.int64)
    place = _hospital(patients, institutions, who)
    ends = random.integers(first, last + 1, len(who))
    # nobody goes home on a Sunday (days since 1970: a Thursday)
    ends = np.where((ends + 3) % 7 == 6, np.where(ends > first, ends - 1, ends + 1), ends)
    inflated = institutions.bad[place] & (random.random(len(who)) < BAD_SHARE)
    saturday = np.clip(ends - (ends + 3 - 5) % 7, first, last - 2)
    nights, ends = np.where(inflated, 2, nights), np.where(inflated, saturday + 2, ends)
    return _part(who, STAY, place, ends - nights, last=ends, diagnosis=diagnosis, inflated=inflated)


def _chronic(patients: Patients, institutions: Institutions, who: np.ndarray, first: int) -> dict[str, np.ndarray]:
    mark = patients.mark[who]
    place = institutions.choose(places.COMMUNITY, patients.region[who], mark)
    diagnosis = np.where(mark % 2 == 0, diagnoses.PLACE["I10"], diagnoses.PLACE["E11.9"])
    grown = patients.group[who] != diagnoses.CHILD
    return _part(who[grown], CHRONIC, place[grown], (first + mark % 28)[grown], diagnosis=diagnosis[grown])


def _dialysis(patients: Patients, institutions: Institutions, who: np.ndarray, first: int, last: int) -> dict[str, np.ndarray]:
    who = who[patients.group[who] != diagnoses.CHILD]
    times = (last - first) // 2
    each = np.repeat(who, times)
    days = first + patients.mark[each] % 2 + np.tile(np.arange(times) * 2, len(who))
    place = institutions.choose(places.SECONDARY, patients.region[each], patients.mark[each])
    return _part(each, DIALYSIS, place, days, diagnosis=np.full(len(each), diagnoses.PLACE["N18.5"]))


def _chemo(patients: Patients, institutions: Institutions, who: np.ndarray, first: int) -> dict[str, np.ndarray]:
    who = who[patients.group[who] != diagnoses.CHILD]
    each = np.repeat(who, 3)
    begins = first + patients.mark[each] % 5 + np.tile(np.array([0, 7, 14]), len(who))
    place = institutions.choose(places.TERTIARY, patients.region[each], patients.mark[each])
    return _part(each, CHEMO, place, begins, last=begins + 2, diagnosis=np.full(len(each), -1))


def _transfers(patients: Patients, institutions: Institutions, who: np.ndarray, first: int) -> dict[str, np.ndarray]:
    who = who[patients.group[who] != diagnoses.CHILD]
    each = np.repeat(who, 2)
    second = np.tile(np.array([False, True]), len(who))
    middle = first + 8 + patients.mark[each] % 8
    region, mark = patients.region[each], patients.mark[each]
    place = np.where(second, institutions.choose(places.TERTIARY, region, mark), institutions.choose(places.SECONDARY, region, mark))
    diagnosis = np.where(patients.group[each] % 2 == 0, diagnoses.PLACE["I63.9"], diagnoses.PLACE["K80.2"])
    begins, ends = np.where(second, middle, middle - 4), np.where(second, middle + 7, middle)
    return _part(each, STAY, place, begins, last=ends, diagnosis=diagnosis, sent=~second, received=second)


def _families(patients: Patients, institutions: Institutions, who: np.ndarray, first: int) -> dict[str, np.ndarray]:
    oldest = who // 3 * 3
    mark = patients.mark[oldest]
    place = institutions.choose(places.COMMUNITY, patients.region[oldest], mark)
    both = [
        _part(who, VISIT, place, first + mark % 10 + turn * 12, diagnosis=np.full(len(who), diagnoses.PLACE["J06.9"])) for turn in (0, 1)
    ]
    return {name: np.concatenate([part[name] for part in both]) for name in both[0]}


def _ordinary(
    random: np.random.Generator, patients: Patients, institutions: Institutions, who: np.ndarray, first: int, last: int
) -> dict[str, np.ndarray]:
    each = np.repeat(who, random.poisson(VISITS_A_MONTH, len(who)))
    days = np.arange(first, last + 1)
    weight = np.array([1.5, 1.2, 1.1, 1.1, 1.1, 0.6, 0.4])[(days + 3) % 7]  # Monday first
    day = random.choice(days, len(each), p=weight / weight.sum())
    # one visit a day
    _, kept = np.unique(each * 100_000 + day, return_index=True)
    each, day = each[kept], day[kept]
    mark = random.integers(0, 1 << 30, len(each))
    region, home = patients.region[each], patients.mark[each]
    kind = np.searchsorted(np.cumsum([0.70, 0.05, 0.08, 0.0, 0.12, 0.02]), random.random(len(each)), side="right")
    kind = np.where((patients.group[each] == diagnoses.CHILD) & (kind == HERBS), VISIT, kind)
    diagnosis = diagnoses.drawn(diagnoses.VISITS, patients.group[each], mark)
    winter = np.isin((day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12), (0, 1, 10, 11))
    cold = winter & (mark % 5 == 0)
    diagnosis = np.where(cold, diagnoses.PLACE["J06.9"], diagnosis)
    diagnosis = np.where(kind == HERBS, diagnoses.PLACE["M54.5"], diagnosis)
    near = institutions.choose(places.COMMUNITY, region, home)
    larger = np.where(
        mark % 3 == 0, institutions.choose(places.TERTIARY, region, home), institutions.choose(places.SECONDARY, region, home)
    )
    small = institutions.choose(places.CLINIC, region, home)
    place = np.where(mark % 100 < 50, near, np.where(mark % 100 < 92, larger, small))
    place = np.where((kind == URGENT) | (kind == DAY_CASE), larger, place)
    place = np.where(kind == PURCHASE, institutions.choose(places.PHARMACY, region, home), place)
    place = np.where(kind == ONLINE, institutions.choose(places.INTERNET, region, home), place)
    return _part(each, kind, place, day, diagnosis=diagnosis)
