"""Cases about who came where and when, and about the claim's own data: H4, H13, H16, H17, and rules 35 to 38, 41, 51, 54 and 55."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sample_data.claims import items, places
from sample_data.claims.sower import Charge, Sower

Case = Callable[[Sower], None]
LIST_DATA, LINE_DATA, DIAGNOSIS_CODE, PROCEDURE_CODE, UPLOAD = (f"GZ1000020100{number}000" for number in (1, 2, 3, 4, 7))
FREQUENT_PURCHASES, DIAGNOSIS_SEX, DIAGNOSIS_AGE = "GZ10000204003000", "GZ10000204006000", "GZ10000204007000"
CROWD, TIMES = 5, 9
CAP_FEN = 25_000_000


def many_visits_a_day(sow: Sower) -> None:
    """H4: six visits on one day."""
    person = sow.person()
    place = sow.place(places.SECONDARY, person)
    made = [sow.claim(person, 14, place=place, department=number, hour=8 + 1.4 * number) for number in range(6)]
    sow.expect("H4", made[-1])


def many_visits_a_month(sow: Sower) -> None:
    """H4: a visit on 26 days of a month."""
    person = sow.person()
    place = sow.spread(places.COMMUNITY)
    made = [sow.claim(person, day, place=place) for day in range(1, 27)]
    sow.expect("H4", made[-1])
    sow.allow("H17", person=person)


def three_departments(sow: Sower) -> None:
    """Sent through three departments on one day."""
    person = sow.person()
    place = sow.place(places.SECONDARY, person)
    for number in range(3):
        sow.claim(person, 14, place=place, department=number, hour=8 + 2 * number)


def course_of_rehabilitation(sow: Sower) -> None:
    """Twelve visits a month for one course of treatment."""
    person = sow.person()
    place = sow.spread(places.CLINIC)
    for day in sorted(sow.random.sample(range(30), 12)):
        sow.claim(person, day, place=place, department=places.REHABILITATION, diagnosis="M51.2", extra=[Charge(items.REHABILITATION)])


def dialysis(sow: Sower) -> None:
    """Twenty-two dialyses a month."""
    person = sow.person()
    place = sow.place(places.SECONDARY, person)
    for day in range(22):
        sow.claim(
            person,
            day,
            place=place,
            setting="chronic",
            department=places.KIDNEYS,
            diagnosis="N18.5",
            others=("Z49.1",),
            extra=[Charge(items.DIALYSIS)],
        )


def two_places_in_ten_minutes(sow: Sower) -> None:
    """H13: settled in two institutions ten minutes apart."""
    person = sow.person()
    first = sow.claim(person, 12, place=sow.place(places.SECONDARY, person), hour=10.0)
    second = sow.claim(person, 12, place=sow.place(places.COMMUNITY, person), hour=10.17)
    sow.expect("H13", first, second)


def check_failed(sow: Sower) -> None:
    """H13: the institution reports that the identity check failed."""
    sow.expect("H13", sow.claim(sow.person(), 12, identity_check="failed"))


def check_at_admission_failed(sow: Sower) -> None:
    """H13: the identity check of the certification store said no match during the stay."""
    person = sow.person()
    stay = sow.stay(person, 8, 6)
    sow.check(person, stay.place, 9, "no_match")
    sow.expect("H13", stay)


def treated_after_death(sow: Sower) -> None:
    """H13: a visit three weeks after the death."""
    person = sow.person(days_old=(70 * 365, 85 * 365))
    sow.evidence(person, "death_record", -6)
    sow.expect("H13", sow.claim(person, 15, extra=[Charge(sow.drug(), 2, 7)]))


def treated_in_custody(sow: Sower) -> None:
    """H13: a visit in the middle of a custody."""
    person = sow.person("male")
    sow.evidence(person, "custody", -40, until=60)
    sow.expect("H13", sow.claim(person, 15))


def two_places_in_a_morning(sow: Sower) -> None:
    """The pharmacy an hour and a half after the doctor."""
    person = sow.person()
    sow.claim(person, 12, place=sow.place(places.COMMUNITY, person), hour=9)
    sow.claim(person, 12, place=sow.place(places.PHARMACY, person), setting="pharmacy", hour=10.5, extra=[Charge(sow.drug(), 1, 7)])


def died_in_hospital(sow: Sower) -> None:
    """A stay that ended with the death and was settled on that day."""
    person = sow.person(days_old=(70 * 365, 85 * 365))
    sow.stay(person, 4, 7, discharge_way="died")
    sow.evidence(person, "death_record", 11)


def check_passed(sow: Sower) -> None:
    """Checked and recognised."""
    person = sow.person()
    stay = sow.stay(person, 8, 6, identity_check="passed")
    sow.check(person, stay.place, 9, "match")


def cap_used_up(sow: Sower) -> None:
    """H16: the year's cap nearly used up by stays far apart."""
    person = sow.person()
    times = min(4, sow.first.month)
    dear = [Charge(items.MATERIAL_LIST[5], 10, fen=round(CAP_FEN * 1.1 / times / 7))]  # of stays the fund pays seven tenths
    made = []
    for back in range(times - 1, -1, -1):
        made.append(sow.stay(person, 10 - 30 * back, 6, diagnosis=("K80.2", "M17.9", "I25.1", "N20.0")[back], extra=dear))
    sow.expect("H16", made[-1])
    sow.allow("H14", "GZ10000204004000", person=person)


