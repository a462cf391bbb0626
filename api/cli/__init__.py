"""The ``lifecert`` command. Results go to stdout, progress and logs to stderr; exit 0 done, 1 the work failed, 2 bad usage or bad input."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

import click

from api.cli.errors import describe_error

# sub-command -> (module, attribute, one line): modules are imported when asked for, so that `lifecert --help` answers at once
COMMANDS = {
    "run": ("api.cli.serve", "run", "Serve Lifecert."),
    "demo": ("api.cli.serve", "demo", "Fill an empty home with the made-up county, then serve."),
    "jobs": ("api.cli.serve", "jobs", "Run the background jobs (run and demo start them by themselves)."),
    "backup": ("api.cli.backup", "backup", "Write everything into one file, while the service goes on."),
    "restore": ("api.cli.backup", "restore", "Bring a backup back."),
    "health": ("api.cli.health", "health", "Look at every part of the service."),
    "db": ("api.cli.database", "db_group", "The tables of the store: their revision, bringing them up to date."),
    "engines": ("api.cli.engines", "engines", "Show the face engines and what each can do here."),
    "weights": ("api.cli.engines", "weights", "Fetch and check the model weights."),
    "policy": ("api.cli.engines", "policy", "Check the policy file."),
    "import": ("api.cli.imports", "import_group", "Bring records in from files."),
    "statuses": ("api.cli.statuses", "statuses", "Where everybody in a region stands on a day."),
    "keys": ("api.cli.keys", "keys_group", "Keys: list, make a new one, seal everything again, destroy an old one."),
    "audit": ("api.cli.audit", "audit_group", "Who did what: check that nobody changed it, write it into a file."),
    "references": ("api.cli.reissue", "references_group", "References: make templates anew for another engine."),
    "certify-silently": ("api.cli.silent", "certify_silently", "Certify by traces of life, without troubling anybody."),
    "outreach": ("api.cli.payments", "outreach_group", "Who has to be reached before a pause may be proposed."),
    "payments": ("api.cli.payments", "payments_group", "Resumptions; lists of pauses and resumptions for the paying system."),
    "accounts": ("api.cli.accounts", "accounts_group", "Accounts of staff: make, list, change, disable."),
    "clients": ("api.cli.clients", "clients_group", "Machine clients: make, list, revoke, give a new secret."),
    "peers": ("api.cli.peers", "peers_group", "Other installations that certify for each other."),
    "announce": ("api.cli.webhooks", "announce", "Find changes of status and tell them."),
    "webhooks": ("api.cli.webhooks", "webhooks_group", "Look at webhooks, send them, send dead messages again."),
    "legal-basis": ("api.cli.legal_basis", "legal_basis_group", "On which legal text the search for faces rests."),
    "privacy": ("api.cli.privacy", "privacy_group", "A person's own copy, requests about it, papers for the authority."),
    "retention": ("api.cli.retention", "retention_group", "Delete what is due, and say what went."),
    "knowledge": ("api.cli.knowledge", "knowledge_group", "The national rule base and its knowledge points."),
    "detect": ("api.cli.detect", "detect_group", "Look for duplicates, benefits drawn twice, payments that were not due."),
    "models": ("api.cli.models", "models_group", "Anomaly models over hospital claims: train, score, show, let go live."),
    "screen": ("api.cli.screen", "screen", "Screen one hospital claim before it is paid."),
    "figures": ("api.cli.figures", "figures", "Count what supervisors are shown."),
    "report": ("api.cli.report", "report", "The paper of a month for supervisors."),
    "scorecards": ("api.cli.scorecards", "scorecards", "What each rule and model is worth, by what people decided."),
    "fairness": ("api.cli.scorecards", "fairness", "How groups of people fare with the camera check."),
    "calibrate": ("api.cli.calibration", "calibrate", "Set thresholds from images or from the enrolled references."),
    "verify": ("api.cli.verify", "verify", "Decide from files: one reference picture, a folder of frames."),
    "evaluate": ("api.cli.evaluate", "evaluate", "Measure verification, liveness and linkage on files."),
}


class LazyGroup(click.Group):
    """Imports a sub-command's module only when it is used, and turns known errors into one clear line."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Sub-commands in the order of a first day's work."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one sub-command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List sub-commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("lifecert"), "--version", message="lifecert %(version)s")
def cli() -> None:
    """Proof of life for pensioners, a province's certification status, and fraud detection that people decide on.

    \b
    Examples:
      lifecert demo                     a made-up county at http://localhost:8440
      lifecert engines                  which face engine runs, and why
      lifecert verify --reference me.jpg --frames captured/
      lifecert evaluate verification --pairs pairs.csv --images photos/ --json

    State lives under LIFECERT_HOME, the store at LIFECERT_DATABASE_URL (empty: SQLite in the home).
    """
    from api import audit_sealing
    from api.log import configure

    configure("WARNING")  # to stderr, masked; the serving commands set their own level
    audit_sealing.remember()
    click.get_current_context().call_on_close(audit_sealing.seal_opened)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: run the command and turn every known error into one line and an exit code. arguments: None for the process's own."""
    try:
        code = cli.main(arguments, prog_name="lifecert", standalone_mode=False)  # the code of an Exit, None of a command that went through
        sys.exit(code or 0)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        known = describe_error(error)
        if known is None:
            raise
        message, exit_code = known
        click.echo(f"lifecert: {message}", err=True)
        sys.exit(exit_code)
