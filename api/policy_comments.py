"""What the policy file says about its own values: the comments with their sources, which reading TOML drops."""

from __future__ import annotations

import re
from pathlib import Path

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def comments_of(path: Path) -> dict[str, str]:
    """Comments by the dotted path of table or key. Empty when the file cannot be read: they explain, nothing rests on them."""
    try:
        return comments(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def comments(text: str) -> dict[str, str]:
    """Dotted path -> comment: at the end of the line of a key or of a table's header, or on whole lines directly above it.

    Tables of an array are numbered: ``rules.P6.ages.0``. A comment above a table and one beside it are put together.
    """
    found: dict[str, str] = {}
    numbers: dict[str, int] = {}
    table, above = "", list[str]()
    path, depth = "", 0
    for line in text.splitlines():
        code, comment = _split(line)
        if depth > 0:  # a value over several lines
            depth += _opened(code)
            _add(found, path, comment)
            continue
        if header := _HEADER.match(code):
            table = header[2]
            if header[1] == "[[":
                number = numbers.get(table, 0)
                numbers[table] = number + 1
                table = f"{table}.{number}"
            _add(found, table, " ".join([*above, comment]).strip())
            above = []
        elif key := _KEY.match(code):
            path = f"{table}.{key[1]}" if table else key[1]
            depth = _opened(code.split("=", 1)[1])
            _add(found, path, " ".join([*above, comment]).strip())
            above = []
        elif comment and not code.strip():
            above.append(comment)
        else:
            above = []
    return found


def _add(found: dict[str, str], path: str, comment: str) -> None:
    if comment:
        found[path] = f"{found[path]} {comment}" if path in found else comment


def _split(line: str) -> tuple[str, str]:
    """Code and comment of a line; a # inside of a string is none."""
    quote = ""
    escaped = False
    for at, character in enumerate(line):
        if quote:
            if escaped:
                escaped = False
            elif character == "\\" and quote == '"':
                escaped = True
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character == "#":
            return line[:at], line[at + 1 :].strip()
    return line, ""


def _opened(code: str) -> int:
    """Brackets that the code opens and does not close, outside of strings."""
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", "", code)
    return sum(bare.count(one) for one in "[{") - sum(bare.count(one) for one in "]}")
