"""Certification status of everybody in a region as of a day: counts, and the whole list, streamed.

The facts that the announcer wrote down are read where they hold (``announced_facts``); the ledger is asked of the rest.

On PostgreSQL two connections that see the same moment work on a city: it looks each person up with one core only. On SQLite a second one
makes it slower: both wait for the same locks in the memory of one process (27 CPU seconds instead of 9, 2026-11).
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select, text, union_all
from sqlalchemy.orm import Session

from models.certification_region_sql import in_shard, region_table
from models.certification_sql import status_table
from models.certification_state import CertificationState
from models.database import Database
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_bounds
from models.repositories import announced_facts
from models.status_change import StatusAnnounced

SHARDS = {"postgresql": 2, "sqlite": 1}
"""Connections that work on one region."""

SMALL = 20_000
"""Up to so many persons one connection is enough."""

AT_ONCE = 5_000
WAITING_MAX = 4
"""Batches of AT_ONCE rows that may wait for the reader."""

COLUMNS = ("person_id", "public_id", "region_code", "state", "last_certified_on", "due_on", "benefits")


class RegionStatus(NamedTuple):
    """Where one person of a region stands; as in ``CertificationStatus``. A plain tuple, since there are half a million of them."""

    public_id: str
    region_code: str
    state: CertificationState
    last_certified_on: date | None
    due_on: date | None


def counts(
    database: Database, policy: CertificationPolicy, on: date, *, region_code: str, pensioners_only: bool = True
) -> dict[CertificationState, int]:
    """How many persons of a region and all inside it are in each state; every state is there, with 0 when nobody is in it."""
    found: Counter[str] = Counter()
    with _shards(database, policy, on, region_code, pensioners_only=pensioners_only) as shards:

        def counted(connection: Connection, status: FromClause) -> dict[str, int]:
            query = select(status.c.state, func.count()).group_by(status.c.state)
            if pensioners_only:
                query = query.where(status.c.benefits > 0)
            return dict(connection.execute(query).all())

        with ThreadPoolExecutor(len(shards)) as pool:
            for part in pool.map(lambda shard: counted(*shard), shards):
                found.update(part)
    return {state: found[state.value] for state in CertificationState}


def statuses(
    database: Database, policy: CertificationPolicy, on: date, *, region_code: str, pensioners_only: bool = True
) -> Iterator[RegionStatus]:
    """Status of everybody in a region and all inside it, of one moment, in no particular order, streamed: memory holds some batches."""
    states = {state.value: state for state in CertificationState}
    with _shards(database, policy, on, region_code, pensioners_only=pensioners_only) as shards:

        def read(connection: Connection, status: FromClause) -> Iterator[list[Any]]:
            query = select(status.c.public_id, status.c.region_code, status.c.state, status.c.last_certified_on, status.c.due_on)
            if pensioners_only:
                query = query.where(status.c.benefits > 0)
            yield from _batches(connection, query)

        for batch in _merged([lambda shard=shard: read(*shard) for shard in shards]):  # type: ignore[misc]
            for public_id, region, state, last_certified_on, due_on in batch:
                yield RegionStatus(public_id, region, states[state], last_certified_on, due_on)


def status_table_of_region(session: Session, policy: CertificationPolicy, on: date, region_code: str) -> FromClause:
    """Statuses of everybody in a region and all inside it, of the session's own snapshot, to be counted further in SQL. COLUMNS, and
    person_id; benefits above 0 for pensioners only: of others nothing is said.
    """
    region = _Region(policy, on, region_code, session.get_bind().dialect.name, pensioners_only=True)
    region.take_facts(session)
    _ready(session.connection())
    return region.table()


@contextmanager
def _shards(
    database: Database, policy: CertificationPolicy, on: date, region_code: str, *, pensioners_only: bool
) -> Iterator[list[tuple[Connection, FromClause]]]:
    """Connections with the same snapshot, each with the statuses of its share of the persons."""
    region = _Region(policy, on, region_code, database.dialect, pensioners_only)
    low, high = region_bounds(region_code)
    with ExitStack() as stack:
        session = stack.enter_context(database.read_scope())
        some = select(Person.id).where(Person.region_code.between(low, high)).limit(SMALL + 1).subquery()
        people = session.scalar(select(func.count()).select_from(some)) or 0
        # a province in one pass over everything works on several cores by itself
        if people <= SMALL or SHARDS[database.dialect] == 1 or region.is_province:
            region.take_facts(session)
            yield [(_ready(session.connection()), region.table())]
            return
        together = stack.enter_context(database.same_snapshot(SHARDS[database.dialect]))
        with Session(bind=together[0]) as looking:
            region.take_facts(looking)
            number = len(together)
            yield [(_ready(connection), region.table(shard, number)) for shard, connection in enumerate(together)]


@dataclass
class _Region:
    """Whose statuses are asked for. from_facts: those that the announcer wrote down stand, so that the ledger is asked of the rest only."""

    policy: CertificationPolicy
    on: date
    code: str
    dialect: str
    pensioners_only: bool
    from_facts: bool = False

    @property
    def is_province(self) -> bool:
        return self.code.endswith("0000")

    def take_facts(self, session: Session) -> None:
        self.from_facts = announced_facts.facts_stand(session, self.policy)

    def table(self, shard: int = 0, shards: int = 1) -> FromClause:
        if not self.from_facts:
            return self._from_ledger((), shard, shards)
        rest = announced_facts.without_facts(self.on, self.code, pensioners_only=self.pensioners_only)
        in_this = in_shard(StatusAnnounced.person_id.expression, shard, shards)
        parts = (
            announced_facts.status_from_facts(self.policy, self.on, self.code, *in_this),
            self._from_ledger((rest,), shard, shards),
        )
        return union_all(*(select(*(part.c[name] for name in COLUMNS)) for part in parts)).subquery()

    def _from_ledger(self, only: tuple[ColumnElement[bool], ...], shard: int, shards: int) -> FromClause:
        if not self.is_province:
            return region_table(self.policy, self.on, self.code, self.dialect, *only, shard=shard, shards=shards)
        among = select(Person.id).where(Person.region_code.between(*region_bounds(self.code)), *only)
        table = status_table(self.policy, self.on, among)
        owner = Person.__table__
        return select(table, owner.c.public_id, owner.c.region_code).join(owner, owner.c.id == table.c.person_id).subquery()


def _ready(connection: Connection) -> Connection:
    """Memory for the groups of a province on PostgreSQL, in this transaction only: its usual 4 MB would make it sort on disk."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL work_mem = '128MB'"))
    return connection


