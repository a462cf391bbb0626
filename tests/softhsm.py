"""A token of SoftHSM in a temporary folder, as a hardware module would be reached."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.keys_pkcs11 import TokenAccess

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
PIN = "271828"


@dataclass(frozen=True)
class Token:
    """One token: how to get in, and the folder that holds it. configuration: what SOFTHSM2_CONF has to name."""

    access: TokenAccess
    folder: Path
    configuration: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it."""
        return {
            "SOFTHSM2_CONF": str(self.configuration),
            "LIFECERT_KEY_SERVICE": "pkcs11",
            "LIFECERT_PKCS11_MODULE": str(self.access.module),
            "LIFECERT_PKCS11_TOKEN": self.access.token,
            "LIFECERT_PKCS11_PIN": PIN,
        }


def make_token(folder: Path, label: str = "lifecert") -> Token:
    """Make an empty token. Sets SOFTHSM2_CONF for this process: the library reads it when it is first loaded."""
    library = next((Path(path) for path in LIBRARIES if Path(path).exists()), None)
    tool = shutil.which("softhsm2-util")
    if library is None or tool is None:
        pytest.skip("SoftHSM is not installed and could not be installed here: apt-get install softhsm2")
    configuration = folder / "softhsm2.conf"
    (folder / "tokens").mkdir(exist_ok=True)
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n", encoding="utf-8"
    )
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    add_token(label)
    return Token(TokenAccess(library, label, PIN), folder, configuration)


def add_token(label: str) -> None:
    """One more token in the folder that SOFTHSM2_CONF names."""
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "314159"],
        check=True,
        capture_output=True,
    )
