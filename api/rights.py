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
    # the certification-status store
    READ_TIMELINE = "read_timeline"
    RECORD_EVIDENCE = "record_evidence"
    CORRECT_EVIDENCE = "correct_evidence"
    MERGE_PERSONS = "merge_persons"
    ISSUE_STATUS_CODE = "issue_status_code"
    READ_ALERTS = "read_alerts"
    READ_AUDIT = "read_audit"
    READ_SECURITY_AUDIT = "read_security_audit"
    WORK_ALERTS = "work_alerts"
    ASSIGN_CASES = "assign_cases"
    SIGN_CASES = "sign_cases"
    REVIEW_VERIFICATIONS = "review_verifications"
    READ_OVERSIGHT = "read_oversight"
    MANAGE_RULES = "manage_rules"
    COMPARE_FACES = "compare_faces"
    START_DETECTION = "start_detection"
    DO_OUTREACH = "do_outreach"
    PROPOSE_PAUSE = "propose_pause"
    SIGN_PAUSE = "sign_pause"
    EXPORT_PAYMENT_LIST = "export_payment_list"
    HANDLE_ASSISTANCE = "handle_assistance"
    READ_IMPORTS = "read_imports"
    MANAGE_CLIENTS = "manage_clients"
    MANAGE_ACCOUNTS = "manage_accounts"
    VIEW_ACCOUNTS = "view_accounts"
    READ_OPERATIONS = "read_operations"
    # people's rights over their own data
    ASK_PRIVACY = "ask_privacy"
    ANSWER_PRIVACY = "answer_privacy"
    SIGN_PRIVACY = "sign_privacy"
    READ_PRIVACY = "read_privacy"
    # of programs
    READ_STATUS_BY_NUMBER = "read_status_by_number"
    READ_CHANGES = "read_changes"
    MANAGE_WEBHOOKS = "manage_webhooks"
    CHECK_IDENTITY = "check_identity"
    READ_BLACKLIST = "read_blacklist"
    IMPORT_RECORDS = "import_records"
    RELAY_ASSISTANCE = "relay_assistance"
    SCREEN_CLAIMS = "screen_claims"


# What programs do with credentials of their own (api.scopes); no account has these.
OF_PROGRAMS = frozenset(
    {
        Right.READ_STATUS_BY_NUMBER,
        Right.READ_CHANGES,
        Right.MANAGE_WEBHOOKS,
        Right.CHECK_IDENTITY,
        Right.READ_BLACKLIST,
        Right.IMPORT_RECORDS,
        Right.RELAY_ASSISTANCE,
        Right.SCREEN_CLAIMS,
    }
)
# What touches a payment or two persons' records: caseworkers propose, others sign.
OF_CASEWORK = frozenset(
    {
        Right.CORRECT_EVIDENCE,
        Right.MERGE_PERSONS,
        Right.READ_ALERTS,
        Right.WORK_ALERTS,
        Right.REVIEW_VERIFICATIONS,
        Right.COMPARE_FACES,
        Right.PROPOSE_PAUSE,
        Right.ANSWER_PRIVACY,
    }
)
OF_SIGNING = frozenset({Right.SIGN_PAUSE, Right.EXPORT_PAYMENT_LIST, Right.SIGN_CASES, Right.SIGN_PRIVACY})
OF_OVERSIGHT = frozenset({Right.READ_OVERSIGHT, Right.MANAGE_RULES, Right.ASSIGN_CASES})
OF_FACES = frozenset(
    {
        Right.START_VERIFICATION,
        Right.CHECK_REFERENCE,
        Right.READ_REFERENCE,
        Right.ENROL_REFERENCE,
        Right.REVOKE_REFERENCE,
        Right.RECORD_CONSENT,
        Right.READ_STATUS,
        Right.FIND_PERSON,
        Right.READ_CERTIFICATE,
        Right.READ_ENGINE,
    }
)
OF_DESK = frozenset(
    {
        Right.READ_TIMELINE,
        Right.RECORD_EVIDENCE,
        Right.ISSUE_STATUS_CODE,
        Right.DO_OUTREACH,
        Right.HANDLE_ASSISTANCE,
        Right.ASK_PRIVACY,
    }
)

