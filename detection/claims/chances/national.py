"""Tests of the families of national rules that do not go by points alone: whether each may name a claim."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from detection.claims.chances.facts import Facts, Row
from models.policy_claims import ClaimsPolicy

_DRUGS, _IN_BED, _STAYS = ("western_drug", "patent_drug"), ("inpatient", "day_case"), ("inpatient", "day_case", "home")
_INGREDIENT, _CLASS = 10, 6
_LITTLE = 1e-6
"""Sums of other orders differ by less."""
_ICD_10, _ICD_9_CM_3 = re.compile("^[A-Z][0-9][0-9A-Z]"), re.compile("^[0-9][0-9]")


def coded(facts: Facts, _policy: ClaimsPolicy) -> bool:
    """A code that the rules or points know, or in no form; an operation without a procedure."""
    own = facts.claim
    diagnoses = _plain([own["principal_diagnosis"], *(own["diagnoses"] or ())])
    done = _plain(own["procedures"] or ())
    if any(not _ICD_10.match(code) for code in diagnoses) or any(not _ICD_9_CM_3.match(code) for code in done):
        return True
    known = facts.points.beginnings
    if any(code[:length] in those for code in (*diagnoses, *done) for length, those in known.items()):
        return True
    return own["setting"] in _IN_BED and not own["procedures"] and facts.charged("surgery") > 0


def _plain(codes: Iterable[str | None]) -> list[str]:
    return [code.replace(".", "") for code in codes if code is not None]


def recorded(facts: Facts, policy: ClaimsPolicy) -> bool:
    """Something missing, contradictory, late or outside the stay."""
    limits, own = policy.national.records, facts.claim
    settled, uploaded = (_local_day(own[name], policy.H13.utc_offset_h) for name in ("settled_at", "uploaded_at"))
    born = facts.tables["patient"]["birth_date"].to_pylist()
    if (
        (own["setting"] in _IN_BED and not own["principal_diagnosis"])
        or own["fund_fen"] > own["total_fen"] + limits.sum_fen
        or facts.charged() > own["total_fen"] + limits.sum_fen
        or (settled is not None and settled < own["to_date"])
        or any(day is not None and day > own["from_date"] for day in born)
    ):
        return True
    done = own["to_date"] if settled is None else settled
    if uploaded is not None and (uploaded - done).days > limits.upload_days:
        return True
    if own["setting"] in _STAYS and any(
        (own["from_date"] - line["charged_on"]).days > limits.outside_days
        or (line["charged_on"] - own["to_date"]).days > limits.outside_days
        for line in facts.lines
    ):
        return True
    return any(_misstated(line, limits.sum_fen, limits.price_share) for line in facts.lines)


def _local_day(moment: datetime | None, utc_offset_h: int) -> date | None:
    return None if moment is None else (moment + timedelta(hours=utc_offset_h)).date()


def _misstated(line: Row, sum_fen: int, share: float) -> bool:
    amount, quantity, price = line["amount_fen"] or 0, line["quantity"] or 0, line["unit_price_fen"] or 0
    if not line["item_code"] or not line["item_name"] or (quantity <= 0 and amount > 0):
        return True
    apart = abs(amount - quantity * price) + _LITTLE
    return bool(apart > sum_fen and apart > amount * share)


def visits(facts: Facts, policy: ClaimsPolicy) -> bool:
    """As many purchases or stays, or a stay for examinations."""
    often, own = policy.national.visits, facts.claim
    if own["setting"] == "pharmacy":
        return len(facts.of("pharmacy")) >= often.purchases
    if own["setting"] != "inpatient":
        return False
    examined, lines = facts.charged("examination", "laboratory"), facts.charged()
    return len(facts.of("inpatient")) >= often.stays or examined >= (policy.national.admission.examined_share - 0.001) * lines > 0


def prescriptions(facts: Facts, policy: ClaimsPolicy) -> bool:
    """Many drugs on a prescription, or many herbs, or herbs for days."""
    most = policy.national.prescriptions
    herbs = [line for line in facts.lines if line["category"] == "herb"]
    if len(herbs) > most.herbs_max or any(line["days"] is not None for line in herbs):
        return True
    drugs = Counter(line["prescription"] for line in facts.lines if line["category"] in _DRUGS and line["prescription"])
    return facts.claim["setting"] not in _IN_BED and any(count > most.drugs_max for count in drugs.values())


def together(facts: Facts, policy: ClaimsPolicy) -> bool:
    """Two herbs, or two ingredients of a class of policy. What goes by points is known by its hits."""
    if sum(line["category"] == "herb" for line in facts.lines) > 1:
        return True
    classes = policy.national.duplicates.classes
    drugs: dict[str, set[str]] = {}
    for line in facts.lines:
        code = line["item_code"] or ""
        if line["category"] == "western_drug" and code[:_CLASS] in classes:
            drugs.setdefault(code[:_CLASS], set()).add(code[:_INGREDIENT])
    return any(len(those) > 1 for those in drugs.values())


def quantities(facts: Facts, policy: ClaimsPolicy) -> bool:
    """More days of supply, or more of a herb, than policy has. What goes by points is known by its hits."""
    most = policy.national.prescriptions
    supplied = (line for line in facts.lines if line["days"] is not None)
    return any(
        (line["quantity"] or 0) / max(line["days"], 1) > most.herb_day_quantity_max - _LITTLE
        if line["category"] == "herb"
        else line["category"] in _DRUGS and line["days"] > most.supply_days_max
        for line in supplied
    )
