"""Divisions that the operator adds: ``divisions.csv`` in the home, for codes that came into force after the table was made."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from detection.intake.errors import ImportFailedError

NAME_LONGEST = 100
_CODE = re.compile(r"[1-8][0-9]{5}")


@dataclass(frozen=True)
class OwnDivisions:
    """names: code -> name of codes in force. successors: retired code -> the code that took over."""

    names: dict[str, str] = field(default_factory=dict)
    successors: dict[str, str] = field(default_factory=dict)


def load(path: Path) -> OwnDivisions:
    """Read the file; nothing when there is none. Columns: code, name and, for a retired code, successor.

    Raises:
        ImportFailedError: it cannot be read; the message names the row.
    """
    names: dict[str, str] = {}
    successors: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if not {"code", "name"} <= set(rows.fieldnames or ()):
                raise ImportFailedError(f"{path.name}, row 1: the columns must be code,name or code,name,successor")
            for row in rows:
                code, name, following = ((row.get(column) or "").strip() for column in ("code", "name", "successor"))
                if not _CODE.fullmatch(code) or not 1 <= len(name) <= NAME_LONGEST or (following and not _CODE.fullmatch(following)):
                    raise ImportFailedError(
                        f"{path.name}, row {rows.line_num}: give a code of six digits, a name and, for a retired code, its successor's code"
                    )
                if following:
                    successors[code] = following
                else:
                    names[code] = name
    except FileNotFoundError:
        return OwnDivisions()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImportFailedError(f"{path.name} cannot be read ({type(error).__name__}): save it as CSV in UTF-8") from error
    return OwnDivisions(names, successors)
