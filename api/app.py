"""The Flask application: doors only, every piece of work is done below."""

from __future__ import annotations

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from api import access_log, accounts, audit_journal, degraded, health, i18n, pages, problems, request_id, security_headers, v1
from api.account_administration import tell_mixed_accounts
from api.context import ChosenEngine, Context, open_context
from api.log import configure
from api.settings import Environment, load_settings


def create_app(context: Context) -> APIFlask:
    """Build the application around an open context."""
    app = APIFlask("api", title="Lifecert", version="1", docs_path=None, spec_path="/openapi.json")
    settings = context.settings
    app.extensions["lifecert"] = context
    app.config.update(
        SECRET_KEY=context.keyring.derive("session-cookie").hex(),
        TESTING=settings.environment is Environment.TEST,
        MAX_CONTENT_LENGTH=context.policy.verification.capture.still.max_bytes + 64 * 1024,
    )
    if settings.trusted_proxies:
        # only as many addresses from the end of X-Forwarded-For as there are proxies of ours: what stands before them anybody can write
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies, x_host=0)  # type: ignore[method-assign]
    for part in (request_id, security_headers, i18n, problems, degraded, accounts, v1, pages, health):
        part.register(app)
    access_log.register(app)
    if settings.metrics_port:
        from api import metrics  # only here: the library looks at its folder when it is imported

        metrics.register(app)
    return app


def create_wsgi() -> APIFlask:
    """For gunicorn: `gunicorn "api.app:create_wsgi()"` with the settings from the environment."""
    settings = load_settings()
    configure(settings.log_level, json_lines=settings.environment is Environment.PRODUCTION)
    context = open_context(settings)
    if isinstance(context.engine, ChosenEngine):
        context.engine.load()  # a worker that cannot load its models must not take visitors
    tell_mixed_accounts(context)
    app = create_app(context)
    app.extensions[audit_journal.KEY].work_beside()
    return app
