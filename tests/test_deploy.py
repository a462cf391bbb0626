"""The files for deployment: what can be checked of them without the machines that they are for."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from api.cli.serve import CERT_REQS
from api.settings import ClientCertChoice, Settings, SettingsError, load_settings
from tests.conftest import ROOT

FOLDER = ROOT / "tools" / "deploy"
UNITS = ("lifecert.service", "lifecert-jobs.service")


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units_and_finds_them_hardened(name: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    unit = tmp_path / name
    text = (FOLDER / name).read_text(encoding="utf-8")
    unit.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text), encoding="utf-8")
    verified = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    secure = [analyze, "security", "--offline=yes", "--threshold=20", unit]
    assert subprocess.run(secure, capture_output=True, check=False).returncode == 0, "exposure of more than 2.0"


def test_every_variable_of_the_units_and_the_container_is_a_setting() -> None:
    known = {f"LIFECERT_{name.upper()}" for name in Settings.model_fields}
    for name in (*UNITS, "Containerfile"):
        named = set(re.findall(r"\bLIFECERT_[A-Z_]+(?==)", (FOLDER / name).read_text(encoding="utf-8")))
        assert named
        assert named <= known, name


def test_the_container_runs_without_rights_and_names_no_registry() -> None:
    lines = (FOLDER / "Containerfile").read_text(encoding="utf-8").splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER 10001:10001" in last_stage
    assert last_stage.index("USER 10001:10001") < next(number for number, line in enumerate(last_stage) if line.startswith("CMD "))
    assert all("/" not in line.split()[1] for line in lines if line.startswith("FROM "))
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(lines), re.M):
        assert all((ROOT / name).exists() for name in copied.split()), copied


def test_certificates_can_be_required_of_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CERT_REQS == {ClientCertChoice.OPTIONAL: ssl.CERT_OPTIONAL, ClientCertChoice.REQUIRED: ssl.CERT_REQUIRED}
    monkeypatch.setenv("LIFECERT_CLIENT_CERT", "required")
    with pytest.raises(SettingsError, match="needs LIFECERT_CLIENT_CA"):
        load_settings()
