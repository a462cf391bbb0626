"""Draws what is billed at each visit, and gives claims and lines as Arrow tables in the shape that rules read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detection.claims.tables import SCHEMAS
from sample_data.claims import diagnoses, items, places, visits
from sample_data.claims.places import Institutions
from sample_data.claims.visits import Patients, Visits

_NAMES = pa.array([item.name for item in items.ITEMS])
_CODES = pa.array([item.code for item in items.ITEMS])
_CATEGORIES = pa.array([item.category for item in items.ITEMS])
_PRICES = np.array([item.fen for item in items.ITEMS])
_PRESCRIBED = np.array([item.category in {"western_drug", "patent_drug", "herb"} for item in items.ITEMS])
_WORKED_UP = np.array([item.category in {"laboratory", "examination", "western_drug"} for item in items.ITEMS])

_DRUG, _PATENT, _HERB, _LAB, _EXAM, _TREAT, _OPERATION, _MATERIAL = (
    items.first(listed)
    for listed in (
        items.DRUG_LIST,
        items.PATENT_LIST,
        items.HERB_LIST,
        items.LABORATORY_LIST,
        items.EXAMINATION_LIST,
        items.TREATMENT_LIST,
        items.OPERATION_LIST,
        items.MATERIAL_LIST,
    )
)
HERBS_A_PRESCRIPTION = 9
DRUGS_A_VISIT = 5
"""Numbers of drugs that one visit may use: of one patient no drug comes twice."""

MICROSECONDS_A_DAY = 86_400_000_000
UTC_OFFSET = 8 * 3_600_000_000
OPERATING = (places.SURGERY, places.BONES, places.EYES)
PROCEDURES = {places.SURGERY: "54.11", places.BONES: "78.60", places.EYES: "13.41"}


@dataclass(frozen=True)
class _Part:
    """Lines of some visits. visit, item: places; day: of the visit, from 0; days: that a drug lasts, 0 for none."""

    visit: np.ndarray
    item: np.ndarray
    quantity: np.ndarray
    day: np.ndarray
    days: np.ndarray


def _grid(who: np.ndarray, columns: list[tuple[np.ndarray | int, np.ndarray | float, int, np.ndarray | bool]], day: int = 0) -> _Part:
    """Lines of visits from columns of (item, quantity, days, whether it is billed)."""
    count, wide = len(who), len(columns)
    item, quantity, days = np.zeros((count, wide), dtype=np.int64), np.zeros((count, wide)), np.zeros((count, wide), dtype=np.int64)
    there = np.zeros((count, wide), dtype=bool)
    for place, (of, many, lasts, billed) in enumerate(columns):
        item[:, place], quantity[:, place], days[:, place], there[:, place] = of, many, lasts, billed
    kept = there.ravel()
    each = np.repeat(who, wide)[kept]
    return _Part(each, item.ravel()[kept], quantity.ravel()[kept], np.full(len(each), day), days.ravel()[kept])


def _parts(random: np.random.Generator, seen: Visits, patients: Patients) -> list[_Part]:
    mark = patients.mark[seen.patient] + seen.sequence * 131
    drugs = patients.mark[seen.patient] * 37 + seen.sequence * DRUGS_A_VISIT
    chance = random.random((len(seen.patient), 6))

    def drug(who: np.ndarray, slot: int) -> np.ndarray:
        return np.asarray(_DRUG + (drugs[who] + slot) % items.DRUGS)

    def of(kind: int) -> np.ndarray:
        return np.flatnonzero(seen.kind == kind)

    made = []
    for kind, consultation in (
        (visits.VISIT, items.CONSULTATION),
        (visits.URGENT, items.EMERGENCY_CONSULTATION),
        (visits.CHRONIC, items.CONSULTATION),
        (visits.ONLINE, items.ONLINE_CONSULTATION),
    ):
        who = of(kind)
        lasts = 28 if kind == visits.CHRONIC else 7
        short = kind in {visits.CHRONIC, visits.ONLINE}
        urgent = kind == visits.URGENT
        made.append(
            _grid(
                who,
                [
                    (items.PLACE[consultation.code], 1, 0, True),
                    (drug(who, 0), 2, lasts, chance[who, 0] < 0.85),
                    (drug(who, 1), 1, lasts, chance[who, 1] < 0.6),
                    (_PATENT + mark[who] % items.PATENT_DRUGS, 1, lasts, (chance[who, 2] < 0.2) & (not short) & (seen.sequence[who] == 0)),
                    (_LAB + mark[who] % items.LABORATORY, 1, 0, (chance[who, 3] < 0.45) & (not short)),
                    (_EXAM + mark[who] % len(items.EXAMINATION_LIST), 1, 0, (chance[who, 4] < 0.3) & (not short)),
                    (_TREAT + mark[who] % items.TREATMENTS, 1, 0, (chance[who, 5] < (0.8 if urgent else 0.25)) & (not short)),
                ],
            )
        )
    herbs = of(visits.HERBS)
    columns: list[tuple[np.ndarray | int, np.ndarray | float, int, np.ndarray | bool]] = [
        (_HERB + (mark[herbs] + 7 * slot) % items.HERBS, 70.0, 7, True) for slot in range(HERBS_A_PRESCRIPTION)
    ]
    made.append(_grid(herbs, [(items.PLACE[items.CONSULTATION.code], 1, 0, True), *columns]))
    who = of(visits.PURCHASE)
    made.append(_grid(who, [(drug(who, 0), 2, 7, True), (drug(who, 1), 1, 7, chance[who, 0] < 0.5)]))
    who = of(visits.DAY_CASE)
    made.append(
        _grid(
            who,
            [
                (items.PLACE[items.CONSULTATION.code], 1, 0, True),
                (_LAB + mark[who] % items.LABORATORY, 1, 0, True),
                (_TREAT + mark[who] % items.TREATMENTS, 1, 0, True),
                (_MATERIAL + mark[who] % items.MATERIALS, 1, 0, True),
                (drug(who, 0), 1, 3, True),
            ],
        )
    )
    who = of(visits.DIALYSIS)
    made.append(_grid(who, [(items.PLACE[items.DIALYSIS.code], 1, 0, True), (_MATERIAL + mark[who] % items.MATERIALS, 1, 0, True)]))
    made += _of_stays(random, seen, mark, drugs)
    return [part for part in made if len(part.visit)]


def _of_stays(random: np.random.Generator, seen: Visits, mark: np.ndarray, drugs: np.ndarray) -> list[_Part]:
    staying = np.flatnonzero((seen.kind == visits.STAY) | (seen.kind == visits.CHEMO))
    nights = seen.last[staying] - seen.first[staying]
    made = []
    for day in range(int(nights.max(initial=-1)) + 1):
        there = nights >= day
        who, home = staying[there], (nights == day)[there]
        operated = np.isin(diagnoses.DEPARTMENT[seen.diagnosis[who]], OPERATING) & (day == 1) & (seen.kind[who] == visits.STAY)
        columns: list[tuple[np.ndarray | int, np.ndarray | float, int, np.ndarray | bool]] = [
            (items.PLACE[items.BED.code], 1, 0, ~home),
            (items.PLACE[items.NURSING.code], 1, 0, ~home),
            (items.PLACE[items.ROUND.code], 1, 0, True),
            (items.PLACE[items.INFUSION.code], 1, 0, True),
            *((_DRUG + (drugs[who] + slot) % items.DRUGS, 1.0 + slot, 1, random.random(len(who)) < 0.9) for slot in range(3)),
            (_LAB + (mark[who] + day) % items.LABORATORY, 1, 0, random.random(len(who)) < 0.6),
            (_LAB + (mark[who] + day + 9) % items.LABORATORY, 1, 0, day == 0),
            (_EXAM + mark[who] % len(items.EXAMINATION_LIST), 1, 0, day == 0),
            (_TREAT + mark[who] % items.TREATMENTS, 1, 0, random.random(len(who)) < 0.5),
            (_OPERATION + diagnoses.DEPARTMENT[seen.diagnosis[who]] % items.OPERATIONS, 1, 0, operated),
            (_MATERIAL + mark[who] % items.MATERIALS, 1, 0, operated),
        ]
        made.append(_grid(who, columns, day))
    return made


def _used_rightly(item: np.ndarray, visit: np.ndarray, seen: Visits, patients: Patients, institutions: Institutions) -> np.ndarray:
    """Some drugs of which the province's points say who may have them, given to those who may."""
    first_drug = (item >= _DRUG) & (item < _DRUG + items.DRUGS) & (seen.sequence[visit] == 0) & ((item + visit) % 12 == 0)
    patient = seen.patient[visit]
    group, role = patients.group[patient], institutions.roles[seen.institution[visit]]
    stay = (seen.kind[visit] == visits.STAY) & (seen.last[visit] > seen.first[visit])
    choice = visit % 3
    to = np.where(
        stay & (choice == 0),
        items.PLACE[items.WARD_DRUG.code],
        np.where(
            (role <= places.SECONDARY) & (choice == 1),
            items.PLACE[items.GRADED_DRUG.code],
            np.select(
                [group == diagnoses.CHILD, patients.female[patient]],
                [items.PLACE[items.CHILD_DRUG.code], items.PLACE[items.WOMEN_DRUG.code]],
                items.PLACE[items.MEN_DRUG.code],
            ),
        ),
    )
    return np.where(first_drug, to, item)


