"""Lines beside the knowledge points about their items, matched once for all rules; only what a rule may find is kept.

A limit that one line shows (age, sex, diagnosis, ...) is tested here, so that of millions of matches those stay that go against it. Where a
rule has to count or to look at other lines, all matches stay, for the family of the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.charges import charge_expression
from detection.knowledge.families.row_tests import MARK, NOTHING, begins, limits_payment, picked

QUANTITY = ("GZ10000102014000", "NB2025-31", "GZ10000301005000", "NB2025-77", "GZ10000303003000")
AMOUNT = ("GZ10000102015000", "GZ10000103003000")
COURSE = ("NB2025-09", "GZ10000101010000", "GZ10000102010000")
TOGETHER_A_DAY = ("GZ10000102012000", "GZ10000102013000", "NB2025-30", "GZ10000301012000")
TOGETHER_AT_A_TIME = ("GZ10000301006000", "GZ10000301011000")
ALONE = ("GZ10000301001000", "GZ10000303001000")
DISCOUNT = "GZ10000102002000"
SINGLE_HERB = "GZ10000101004000"
SECOND_LINE = "GZ10000101005000"
PERIOPERATIVE = "GZ10000202002000"
DIAGNOSIS_ALONE = "GZ10000201003000"

WITH_OTHERS = (*TOGETHER_A_DAY, *TOGETHER_AT_A_TIME, *ALONE, SECOND_LINE, DIAGNOSIS_ALONE)
"""Rules whose points name other items."""
LOOKING_BACK = (*QUANTITY, *AMOUNT, *COURSE, *TOGETHER_AT_A_TIME, SECOND_LINE)
"""Rules that look at earlier claims of the person."""

PRICE = "GZ10000102001000"
_WITH_CODES = (*ALONE, SECOND_LINE, PERIOPERATIVE)
"""Rules that count and look at the codes of the claim."""

VIOLATED, BY_HAND, GROUPED, TESTED = "violated", "by_hand", "grouped", "tested"
"""What a hit is: goes against its point; needs a person to look; is to be counted by its family. tested: a point that one line tells of."""

Keep = Callable[[str, ir.Table], ir.Table]
"""(name, expression) -> its rows, computed once: ``Compute.keep``."""


def prepare(tables: ClaimTables, keep: Keep, window: Window | None = None) -> ClaimTables:
    """The tables with hits and charges made once for all rules. window: then only for rules that look back what lies before it is kept."""
    return replace(tables, hit=keep("hit", hit_expression(tables, window)), charge=keep("charge", charge_expression(tables, window)))


def hits(tables: ClaimTables) -> ir.Table:
    """The hits: those made already, or the expression."""
    return hit_expression(tables) if tables.hit is None else tables.hit


def hit_expression(tables: ClaimTables, window: Window | None = None) -> ir.Table:
    """One row a line and point: what the families read of line, claim, person, institution and point. role: item, or other where the line
    is one of the items that the point names besides.
    """
    named = _named(tables.point)
    found = _tested(tables, named.filter(named.state.isin([TESTED, BY_HAND]) | named.rule_code.isin(_WITH_CODES)), window)
    plain = named.filter((named.state == GROUPED) & ~named.rule_code.isin(_WITH_CODES))
    daily = plain.rule_code.isin(QUANTITY) & (plain.period.fill_null("day") == "day") & plain.interval_days_min.isnull()
    paired = plain.rule_code.isin(TOGETHER_A_DAY)
    parts = (
        _of_claims(tables, _lines(tables, plain.filter(~daily & ~paired)), window),
        _of_claims(tables, _much_a_day(tables, plain.filter(daily)), window),
        _of_claims(tables, _both_on_a_day(tables, plain.filter(paired)), window),
    )
    for part in parts:
        found = found.union(_shaped(part), distinct=False)
    return found


def _lines(tables: ClaimTables, named: ir.Table, few: ir.Table | None = None) -> ir.Table:
    """Lines beside the points that were in force on their day. few: point and claim_id, each pair once, where only lines of those are
    wanted.
    """
    line = tables.line.select(
        "claim_id",
        "item_code",
        "quantity",
        "days",
        "unit_price_fen",
        "amount_fen",
        "fund_fen",
        "charged_on",
        "prescription",
        line_id="id",
        line_department="department",
    )
    if few is None:
        rows = line.join(named, line.item_code == named.named_code)
    else:
        line = line.join(few.select("claim_id", few_point="point"), "claim_id")
        rows = line.join(named, [line.item_code == named.named_code, line.few_point == named.point]).drop("few_point")
    return rows.filter(
        (rows.effective_from.isnull() | (rows.charged_on >= rows.effective_from))
        & (rows.effective_until.isnull() | (rows.charged_on <= rows.effective_until))
    )


def _of_claims(tables: ClaimTables, rows: ir.Table, window: Window | None, **more: ir.Value) -> ir.Table:
    """The rows with their claims. more: columns of the claim besides."""
    claim = tables.claim.select("person_id", "institution_id", "setting", "from_date", "to_date", of_claim="id", **more)
    rows = rows.join(claim, rows.claim_id == claim.of_claim)
    if window is not None:
        rows = rows.filter(rows.to_date.between(window.from_date, window.to_date) | rows.rule_code.isin(LOOKING_BACK))
    return rows


def _tested(tables: ClaimTables, named: ir.Table, window: Window | None) -> ir.Table:
    """Rows of points that one line can go against, and of those that look at the codes of the claim."""
    claim = tables.claim
    more = {
        "scheme": claim.scheme,
        "claim_department": claim.department,
        "principal": claim.principal_diagnosis,
        "codes": all_codes(claim),
        "operations": _text_of(claim.procedures.join(MARK)),
    }
    t = _of_claims(tables, _lines(tables, named), window, **more)
    patient = tables.patient.select("birth_date", "sex", patient="person_id")
    place = tables.institution.select("level", place_id="id")
    t = t.left_join(patient, t.person_id == patient.patient)
    t = t.left_join(place, t.institution_id == place.place_id)
    t = t.mutate(
        age_days=t.charged_on.delta(t.birth_date, unit="day"),
        place=ibis.coalesce(t.line_department, t.claim_department),
    )
    t = t.filter((t.state != TESTED) | picked(t, lambda test: test.violated(t), ibis.literal(False)).fill_null(False))
    over = ibis.greatest(t.amount_fen - (t.unit_price_max_fen * t.quantity).round().cast("int64"), ibis.literal(0, type="int64"))
    counted = t.state == GROUPED
    unknown = ibis.literal(None, type="boolean")
    t = t.mutate(
        price_over=over,
        value=counted.ifelse(NOTHING, picked(t, lambda test: test.value(t), NOTHING)),
        bound_text=counted.ifelse(NOTHING, picked(t, lambda test: test.limit(t), NOTHING)),
        diagnosed=(counted & t.wanted.notnull() & (t.codes != "")).ifelse(begins(t.codes, t.wanted), unknown),
        operated=(counted & t.wanted_operations.notnull()).ifelse(begins(t.operations, t.wanted_operations), unknown),
        state=(t.state == TESTED).ifelse(VIOLATED, t.state),
    )
    return _shaped(t)


def _much_a_day(tables: ClaimTables, named: ir.Table) -> ir.Table:
    """Rows of points with a quantity for a day, of persons who had more of it on some day. Few of many."""
    line = tables.line.select(
        "claim_id", "item_code", "charged_on", a_day=tables.line.quantity / ibis.greatest(tables.line.days.fill_null(1), 1)
    )
    most = named.select("point", "named_code", "quantity_max")
    rows = line.join(most, line.item_code == most.named_code)
    claim = tables.claim.select("person_id", "institution_id", of_claim="id")
    rows = rows.join(claim, rows.claim_id == claim.of_claim)
    sums = rows.group_by("point", "person_id", "institution_id", "charged_on").aggregate(
        a_day=rows.a_day.sum(), quantity_max=rows.quantity_max.max()
    )
    over = sums.filter(sums.a_day > sums.quantity_max).select("point", "person_id").distinct()
    whose = claim.join(over, "person_id").select("point", claim_id="of_claim")
    return _lines(tables, named, whose)


def _both_on_a_day(tables: ClaimTables, named: ir.Table) -> ir.Table:
    """Rows of points about items that may not go together, of claims that have both on some day. Few of many."""
    line = tables.line.select("claim_id", "item_code", "charged_on")
    roles = named.select("point", "named_code", "role")
    rows = line.join(roles, line.item_code == roles.named_code)
    days = rows.group_by("point", "claim_id", "charged_on").aggregate(one=rows.role.min(), another=rows.role.max())
    both = days.filter(days.one != days.another).select("point", "claim_id").distinct()
    return _lines(tables, named, both)


_KINDS = {
    "rule_code": "string",
    "point": "int64",
    "point_id": "string",
    "point_name": "string",
    "role": "string",
    "state": "string",
    "by_hand": "boolean",
    "item_code": "string",
    "line_id": "int64",
    "claim_id": "int64",
    "person_id": "int64",
    "institution_id": "int64",
    "setting": "string",
    "from_date": "date",
    "to_date": "date",
    "charged_on": "date",
    "quantity": "float64",
    "days": "int64",
    "unit_price_fen": "int64",
    "amount_fen": "int64",
    "risk_fen": "int64",
    "prescription": "string",
    "value": "string",
    "bound_text": "string",
    "diagnosed": "boolean",
    "operated": "boolean",
    "group_name": "string",
    "days_max": "int64",
    "interval_days_min": "int64",
    "quantity_max": "float64",
    "period": "string",
    "period_days": "int64",
    "unit_price_max_fen": "int64",
    "amount_max_fen": "int64",
    "share_max": "float64",
}
"""Columns of a hit. point: id of the knowledge point; point_id, point_name: its own. risk_fen: what the fund paid, else the amount; above a
limit of price what is above it. value, bound_text: what is there and what should be, where one line tells. diagnosed, operated: whether the
claim has a diagnosis, a procedure, that the point names.
"""


def _shaped(t: ir.Table) -> ir.Table:
    unpaid = (t.fund_fen == 0).fill_null(False) & limits_payment(t.rule_code)
    t = t.filter(~unpaid)
    risk = ibis.coalesce(t.fund_fen, t.amount_fen)
    if "price_over" in t.columns:
        risk = (t.rule_code == PRICE).ifelse(t.price_over, risk)
    t = t.mutate(risk_fen=risk)
    return t.select(**{name: (t[name] if name in t.columns else ibis.literal(None)).cast(kind) for name, kind in _KINDS.items()})


def _named(point: ir.Table) -> ir.Table:
    """The points by each code of an item that they name, with what is to be done with their lines; without those that bound nothing."""
    own = point.filter(point.item_code != "")
    bounds = own.select(
        "point_id",
        "rule_code",
        "effective_from",
        "effective_until",
        "age_min_days",
        "age_max_days",
        "levels",
        "settings",
        "departments",
        "schemes",
        "group_name",
        "days_max",
        "interval_days_min",
        "quantity_max",
        "period",
        "period_days",
        "unit_price_max_fen",
        "amount_max_fen",
        "share_max",
        point="id",
        point_name="item_name",
        named_code="item_code",
        sex_only="sex",
        wanted="diagnoses",
        forbidden="diagnoses_not",
        wanted_operations="procedures",
        by_hand=own.by_hand.fill_null(False),
        has_others=own.other_codes.notnull(),
        role=ibis.literal("item"),
    )
    grouped = ibis.coalesce(_counted_bound(bounds), ibis.literal(False))
    tested = ibis.coalesce(picked(bounds, lambda test: test.bound(bounds), ibis.literal(False)), ibis.literal(False))
    bounds = bounds.mutate(state=ibis.cases((grouped, GROUPED), (tested, TESTED), (bounds.by_hand, BY_HAND), else_=NOTHING)).drop(
        "has_others"
    )
    bounds = bounds.filter(bounds.state.notnull())
    naming = point.filter(point.rule_code.isin(WITH_OTHERS) & point.other_codes.notnull())
    others = naming.select(
        "point_id",
        "rule_code",
        "effective_from",
        "effective_until",
        point="id",
        point_name="item_name",
        named_code=naming.other_codes.unnest(),
    ).distinct()
    fixed = {"by_hand": ibis.literal(False), "role": ibis.literal("other"), "state": ibis.literal(GROUPED)}
    empty = {name: ibis.literal(None).cast(kind) for name, kind in bounds.schema().items() if name not in {*others.columns, *fixed}}
    others = others.mutate(**empty, **fixed)
    return bounds.union(others.select(*bounds.columns), distinct=False)


def _counted_bound(t: ir.Table) -> ir.BooleanValue:
    """Whether points of rules that count have what they count by."""
    return ibis.cases(
        (t.rule_code.isin(QUANTITY), t.quantity_max.notnull() | t.interval_days_min.notnull()),
        (t.rule_code.isin(AMOUNT), t.amount_max_fen.notnull()),
        (t.rule_code.isin(COURSE), t.days_max.notnull() | t.quantity_max.notnull()),
        (t.rule_code.isin(TOGETHER_A_DAY), t.has_others),
        (t.rule_code.isin(TOGETHER_AT_A_TIME), t.has_others | t.group_name.notnull()),
        (t.rule_code.isin(ALONE), t.has_others | t.wanted_operations.notnull()),
        (t.rule_code == DISCOUNT, t.group_name.notnull()),
        (t.rule_code == PERIOPERATIVE, t.days_max.notnull()),
        (t.rule_code.isin((SINGLE_HERB, SECOND_LINE)), ibis.literal(True)),
        else_=ibis.literal(False),
    )


def all_codes(claim: ir.Table) -> ir.StringValue:
    """The diagnoses of a claim as one text: each with MARK before it and without dots; empty where there are none."""
    first = ibis.literal(MARK) + claim.principal_diagnosis
    text = ibis.coalesce(first, ibis.literal("")) + _text_of(claim.diagnoses.join(MARK))
    return text.replace(".", "")


def _text_of(joined: ir.StringValue) -> ir.StringValue:
    return ibis.coalesce(ibis.literal(MARK) + joined.nullif(""), ibis.literal("")).replace(".", "")
