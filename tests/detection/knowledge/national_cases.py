"""For each national rule that claims can show: claims that it finds, and claims beside them that it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.detection.claims.claim_rows import Row, claim, institution, line, patient, stay
from tests.detection.claims.claim_rows import point as point_row

DAY = "2026-03-10"
APART = 1_000


@dataclass(frozen=True)
class National:
    """One case. rows: with ids below APART, moved by ``placed``; the item of its points is ITEM, others are B, C. amount, severity: of the
    finding, where they matter.
    """

    code: str
    name: str
    fires: bool
    rows: tuple[Row, ...]
    amount: int | None = None
    severity: str | None = None


ITEM = "ITEM"
DRUG = "XL01EAA001A0010101000"


def bound(code: str, item: str = ITEM, id: int = 1, **more: Any) -> Row:
    """A knowledge point of a rule."""
    table, values = point_row(id, item, **more)
    return table, {**values, "rule_code": code}


def visit(n: int = 1, **more: Any) -> Row:
    return claim(n, more.pop("on", DAY), principal_diagnosis=more.pop("principal", "K29.500"), **more)


def use(n: int = 1, of: int = 1, item: str = ITEM, on: str = DAY, **more: Any) -> Row:
    quantity = more.get("quantity", 1.0)
    return line(n, of, item, on, **{"amount_fen": int(1_000 * quantity), "fund_fen": int(1_000 * quantity), **more})


def _limit(code: str, bounds: dict[str, Any], wrong: dict[str, Any], right: dict[str, Any]) -> Iterator[National]:
    """Cases of a limit that one line shows. wrong, right: what of person, claim, place or line differs; keys with the table before."""
    for fires, what in ((True, wrong), (False, right)):
        of = {
            table: {name.split("_", 1)[1]: value for name, value in what.items() if name.startswith(f"{table}_")}
            for table in ("person", "claim", "place", "line")
        }
        rows = (bound(code, **bounds), patient(1, **of["person"]), institution(1, **of["place"]), visit(**of["claim"]), use(**of["line"]))
        yield National(code, "outside" if fires else "inside", fires, rows, amount=1_000 if fires else None)


_YEAR = 366
CHILD: dict[str, Any] = {"age_min_days": 0, "age_max_days": 18 * _YEAR}
NEWBORN: dict[str, Any] = {"age_min_days": 0, "age_max_days": 28}

LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "GZ10000101001000": ({"schemes": ["work_injury"]}, {}, {"claim_scheme": "work_injury"}),
    "GZ10000101002000": ({"schemes": ["maternity"]}, {}, {"claim_scheme": "maternity"}),
    "GZ10000102003000": ({"schemes": ["work_injury"]}, {}, {"claim_scheme": "work_injury"}),
    "GZ10000102004000": ({"schemes": ["maternity"]}, {}, {"line_fund_fen": 0}),
    "GZ10000101003000": ({}, {"line_category": "herb"}, {"line_category": "herb", "line_fund_fen": 0}),
    "GZ10000101006000": (NEWBORN, {"person_born": "2026-02-01"}, {"person_born": "2026-02-20"}),
    "GZ10000101007000": (CHILD, {}, {"person_born": "2016-01-01"}),
    "GZ10000102005000": (NEWBORN, {}, {"person_born": "2026-03-01"}),
    "GZ10000102006000": (CHILD, {}, {"person_born": "2016-01-01"}),
    "NB2025-29": ({"age_min_days": 16 * _YEAR, "age_max_days": 63 * _YEAR}, {}, {"person_born": "1980-01-01"}),
    "GZ10000103001000": (NEWBORN, {}, {"person_born": "2026-03-01"}),
    "GZ10000103002000": (CHILD, {}, {"person_born": "2016-01-01"}),
    "GZ10000301002000": (CHILD, {}, {"person_born": "2016-01-01"}),
    "GZ10000301003000": ({"age_min_days": 18 * _YEAR}, {"person_born": "2016-01-01"}, {}),
    "GZ10000301009000": ({"age_max_days": 65 * _YEAR}, {}, {"person_born": "1980-01-01"}),
    "GZ10000302003000": (CHILD, {}, {"person_born": "2016-01-01"}),
    "GZ10000301004000": ({"sex": "female"}, {}, {"person_sex": "female"}),
    "GZ10000302004000": (
        {"sex": "female", "diagnoses_not": ["Q56"]},
        {},
        {"claim_principal": "Q56.000"},  # an intersex person
    ),
    "NB2025-87": ({"sex": "male"}, {"person_sex": "female"}, {"person_sex": "unknown"}),
    "GZ10000101008000": ({"diagnoses": ["C34", "C50"]}, {}, {"claim_diagnoses": ["C50.900"]}),
    "GZ10000101011000": ({"diagnoses": ["E11"]}, {}, {"claim_principal": "E11.900"}),
    "GZ10000102007000": ({"diagnoses": ["I63"]}, {}, {"claim_principal": None}),
    "GZ10000301007000": ({"diagnoses": ["J45"]}, {}, {"claim_principal": "J45.900"}),
    "GZ10000302001000": ({"diagnoses": ["R07"]}, {}, {"claim_principal": "R07.400"}),
    "GZ10000302002000": ({"diagnoses": ["M54"]}, {}, {"claim_principal": "M54.500"}),
    "GZ10000302006000": ({"diagnoses": ["M54"]}, {}, {"claim_principal": "M54.500"}),
    "NB2025-88": ({"diagnoses": ["I25"]}, {}, {"claim_diagnoses": ["I25.100"]}),
    "GZ10000301008000": ({"diagnoses_not": ["K29"]}, {}, {"claim_principal": "J18.900"}),
    "GZ10000301010000": ({"diagnoses_not": ["O", "Z34"]}, {"claim_principal": "O80.000"}, {}),
    "GZ10000302005000": ({"diagnoses_not": ["D69"]}, {"claim_diagnoses": ["D69.600"]}, {}),
    "GZ10000101012000": ({"levels": ["secondary", "tertiary"]}, {"place_level": "primary"}, {}),
    "GZ10000102011000": ({"levels": ["tertiary"]}, {}, {"place_level": "tertiary"}),
    "NB2025-13": ({"settings": ["inpatient", "day_case"]}, {}, {"claim_setting": "inpatient"}),
    "GZ10000102009000": ({"settings": ["emergency"]}, {}, {"claim_setting": "emergency"}),
    "NB2025-47": ({"settings": ["outpatient", "inpatient"]}, {"claim_setting": "internet"}, {}),
    "GZ10000102008000": ({"departments": ["康复"]}, {"claim_department": "内科"}, {"claim_department": "康复医学科"}),
    "GZ10000303002000": ({"departments": ["骨科"]}, {"line_department": "内科"}, {}),
    "GZ10000202003000": ({"levels": ["tertiary"]}, {}, {"place_level": "tertiary"}),
    "GZ10000102001000": ({"unit_price_max_fen": 0}, {}, {"line_unit_price_fen": 0}),
}


def both(code: str, name: str, bad: tuple[Row, ...], good: tuple[Row, ...], *points: Row, **more: Any) -> Iterator[National]:
    """Two cases of the same points."""
    yield National(code, name, True, (*points, *bad), **more)
    yield National(code, f"not: {name}", False, (*points, *good))


def _counted() -> Iterator[National]:
    days = ["2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13"]
    stayed = stay(1, "2026-03-10", "2026-03-13")
    each = tuple(use(n, on=on) for n, on in enumerate(days, 1))
    code = "NB2025-09"
    yield from both(code, "days of a supply", (visit(), use(days=60)), (visit(), use(days=20)), bound(code, days_max=30), amount=500)
    yield from both(code, "more than any supply", (visit(), use(days=90)), (visit(), use(days=84)))
    code = "GZ10000101010000"
    yield from both(code, "days of a course", (stayed, *each), (stayed, *each[:2]), bound(code, days_max=2), amount=2_000)
    code = "GZ10000102010000"
    course = bound(code, days_max=3, period="days", period_days=366)
    again = (visit(2, on="2026-05-01"), use(11, 2, on="2026-05-01"), use(12, 2, on="2026-05-02"))
    yield from both(code, "a course over claims", (stayed, *each[:2], *again), (stayed, *each[:2]), course)
    code = "GZ10000102014000"
    daily = bound(code, quantity_max=1.0, period="day")
    yield from both(code, "twice a day", (visit(), use(quantity=2.0)), (visit(), use()), daily, amount=1_000)
    yield from both(code, "billed at once for a stay", (stayed, use(quantity=8.0)), (stayed, use(quantity=4.0)), daily, amount=4_000)
    transfer = (
        stay(1, "2026-03-10", "2026-03-12"),
        stay(2, "2026-03-12", "2026-03-14", at=2),
        use(1, on="2026-03-12"),
        use(2, 2, on="2026-03-12"),
    )
    yield National(code, "the day of a transfer", False, (daily, *transfer))
    code = "GZ10000102015000"
    yield from both(
        code, "money", (visit(), use(quantity=3.0)), (visit(), use(quantity=2.0)), bound(code, amount_max_fen=2_000), amount=1_000
    )
    code = "GZ10000103003000"
    yield from both(code, "money", (visit(), use(1), use(2)), (visit(), use(1)), bound(code, amount_max_fen=1_500), amount=500)
    code = "NB2025-31"
    far, near = (visit(2, on="2026-03-30"), use(2, 2, on="2026-03-30")), (visit(2, on="2026-03-15"), use(2, 2, on="2026-03-15"))
    yield from both(code, "too soon", (visit(), use(), *near), (visit(), use(), *far), bound(code, interval_days_min=14), amount=1_000)
    weekly = bound(code, quantity_max=1.0, period="days", period_days=7)
    yield from both(code, "twice a week", (visit(), use(), *near), (visit(), use(), *far), weekly)
    code = "GZ10000301005000"
    yield from both(
        code,
        "above the dose",
        (visit(), use(quantity=40.0, days=10)),
        (visit(), use(quantity=30.0, days=10)),
        bound(code, quantity_max=3.0, period="day"),
    )
    code = "NB2025-77"
    herb: dict[str, Any] = {"category": "herb", "days": 5}
    yield from both(
        code,
        "above the dose",
        (visit(), use(quantity=100.0, **herb)),
        (visit(), use(quantity=75.0, **herb)),
        bound(code, quantity_max=15.0),
    )
    yield from both(code, "above any dose", (visit(), use(quantity=700.0, **herb)), (visit(), use(quantity=500.0, **herb)))
    code = "GZ10000303003000"
    yield from both(code, "pieces", (visit(), use(quantity=3.0)), (visit(), use(quantity=2.0)), bound(code, quantity_max=2.0), amount=1_000)


def _beside() -> Iterator[National]:
    two = (visit(), use(1), use(2, item="B"))
    apart = (stay(1, "2026-03-10", "2026-03-12"), use(1), use(2, item="B", on="2026-03-12"))
    for code in ("GZ10000102012000", "GZ10000102013000", "NB2025-30"):
        yield from both(code, "both on a day", two, apart, bound(code, other_codes=["B"]), amount=1_000)
    code = "GZ10000301012000"
    herbs = tuple(use(n, item=item, category="herb", prescription="P") for n, item in ((1, ITEM), (2, "B")))
    other = (herbs[0], use(2, item="B", category="herb", prescription="Q"))
    yield from both(code, "on one prescription", (visit(), *herbs), (visit(), *other), bound(code, other_codes=["B"]))
    named = [
        use(n, item=f"B{n}", category="herb", item_name=name, prescription="P") for n, name in enumerate(("炙甘草", "海藻", "白术"), 1)
    ]
    yield from both(code, "eighteen that do not agree", (visit(), *named[:2]), (visit(), named[0], named[2]))
    code = "GZ10000301011000"
    later = (visit(), use(days=10), visit(2, on="2026-03-15"), use(2, 2, "B", on="2026-03-15"))
    after = (visit(), use(days=5), visit(2, on="2026-03-15"), use(2, 2, "B", on="2026-03-15"))
    yield from both(code, "while the other is taken", later, after, bound(code, other_codes=["B"]), amount=1_000)
    code = "GZ10000301006000"
    alike = (bound(code, group_name="G"), bound(code, "B", 2, group_name="G"))
    yield from both(code, "two of a group", two, (visit(), use(1)), *alike)
    pumps = [
        use(n, item=item) for n, item in enumerate(("XA02BCA001A001010100001", "XA02BCB002A001010100002", "XA02BCA001B002010100003"), 1)
    ]
    yield from both(code, "two of a class", (visit(), *pumps[:2]), (visit(), pumps[0], pumps[2]))
    code = "GZ10000301001000"
    yield from both(code, "without its service", (visit(), use()), two, bound(code, other_codes=["B"]), amount=1_000)
    code = "GZ10000303001000"
    operated = (visit(procedures=["81.54"]), use())
    yield from both(code, "without its operation", (visit(procedures=["47.01"]), use()), operated, bound(code, procedures=["8154"]))
    code = "GZ10000101004000"
    single: dict[str, Any] = {"category": "herb", "prescription": "P"}
    yield from both(
        code, "alone", (visit(), use(**single)), (visit(), use(**single), use(2, item="B", **single)), bound(code), amount=1_000
    )
    code = "GZ10000102002000"
    cut = (bound(code, group_name="G", share_max=0.5, unit_price_max_fen=4_000), bound(code, "B", 2, group_name="G", share_max=0.5))
    dear = use(2, item="B", category="surgery", amount_fen=9_000)
    full, half = (use(category="surgery", amount_fen=price, unit_price_fen=price, fund_fen=price) for price in (4_000, 2_000))
    yield from both(code, "second in full", (visit(), full, dear), (visit(), half, dear), *cut, amount=2_000, severity="violation")
    unpriced = tuple((table, {**values, "unit_price_max_fen": None}) for table, values in cut)
    by_halves = use(category="surgery", quantity=0.5, amount_fen=2_000)
    yield from both(code, "second in full, no price", (visit(), full, dear), (visit(), by_halves, dear), *unpriced, severity="suspicion")
    code = "GZ10000101005000"
    drug, tried = DRUG, "XL01BBB002A001010100002"
    second = bound(code, drug, diagnoses=["K29"], by_hand=True)
    before = (visit(2, on="2026-01-01"), use(2, 2, tried, on="2026-01-01"))
    yield from both(code, "nothing before it", (visit(), use(item=drug)), (visit(), use(item=drug), *before), second, severity="suspicion")
    ill = (visit(principal="J18.900"), use(item=drug), *before)
    yield from both(code, "another illness", ill, (visit(), use(item=drug), *before), second, severity="violation")
    code = "GZ10000202002000"
    operation = (stay(1, "2026-03-10", "2026-03-16", procedures=["06.31"]), use(1, item="B", category="surgery"))
    yield from both(
        code,
        "days after the operation",
        (*operation, use(2, on="2026-03-14")),
        (*operation, use(2, on="2026-03-11")),
        bound(code, procedures=["06"], days_max=2),
        amount=1_000,
    )


def _of_codes() -> Iterator[National]:
    code = "GZ10000201003000"
    yield from both(code, "no code", (visit(principal="肺炎"),), (visit(),))
    # points about diagnoses are about all claims: each of the two has a diagnosis of its own
    for fires, item, principal in ((True, "C", "N18.600"), (False, "B", "N17.900")):
        needs = bound(code, "", diagnoses=[principal.replace(".", "")], other_codes=["B"])
        yield National(code, f"with {item} for {principal}", fires, (needs, visit(principal=principal), use(item=item)))
    code = "GZ10000201004000"
    operation = use(item="B", category="surgery")
    yield from both(code, "no code", (visit(procedures=["阑尾"]),), (visit(procedures=["47.01"], principal="K35.800"),))
    yield from both(code, "none named", (stay(1, DAY, DAY), operation), (stay(1, DAY, DAY, procedures=["34.91"]), operation))
    woman = patient(1, sex="female", born="1990-01-01")
    code = "GZ10000201005000"
    hysterectomy = visit(procedures=["68.41"])
    yield from both(code, "of the other sex", (hysterectomy,), (woman, hysterectomy), amount=8_000)
    own = bound(code, "", procedures=["9911"], sex="female")
    yield from both(code, "of a point", (visit(procedures=["99.11"]),), (woman, visit(procedures=["99.11"])), own)
    code = "GZ10000201006000"
    birth = stay(1, DAY, DAY, procedures=["74.1"])
    yield from both(code, "birth without it", (woman, birth), (woman, stay(1, DAY, DAY, "O82.000", procedures=["74.1"])))
    own = bound(code, "", procedures=["8154"], diagnoses=["M17"])
    yield from both(code, "of a point", (visit(procedures=["81.54"]),), (visit(procedures=["81.54"], principal="M17.900"),), own)
    code = "GZ10000204006000"
    yield from both(code, "of the other sex", (visit(principal="N80.000"),), (woman, visit(principal="N80.000")), amount=8_000)
    yield from both(
        code,
        "of a point",
        (visit(principal="Q96.900"),),
        (woman, visit(principal="Q96.900")),
        bound(code, "", diagnoses=["Q96"], sex="female"),
    )
    code = "GZ10000204007000"
    newborn = visit(principal="P22.000")
    yield from both(code, "of a newborn", (newborn,), (patient(1, born="2026-03-01"), newborn))
    yield National(code, "settled with the mother", False, (woman, newborn))
    old = bound(code, "", diagnoses=["K29"], age_max_days=60 * _YEAR)
    yield from both(code, "of a point", (visit(),), (patient(1, born="1990-01-01"), visit()), old)


def _of_records() -> Iterator[National]:
    code = "GZ10000201001000"
    yield from both(code, "no diagnosis", (stay(1, DAY, DAY, None),), (stay(1, DAY, DAY),))
    yield from both(code, "paid above the bill", (visit(fund_fen=20_000),), (visit(),), amount=9_900)
    yield from both(code, "lines above the bill", (visit(), use(quantity=20.0)), (visit(), use(quantity=10.0)), amount=10_000)
    yield from both(code, "before birth", (patient(1, born="2026-04-01"), visit()), (patient(1, born=DAY), visit()))
    yield from both(
        code,
        "settled early",
        (stay(1, DAY, "2026-03-20", settled_at="2026-03-15T08:00"),),
        (stay(1, DAY, "2026-03-20", settled_at="2026-03-20T08:00"),),
    )
    # at half past seven in the morning where it was, of the day before in UTC
    yield from both(
        code,
        "settled in the morning",
        (stay(1, DAY, "2026-03-20", settled_at="2026-03-18T23:30"),),
        (stay(1, DAY, "2026-03-20", settled_at="2026-03-19T23:30"),),
    )
    code = "GZ10000201002000"
    yield from both(code, "amount is not price times quantity", (visit(), use(amount_fen=5_000)), (visit(), use(amount_fen=1_050)))
    yield from both(code, "no name", (visit(), use(item_name="")), (visit(), use()))
    code = "GZ10000201007000"
    sent = [visit(settled_at=f"{DAY}T08:00", uploaded_at=f"2026-03-{day}T08:00") for day in (20, 12)]
    yield from both(code, "ten days later", (sent[0],), (sent[1],))
    settled = "2026-03-09T23:30"
    sent = [visit(settled_at=settled, uploaded_at=f"2026-03-{moment}") for moment in ("13T16:30", "13T15:30")]
    yield from both(code, "settled in the morning", (sent[0],), (sent[1],))
    code = "GZ10000201008000"
    stayed = stay(1, "2026-03-10", "2026-03-12")
    yield from both(code, "after discharge", (stayed, use(on="2026-03-15")), (stayed, use(on="2026-03-13")), amount=1_000)


def _of_visits() -> Iterator[National]:
    code = "GZ10000204003000"
    bought = tuple(claim(n, f"2026-03-{n:02}", setting="pharmacy") for n in range(1, 16))
    yield from both(code, "fifteen in a month", bought, bought[:14])
    code = "GZ10000204004000"
    stays = tuple(stay(n, f"2026-0{n}-01", f"2026-0{n}-05") for n in range(1, 7))
    yield from both(code, "six in half a year", stays, stays[:5])
    yield National(code, "chemotherapy", False, tuple(stay(n, f"2026-0{n}-01", f"2026-0{n}-05", "Z51.100") for n in range(1, 7)))
    code = "GZ10000204005000"
    looked = tuple(use(n, item=f"L{n}", category="laboratory") for n in range(1, 5))
    drug = use(9, item="D", quantity=3.0)
    yield from both(code, "only examined", (stay(1, DAY, DAY), *looked), (stay(1, DAY, DAY), *looked, drug), amount=8_000)
    code = "GZ10000202004000"
    kinds = tuple(use(n, item=f"XA0{n}AAA00{n}A001010100001", prescription="P") for n in range(1, 7))
    makers = (*kinds[:5], use(7, item="XA01AAA001A001010100002", prescription="P"))
    yield from both(code, "six kinds", (visit(), *kinds), (visit(), *makers))
    code = "NB2025-76"
    herbs = tuple(use(n, item=f"T{n}", category="herb", prescription="P") for n in range(1, 28))
    yield from both(code, "27 herbs", (visit(total_fen=30_000), *herbs), (visit(total_fen=30_000), *herbs[:25]))
    dear = use(quantity=160.0, category="herb", days=5, prescription="P")
    yield from both(code, "320 yuan a day", (visit(total_fen=200_000), dear), (visit(total_fen=200_000), replace_line(dear, days=10)))


def replace_line(row: Row, **more: Any) -> Row:
    return row[0], {**row[1], **more}


def _by_hand() -> Iterator[National]:
    for code in ("GZ10000101008000", "GZ10000102014000", "GZ10000101010000"):
        rows = (visit(), use())
        yield National(code, "no claim can show it", True, (bound(code, by_hand=True), *rows), severity="suspicion")
        yield National(code, "a point that says nothing", False, (bound(code), *rows))
    code = "GZ10000101007000"
    ended = bound(code, effective_from="2026-01-01", effective_until="2026-03-09", **CHILD)
    yield National(code, "a point that has ended", False, (ended, visit(), use()))


def cases() -> list[National]:
    """All, each with rows of its own."""
    made = [one for code, (bounds, wrong, right) in LIMITS.items() for one in _limit(code, bounds, wrong, right)]
    for part in (_counted, _beside, _of_codes, _of_records, _of_visits, _by_hand):
        made += part()
    return made


_IDS = ("id", "person_id", "institution_id", "claim_id")
_OWN_ITEMS = frozenset({ITEM, "B", "C", DRUG})


def placed(one: National, place: int) -> National:
    """The case with ids and items of its own, so that all stand in one set of tables."""
    by = place * APART

    def named(code: str) -> str:
        return f"{code}{place}" if code in _OWN_ITEMS else code

    moved = []
    for table, values in one.rows:
        changed = {name: value + by if name in _IDS and value is not None else value for name, value in values.items()}
        if table in {"line", "point"}:
            changed["item_code"] = named(values["item_code"])
        if table == "point":
            changed["point_id"] = f"KP{changed['id']}"
            changed["other_codes"] = [named(code) for code in values["other_codes"]] if values.get("other_codes") else None
        moved.append((table, changed))
    return replace(one, rows=tuple(moved))
