"""What a machine client can be allowed, as OAuth 2 scopes, and the rights that each scope gives."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from api.rights import Right


class Scope(StrEnum):
    """Names as clients ask for them."""

    STATUS_READ = "status:read"
    CHANGES_READ = "changes:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    IDENTITY_CHECK = "identity:check"
    BLACKLIST_READ = "blacklist:read"
    RECORDS_WRITE = "records:write"
    ASSISTANCE_RELAY = "assistance:relay"
    ALERTS_READ = "alerts:read"
    CLAIMS_SCREEN = "claims:screen"


RIGHTS_OF_SCOPE: dict[Scope, frozenset[Right]] = {
    Scope.STATUS_READ: frozenset({Right.READ_STATUS, Right.READ_STATUS_BY_NUMBER}),
    Scope.CHANGES_READ: frozenset({Right.READ_CHANGES}),
    Scope.WEBHOOKS_MANAGE: frozenset({Right.MANAGE_WEBHOOKS}),
    Scope.IDENTITY_CHECK: frozenset({Right.CHECK_IDENTITY}),
    Scope.BLACKLIST_READ: frozenset({Right.READ_BLACKLIST}),
    Scope.RECORDS_WRITE: frozenset({Right.IMPORT_RECORDS}),
    Scope.ASSISTANCE_RELAY: frozenset({Right.RELAY_ASSISTANCE}),
    Scope.ALERTS_READ: frozenset({Right.READ_ALERTS}),
    Scope.CLAIMS_SCREEN: frozenset({Right.SCREEN_CLAIMS}),
}

MEANING: dict[Scope, str] = {
    Scope.STATUS_READ: "Read certification statuses by resident ID or social-security number.",
    Scope.CHANGES_READ: "Read changes of certification statuses.",
    Scope.WEBHOOKS_MANAGE: "Manage own webhooks.",
    Scope.IDENTITY_CHECK: "Check a face against the enrolled one at treatment.",
    Scope.BLACKLIST_READ: "Ask whether a card is on the blacklist.",
    Scope.RECORDS_WRITE: "Bring records in.",
    Scope.ASSISTANCE_RELAY: "Pass assisted certifications between installations.",
    Scope.ALERTS_READ: "Read alerts and the signals behind them.",
    Scope.CLAIMS_SCREEN: "Screen hospital claims before they are paid.",
}
"""What each scope allows, for the description."""


@cache
def rights_of_scopes(scopes: frozenset[str]) -> frozenset[Right]:
    """Everything that any of the named scopes allows; unknown names allow nothing."""
    known = {scope.value: scope for scope in Scope}
    return frozenset(right for name in scopes if name in known for right in RIGHTS_OF_SCOPE[known[name]])


def scopes_with(right: Right) -> list[str]:
    """Names of the scopes that give a right; none for what only people may do."""
    return [scope.value for scope, rights in RIGHTS_OF_SCOPE.items() if right in rights]
