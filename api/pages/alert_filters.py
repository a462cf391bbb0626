"""What the forms over alerts ask for: the fields that the search and the queue share, read from an address or a saved one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from models.alert import AlertSeverity

CODE_MAX = 40
YUAN_MAX = 1_000_000_000
FIELDS = ("code", "severity", "region", "at_least")


@dataclass(frozen=True)
class Narrowing:
    """What the shared fields ask for. values: of the fields, as the form shows them again. wrong: what cannot be used, and so is left out.

    code: of an alert or of a signal behind it. inside: code of a region. amount_fen_min: money at risk at least.
    """

    values: dict[str, str]
    code: str | None = None
    severity: AlertSeverity | None = None
    inside: str | None = None
    amount_fen_min: int = 0
    wrong: str | None = None


def typed(fields: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The named fields without spaces around them; those that are empty are left out."""
    return {name: value for name in names if (value := fields.get(name, "").strip())}


def narrowing(fields: Mapping[str, str]) -> Narrowing:
    """The shared fields. What no field of the form could have sent is left out; an amount that cannot be one is said."""
    values = typed(fields, FIELDS)
    code = values.pop("code", "")
    code = code[:CODE_MAX] if code.isascii() and code.isprintable() else ""
    severity, region, amount = values.get("severity"), values.get("region", ""), values.get("at_least", "")
    if code:
        values["code"] = code
    if severity not in set(AlertSeverity):
        severity = None
        values.pop("severity", None)
    if not (region.isascii() and region.isdigit() and len(region) == 6):
        region = ""
        values.pop("region", None)
    fen, wrong = _fen(amount)
    known = None if severity is None else AlertSeverity(severity)
    return Narrowing(values, code or None, known, region or None, fen, wrong)


def with_chosen(codes: list[str], code: str | None) -> list[str]:
    """The codes that the form offers, and the one that is chosen: it may be that of a further finding."""
    return codes if code is None or code in codes else sorted([*codes, code])


def _fen(amount: str) -> tuple[int, str | None]:
    digits = amount.replace(",", "").replace("，", "")
    if not amount:
        return 0, None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= YUAN_MAX):
        return 0, _("Write the amount in whole yuan, without a sign.")
    return 100 * int(digits), None
