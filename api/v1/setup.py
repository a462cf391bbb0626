"""Puts the doors together. Importing the modules of the doors puts their views on the blueprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.routing import BaseConverter

from api.accounts import protection
from api.v1 import (
    assistance,
    blacklist,
    certificates,
    changes,
    claims,
    docs,
    evidence,
    identity_checks,
    imports,
    oauth,
    persons,
    references,
    service,
    signals,
    statuses,
    verifications,
    webhooks,
)
from api.v1.door import blueprint

if TYPE_CHECKING:
    from apiflask import APIFlask

DOORS = (
    assistance,
    verifications,
    references,
    persons,
    statuses,
    evidence,
    certificates,
    service,
    identity_checks,
    imports,
    blacklist,
    changes,
    webhooks,
    signals,
    claims,
)


class PublicIdConverter(BaseConverter):
    """An opaque public id; anything else in its place is an address that leads nowhere."""

    regex = "[A-Za-z0-9_-]{1,64}"


class CheckTokenConverter(BaseConverter):
    """The code on a certificate."""

    regex = "[A-Za-z0-9._~-]{1,400}"


def register(app: APIFlask) -> None:
    """Add the doors and their description. The doors look after forged requests themselves: programs send no cookies."""
    app.url_map.converters["public_id"] = PublicIdConverter
    app.url_map.converters["check_token"] = CheckTokenConverter
    protection(app).exempt(blueprint)
    app.register_blueprint(blueprint)
    oauth.register(app)
    statuses.register(app)
    docs.register(app)
