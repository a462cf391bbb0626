"""D2 One scheme in two regions

Somebody is enrolled in the same scheme in two or more regions in the same months, longer than a move may take (policy). How many digits
of the region's code tell two regions apart stands in policy: six for counties, four where cities are pooled. Months count once, also
when three regions overlap.

There is no money in this finding, since the store holds no contributions; two pensions are looked at by B2.
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import finding, key_of
from detection.rules.contributions import both, enrolments, months_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
同一险种在两个及以上统筹区的参保月份重叠，且超过转移所需月数(政策规定)。以行政区划代码的前几位区分统筹区由政策规定：六位为县级，市级
统筹的为四位。三地重叠的月份只计一次。

系统不保存缴费数据，因此本线索不计金额；重复领取养老金见B2。
"""

SENTENCES = (
    Sentence(
        "Enrolled in {scheme} in {regions} regions at once for {months} month(s), {from_month} to {to_month}, "
        "{transfer_months} of which a move may take ({r_overlap}).",
        "{scheme}同时在{regions}个统筹区参保{months}个月({from_month}至{to_month})，转移允许{transfer_months}个月({r_overlap})。",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person and scheme."""
    rule = policy.D2
    rows = enrolments(tables, as_of)
    rows = rows.filter(rows.scheme.isin([scheme.value for scheme in rule.schemes]))
    rows = rows.mutate(region=rows.region_code.substr(0, rule.region_digits))
    # an enrolment in one region is most often the only one: those are left out before they are paired
    places = rows.group_by("person_id", "scheme").aggregate(regions=rows.region.nunique())
    rows = rows.semi_join(places.filter(places.regions >= 2), ["person_id", "scheme"])
    pairs = both(rows, rows)
    pairs = pairs.filter((pairs.scheme == pairs.scheme_other) & (pairs.region < pairs.region_other))
    pairs = pairs.filter(months.count_of(pairs.first, pairs.last) > rule.transfer_months)
    sides = pairs.select("person_id", "scheme", "region").union(
        pairs.select("person_id", "scheme", region=pairs.region_other), distinct=True
    )
    regions = sides.group_by("person_id", "scheme").aggregate(regions=sides.region.nunique())
    found = months_of(pairs, "person_id", "scheme").join(regions, ["person_id", "scheme"])
    return finding(
        found,
        key=key_of("D2", found.person_id, found.scheme),
        person_id=found.person_id,
        confidence=rule.confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        facts={"scheme": found.scheme, "regions": found.regions, "transfer_months": rule.transfer_months},
        records=found.entries,
    )


RULE = Rule(
    "D2",
    DetectionKind.DUPLICATES,
    AlertSeverity.WARNING,
    "One scheme in two regions",
    "同一险种跨地区重复参保",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
