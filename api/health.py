"""`/healthz`: the process answers. `/readyz`: it can do its work. Both are for balancers and strangers: no details."""

from __future__ import annotations

import sqlite3

from apiflask import APIFlask
from flask import Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from api.context import current
from models.errors import ModelsError
from models.schema import read_revision


def healthz() -> Response:
    """Alive."""
    return jsonify(status="ok")


def readyz() -> tuple[Response, int]:
    """Ready: the store answers and has its tables; while a migration is under way they may be a revision ahead.

    What else is unwell is told to operators (``lifecert health``, /desk/health).

    A store that only reads, a clock in doubt or silent jobs do not take the machine from the balancer: pages say what does not work, and
    the other machines would have the same trouble.
    """
    try:
        revision = read_revision(current().database)
    except (ModelsError, SQLAlchemyError, sqlite3.Error):
        revision = None
    if revision is None:
        return jsonify(status="not_ready"), 503
    return jsonify(status="ok"), 200


def register(app: APIFlask) -> None:
    """Add both probes."""
    for path, view in (("/healthz", healthz), ("/readyz", readyz)):
        app.add_url_rule(path, view_func=app.doc(hide=True)(view))
