"""Staff record what they saw or were told about a person, and correct what was recorded wrongly."""

from __future__ import annotations

from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from api.callers import Caller
from api.context import current
from api.evidence import VISITING_ROLES, evidence_service
from api.pages.blueprints import counter_pages
from api.pages.counter import card_or_404
from api.pages.evidence_words import CORRECTION_REASONS, FIELDS, KINDS, OUTCOMES, RULES, STRENGTHS, TOLD_BY
from api.pages.people import PersonCard
from api.pages.staff_only import reach, record_look, staff_needed
from api.pages.timeline import timeline_page
from api.rights import Right
from models.account import Account, Role
from models.errors import ConflictError, NotFoundError
from models.evidence_handles import EvidenceHandles
from models.life_evidence import EvidenceKind, Strength
from verify.evidence_rules import BY_STAFF, SEEN, EvidenceInvalid, Field, Position, Rule, ToldBy, TypedEvidence, Visit
from verify.evidence_service import CorrectionReason, Outcome

COMPANIONS_LISTED = 200
AGAINST = frozenset({EvidenceKind.DEATH_RECORD.value, EvidenceKind.CUSTODY.value})
CONFLICT = 409


@counter_pages.route("/counter/person/<person_id>/visit", methods=["GET", "POST"])
@staff_needed(Right.RECORD_EVIDENCE)
def visit(caller: Caller, person_id: str) -> ResponseReturnValue:
    """The person is here with the identity card: record it as life evidence."""
    card = card_or_404(caller, person_id)
    if request.method == "GET":
        return render_template("counter/visit.html", card=card)
    if request.form.get("seen") != "yes":
        return render_template("counter/visit.html", card=card, untouched=True), 422
    context = current()
    typed = TypedEvidence(EvidenceKind.COUNTER, context.policy.certification.today(context.clock()))
    return _record(caller, person_id, typed)


def _goes_against_somebody() -> bool:
    """True for what can end or hold up a pension: a death, a custody."""
    return request.method == "POST" and (request.view_args or {}).get("kind") in AGAINST


@counter_pages.route("/desk/person/<person_id>/record/<kind>", methods=["GET", "POST"])
@staff_needed(Right.RECORD_EVIDENCE, fresh=_goes_against_somebody)
def record_evidence(caller: Caller, person_id: str, kind: str) -> ResponseReturnValue:
    """One fact about one person: home visit, video call, declaration, custody, death; or a visit of an earlier day."""
    card = card_or_404(caller, person_id)
    try:
        wanted = EvidenceKind(kind)
    except ValueError:
        abort(404)
    if wanted not in BY_STAFF:
        abort(404)
    if request.method == "GET":
        return _form(caller, card, wanted, None, 200)
    try:
        return _record(caller, person_id, _typed(wanted))
    except EvidenceInvalid as error:
        return _form(caller, card, wanted, error, 422)


def _record(caller: Caller, person_id: str, typed: TypedEvidence) -> ResponseReturnValue:
    recorded = evidence_service(current()).record(person_id, typed, actor=caller.actor)
    flash(OUTCOMES[recorded.outcome], "success" if recorded.outcome in {Outcome.CERTIFIED, Outcome.RECORDED} else "warning")
    if recorded.alert_opened:
        flash(_("An alert was opened: somebody will look at what contradicts it."), "warning")
    return redirect(url_for("counter.person", person_id=person_id), 303)


def _form(caller: Caller, card: PersonCard, kind: EvidenceKind, error: EvidenceInvalid | None, status: int) -> ResponseReturnValue:
    context = current()
    page = render_template(
        "desk_person/record.html",
        card=card,
        kind=kind,
        kind_words=KINDS[kind],
        seen=kind in SEEN,
        told_by=[(who.value, words) for who, words in TOLD_BY.items() if kind is EvidenceKind.DECLARATION or who is not ToldBy.PERSON],
        companions=_companions(caller) if kind is EvidenceKind.HOME_VISIT else [],
        today=context.policy.certification.today(context.clock()),
        fields=FIELDS,
        wrong=None if error is None else (error.field.value, RULES[error.rule]),
        typed=request.form,
    )
    return page, status


def _companions(caller: Caller) -> list[tuple[str, str]]:
    """(account name, display name) of colleagues of the region who make visits."""
    with current().database.read_scope() as session:
        query = (
            select(Account.username, Account.display_name)
            .where(Account.active, Account.username.is_not(None), Account.roles.any(Role.name.in_(VISITING_ROLES)))
            .order_by(Account.username)
            .limit(COMPANIONS_LISTED)
        )
        if caller.region:
            query = query.where(Account.region_code.startswith(caller.region, autoescape=True))
        rows = session.execute(query).all()
    return [(name, shown or name) for name, shown in rows if name and f"staff:{name}" != caller.actor]


