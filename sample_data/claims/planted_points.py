"""Cases of the points of the made-up province: for each point a claim that breaks it, and one that keeps it."""

from __future__ import annotations

from collections.abc import Callable

from sample_data.claims import items, places, points
from sample_data.claims.items import Item
from sample_data.claims.points import POINTS, Point, Use
from sample_data.claims.sower import Billed, Charge, Sower

Case = Callable[[Sower], None]


def _sow(sow: Sower, point: Point, use: Use) -> list[Billed]:
    person = sow.person(use.sex, use.days_old)
    made = []
    for day in use.on:
        charged: list[Charge] = []
        if use.every_day:
            charged = [Charge(point.item, use.quantity, 1 if _lasts(point.item) else None, day=of) for of in range(use.nights)]
        else:
            charged = [Charge(point.item, use.quantity, use.days or (7 if _lasts(point.item) else None), fen=use.fen, fund=use.fund)]
        for number, name in enumerate(use.also):
            of = point.other if name == "other" else items.HERB_LIST[number]
            charged.append(Charge(of, 70 if of.category == "herb" else 1, 7 if _lasts(of) else None))
        made.append(
            sow.claim(
                person,
                day,
                use.nights,
                place=sow.place(use.role, person),
                setting=use.setting,
                diagnosis=use.diagnosis,
                others=use.others,
                procedures=use.procedures,
                department=use.department,
                scheme=use.scheme,
                extra=charged,
            )
        )
    return made


def _lasts(item: Item) -> bool:
    return item.category in {"western_drug", "patent_drug", "herb"}


def _wrong(point: Point) -> Case:
    def sow_it(sow: Sower) -> None:
        made = _sow(sow, point, point.wrong)
        sow.expect(point.code, made[-1])
        sow.allow(*point.allowed, person=made[-1].person)

    return sow_it


def _right(point: Point, use: Use) -> Case:
    def sow_it(sow: Sower) -> None:
        _sow(sow, point, use)

    return sow_it


def _operations(sow: Sower, second_fen: int | None) -> Billed:
    first, second = points.OPERATIONS
    person = sow.person()
    lines = [Charge(first, day=1), Charge(second, day=1, fen=second_fen)]
    return sow.stay(person, 8, 6, diagnosis="K80.2", procedures=("51.23", "51.41"), extra=lines)


def full_price_twice(sow: Sower) -> None:
    """Rule 15: two operations of a group at one time, both at the full price."""
    sow.expect(points.by_sequence()[15].code, _operations(sow, None))


def second_at_half(sow: Sower) -> None:
    """The second at half the price, as it should be."""
    _operations(sow, points.OPERATIONS[1].fen // 2)


def _of_one_group(sow: Sower, second_day: int) -> list[Billed]:
    person = sow.person()
    return [sow.claim(person, day, extra=[Charge(item, 1, 10)]) for day, item in zip((3, second_day), points.SAME_INGREDIENT, strict=True)]


def two_of_one_group(sow: Sower) -> None:
    """Rule 69: two drugs of one group for the same days."""
    made = _of_one_group(sow, 6)
    sow.expect(points.by_sequence()[69].code, made[-1])


def one_after_the_other(sow: Sower) -> None:
    """The second drug of a group after the first is used up."""
    _of_one_group(sow, 16)


def _with_antibiotic(sow: Sower, last_day: int) -> Billed:
    lines = [Charge(items.OPERATION_LIST[3], day=1), *(Charge(points.ANTIBIOTIC, 1, 1, day=day) for day in range(1, last_day + 1))]
    return sow.stay(sow.person(), 8, 9, diagnosis="S52.5", procedures=("79.32",), department=places.BONES, extra=lines)


def antibiotic_for_a_week(sow: Sower) -> None:
    """Rule 44: given for a week after the operation, without an infection."""
    sow.expect(points.by_sequence()[44].code, _with_antibiotic(sow, 8))


def antibiotic_for_a_day(sow: Sower) -> None:
    """Given on the day of the operation and the next."""
    _with_antibiotic(sow, 2)


def man_only_procedure(sow: Sower) -> None:
    """Rule 39: an operation of the prostate on a woman."""
    person = sow.person("female")
    sow.expect(points.by_sequence()[39].code, sow.stay(person, 8, 6, procedures=("60.29",)))


def man_with_it(sow: Sower) -> None:
    """The same on a man."""
    sow.stay(sow.person("male", (60 * 365, 70 * 365)), 8, 6, procedures=("60.29",), diagnosis="N40")


def appendix_without_reason(sow: Sower) -> None:
    """Rule 40: an operation that its diagnosis does not go with."""
    sow.expect(points.by_sequence()[40].code, sow.stay(sow.person(), 8, 6, procedures=("47.09",), diagnosis="N20.0"))


def appendix_with_reason(sow: Sower) -> None:
    """The same with an appendicitis."""
    sow.stay(sow.person(), 8, 6, procedures=("47.09",), diagnosis="K35.8")


CASES: dict[str, Case] = {f"N{point.sequence:02d} {points.by_sequence()[point.sequence].name_zh}": _wrong(point) for point in POINTS} | {
    "N44 antibiotic for a week": antibiotic_for_a_week,
    "N15 full price twice": full_price_twice,
    "N69 two of one group": two_of_one_group,
    "N39 procedure of men": man_only_procedure,
    "N40 procedure without its diagnosis": appendix_without_reason,
}
LOOKALIKES: dict[str, Case] = {f"L{point.sequence:02d} kept": _right(point, point.right) for point in POINTS if point.right} | {
    "L44 antibiotic for a day": antibiotic_for_a_day,
    "L15 second at half": second_at_half,
    "L69 one after the other": one_after_the_other,
    "L39 procedure on a man": man_with_it,
    "L40 procedure with its diagnosis": appendix_with_reason,
}
