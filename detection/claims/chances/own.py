"""Tests of the rules H1 to H16: whether each may name a claim."""

from __future__ import annotations

from collections import Counter

from detection.claims.chances.facts import Facts, Row
from models.policy_claims import ClaimsPolicy

_DRUGS, _IN_BED = ("western_drug", "patent_drug"), ("inpatient", "day_case")
_WESTERN, _PATENT, _END, _INGREDIENT = 23, 20, 9, 10
_HOURS, _MINUTE = 24, 60
_LITTLE = 1e-6
"""Sums of other orders differ by less."""


def split_stay(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H1: another stay of the diagnosis group within the days."""
    own = facts.claim
    if own["setting"] != "inpatient" or own["principal_diagnosis"] is None:
        return False
    group, most = _group(own), policy.H1.days_max
    alike = (one for one in facts.others if one["setting"] == "inpatient" and _group(one) == group)
    return any(_near(own, one, most) or _near(one, own, most) for one in alike)


def _group(claim: Row) -> str | None:
    code = claim["principal_diagnosis"]
    return None if code is None else code.replace(".", "").upper()[:3]


def _near(later: Row, earlier: Row, most: int) -> bool:
    return 0 <= (later["from_date"] - earlier["to_date"]).days <= most


def phantom_stay(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H2: a visit inside a stay, or days of a stay without anything that treats."""
    rule, own = policy.H2, facts.claim
    visits = [str(one) for one in rule.visit_settings]
    if own["setting"] in visits and any(_inside(own, stay) for stay in facts.of("inpatient")):
        return True
    if own["setting"] != "inpatient":
        return False
    if any(_inside(visit, own) for visit in facts.of(*visits)):
        return True
    if (own["to_date"] - own["from_date"]).days < rule.idle_days_min or not facts.lines:
        return False
    idle = {one.value for one in rule.idle_categories}
    treated = {line["charged_on"] for line in facts.lines if line["category"] not in idle}
    return not treated or len({line["charged_on"] for line in facts.lines} - treated) >= rule.idle_days_min


def _inside(visit: Row, stay: Row) -> bool:
    return bool(stay["from_date"] < visit["from_date"] and visit["to_date"] < stay["to_date"])


def overlapping_stays(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H3: another stay elsewhere on the same days."""
    own = facts.claim
    return own["setting"] == "inpatient" and any(
        (min(own["to_date"], one["to_date"]) - max(own["from_date"], one["from_date"])).days >= policy.H3.days_min
        for one in facts.others
        if one["setting"] == "inpatient" and one["institution_id"] != own["institution_id"]
    )


def frequent_visits(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H4: as many visits in the day, month or year."""
    rule, own = policy.H4, facts.claim
    settings = [str(one) for one in rule.settings]
    if own["setting"] not in settings:
        return False
    on = own["from_date"]
    days = [one["from_date"] for one in facts.of(*settings)]
    of_year = [day for day in days if day.year == on.year]
    of_month = [day for day in of_year if day.month == on.month]
    return len(of_year) >= rule.year or len(of_month) >= rule.month or of_month.count(on) >= rule.day


def over_supply(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H5: a drug that a point is about, or one that another claim supplied too."""
    drugs = [line for line in facts.lines if line["category"] in _DRUGS and (line["days"] or 0) > 0]
    if any(line["item_code"] in facts.points.items for line in drugs):
        return True
    stems = {_stem(line["item_code"]) for line in drugs if line["days"] >= policy.H5.days_min}
    if not stems or facts.claim["setting"] in _IN_BED:
        return False
    return any(
        line["claim_id"] != facts.claim_id
        and line["category"] in _DRUGS
        and (line["days"] or 0) >= policy.H5.days_min
        and _stem(line["item_code"]) in stems
        for line in facts.every_line
    )


def _stem(code: str) -> str:
    national = (code.startswith("X") and len(code) == _WESTERN) or (code.startswith("Z") and len(code) == _PATENT)
    return code[:-_END] if national else code


def drug_reselling(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H6: a drug, and as many institutions."""
    if facts.claim["setting"] in _IN_BED or not any(line["category"] in _DRUGS for line in facts.lines):
        return False
    places = {one["institution_id"] for one in facts.claims if one["setting"] not in _IN_BED}
    return len(places) >= policy.H6.institutions_min


def duplicate_medication(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H7: two codes of one ingredient."""
    codes: dict[str, set[str]] = {}
    own = set[str]()
    for line in facts.every_line:
        code = line["item_code"] or ""
        if line["category"] not in _DRUGS or (line["days"] or 0) < policy.H7.days_min or not _is_western(code):
            continue
        codes.setdefault(code[:_INGREDIENT], set()).add(code)
        if line["claim_id"] == facts.claim_id:
            own.add(code[:_INGREDIENT])
    return any(len(codes[one]) > 1 for one in own)


def _is_western(code: str) -> bool:
    return code.startswith("X") and len(code) == _WESTERN


def more_units(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H12: more units than days or hours."""
    rule, own = policy.H12, facts.claim
    daily = {one.value for one in rule.day_categories}
    counted, hourly = Counter[str](), set[str]()
    for line in facts.lines:
        code = line["item_code"] or ""
        by_hour = code.startswith(tuple(rule.hour_items))
        if by_hour or line["category"] in daily or code.startswith(tuple(rule.day_items)):
            counted[code] += line["quantity"] or 0
            hourly |= {code} if by_hour else set()
    days = (own["to_date"] - own["from_date"]).days + 1
    return any(quantity > (_HOURS if code in hourly else days) - _LITTLE for code, quantity in counted.items())


def card_misuse(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H13: any evidence or check, or a settlement elsewhere within the minutes."""
    rule, own = policy.H13, facts.claim
    if own["identity_check"] in {"failed", "skipped"} or facts.tables["evidence"].num_rows or facts.tables["identity_check"].num_rows:
        return True
    settings = [str(one) for one in rule.settings]
    at, reach = own["settled_at"], rule.minutes_max * _MINUTE
    return (
        own["setting"] in settings
        and at is not None
        and any(
            one["settled_at"] is not None
            and one["institution_id"] != own["institution_id"]
            and one["setting"] in settings
            and abs((one["settled_at"] - at).total_seconds()) <= reach + 1
            for one in facts.others
        )
    )


def billed_over_executed(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H15: a line above what was carried out."""
    over = policy.H15.tolerance - _LITTLE
    return any(line["executed_quantity"] is not None and (line["quantity"] or 0) > line["executed_quantity"] + over for line in facts.lines)


def cap_run_up(facts: Facts, policy: ClaimsPolicy) -> bool:
    """H16: the sum of the year near the lowest cap."""
    rule, own = policy.H16, facts.claim
    year = own["to_date"].year
    spent = sum(one["fund_fen"] or 0 for one in facts.claims if one["scheme"] == own["scheme"] and one["to_date"].year == year)
    return spent >= min(cap.cap_fen for cap in rule.caps) * rule.share - 1
