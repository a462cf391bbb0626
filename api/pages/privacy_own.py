"""My data: what is held about me and what for, a copy, correction, deletion, and withdrawing consent. Behind a one-time code."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api import privacy_words
from api.context import current
from api.i18n import current_language
from api.pages.blueprints import pages
from api.pages.my_status import opened_by_code
from api.pages.privacy_words import KINDS, LACKS, MEANWHILE, STATES, WAITS
from api.privacy import make_privacy
from api.privacy_export import export_bytes
from models.errors import ConflictError, NotFoundError
from models.privacy import PrivacyKind
from models.privacy_holdings import BY_NAME, Purpose
from verify.privacy_service import Lack, PrivacyRefused
from verify.service_errors import PersonUnknown

NO_STORE = "private, no-store"


def code_needed(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Only while the status page is open by a one-time code: a name and a number are known to others too. The view gets the public id."""

    @wraps(view)
    def guarded(**arguments: Any) -> ResponseReturnValue:
        who = opened_by_code()
        if who is None:
            return redirect(url_for("pages.my_status"), 303)
        try:
            return view(who, **arguments)
        except PersonUnknown:
            return redirect(url_for("pages.my_status"), 303)

    return guarded


@pages.get("/my-data")
@code_needed
def my_data(who: str) -> ResponseReturnValue:
    """What is held about me."""
    return _page(who)


def _page(who: str, *, problem: str | None = None) -> str:
    context, service, language = current(), make_privacy(current()), current_language()
    held: dict[Purpose, list[tuple[str, int]]] = {}
    for one in service.held(who):
        held.setdefault(BY_NAME[one.what].purpose, []).append((privacy_words.words("tables", one.what, language), one.rows))
    asked = service.of_person(who)
    return render_template(
        "privacy/my_data.html",
        held=[(privacy_words.words("purposes", purpose.value, language), lines) for purpose, lines in held.items()],
        consented=context.verification.references.has_consent(who),
        asked=asked,
        waiting={one.kind for one in asked if one.done_at is None},
        kinds=KINDS,
        states=STATES,
        today=context.policy.certification.today,
        longest=context.policy.privacy.wish_characters,
        days=context.policy.privacy.answer_days,
        problem=problem,
        kept_words=lambda one: _kept(one, language),
    )


def _kept(one: dict[str, Any], language: str) -> tuple[str, int, str, str | None]:
    return (
        privacy_words.words("tables", one["what"], language),
        one["rows"],
        privacy_words.words("reasons", one["why"], language),
        one["until"],
    )


@pages.post("/my-data/copy")
@code_needed
def my_data_copy(who: str) -> ResponseReturnValue:
    """The copy."""
    context = current()
    try:
        make_privacy(context).note_export(who, channel="self", actor="person")
    except PrivacyRefused as refused:
        return _page(who, problem=str(LACKS[refused.lack])), 429
    except ConflictError:
        return _page(who, problem=str(MEANWHILE)), 409
    data, _done = export_bytes(context, who, language=current_language())
    headers = {"Content-Disposition": 'attachment; filename="my-data.zip"', "Cache-Control": NO_STORE}
    return Response(data, mimetype="application/zip", headers=headers)


@pages.post("/my-data/requests")
@code_needed
def my_data_ask(who: str) -> ResponseReturnValue:
    """Ask for a correction or a deletion."""
    kind = request.form.get("kind", "")
    if kind not in {PrivacyKind.CORRECTION.value, PrivacyKind.DELETION.value}:
        return _page(who, problem=_("Choose correction or deletion.")), 422
    try:
        make_privacy(current()).ask(who, PrivacyKind(kind), wish=request.form.get("wish", ""), channel="self", actor="person")
    except PrivacyRefused as refused:
        return _page(who, problem=str(LACKS[refused.lack])), 422
    except ConflictError:
        return _page(who, problem=str(WAITS)), 409
    return redirect(url_for("pages.my_data"), 303)


@pages.post("/my-data/requests/<request_id>/withdrawal")
@code_needed
def my_data_withdraw(who: str, request_id: str) -> ResponseReturnValue:
    """No longer wanted."""
    try:
        make_privacy(current()).withdraw(request_id, person_id=who, actor="person")
    except (NotFoundError, PrivacyRefused):
        return _page(who, problem=str(LACKS[Lack.NOT_ASKED_HERE])), 404
    except ConflictError:
        return _page(who, problem=str(MEANWHILE)), 409
    return redirect(url_for("pages.my_data"), 303)


@pages.post("/my-data/consent")
@code_needed
def my_data_consent(who: str) -> ResponseReturnValue:
    """Withdraw the use of the face: templates go at once."""
    current().verification.references.withdraw_consent(who, actor="person")
    return redirect(url_for("pages.my_data"), 303)
