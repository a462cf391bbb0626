"""Shares of an institution's month beside those of its peers: drugs, laboratory, material, treatment, CT, MRI, infections, readmissions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir

from detection import months
from detection.claims.rule import Scope, Window
from detection.claims.tables import ClaimTables
from detection.knowledge.charges import charges
from detection.knowledge.families.family import FAMILY_FIELDS, Family, severity_of
from detection.knowledge.families.row_tests import MARK
from detection.knowledge.hits import all_codes
from detection.rules.assembling import finding, record
from detection.rules.rule import Sentence
from models.detection import SubjectKind
from models.policy_claims import ClaimsPolicy

ENGLISH = """
Of each institution and month: the shares of drugs (without herbs), of examinations and laboratory, of material, of treatment, of CT and of
MRI in what was billed, the share of stays with an infection of the hospital, and the share of discharges after which the person came back
unplanned. A share far above those of institutions of the same level and kind in the month (robust standard deviations from their median,
policy), or above a limit of policy, is named. It is a figure to ask about, not a fault.

Drugs, material and so on need lines; infections and readmissions need stays. Months with few claims, and levels with few institutions, are
left out. No money at risk is counted.
"""

CHINESE = """
按机构按月统计：药费(不含中药饮片)、检验检查、耗材、治疗、CT、核磁占总费用的比例，发生院内感染的住院比例，非计划再入院比例。明显高于同月同级别同类型机构
(与中位数相差若干个稳健标准差，由政策规定)或高于政策限值的，予以提示。这是需要了解的指标，并不表示违规。

费用占比需要费用明细，感染和再入院需要住院数据。就诊数过少的月份、机构过少的级别不统计。不计涉及金额。
"""

SENTENCES = (
    Sentence(
        "{value} in {month}: the usual share is {median} ({peers} institutions).",
        "{month}占比{value}：同类机构中位数为{median}({peers}家)。",
        when="peers",
    ),
    Sentence("{value} in {month}; the limit of policy is {allowed}.", "{month}占比{value}；政策限值为{allowed}。", when="allowed"),
    Sentence("Of {counted} claims.", "共{counted}次就诊。"),
)

SHARES = {
    "ZB10000205001000": ("drugs", ("western_drug_fen", "patent_drug_fen")),
    "ZB10000205002000": ("laboratory", ("examination_fen", "laboratory_fen")),
    "ZB10000205003000": ("materials", ("material_fen",)),
    "ZB10000205004000": ("treatment", ("treatment_fen",)),
}
CT, MRI, INFECTIONS, READMISSIONS = "ZB10000205005000", "ZB10000205006000", "ZB10000205007000", "ZB10000205008000"
CODES = (*SHARES, CT, MRI, INFECTIONS, READMISSIONS)
_NAMES = {
    **{code: name for code, (name, _) in SHARES.items()},
    CT: "ct",
    MRI: "mri",
    INFECTIONS: "infections",
    READMISSIONS: "readmissions",
}
_MAD = 1.4826
_SMALLEST = 0.005
"""Of a spread, so that peers who are all alike do not make everybody else unusual."""
_DAY_SECONDS = 86_400
_RECORDS = 50


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding an institution, month and share."""
    limits = policy.national.statistics
    rows = _billed(tables, policy).union(_stays(tables, policy), distinct=False)
    rows = rows.filter(rows.claims >= limits.claims_min)
    place = tables.institution.select("code", "level", "kind", "region_code", place_id="id")
    # an institution without a level or a kind has no peers
    rows = rows.join(place.filter(place.level.notnull(), place.kind.notnull()), [("institution_id", "place_id")])
    # by windows: an engine would work the shares out once more for each join with what is counted of them
    peers = ibis.window(group_by=["rule_code", "month", "level", "kind"])
    rows = rows.mutate(median=rows.share.median().over(peers), peers=rows.institution_id.count().over(peers))
    rows = rows.mutate(apart=(rows.share - rows.median).abs())
    rows = rows.mutate(mad=rows.apart.median().over(peers))
    unusual = (rows.peers >= limits.peers_min) & (rows.share > rows.median + limits.deviation * ibis.greatest(rows.mad * _MAD, _SMALLEST))
    within = rows.last_day.between(window.from_date, window.to_date)
    limit = ibis.cases(*((rows.rule_code == code, limits.limits[name]) for code, name in _NAMES.items()), else_=1.0)
    rows = rows.mutate(unusual=unusual, allowed=limit)
    found = rows.filter(within & (rows.unusual | (rows.share > rows.allowed)))
    behind = _behind(tables, found.view())
    found = found.join(behind, [("institution_id", "behind_institution"), ("month", "behind_month")])
    none = ibis.literal(None, type="float64")
    code = found.rule_code
    return finding(
        found,
        key=code + ":" + found.institution_id.cast("string") + ":" + found.month.cast("string"),
        confidence=policy.national.confidence.by_hand,
        facts={
            "month": found.month.cast("string").substr(0, 7),
            "value": found.share.round(4).cast("string"),
            "median": found.unusual.ifelse(found.median.round(4), none),
            "peers": found.unusual.ifelse(found.peers, ibis.literal(None, type="int64")),
            "allowed": (found.share > found.allowed).ifelse(found.allowed, none),
            "counted": found.claims.cast("int64"),
        },
        records=found.entries,
        subject_ref=found.code,
        region_code=found.region_code,
        from_month=found.month,
        to_month=found.month,
        count=1,
        amount_fen=0,
        more={
            "subject_kind": ibis.literal(SubjectKind.HOSPITAL.value),
            "completed_on": found.last_day.cast("date"),
            "rule_code": code,
            "severity": ibis.literal(severity_of(CODES[0]).value),
        },
    ).select(*FAMILY_FIELDS)


