"""No key and no token is in what git keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.find_secrets import ROOT, scan, secrets_of


@pytest.mark.timeout(900)
def test_no_key_or_token_is_in_what_git_keeps() -> None:
    scanned = subprocess.run([sys.executable, "tools/find_secrets.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert scanned.returncode == 0, scanned.stderr


def test_a_key_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f'ACCESS = "{"AKIA" + "Z7QK2M4XWPNB5VTD"}"\n')
    assert {kind for _, kind, _ in secrets_of(scan(["settings.py"], tmp_path))} == {"AWS Access Key"}