def _typed(kind: EvidenceKind) -> TypedEvidence:
    """What the form holds. Raises EvidenceInvalid."""
    told = request.form.get("told_by", "")
    position = None
    if kind is EvidenceKind.HOME_VISIT:
        position = Visit(request.form.get("place", ""), request.form.get("second_staff", ""), _position())
    return TypedEvidence(
        kind,
        _day(Field.OCCURRED_ON, required=True) or date.min,
        _day(Field.ENDS_ON) if kind is EvidenceKind.CUSTODY else None,
        request.form.get("reference", "").strip() or None,
        ToldBy(told) if told in set(ToldBy) else None,
        position,
    )


def _day(field: Field, *, required: bool = False) -> date | None:
    text = request.form.get(field.value, "").strip()
    if not text and not required:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise EvidenceInvalid(field, Rule.REQUIRED, "write the day as year-month-day") from None


def _position() -> Position | None:
    """What the device gave, when somebody took it. Raises EvidenceInvalid."""
    latitude, longitude, accuracy = (request.form.get(name, "").strip() for name in ("latitude_deg", "longitude_deg", "accuracy_m"))
    if not latitude and not longitude:
        return None
    try:
        return Position(float(latitude), float(longitude), float(accuracy) if accuracy else None)
    except ValueError:
        raise EvidenceInvalid(Field.POSITION, Rule.NOT_WHOLE, "latitude and longitude are numbers") from None


@counter_pages.route("/desk/person/<person_id>/evidence/<evidence_id>/correct", methods=["GET", "POST"])
@staff_needed(Right.CORRECT_EVIDENCE, fresh=lambda: request.method == "POST")
def correct_evidence(caller: Caller, person_id: str, evidence_id: str) -> ResponseReturnValue:
    """Take a wrong row away, or put the right day in its place. The wrong one stays readable."""
    card = card_or_404(caller, person_id)
    if request.method == "GET":
        record_look(caller, reach(caller, person_id), "evidence_seen")
        return _correction(caller, card, evidence_id, None, 200)
    try:
        reason = request.form.get("reason", "")
        if reason not in set(CorrectionReason):
            raise EvidenceInvalid(Field.REASON, Rule.REQUIRED, "say why it is wrong")
        other_day = request.form.get("what") == "other_day"
        done = evidence_service(current()).correct(
            person_id,
            evidence_id,
            reason=CorrectionReason(reason),
            actor=caller.actor,
            occurred_on=_day(Field.OCCURRED_ON, required=True) if other_day else None,
            ends_on=_day(Field.ENDS_ON) if other_day else None,
            note=request.form.get("reference", "").strip() or None,
        )
    except EvidenceInvalid as error:
        return _correction(caller, card, evidence_id, error, 422)
    except ConflictError:
        flash(_("Somebody else has corrected it meanwhile. This is the present state."), "warning")
        return timeline_page(caller, reach(caller, person_id)), CONFLICT
    except NotFoundError:
        abort(404)
    flash(_("Corrected. The status is worked out anew."), "success")
    if done.revoked:
        flash(
            ngettext(
                "%(count)s certificate that rested on it is revoked.",
                "%(count)s certificates that rested on it are revoked.",
                done.revoked,
                count=done.revoked,
            ),
            "warning",
        )
    return redirect(url_for("counter.timeline", person_id=person_id), 303)


def _correction(caller: Caller, card: PersonCard, evidence_id: str, error: EvidenceInvalid | None, status: int) -> ResponseReturnValue:
    context = current()
    with context.database.read_scope() as session:
        try:
            row = EvidenceHandles(context.keyring).find(session, reach(caller, card.person_id).key, evidence_id)
        except NotFoundError:
            abort(404)
        shown = (KINDS[row.kind], row.occurred_on, row.ends_on, STRENGTHS[row.strength])
    if row.strength is Strength.VOID:
        abort(404)
    page = render_template(
        "desk_person/correct.html",
        card=card,
        shown=shown,
        custody=row.kind is EvidenceKind.CUSTODY,
        reasons=CORRECTION_REASONS,
        fields=FIELDS,
        wrong=None if error is None else (error.field.value, RULES[error.rule]),
        typed=request.form,
        today=context.policy.certification.today(context.clock()),
    )
    return page, status
