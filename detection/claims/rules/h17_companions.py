"""H17 Companions

The same three or more people had claims at the same institution on the same day, again and again (policy): for a stay, admitted and
discharged on the same days. Somebody may carry their cards together, or gather people for treatment that they do not need.

Where very many people come on one day, those of one department and doctor are looked at; where these are still too many (policy), the day
tells nothing. Visits for dialysis and series of chemotherapy or radiotherapy do not count, since a shift brings the same people. Three
people count together if there are enough days on which all three were there; a group is a person with all who form such threes with this
person, and of groups that lie in another only the larger is told.

The finding is about the group; its claims are those of the days on which three or more of it were there. The money at risk is what the
fund paid for them. A family or a home for the elderly comes together for good reasons.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Scope, Window
from detection.claims.stays import claim_entry, diagnosed
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.claim import CareSetting
from models.detection import SubjectKind
from models.policy_claim_rules import Companions
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
同样的三人及以上多次(政策规定)在同一天于同一机构结算；住院则为同日入院、同日出院。可能有人集中持有他们的凭证，或组织人员接受不需要的治
疗。

就诊人数很多的日期按同一科室、同一医生分别检查；仍然过多(政策规定)的，该日不作判断。透析、放化疗等就诊不计算，因为同一班次总是同一批人。
三人共同到场的天数足够才算一组三人；一个群组为某人及与其构成此类三人组的全部人员，被其他群组包含的较小群组不再提示。

提示对象为群组；所列结算为其中三人及以上到场日期的结算。涉及金额为这些结算的基金支付金额。家庭或养老机构一同就诊有正当原因。
"""

SENTENCES = (
    Sentence(
        "{persons} people at institution {institution} together on {times} days, {first_on} to {last_on} ({r_claim}).",
        "{persons}人于{first_on}至{last_on}间有{times}天同在机构{institution}结算({r_claim})。",
    ),
    Sentence("Paid by the fund on these days: {amount} yuan.", "这些日期基金支付{amount}元。"),
)

