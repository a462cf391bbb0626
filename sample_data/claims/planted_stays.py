"""Cases about stays: H1, H2, H3, H12, H14, H15, and rules 42, 52 and 53 of the national rule base; with what looks like them."""

from __future__ import annotations

from collections.abc import Callable

from sample_data.claims import items, places
from sample_data.claims.sower import Charge, Sower

Case = Callable[[Sower], None]
CHARGE_DAY, FREQUENT_STAYS, LOW_STANDARD = "GZ10000201008000", "GZ10000204004000", "GZ10000204005000"


def split_stay(sow: Sower) -> None:
    """H1: discharged and admitted again after three days for the same."""
    person = sow.person()
    first = sow.stay(person, 2, 6)
    sow.expect("H1", sow.stay(person, 11, 5), first)


def split_stay_elsewhere(sow: Sower) -> None:
    """H1: on the next day by another hospital, from one month into the next."""
    person = sow.person()
    first = sow.stay(person, -8, 7, diagnosis="M51.2")
    again = sow.stay(person, 0, 9, diagnosis="M51.2", place=sow.place(places.TERTIARY, person))
    sow.expect("H1", again, first)


def treated_on_later(sow: Sower) -> None:
    """Three weeks between."""
    person = sow.person()
    sow.stay(person, -3, 5)
    sow.stay(person, 23, 5)


def another_illness(sow: Sower) -> None:
    """Admitted again soon, for something else."""
    person = sow.person()
    sow.stay(person, 2, 6, diagnosis="K29.5")
    sow.stay(person, 11, 6, diagnosis="S52.5")


def chemotherapy(sow: Sower) -> None:
    """Cycles, a week apart."""
    person = sow.person()
    for day in (1, 8, 15):
        sow.stay(person, day, 2, diagnosis="Z51.1", others=("C50.9",), place=sow.place(places.TERTIARY, person), department=places.TUMOURS)


def transfer(sow: Sower) -> None:
    """Sent from one hospital to a larger one on the same day."""
    person = sow.person()
    sow.stay(person, 4, 3, diagnosis="I63.9", discharge_way="transfer")
    sow.stay(person, 7, 10, diagnosis="I63.9", place=sow.place(places.TERTIARY, person), transferred_in=True)


def visit_inside_stay(sow: Sower) -> None:
    """H2: treated elsewhere as an outpatient on the fourth day of a stay."""
    person = sow.person()
    stay = sow.stay(person, 5, 8)
    visit = sow.claim(person, 9, place=sow.place(places.COMMUNITY, person), extra=[Charge(sow.drug(), 1, 5)])
    sow.expect("H2", visit, stay)


def empty_bed(sow: Sower) -> None:
    """H2: six nights of bed and nursing alone."""
    lines = [Charge(item, day=day) for day in range(6) for item in (items.BED, items.NURSING)]
    stay = sow.stay(sow.person(), 8, 6, lines=lines)
    sow.expect("H2", stay)
    sow.allow(LOW_STANDARD, person=stay.person)


def visit_on_admission_day(sow: Sower) -> None:
    """Seen in the morning and admitted the same day; a control visit on the day of discharge."""
    person = sow.person()
    place = sow.place(places.SECONDARY, person)
    sow.claim(person, 6, place=place)
    sow.stay(person, 6, 6, place=place)
    sow.claim(person, 12, place=place, hour=15)


def quiet_weekend(sow: Sower) -> None:
    """Two days of a stay without treatment."""
    lines = [charge for charge in sow.care(7) if charge.day not in {3, 4} or charge.item in {items.BED, items.NURSING}]
    sow.stay(sow.person(), 8, 7, lines=lines)


def two_hospitals_at_once(sow: Sower) -> None:
    """H3: in bed in two hospitals."""
    person = sow.person()
    first = sow.stay(person, 3, 9, diagnosis="M51.2")
    second = sow.stay(person, 7, 10, diagnosis="I25.1", place=sow.place(places.TERTIARY, person))
    sow.expect("H3", first, second)


def more_nights_than_there_were(sow: Sower) -> None:
    """H12: twelve days of a bed in five nights."""
    lines = [charge for charge in sow.care(5) if charge.item != items.BED]
    stay = sow.stay(sow.person(), 8, 5, lines=[*lines, Charge(items.BED, 12)])
    sow.expect("H12", stay)


