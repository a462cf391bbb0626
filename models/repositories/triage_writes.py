"""What triage writes: alerts that open, change or close with their signals, what a case is told, and the audit of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.audit import AuditEntry
from models.detection import Signal
from models.repositories.signals import TRIAGE
from models.triage import DOUBTS_DEATH, Weighed
from models.types import opaque_id

ALL_VANISHED = "signals_vanished"
"""Why triage closes an alert: none of its signals stands any more."""
MERGED = "person_merged"
"""Why triage closes an alert: its signals are with the alert of the person whose record speaks now."""
SUPPRESSED = "suppressed"
"""Why triage closes an alert: somebody suppressed what stands behind it."""
IN_SHADOW = "rule_in_shadow"
"""Why triage closes an alert: the rules that found what stands behind it open none any more."""
CHANGES_KEPT = 20
NAMED_MAX = 20
_SAYS = ("code", "key", "severity", "person_id", "region_code", "amount_fen", "priority", "details")
_STATE = ("state", "closed_by", "closed_at", "close_reason")


def person_alert_key(person_id: int) -> str:
    """Key of the one alert on a person."""
    return f"person:{person_id}"


@dataclass(frozen=True)
class Subject:
    """Whom an alert is about. key: of the alert. person_id: of the record that speaks; None for what is no person."""

    key: str
    person_id: int | None
    region_code: str


@dataclass
class TriageWrites:
    """The rows to write for one chunk of persons. updated, closed: alerts; told: of them those in a case, which people close."""

    by: str
    now: datetime
    updated: int = 0
    closed: int = 0
    told: int = 0
    _new: list[dict[str, Any]] = field(default_factory=list)
    _changed: list[dict[str, Any]] = field(default_factory=list)
    _signals: list[dict[str, Any]] = field(default_factory=list)
    _joined: list[tuple[int, str]] = field(default_factory=list)  # signal, key of an alert that is made only now
    _audit: list[dict[str, Any]] = field(default_factory=list)

    def settle(self, signal: Row[Any], alert_id: int | None = None) -> None:
        """The alert of this signal, the one that it has or another, knows of it."""
        self._signals.append({"id": signal.id, "alert_id": alert_id or signal.alert_id, "triage_due": False})

    def open(self, subject: Subject, live: Sequence[Row[Any]], weighed: Weighed, earlier: Sequence[str]) -> None:
        """A new alert. earlier: public ids of those that people closed before something changed."""
        details = _details(live, weighed)
        if earlier:
            details["earlier"] = list(earlier)
        says = {"code": weighed.lead, "severity": weighed.severity, "amount_fen": weighed.amount_fen, "priority": weighed.priority}
        says |= {"public_id": opaque_id(), "state": AlertState.OPEN, **vars(subject)}
        self._new.append({**says, "details": details, "updated_at": self.now, "opened_by": self.by, "opened_at": self.now})
        self._joined += [(row.id, subject.key) for row in live]

    def update(
        self,
        alert: Row[Any],
        subject: Subject,
        live: Sequence[Row[Any]],
        vanished: Sequence[Row[Any]],
        weighed: Weighed,
        muted: Sequence[Row[Any]] = (),
    ) -> None:
        """An alert whose signals stand, as they are now; nothing when it says so already. muted: stand, and count no more."""
        news = {
            "joined": [row.public_id for row in live if row.alert_id != alert.id],
            "changed": [row.public_id for row in live if row.alert_id == alert.id and row.triage_due],
            "vanished": _gone(alert, vanished),
            "muted": [row.public_id for row in muted if row.alert_id == alert.id and row.triage_due],
        }
        for row in live:
            if row.alert_id != alert.id or row.triage_due:
                self.settle(row, alert.id)
        says = {"code": weighed.lead, "severity": weighed.severity, "amount_fen": weighed.amount_fen, "priority": weighed.priority}
        says |= vars(subject)
        if not any(news.values()) and all(getattr(alert, name) == value for name, value in says.items()):
            return
        details = {**alert.details, **_details(live, weighed)}
        if alert.state is AlertState.IN_CASE:
            details = self._tell(details, news)
        self._change(alert, **says, details=details)
        amounts, leads = [alert.amount_fen, weighed.amount_fen], [alert.code, weighed.lead]
        self._record("alert.updated", alert, subject, news=_named(news), amount_fen=amounts, lead=leads)
        self.updated += 1

    def empty(
        self, alert: Row[Any], subject: Subject, vanished: Sequence[Row[Any]], muted: Sequence[Row[Any]] = (), silenced: str = SUPPRESSED
    ) -> None:
        """An alert none of whose signals counts: it closes, unless people work on it. silenced: why muted ones count no more."""
        mine = [row for row in muted if row.alert_id == alert.id]
        news = {"vanished": _gone(alert, vanished), "muted": [row.public_id for row in mine if row.triage_due]}
        if alert.state is AlertState.OPEN:
            self._close(alert, subject, silenced if mine else ALL_VANISHED, news=_named(news))
        elif news["vanished"] or news["muted"]:
            self._change(alert, details=self._tell({**alert.details, "signals": {}}, news))
            self._record("alert.updated", alert, subject, news=_named(news))
            self.updated += 1

    def leave(self, alert: Row[Any], subject: Subject, instead: str) -> None:
        """An alert of a record that was merged into the person: its signals are with the other alert now. instead: public id of that."""
        if alert.state is AlertState.OPEN:
            self._close(alert, subject, MERGED, instead=instead)
        elif alert.details.get("instead") != instead:
            self._change(alert, details={**alert.details, "signals": {}, "instead": instead})
            self._record("alert.updated", alert, subject, instead=instead)
            self.updated, self.told = self.updated + 1, self.told + 1

    def write(self, session: Session) -> int:
        """Write all of it; how many alerts are new."""
        # old ones first: an alert that is closed or gets another key makes room for a new one
        if self._changed:
            session.execute(update(Alert), self._changed)
        made: dict[str, int] = {}
        if self._new:
            upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
            statement = upsert(Alert).on_conflict_do_nothing(index_elements=["key"], index_where=text("state <> 'closed'"))
            made = {row.key: row.id for row in session.execute(statement.returning(Alert.key, Alert.id), self._new)}
        # one that another writer opened between is taken up by the next triage: its signals stay due
        joined = [{"id": signal_id, "alert_id": made[key], "triage_due": False} for signal_id, key in self._joined if key in made]
        if signals := [*self._signals, *joined]:
            session.execute(update(Signal), signals)
        if self._audit:
            session.execute(insert(AuditEntry), self._audit)
        return len(made)

    def _tell(self, details: dict[str, Any], news: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The last things that happened to the signals of a case while people work on it."""
        self.told += 1
        changes = [*details.get("changes", ()), {"at": self.now.isoformat(timespec="seconds"), **_named(news)}]
        return {**details, "changes": changes[-CHANGES_KEPT:]}

    def _close(self, alert: Row[Any], subject: Subject, reason: str, **said: Any) -> None:
        self._change(alert, state=AlertState.CLOSED, closed_by=TRIAGE, closed_at=self.now, close_reason=reason)
        self._record("alert.closed", alert, subject, reason=reason, **said)
        self.closed += 1

    def _change(self, alert: Row[Any], **values: Any) -> None:
        # every column that may change, so that one statement does for every alert
        values = {name: values.get(name, getattr(alert, name)) for name in (*_SAYS, *_STATE)}
        self._changed.append({**values, "id": alert.id, "updated_at": self.now})

    def _record(self, action: str, alert: Row[Any], subject: Subject, **details: Any) -> None:
        entry = {"actor": self.by, "action": action, "person_id": subject.person_id, "object": alert.public_id}
        self._audit.append({**entry, "reason": None, "at": self.now, "details": details})


def _details(live: Iterable[Row[Any]], weighed: Weighed) -> dict[str, Any]:
    codes: dict[str, int] = {}
    for row in live:
        codes[row.code] = codes.get(row.code, 0) + 1
    return {"signals": dict(sorted(codes.items())), DOUBTS_DEATH: weighed.doubts_death}


def _gone(alert: Row[Any], vanished: Iterable[Row[Any]]) -> list[str]:
    return [row.public_id for row in vanished if row.alert_id == alert.id]


def _named(news: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {what: list(ids[:NAMED_MAX]) for what, ids in news.items() if ids}
