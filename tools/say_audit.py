"""Says what an audit of the pinned packages found: how many were looked up, and which are known to be vulnerable.

    python tools/say_audit.py build/audit.json      pip-audit's JSON; may be missing or broken off

Exit 0 whatever was found: `make audit` is what fails. Exit 2 without a file name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

UNKNOWN = "audit: no advisory service was reached, so nothing is known of the packages; `make audit` where there is one"


def lines(path: Path) -> list[str]:
    """What to say, the number of packages first."""
    try:
        packages: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError, TypeError):
        return [UNKNOWN]
    known = [one for one in packages if "skip_reason" not in one]
    if not known:
        return [UNKNOWN]
    found = [one for one in known if one.get("vulns")]
    said = [f"audit: {len(known)} of {len(packages)} packages looked up, {len(found)} with known vulnerabilities"]
    for one in found:
        for each in one["vulns"]:
            mended = ", ".join(each.get("fix_versions") or []) or "no version"
            said.append(f"audit: {one['name']} {one['version']}: {each['id']}, mended in {mended}")
    return said


def main(words: list[str]) -> int:
    """The command."""
    if len(words) != 1:
        sys.stderr.write(__doc__)
        return 2
    sys.stdout.writelines(line + "\n" for line in lines(Path(words[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
