"""The two groups of pages: open to everyone, and for signed-in staff."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("pages", __name__)
counter_pages = Blueprint("counter", __name__)
