"""What the applications of a test run share: thousands are put together, each with its templates, addresses and statements to compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import URL, Engine, create_engine
from werkzeug.routing import Rule

from models import database

STATEMENTS = 5_000
"""More than all tests together have."""


class TemplatesOnce(BytecodeCache):
    """Compiled templates in the memory of this process; Jinja keys them by name and file, and drops what another text gave."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket where the template was compiled before."""
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


class RuleOnce(Rule):
    """An address that writes its builder once a process: the function depends on the text of the rule and on nothing of one application."""

    _builders: ClassVar[dict[tuple[Any, ...], Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (self.rule, self.host, self.subdomain, self.merge_slashes, repr(self.defaults), append_unknown)
        if key not in self._builders:
            self._builders[key] = super()._compile_builder(append_unknown)
        return self._builders[key]


class StatementsOnce:
    """Makes engines that share the statements compiled in this process, one set a kind of database.

    Statements are kept by dialect, of which every engine has its own; so engines share that too, once one has asked its server what it can.
    """

    def __init__(self) -> None:
        self._first: dict[str, Engine] = {}

    def create_engine(self, url: URL, **options: Any) -> Engine:
        """As SQLAlchemy's function of that name."""
        engine = create_engine(url, query_cache_size=STATEMENTS, **options)
        first = self._first.get(engine.dialect.name)
        if first is None or first.dialect.server_version_info is None:
            self._first[engine.dialect.name] = engine
        else:
            engine.dialect = engine.pool._dialect = first.dialect
            engine._compiled_cache = first._compiled_cache
        return engine


def share() -> None:
    """Let every application that is made from now on share them."""
    database.create_engine = StatementsOnce().create_engine  # type: ignore[attr-defined]
    Flask.jinja_options = {"bytecode_cache": TemplatesOnce()}
    Flask.url_rule_class = RuleOnce
