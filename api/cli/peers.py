"""`lifecert peers`: other installations with which assisted certification is shared."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.evaluate import EXISTING_FILE
from api.cli.operator import operator_name
from api.context import open_context
from api.scopes import Scope
from api.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.assistance import Peer

LONGEST_SECRET = 200
PREFIX_LENGTHS = (2, 4, 6)


@click.group("peers")
def peers_group() -> None:
    """Other installations that certify for us, and for which we certify.

    \b
    Examples:
      lifecert peers add "B" --url https://b.example --region 43 --our-client-id c01 --our-secret-file b.secret --their-client-id c45
      lifecert peers list
      lifecert peers check "Province B"
    """


@peers_group.command("add")
@click.argument("name")
@click.option("--url", required=True, help="Where it is served, e.g. https://b.example; http only on this machine.")
@click.option("--region", "regions", multiple=True, required=True, help="Digits that the codes of its regions begin with; repeat it.")
@click.option("--our-client-id", required=True, help="Client that it made for us.")
@click.option("--our-secret-file", required=True, type=EXISTING_FILE, help="File with that client's secret; it may be deleted afterwards.")
@click.option("--their-client-id", required=True, help="Client that we made for it, with the scope assistance:relay.")
@click.option("--replace", is_flag=True, help="Change the installation that has this name already, e.g. for a new secret.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def add(
    name: str,
    url: str,
    regions: tuple[str, ...],
    our_client_id: str,
    our_secret_file: Path,
    their_client_id: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Make another installation known. Its secret is sealed in the store.

    \b
    Examples:
      lifecert peers add "B" --url https://b.example --region 43 --our-client-id c01 --our-secret-file b.secret --their-client-id c45
    """
    from models.assistance import Peer
    from models.repositories import audit, peers
    from models.types import opaque_id

    name = name.strip()
    if not 0 < len(name) <= 100:
        raise BadInputError("NAME must have 1 to 100 characters")
    address, prefixes, secret = _address(url), _prefixes(regions), _secret(our_secret_file)
    if not 0 < len(our_client_id.strip()) <= 40:
        raise BadInputError("--our-client-id must have 1 to 40 characters")
    context = open_context(load_settings())
    now = context.clock()
    with context.database.session_scope() as session:
        known = {peer.name: peer for peer in peers.every(session)}
        row = known.pop(name, None)
        if row is not None and not replace:
            raise BadInputError(f"an installation named {name!r} is known already: --replace changes it")
        _check_client(session, their_client_id, known.values())
        _check_regions(prefixes, known.values())
        made = row is None
        if row is None:
            row = Peer(public_id=opaque_id(), name=name, created_at=now)
            session.add(row)
        row.base_url, row.regions, row.client_id, row.our_client_id = address, prefixes, their_client_id, our_client_id.strip()
        row.our_secret_sealed = peers.seal_secret(context.keyring, row.public_id, secret)
        row.active = True
        session.flush()
        action = "peer.added" if made else "peer.changed"
        details = {"regions": prefixes, "their_client": their_client_id}
        audit.record(session, actor=f"cli:{operator_name()}", action=action, now=now, object=row.public_id, details=details)
    if as_json:
        click.echo(json.dumps({"name": name, "url": address, "regions": prefixes}, ensure_ascii=False))
    else:
        click.echo(f"{name} is known; `lifecert peers check {name!r}` tries the connection out")


@peers_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def list_peers(as_json: bool) -> None:
    """List the installations that are known. Secrets are never shown.

    \b
    Examples:
      lifecert peers list
      lifecert peers list --json
    """
    from models.repositories import peers

    context = open_context(load_settings())
    with context.database.read_scope() as session:
        found: list[dict[str, Any]] = [
            {
                "name": peer.name,
                "url": peer.base_url,
                "regions": peer.regions,
                "our_client_id": peer.our_client_id,
                "their_client_id": peer.client_id,
            }
            for peer in peers.every(session)
        ]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in found:
        click.echo(f"{line['name']}  {line['url']}  regions {' '.join(line['regions'])}")


@peers_group.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def check(name: str, as_json: bool) -> None:
    """Get a token from the installation and ask whom it takes us for. Exit 1 when it does not answer or does not know us.

    \b
    Examples:
      lifecert peers check "Province B"
      lifecert peers check "Province B" --json
    """
    from api.peers import PeerCallError, PeerClient
    from models.errors import NotFoundError
    from models.repositories import peers

    context = open_context(load_settings())
    with context.database.read_scope() as session:
        try:
            peer = peers.named(session, name)
        except NotFoundError as error:
            raise BadInputError(str(error)) from error
        secret = peers.open_secret(peer, context.keyring)
        with PeerClient(context.policy.assistance.peer_timeout_s) as client:
            try:
                answer = client.who_are_we(peer, secret)
            except PeerCallError as error:
                raise WorkFailedError(f"{name}: {error.why}. {_remedy(error.status)}") from error
    if as_json:
        click.echo(json.dumps({"name": name, "knows_us_as": answer.name, "our_regions": answer.regions}, ensure_ascii=False))
    else:
        click.echo(f"{name} answers and knows us as {answer.name} with regions {' '.join(answer.regions)}")


def _remedy(status: int | None) -> str:
    if status is None:
        return "Check the address, the network and its TLS certificate (SSL_CERT_FILE names another authority)"
    if status == 404:
        return "It does not know our client as an installation: it has to run `lifecert peers add` with our client's id"
    if status in {401, 403}:
        return "It does not let our client in: compare id, secret and scope with its operator, then `lifecert peers add --replace`"
    return "Try again later, or ask its operator"


def _address(url: str) -> str:
    parts = urlsplit(url.strip())
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadInputError(f"--url: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise BadInputError("--url must be an address like https://b.example, without user, query or fragment")
    if parts.scheme == "http" and not _this_machine(host):
        raise BadInputError("--url must begin with https: names and numbers of persons are sent there")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def _this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _prefixes(regions: tuple[str, ...]) -> list[str]:
    for prefix in regions:
        if not (prefix.isascii() and prefix.isdigit() and len(prefix) in PREFIX_LENGTHS):
            raise BadInputError(f"--region {prefix}: write 2 digits (province), 4 (city) or 6 (county)")
    return sorted(set(regions))


def _secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path.name} is not a text file with a secret in it") from error
    if not 0 < len(secret) <= LONGEST_SECRET or any(character.isspace() for character in secret):
        raise BadInputError(f"{path.name} must hold the secret alone, 1 to {LONGEST_SECRET} characters without spaces")
    return secret


def _check_client(session: Session, client_id: str, others: Iterable[Peer]) -> None:
    from sqlalchemy import select

    from models.client import Client

    client = session.scalar(select(Client).where(Client.client_id == client_id))
    if client is None or client.revoked_at is not None:
        raise BadInputError("--their-client-id: there is no such client; make one with `lifecert clients add`")
    if Scope.ASSISTANCE_RELAY.value not in client.scopes:
        raise BadInputError(f"--their-client-id: the client has no scope {Scope.ASSISTANCE_RELAY.value}")
    for other in others:
        if other.client_id == client_id:
            raise BadInputError(f"--their-client-id: {other.name} calls as this client already; each installation needs its own")


def _check_regions(prefixes: list[str], others: Iterable[Peer]) -> None:
    for other in others:
        same = sorted(set(prefixes) & set(other.regions))
        if same:
            raise BadInputError(f"--region {same[0]}: {other.name} serves it already")