def _behind(tables: ClaimTables, found: ir.Table) -> ir.Table:
    """The dearest claims of the months that are named."""
    wanted = found.select("institution_id", wanted_month="month").distinct()
    claim = tables.claim.select("id", "institution_id", "total_fen", behind_month=months.first_of(tables.claim.to_date))
    claim = claim.semi_join(wanted, [claim.institution_id == wanted.institution_id, claim.behind_month == wanted.wanted_month])
    order = ibis.window(group_by=["institution_id", "behind_month"], order_by=[claim.total_fen.desc(), claim.id])
    claim = claim.mutate(place=ibis.row_number().over(order))
    claim = claim.filter(claim.place < _RECORDS)
    return claim.group_by(behind_institution=claim.institution_id, behind_month=claim.behind_month).aggregate(
        entries=record("claim", claim.id, "claim").collect()
    )


def _rows(sums: ir.Table, shares: Mapping[str, tuple[ir.NumericValue, ir.NumericValue]]) -> ir.Table:
    """One row an institution, month and share: code -> (part, whole). Unfolded, since a union would work out the sums for each share."""
    each = [
        ibis.struct({"rule_code": ibis.literal(code), "share": part.cast("float64") / whole.nullif(0).cast("float64")})
        for code, (part, whole) in shares.items()
    ]
    rows = sums.select(
        "institution_id",
        "month",
        claims=sums.claims.cast("int64"),
        last_day=sums.last_day.cast("date"),
        each=ibis.array(each).unnest(),
    ).unpack("each")
    return rows.filter(rows.share.notnull())


def _billed(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    """Shares of what was billed."""
    claim = tables.claim.select("institution_id", "to_date", of_claim="id", month=months.first_of(tables.claim.to_date))
    sums = charges(tables)
    both = sums.join(claim, sums.claim_id == claim.of_claim)
    columns = sorted({name for _, names in SHARES.values() for name in names})
    billed = both.group_by("institution_id", "month").aggregate(
        claims=both.claim_id.count(),
        last_day=both.to_date.max(),
        lines_fen=both.lines_fen.sum(),
        **{name: both[name].sum() for name in columns},
    )
    scans = _scans(tables, policy, claim)
    billed = billed.left_join(scans, [("institution_id", "scan_institution"), ("month", "scan_month")])
    shares = {code: (reduce(add, (billed[name] for name in names)), billed.lines_fen) for code, (_, names) in SHARES.items()}
    # without any scan of the kinds an institution has no share of them
    return _rows(billed, shares | {CT: (billed.ct_fen, billed.lines_fen), MRI: (billed.mri_fen, billed.lines_fen)})


def _scans(tables: ClaimTables, policy: ClaimsPolicy, claim: ir.Table) -> ir.Table:
    limits = policy.national.statistics
    line = tables.line.filter(tables.line.category == "examination")
    ct, mri = ibis.literal(False), ibis.literal(False)
    for beginning in limits.ct:
        ct = ct | line.item_code.startswith(beginning)
    for beginning in limits.mri:
        mri = mri | line.item_code.startswith(beginning)
    scans = line.select("claim_id", "amount_fen", ct=ct, mri=mri)
    scans = scans.filter(scans.ct | scans.mri)
    both = scans.join(claim, scans.claim_id == claim.of_claim)
    sums = both.group_by(scan_institution=both.institution_id, scan_month=both.month).aggregate(
        ct_fen=both.amount_fen.sum(where=both.ct).fill_null(0), mri_fen=both.amount_fen.sum(where=both.mri).fill_null(0)
    )
    return sums


def _stays(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    """Infections of the hospital, and persons who came back unplanned."""
    stay = tables.claim.filter(tables.claim.setting == "inpatient")
    codes = all_codes(stay)
    planned = ibis.literal(False)
    for beginning in policy.national.visits.planned:
        planned = planned | codes.contains(MARK + beginning)
    stay = stay.select(
        "institution_id",
        "person_id",
        "to_date",
        claim_id="id",
        month=months.first_of(stay.to_date),
        starts=stay.from_date.epoch_seconds() // _DAY_SECONDS,
        ends=stay.to_date.epoch_seconds() // _DAY_SECONDS,
        planned=planned,
        infected=stay.hospital_acquired.length().fill_null(0) > 0,
    )
    order = ibis.window(group_by=["institution_id", "person_id"], order_by=[stay.starts, stay.claim_id])
    stay = stay.mutate(next_starts=stay.starts.lead().over(order), next_planned=stay.planned.lead().over(order))
    gap = stay.next_starts - stay.ends
    back = (gap >= 0) & (gap <= policy.national.statistics.readmission_days) & ~stay.next_planned
    stay = stay.mutate(back=back.fill_null(False))
    sums = stay.group_by("institution_id", "month").aggregate(
        claims=stay.claim_id.count(),
        last_day=stay.to_date.max(),
        infected=stay.infected.cast("int64").sum(),
        back=stay.back.cast("int64").sum(),
    )
    return _rows(sums, {INFECTIONS: (sums.infected, sums.claims), READMISSIONS: (sums.back, sums.claims)})


FAMILY = Family("statistics", CODES, ENGLISH, CHINESE, SENTENCES, find, scope=Scope.INSTITUTION, needs=("institution.level",))
