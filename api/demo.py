"""The demo: the made-up county and accounts with published passwords. Never in production."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from sqlalchemy import select

from api import accounts, detection
from api.cli.progress import ProgressCallback
from api.context import Context
from api.figures import make_figures
from api.intake import intake_of
from api.scopes import Scope
from detection.intake.results import Options
from detection.knowledge.knowledge_service import KnowledgeService
from models.certification_state import CertificationState
from models.client import Client
from models.detection import DetectionKind
from models.import_batch import ImportKind
from models.life_evidence import LifeEvidence
from models.repositories import audit, certifications, clients, persons
from sample_data.claims import county as county_claims
from sample_data.county import RECORDED_BY, load_county
from sample_data.generate import DEFAULT_SEED, generate
from sample_data.place import CITY

MONTHS_COUNTED = 13
"""So many month ends before today have figures, so that there is a year to compare with."""

DETECTED = (DetectionKind.DUPLICATES, DetectionKind.BENEFITS, DetectionKind.PAYMENTS)
CLIENT_ID = "demo-hospital"
CLIENT_SECRET = "everybody-knows-this-secret"  # noqa: S105 - as the passwords of the demo accounts


def fill(context: Context, report: ProgressCallback) -> list[tuple[str, str, str]]:
    """Load the county as it stands today and look for what is planted in it, unless it is there already, and make the demo accounts.

    (name, password, role) of each.
    """
    if not _loaded(context):
        _load(context, report)
    return accounts.create_demo_accounts(context)


def demo_client(context: Context) -> tuple[str, str]:
    """(client id, secret) of the machine client of the demo, made unless it is there already: every scope, the county's city.

    A made-up secret that everybody knows: production refuses the demo.
    """
    with context.database.session_scope() as session:
        if session.scalar(select(Client.id).where(Client.client_id == CLIENT_ID)) is None:
            now = context.clock()
            session.add(
                Client(
                    client_id=CLIENT_ID,
                    name="demo hospital",
                    secret_digest=clients.secret_digest(CLIENT_SECRET, context.keyring),
                    scopes=sorted(Scope),
                    region_code=CITY[0],
                    rate_per_minute=context.policy.integration.rate_per_minute,
                    created_by=RECORDED_BY,
                    created_at=now,
                )
            )
            audit.record(session, actor=RECORDED_BY, action="client.add", now=now, object=CLIENT_ID, details={"scopes": sorted(Scope)})
    return CLIENT_ID, CLIENT_SECRET


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
        _load_claims(context, Path(folder), today, report)
    for kind in DETECTED:
        detection.detect(context, kind, today, by=RECORDED_BY, progress=report)
    make_figures(context).fill(MONTHS_COUNTED, by=RECORDED_BY, progress=report)


def _load_claims(context: Context, folder: Path, today: date, report: ProgressCallback) -> None:
    """The province's knowledge points and the county's claims, through the same doors as real ones."""
    files = county_claims.write(folder, seed=DEFAULT_SEED, as_of=today)
    knowledge = KnowledgeService(context.database, context.policy.knowledge, clock=context.clock, today=context.policy.certification.today)
    knowledge.import_files([folder / county_claims.POINTS], by=RECORDED_BY)
    intake = intake_of(context)
    for file in files:
        intake.import_file(ImportKind(county_claims.ORDER[file.name]), file, Options(), actor=RECORDED_BY, progress=report)


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
