"""What each role may do. One table, read by the JSON doors, the pages and the tests."""

from __future__ import annotations

from enum import StrEnum


class RoleName(StrEnum):
    """Roles of staff and of programs."""

    COUNTER = "counter"
    CASEWORKER = "caseworker"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    SECURITY_OFFICER = "security_officer"
    ADMINISTRATOR = "administrator"
    MACHINE_CLIENT = "machine_client"


class Right(StrEnum):
    """What can be allowed."""

    START_VERIFICATION = "start_verification"
    CHECK_REFERENCE = "check_reference"
    READ_REFERENCE = "read_reference"
    ENROL_REFERENCE = "enrol_reference"
    REVOKE_REFERENCE = "revoke_reference"
    RECORD_CONSENT = "record_consent"
    READ_STATUS = "read_status"
    FIND_PERSON = "find_person"
    READ_CERTIFICATE = "read_certificate"
    READ_ENGINE = "read_engine"


# Administrators and security officers run the service and see nobody in it (GB/T 22239 level 3: separated roles);
# auditors read and change nothing.
RIGHTS: dict[RoleName, frozenset[Right]] = {
    RoleName.COUNTER: frozenset(Right),
    RoleName.CASEWORKER: frozenset(Right) - {Right.ENROL_REFERENCE, Right.REVOKE_REFERENCE, Right.CHECK_REFERENCE},
    RoleName.REVIEWER: frozenset({Right.READ_REFERENCE, Right.READ_STATUS, Right.FIND_PERSON, Right.READ_CERTIFICATE, Right.READ_ENGINE}),
    RoleName.SUPERVISOR: frozenset(Right),
    RoleName.AUDITOR: frozenset({Right.READ_REFERENCE, Right.READ_STATUS, Right.READ_CERTIFICATE, Right.READ_ENGINE}),
    RoleName.SECURITY_OFFICER: frozenset({Right.READ_ENGINE}),
    RoleName.ADMINISTRATOR: frozenset({Right.READ_ENGINE}),
    RoleName.MACHINE_CLIENT: frozenset(Right) - {Right.REVOKE_REFERENCE},
}

# What pensioners may do, each for themselves only.
OWN_RIGHTS = frozenset({Right.START_VERIFICATION, Right.RECORD_CONSENT, Right.READ_STATUS, Right.READ_CERTIFICATE})


def rights_of(role_names: frozenset[str]) -> frozenset[Right]:
    """Everything that any of the named roles allows; unknown names allow nothing."""
    known = {role.value: role for role in RoleName}
    return frozenset(right for name in role_names if name in known for right in RIGHTS[known[name]])
