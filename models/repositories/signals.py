"""Signals: what a run found is written so that each finding stands once; what it no longer found vanishes; what stands is read.

A batch of findings goes into a temporary table and from there into place by a few statements, so that a million of them cost no more memory
than one batch. The same batch twice changes nothing, so that a run that was killed may repeat its last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from models.alert import Alert, AlertState
from models.audit import AuditEntry
from models.detection import Signal
from models.errors import ModelsError
from models.finding import Finding
from models.json_in_sql import json_object
from models.region import region_bounds
from models.repositories.silent_scratch import COUNT_ROWS, row_count
from models.types import JsonValue, opaque_id

TRIAGE = "detection:triage"
"""Who closes an alert when no person does."""
NOT_FOUND_AGAIN = "not_found_again"
CHANGED = "signal_changed"

_scratch = MetaData()
_STAGED = Table(
    "signal_staged",
    _scratch,
    Column("key", String(120), primary_key=True),
    Column("public_id", String(22), nullable=False),
    Column("code", String(20), nullable=False),
    Column("subject_kind", String(32), nullable=False),
    Column("person_id", BigInteger),
    Column("subject_ref", String(100)),
    Column("region_code", String(6), nullable=False),
    Column("severity", String(32), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("from_month", Date),
    Column("to_month", Date),
    Column("months", Integer, nullable=False),
    Column("completed_on", Date),
    Column("amount_fen", BigInteger, nullable=False),
    Column("facts", JsonValue, nullable=False),
    Column("records", JsonValue, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("hexadecimal", String(64), nullable=False),
    Column("signal_id", BigInteger, index=True),
    Column("confirmed", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)
# what a run may change of a signal that stands
_SAID = (
    "code",
    "subject_kind",
    "person_id",
    "subject_ref",
    "region_code",
    "severity",
    "confidence",
    "from_month",
    "to_month",
    "months",
    "completed_on",
    "amount_fen",
    "facts",
    "records",
    "digest",
)


class FoundTwiceError(ModelsError):
    """A rule gave one key to two findings of a batch: one of them would be lost."""

    code = "found_twice"


@dataclass(frozen=True)
class Written:
    """What became of findings. unchanged: stood already and say the same."""

    found: int = 0
    opened: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Written) -> Written:
        """The two together."""
        return Written(self.found + other.found, self.opened + other.opened, self.updated + other.updated, self.unchanged + other.unchanged)


def write(session: Session, findings: Sequence[Finding], *, run_id: int, policy_hash: str, by: str, now: datetime) -> Written:
    """Write one batch of what a run found; some thousands at once.

    A finding that stands and says the same is only marked as found by this run. One that says something else is changed, with both digests
    in the audit. One that people have closed, that vanished since and now is back as it was, stays with the closed alert.

    Raises:
        FoundTwiceError: one key for two findings.
    """
    if not findings:
        return Written()
    findings = _once(findings)
    with _staged(session, findings):
        _resolve(session)
        confirmed = _confirmed(session)
        if confirmed:
            session.execute(update(_STAGED).where(_STAGED.c.key.in_(confirmed)).values(confirmed=True))
        unchanged = _mark_unchanged(session, run_id)
        updated = _change(session, run_id=run_id, policy_hash=policy_hash, by=by, now=now)
        opened = _insert(session, run_id=run_id, policy_hash=policy_hash, now=now)
    return Written(len(findings), opened, updated, unchanged)


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Each finding once: a pair may be found from both of its sides."""
    found: dict[str, Finding] = {}
    for finding in findings:
        same = found.setdefault(finding.key, finding)
        if same is not finding and same.digest() != finding.digest():
            raise FoundTwiceError(f"rule {finding.code} gave the key {finding.key} to two findings; nothing of this batch was written")
    return list(found.values())


@contextmanager
def _staged(session: Session, findings: Sequence[Finding]) -> Iterator[None]:
    connection = session.connection()
    _scratch.create_all(connection, checkfirst=False)
    connection.execute(insert(_STAGED), [_row(finding) for finding in findings])
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE signal_staged"))
    yield
    _scratch.drop_all(connection, checkfirst=False)


def _row(finding: Finding) -> dict[str, Any]:
    digest = finding.digest()
    return {
        "key": finding.key,
        "public_id": opaque_id(),
        "code": finding.code,
        "subject_kind": finding.subject_kind.value,
        "person_id": finding.person_id,
        "subject_ref": finding.subject_ref,
        "region_code": finding.region_code,
        "severity": finding.severity.value,
        "confidence": finding.confidence,
        "from_month": finding.from_month,
        "to_month": finding.to_month,
        "months": finding.months,
        "completed_on": finding.completed_on,
        "amount_fen": finding.amount_fen,
        "facts": dict(finding.facts),
        "records": records_json(finding),
        "digest": digest,
        "hexadecimal": digest.hex(),
        "signal_id": None,
        "confirmed": False,
    }


def records_json(finding: Finding) -> list[dict[str, Any]]:
    """The records of a finding as the column holds them."""
    return [{"kind": record.kind, "id": record.id, "role": record.role} for record in finding.records]


