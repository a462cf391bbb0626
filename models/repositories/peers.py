"""Other installations: which regions they serve, and by which client they call us."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.assistance import Peer
from models.client import Client
from models.errors import NotFoundError
from models.keys import KeyRing, Sealed

SECRET_COLUMN = "our_secret"  # noqa: S105 - the name of a column, not a secret


def associated_data(public_id: str) -> bytes:
    """Binds the sealed secret to its installation."""
    return f"peer:{public_id}:{SECRET_COLUMN}".encode()


def seal_secret(keyring: KeyRing, public_id: str, secret: str) -> Sealed:
    """The secret that the other installation gave us, sealed for this row."""
    return keyring.seal(secret.encode("utf-8"), associated_data(public_id))


def open_secret(peer: Peer, keyring: KeyRing) -> str:
    """The secret in clear, to be sent to the peer's token door only. Raises UnsealError."""
    return keyring.unseal(peer.our_secret_sealed, associated_data(peer.public_id)).decode("utf-8")


def every(session: Session) -> Sequence[Peer]:
    """All of them in order of name, those out of use too."""
    return session.scalars(select(Peer).order_by(Peer.name)).all()


def named(session: Session, name: str) -> Peer:
    """The installation of this name. Raises NotFoundError."""
    peer = session.scalar(select(Peer).where(Peer.name == name))
    if peer is None:
        raise NotFoundError(f"there is no installation named {name!r}: `lifecert peers list` shows them")
    return peer


def serving(session: Session, region_code: str) -> Peer | None:
    """The installation that serves the region, by the longest prefix that fits; None when it is served here (or by nobody)."""
    best: tuple[int, Peer] | None = None
    for peer in session.scalars(select(Peer).where(Peer.active).order_by(Peer.id)):
        for prefix in peer.regions:
            if region_code.startswith(prefix) and (best is None or len(prefix) > best[0]):
                best = (len(prefix), peer)
    return None if best is None else best[1]


def of_client(session: Session, client_pk: int) -> Peer | None:
    """The installation that calls us as this client; None for any other client."""
    return session.scalar(select(Peer).join(Client, Client.client_id == Peer.client_id).where(Client.id == client_pk, Peer.active))