# Administrators and security officers run the service and see nobody in it (GB/T 22239 level 3: separated roles);
# auditors read and change nothing.
RIGHTS: dict[RoleName, frozenset[Right]] = {
    RoleName.COUNTER: OF_FACES | OF_DESK,
    RoleName.CASEWORKER: (OF_FACES - {Right.ENROL_REFERENCE, Right.REVOKE_REFERENCE, Right.CHECK_REFERENCE})
    | OF_DESK
    | OF_CASEWORK
    | {Right.READ_IMPORTS},
    RoleName.REVIEWER: OF_SIGNING
    | {
        Right.READ_REFERENCE,
        Right.READ_STATUS,
        Right.FIND_PERSON,
        Right.READ_CERTIFICATE,
        Right.READ_ENGINE,
        Right.READ_TIMELINE,
        Right.READ_ALERTS,
        Right.WORK_ALERTS,
        Right.REVIEW_VERIFICATIONS,
        Right.COMPARE_FACES,
        Right.READ_IMPORTS,
    },
    RoleName.SUPERVISOR: OF_FACES | OF_DESK | OF_CASEWORK | OF_SIGNING | OF_OVERSIGHT | {Right.READ_IMPORTS, Right.START_DETECTION},
    RoleName.AUDITOR: frozenset(
        {
            Right.READ_AUDIT,
            Right.READ_REFERENCE,
            Right.READ_STATUS,
            Right.READ_CERTIFICATE,
            Right.READ_ENGINE,
            Right.READ_TIMELINE,
            Right.READ_ALERTS,
            Right.READ_OVERSIGHT,
            Right.READ_IMPORTS,
            Right.READ_PRIVACY,
            Right.VIEW_ACCOUNTS,
        }
    ),
    RoleName.SECURITY_OFFICER: frozenset(
        {Right.READ_ENGINE, Right.READ_SECURITY_AUDIT, Right.READ_OPERATIONS, Right.VIEW_ACCOUNTS, Right.READ_PRIVACY}
    ),
    RoleName.ADMINISTRATOR: frozenset(
        {Right.READ_ENGINE, Right.READ_OPERATIONS, Right.MANAGE_CLIENTS, Right.MANAGE_ACCOUNTS, Right.VIEW_ACCOUNTS}
    ),
    RoleName.MACHINE_CLIENT: OF_FACES - {Right.REVOKE_REFERENCE},
}

# What somebody who makes and changes accounts may do, and nothing else. Checked at start.
OF_ADMINISTRATION = frozenset({Right.READ_ENGINE, Right.READ_OPERATIONS, Right.MANAGE_CLIENTS, Right.MANAGE_ACCOUNTS, Right.VIEW_ACCOUNTS})

# What pensioners may do, each for themselves only.
OWN_RIGHTS = frozenset({Right.START_VERIFICATION, Right.RECORD_CONSENT, Right.READ_STATUS, Right.READ_CERTIFICATE})


def conflicting(role_names: frozenset[str]) -> bool:
    """True for roles that nobody may have together: whoever administers accounts neither audits nor sees people, and does nothing else.

    Unknown names conflict with nothing, because they allow nothing.
    """
    known = role_names & {role.value for role in RoleName}
    return RoleName.ADMINISTRATOR.value in known and len(known) > 1


def rights_of(role_names: frozenset[str]) -> frozenset[Right]:
    """Everything that any of the named roles allows; unknown names allow nothing, and so do roles that may not come together."""
    if conflicting(role_names):
        return frozenset()
    known = {role.value: role for role in RoleName}
    return frozenset(right for name in role_names if name in known for right in RIGHTS[known[name]])


def mixed_roles() -> tuple[RoleName, ...]:
    """Roles of the table that administer accounts and may do more than run the service: there must be none."""
    return tuple(role for role, rights in RIGHTS.items() if Right.MANAGE_ACCOUNTS in rights and rights - OF_ADMINISTRATION)
