"""Months in Python and as expressions say the same, for any days; intervals overlap, count and join as they should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from detection import months
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.months import Months

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
MONTHS = DAYS.map(months.month_of)
INTERVALS = st.tuples(MONTHS, st.none() | MONTHS).map(lambda pair: pair if pair[1] is None or pair[0] <= pair[1] else (pair[1], pair[0]))


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(512, 1), tmp_path_factory.mktemp("months")) as opened:
        yield opened


def table(compute: Compute, rows: list[dict[str, Any]], schema: pa.Schema, folder: Path) -> ir.Table:
    file = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    return compute.table(file)


def rows_of(compute: Compute, expression: ir.Table) -> list[dict[str, Any]]:
    return [row for batch in compute.batches(expression) for row in batch.to_pylist()]


SCHEMA = pa.schema(
    {name: pa.date32() for name in ("day", "other", "from_month", "to_month", "other_from", "other_to")} | {"place": pa.int64()}
)


@settings(max_examples=4, phases=[Phase.generate])
@given(rows=st.lists(st.tuples(DAYS, DAYS, INTERVALS, INTERVALS), min_size=50, max_size=100))
def test_expressions_say_what_python_says(compute: Compute, tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    listed = [
        {"place": place, "day": day, "other": other, "from_month": one[0], "to_month": one[1], "other_from": two[0], "other_to": two[1]}
        for place, (day, other, one, two) in enumerate(rows)
    ]
    t = table(compute, listed, SCHEMA, tmp_path_factory.mktemp("rows"))
    asked = t.select(
        "place",
        number=months.number_of(t.day),
        back=months.day_of(months.number_of(t.day)),
        first=months.first_of(t.day),
        after=months.after(t.day),
        between=months.between(t.day, t.other),
        first_whole=months.first_whole(t.day),
        last_whole=months.last_whole(t.day),
        overlaps=months.overlaps(t.from_month, t.to_month, t.other_from, t.other_to),
        overlap_from=months.overlap_from(t.from_month, t.other_from),
        overlap_to=months.earlier(t.to_month, t.other_to),
        count=months.count_of(t.from_month, t.to_month),
        later=months.plus_days(t.day, 30),
    )
    for row in rows_of(compute, asked):
        day, other, one, two = rows[row["place"]]
        both = Months(*one).overlap(Months(*two))
        assert row["number"] == months.month_number(day)
        assert row["back"] == row["first"] == months.month_of(day) == months.first_day(months.month_number(day))
        assert row["after"] == months.month_after(day)
        assert row["between"] == months.months_between(day, other)
        assert row["first_whole"] == months.first_whole_month(day)
        assert row["last_whole"] == months.last_whole_month(day)
        assert row["overlaps"] == (both is not None)
        if both is not None:
            assert Months(row["overlap_from"], row["overlap_to"]) == both
        assert row["count"] == Months(*one).count()
        assert row["later"].toordinal() == day.toordinal() + 30


@given(day=DAYS)
def test_a_month_is_whole_only_with_its_first_and_last_day(day: date) -> None:
    first, last = months.first_whole_month(day), months.last_whole_month(day)
    assert first >= day > months.first_day(months.month_number(first) - 1)
    assert months.month_after(last).toordinal() - 1 <= day.toordinal() < months.month_after(months.month_after(last)).toordinal() - 1


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (("2025-01", "2025-03"), ("2025-03", "2025-05"), ("2025-03", "2025-03")),
        (("2025-01", "2025-03"), ("2025-04", "2025-05"), None),
        (("2025-01", None), ("2025-04", None), ("2025-04", None)),
        (("2025-01", None), ("2024-04", "2024-12"), None),
        (("2025-01", "2025-12"), ("2025-04", "2025-05"), ("2025-04", "2025-05")),
    ],
)
def test_overlaps(one: tuple[str, str | None], two: tuple[str, str | None], both: tuple[str, str | None] | None) -> None:
    def made(pair: tuple[str, str | None]) -> Months:
        return Months(*(None if text is None else date.fromisoformat(f"{text}-01") for text in pair))  # type: ignore[arg-type]

    assert made(one).overlap(made(two)) == made(two).overlap(made(one)) == (None if both is None else made(both))


@settings(max_examples=4, phases=[Phase.generate])
@given(rows=st.lists(st.tuples(st.integers(1, 3), INTERVALS), min_size=10, max_size=40))
def test_islands_join_what_overlaps_or_touches(compute: Compute, tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    schema = pa.schema({"id": pa.int64(), "person_id": pa.int64(), "from_month": pa.date32(), "to_month": pa.date32()})
    listed = [{"id": place, "person_id": one, "from_month": span[0], "to_month": span[1]} for place, (one, span) in enumerate(rows)]
    joined = months.islands(table(compute, listed, schema, tmp_path_factory.mktemp("rows")), "person_id", "from_month", "to_month")
    found = rows_of(compute, joined.select("id", "person_id", "from_month", "to_month", "island"))
    assert len(found) == len(rows)
    together: dict[tuple[int, int], list[Any]] = {}
    for row in found:
        together.setdefault((row["person_id"], row["island"]), []).append(row)
    for (person, _), group in together.items():
        covered = {number for row in group for number in _numbers(row)}
        assert covered == set(range(min(covered), max(covered) + 1))
        others = {
            number for (who, _), rest in together.items() if who == person and rest is not group for row in rest for number in _numbers(row)
        }
        assert not others & {number + step for number in covered for step in (-1, 0, 1)}


def _numbers(row: dict[str, Any]) -> range:
    end = row["to_month"] or date(2101, 1, 1)
    return range(months.month_number(row["from_month"]), months.month_number(end) + 1)


def test_each_month_of_an_interval_is_a_row(compute: Compute, tmp_path: Path) -> None:
    schema = pa.schema({"from_month": pa.date32(), "to_month": pa.date32()})
    t = table(compute, [{"from_month": date(2024, 11, 1), "to_month": date(2025, 2, 1)}], schema, tmp_path)
    each = t.select(number=months.each_month(t.from_month, t.to_month))
    found = rows_of(compute, each.select(month=months.day_of(each.number)))
    assert sorted(row["month"] for row in found) == [date(2024, 11, 1), date(2024, 12, 1), date(2025, 1, 1), date(2025, 2, 1)]


def test_an_expression_may_be_kept_and_read_again(compute: Compute, tmp_path: Path) -> None:
    t = table(compute, [{"from_month": date(2024, 11, 1)}], pa.schema({"from_month": pa.date32()}), tmp_path)
    for back in (1, 2):
        kept = compute.keep("kept", t.select(before=months.day_of(months.number_of(t.from_month) - ibis.literal(back))))
        assert rows_of(compute, kept) == [{"before": date(2024, 11 - back, 1)}]
