"""The demo: the made-up county and accounts with published passwords. Never in production."""

from __future__ import annotations

import tempfile
from pathlib import Path

from api import accounts
from api.cli.progress import ProgressCallback
from api.context import Context
from sample_data.county import load_county
from sample_data.generate import DEFAULT_SEED, generate


def fill(context: Context, report: ProgressCallback) -> list[tuple[str, str, str]]:
    """Load the county (a second time changes nothing) and make the demo accounts; returns (name, password, role) of each."""
    with tempfile.TemporaryDirectory(prefix="lifecert-demo-") as folder:
        generate(Path(folder), seed=DEFAULT_SEED)
        with context.sessions() as session:
            load_county(session, context.keyring, Path(folder), progress=report)
            session.commit()
    return accounts.create_demo_accounts(context)
