"""Logging without personal data: structured lines on stderr, and a last filter that masks what looks like an identifier."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

# Long digit runs have no business in a log line: resident IDs (15 or 18), bank cards (16-19), social-security and mobile numbers
# (11 and more), also in the groups in which people write them.
_IDENTIFIER = re.compile(
    r"(?<![0-9A-Za-z.])(?:"
    r"\d{17}[Xx]|\d{11,}"
    r"|\d{6}[ -]\d{8}[ -]\d{3}[\dXx]"  # resident ID: place, birth date, the rest
    r"|(?:\d{4}[ -]){3,4}\d{1,7}"  # bank card
    r"|1\d{2}[ -]\d{4}[ -]\d{4}"  # mobile number
    r")(?![0-9A-Za-z])"
)
SHORTEST_NUMBER = 10**10  # eleven digits
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def mask(text: str) -> str:
    """Replace what looks like an identifier or a Chinese name. Log texts of the project are in English, so nothing else is lost."""
    return _CHINESE.sub("***", _IDENTIFIER.sub("<number>", text))


def _mask_event(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not key.startswith("_") and key != "exc_info":  # structlog's own, never written out
            event[key] = _masked(value)
    return event


def _masked(value: Any) -> Any:
    """The value with everything in it masked; what is not a plain value becomes its masked text."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return "<number>" if abs(value) >= SHORTEST_NUMBER else value
    if isinstance(value, Mapping):
        return {mask(str(key)): _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    return mask(str(value))


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to what is stderr now. A line that cannot be written is said to be lost, without what was in it."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """See logging.Handler; the library's own would print the record as it came, unmasked."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"a log line of {mask(record.name)} could not be written ({sys.exc_info()[0]})\n")


def configure(level: str = "INFO", *, json_lines: bool = False) -> None:
    """Set up structlog and the standard library's logging to write masked lines to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_event,
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not json_lines:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _mask_event, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))


def logger(name: str) -> Any:
    """A structured logger. Event names are constant English words; values are counts, codes and public ids."""
    return structlog.get_logger(name)
