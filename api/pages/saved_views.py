"""Filters of the queue under names of one's own: kept, renamed, deleted. Nobody sees those of others."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.queue_form import SORTS, TABS, QueueChoice, chosen_of_query
from api.pages.queue_form import STATES as QUEUE_STATES
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, day, yuan
from api.rights import Right
from models.errors import Conflict, ConflictError, NotFoundError
from models.repositories import saved_views as store
from models.repositories.case_queue import QueueSort
from models.repositories.saved_views import NAME_MAX, OF_ONE_PERSON_MAX, QUERY_MAX


@dataclass(frozen=True)
class ViewLine:
    """One saved view. said: what it asks for, in words. wrong: of the name that was just typed for it."""

    view_id: str
    name: str
    address: str
    said: list[str]


@dataclass(frozen=True)
class _Wrong:
    """What cannot be done with the name that was typed, and for which view; None for a new one."""

    words: str
    typed: str
    view_id: str | None = None


@counter_pages.get("/desk/cases/views")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def case_views(caller: Caller) -> ResponseReturnValue:
    """The caller's own views."""
    return _page(caller)


@counter_pages.post("/desk/cases/views")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def save_view(caller: Caller) -> ResponseReturnValue:
    """Keep the filter that was sent under a name."""
    context = current()
    name = _name()
    choice = chosen_of_query(request.form.get("query", ""), caller, context)
    if choice.wrong or len(choice.query) > QUERY_MAX:
        return _page(caller, _Wrong(_("This filter cannot be kept. Open the queue, narrow it, and save it from there."), name)), 422
    if (wrong := _wrong_name(name)) is not None:
        return _page(caller, _Wrong(wrong, name), choice.query), 422
    try:
        with context.database.session_scope() as session:
            store.save(session, owner=caller.actor, name=name, query=choice.query, now=context.clock())
    except ConflictError as error:
        return _page(caller, _Wrong(_said(error), name), choice.query), 409
    flash(_("Saved: %(name)s", name=name), "success")
    return redirect(_address(choice.query), 303)


@counter_pages.post("/desk/cases/views/<view_id>")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def change_view(caller: Caller, view_id: str) -> ResponseReturnValue:
    """Rename or delete one of the caller's own views; those of others are not there."""
    what, name = request.form.get("what", ""), _name()
    if what not in ("rename", "delete"):
        abort(400)
    try:
        with current().database.session_scope() as session:
            store.get(session, view_id, owner=caller.actor)
            if what == "rename" and (wrong := _wrong_name(name)) is not None:
                return _page(caller, _Wrong(wrong, name, view_id)), 422
            if what == "rename":
                store.rename(session, view_id, owner=caller.actor, name=name)
                flash(_("Renamed: %(name)s", name=name), "success")
            else:
                flash(_("Deleted: %(name)s", name=store.remove(session, view_id, owner=caller.actor)), "success")
    except NotFoundError:
        abort(404)
    except ConflictError as error:
        return _page(caller, _Wrong(_said(error), name, view_id)), 409
    return redirect(url_for("counter.case_views"), 303)


def _page(caller: Caller, wrong: _Wrong | None = None, query: str | None = None) -> str:
    """The list. query: of a filter that is still to be saved, because its name could not be used."""
    context = current()
    with context.database.read_scope() as session:
        views = store.of_owner(session, caller.actor)
    lines = [_line(view.public_id, view.name, chosen_of_query(view.query, caller, context)) for view in views]
    pending = None if query is None else _line("", "", chosen_of_query(query, caller, context))
    return render_template("desk_cases/views.html", lines=lines, wrong=wrong, query=query, pending=pending, name_max=NAME_MAX)


def _line(view_id: str, name: str, choice: QueueChoice) -> ViewLine:
    return ViewLine(view_id, name, _address(choice.query), described(choice))


def described(choice: QueueChoice) -> list[str]:
    """What a filter of the queue asks for, in words."""
    asked = choice.filter
    said = [str(TABS[asked.tab])]
    if asked.code is not None:
        said.append(alert_title(asked.code))
    if asked.severity is not None:
        said.append(str(STATES[asked.severity.value]))
    if asked.inside is not None:
        said.append(_("region %(code)s", code=asked.inside))
    if asked.amount_fen_min:
        said.append(_("at least %(amount)s yuan", amount=yuan(asked.amount_fen_min)))
    if asked.state is not None:
        said.append(str(QUEUE_STATES[asked.state]))
    if asked.due_until is not None:
        said.append(_("due until %(day)s", day=day(asked.due_until)))
    if asked.sort is not QueueSort.PRIORITY:
        said.append(str(SORTS[asked.sort]))
    return said


def _address(query: str) -> str:
    address = url_for("counter.cases")
    return f"{address}?{query}" if query else address


def _name() -> str:
    return " ".join(request.form.get("name", "").split())


def _wrong_name(name: str) -> str | None:
    return None if 0 < len(name) <= NAME_MAX else _("Write a name of at most %(count)s characters.", count=NAME_MAX)


def _said(error: ConflictError) -> str:
    if error.conflict is Conflict.VIEW_NAME_TAKEN:
        return _("You have a view of this name already. Choose another name.")
    return _("You have %(count)s views already. Delete one that you do not need.", count=OF_ONE_PERSON_MAX)
