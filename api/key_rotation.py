"""Rotation of keys while the service runs: a new key, everything sealed again, the old key destroyed. Every step is audited."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.database import Database
from models.key_rotation import KeyRotation as RotationRow
from models.keys import FileKeyRing, KeyStateError
from models.policy_keys import KeysPolicy
from models.repositories import audit, resealing, sealed_values
from models.repositories.resealing import Batch
from models.repositories.sealed_values import KeyCount
from models.run_lock import only_one
from models.sealed_columns import SealedTable, sealed_tables

LOCK = "reseal"
Progress = Callable[[str, int, int], None]


class KeyKind(StrEnum):
    """sealing: of what is stored. signing: of certificates and lists."""

    SEALING = "sealing"
    SIGNING = "signing"


@dataclass(frozen=True)
class KeyLine:
    """One key for people. current: new values take it. values: what is sealed with it, None where nobody counted."""

    key_id: str
    kind: KeyKind
    cipher: str
    custody: str
    current: bool
    made_at: datetime | None
    replaced_at: datetime | None
    destroyed_at: datetime | None
    values: int | None


@dataclass(frozen=True)
class TableDone:
    """How one table fared in a run. unopened: rows with a value that no key opens."""

    table: str
    resealed: int
    unopened: int
    rounds: int
    finished: bool


@dataclass(frozen=True)
class ResealResult:
    """One run, as far as it has come. finished: nothing that can be opened is sealed with an older key."""

    run: str
    to_key: str
    tables: tuple[TableDone, ...]

    @property
    def finished(self) -> bool:
        """True when every table is through."""
        return all(table.finished for table in self.tables)

    @property
    def resealed(self) -> int:
        """Rows that were sealed again in this run, restarts included."""
        return sum(table.resealed for table in self.tables)

    @property
    def unopened(self) -> int:
        """Rows with a value that no key opens."""
        return sum(table.unopened for table in self.tables)


class KeyRotation:
    """Keys of one store. actor: who asks, for the audit."""

    def __init__(self, database: Database, ring: FileKeyRing, policy: KeysPolicy, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._ring = ring
        self._policy = policy
        self._clock = clock

    def listing(self, *, count: bool = False) -> list[KeyLine]:
        """Every key, oldest first, those that were destroyed too. count: also how many values are sealed with each (reads every table)."""
        keys = self._ring.keys()
        counted: dict[str | None, int] | None = None
        if count:
            counted = {}
            for line in self.counts():
                counted[line.key_id] = counted.get(line.key_id, 0) + line.values
        lines = []
        groups = ((KeyKind.SEALING, keys.sealing, keys.sealing_current), (KeyKind.SIGNING, keys.signing, keys.signing_current))
        for kind, group, current in groups:
            for key in group.values():
                sealing = kind is KeyKind.SEALING
                lines.append(
                    KeyLine(
                        key.key_id,
                        kind,
                        key.cipher.value if sealing else "ed25519",
                        key.custody,
                        key.key_id == current,
                        key.made_at,
                        key.replaced_at,
                        key.destroyed_at,
                        counted.get(key.key_id, 0) if sealing and counted is not None else None,
                    )
                )
        return lines

    def counts(self) -> list[KeyCount]:
        """How many values of each column are sealed with each key. Reads every table."""
        with self._database.read_scope() as session:
            return sealed_values.count_by_key(session, list(self._ring.keys().sealing))

    def rotate(self, kind: KeyKind, *, actor: str) -> str:
        """Make a new current key; running processes take it for the next value. What was sealed before stays readable. Its id.

        Raises KeyFileError, KeyServiceUnavailableError; then the old key stays the current one.
        """
        now = self._clock()
        keys = self._ring.keys()
        before = keys.sealing_current if kind is KeyKind.SEALING else keys.signing_current
        with self._database.session_scope() as session:
            # the entry is there before the key, and goes when the key could not be made
            key_id = self._ring.rotate_sealing(now) if kind is KeyKind.SEALING else self._ring.rotate_signing(now)
            details = {"kind": kind.value, "before": before}
            if kind is KeyKind.SEALING:
                made = self._ring.keys().sealing[key_id]
                details |= {"cipher": made.cipher.value, "custody": made.custody}
            audit.record(session, actor=actor, action="keys.rotate", now=now, object=key_id, details=details)
        return key_id

    def retire(self, key_id: str, *, actor: str) -> None:
        """Destroy a sealing key that nothing is sealed with any more.

        Raises:
            KeyStateError: it is the current key, unknown, was replaced too short a time ago, or something is still sealed with it.
        """
        now = self._clock()
        keys = self._ring.keys()
        key = keys.sealing.get(key_id)
        if key is None or key.destroyed_at is not None:
            raise KeyStateError(f"there is no sealing key {key_id} to retire: lifecert keys list shows those that there are")
        if key_id == keys.sealing_current:
            raise KeyStateError(f"{key_id} is the current key: make a new one first (lifecert keys rotate)")
        wait = timedelta(hours=self._policy.retire_after_hours)
        if key.replaced_at is not None and now < key.replaced_at + wait:
            raise KeyStateError(
                f"{key_id} was replaced at {key.replaced_at:%Y-%m-%d %H:%M} UTC: something that began before may still write with it. "
                f"Retire it after {key.replaced_at + wait:%Y-%m-%d %H:%M} UTC (retire_after_hours in [keys] of the policy)"
            )
        with only_one(self._database, LOCK):
            with self._database.read_scope() as session:
                used = sealed_values.is_used(session, key_id)
            if used is not None:
                raise KeyStateError(f"{used} still holds values sealed with {key_id}: seal them again first (lifecert keys reseal)")
            with self._database.session_scope() as session:
                audit.record(session, actor=actor, action="keys.retire", now=now, object=key_id, details={"cipher": key.cipher.value})
                self._ring.destroy_sealing(key_id, now)

    def unfinished(self) -> bool:
        """True while a run is not through."""
        with self._database.read_scope() as session:
            return bool(resealing.running(session))

    def reseal(
        self, *, actor: str, seconds: float | None = None, rows_per_second: int | None = None, progress: Progress | None = None
    ) -> ResealResult:
        """Seal everything that is not sealed with the current key again, beside everybody else's work; goes on where it was interrupted.

        seconds: stop after so long, to go on later. rows_per_second: no faster than this.

        Raises:
            ConflictError: RUN_IN_PROGRESS; another process is at it.
            KeyServiceUnavailableError: as far as it came is kept; run it again.
        """
        end = None if seconds is None else time.monotonic() + seconds
        with only_one(self._database, LOCK):
            to_key = self._ring.keys().sealing_current
            others = sorted(key_id for key_id in self._ring.keys().sealing if key_id != to_key)
            with self._database.session_scope() as session:
                now = self._clock()
                run, new = resealing.begin(session, to_key, others, by=actor, now=now)
                if new:
                    audit.record(session, actor=actor, action="keys.reseal", now=now, object=to_key, details={"run": run, "from": others})
            pace = _Pace(rows_per_second)
            with self._database.read_scope() as session:
                waiting = [row.table_name for row in resealing.running(session)]
            finished = True
            for table in sealed_tables():
                if table.table.name in waiting and not self._table(table, to_key, end, pace, progress):
                    finished = False
                    if end is not None and time.monotonic() >= end:
                        break
            with self._database.session_scope() as session:
                result = _result(resealing.latest(session))
                if finished:
                    details = {"run": run, "resealed": result.resealed, "unopened": result.unopened}
                    audit.record(session, actor=actor, action="keys.reseal.done", now=self._clock(), object=to_key, details=details)
            return result

    def _table(self, table: SealedTable, to_key: str, end: float | None, pace: _Pace, progress: Progress | None) -> bool:
        """One table, round by round. False when it is not through."""
        name = table.table.name
        with self._database.read_scope() as session:
            row = next(each for each in resealing.running(session) if each.table_name == name)
            total = 0 if progress is None else resealing.count(session, table, to_key, row.last_id)
        last, done = row.last_id, 0
        for _ in range(self._policy.passes_max):
            while True:
                with self._database.read_scope() as session:
                    rows = resealing.read(session, table, to_key, last, self._policy.batch_rows)
                if not rows:
                    break
                batch = self._batch(table, to_key, rows, row)
                last, done = rows[-1].key, done + batch.rows
                if progress is not None:
                    progress(name, done, max(total, done))
                if end is not None and time.monotonic() >= end:
                    return False
                if self._ring.keys().sealing_current != to_key:  # somebody made a newer key: the next run goes on to that one
                    return False
                pace.wait(batch.rows)
            with self._database.session_scope() as session:
                if resealing.end_round(session, row.id, now=self._clock()):
                    return True
            last = None
        return False

    def _batch(self, table: SealedTable, to_key: str, rows: list[resealing.Row], rotation: RotationRow) -> Batch:
        sealed = resealing.seal_again(self._ring, table, rows, to_key)
        with self._database.session_scope() as session:
            batch = resealing.write(session, table, sealed)
            resealing.note(session, rotation.id, rows[-1].key, batch, now=self._clock())
        return batch


class _Pace:
    """Waits so that no more than so many rows a second are gone through on average."""

    def __init__(self, rows_per_second: int | None) -> None:
        self._rate = rows_per_second
        self._since = time.monotonic()
        self._rows = 0

    def wait(self, rows: int) -> None:
        """After so many more rows."""
        self._rows += rows
        if self._rate is not None:
            time.sleep(max(0.0, self._since + self._rows / self._rate - time.monotonic()))


def _result(found: Sequence[RotationRow]) -> ResealResult:
    tables = tuple(TableDone(row.table_name, row.resealed, row.unopened, row.round, row.done_at is not None) for row in found)
    return ResealResult(found[0].run, found[0].to_key, tables)