def _resolve(session: Session) -> None:
    # asked for each row, so that both databases take the index of keys, however large the table is
    standing = select(Signal.id).where(Signal.key == _STAGED.c.key, Signal.vanished_at.is_(None)).scalar_subquery()
    session.execute(update(_STAGED).values(signal_id=standing))


def _confirmed(session: Session) -> list[str]:
    """Keys of findings that stood since a row came in, of which the run knows no newer row: it only says them in its own words."""
    query = (
        select(_STAGED.c.key, _STAGED.c.records, Signal.records)
        .join(Signal, Signal.id == _STAGED.c.signal_id)
        .where(Signal.run_id.is_(None), Signal.digest != _STAGED.c.digest)
    )
    return [key for key, found, standing in session.execute(query) if _newest(found) <= _newest(standing)]


def _newest(records: list[dict[str, Any]]) -> int:
    return max((int(record["id"]) for record in records if "evidence" in record["kind"]), default=0)


def _mark_unchanged(session: Session, run_id: int) -> int:
    same = select(_STAGED.c.signal_id).join(Signal, Signal.id == _STAGED.c.signal_id).where(Signal.digest == _STAGED.c.digest)
    done = session.execute(
        update(Signal).where(Signal.id.in_(same)).values(run_id=run_id).execution_options(synchronize_session=False, **COUNT_ROWS)
    )
    return row_count(done)


def _change(session: Session, *, run_id: int, policy_hash: str, by: str, now: datetime) -> int:
    other = and_(Signal.id == _STAGED.c.signal_id, Signal.digest != _STAGED.c.digest)
    before = func.lower(func.hex(Signal.digest)) if session.get_bind().dialect.name == "sqlite" else func.encode(Signal.digest, "hex")
    told = {
        "actor": literal(by),
        "action": literal(CHANGED),
        "person_id": Signal.person_id,
        "object": Signal.public_id,
        "at": literal(now, AuditEntry.at.type),
        "details": json_object(
            code=_STAGED.c.code, run=type_coerce(literal(run_id), BigInteger), before=before, after=_STAGED.c.hexadecimal
        ),
    }
    changed = select(*told.values()).join(_STAGED, other).where(_STAGED.c.confirmed.is_(False))
    session.execute(insert(AuditEntry).from_select(list(told), changed, include_defaults=False))
    values: dict[str, Any] = {name: type_coerce(_STAGED.c[name], getattr(Signal, name).type) for name in _SAID}
    values |= {"run_id": run_id, "policy_hash": policy_hash, "triage_due": True}
    values["changed_at"] = case((_STAGED.c.confirmed, Signal.changed_at), else_=literal(now, Signal.changed_at.type))
    done = session.execute(update(Signal).where(other).values(values).execution_options(synchronize_session=False, **COUNT_ROWS))
    return row_count(done)


def _insert(session: Session, *, run_id: int, policy_hash: str, now: datetime) -> int:
    earlier, closed, staged = aliased(Signal), aliased(Alert), _STAGED.c
    dismissed = (
        select(func.max(earlier.id))
        .join(closed, closed.id == earlier.alert_id)
        .where(
            earlier.key == staged.key,
            earlier.vanished_at.is_not(None),
            earlier.digest == staged.digest,
            closed.state == AlertState.CLOSED,
            closed.closed_by != TRIAGE,
        )
        .correlate(_STAGED)
        .scalar_subquery()
    )
    moment = literal(now, Signal.changed_at.type)
    values: dict[str, Any] = {name: type_coerce(staged[name], getattr(Signal, name).type) for name in ("key", "public_id", *_SAID)}
    back = aliased(Signal)
    values |= {
        "run_id": literal(run_id),
        "policy_hash": literal(policy_hash),
        "first_seen_at": moment,
        "alert_id": back.alert_id,
        "changed_at": func.coalesce(back.changed_at, moment),
        "triage_due": back.id.is_(None),
    }
    rows = select(*values.values()).select_from(_STAGED).outerjoin(back, back.id == dismissed).where(staged.signal_id.is_(None))
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = upsert(Signal).from_select(list(values), rows, include_defaults=False)
    done = session.execute(
        statement.on_conflict_do_nothing(index_elements=["key"], index_where=Signal.vanished_at.is_(None)), execution_options=COUNT_ROWS
    )
    return row_count(done)


def vanish(
    session: Session,
    code: str,
    *,
    run_id: int,
    region_code: str,
    started_at: datetime,
    now: datetime,
    window: tuple[date, date] | None = None,
) -> int:
    """Close what stood of a rule in a region (empty: everywhere) before the run started, and was not found by it; how many signals.

    Only for a rule that ran to its end. window: days, both inclusive, that the run looked at; what was completed on others stands.
    """
    gone = [
        Signal.code == code,
        Signal.vanished_at.is_(None),
        or_(Signal.run_id.is_(None), Signal.run_id != run_id),
        Signal.changed_at <= started_at,
    ]
    if region_code:
        gone.append(Signal.region_code.between(*region_bounds(region_code)))
    if window is not None:
        gone.append(Signal.completed_on.between(*window))
    done = session.execute(
        update(Signal)
        .where(*gone)
        .values(vanished_at=now, vanished_reason=NOT_FOUND_AGAIN, triage_due=True)
        .execution_options(synchronize_session=False, **COUNT_ROWS)
    )
    return row_count(done)
