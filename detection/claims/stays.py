"""What the rules over claims have in common: days as numbers, beginnings of codes, stays, and the records that a finding names."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.rules.assembling import record

LINE = "claim_line"


def day(value: ir.DateValue) -> ir.IntegerValue:
    """Number of a day, so that differences are sums of integers."""
    return value.epoch_days().cast("int64")


def local_day(moment: ir.TimestampValue, utc_offset_h: int) -> ir.IntegerValue:
    """Number of the day on which a moment was where clocks are so many hours ahead of UTC."""
    return ((moment.epoch_seconds().cast("int64") + utc_offset_h * 3_600) // 86_400).cast("int64")


def dotless(code: ir.StringValue) -> ir.StringValue:
    """A code of a classification without its dots, in capitals, however it was sent."""
    return code.replace(".", "").upper()


def group_of(diagnosis: ir.StringValue) -> ir.StringValue:
    """The category of ICD-10: the first three characters."""
    return dotless(diagnosis).substr(0, 3)


def begins(code: ir.StringValue, beginnings: Iterable[str]) -> ir.BooleanValue:
    """Whether a code begins with one of these. FALSE where it is NULL."""
    listed = [dotless(code).startswith(one) for one in beginnings]
    return ibis.or_(*listed).fill_null(False) if listed else ibis.literal(False)


def any_begins(codes: ir.ArrayValue, beginnings: Iterable[str]) -> ir.BooleanValue:
    """Whether one of the codes of a list begins with one of these. FALSE where there is none."""
    wanted = "|".join(beginnings)
    if not wanted:
        return ibis.literal(False)
    return dotless(ibis.literal("|") + codes.join("|")).re_search(f"[|]({wanted})").fill_null(False)


def diagnosed(claim: ir.Table, beginnings: tuple[str, ...]) -> ir.BooleanValue:
    """Whether a claim has a diagnosis, the principal or another, that begins with one of these."""
    return begins(claim.principal_diagnosis, beginnings) | any_begins(claim.diagnoses, beginnings)


def of_settings(claim: ir.Table, settings: Iterable[str]) -> ir.Table:
    """The claims of some settings."""
    return claim.filter(claim.setting.isin([str(one) for one in settings]))


def stays(claim: ir.Table) -> ir.Table:
    """The stays in hospital."""
    return of_settings(claim, ["inpatient"])


def completed(claim: ir.Table, window: Window) -> ir.Table:
    """The claims that end in a window, and so may complete a finding of it."""
    return claim.filter(claim.to_date.between(ibis.literal(window.from_date), ibis.literal(window.to_date)))


def claim_entry(id: ir.Value, role: str = "claim") -> ir.StructValue:
    """A claim as a record of a finding. role: claim for the one that it is about, other for those beside it."""
    return record("claim", id, role)


def line_entry(id: ir.Value, role: str = "line") -> ir.StructValue:
    """A line as a record of a finding."""
    return record(LINE, id, role)


def part_of(amount_fen: ir.IntegerValue, part: ir.NumericValue, whole: ir.NumericValue) -> ir.IntegerValue:
    """The share of an amount that part has in whole, in whole fen, half upwards."""
    return (amount_fen * part / whole + 0.5).floor().cast("int64")


def charged(line: ir.Table) -> ir.IntegerValue:
    """What a line may have cost the fund: its part where that is known, else its amount."""
    return line.fund_fen.fill_null(line.amount_fen)


def text(value: str | None = None) -> ir.StringValue:
    """A text, or NULL, as a column."""
    return ibis.literal(value, type="string")


def no_number() -> ir.IntegerValue:
    """NULL where a fact does not apply."""
    return ibis.literal(None, type="int64")


def no_day() -> ir.DateValue:
    """NULL where a day does not apply."""
    return ibis.literal(None, type="date")
