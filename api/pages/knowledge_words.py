"""National rules and knowledge points in words: classes, states, and the bounds of a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.i18n import current_language
from api.pages.timeline_words import yuan

CLASSES: dict[str, LazyString] = {
    "药品政策限定类": lazy_gettext("Policy: limits on drugs"),
    "医疗服务项目政策限定类": lazy_gettext("Policy: limits on medical services"),
    "医用耗材政策限定类": lazy_gettext("Policy: limits on consumables"),
    "信息数据监管类": lazy_gettext("Management: information and data"),
    "药品监管类": lazy_gettext("Management: drugs"),
    "医用耗材监管类": lazy_gettext("Management: consumables"),
    "行为主体监管类": lazy_gettext("Management: conduct"),
    "统计指标监测类": lazy_gettext("Management: statistics"),
    "药品合理使用类": lazy_gettext("Medicine: proper use of drugs"),
    "医疗服务项目合理使用类": lazy_gettext("Medicine: proper use of medical services"),
    "医用耗材合理使用类": lazy_gettext("Medicine: proper use of consumables"),
}
CHECKABLE: dict[str, LazyString] = {
    "full": lazy_gettext("a claim shows all of it"),
    "part": lazy_gettext("a claim shows part of it"),
    "by_hand": lazy_gettext("people have to look"),
}
VALUES: dict[str, LazyString] = {
    "female": lazy_gettext("women only"),
    "male": lazy_gettext("men only"),
    "ungraded": lazy_gettext("ungraded"),
    "primary": lazy_gettext("level one"),
    "secondary": lazy_gettext("level two"),
    "tertiary": lazy_gettext("level three"),
    "outpatient": lazy_gettext("outpatient"),
    "emergency": lazy_gettext("emergency"),
    "chronic": lazy_gettext("outpatient for chronic diseases"),
    "inpatient": lazy_gettext("inpatient"),
    "day_case": lazy_gettext("day case"),
    "home": lazy_gettext("sickbed at home"),
    "pharmacy": lazy_gettext("pharmacy"),
    "internet": lazy_gettext("Internet hospital"),
    "employee_medical": lazy_gettext("employee medical insurance"),
    "resident_medical": lazy_gettext("resident medical insurance"),
    "work_injury": lazy_gettext("work-injury insurance"),
    "maternity": lazy_gettext("maternity insurance"),
}
PERIODS: dict[str, LazyString] = {
    "line": lazy_gettext("on one line"),
    "claim": lazy_gettext("on one claim"),
    "day": lazy_gettext("a day"),
    "stay": lazy_gettext("in one stay"),
}
DAYS_A_YEAR = 365.25
YEARS_FROM_DAYS = 1_000
CODES_SHOWN = 24


def rule_name(rule: Any) -> str:
    """Name of a national rule in the language of the page."""
    return str(rule.name_zh if current_language() == "zh" else rule.name_en)


def needs_words(rule: Any) -> str:
    """The data that a rule lacks; empty where it lacks none."""
    return "" if rule.needs is None else str(rule.needs.zh if current_language() == "zh" else rule.needs.en)


def bounds(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what is bounded, the bound) of a point, in words; what a claim does not show comes last."""
    found: list[tuple[str, str]] = []
    for name, label, said in _BOUNDS:
        if parameters.get(name) is not None:
            found.append((str(label), said(parameters[name])))
    found += _ages(parameters) + _course(parameters)
    if parameters.get("untested"):
        found.append((_("Not shown by a claim"), "; ".join(parameters["untested"])))
    return found


def _listed(values: list[str]) -> str:
    said = [str(VALUES[value]) if value in VALUES else value for value in values[:CODES_SHOWN]]
    more = [_("and %(number)s more", number=len(values) - CODES_SHOWN)] if len(values) > CODES_SHOWN else []
    return ", ".join([*said, *more])


def _one(value: str) -> str:
    return _listed([value])


def _share(value: float) -> str:
    return f"{value:.0%}"


_BOUNDS: tuple[tuple[str, LazyString, Callable[[Any], str]], ...] = (
    ("sex", lazy_gettext("Sex"), _one),
    ("levels", lazy_gettext("Level of the institution"), _listed),
    ("settings", lazy_gettext("Way of treatment"), _listed),
    ("schemes", lazy_gettext("Insurance"), _listed),
    ("departments", lazy_gettext("Department"), _listed),
    ("diagnoses", lazy_gettext("Diagnoses (ICD-10)"), _listed),
    ("diagnoses_not", lazy_gettext("Not with diagnoses (ICD-10)"), _listed),
    ("procedures", lazy_gettext("Procedures (ICD-9-CM-3)"), _listed),
    ("other_codes", lazy_gettext("Other items"), _listed),
    ("group_name", lazy_gettext("Group"), str),
    ("share_max", lazy_gettext("At most of the price"), _share),
    ("unit_price_max_fen", lazy_gettext("Unit price at most"), yuan),
)


def _age(days: int) -> str:
    if days < YEARS_FROM_DAYS:
        return _("%(number)s days", number=days)
    return _("%(number)s years", number=f"{round(days / DAYS_A_YEAR, 1):g}")


def _ages(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if parameters.get("age_min_days") is not None:
        found.append((_("Age at least"), _age(parameters["age_min_days"])))
    if parameters.get("age_max_days") is not None:
        found.append((_("Age below"), _age(parameters["age_max_days"] + 1)))
    return found


def _course(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    period, days = parameters.get("period"), parameters.get("period_days")
    within = _("in %(number)s days", number=days) if days else str(PERIODS.get(period or "", ""))
    found = []
    if parameters.get("days_max") is not None:
        found.append((_("Days at most"), f"{parameters['days_max']} {within}".strip()))
    if parameters.get("interval_days_min") is not None:
        found.append((_("Days between at least"), str(parameters["interval_days_min"])))
    if parameters.get("quantity_max") is not None:
        found.append((_("Quantity at most"), f"{parameters['quantity_max']:g} {within}".strip()))
    if parameters.get("amount_max_fen") is not None:
        found.append((_("Amount at most"), f"{yuan(parameters['amount_max_fen'])} {within}".strip()))
    return found
