"""The reference face at the counter: looked at before it is saved, saved, revoked."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api import limits
from api.callers import Caller
from api.context import current
from api.limits import Limited
from api.pages.blueprints import counter_pages
from api.pages.counter import card_or_404
from api.pages.forms import REVOKE_REASONS, PictureForm, RevokeForm
from api.pages.people import PersonCard
from api.pages.staff_only import staff_needed
from api.pages.words import COMPONENTS, STAFF_REASONS
from api.rights import Right
from verify.errors import CaptureError
from verify.service_errors import ReferenceRejected
from verify.views import ReferenceCheck

FRAGMENT_HEADER = "X-Fragment"


@dataclass(frozen=True)
class QualityBar:
    """One component for the page. raw: the measured value with its unit."""

    name: str
    score: int
    minimum: int
    raw: str


def quality_bars(check: ReferenceCheck) -> list[QualityBar]:
    """Every component with the minimum that policy asks for at enrolment."""
    minimums = current().policy.verification.quality.enrolment
    if check.quality is None:
        return []
    return [
        QualityBar(str(COMPONENTS.get(c.name, c.name)), c.score, getattr(minimums, c.name, 0), f"{c.raw:.3g} {c.unit}".strip())
        for c in check.quality.components
    ]


def _checked(data: bytes) -> dict[str, object]:
    """What the templates show of a check; problem: why the bytes are no picture."""
    try:
        check = current().verification.references.check(data)
    except CaptureError as error:
        return {"check": None, "problem": str(error.problem.value), "bars": [], "reasons": []}
    return _shown(check)


def _shown(check: ReferenceCheck) -> dict[str, object]:
    reasons = [str(STAFF_REASONS[reason]) for reason in check.reasons if reason in STAFF_REASONS]
    return {"check": check, "problem": None, "bars": quality_bars(check), "reasons": reasons}


def _page(card: PersonCard, form: PictureForm, **shown: object) -> str:
    reference = current().verification.references.active(card.person_id)
    return render_template("counter/reference.html", card=card, form=form, reference=reference, **shown)


@counter_pages.route("/counter/person/<person_id>/reference", methods=["GET", "POST"])
@staff_needed(Right.ENROL_REFERENCE)
def reference(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Choose or take a picture, and save it as the reference."""
    card = card_or_404(caller, person_id)
    service = current().verification.references
    if not service.has_consent(person_id):
        return redirect(url_for("counter.consent", person_id=person_id), 303)
    form = PictureForm()
    if not form.is_submitted():
        return _page(card, form)
    limits.check(Limited.UPLOADS_OF_ACCOUNT, caller.actor)
    if not form.validate():
        return _page(card, form), 422
    data = form.picture.data.read()
    try:
        service.enrol(person_id, data, source=form.source.data, actor=caller.actor)
    except CaptureError:
        return _page(card, form, **_checked(data)), 422
    except ReferenceRejected as rejected:
        shown = _shown(rejected.check) if isinstance(rejected.check, ReferenceCheck) else {}
        return _page(card, form, **shown), 422
    flash(_("The reference face is saved."), "success")
    return redirect(url_for("counter.person", person_id=person_id), 303)


@counter_pages.post("/counter/person/<person_id>/reference/check")
@staff_needed(Right.CHECK_REFERENCE)
def reference_check(caller: Caller, person_id: str) -> ResponseReturnValue:
    """How good is this picture? Nothing is saved. Answers with the part of the page that the script puts in place."""
    card = card_or_404(caller, person_id)
    limits.check(Limited.UPLOADS_OF_ACCOUNT, caller.actor)
    form = PictureForm()
    if not form.validate():
        if request.headers.get(FRAGMENT_HEADER):
            return render_template("counter/quality.html", problem="empty", check=None, bars=[], reasons=[]), 422
        return _page(card, form), 422
    shown = _checked(form.picture.data.read())
    if request.headers.get(FRAGMENT_HEADER):
        return render_template("counter/quality.html", **shown)
    return _page(card, form, **shown)


@counter_pages.post("/counter/person/<person_id>/reference/revoke")
@staff_needed(Right.REVOKE_REFERENCE, fresh=True)
def reference_revoke(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Take the reference out of use, with the reason."""
    card_or_404(caller, person_id)
    form = RevokeForm()
    if not form.validate_on_submit() or form.reason.data not in REVOKE_REASONS:
        abort(400)
    revoked = current().verification.references.revoke(person_id, actor=caller.actor, reason=form.reason.data)
    flash(_("The reference face is revoked; its template is erased.") if revoked else _("There was no reference face."), "success")
    return redirect(url_for("counter.person", person_id=person_id), 303)
