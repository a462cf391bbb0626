"""The Flask application: doors only, every piece of work is done below."""

from __future__ import annotations

from apiflask import APIFlask

from api import accounts, health, i18n, pages, problems, request_id, security_headers, v1
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
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        SESSION_COOKIE_NAME="lifecert",
    )
    for part in (request_id, security_headers, i18n, problems, accounts, v1, pages, health):
        part.register(app)
    return app


def create_wsgi() -> APIFlask:
    """For gunicorn: `gunicorn "api.app:create_wsgi()"` with the settings from the environment."""
    settings = load_settings()
    configure(settings.log_level, json_lines=settings.environment is Environment.PRODUCTION)
    context = open_context(settings)
    if isinstance(context.engine, ChosenEngine):
        context.engine.load()  # a worker that cannot load its models must not take visitors
    return create_app(context)
