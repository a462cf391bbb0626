"""The published rules: what each one looks for, how severe it is, and the parameters in force with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from api.callers import Caller
from api.context import Context, current
from api.i18n import current_language
from api.pages.blueprints import counter_pages
from api.pages.signal_words import RUN_KINDS, severity_words
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import alert_title
from api.policy_comments import comments_of
from api.rights import Right
from api.signal_explanations import RuleText, rule_texts
from models.detection import DetectionKind
from models.policy_section import Section

SECTION_OF_CODE = {"D3": "linkage", "P8": "faces"}
ALERT_ORDER = "triage"


@dataclass(frozen=True)
class Parameter:
    """One value in force. name: as in the policy file. source: its comment there, empty without one."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class PublishedRule:
    """One rule in words. place: of its table in the policy file; source: the comment of the whole table. official: national codes."""

    code: str
    title: str
    kind: str
    severity: str
    severity_code: str
    paragraphs: list[str]
    place: str
    source: str
    parameters: list[Parameter]
    official: tuple[str, ...]


@counter_pages.get("/desk/rules")
@staff_needed(Right.READ_ALERTS)
def rules(_caller: Caller) -> ResponseReturnValue:
    """Every rule with its explanation and parameters."""
    context = current()
    comments = comments_of(context.settings.policy_file)
    order = getattr(context.policy, ALERT_ORDER, None)
    return render_template(
        "detection/rules.html",
        rules=[published(context, text, comments) for text in rule_texts(current_language())],
        order=[] if order is None else list(_parameters(order.model_dump(mode="json"), ALERT_ORDER, comments)),
        policy_hash=context.policy.hash,
    )


def published(context: Context, text: RuleText, comments: Mapping[str, str]) -> PublishedRule:
    """One rule in the words of the page's language, with its parameters in force. comments: of the policy file, by place."""
    section = "claims" if text.kind is DetectionKind.CLAIMS else "rules"
    place = SECTION_OF_CODE.get(text.code, f"{section}.{text.code}")
    values = _values(context, place)
    parameters = list(_parameters(values, place, comments))
    if place.startswith("rules."):
        parameters += _combinations(context, text.code, comments)
    return PublishedRule(
        text.code,
        alert_title(text.code),
        str(RUN_KINDS[text.kind]),
        severity_words(text.severity.value),
        text.severity.value,
        text.explanation.split("\n\n"),
        place,
        comments.get(place, ""),
        parameters,
        text.official,
    )


def _values(context: Context, place: str) -> dict[str, Any]:
    found: Any = context.policy
    for part in place.split("."):
        found = getattr(found, part, None)
    return found.model_dump(mode="json", exclude_none=True) if isinstance(found, Section) else {}


def _combinations(context: Context, code: str, comments: Mapping[str, str]) -> list[Parameter]:
    """The rows of the table of combinations that are of this rule."""
    rows = getattr(getattr(context.policy, "rules", None), "combinations", ())
    found = []
    for number, row in enumerate(rows):
        values = row.model_dump(mode="json", exclude_none=True)
        if values.pop("code", None) == code:
            place = f"rules.combinations.{number}"
            found.append(Parameter("combinations", _said(values), _comments_below(place, comments)))
    return found


def _parameters(values: Mapping[str, Any], place: str, comments: Mapping[str, str]) -> Iterator[Parameter]:
    for name, value in values.items():
        at = f"{place}.{name}"
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            for number, one in enumerate(value):
                yield Parameter(name, _said(one), _comments_below(f"{at}.{number}", comments))
        else:
            yield Parameter(name, _said(value), _comments_below(at, comments))


def _comments_below(place: str, comments: Mapping[str, str]) -> str:
    """The comment of a value, or of a table and of the values in it."""
    return " · ".join(said for at, said in comments.items() if at == place or at.startswith(f"{place}."))


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_said(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000 else str(value)
