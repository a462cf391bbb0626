"""A store with accounts, alerts and the casework over it, for tests."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from detection.casework.rules import Worker
from detection.casework.views import CaseView, Decision
from detection.casework_service import CaseworkService
from models.account import Account, Role
from models.alert import Alert, AlertSeverity, CaseFile, CaseOutcome
from models.audit import AuditEntry
from models.casework import CaseEvent
from models.database import Database
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.region import Region
from models.repositories import alerts
from models.repositories.alerts import NewAlert
from tests.conftest import FixedClock
from tests.models.people import REGION, add_person, add_regions

ROLE = "caseworker"


@dataclass
class Casework:
    """Everything that tests of casework need. wang, li: caseworkers who may sign; zhao: one who may not; far: of another region."""

    database: Database
    keyring: FileKeyRing
    policy: RecordsPolicy
    clock: FixedClock
    wang: Worker = field(default_factory=lambda: Worker("staff:wang", REGION, may_sign=True))
    li: Worker = field(default_factory=lambda: Worker("staff:li", REGION, may_sign=True))
    zhao: Worker = field(default_factory=lambda: Worker("staff:zhao", REGION))
    far: Worker = field(default_factory=lambda: Worker("staff:far", "4201", may_sign=True))

    def __post_init__(self) -> None:
        with self.database.session_scope() as session:
            if session.get(Region, REGION) is None:
                add_regions(session)
            role = Role(name=ROLE, permissions=[])
            for name, region in (("wang", REGION), ("li", "429800"), ("zhao", REGION), ("far", "420000"), ("gone", REGION)):
                account = Account(email=f"{name}@test.invalid", username=name, fs_uniquifier=secrets.token_hex(32), roles=[role])
                account.region_code, account.active, account.display_name = region, name != "gone", name.title()
                session.add(account)

    @property
    def service(self) -> CaseworkService:
        policy = self.policy
        return CaseworkService(self.database, policy.casework, policy.certification, self.clock, self.keyring, frozenset({ROLE}))

    def alert(self, key: str = "group:g1", *, code: str = "C1", priority: float = 1.0, region: str = REGION, **options: Any) -> str:
        """Public id of a new alert."""
        severity = options.pop("severity", AlertSeverity.WARNING)
        with self.database.session_scope() as session:
            new = NewAlert(code, key, severity, region, priority=priority, **options)
            alerts.open_alerts(session, [new], by="test", now=self.clock())
            return session.scalars(select(Alert.public_id).where(Alert.key == key).order_by(Alert.id.desc())).first() or ""

    def person(self, sequence: int = 1) -> int:
        """Key of a new person."""
        with self.database.session_scope() as session:
            return add_person(session, self.keyring, sequence=sequence).id

    def taken(self, who: Worker | None = None, key: str = "group:g1") -> CaseView:
        """A case of a new alert."""
        return self.service.take(who or self.wang, self.alert(key))

    def proposed(self, key: str = "group:g1", **decision: Any) -> CaseView:
        """A case that waits for a second person, proposed by wang."""
        said = {"outcome": CaseOutcome.CONFIRMED, "conclusion": "paid twice", "found_fen": 100_00, **decision}
        return self.service.propose(self.wang, self.taken(key=key).case_id, Decision(**said))

    def steps(self, case_id: str) -> list[str]:
        """Steps of a case in order."""
        with self.database.read_scope() as session:
            query = select(CaseEvent.step).join(CaseFile, CaseFile.id == CaseEvent.case_id).where(CaseFile.public_id == case_id)
            return [step.value for step in session.scalars(query.order_by(CaseEvent.id))]

    def audited(self, case_id: str) -> list[AuditEntry]:
        """Audit entries of a case in order."""
        with self.database.read_scope() as session:
            return list(session.scalars(select(AuditEntry).where(AuditEntry.object == case_id).order_by(AuditEntry.id)))
