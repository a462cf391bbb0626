"""Silent certification of everybody: chunk by chunk, each in one transaction with the row that says how far the run got."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.alert import AlertSeverity
from models.database import Database
from models.errors import NotFoundError
from models.policy import CertificationPolicy
from models.policy_store import SilentPolicy
from models.region import Region
from models.repositories import alerts, audit, life_after_death, silent, silent_runs
from models.repositories.alerts import NewAlert
from models.repositories.silent import Rules
from models.repositories.silent_runs import ChunkCounts
from models.repositories.silent_scratch import scratch
from models.run_lock import only_one
from models.silent_run import Contradiction
from models.triage import TriageRules
from verify.errors import VerifyError

# Persons a transaction. SQLite has one writer: doors that wait for it should not wait long.
CHUNK = {"sqlite": 20_000, "postgresql": 100_000}
ALERTS_AT_ONCE = 1_000
LOCK = "certify-silently"

SEVERITY = {
    Contradiction.DEATH_RECORD: AlertSeverity.WARNING,
    Contradiction.CUSTODY: AlertSeverity.SUSPICION,
    Contradiction.OPEN_CASE: AlertSeverity.WARNING,
}

Progress = Callable[[str, int, int], None]


class SilentRunError(VerifyError):
    """The run cannot be made as asked; the message says why."""


@dataclass(frozen=True)
class RunResult:
    """What a run did, with the parts of it that an earlier, killed process had done. run: None for a dry run.

    wall_s: of this process. examples: (public id of the person, details of the certification), the newest.
    """

    run: str | None
    as_of: date
    examined: int
    certified: int
    refused: int
    alerts: int
    by_trace: dict[str, int]
    wall_s: float
    resumed_after: int
    examples: tuple[tuple[str, dict[str, Any]], ...] = ()


class SilentService:
    """Runs silent certification. ``clock`` gives the aware UTC time; policy_hash goes on every certification."""

    def __init__(
        self,
        database: Database,
        *,
        silent_policy: SilentPolicy,
        certification: CertificationPolicy,
        triage: TriageRules,
        policy_hash: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._silent = silent_policy
        self._certification = certification
        self._triage = triage
        self._policy_hash = policy_hash
        self._clock = clock

    def run(
        self,
        as_of: date,
        *,
        region_code: str = "",
        by: str,
        dry_run: bool = False,
        chunk: int | None = None,
        examples: int = 0,
        progress: Progress = lambda _stage, _done, _total: None,
    ) -> RunResult:
        """Certify whom the traces of life certify as of the day, and open alerts about whom something speaks against.

        region_code: empty for the whole store. dry_run: count only, write nothing. chunk: persons a transaction. A run that was killed
        goes on where it stopped, when called again for the same day, policy and region.

        Raises:
            SilentRunError: the day is yet to come.
            NotFoundError: there is no such region.
            ConflictError: RUN_IN_PROGRESS; another process certifies silently in this store.
        """
        if as_of > (today := self._certification.today(self._clock())):
            raise SilentRunError(f"as of {as_of}: the day is yet to come (today is {today}); give today or a day before")
        rules = Rules(self._silent, self._certification, as_of, region_code)
        began = time.monotonic()
        with only_one(self._database, LOCK):
            with self._database.read_scope() as session:
                if region_code and session.get(Region, region_code) is None:
                    raise NotFoundError(f"there is no region {region_code}: give a code of the region table, e.g. that of a city or county")
                last = silent.greatest_person_id(session)
            size = chunk or CHUNK[self._database.dialect]
            if dry_run:
                result = self._dry_run(rules, last, size, progress)
            else:
                result = self._run(rules, last, size, by=by, examples=examples, progress=progress)
        return replace(result, wall_s=round(time.monotonic() - began, 3))

    def _dry_run(self, rules: Rules, last: int, size: int, progress: Progress) -> RunResult:
        examined = certified = refused = found = 0
        by_trace: Counter[str] = Counter()
        for after, until in _chunks(0, last, size):
            progress("persons", after, last)
            with self._rolled_back() as session, scratch(session):
                examined += silent.examined(session, rules, after, until)
                _judge(session, rules, after, until)
                certified += silent.certifiable(session)
                refused += silent.refused(session)
                found += len(silent.contradicted(session))
                by_trace += Counter(silent.certified_by_trace(session))
        progress("persons", last, last)
        return RunResult(None, rules.as_of, examined, certified, refused, found, dict(by_trace), 0.0, 0)

    def _run(self, rules: Rules, last: int, size: int, *, by: str, examples: int, progress: Progress) -> RunResult:
        with self._database.session_scope() as session:
            run = silent_runs.start_or_resume(
                session,
                as_of=rules.as_of,
                region_code=rules.region_code,
                policy_hash=self._policy_hash,
                by=by,
                now=self._clock(),
            )
            run_id, began_after = run.id, run.after_person_id
        for after, until in _chunks(began_after, last, size):
            progress("persons", after, last)
            with self._database.session_scope() as session:
                self._chunk(session, rules, run_id, after, until, by=by)
        progress("persons", last, last)
        with self._database.session_scope() as session:
            run = silent_runs.get(session, run_id)
            silent_runs.finish(session, run, now=self._clock())
            shown = tuple(silent_runs.newest_certifications(session, run, limit=examples)) if examples and run.certified else ()
            return RunResult(
                run.public_id,
                rules.as_of,
                run.examined,
                run.certified,
                run.refused,
                run.alerts,
                dict(run.by_trace),
                0.0,
                began_after,
                shown,
            )

    def _chunk(self, session: Session, rules: Rules, run_id: int, after: int, until: int, *, by: str) -> None:
        now = self._clock()
        run = silent_runs.get(session, run_id)
        with scratch(session):
            examined = silent.examined(session, rules, after, until)
            _judge(session, rules, after, until)
            certified = silent.certify(session, rules, run=run.public_id, policy_hash=self._policy_hash, by=by, now=now)
            by_trace = silent.certified_by_trace(session)
            refused = silent.refused(session)
            contradicted = silent.contradicted(session)
        alive = {one.person_id: one.newest_on for one in contradicted if one.contradiction is Contradiction.TRACE_AFTER_DEATH}
        found = [_alert(one, rules, run.public_id) for one in contradicted if one.person_id not in alive]
        opened = life_after_death.open_for(session, alive, self._triage, by=by, now=now)
        for first in range(0, len(found), ALERTS_AT_ONCE):
            opened += alerts.open_alerts(session, found[first : first + ALERTS_AT_ONCE], by=by, now=now)
        counts = ChunkCounts(examined, certified, refused, opened)
        silent_runs.advance(session, run, counts, by_trace, after_person_id=until)
        audit.record(
            session,
            actor=by,
            action="certify_silently",
            now=now,
            object=run.public_id,
            details={
                "as_of": rules.as_of.isoformat(),
                "region": rules.region_code,
                "policy": self._policy_hash,
                "examined": examined,
                "certified": certified,
                "refused": refused,
                "alerts": opened,
            },
        )

    @contextlib.contextmanager
    def _rolled_back(self) -> Iterator[Session]:
        """A session that may make temporary tables, and leaves nothing behind."""
        with self._database.session_scope() as session:
            yield session
            session.rollback()


def _judge(session: Session, rules: Rules, after: int, until: int) -> None:
    silent.collect_traces(session, rules, after, until)
    silent.collect_people(session, rules)
    silent.judge(session, rules)


def _chunks(after: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(after, last, size):
        yield first, min(first + size, last)


def _alert(found: silent.Contradicted, rules: Rules, run: str) -> NewAlert:
    return NewAlert(
        code=found.contradiction.value,
        key=silent.contradiction_alert_key(found),
        severity=SEVERITY[found.contradiction],
        region_code=found.region_code,
        person_id=found.person_id,
        details={
            "as_of": rules.as_of.isoformat(),
            "run": run,
            "contradicted_by": found.by_id,
            "newest_trace": found.newest_id,
            "newest_on": found.newest_on.isoformat(),
            "points": found.points,
        },
    )
