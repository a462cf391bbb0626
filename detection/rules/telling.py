"""What a finding says, in sentences that name its records and values, in both languages."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from detection.findings import Finding
from detection.rules.catalogue import BY_CODE
from detection.rules.rule import Sentence
from detection.rules.words import kind_word, word
from models.detection import Signal

RECORDS_NAMED = 12
"""Of one role in a sentence; more are counted."""
NameRecord = Callable[[str, int, str], str | None]
"""(kind, id, language) -> words for a record that is not to be called by its number; None for the others."""
FREE_TEXT = frozenset({"source", "earliest_source", "latest_source", "region", "other_region"})


@dataclass(frozen=True)
class Sentences:
    """The same sentences in both languages; empty for what is none of these rules."""

    en: tuple[str, ...]
    zh: tuple[str, ...]

    def of(self, language: str) -> tuple[str, ...]:
        """language: zh, or anything else for English."""
        return self.zh if language == "zh" else self.en


def explain(signal: Signal | Finding) -> Sentences:
    """The sentences about a signal or finding. One whose facts are not all there is left out."""
    rule = BY_CODE.get(signal.code)
    if rule is None:
        return Sentences((), ())
    return Sentences(told(rule.sentences, signal, "en"), told(rule.sentences, signal, "zh"))


def told(sentences: Iterable[Sentence], signal: Signal | Finding, language: str, name_record: NameRecord | None = None) -> tuple[str, ...]:
    """The sentences of a rule filled with the values of a finding, in one language; those that lack a fact are left out."""
    values = _values(signal, language, name_record)
    said = []
    for sentence in sentences:
        if sentence.when is not None and not signal.facts.get(sentence.when):
            continue
        template = sentence.zh if language == "zh" else sentence.en
        if all(name in values for _, name, _, _ in string.Formatter().parse(template) if name is not None):
            said.append(template.format_map(values))
    return tuple(said)


def _values(signal: Signal | Finding, language: str, name_record: NameRecord | None) -> dict[str, str]:
    values = {
        name: str(value) if name in FREE_TEXT and value != "unspecified" else _said(value, language) for name, value in signal.facts.items()
    }
    values["months"] = str(signal.months)
    values["amount"] = f"{signal.amount_fen / 100:,.2f}"
    for name, month in (("from_month", signal.from_month), ("to_month", signal.to_month)):
        if month is not None:
            values[name] = f"{month:%Y-%m}"
    for name in ("pause_month", "began"):
        if name in values:
            values[name] = values[name][:7]
    return values | _records(signal.records, language, name_record)


def _said(value: Any, language: str) -> str:
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    return word(value, language) if isinstance(value, str) else str(value)


def _records(records: Iterable[Any], language: str, name_record: NameRecord | None) -> dict[str, str]:
    """r_ROLE -> the records of that role, by kind: payment 12, 13."""
    by_role: dict[str, dict[str, list[int]]] = {}
    for entry in records:
        kind, number, role = (
            (entry["kind"], entry["id"], entry["role"]) if isinstance(entry, Mapping) else (entry.kind, entry.id, entry.role)
        )
        by_role.setdefault(role, {}).setdefault(kind, []).append(number)
    gap, comma, more = ("", "、", "等{}条") if language == "zh" else (" ", ", ", " and {} more")
    named = {}
    for role, kinds in by_role.items():
        parts = []
        for kind, numbers in sorted(kinds.items()):
            first = sorted(numbers)[:RECORDS_NAMED]
            words = [None if name_record is None else name_record(kind, number, language) for number in first]
            # those without words of their own stand together behind the name of their kind
            plain = comma.join(str(number) for number, own in zip(first, words, strict=True) if own is None)
            listed = list(dict.fromkeys(own for own in words if own is not None))
            shown = comma.join([*listed, *([f"{kind_word(kind, language)}{gap}{plain}"] if plain else [])])
            if len(numbers) > RECORDS_NAMED:
                shown += more.format(len(numbers) if language == "zh" else len(numbers) - RECORDS_NAMED)
            parts.append(shown)
        named[f"r_{role}"] = comma.join(parts)
    return named
