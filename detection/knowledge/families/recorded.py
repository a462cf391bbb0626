"""What is missing or contradictory in settlement lists and their lines, sent late, or charged outside the stay."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.stays import day, local_day
from detection.claims.tables import ClaimTables
from detection.knowledge.charges import charges
from detection.knowledge.families.family import Family, line_record, told, with_claim
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A settlement list is looked at by itself: a stay without a diagnosis, more paid by the fund than was billed, lines that sum to more than
the bill, settled before it ended, a person not yet born. So are its lines: without a code or a name, nothing in quantity but an amount,
an amount that is not quantity times price. A list that reached the agency days after settlement is late, and charges may not lie outside
the stay.

What may differ by rounding, and how many days are allowed, is policy. The money at risk is what the fund paid above the bill, the lines
above it, or the lines themselves where they lie outside the stay or cannot be computed; what is missing or late has none.
"""

CHINESE = """
核对医保结算清单本身：住院无诊断、基金支付大于总费用、明细合计大于总费用、结算早于就诊结束、就诊早于出生。核对明细本身：无编码或名称、有金额而数量为零、
金额不等于数量乘以单价。结算数日后才上传的为非实时上传；计费日期不在住院时间范围内的，予以提示。

允许的误差和天数由政策规定。涉及金额为基金支付超出总费用的部分、明细超出总费用的部分，或日期、计算有误的明细金额；缺失或迟传的为零。
"""

SENTENCES = (
    Sentence("{r_claim}: {value}.", "{r_claim}：{value}。", when="value"),
    Sentence("{lines} line(s), first on {day} ({r_line}).", "{lines}条明细，首次日期{day}({r_line})。", when="lines"),
    Sentence("Counted: {counted}; allowed: {allowed}.", "实际：{counted}；允许：{allowed}。", when="counted"),
)

