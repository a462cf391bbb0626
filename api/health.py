"""`/healthz`: the process answers. `/readyz`: it can do its work (store and policy)."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from api.context import current
from models.errors import DatabaseUnreachableError


def healthz() -> Response:
    """Alive."""
    return jsonify(status="ok")


def readyz() -> tuple[Response, int]:
    """Ready: the store answers. Says which engine runs, and whether that is the one asked for."""
    context = current()
    try:
        context.database.ping()
    except (DatabaseUnreachableError, SQLAlchemyError):
        return jsonify(status="store_unreachable"), 503
    return jsonify(status="ok", engine=context.engine.name, engine_as_asked=not context.engine_note, policy=context.policy.hash), 200


def register(app: APIFlask) -> None:
    """Add both probes."""
    for path, view in (("/healthz", healthz), ("/readyz", readyz)):
        app.add_url_rule(path, view_func=app.doc(hide=True)(view))
