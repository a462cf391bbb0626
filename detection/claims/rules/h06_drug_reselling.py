"""H6 Drug reselling pattern

One person got the same drug from as many institutions as policy says within the days that it says. Who collects one drug in many places
may be selling it on. The same drug is that of one ingredient and form, whatever its strength, pack and maker; drugs given in hospital and
herbs do not count. There is one finding for each person, drug and calendar month in which it came true again.

It is surer where the lines tell that more days were supplied than passed between the first of these supplies and the end of the last.
Many people with a chronic disease change between a hospital, a community centre and a pharmacy for good reasons. The money at risk is
what was charged for the drug in that time.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection import months
from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import claim_entry, line_entry
from detection.claims.supplies import drug_lines, handed_out, stem
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
同一人在政策规定的期间内从达到规定数量的机构取得同一药品，存在倒卖药品的可能。同一药品指成分与剂型相同，不论规格、包装和厂家；住院用药
和中药饮片不计算在内。每人、每种药品、每个成立的自然月提示一次。

若明细显示供药总天数超过首次供药至末次供药用完之间的天数，则可信程度更高。许多慢性病患者因正当原因在医院、社区和药店之间取药。涉及金额
为期间内该药品的费用。
"""

SENTENCES = (
    Sentence(
        "{item} from {institutions} institutions, {first_on} to {last_on} ({r_claim}; {r_line}).",
        "{first_on}至{last_on}从{institutions}家机构取得{item}({r_claim}；{r_line})。",
    ),
    Sentence("Supplied for {supplied_days} days within {passed_days}.", "{passed_days}天内供药{supplied_days}天。", when="supplied_days"),
    Sentence("Charged for it: {amount} yuan.", "费用{amount}元。"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a person, drug and month."""
    rule = policy.H6
    claim = handed_out(tables)
    # most people go to few places: they are left out before any line is read
    places = claim.group_by("person_id").aggregate(places=claim.institution_id.nunique(), last_on=claim.to_date.max())
    places = places.filter((places.places >= rule.institutions_min) & (places.last_on >= ibis.literal(window.from_date)))
    lines = drug_lines(tables).join(claim.semi_join(places, "person_id"), "claim_id")
    lines = lines.mutate(stem=stem(lines.item_code))
    of_drug = lines.group_by("person_id", "stem").aggregate(places=lines.institution_id.nunique())
    lines = lines.semi_join(of_drug.filter(of_drug.places >= rule.institutions_min), ["person_id", "stem"])
    # a month whose last claim ends in the window begins no earlier than that of the window's first day
    now = lines.filter(lines.to_date >= ibis.literal(months.month_of(window.from_date)))
    now = now.select("person_id", "stem", "to_date", "on", "claim_id").distinct()
    past = lines.rename(
        past_claim="claim_id", past_person="person_id", past_stem="stem", past_on="on", past_to="to_date", past_day="charged_on"
    )
    pairs = now.join(
        past,
        [
            now.person_id == past.past_person,
            now.stem == past.past_stem,
            past.past_on <= now.on,
            past.past_on >= now.on - (rule.days - 1),
        ],
    )
    reached = pairs.group_by("person_id", "stem", "claim_id", "on", "to_date").aggregate(places=pairs.institution_id.nunique())
    reached = reached.filter(reached.places >= rule.institutions_min)
    reached = reached.mutate(month=months.first_of(reached.to_date)).select("person_id", "stem", "claim_id", "on", "month")
    behind = pairs.join(reached, ["person_id", "stem", "claim_id", "on"])
    behind = behind.group_by("person_id", "stem", "month", "line_id").aggregate(
        past_claim=behind.past_claim.min(),
        past_on=behind.past_on.min(),
        past_to=behind.past_to.max(),
        past_day=behind.past_day.min(),
        days=behind.days.max(),
        institution_id=behind.institution_id.min(),
        charged_fen=behind.charged_fen.min(),
        item_name=behind.item_name.min(),
    )
    found = behind.group_by("person_id", "stem", "month").aggregate(
        institutions=behind.institution_id.nunique(),
        first_on=behind.past_day.min(),
        last_on=behind.past_day.max(),
        completed_on=behind.past_to.max(),
        supplied_days=behind.days.sum(),
        passed_days=(behind.past_on + behind.days.fill_null(1)).max() - behind.past_on.min(),
        amount_fen=behind.charged_fen.sum(),
        item=behind.item_name.min(),
        claims=claim_entry(behind.past_claim).collect(),
        lines=line_entry(behind.line_id).collect(),
    )
    return claim_finding(
        found,
        key=key_of("H6", found.person_id, found.stem) + ":" + found.month.strftime("%Y-%m"),
        person_id=found.person_id,
        completed_on=found.completed_on,
        first_on=found.first_on,
        confidence=ibis.ifelse(found.supplied_days.fill_null(0) > found.passed_days, rule.over_confidence, rule.confidence),
        amount_fen=found.amount_fen,
        facts={
            "item": found.item,
            "institutions": found.institutions,
            "first_on": found.first_on,
            "last_on": found.last_on,
            "supplied_days": found.supplied_days,
            "passed_days": found.passed_days,
        },
        records=found.claims.concat(found.lines),
    )


RULE = ClaimRule(
    "H6",
    AlertSeverity.SUSPICION,
    "Drug reselling pattern",
    "疑似倒卖药品",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("line",),
)
