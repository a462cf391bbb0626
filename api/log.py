"""Logging without personal data: structured lines on stderr, and a last filter that masks what looks like an identifier."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# resident ID (15 or 18), bank card (16-19), mobile number: long digit runs have no business in a log line
_IDENTIFIER = re.compile(r"(?<![0-9A-Za-z.])(\d{17}[0-9Xx]|\d{15}|\d{16,19}|1[3-9]\d{9})(?![0-9A-Za-z])")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def mask(text: str) -> str:
    """Replace what looks like an identifier or a Chinese name. Log texts of the project are in English, so nothing else is lost."""
    return _CHINESE.sub("***", _IDENTIFIER.sub("<number>", text))


def _mask_event(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = mask(value)
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**10 and key != "timestamp":
            event[key] = "<number>"
    return event


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
    handler = logging.StreamHandler(sys.stderr)
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
