"""What contradicts what on a person's line: one row a rule, and the neighbouring case that contradicts nothing."""

from __future__ import annotations

from datetime import date
from itertools import count

import pytest

from models.enrolment import Scheme
from models.repositories.timeline import Entry, Lane
from verify.timeline_conflicts import ConflictCode, conflicts

BORN = {"a": date(1950, 6, 1), "b": date(1951, 6, 1)}
NUMBERS = count()


def entry(lane: Lane, code: str, on: date, until: date | None = None, *, record: str = "a", counts: bool = True, **facts: object) -> Entry:
    return Entry(lane, f"{lane}-{next(NUMBERS)}", on, code, record, until, counts=counts, facts=dict(facts))


def evidence(code: str, on: date, until: date | None = None, **more: object) -> Entry:
    return entry(Lane.EVIDENCE, code, on, until, **more)  # type: ignore[arg-type]


def paid(month: date, *, benefit: int = 1) -> Entry:
    return entry(Lane.PAYMENT, "payment", month, benefit=benefit, fen=100)


def benefit(
    start: date, until: date | None = None, *, number: int = 1, scheme: Scheme = Scheme.EMPLOYEE_PENSION, region: str = "420100"
) -> Entry:
    return entry(Lane.BENEFIT, "benefit", start, until, id=number, scheme=scheme, region=region)


DIED = evidence("death_record", date(2025, 6, 15))
HELD = evidence("custody", date(2025, 2, 10), date(2025, 5, 20))
PAUSE = entry(Lane.PAUSE, "pause", date(2025, 3, 1), date(2025, 5, 1), id=1)
Code = ConflictCode

CASES = [
    ("a visit after the death", [DIED, evidence("counter", date(2025, 6, 16))], [Code.LIFE_AFTER_DEATH]),
    ("a visit on the day of the death", [DIED, evidence("counter", date(2025, 6, 15))], []),
    ("a trace after the death", [DIED, evidence("data_match", date(2025, 7, 1))], [Code.LIFE_AFTER_DEATH]),
    ("a declaration after the death", [DIED, evidence("declaration", date(2025, 7, 1))], []),
    ("a camera check after the death", [DIED, entry(Lane.CHECK, "verification.certified", date(2025, 7, 1))], [Code.LIFE_AFTER_DEATH]),
    ("a check that did not fit", [DIED, entry(Lane.CHECK, "identity.no_match", date(2025, 7, 1))], []),
    ("a corrected death", [evidence("death_record", date(2025, 6, 15), counts=False), evidence("counter", date(2025, 7, 1))], []),
    ("a corrected visit", [DIED, evidence("counter", date(2025, 7, 1), counts=False)], []),
    ("two days of death", [DIED, evidence("death_record", date(2025, 6, 17))], [Code.DEATH_DATES_DIFFER]),
    ("one day of death twice", [DIED, evidence("death_record", date(2025, 6, 15))], []),
    ("paid in the month of death", [DIED, paid(date(2025, 6, 1))], []),
    ("paid in the month after", [DIED, paid(date(2025, 7, 1))], [Code.PAID_AFTER_DEATH]),
    ("paid for a whole month in custody", [HELD, paid(date(2025, 3, 1))], [Code.PAID_IN_CUSTODY]),
    ("paid in the month that custody began", [HELD, paid(date(2025, 2, 1))], []),
    ("paid in the month that custody ended", [HELD, paid(date(2025, 5, 1))], []),
    ("custody that lasts", [evidence("custody", date(2025, 2, 10)), paid(date(2025, 12, 1))], [Code.PAID_IN_CUSTODY]),
    ("seen at the counter in custody", [HELD, evidence("counter", date(2025, 3, 1))], [Code.SEEN_IN_CUSTODY]),
    ("a video call in custody", [HELD, evidence("video_call", date(2025, 3, 1))], []),
    ("paid while paused", [PAUSE, paid(date(2025, 4, 1))], [Code.PAID_WHILE_PAUSED]),
    ("paid from the day of resuming", [PAUSE, paid(date(2025, 5, 1))], []),
    ("another benefit paid meanwhile", [PAUSE, paid(date(2025, 4, 1), benefit=2)], []),
    ("paid before the benefit", [benefit(date(2025, 3, 1)), paid(date(2025, 2, 1))], [Code.PAID_OUTSIDE_BENEFIT]),
    ("paid after the benefit", [benefit(date(2025, 3, 1), date(2025, 6, 1)), paid(date(2025, 7, 1))], [Code.PAID_OUTSIDE_BENEFIT]),
    ("paid in its last month", [benefit(date(2025, 3, 1), date(2025, 6, 1)), paid(date(2025, 6, 1))], []),
    (
        "one scheme in two regions",
        [benefit(date(2025, 1, 1), date(2025, 6, 1)), benefit(date(2025, 6, 1), number=2, region="420200")],
        [Code.SAME_SCHEME_TWO_REGIONS],
    ),
    ("moved", [benefit(date(2025, 1, 1), date(2025, 5, 1)), benefit(date(2025, 6, 1), number=2, region="420200")], []),
    ("two schemes", [benefit(date(2025, 1, 1)), benefit(date(2025, 1, 1), number=2, region="420200", scheme=Scheme.RESIDENT_PENSION)], []),
    ("before birth", [evidence("face", date(1951, 5, 31), record="b")], [Code.BEFORE_BIRTH]),
    ("on the day of birth", [evidence("face", date(1951, 6, 1), record="b")], []),
]


@pytest.mark.parametrize(("entries", "codes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rules(entries: list[Entry], codes: list[ConflictCode]) -> None:
    for order in (entries, entries[::-1]):
        found = conflicts(order, BORN)
        assert [conflict.code for conflict in found] == codes
        known = {one.key for one in entries}
        assert all(set(conflict.keys) <= known for conflict in found)


def test_months_that_are_paid_wrongly_are_one_contradiction_with_their_sum() -> None:
    months = [paid(date(2025, month, 1)) for month in (6, 7, 8, 9)]
    [found] = conflicts([DIED, *months], BORN)
    assert found.facts == {"months": 3, "first": date(2025, 7, 1), "last": date(2025, 9, 1), "fen": 300, "death": date(2025, 6, 15)}
    assert found.keys == (*(month.key for month in months[1:]), DIED.key)


def test_every_rule_has_a_case() -> None:
    assert {code for _, _, codes in CASES for code in codes} == set(ConflictCode)
