"""What the applications of a test run share: some hundred are put together, and each would compile the same templates and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


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


def share() -> None:
    """Let every application that is made from now on share both."""
    Flask.jinja_options = {"bytecode_cache": TemplatesOnce()}
    Flask.url_rule_class = RuleOnce