_PLACE_DAY = ("institution_id", "from_date", "until")
_DAY = (*_PLACE_DAY, "department", "doctor")
_PERSON = ("institution_id", "person_id")


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a group and institution."""
    rule = policy.H17
    visits = _visits(tables, rule)
    seen = visits.select(*_DAY, "person_id").distinct()
    triples = _triples(seen, rule)
    member = triples.mutate(center=ibis.array([triples.first, triples.second, triples.third]).unnest())
    member = member.mutate(person_id=ibis.array([member.first, member.second, member.third]).unnest())
    member = _groups(member.select("institution_id", "center", "person_id").distinct())
    present = member.join(visits, list(_PERSON))
    present = _with_people(present, ("center", *_DAY))
    shared = present.filter(present.people >= rule.persons_min)
    found = shared.group_by("institution_id", "center").aggregate(
        persons=shared.persons.max(),
        times=shared.from_date.nunique(),
        first_on=shared.from_date.min(),
        last_on=shared.from_date.max(),
        completed_on=shared.to_date.max(),
        amount_fen=shared.fund_fen.sum(),
        entries=claim_entry(shared.claim_id).collect(),
    )
    found = found.filter(found.completed_on >= ibis.literal(window.from_date))
    place = tables.institution.select("code", "region_code", place_id="id")
    found = found.join(place, [found.institution_id == place.place_id])
    return claim_finding(
        found,
        key=key_of("H17", found.institution_id, found.center),
        subject_kind=SubjectKind.GROUP,
        subject_ref=ibis.literal("companions:") + found.code + ":" + found.center.cast("string"),
        region_code=found.region_code,
        completed_on=found.completed_on,
        first_on=found.first_on,
        confidence=rule.confidence,
        amount_fen=found.amount_fen,
        facts={
            "persons": found.persons,
            "institution": found.code,
            "times": found.times,
            "first_on": found.first_on,
            "last_on": found.last_on,
        },
        records=found.entries,
    )


def _visits(tables: ClaimTables, rule: Companions) -> ir.Table:
    """Claims of people who come often, on days that tell something: _DAY, person_id, to_date, fund_fen, claim_id."""
    claim = tables.claim
    in_bed = claim.setting == CareSetting.INPATIENT.value
    claim = claim.select(
        "person_id",
        "institution_id",
        "from_date",
        "to_date",
        "fund_fen",
        "principal_diagnosis",
        "diagnoses",
        claim_id=claim.id,
        until=ibis.ifelse(in_bed, claim.to_date, claim.from_date),
        department=claim.department.fill_null(""),
        doctor=claim.doctor.fill_null(""),
    )
    # nearly everybody comes too seldom; who comes often is asked the rest
    each = tables.claim.select(*_PERSON)
    often = each.group_by(*_PERSON).aggregate(times=each.count())
    claim = claim.semi_join(often.filter(often.times >= rule.times_min), list(_PERSON))
    # as an aggregate, so that only the diagnoses of those who are left are read
    claim = claim.group_by(*_PERSON, "from_date", "to_date", "until", "department", "doctor", "claim_id").aggregate(
        fund_fen=claim.fund_fen.sum(), exempt=diagnosed(claim, rule.exempt_diagnoses).any()
    )
    claim = claim.filter(~claim.exempt).drop("exempt")
    claim = _with_people(claim, _PLACE_DAY)
    few = claim.people <= rule.crowd
    claim = claim.filter(claim.people >= rule.persons_min)
    claim = claim.mutate(department=ibis.ifelse(few, "", claim.department), doctor=ibis.ifelse(few, "", claim.doctor)).drop("people")
    claim = _with_people(claim, _DAY)
    return claim.filter(claim.people.between(rule.persons_min, rule.crowd)).drop("people")


def _with_people(table: ir.Table, group: tuple[str, ...]) -> ir.Table:
    """The table with ``people``: how many there are in the group of a row. By windows, since Spark would work out the table once more for
    each time that an expression names it.
    """
    ranked = table.mutate(rank_=ibis.dense_rank().over(ibis.window(group_by=list(group), order_by=table.person_id)))
    return ranked.mutate(people=ranked.rank_.max().over(ibis.window(group_by=list(group))) + 1).drop("rank_")


def _triples(seen: ir.Table, rule: Companions) -> ir.Table:
    """Threes of people who were there together often enough: institution_id, first, second, third."""
    other = seen.view()
    pairs = seen.join(other, list(_DAY), rname="{name}_other").filter(lambda t: t.person_id < t.person_id_other)
    pairs = pairs.select(*_DAY, first="person_id", second="person_id_other")
    counted = pairs.group_by("institution_id", "first", "second").aggregate(times=pairs.from_date.nunique())
    pairs = pairs.semi_join(counted.filter(counted.times >= rule.times_min), ["institution_id", "first", "second"])
    more = pairs.view().rename(third="second")
    threes = pairs.join(more, [*_DAY, "first"]).filter(lambda t: t.second < t.third)
    counted = threes.group_by("institution_id", "first", "second", "third").aggregate(times=threes.from_date.nunique())
    return counted.filter(counted.times >= rule.times_min).drop("times")


def _groups(member: ir.Table) -> ir.Table:
    """Of the groups around each person those that do not lie in another: institution_id, center, person_id, persons."""
    member = member.mutate(persons=member.count().over(ibis.window(group_by=["institution_id", "center"])))
    other = member.rename(other_center="center", other_persons="persons")
    both = member.join(other, list(_PERSON)).filter(lambda t: t.center != t.other_center)
    common = both.group_by("institution_id", "center", "persons", "other_center", "other_persons").aggregate(common=both.count())
    # of equal groups the one around the first person stays
    inside = common.filter(
        (common.common == common.persons)
        & ((common.persons < common.other_persons) | ((common.persons == common.other_persons) & (common.other_center < common.center)))
    )
    return member.anti_join(inside, ["institution_id", "center"])


RULE = ClaimRule(
    "H17",
    AlertSeverity.SUSPICION,
    "Companions",
    "结伴就诊",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    scope=Scope.GROUP,
    needs=("claim",),
)
