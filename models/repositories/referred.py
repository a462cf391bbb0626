"""Alerts of referred verifications: opened with the referral, closed when the person turns out to be certified some other way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.casework import VERIFICATION_REFERRED, VerificationReview, referred_key
from models.certification_sql import certifying, counts_on
from models.certification_state import CertificationState
from models.life_evidence import LifeEvidence
from models.person import Person
from models.policy import CertificationPolicy
from models.repositories import alerts, cases, certifications
from models.repositories.alerts import NewAlert
from models.verification import Verification, VerificationFrame, VerificationOutcome

SETTLED = "certified another way"
SYSTEM = "system"
"""Who closes what is settled: no person decided it."""
SETTLED_AT_ONCE = 500
STANDING = frozenset({CertificationState.CERTIFIED, CertificationState.DUE_SOON})


@dataclass(frozen=True)
class Referral:
    """What an alert of a referral is about. person_id: of the record that was before the camera. region_code: of the one that speaks."""

    verification_id: str
    person_id: int
    region_code: str
    reasons: Sequence[str]


def open_alert(session: Session, referral: Referral, *, priority: float, by: str, now: datetime) -> bool:
    """Open the alert of a verification that a person has to look at. False when there is one.

    Severity WARNING: something did not come out as it should, and nothing says that it is more than that.
    """
    finding = NewAlert(
        VERIFICATION_REFERRED,
        referred_key(referral.verification_id),
        AlertSeverity.WARNING,
        referral.region_code,
        referral.person_id,
        details={"verification": referral.verification_id, "reasons": list(referral.reasons)},
        priority=priority,
    )
    return alerts.open_alerts(session, [finding], by=by, now=now) > 0


def settle(session: Session, policy: CertificationPolicy, *, now: datetime, person_id: int | None = None) -> int:
    """Close the alerts of referrals whose person was certified since, by whatever route; how many. A case on one closes with it, unfounded.

    That is: they stand certified today, by what was recorded after the referral. An outcome that waits for a second person stays, and so
    does what somebody decided and then undid. person_id: only of this human being, of all by default.
    """
    keys = _settled(session, policy, now=now, person_id=person_id)[:SETTLED_AT_ONCE]
    return sum(cases.settle(session, key, outcome=CaseOutcome.UNFOUNDED, conclusion=SETTLED, by=SYSTEM, now=now) for key in keys)


def _settled(session: Session, policy: CertificationPolicy, *, now: datetime, person_id: int | None) -> list[str]:
    """Keys of alerts of referrals whose person stands certified by a row that was recorded after them, oldest first."""
    own, other = aliased(Person), aliased(Person)
    root = func.coalesce(own.merged_into_id, own.id)
    case = aliased(CaseFile)
    waiting = exists().where(case.alert_id == Alert.id, case.closed_at.is_(None), case.proposed_outcome.is_not(None))
    # what was decided and is worked on again is in people's hands
    reviewed = exists().where(Alert.key == literal(referred_key("")) + VerificationReview.verification_id)
    query = (
        select(Alert.key, root, LifeEvidence.occurred_on)
        .join(own, own.id == Alert.person_id)
        .join(other, or_(other.id == root, other.merged_into_id == root))
        .join(LifeEvidence, LifeEvidence.person_id == other.id)
        .where(
            Alert.code == VERIFICATION_REFERRED,
            cases.OPEN_ALERT,
            LifeEvidence.recorded_at >= Alert.opened_at,
            certifying(policy),
            counts_on(LifeEvidence, policy.today(now)),
            ~waiting,
            ~reviewed,
        )
        .order_by(Alert.id)
    )
    if person_id is not None:
        asked = aliased(Person)
        query = query.where(root == select(func.coalesce(asked.merged_into_id, asked.id)).where(asked.id == person_id).scalar_subquery())
    since: dict[tuple[str, int], set[date]] = defaultdict(set)
    for key, person, occurred_on in session.execute(query):
        since[key, person].add(occurred_on)
    found = []
    for (key, person), days in since.items():
        status = certifications.status_of(session, person, policy, policy.today(now))
        if status.state in STANDING and status.last_certified_on in days:
            found.append(key)
    return found


def purge_settled(session: Session) -> int:
    """Empty what is kept of the faces of referred verifications whose alert is closed: nobody has to look any more. How many frames."""
    closed, waiting = aliased(Alert), aliased(Alert)
    key = literal(referred_key("")) + Verification.id
    alerts_of = select(Verification.id).where(
        Verification.outcome == VerificationOutcome.REFER,
        exists().where(closed.person_id == Verification.person_id, closed.key == key, closed.state == AlertState.CLOSED),
        ~exists().where(waiting.person_id == Verification.person_id, waiting.key == key, waiting.state != AlertState.CLOSED),
    )
    gone = session.execute(
        update(VerificationFrame)
        .where(
            or_(VerificationFrame.observation.is_not(None), VerificationFrame.picture.is_not(None)),
            alerts_of.where(Verification.id == VerificationFrame.verification_id).exists(),
        )
        .values(observation=None, picture=None)
        .returning(VerificationFrame.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(gone)
