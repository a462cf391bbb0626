"""Cases about whole hospitals: the statistics of the national rule base (rules 56 to 63)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sample_data.claims import items
from sample_data.claims.items import Item
from sample_data.claims.planted_stays import LOW_STANDARD
from sample_data.claims.sower import Charge, Sower

Case = Callable[[Sower], None]
STAYS = 60
DRUG, WORK_UP, MATERIAL, TREATMENT, CT, MRI, INFECTIONS, READMISSIONS = (f"ZB1000020500{number}000" for number in range(1, 9))
_DIAGNOSES = ("K29.5", "J18.9", "M51.2", "N20.0", "I25.1", "E11.9")
_H14 = "H14"


def _stays(sow: Sower, place: int, more: Sequence[tuple[Item, float]], **columns: object) -> None:
    for number in range(STAYS):
        person = sow.person()
        charges = [Charge(item, quantity, 5 if item.category == "western_drug" else None, day=1) for item, quantity in more]
        stay = sow.stay(person, number % 20 + 2, 5, place=place, diagnosis=_DIAGNOSES[number % 6], extra=charges, **columns)
        sow.allow(_H14, LOW_STANDARD, person=stay.person)


def _of(code: str, *more: tuple[Item, float], allowed: tuple[str, ...] = (), **columns: object) -> Case:
    def sow_it(sow: Sower) -> None:
        place, hospital = sow.hospital()
        sow.expect(code, hospital=hospital)
        sow.allow(*{DRUG, WORK_UP, MATERIAL, TREATMENT, CT, MRI, INFECTIONS, READMISSIONS} & set(allowed), hospital=hospital)
        _stays(sow, place, more, **columns)

    return sow_it


def readmissions(sow: Sower) -> None:
    """Rule 63: every second patient comes back within a month, for something else than before so that no stay is split."""
    place, hospital = sow.hospital()
    sow.expect(READMISSIONS, hospital=hospital)
    for number in range(STAYS):
        person = sow.person()
        sow.stay(person, number % 4, 4, place=place, diagnosis="J18.9")
        if number % 2:
            sow.stay(person, number % 4 + 16, 4, place=place, diagnosis="J18.9")


CASES: dict[str, Case] = {
    "N56 share of drugs": _of(DRUG, (items.DRUG_LIST[40], 400)),
    "N57 share of examinations": _of(WORK_UP, (items.EXAMINATION_LIST[3], 40), (items.LABORATORY_LIST[3], 60)),
    "N58 share of materials": _of(MATERIAL, (items.MATERIAL_LIST[3], 60)),
    "N59 share of treatments": _of(TREATMENT, (items.TREATMENT_LIST[3], 120)),
    "N60 share of CT": _of(CT, (items.CT, 6), allowed=(WORK_UP,)),
    "N61 share of MRI": _of(MRI, (items.MRI, 5), allowed=(WORK_UP,)),
    "N62 infections": _of(INFECTIONS, hospital_acquired=["J18.0"]),
    "N63 readmissions": readmissions,
}
