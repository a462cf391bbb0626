"""What the running configuration says about personal information: faces held, kinds of data, periods, who receives it, what protects it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from sqlalchemy import select

from api.context import Context
from api.retention_periods import periods
from api.rights import RIGHTS
from models.assistance import Peer
from models.client import Client
from models.privacy_holdings import HOLDINGS, table_of
from models.repositories import face_counter
from models.repositories.face_counter import FaceCount
from models.sealed_columns import CONTEXTS
from models.tables import APPEND_ONLY
from models.types import BIOMETRIC, PERSONAL, SECRET


@dataclass(frozen=True)
class HeldTable:
    """One table about persons: columns by sensitivity, and which are sealed."""

    table: str
    purpose: str
    personal: int
    biometric: int
    secret: int
    sealed: tuple[str, ...]


@dataclass(frozen=True)
class Recipient:
    """A connected system: what it may, and where. peer: another installation."""

    name: str
    may: str
    region: str
    peer: bool


@dataclass(frozen=True)
class Facts:
    """All that the papers are made of."""

    day: str
    version: str
    environment: str
    engine: str
    policy_hash: str
    cipher: str
    keys: str
    store: str
    https: bool
    faces: FaceCount
    tables: tuple[HeldTable, ...]
    periods: tuple[tuple[str, str, str], ...]
    recipients: tuple[Recipient, ...]
    roles: tuple[tuple[str, int], ...]
    append_only: tuple[str, ...]
    text_versions: tuple[tuple[str, str], ...]
    keeps_reference_images: bool
    keeps_referred_pictures: bool


def gather(context: Context, faces: FaceCount | None = None) -> Facts:
    """Read it all. faces: when they were counted before; counting reads every reference."""
    now, settings, policy = context.clock(), context.settings, context.policy
    with context.database.read_scope() as session:
        counted = faces or face_counter.count(session, policy.privacy)
        clients = session.execute(
            select(Client.name, Client.scopes, Client.region_code).where(Client.revoked_at.is_(None)).order_by(Client.id)
        )
        recipients = [Recipient(row.name, ", ".join(row.scopes), row.region_code, False) for row in clients]
        peers = session.execute(select(Peer.name, Peer.regions).where(Peer.active).order_by(Peer.id))
        recipients += [Recipient(row.name, "assistance", ", ".join(row.regions), True) for row in peers]
    return Facts(
        day=policy.certification.today(now).isoformat(),
        version=version("lifecert"),
        environment=settings.environment.value,
        engine=context.engine.name,
        policy_hash=policy.hash,
        cipher=settings.cipher.value,
        keys=settings.key_service.value,
        store=context.database.dialect,
        https=settings.base_url.startswith("https://"),
        faces=counted,
        tables=tuple(_held(holding.table, holding.purpose.value) for holding in HOLDINGS),
        periods=tuple((period.code, period.setting, period.length) for period in periods(context, now)),
        recipients=tuple(recipients),
        roles=tuple((role.value, len(rights)) for role, rights in RIGHTS.items()),
        append_only=APPEND_ONLY,
        text_versions=tuple((purpose.value, text) for purpose, text in policy.consent.text_versions.items()),
        keeps_reference_images=policy.retention.keep_reference_images,
        keeps_referred_pictures=policy.retention.keep_pictures_of_referred,
    )


def _held(name: str, purpose: str) -> HeldTable:
    columns = table_of(name).columns
    levels = Counter(column.info["sensitivity"] for column in columns)
    sealed = tuple(column.name for column in columns if (name, column.name) in CONTEXTS)
    return HeldTable(name, purpose, levels[PERSONAL], levels[BIOMETRIC], levels[SECRET], sealed)