def draw(
    random: np.random.Generator, seen: Visits, patients: Patients, institutions: Institutions, first_claim: int, first_line: int
) -> tuple[pa.Table, pa.Table]:
    """(claims, lines by claim) of the visits; ids from the given ones."""
    parts = _parts(random, seen, patients)
    visit = np.concatenate([part.visit for part in parts])
    order = np.argsort(visit, kind="stable")
    visit = visit[order]
    item, quantity, day, days = (
        np.concatenate([getattr(part, name) for part in parts])[order] for name in ("item", "quantity", "day", "days")
    )
    kept = _used_rightly(item, visit, seen, patients, institutions)
    # of one claim each of these drugs once: the others are what they were
    swapped = np.flatnonzero(kept != item)
    _, once = np.unique(visit[swapped], return_index=True)
    item = item.copy()
    item[swapped[once]] = kept[swapped[once]]
    more = seen.inflated[visit] & _WORKED_UP[item]
    doctor = _doctors(seen, institutions)
    greedy = institutions.bad_doctor[seen.institution] & (doctor[0] == 0) & (doctor[1] == 0)
    quantity = np.where(more | (greedy[visit] & _WORKED_UP[item]), quantity * 2, quantity)
    amount = np.rint(quantity * _PRICES[item]).astype(np.int64)
    fund = amount * np.where(np.isin(seen.kind[visit], (visits.STAY, visits.CHEMO)), 70, 50) // 100
    counts = np.bincount(visit, minlength=len(seen.patient))
    number = np.arange(len(visit)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    claims = _claims(random, seen, patients, institutions, doctor, first_claim, amount, fund, visit)
    claim_id = first_claim + visit
    prescribed = _PRESCRIBED[item]
    ids = pa.array(claim_id).cast(pa.string())
    prescription = pc.if_else(pa.array(prescribed), pc.binary_join_element_wise(ids, pa.array(day).cast(pa.string()), "-"), None)
    charged = seen.first[visit] + day
    executed = charged * MICROSECONDS_A_DAY + 2 * 3_600_000_000
    who = pa.array(visit)
    columns = {
        "id": pa.array(np.arange(first_line, first_line + len(visit))),
        "claim_id": pa.array(claim_id),
        "number": pa.array(number),
        "item_code": _CODES.take(pa.array(item)),
        "item_name": _NAMES.take(pa.array(item)),
        "category": _CATEGORIES.take(pa.array(item)),
        "quantity": pa.array(quantity),
        "days": pa.array(days, mask=days == 0),
        "unit_price_fen": pa.array(_PRICES[item]),
        "amount_fen": pa.array(amount),
        "fund_fen": pa.array(fund),
        "charged_on": pa.array(charged.astype("datetime64[D]")),
        "executed_at": pa.array(executed).cast(SCHEMAS["line"].field("executed_at").type),
        "executed_quantity": pa.array(quantity, mask=item % 10 == 0),
        "doctor": claims["doctor"].combine_chunks().take(who),
        "department": claims["department"].combine_chunks().take(who),
        "prescription": prescription,
    }
    return claims, pa.table(columns).cast(SCHEMAS["line"])


def _doctors(seen: Visits, institutions: Institutions) -> tuple[np.ndarray, np.ndarray]:
    """(department, number of the doctor in it) of each visit."""
    department = diagnoses.DEPARTMENT[seen.diagnosis]
    department = np.where(seen.kind == visits.CHEMO, places.TUMOURS, department)
    department = np.where(seen.kind == visits.HERBS, places.CHINESE, department)
    department = np.where(seen.kind == visits.URGENT, places.EMERGENCY, department)
    many = np.array([places.DOCTORS[level] for level in institutions.levels])[seen.institution]
    return department, (seen.patient * 7 + seen.sequence + seen.first) % many


def _claims(
    random: np.random.Generator,
    seen: Visits,
    patients: Patients,
    institutions: Institutions,
    doctor: tuple[np.ndarray, np.ndarray],
    first_claim: int,
    amount: np.ndarray,
    fund: np.ndarray,
    visit: np.ndarray,
) -> pa.Table:
    count = len(seen.patient)
    ids = np.arange(first_claim, first_claim + count)
    total = np.bincount(visit, weights=amount, minlength=count).astype(np.int64)
    paid = np.bincount(visit, weights=fund, minlength=count).astype(np.int64)
    stays = (seen.kind == visits.STAY) | (seen.kind == visits.CHEMO)
    shop = seen.kind == visits.PURCHASE
    codes = np.array(diagnoses.CODES, dtype=object)[seen.diagnosis]
    chemo = seen.kind == visits.CHEMO
    principal = np.where(chemo, "Z51.1", codes)
    drg = np.array([one.drg for one in diagnoses.DIAGNOSES], dtype=object)[seen.diagnosis]
    drg = np.where(chemo, "RE19", drg)
    hour = np.where(seen.kind == visits.URGENT, random.integers(19, 23, count), random.integers(8, 17, count))
    settled = seen.last * MICROSECONDS_A_DAY + hour * 3_600_000_000 + random.integers(0, 3_600, count) * 1_000_000 - UTC_OFFSET
    own = patients.mark[seen.patient] % 10
    scheme = np.where((patients.group[seen.patient] == diagnoses.CHILD) | (own < 6), "resident_medical", "employee_medical")
    listed = [[str(code), "C50.9"] if sick else [str(code)] for code, sick in zip(principal.tolist(), chemo.tolist(), strict=True)]
    operated = stays & ~chemo & np.isin(diagnoses.DEPARTMENT[seen.diagnosis], OPERATING)
    done = [
        [PROCEDURES[int(place)]] if cut else []
        for place, cut in zip(diagnoses.DEPARTMENT[seen.diagnosis].tolist(), operated.tolist(), strict=True)
    ]
    shops = pa.array(shop)
    institution_codes = pa.array([code[1:] for code in institutions.codes]).take(pa.array(seen.institution))
    two = pa.array([f"{number:02d}" for number in range(100)])
    doctors = pc.binary_join_element_wise("D", institution_codes, two.take(pa.array(doctor[0])), two.take(pa.array(doctor[1])), "")
    departments = pa.array(places.DEPARTMENTS).take(pa.array(doctor[0]))
    checked = random.random(count) < 0.3
    stamp = SCHEMAS["claim"].field("settled_at").type
    columns = {
        "id": pa.array(ids),
        "person_id": pa.array(patients.id[seen.patient]),
        "institution_id": pa.array(seen.institution + 1),
        "reference": pc.binary_join_element_wise("M", pa.array(ids).cast(pa.string()), ""),
        "setting": pa.array(visits.SETTINGS).take(pa.array(seen.kind)),
        "scheme": pa.array(scheme),
        "department": pc.if_else(shops, None, departments),
        "doctor": pc.if_else(shops, None, doctors),
        "from_date": pa.array(seen.first.astype("datetime64[D]")),
        "to_date": pa.array(seen.last.astype("datetime64[D]")),
        "settled_at": pa.array(settled).cast(stamp),
        "uploaded_at": pa.array(settled + random.integers(60, 36_000, count) * 1_000_000).cast(stamp),
        "principal_diagnosis": pa.array(principal.astype(str)),
        "diagnoses": pa.array(listed, pa.list_(pa.string())),
        "procedures": pa.array(done, pa.list_(pa.string())),
        "hospital_acquired": pa.array([[]] * count, pa.list_(pa.string())),
        "drg": pc.if_else(pa.array(stays), pa.array(drg.astype(str)), None),
        "transferred_in": pc.if_else(pa.array(stays), pa.array(seen.received), None),
        "discharge_way": pc.if_else(pa.array(stays), pc.if_else(pa.array(seen.sent), "transfer", "home"), None),
        "identity_check": pc.if_else(pa.array(checked), "passed", None),
        "total_fen": pa.array(total),
        "fund_fen": pa.array(paid),
        "own_fen": pa.array(total - paid),
    }
    return pa.table(columns).cast(SCHEMAS["claim"])
