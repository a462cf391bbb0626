"""The demo: the made-up county and accounts with published passwords. Never in production."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import select

from api import accounts
from api.cli.progress import ProgressCallback
from api.context import Context
from models.certification_state import CertificationState
from models.life_evidence import LifeEvidence
from models.repositories import certifications, persons
from sample_data.county import RECORDED_BY, load_county
from sample_data.generate import DEFAULT_SEED, generate


def fill(context: Context, report: ProgressCallback) -> list[tuple[str, str, str]]:
    """Load the county as it stands today, unless it is there already, and make the demo accounts; (name, password, role) of each."""
    if not _loaded(context):
        _load(context, report)
    return accounts.create_demo_accounts(context)


def _loaded(context: Context) -> bool:
    """True when the county is in the store. The county of another day has other people: it must not be added to the one that is there."""
    with context.database.read_scope() as session:
        return session.scalar(select(LifeEvidence.id).where(LifeEvidence.recorded_by == RECORDED_BY).limit(1)) is not None


def _load(context: Context, report: ProgressCallback) -> None:
    today = context.policy.certification.today(context.clock())
    with tempfile.TemporaryDirectory(prefix="lifecert-demo-") as folder:
        generate(Path(folder), seed=DEFAULT_SEED, as_of=today)
        with context.sessions() as session:
            load_county(session, context.keyring, Path(folder), progress=report)
            session.commit()


def people_to_try(context: Context, count: int = 3) -> list[tuple[str, str, str]]:
    """(name, resident ID, status) of made-up pensioners whose certification is due, to walk through the pages with."""
    policy = context.policy.certification
    with context.database.read_scope() as session:
        due = certifications.listing(
            session,
            policy,
            policy.today(context.clock()),
            states=[CertificationState.DUE_SOON, CertificationState.OVERDUE],
            pensioners_only=True,
            limit=count,
        )
        return [
            (line.name, persons.open_resident_id(persons.get(session, line.public_id), context.keyring), line.status.state.value)
            for line in due
        ]
