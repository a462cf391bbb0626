"""The groups of pages: open to everyone; for signed-in staff; and pairs of faces, for those of them who may see faces."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("pages", __name__)
counter_pages = Blueprint("counter", __name__)
face_pair_pages = Blueprint("face_pairs", __name__)
