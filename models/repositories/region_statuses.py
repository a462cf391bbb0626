"""Certification status of everybody in a region as of a day: counts, and the whole list, streamed.

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
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, FromClause, Select, func, select, text

from models.certification_region_sql import region_table
from models.certification_sql import status_table
from models.certification_state import CertificationState
from models.database import Database
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_bounds

SHARDS = {"postgresql": 2, "sqlite": 1}
"""Connections that work on one region."""

SMALL = 20_000
"""Up to so many persons one connection is enough."""

AT_ONCE = 5_000
WAITING_MAX = 4
"""Batches of AT_ONCE rows that may wait for the reader."""


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
    with _shards(database, policy, on, region_code) as shards:

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
    with _shards(database, policy, on, region_code) as shards:

        def read(connection: Connection, status: FromClause) -> Iterator[list[Any]]:
            query = select(status.c.public_id, status.c.region_code, status.c.state, status.c.last_certified_on, status.c.due_on)
            if pensioners_only:
                query = query.where(status.c.benefits > 0)
            yield from _batches(connection, query)

        for batch in _merged([lambda shard=shard: read(*shard) for shard in shards]):  # type: ignore[misc]
            for public_id, region, state, last_certified_on, due_on in batch:
                yield RegionStatus(public_id, region, states[state], last_certified_on, due_on)


@contextmanager
def _shards(database: Database, policy: CertificationPolicy, on: date, region_code: str) -> Iterator[list[tuple[Connection, FromClause]]]:
    """Connections with the same snapshot, each with the statuses of its share of the persons."""
    dialect = database.dialect
    shards: list[tuple[Connection, FromClause]]
    low, high = region_bounds(region_code)
    with ExitStack() as stack:
        session = stack.enter_context(database.read_scope())
        inside = select(Person.id, Person.public_id, Person.region_code).where(Person.region_code.between(low, high))
        if region_code.endswith("0000"):  # to pass over everything once is quicker for a province
            table = status_table(policy, on, inside.with_only_columns(Person.id))
            owner = Person.__table__
            rows = select(table, owner.c.public_id, owner.c.region_code).join(owner, owner.c.id == table.c.person_id)
            shards = [(_ready(session.connection()), rows.subquery())]
        else:
            people = session.scalar(select(func.count()).select_from(inside.limit(SMALL + 1).subquery())) or 0
            if people <= SMALL or SHARDS[dialect] == 1:
                shards = [(_ready(session.connection()), region_table(policy, on, region_code, dialect))]
            else:
                together = stack.enter_context(database.same_snapshot(SHARDS[dialect]))
                tables = [
                    region_table(policy, on, region_code, dialect, shard=number, shards=SHARDS[dialect])
                    for number in range(SHARDS[dialect])
                ]
                shards = [(_ready(connection), table) for connection, table in zip(together, tables, strict=True)]
        yield shards


def _ready(connection: Connection) -> Connection:
    """Memory for the groups of a province on PostgreSQL, in this transaction only: its usual 4 MB would make it sort on disk."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL work_mem = '128MB'"))
    return connection


def _batches(connection: Connection, query: Select[Any]) -> Iterator[list[Any]]:
    """The rows of a query, so many at a time. PostgreSQL would plan a cursor for its first rows and work on it alone: so none is used."""
    if connection.dialect.name != "postgresql":
        for part in connection.execution_options(stream_results=True, yield_per=AT_ONCE).execute(query).partitions():
            yield list(part)
        return
    # every value is a code or a date of our own
    statement = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}).string.replace("%%", "%")
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        batch: list[Any] = []
        for row in cursor.stream(statement, size=AT_ONCE):
            batch.append(row)
            if len(batch) == AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch


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
