"""Looks for keys and tokens in what git keeps.

    python tools/find_secrets.py             exit 1 when there is one that nobody has looked at
    python tools/find_secrets.py --accept    after looking: what is found now is none

tools/secrets.baseline has what people looked at: addresses of documentation with made-up passwords. Nothing is sent anywhere to try it.
"""

# ruff: noqa: S603, S607, T201 - own words only; what it found is told to who called it

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "tools" / "secrets.baseline"
KINDS = ("*.py", "*.toml", "*.md", "*.sh", "*.txt", "*.json", "*.js", "*.yml", "*.service", "Makefile")
WITHOUT = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector")
Found = set[tuple[str, str, str]]
"""Of each: the file, what it looks like, the hash of it."""


def scan(files: Iterable[str], root: Path = ROOT) -> dict[str, Any]:
    """What detect-secrets finds in the files, whose names are those below the root, as a baseline has it."""
    options = [word for name in WITHOUT for word in ("--disable-plugin", name)]
    command = [str(Path(sys.executable).with_name("detect-secrets")), "scan", "--no-verify", *options, *files]
    found: dict[str, Any] = json.loads(subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True).stdout)
    return found


def secrets_of(scanned: dict[str, Any]) -> Found:
    """Without their lines, which move."""
    return {(file, each["type"], each["hashed_secret"]) for file, many in scanned["results"].items() for each in many}


def main() -> int:
    """Scan and compare, or accept."""
    kept = subprocess.run(["git", "ls-files", "--", *KINDS], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    files = [name for name in kept if (ROOT / name).exists()]
    scanned = scan(files)
    if "--accept" in sys.argv[1:]:
        BASELINE.write_text(json.dumps(scanned, indent=2) + "\n", encoding="utf-8")
        return 0
    new = sorted(secrets_of(scanned) - secrets_of(json.loads(BASELINE.read_text(encoding="utf-8"))))
    for file, kind, _ in new:
        line = next(each["line_number"] for each in scanned["results"][file] if each["type"] == kind)
        print(f"{file}:{line}: {kind}", file=sys.stderr)
    print(f"{len(new)} new secrets in {len(files)} files", file=sys.stderr)
    return 1 if new else 0


if __name__ == "__main__":
    raise SystemExit(main())
