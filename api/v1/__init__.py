"""The JSON doors under /api/v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.v1.setup import register as _register

if TYPE_CHECKING:
    from apiflask import APIFlask


def register(app: APIFlask) -> None:
    """Add the doors and their description."""
    _register(app)