def crowd(sow: Sower) -> None:
    """H17: five people who come on the same days again and again."""
    region = sow.random.randrange(3)
    people = [sow.person(region=region) for _ in range(CROWD)]
    place = sow.place(places.COMMUNITY, people[0], sow.random.randrange(4))
    for day in range(1, 1 + 3 * TIMES, 3):
        made = [sow.claim(person, day, place=place, hour=9 + 0.1 * number) for number, person in enumerate(people)]
    for person, claim in zip(people, made, strict=True):
        sow.expect("H17", claim, person=person)


def family(sow: Sower) -> None:
    """Parents and two children who come together twice."""
    region = sow.random.randrange(3)
    people = [sow.person(sex, (30 * 365, 38 * 365), region) for sex in ("female", "male")]
    people += [sow.person(None, (4 * 365, 9 * 365), region) for _ in range(2)]
    place = sow.place(places.COMMUNITY, people[0])
    for day in (5, 19):
        for number, person in enumerate(people):
            sow.claim(person, day, place=place, diagnosis="J06.9", hour=9 + 0.2 * number)


def without_diagnosis(sow: Sower) -> None:
    """Rule 35: a stay whose list has no diagnosis at all."""
    stay = sow.stay(sow.person(), 8, 5, principal_diagnosis=None, diagnoses=[])
    sow.expect(LIST_DATA, stay)
    sow.allow(DIAGNOSIS_CODE, person=stay.person)


def amount_is_not_the_product(sow: Sower) -> None:
    """Rule 36: a line whose amount is twice quantity times price."""
    item = items.TREATMENT_LIST[3]
    claim = sow.claim(sow.person(), 12, extra=[Charge(item, 3, amount=6 * item.fen)])
    sow.expect(LINE_DATA, claim)


def no_code_of_a_disease(sow: Sower) -> None:
    """Rule 37: a diagnosis that is no code."""
    sow.expect(DIAGNOSIS_CODE, sow.stay(sow.person(), 8, 5, principal_diagnosis="999", diagnoses=["999"]))


def no_code_of_a_procedure(sow: Sower) -> None:
    """Rule 38: a procedure that is no code."""
    sow.expect(PROCEDURE_CODE, sow.stay(sow.person(), 8, 5, procedures=("XYZ",)))


