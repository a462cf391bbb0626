"""What a rule is: its code, severity, kind of run, explanation in both languages, the expression that finds, the sentences that tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis.expr.types as ir

from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

Find = Callable[[Tables, RulesPolicy, date], ir.Table]
"""(tables, parameters, day of the run) -> one row a finding, with the columns of ``assembling.FIELDS``."""


@dataclass(frozen=True)
class Sentence:
    """One sentence about a finding in both languages, with {facts} in it. when: the fact without which it is left out; a fact that is 0,
    false or missing is as none.
    """

    en: str
    zh: str
    when: str | None = None


class Explained:
    """What every rule says of itself. docstring: of its module; that is what is published. chinese: the same in Chinese, wrapped."""

    title_en: str
    title_zh: str
    docstring: str
    chinese: str

    @property
    def explanation_en(self) -> str:
        """The docstring without its title line: paragraphs with empty lines between, each on one line."""
        paragraphs = re.split(r"\n\s*\n", self.docstring.strip())[1:]
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    @property
    def explanation_zh(self) -> str:
        """The Chinese explanation: paragraphs with empty lines between, each on one line."""
        return "\n\n".join("".join(paragraph.split("\n")) for paragraph in re.split(r"\n\s*\n", self.chinese.strip()))

    def explanation(self, language: str) -> str:
        """The published explanation. language: zh, or anything else for English."""
        return self.explanation_zh if language == "zh" else self.explanation_en

    def title(self, language: str) -> str:
        """Name of the rule."""
        return self.title_zh if language == "zh" else self.title_en


@dataclass(frozen=True)
class Rule(Explained):
    """One rule."""

    code: str
    kind: DetectionKind
    severity: AlertSeverity
    title_en: str
    title_zh: str
    docstring: str
    chinese: str
    sentences: tuple[Sentence, ...]
    find: Find


Facts = Mapping[str, Any]
