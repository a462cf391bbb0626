"""P7 Life after a recorded death

Somebody left traces of life after the day on which the person is recorded as dead: a face or counter certification, a visit, a
treatment, a vaccination, a journey. Either the death record is wrong (booked to another person, a wrong day) or somebody uses a dead
person's identity. The wrong death record is looked for first, because a living pensioner would lose the pension.

The death record is in doubt if it lies before the birth; if a conclusive trace came later, such as a certification in person; or if
enough independent sources that check identities (policy) saw the person later. Traces of one kind and source count once, and a
certification made from a trace does not count beside it. Traces of the first days after the death may only have been booked late. The
finding also says how many persons of the same name live in the region, and how many of them were born in the same year. It recommends
what to check first. The earliest death record is compared. Nothing changes by itself.

The finding has no money of its own: what was paid after the death belongs to rule P1.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import deaths, earliest_deaths, finding, key_of, record
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
在登记的死亡日期之后仍有生存线索：刷脸或窗口认证、上门、就医、接种、出行等。要么死亡记录有误(登记到他人名下、日期错误)，要么有人冒用
死者身份。首先核查死亡记录是否有误，因为健在的人会因此失去养老金。

有下列情形之一的，死亡记录存疑：死亡日期早于出生日期；其后有结论性生存证据(如本人到场认证)；其后有达到政策规定数量、且核验身份的独立
来源见到本人。同类同源的线索只计一次，由线索生成的静默认证不重复计算。死亡后最初几天的线索可能只是补录。线索同时给出本地区同名人数及
其中同年出生人数，并建议先核查什么。与日期最早的死亡记录比较。系统不会自行更改任何状态。

本线索自身不计金额：死亡后的发放归规则P1。
"""

SENTENCES = (
    Sentence(
        "Recorded as dead on {died_on}, yet {traces} trace(s) of life came later, the newest on {newest_trace_on} ({r_death}; {r_trace}).",
        "登记死亡日期{died_on}，其后仍有{traces}条生存线索，最近一条{newest_trace_on}({r_death}；{r_trace})。",
    ),
    Sentence("The earliest record of the death is from {source}, {strength}.", "最早的死亡记录来源：{source}，{strength}。"),
    Sentence(
        "The traces come from {independent} independent source(s), the first on {first_trace_on}.",
        "线索来自{independent}个独立来源，最早一条{first_trace_on}。",
    ),
    Sentence("The death lies before the birth.", "死亡日期早于出生日期。", when="before_birth"),
    Sentence("Conclusive among the traces: {conclusive}.", "其中结论性证据{conclusive}条。", when="conclusive"),
    Sentence("{sources} independent source(s) checked the identity.", "{sources}个独立来源核验过身份。", when="sources"),
    Sentence("{death_sources} sources report the death.", "共有{death_sources}个来源报告死亡。", when="several_death_sources"),
    Sentence(
        "{namesakes} other person(s) of the same name in the region, {namesakes_of_year} of them born in the same year: "
        "the death may be another's.",
        "本地区另有同名{namesakes}人，其中同年出生{namesakes_of_year}人：死亡记录可能属于他人。",
        when="namesakes",
    ),
    Sentence("The death record is probably wrong: check it first.", "死亡记录很可能有误，请先核查。", when="doubts_death"),
    Sentence("Recommended: {recommendation}.", "建议：{recommendation}。"),
)

_LIFE = ("face", "counter", "home_visit", "video_call", "assisted", "data_match")


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person. Its key, and the facts that it shares with what is found as rows come in, are those of ``life_after_death``."""
    rule = policy.P7
    rows = deaths(tables, rule.death_strengths)
    first = earliest_deaths(tables, rule.death_strengths)
    reported = rows.group_by("person_id").aggregate(
        deaths=rows.id.count(), death_sources=rows.source.nunique(), death_records=record("life_evidence", rows.id, "death").collect()
    )
    death = first.select("person_id", "strength", "source", "died_on")
    life = tables.evidence.filter(tables.evidence.kind.isin(_LIFE) & (tables.evidence.occurred_on <= ibis.literal(as_of))).select(
        "person_id", "occurred_on", "based_on_id", trace_id="id", trace_strength="strength", origin=_origin(tables.evidence)
    )
    later = life.join(death, "person_id").filter(lambda t: t.occurred_on > t.died_on)
    own = later.based_on_id.isnull()
    settled = own & (later.occurred_on > months.plus_days(later.died_on, rule.late_days))
    checked = settled & later.trace_strength.isin(["supporting", "conclusive"])
    seen = later.group_by("person_id", "died_on", "strength", "source").aggregate(
        traces=later.trace_id.count(where=own),
        independent=later.origin.nunique(where=own),
        settled=settled.cast("int64").sum(),
        conclusive=(own & (later.trace_strength == "conclusive")).cast("int64").sum(),
        sources=later.origin.nunique(where=checked),
        first_trace_on=later.occurred_on.min(),
        newest_trace_on=later.occurred_on.max(),
        trace_records=record("life_evidence", later.trace_id, "trace").collect(),
    )
    namesake = tables.namesake.select("same_region", "same_birth_year", named_id="person_id")
    born = tables.speaking().select("birth_date", born_id="person_id")
    found = seen.join(reported, "person_id").join(born, [("person_id", "born_id")]).left_join(namesake, [("person_id", "named_id")])
    found = found.mutate(
        before_birth=found.died_on < found.birth_date,
        doubts_death=(found.died_on < found.birth_date) | (found.conclusive > 0) | (found.sources >= rule.doubtful_sources),
    )
    sure = ibis.cases((found.doubts_death, rule.doubtful), (found.settled > 0, rule.unclear), else_=rule.weak)
    recommendation = ibis.cases(
        (found.before_birth, "correct_death_record"),
        (found.doubts_death, "check_death_record"),
        (found.settled == 0, "check_late_booking"),
        ((found.death_sources >= 2) & (found.strength == "conclusive"), "check_use_of_identity"),
        else_="check_both",
    )
    return finding(
        found,
        key=key_of("P7", found.person_id),
        person_id=found.person_id,
        confidence=sure,
        facts={
            "died_on": found.died_on,
            "strength": found.strength,
            "source": found.source,
            "traces": found.traces,
            "sources": found.sources,
            "first_trace_on": found.first_trace_on,
            "newest_trace_on": found.newest_trace_on,
            "conclusive": found.conclusive,
            "independent": found.independent,
            "deaths": found.deaths,
            "death_sources": found.death_sources,
            "several_death_sources": found.death_sources >= 2,
            "before_birth": found.before_birth,
            "doubts_death": found.doubts_death,
            "namesakes": found.same_region,
            "namesakes_of_year": found.same_birth_year,
            "recommendation": recommendation,
        },
        records=found.death_records.concat(found.trace_records),
    )


def _origin(evidence: ir.Table) -> ir.StringValue:
    """Kind, trace and source: what makes traces independent of each other."""
    return evidence.kind + "|" + evidence.trace.fill_null("") + "|" + evidence.source


RULE = Rule(
    "P7",
    DetectionKind.PAYMENTS,
    AlertSeverity.WARNING,
    "Life after a recorded death",
    "死亡登记后仍有生存线索",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
