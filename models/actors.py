"""Names of the audit trail that are one person's."""

from __future__ import annotations


def same_actor(one: str, other: str) -> bool:
    """True when two actors are one account, whatever door each came through: ``staff:li`` and ``cli:Li`` are."""
    return _name(one) == _name(other)


def _name(actor: str) -> str:
    return actor.rpartition(":")[2].strip().casefold()
