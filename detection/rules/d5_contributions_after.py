"""D5 Contributions after death or in custody

An enrolment goes on more than some days (policy) after the death, or through months that lie wholly in custody. After a death the first
month that counts is the first one that begins after those days; schemes that are paid for a whole calendar year count from the next
year on. In custody only schemes count that take work (policy); the cover of residents may go on. The earliest death record that is
strong enough under policy counts.

There is no money in this finding, since the store holds no contributions. How sure it is follows from the strength of the record of
death or custody.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import by_strength, earliest_deaths, finding, key_of, record, records
from detection.rules.contributions import enrolments
from detection.rules.custody import custodies
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import ContributionsAfter, RulesPolicy

EXPLANATION_ZH = """
死亡后超过政策规定天数、或完整处于羁押(服刑)的月份中，参保关系仍在继续。死亡之后从规定天数届满后开始的第一个月起算；按自然年缴费的险
种从次年起算。羁押期间只计政策列出的以就业为前提的险种，居民保险可以继续。死亡以强度达到政策要求的最早一条记录为准。

系统不保存缴费数据，因此本线索不计金额。可信程度取决于死亡或羁押记录的强度。
"""

SENTENCES = (
    Sentence("Death on {died_on} (source: {source}; {r_death}).", "死亡日期{died_on}(来源：{source}；{r_death})。", when="died_on"),
    Sentence("In custody since {custody_from} ({r_custody}).", "羁押(服刑)自{custody_from}起({r_custody})。", when="custody_from"),
    Sentence(
        "{enrolments} enrolment(s) went on for {months} month(s) of that time, {from_month} to {to_month} ({r_overlap}).",
        "其间{enrolments}项参保关系继续{months}个月({from_month}至{to_month})({r_overlap})。",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person for the death, one a stretch of custody."""
    rule = policy.D5
    rows = enrolments(tables, as_of)
    return _after_death(tables, rows, rule).union(_in_custody(tables, rows, rule), distinct=False)


def _after_death(tables: Tables, rows: ir.Table, rule: ContributionsAfter) -> ir.Table:
    death = earliest_deaths(tables, rule.confidence)
    late = rows.join(death, "person_id")
    begins = months.after(months.plus_days(late.died_on, rule.days_after_death))
    if rule.whole_year:
        next_year = ibis.date((late.died_on.year() + 1).cast("int32"), 1, 1)
        yearly = late.scheme.isin([scheme.value for scheme in rule.whole_year])
        begins = yearly.ifelse(ibis.greatest(begins, next_year), begins)
    late = late.mutate(first=ibis.greatest(late.from_month, begins), last=late.to_month)
    late = late.filter(late.first <= late.last)
    found = _counted(late, "person_id").join(death, "person_id")
    return finding(
        found,
        key=key_of("D5", found.person_id, "death"),
        person_id=found.person_id,
        confidence=by_strength(found.strength, rule.confidence),
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        facts={
            "died_on": found.died_on,
            "source": found.source,
            "custody_from": ibis.literal(None, type="date"),
            "enrolments": found.enrolments,
        },
        records=records(record("life_evidence", found.evidence_id, "death")).concat(found.entries),
    )


def _in_custody(tables: Tables, rows: ir.Table, rule: ContributionsAfter) -> ir.Table:
    rows = rows.filter(rows.scheme.isin([scheme.value for scheme in rule.custody]))
    custody = custodies(tables, rule.confidence)
    held = rows.join(custody.select("custody_id", "person_id", "from_month", "to_month"), "person_id", rname="{name}_held")
    held = held.mutate(
        first=ibis.greatest(held.from_month, held.from_month_held),
        last=ibis.least(held.to_month, held.to_month_held.fill_null(months.OPEN_END)),
    )
    held = held.filter(held.first <= held.last)
    about = custody.select("custody_id", "person_id", "custody_from", "confidence", "custody_records")
    found = _counted(held, "custody_id").join(about, "custody_id")
    return finding(
        found,
        key=key_of("D5", found.custody_id, "custody"),
        person_id=found.person_id,
        confidence=found.confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        facts={
            "died_on": ibis.literal(None, type="date"),
            "source": ibis.literal(None, type="string"),
            "custody_from": found.custody_from,
            "enrolments": found.enrolments,
        },
        records=found.custody_records.concat(found.entries),
    )


def _counted(rows: ir.Table, by: str) -> ir.Table:
    each = rows.select(by, number=months.each_month(rows.first, rows.last))
    counted = each.group_by(by).aggregate(first_=each.number.min(), last_=each.number.max(), months=each.number.nunique())
    listed = rows.group_by(by).aggregate(enrolments=rows.id.nunique(), entries=record("enrolment", rows.id, "overlap").collect())
    found = counted.join(listed, by)
    return found.mutate(from_month=months.day_of(found.first_), to_month=months.day_of(found.last_)).drop("first_", "last_")


RULE = Rule(
    "D5",
    DetectionKind.DUPLICATES,
    AlertSeverity.VIOLATION,
    "Contributions after death or in custody",
    "死亡后或羁押期间继续参保",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
