"""`lifecert announce` and `lifecert webhooks`."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import asdict
from types import FrameType

import click

from api import announcer
from api.beside import SEND_EVERY_S, make_sender
from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import Context, open_context
from api.settings import load_settings
from api.webhook_delivery import Round
from models.errors import NotFoundError
from models.repositories import audit, webhook_deliveries, webhooks
from models.webhook import DeliveryState


def _context() -> Context:
    return open_context(load_settings())


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Look at everybody again, e.g. after a backup was restored.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def announce(everybody: bool, as_json: bool) -> None:
    """Find changes of certification status and tell them: to the feed of changes and to webhooks.

    The background jobs do this every few seconds; by hand it is for looking, and for after a large import. New rules in the policy file
    are noticed by themselves. With another announcer at work this one leaves.

    \b
    Examples:
      lifecert announce
      lifecert announce --all --json
    """
    context = _context()
    with progress_bar(quiet=as_json) as report:
        done = announcer.announce(context.database, context.policy.certification, context.clock, everybody=everybody, report=report)
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    if done.elsewhere:
        click.echo("another announcer is at work, and goes on with it", err=True)
    click.echo(f"{done.looked_at} looked at, {done.changes} changes told")


@click.group("webhooks")
def webhooks_group() -> None:
    """Look at webhooks, send them, and send dead messages again.

    \b
    Examples:
      lifecert webhooks list
      lifecert webhooks dead --json
      lifecert webhooks retry Zk3wq0m1T2uXv9aBcDeFgH
      lifecert webhooks send --once
    """


@webhooks_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def list_command(as_json: bool) -> None:
    """Every webhook: its client, where it goes, how many messages wait and how many were given up.

    \b
    Examples:
      lifecert webhooks list
      lifecert webhooks list --json
    """
    with _context().database.read_scope() as session:
        rows = webhooks.endpoints(session)
    if as_json:
        click.echo(json.dumps([_row(row) for row in rows], ensure_ascii=False))
        return
    for row in rows:
        state = f"disabled: {row.disabled_reason}" if row.disabled_at else "in use"
        click.echo(f"{row.public_id}  {row.client_id}  {row.pending} waiting  {row.dead} dead  {row.url}  {state}")


def _row(row: webhooks.Endpoint) -> dict[str, object]:
    return {
        "webhook": row.public_id,
        "client": row.client_id,
        "url": row.url,
        "states": None if row.states is None else [state.value for state in row.states],
        "pending": row.pending,
        "dead": row.dead,
        "last_error": row.last_error,
        "disabled_reason": row.disabled_reason,
    }


@webhooks_group.command("dead")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Messages shown of each webhook.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def dead_command(limit: int, as_json: bool) -> None:
    """Messages that were given up, oldest first.

    \b
    Examples:
      lifecert webhooks dead
      lifecert webhooks dead --limit 1000 --json
    """
    found: list[dict[str, object]] = []
    with _context().database.read_scope() as session:
        for endpoint in webhooks.endpoints(session):
            key = webhooks.find(session, endpoint.public_id).id
            found += [
                {
                    "webhook": endpoint.public_id,
                    "delivery": row.public_id,
                    "attempts": row.attempts,
                    "last_status": row.last_status,
                    "last_error": row.last_error,
                    "created_at": row.created_at.isoformat(),
                }
                for row in webhook_deliveries.listing(session, key, state=DeliveryState.DEAD, limit=limit)
            ]
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in found:
        click.echo(f"{line['webhook']}  {line['delivery']}  {line['attempts']} tries  {line['last_error']}")


@webhooks_group.command("retry")
@click.argument("webhook", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def retry_command(webhook: str, as_json: bool) -> None:
    """Send the dead messages of one webhook again, and put it back to work when it was disabled. ID: as `list` shows it.

    \b
    Examples:
      lifecert webhooks retry Zk3wq0m1T2uXv9aBcDeFgH
    """
    context = _context()
    now = context.clock()
    try:
        with context.database.session_scope() as session:
            number = webhook_deliveries.revive(session, webhooks.find(session, webhook).id, now=now)
            actor = f"operator:{operator_name()}"
            audit.record(session, actor=actor, action="webhook_retried", now=now, object=webhook, details={"messages": number})
    except NotFoundError as error:
        raise BadInputError(f"there is no webhook {webhook!r}: see lifecert webhooks list") from error
    click.echo(json.dumps({"webhook": webhook, "retried": number}) if as_json else f"{number} messages will be sent again")


@webhooks_group.command("send")
@click.option("--once", is_flag=True, help="Send what is due now and return; otherwise go on until told to stop.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def send_command(once: bool, as_json: bool) -> None:
    """Send webhooks. The background jobs do this by themselves; more senders do no harm.

    With --once, exit 1 when a message failed or was given up.

    \b
    Examples:
      lifecert webhooks send --once --json
      lifecert webhooks send
    """
    sender = make_sender(_context())
    stopped: list[int] = []

    def leave(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

    done = Round()
    try:
        if once:
            done = sender.run_once()
        else:
            signal.signal(signal.SIGTERM, leave)
            signal.signal(signal.SIGINT, leave)
            while not stopped:
                done += sender.start_round()
                time.sleep(SEND_EVERY_S)
    finally:
        sender.close()
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        click.echo(f"{done.fanned_out} messages made, {done.delivered} delivered, {done.failed} to be tried again, {done.dead} given up")
    if once and (done.failed or done.dead):
        raise WorkFailedError("some messages did not arrive: see lifecert webhooks list")