def _batches(connection: Connection, query: Select[Any]) -> Iterator[list[Any]]:
    """The rows of the query of ``statuses``, so many at a time, read by the driver itself.

    PostgreSQL would plan a cursor for its first rows and work on it alone: so none is used.
    """
    # every value is a code or a date of our own
    statement = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}).string
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "postgresql":
        rows = driver.execute(statement)
        while some := rows.fetchmany(AT_ONCE):
            yield [(*row[:3], _day(row[3]), _day(row[4])) for row in some]
        return
    statement = statement.replace("%%", "%")
    with driver.cursor() as cursor:
        batch: list[Any] = []
        for row in cursor.stream(statement, size=AT_ONCE):
            batch.append(row)
            if len(batch) == AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch


@lru_cache(maxsize=50_000)
def _day(value: str | None) -> date | None:
    """A day as SQLite has it; a city has few different ones."""
    return None if value is None else date.fromisoformat(value)


def _merged(readers: list[Callable[[], Iterator[list[Any]]]]) -> Iterator[list[Any]]:
    """Batches of all readers, each in a thread of its own, as they come; an error of one ends all."""
    if len(readers) == 1:
        yield from readers[0]()
        return
    waiting: queue.Queue[list[Any] | BaseException | None] = queue.Queue(WAITING_MAX)
    given_up = threading.Event()

    def put(item: list[Any] | BaseException | None) -> None:
        while not given_up.is_set():
            try:
                waiting.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def work(reader: Callable[[], Iterator[list[Any]]]) -> None:
        try:
            for batch in reader():
                put(batch)
                if given_up.is_set():
                    return
        except BaseException as error:
            put(error)
        else:
            put(None)

    threads = [threading.Thread(target=work, args=(reader,), daemon=True) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        ended = 0
        while ended < len(threads):
            item = waiting.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                ended += 1
            else:
                yield item
    finally:
        given_up.set()
        for thread in threads:
            thread.join()
