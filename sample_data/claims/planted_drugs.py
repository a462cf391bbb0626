"""Cases about drugs and herbs: H5, H6, H7, and rules 46, 76 and 77 of the national rule base; with what looks like them."""

from __future__ import annotations

from collections.abc import Callable

from sample_data.claims import items, places
from sample_data.claims.items import Item
from sample_data.claims.sower import Charge, Sower

Case = Callable[[Sower], None]
MANY_DRUGS, HERB_PRESCRIPTION, HERB_QUANTITY = "GZ10000202004000", "NB2025-76", "NB2025-77"


def _form(number: int, form: str) -> Item:
    """A drug of an ingredient of its own, in one of its forms."""
    return Item(f"XC08QQQ{600 + number % 90}{form}001010197{number % 90:03d}", f"试制同成分药{number % 90}", "western_drug", 2_600)


def early_refill(sow: Sower) -> None:
    """H5: thirty days of a drug, and thirty more after five."""
    person, drug = sow.person(), sow.drug()
    place = sow.place(places.COMMUNITY, person)
    first = sow.claim(person, 2, place=place, setting="chronic", diagnosis="I10", extra=[Charge(drug, 4, 30)])
    sow.expect("H5", sow.claim(person, 7, place=place, setting="chronic", diagnosis="I10", extra=[Charge(drug, 4, 30)]), first)


def refill_in_time(sow: Sower) -> None:
    """Four weeks of a drug, fetched again two days before they are over."""
    person, drug = sow.person(), sow.drug()
    place = sow.place(places.COMMUNITY, person)
    for day in (1, 27):
        sow.claim(person, day, place=place, setting="chronic", diagnosis="I10", extra=[Charge(drug, 4, 28)])


def everywhere_the_same(sow: Sower) -> None:
    """H6: one drug from five institutions."""
    person, drug = sow.person(), sow.drug()
    roles = (places.COMMUNITY, places.CLINIC, places.SECONDARY, places.COMMUNITY, places.CLINIC)
    made = [
        sow.claim(person, 1 + 6 * number, place=sow.place(role, person, number // 3), extra=[Charge(drug, 3, 6)])
        for number, role in enumerate(roles)
    ]
    sow.expect("H6", made[-1])


def two_places_of_one_drug(sow: Sower) -> None:
    """From the hospital once, later from the health centre."""
    person, drug = sow.person(), sow.drug()
    sow.claim(person, 2, place=sow.place(places.SECONDARY, person), extra=[Charge(drug, 1, 7)])
    for day in (10, 18):
        sow.claim(person, day, place=sow.place(places.COMMUNITY, person), extra=[Charge(drug, 1, 7)])


def one_ingredient_twice(sow: Sower) -> None:
    """H7: tablets and capsules of one ingredient for the same days."""
    person, number = sow.person(), sow.random.randrange(90)
    first = sow.claim(person, 4, extra=[Charge(_form(number, "A"), 2, 14)])
    sow.expect("H7", sow.claim(person, 6, extra=[Charge(_form(number, "E"), 2, 14)]), first)
    sow.allow("GZ10000301006000", person=person)


def form_changed(sow: Sower) -> None:
    """Capsules after the tablets are used up."""
    person, number = sow.person(), sow.random.randrange(90)
    sow.claim(person, 2, extra=[Charge(_form(number, "A"), 2, 10)])
    sow.claim(person, 15, extra=[Charge(_form(number, "E"), 2, 10)])


def many_drugs(sow: Sower) -> None:
    """Rule 46: nine drugs on one prescription."""
    claim = sow.claim(sow.person(), 12, extra=[Charge(sow.drug(), 1, 7, prescription="R1") for _ in range(9)])
    sow.expect(MANY_DRUGS, claim)


def five_drugs(sow: Sower) -> None:
    """Five drugs on one prescription, as many as there may be."""
    sow.claim(sow.person(), 12, extra=[Charge(sow.drug(), 1, 7, prescription="R1") for _ in range(5)])


def too_many_herbs(sow: Sower) -> None:
    """Rule 76: sixty herbs on one prescription."""
    charges = [Charge(item, 70, 7, prescription="R1") for item in items.HERB_LIST[:60]]
    claim = sow.claim(sow.person(), 12, department=places.CHINESE, diagnosis="M54.5", extra=charges)
    sow.expect(HERB_PRESCRIPTION, claim)


def herbs(sow: Sower) -> None:
    """Twelve herbs, a week of them."""
    charges = [Charge(item, 70, 7, prescription="R1") for item in items.HERB_LIST[:12]]
    sow.claim(sow.person(), 12, department=places.CHINESE, diagnosis="M54.5", extra=charges)


def too_much_of_a_herb(sow: Sower) -> None:
    """Rule 77: twenty kilograms of a herb for a week."""
    charges = [Charge(item, 70, 7, prescription="R1") for item in items.HERB_LIST[:10]]
    claim = sow.claim(
        sow.person(),
        12,
        department=places.CHINESE,
        diagnosis="M54.5",
        extra=[*charges, Charge(items.HERB_LIST[20], 20_000, 7, prescription="R1")],
    )
    sow.expect(HERB_QUANTITY, claim)
    sow.allow(HERB_PRESCRIPTION, person=claim.person)


CASES: dict[str, Case] = {
    "H5 early refill": early_refill,
    "H6 everywhere the same": everywhere_the_same,
    "H7 one ingredient twice": one_ingredient_twice,
    "N46 many drugs": many_drugs,
    "N76 too many herbs": too_many_herbs,
    "N77 too much of a herb": too_much_of_a_herb,
}
LOOKALIKES: dict[str, Case] = {
    "refill in time": refill_in_time,
    "two places of one drug": two_places_of_one_drug,
    "form changed": form_changed,
    "five drugs": five_drugs,
    "herbs": herbs,
}