def nights_on_one_line(sow: Sower) -> None:
    """All nights of a stay on one line, as many as there were."""
    lines = [charge for charge in sow.care(5) if charge.item != items.BED]
    sow.stay(sow.person(), 8, 5, lines=[*lines, Charge(items.BED, 5)])


def dear_stay(sow: Sower) -> None:
    """H14: some eighty times what such stays cost."""
    stay = sow.stay(sow.person(), 8, 6, extra=[Charge(items.MATERIAL_LIST[3], 300, fen=60_000)])
    sow.expect("H14", stay)


def somewhat_dear_stay(sow: Sower) -> None:
    """Half as much again as others."""
    sow.stay(sow.person(), 8, 7, extra=[Charge(items.TREATMENT_LIST[2], 6)])


def billed_over_executed(sow: Sower) -> None:
    """H15: ten billed, six done."""
    stay = sow.stay(sow.person(), 8, 5, extra=[Charge(items.TREATMENT_LIST[4], 10, executed=6)])
    sow.expect("H15", stay)


def billed_as_executed(sow: Sower) -> None:
    """As many as were done; of others nobody wrote down how many."""
    sow.stay(sow.person(), 8, 5, extra=[Charge(items.TREATMENT_LIST[4], 10, executed=10), Charge(items.TREATMENT_LIST[5], 3)])


def charged_after_discharge(sow: Sower) -> None:
    """Rule 42: a charge nine days after the discharge."""
    stay = sow.stay(sow.person(), 4, 5, extra=[Charge(items.TREATMENT_LIST[6], day=14)])
    sow.expect(CHARGE_DAY, stay)


def charged_on_discharge_day(sow: Sower) -> None:
    """A charge on the last day of the stay."""
    sow.stay(sow.person(), 4, 5, extra=[Charge(items.TREATMENT_LIST[6], day=5)])


def many_stays(sow: Sower) -> None:
    """Rule 52: twelve stays within a year."""
    person = sow.person()
    codes = ("K29.5", "J18.9", "M51.2", "N20.0", "I25.1", "E11.9")
    last, place = sow.random.randint(2, 22), sow.spread(places.SECONDARY)
    made = [sow.stay(person, last - 27 * back, 6, diagnosis=codes[back % 6], place=place) for back in range(12, -1, -1)]
    sow.expect(FREQUENT_STAYS, made[-1])


def some_stays(sow: Sower) -> None:
    """Two stays within a year."""
    person = sow.person()
    sow.stay(person, -150, 6)
    sow.stay(person, 12, 6)


def only_examined(sow: Sower) -> None:
    """Rule 53: a stay of two nights with examinations and nothing else."""
    lines = [Charge(item, day=day) for day in (0, 1) for item in (items.BED, items.NURSING, items.ROUND)]
    lines += [Charge(item) for item in (*items.EXAMINATION_LIST[:4], *items.LABORATORY_LIST[:8])]
    stay = sow.stay(sow.person(), 8, 2, lines=lines)
    sow.expect(LOW_STANDARD, stay)


CASES: dict[str, Case] = {
    "H1 split stay": split_stay,
    "H1 split stay elsewhere": split_stay_elsewhere,
    "H2 visit inside a stay": visit_inside_stay,
    "H2 empty bed": empty_bed,
    "H3 two hospitals at once": two_hospitals_at_once,
    "H12 more nights than there were": more_nights_than_there_were,
    "H14 dear stay": dear_stay,
    "H15 billed over executed": billed_over_executed,
    "N42 charged after discharge": charged_after_discharge,
    "N52 many stays": many_stays,
    "N53 only examined": only_examined,
}
LOOKALIKES: dict[str, Case] = {
    "treated on later": treated_on_later,
    "another illness": another_illness,
    "chemotherapy": chemotherapy,
    "transfer": transfer,
    "visit on the day of admission": visit_on_admission_day,
    "quiet weekend": quiet_weekend,
    "nights on one line": nights_on_one_line,
    "somewhat dear stay": somewhat_dear_stay,
    "billed as executed": billed_as_executed,
    "charged on the day of discharge": charged_on_discharge_day,
    "some stays": some_stays,
}