def uploaded_late(sow: Sower) -> None:
    """Rule 41: it reached the agency forty days after it was settled."""
    claim = sow.claim(sow.person(), 8)
    row = sow.rows["claim"][-1]
    row["uploaded_at"] = row["settled_at"] + timedelta(days=40)
    sow.expect(UPLOAD, claim)


def uploaded_next_day(sow: Sower) -> None:
    """Uploaded in the night after."""
    sow.claim(sow.person(), 8)
    row = sow.rows["claim"][-1]
    row["uploaded_at"] = row["settled_at"] + timedelta(hours=14)


def many_purchases(sow: Sower) -> None:
    """Rule 51: a pharmacy every day."""
    person = sow.person()
    place = sow.spread(places.PHARMACY)
    made = [sow.claim(person, day, place=place, setting="pharmacy", extra=[Charge(sow.drug(), 1, 5)]) for day in range(28)]
    sow.expect(FREQUENT_PURCHASES, made[-1])
    sow.allow("H6", "H17", person=person)


def two_purchases(sow: Sower) -> None:
    """A pharmacy twice in a month."""
    person = sow.person()
    place = sow.place(places.PHARMACY, person)
    for day in (4, 20):
        sow.claim(person, day, place=place, setting="pharmacy", extra=[Charge(sow.drug(), 1, 5)])


def pregnant_man(sow: Sower) -> None:
    """Rule 54: a delivery of a man."""
    sow.expect(DIAGNOSIS_SEX, sow.stay(sow.person("male"), 8, 4, diagnosis="O80.0", department=places.WOMEN))


def delivery(sow: Sower) -> None:
    """A delivery of a woman."""
    sow.stay(sow.person("female", (24 * 365, 34 * 365)), 8, 4, diagnosis="O80.0", department=places.WOMEN)


def newborn_of_forty(sow: Sower) -> None:
    """Rule 55: an illness of newborns at forty."""
    sow.expect(DIAGNOSIS_AGE, sow.stay(sow.person("male"), 8, 5, diagnosis="P23.9", department=places.CHILDREN))


def newborn(sow: Sower) -> None:
    """The same of a newborn."""
    sow.stay(sow.person(None, (21, 25)), 12, 5, diagnosis="P23.9", department=places.CHILDREN)


def settled_with_the_mother(sow: Sower) -> None:
    """A newborn's stay, settled on the card of the mother."""
    sow.stay(sow.person("female", (24 * 365, 34 * 365)), 12, 5, diagnosis="P23.9", department=places.CHILDREN)


CASES: dict[str, Case] = {
    "H4 many visits a day": many_visits_a_day,
    "H4 many visits a month": many_visits_a_month,
    "H13 two places in ten minutes": two_places_in_ten_minutes,
    "H13 check failed": check_failed,
    "H13 check at admission failed": check_at_admission_failed,
    "H13 treated after death": treated_after_death,
    "H13 treated in custody": treated_in_custody,
    "H16 cap used up": cap_used_up,
    "H17 crowd": crowd,
    "N35 without diagnosis": without_diagnosis,
    "N36 amount is not the product": amount_is_not_the_product,
    "N37 no code of a disease": no_code_of_a_disease,
    "N38 no code of a procedure": no_code_of_a_procedure,
    "N41 uploaded late": uploaded_late,
    "N51 many purchases": many_purchases,
    "N54 diagnosis of the other sex": pregnant_man,
    "N55 diagnosis of another age": newborn_of_forty,
}
LOOKALIKES: dict[str, Case] = {
    "three departments": three_departments,
    "course of rehabilitation": course_of_rehabilitation,
    "dialysis": dialysis,
    "two places in a morning": two_places_in_a_morning,
    "died in hospital": died_in_hospital,
    "check passed": check_passed,
    "family": family,
    "uploaded next day": uploaded_next_day,
    "two purchases": two_purchases,
    "delivery": delivery,
    "newborn": newborn,
    "settled with the mother": settled_with_the_mother,
}
