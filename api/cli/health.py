"""`lifecert health`."""

from __future__ import annotations

import json

import click

from api.cli.operator import operator_name
from api.context import Context, open_without_upgrade
from api.health_parts import Health, State, look
from api.settings import load_settings
from models import clock_watch
from models.repositories import audit


@click.command("health")
@click.option("--accept-clock", is_flag=True, help="The machine's clock is right, although it jumped: go on by it.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def health(accept_clock: bool, as_json: bool) -> None:
    """Look at every part: store, revision, policy, keys, weights, background jobs, disk, clock. Exit 0: all well; 1: something is not.

    \b
    Examples:
      lifecert health
      lifecert health --json
      lifecert health --accept-clock
    """
    context = open_without_upgrade(load_settings())
    try:
        if accept_clock:
            _accept_clock(context)
        found = look(context)
    finally:
        context.database.dispose()
    if as_json:
        click.echo(json.dumps(_told(found)))
    else:
        for finding in found.findings:
            click.echo(f"{finding.part:<10}{finding.state:<9}{finding.code:<13}{finding.detail}".rstrip())
    raise click.exceptions.Exit(0 if found.state is State.WELL else 1)


def _accept_clock(context: Context) -> None:
    now = context.clock()
    with context.database.session_scope() as session:
        reading = clock_watch.read(session, now, context.policy.operations)
        details = {"doubt": reading.doubt, "last_seen": None if reading.last_seen is None else reading.last_seen.isoformat()}
        clock_watch.accept(session, now)
        audit.record(session, actor=f"cli:{operator_name()}", action="clock_accepted", now=now, details=details)


def _told(found: Health) -> dict[str, object]:
    parts = {str(each.part): {"state": each.state, "code": each.code, "detail": each.detail} for each in found.findings}
    return {"at": found.at.isoformat(), "state": found.state, "parts": parts}
