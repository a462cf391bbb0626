"""Who looks at an alert looks at persons: one audit entry for each of them, on the page and at the JSON door."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from api.callers import Caller
from api.request_id import current_request_id
from models.alert import Alert
from models.repositories import audit


def record_alert_looks(session: Session, caller: Caller, alert: Alert, person_ids: Iterable[int], *, door: str, now: datetime) -> None:
    """Add the entries. person_ids: of everybody whose data is shown."""
    details = {"door": door, "request_id": current_request_id()}
    audit.record_looks(session, person_ids, actor=caller.actor, action="alert_seen", now=now, object=alert.public_id, details=details)
