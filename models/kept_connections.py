"""Driver connections kept open for statements that are run thousands of times a second.

A session costs more than such a statement: it begins and ends a transaction, tries the connection, and puts rows together. These
connections run one statement at a time, each its own transaction, as text that the database has prepared once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import event

from models.database import Database, explain
from models.errors import DatabaseUnreachableError

T = TypeVar("T")


class KeptConnections:
    """Connections of one process, as many as threads use at once; opened when needed, so after a server has forked. Thread-safe."""

    def __init__(self, database: Database, *, read_only: bool) -> None:
        self._database = database
        self._read_only = read_only
        self._free: deque[Any] = deque()
        event.listen(database.engine, "engine_disposed", lambda _engine: self.close())
        self._driver_error = database.engine.dialect.loaded_dbapi.Error

    def run(self, work: Callable[[Any], T]) -> T:
        """What ``work`` makes of a driver connection. A connection that turns out dead is replaced, and the work done once more.

        Raises:
            DatabaseUnreachableError: the database does not answer.
        """
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._open()
        else:
            try:
                result = work(connection)
            except self._driver_error as error:
                connection.close()
                if not self._database.engine.dialect.is_disconnect(error, connection, None):
                    raise
                self.close()  # the others are no better
                connection = self._open()
            except BaseException:
                connection.close()
                raise
            else:
                self._free.append(connection)
                return result
        try:
            result = work(connection)
        except BaseException:
            connection.close()
            raise
        self._free.append(connection)
        return result

    def close(self) -> None:
        """Close those that nobody uses just now."""
        while self._free:
            self._free.pop().close()

    def _open(self) -> Any:
        with_pool = self._database.engine
        try:
            proxied = with_pool.raw_connection()
        except Exception as error:
            known = explain(error, with_pool.url) if hasattr(error, "orig") else None  # type: ignore[arg-type]
            raise known or DatabaseUnreachableError("the database does not answer: check that it runs and that the URL is right") from error
        connection: Any = proxied.driver_connection
        proxied.detach()
        if self._database.dialect == "sqlite":
            if self._read_only:
                connection.execute("PRAGMA query_only = ON")
            return connection
        connection.autocommit = True
        connection.prepare_threshold = 1
        # a plan made for one person fits every other
        connection.execute("SET plan_cache_mode = force_generic_plan")
        if self._read_only:
            connection.execute("SET default_transaction_read_only = on")
        return connection
