"""Errors of the models package: what was wrong, where, and what to do."""

from __future__ import annotations

from enum import StrEnum


class ModelsError(Exception):
    """Base of every error that models raises on purpose. ``code`` is stable."""

    code = "models_error"


class DatabaseUnreachableError(ModelsError):
    """The database does not answer, or its URL is not usable."""

    code = "database_unreachable"


class SchemaError(ModelsError):
    """The tables do not fit the code: older (run the migrations) or newer (run the newer code)."""

    code = "schema_mismatch"


class PolicyError(ModelsError):
    """A section of the policy file that models reads is not usable."""

    code = "policy_error"


class Conflict(StrEnum):
    """Why a change was refused because of what is already there."""

    PERSON_EXISTS = "person_exists"
    SOCIAL_SECURITY_NUMBER_TAKEN = "social_security_number_taken"
    ACTIVE_REFERENCE_EXISTS = "active_reference_exists"
    VERIFICATION_OPEN = "verification_open"
    VERIFICATION_STATE = "verification_state"
    EVIDENCE_ALREADY_CORRECTED = "evidence_already_corrected"
    CALIBRATION_STATE = "calibration_state"
    ALERT_STATE = "alert_state"
    CASE_STATE = "case_state"
    CASE_HELD = "case_held"
    ATTACHMENT_EXISTS = "attachment_exists"
    OUTREACH_STATE = "outreach_state"
    PAYMENT_CHANGE_STATE = "payment_change_state"
    ASSISTANCE_STATE = "assistance_state"
    MERGER_STATE = "merger_state"
    RUN_IN_PROGRESS = "run_in_progress"
    WEBHOOKS_USED_UP = "webhooks_used_up"
    SUBSCRIPTIONS_USED_UP = "subscriptions_used_up"
    CHECK_REFERENCE_REUSED = "check_reference_reused"
    CERTIFICATE_TAKEN = "certificate_taken"
    CLIENT_REVOKED = "client_revoked"
    LEGAL_BASIS_STATE = "legal_basis_state"
    MODEL_STATE = "model_state"
    RULE_MODE_STATE = "rule_mode_state"
    VIEW_NAME_TAKEN = "view_name_taken"
    VIEWS_USED_UP = "views_used_up"
    PRIVACY_REQUEST_STATE = "privacy_request_state"
    PRIVACY_REQUEST_WAITS = "privacy_request_waits"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    IDEMPOTENCY_KEY_IN_USE = "idempotency_key_in_use"


class ConflictError(ModelsError):
    """The change collides with what is already there (often a second worker that was faster); nothing was changed."""

    code = "conflict"

    def __init__(self, conflict: Conflict, detail: str) -> None:
        super().__init__(detail)
        self.conflict = conflict


class NotFoundError(ModelsError):
    """There is no such record."""

    code = "not_found"
