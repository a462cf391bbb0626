"""Every period of the policy after which something is deleted, with how. What housekeeping does too may run at the same time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlalchemy.orm import Session

from api.context import Context
from api.identity_checks import make_identity_checks
from api.intake import delete_old_files
from api.retention import Period
from models.account_access import AccountSession
from models.assistance import AssistanceRequest
from models.audit import AuditEntry
from models.client import ClientToken
from models.database import Database
from models.idempotency import IdempotencyKey
from models.identity_check import IdentityCheck
from models.outbox import OutboxMessage
from models.oversight import Notice
from models.privacy import PrivacyRequest, RetentionRun
from models.repositories import (
    account_sessions,
    assistance,
    audit_retention,
    clients,
    idempotency,
    notices,
    outbox,
    privacy_requests,
    retention_runs,
    status_codes,
    verifications,
    webhook_deliveries,
)
from models.repositories.figures import writing
from models.status_code import StatusCode
from models.verification import Verification, VerificationFrame, VerificationState
from models.webhook import WebhookDelivery


def periods(context: Context, now: datetime) -> tuple[Period, ...]:
    """All of them: those of faces, of people, of programs, and of what the service writes of itself."""
    return (*_of_faces(context, now), *_of_people(context, now), *_of_programs(context, now), *_of_the_service(context, now))


def _writing(database: Database, work: Callable[[Session], int]) -> Callable[[], int]:
    def delete() -> int:
        with database.session_scope() as session:
            return work(session)

    return delete


def _days(number: int) -> str:
    return f"{number} d"


def _of_faces(context: Context, now: datetime) -> tuple[Period, ...]:
    store, kept = context.database, context.policy.retention
    held = or_(VerificationFrame.observation.is_not(None), VerificationFrame.picture.is_not(None))
    over = Verification.state.in_([VerificationState.DECIDED, VerificationState.EXPIRED, VerificationState.ABANDONED])
    old = now - timedelta(days=kept.verification_days)
    checks_old = now - timedelta(days=context.policy.identity_check.days_kept)
    return (
        Period(
            "frames_emptied",
            "retention.frame_observation_hours, retention.referred_picture_days",
            f"{kept.frame_observation_hours} h, {kept.referred_picture_days} d",
            now,
            VerificationFrame.purge_after,
            _writing(store, lambda session: verifications.purge_frames(session, now=now)),
            (held,),
        ),
        Period(
            "verifications_deleted",
            "retention.verification_days",
            _days(kept.verification_days),
            old,
            Verification.started_at,
            _writing(store, lambda session: verifications.delete_older_than(session, old)),
            (over, Verification.certificate_id.is_(None)),
        ),
        Period(
            "identity_checks_deleted",
            "identity_check.days_kept",
            _days(context.policy.identity_check.days_kept),
            checks_old,
            IdentityCheck.checked_at,
            make_identity_checks(context).delete_old,
            again=True,
        ),
    )


def _of_people(context: Context, now: datetime) -> tuple[Period, ...]:
    store, policy = context.database, context.policy
    messages_old = now - timedelta(days=policy.retention.outbox_days)
    codes_old = now - timedelta(days=policy.status_page.code_days_kept)
    contacts_old = now - timedelta(days=policy.assistance.personal_days)
    requests_old = now - timedelta(days=policy.privacy.requests_days_kept)
    files_old = now - timedelta(days=policy.intake.rejected_file_days)
    held = or_(
        AssistanceRequest.name_sealed.is_not(None),
        AssistanceRequest.resident_id_sealed.is_not(None),
        AssistanceRequest.contact_sealed.is_not(None),
    )
    return (
        Period(
            "messages_deleted",
            "retention.outbox_days",
            _days(policy.retention.outbox_days),
            messages_old,
            OutboxMessage.sent_at,
            _writing(store, lambda session: outbox.purge_sent(session, before=messages_old)),
        ),
        Period(
            "status_codes_deleted",
            "status_page.code_days_kept",
            _days(policy.status_page.code_days_kept),
            codes_old,
            StatusCode.expires_at,
            _writing(store, lambda session: status_codes.purge(session, before=codes_old)),
        ),
        Period(
            "assistance_contacts_emptied",
            "assistance.personal_days",
            _days(policy.assistance.personal_days),
            contacts_old,
            AssistanceRequest.updated_at,
            _writing(store, lambda session: assistance.forget_persons(session, contacts_old)),
            (AssistanceRequest.state.not_in(assistance.OPEN), held),
        ),
        Period(
            "import_files_deleted",
            "intake.rejected_file_days",
            _days(policy.intake.rejected_file_days),
            files_old,
            None,
            lambda: delete_old_files(context),
        ),
        Period(
            "privacy_requests_deleted",
            "privacy.requests_days_kept",
            _days(policy.privacy.requests_days_kept),
            requests_old,
            PrivacyRequest.done_at,
            _writing(store, lambda session: privacy_requests.purge(session, before=requests_old)),
        ),
    )


def _of_programs(context: Context, now: datetime) -> tuple[Period, ...]:
    store, policy = context.database, context.policy.integration
    tokens_old, deliveries_old = now - timedelta(days=policy.token_days_kept), now - timedelta(days=policy.webhook_days_kept)
    return (
        Period(
            "idempotency_keys_deleted",
            "retention.idempotency_hours",
            f"{context.policy.retention.idempotency_hours} h",
            now,
            IdempotencyKey.expires_at,
            _writing(store, lambda session: idempotency.purge(session, now=now)),
        ),
        Period(
            "client_tokens_deleted",
            "integration.token_days_kept",
            _days(policy.token_days_kept),
            tokens_old,
            ClientToken.expires_at,
            _writing(store, lambda session: clients.purge_tokens(session, before=tokens_old)),
        ),
        Period(
            "webhook_messages_deleted",
            "integration.webhook_days_kept",
            _days(policy.webhook_days_kept),
            deliveries_old,
            WebhookDelivery.finished_at,
            _writing(store, lambda session: webhook_deliveries.purge(session, before=deliveries_old)),
            again=True,
        ),
    )


def _of_the_service(context: Context, now: datetime) -> tuple[Period, ...]:
    store, policy = context.database, context.policy
    notices_old = now - timedelta(days=policy.oversight.notices_days)
    figures_old = now - timedelta(days=policy.oversight.days_kept)
    entries_old = now - timedelta(days=policy.retention.audit_days)
    runs_old = now - timedelta(days=policy.privacy.run_days_kept)
    sessions_old = now - timedelta(days=policy.accounts.sessions_kept_days)

    def retire_audit() -> int:
        before = entries_old.date()  # days of the chain are of UTC
        gone = audit_retention.retire_days(store, context.keyring, before=before, now=now, by="job:retention")
        return sum(day.entries for day in gone)

    return (
        Period(
            "notices_deleted",
            "oversight.notices_days",
            _days(policy.oversight.notices_days),
            notices_old,
            Notice.read_at,
            _writing(store, lambda session: notices.purge_read(session, before=notices_old)),
            again=True,
        ),
        Period(
            "single_days_of_figures_deleted",
            "oversight.days_kept",
            _days(policy.oversight.days_kept),
            figures_old,
            None,
            _writing(store, lambda session: writing.drop_single_days(session, counted_before=figures_old)),
        ),
        Period(
            "audit_entries_deleted", "retention.audit_days", _days(policy.retention.audit_days), entries_old, AuditEntry.at, retire_audit
        ),
        Period(
            "account_sessions_deleted",
            "accounts.sessions_kept_days",
            _days(policy.accounts.sessions_kept_days),
            sessions_old,
            AccountSession.seen_at,
            _writing(store, lambda session: account_sessions.forget(session, policy.accounts, now=now)),
        ),
        Period(
            "retention_runs_deleted",
            "privacy.run_days_kept",
            _days(policy.privacy.run_days_kept),
            runs_old,
            RetentionRun.finished_at,
            _writing(store, lambda session: retention_runs.purge(session, before=runs_old)),
        ),
    )
