"""Which engine runs, for operators."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.rights import Right


@counter_pages.get("/about-engine")
@staff_needed(Right.READ_ENGINE)
def about_engine(_caller: Caller) -> ResponseReturnValue:
    """Name, version, what it can do, and whether it is the one that was asked for."""
    context = current()
    return render_template("counter/engine.html", engine=context.engine, engine_note=context.engine_note, policy_hash=context.policy.hash)
