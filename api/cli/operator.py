"""Who runs the command, for the audit."""

from __future__ import annotations

import getpass
import os


def operator_name() -> str:
    """Login name of this user; its number where the machine has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