LIST, LINES, LATE, OUTSIDE = "GZ10000201001000", "GZ10000201002000", "GZ10000201007000", "GZ10000201008000"
CODES = (LIST, LINES, LATE, OUTSIDE)
_STAYS = ("inpatient", "day_case", "home")
_NO_LINES = "array<struct<kind: string, id: int64, role: string>>"
_SHAPE = ("rule_code", "claim_id", "subject", "value", "counted", "allowed", "lines", "day", "amount_fen", "listed")


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and what is wrong with it."""
    found = _lists(tables, policy)
    for part in (_late(tables, policy), _outside(tables, policy), _lines(tables, policy)):
        found = found.union(part, distinct=False)
    claim = tables.claim.select("person_id", "to_date", of_claim="id")
    t = found.join(claim, found.claim_id == claim.of_claim)
    t = t.mutate(completed_on=t.to_date, by_hand=ibis.literal(False), records=with_claim(t, t.listed))
    return told(t, CODES, policy, window)


def _shaped(t: ir.Table, code: str) -> ir.Table:
    """Rows with claim_id and subject; what else there is of the shape."""
    kinds = {"value": "string", "counted": "float64", "allowed": "float64", "lines": "int64", "day": "date", "amount_fen": "int64"}
    shown = {name: (t[name] if name in t.columns else ibis.literal(None)).cast(kind) for name, kind in kinds.items()}
    listed = t.listed if "listed" in t.columns else ibis.literal([], type=_NO_LINES)
    shown["amount_fen"] = shown["amount_fen"].fill_null(0)
    return t.select("claim_id", subject=t.subject, rule_code=ibis.literal(code), listed=listed, **shown).select(*_SHAPE)


def _lists(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    claim = tables.claim
    slack = policy.national.records.sum_fen
    undiagnosed = claim.setting.isin(["inpatient", "day_case"]) & (claim.principal_diagnosis.fill_null("") == "")
    overpaid = claim.fund_fen > claim.total_fen + slack
    early = (local_day(claim.settled_at, policy.H13.utc_offset_h) < day(claim.to_date)).fill_null(False)
    wrong = claim.filter(undiagnosed | overpaid | early)
    subject = ibis.cases(
        (wrong.fund_fen > wrong.total_fen + slack, "fund_above_bill"), (_undiagnosed(wrong), "no_diagnosis"), else_="settled_early"
    )
    parts = wrong.select(
        claim_id="id", subject=subject, value=subject, amount_fen=ibis.greatest(wrong.fund_fen - wrong.total_fen - slack, 0)
    )
    sums = charges(tables)
    billed = claim.select("total_fen", of_claim="id")
    both = sums.join(billed, sums.claim_id == billed.of_claim)
    above = both.filter(both.lines_fen > both.total_fen + slack)
    above = above.mutate(
        subject=ibis.literal("lines_above_bill"),
        value=ibis.literal("lines_above_bill"),
        counted=above.lines_fen / 100,
        allowed=above.total_fen / 100,
        amount_fen=above.lines_fen - above.total_fen,
    )
    patient = tables.patient.select("birth_date", patient="person_id")
    born = claim.select("person_id", "from_date", claim_id="id").join(patient, [("person_id", "patient")])
    unborn = born.filter(born.birth_date > born.from_date).mutate(subject=ibis.literal("before_birth"), value=ibis.literal("before_birth"))
    return _shaped(parts, LIST).union(_shaped(above, LIST), distinct=False).union(_shaped(unborn, LIST), distinct=False)


def _undiagnosed(claim: ir.Table) -> ir.BooleanValue:
    return claim.principal_diagnosis.fill_null("") == ""


def _late(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    most = policy.national.records.upload_days
    claim = tables.claim.filter(tables.claim.uploaded_at.notnull())
    offset = policy.H13.utc_offset_h
    done = local_day(claim.settled_at, offset).fill_null(day(claim.to_date))
    claim = claim.mutate(counted=local_day(claim.uploaded_at, offset) - done)
    late = claim.filter(claim.counted > most)
    rows = late.select(
        claim_id="id", subject=ibis.literal("late"), value=ibis.literal("late"), counted="counted", allowed=ibis.literal(most)
    )
    return _shaped(rows, LATE)


def _outside(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    slack = ibis.interval(days=policy.national.records.outside_days)
    stay = tables.claim.filter(tables.claim.setting.isin(_STAYS))
    stay = stay.select(of_claim="id", first=(stay.from_date - slack).cast("date"), last=(stay.to_date + slack).cast("date"))
    sums = charges(tables)
    apart = sums.join(stay, sums.claim_id == stay.of_claim)
    apart = apart.filter((apart.first_charged_on < apart["first"]) | (apart.last_charged_on > apart["last"]))
    apart = apart.select("of_claim", "first", "last")
    line = tables.line.join(apart, tables.line.claim_id == apart.of_claim)
    line = line.filter((line.charged_on < line["first"]) | (line.charged_on > line["last"]))
    return _shaped(_of_lines(line), OUTSIDE)


def _lines(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    limits = policy.national.records
    line = tables.line
    unnamed = (line.item_code.fill_null("") == "") | (line.item_name.fill_null("") == "")
    nothing = (line.quantity <= 0) & (line.amount_fen > 0)
    apart = (line.amount_fen - line.quantity * line.unit_price_fen).abs()
    wrong_sum = apart > ibis.greatest(line.amount_fen.cast("float64") * limits.price_share, float(limits.sum_fen))
    return _shaped(_of_lines(line.filter((unnamed | nothing | wrong_sum).fill_null(False))), LINES)


def _of_lines(line: ir.Table) -> ir.Table:
    rows = line.mutate(line_id=line.id)
    return rows.group_by("claim_id").aggregate(
        subject=ibis.literal("lines"),
        lines=rows.line_id.count(),
        day=rows.charged_on.min(),
        amount_fen=ibis.coalesce(rows.fund_fen, rows.amount_fen).sum(),
        listed=line_record(rows).collect(),
    )


FAMILY = Family("recorded", CODES, ENGLISH, CHINESE, SENTENCES, find, needs=("claim",))
