"""What is known without points: herbs that do not go together, and drugs of one class on one day."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import ibis
import ibis.expr.types as ir

from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import line_record, with_claim
from detection.rules.assembling import record
from models.policy_claims import ClaimsPolicy

HERBS, DUPLICATES = "GZ10000301012000", "GZ10000301006000"
_CLASS_CHARACTERS, _INGREDIENT_CHARACTERS = 6, 10
"""Of a national drug code: X and the ATC class of level 4; with the ingredient."""


@lru_cache(maxsize=1)
def herb_groups() -> dict[str, tuple[str, ...]]:
    """Group of herbs -> names under which they are billed."""
    return {group: tuple(names) for group, names in _herbs()["herbs"].items()}


@lru_cache(maxsize=1)
def herb_pairs() -> tuple[tuple[str, str], ...]:
    """The groups that do not go together."""
    return tuple((one, other) for one, others in _herbs()["pairs"].items() for other in others)


def _herbs() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = tomllib.loads(files(__package__).joinpath("herbs.toml").read_text(encoding="utf-8"))
    return content


def incompatible_herbs(tables: ClaimTables) -> ir.Table:
    """Herbs of groups that do not go together, on one prescription: one row a claim and pair, shaped for a finding."""
    groups = herb_groups()
    line = tables.line.filter(
        (tables.line.category == "herb") & tables.line.item_name.isin([name for names in groups.values() for name in names])
    )
    line = line.select(
        "claim_id",
        "item_name",
        line_id="id",
        charged_on="charged_on",
        prescribed=line.prescription.fill_null(""),
        risk_fen=ibis.coalesce(line.fund_fen, line.amount_fen),
        herbs=ibis.cases(*((line.item_name.isin(names), group) for group, names in groups.items()), else_=""),
    )
    other = line.view().select(
        "claim_id",
        "charged_on",
        "prescribed",
        other_herbs="herbs",
        other_name="item_name",
        other_line="line_id",
        other_fen="risk_fen",
    )
    both = line.join(other, ["claim_id", "charged_on", "prescribed"])
    both = both.filter((both.herbs + "+" + both.other_herbs).isin([f"{one}+{two}" for one, two in herb_pairs()]))
    both = both.mutate(
        pair=both.herbs + "+" + both.other_herbs,
        listed=ibis.array([line_record(both), record("claim_line", both.other_line, "other")]),
    )
    found = both.group_by("claim_id", "pair").aggregate(
        item=both.item_name.min(),
        other=both.other_name.min(),
        day=both.charged_on.min(),
        amount_fen=both.other_fen.max(),
        listed=both.listed.collect().flatten(),
    )
    return _of_claim(tables, found, HERBS, found.pair, found.item + "、" + found.other)


def same_class(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    """Two ingredients of one class of policy on one day of a claim: one row a claim and class, shaped for a finding."""
    classes = policy.national.duplicates.classes
    code = tables.line.item_code
    line = tables.line.filter(tables.line.category.isin(["western_drug"]) & code.substr(0, _CLASS_CHARACTERS).isin(classes))
    line = line.select(
        "claim_id",
        "charged_on",
        "item_name",
        line_id="id",
        risk_fen=ibis.coalesce(line.fund_fen, line.amount_fen),
        drug_class=line.item_code.substr(0, _CLASS_CHARACTERS),
        ingredient=line.item_code.substr(0, _INGREDIENT_CHARACTERS),
    )
    keys = ["claim_id", "charged_on", "drug_class"]
    # few days have two ingredients of a class: only of theirs the lines are gathered
    several = line.group_by(keys).aggregate(first=line.ingredient.min(), last=line.ingredient.max())
    line = line.semi_join(several.filter(several["first"] != several["last"]), keys)
    days = line.group_by(keys).aggregate(
        item=line.item_name.min(),
        other=line.item_name.max(),
        amount_fen=line.risk_fen.min(),
        listed=line_record(line).collect(),
    )
    found = days.group_by("claim_id", "drug_class").aggregate(
        item=days.item.min(),
        other=days.other.max(),
        day=days.charged_on.min(),
        amount_fen=days.amount_fen.sum(),
        listed=days.listed.collect().flatten(),
    )
    return _of_claim(tables, found, DUPLICATES, found.drug_class, found.item + "、" + found.other)


def _of_claim(tables: ClaimTables, found: ir.Table, code: str, subject: ir.StringValue, value: ir.StringValue) -> ir.Table:
    claim = tables.claim.select("person_id", "to_date", of_claim="id")
    found = found.mutate(subject=subject, value=value)
    found = found.join(claim, found.claim_id == claim.of_claim)
    return found.mutate(
        rule_code=ibis.literal(code),
        point=ibis.literal(None, type="string"),
        by_hand=ibis.literal(False),
        completed_on=found.to_date,
        first_on=found.to_date,
        records=with_claim(found, found.listed),
    )
