"""`lifecert run`, `lifecert demo`, `lifecert jobs`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import click

from api.cli.errors import BadInputError, WorkFailedError, describe_error
from api.cli.progress import progress_bar
from api.context import Context, choose_engine, open_context
from api.log import configure
from api.metrics_folder import prepare_folder, worker_ended
from api.settings import ClientCertChoice, Environment, Settings, load_settings

CERT_REQS = {ClientCertChoice.OPTIONAL: ssl.CERT_OPTIONAL, ClientCertChoice.REQUIRED: ssl.CERT_REQUIRED}


@click.command()
@click.option("--host", help="Address to listen on (LIFECERT_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (LIFECERT_PORT).")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes (LIFECERT_WORKERS).")
def run(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve Lifecert with gunicorn, and run its background jobs beside it.

    \b
    Examples:
      lifecert run
      LIFECERT_ENVIRONMENT=production LIFECERT_DATABASE_URL=postgresql+psycopg://lifecert@db/lifecert lifecert run --workers 8
    """
    settings = _settings(host=host, port=port, workers=workers)
    configure(settings.log_level, json_lines=settings.environment is Environment.PRODUCTION)
    _check_port(settings)
    context = open_context(settings)
    _start_screen(context)
    _serve(context)


@click.command()
@click.option("--host", help="Address to listen on (LIFECERT_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (LIFECERT_PORT).")
@click.option("--no-serve", is_flag=True, help="Fill the home and return.")
def demo(host: str | None, port: int | None, no_serve: bool) -> None:
    """Fill an empty home with the made-up county and demo accounts, then serve. A home that has them already is left as it is.

    \b
    Examples:
      lifecert demo
      LIFECERT_HOME=/srv/demo lifecert demo --no-serve
    """
    from api.demo import demo_client, fill, people_to_try

    settings = _settings(host=host, port=port)
    configure(settings.log_level)
    if settings.environment is Environment.PRODUCTION:
        raise BadInputError("the demo has made-up people and known passwords: it refuses to run with LIFECERT_ENVIRONMENT=production")
    if not no_serve:
        _check_port(settings)
    context = open_context(settings)
    with progress_bar() as report:
        accounts = fill(context, report)
    _start_screen(context, accounts, people_to_try(context), demo_client(context))
    if not no_serve:
        _serve(context)


@click.command()
def jobs() -> None:
    """Run the background jobs: expiry and deletion when due, calibration as the gallery grows.

    \b
    Examples:
      lifecert jobs
    """
    from api.jobs import consume

    settings = load_settings()
    configure(settings.log_level, json_lines=settings.environment is Environment.PRODUCTION)
    consume(open_context(settings))


def _settings(**options: Any) -> Settings:
    """Settings from the environment, with the given options over them; options also reach the worker processes."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        os.environ[f"LIFECERT_{name.upper()}"] = str(value)
    return load_settings()


def _start_screen(
    context: Context,
    accounts: Sequence[tuple[str, str, str]] = (),
    people: Sequence[tuple[str, str, str]] = (),
    client: tuple[str, str] | None = None,
) -> None:
    settings = context.settings
    base = settings.base_url
    lines = [
        "",
        f"  Lifecert          {base}",
        f"  Counter (staff)   {base}/counter",
        f"  API               {base}/docs",
        f"  Engine            {choose_engine(settings)[0].value}",
        f"  Store             {settings.store_url.split('://')[0]}",
    ]
    if context.engine_note:
        lines.append(f"  Note              {context.engine_note}")
    if accounts:
        lines += ["", "  Demo accounts (made-up people, this machine only)"]
        lines += [f"    {name:<18} {password}" for name, password, _ in accounts]
    if client:
        lines += ["", "  Demo machine client (OAuth 2 client credentials, every scope)", f"    {client[0]:<18} {client[1]}"]
    if people:
        lines += ["", "  Made-up pensioners to try (name, resident ID, status)"]
        lines += [f"    {name}  {resident_id}  {status}" for name, resident_id, status in people]
    click.echo("\n".join([*lines, ""]), err=True)


def _serve(context: Context) -> None:
    settings = context.settings
    context.database.dispose()  # connections must not cross the fork: each worker opens its own
    if settings.metrics_port:
        prepare_folder(settings.home)
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter
    from gunicorn.glogging import Logger

    class MaskedLogger(Logger):  # type: ignore[misc]
        """gunicorn's log goes the way of every other line, through the masking handler."""

        def setup(self, cfg: Any) -> None:
            """Drop gunicorn's own handlers: lines go up to the root logger."""
            super().setup(cfg)
            for log in (self.error_log, self.access_log):
                log.handlers.clear()
                log.propagate = True

    class Server(BaseApplication):  # type: ignore[misc]
        """gunicorn, configured in code."""

        def load_config(self) -> None:
            """Thread workers: models release the interpreter lock while they compute."""
            options: dict[str, Any] = {
                "bind": f"{settings.host}:{settings.port}",
                "workers": settings.workers,
                "threads": settings.threads,
                "worker_class": "gthread",
                "timeout": 60,
                "graceful_timeout": 30,
                "accesslog": None,  # addresses and paths of people are not logged
                "loglevel": "warning",
                "logger_class": MaskedLogger,
                "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108 (heartbeat file only)
                "control_socket_disable": True,
            }
            if settings.metrics_port:
                options["bind"] = [options["bind"], f"127.0.0.1:{settings.metrics_port}"]
                options["child_exit"] = worker_ended
            if settings.tls_cert is not None:
                options |= {"certfile": str(settings.tls_cert), "keyfile": str(settings.tls_key)}
            if settings.client_ca is not None:
                # optional: browsers come in without a certificate; one that is shown has to be of this authority either way
                options |= {"ca_certs": str(settings.client_ca), "cert_reqs": CERT_REQS[settings.client_cert]}
            for key, value in options.items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)

        def load(self) -> Callable[..., Any]:
            """One application a worker, opened after the fork: models and connections are not shared between processes."""
            from api.app import create_wsgi

            try:
                return create_wsgi()
            except Exception as error:
                known = describe_error(error)
                if known is None:
                    raise
                click.echo(f"lifecert: {known[0]}", err=True)
                sys.exit(Arbiter.WORKER_BOOT_ERROR)  # the server then stops, instead of starting the next worker

    server = os.getpid()
    with _jobs_process() if settings.jobs else contextlib.nullcontext():
        try:
            Server().run()
        except SystemExit as stop:
            if os.getpid() == server and stop.code:
                raise WorkFailedError("the server could not go on: the lines above say why") from stop
            raise


def _check_port(settings: Settings) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise WorkFailedError(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): stop what runs there, or choose another --port"
            ) from error


@contextlib.contextmanager
def _jobs_process() -> Iterator[None]:
    """Background jobs in a process of their own, ended with the server, also when that is told to stop before it listens to signals."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    server = os.getpid()
    signal.signal(signal.SIGTERM, leave)
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "jobs"])
    try:
        yield
    finally:
        if os.getpid() == server:  # a worker that ends comes through here too: the jobs are not its own
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
