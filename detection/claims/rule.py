"""What a rule over claims is: that of ``detection.rules.rule`` with what claims need besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import ibis.expr.types as ir

from detection.claims.tables import ClaimTables
from detection.rules.rule import Explained, Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy


class Scope(StrEnum):
    """Whose claims a finding needs. PERSON: those of one person suffice, so one claim can be screened; the others run at night only."""

    PERSON = "person"
    INSTITUTION = "institution"
    GROUP = "group"


@dataclass(frozen=True)
class Window:
    """Days, both inclusive. A finding belongs to the day of the claim that completes it."""

    from_date: date
    to_date: date


Find = Callable[[ClaimTables, ClaimsPolicy, Window], ir.Table]
"""(tables, parameters, window) -> one row a finding, with the columns of ``detection.claims.assembling.FIELDS``.

The tables reach ``look_back_days`` of the policy before the window. Only findings with ``completed_on`` in the window count; the caller
filters, and a rule may filter earlier, to be fast. The same claims give the same findings, whatever other claims are in the tables.
"""


@dataclass(frozen=True)
class ClaimRule(Explained):
    """One rule. official: codes of the national rules that it carries out. needs: columns that it cannot do without, as "line.days"."""

    code: str
    severity: AlertSeverity
    title_en: str
    title_zh: str
    docstring: str
    chinese: str
    sentences: tuple[Sentence, ...]
    find: Find
    scope: Scope = Scope.PERSON
    official: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
