"""What the buttons of a case page do: each form is one step, and the page comes back as it stands afterwards.

Whoever is slower than somebody else gets the present state with a notice; what they had typed is kept in its form, or shown to be copied
when the form is not offered any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.callers import Caller
from api.casework import casework_service, worker
from api.context import current
from api.pages import case_forms as forms
from api.pages.blueprints import counter_pages
from api.pages.case_forms import WrongInputError
from api.pages.case_page import Notice, case_page, details_or_404, refusal_words
from api.pages.staff_only import staff_needed
from api.rights import Right
from detection.casework.inputs import NOTE_MAX, REASON_MAX, CaseInputError
from detection.casework.rules import StepRefusedError, Worker, needs_second_person
from detection.casework_service import CaseworkService
from models.alert import CaseOutcome
from models.errors import ConflictError, NotFoundError

CONFLICT = 409
WRONG = 422
TEXTS = ("conclusion", "note", "reason")


@dataclass(frozen=True)
class Asked:
    """One form that was sent. case_id: public."""

    service: CaseworkService
    who: Worker
    caller: Caller
    case_id: str
    form: forms.Typed


Step = Callable[[Asked], LazyString]


def _take(asked: Asked) -> LazyString:
    asked.service.take_case(asked.who, asked.case_id)
    return lazy_gettext("The case is yours.")


def _keep(asked: Asked) -> LazyString:
    asked.service.keep(asked.who, asked.case_id)
    return lazy_gettext("The case stays yours until you give it back.")


def _give_back(asked: Asked) -> LazyString:
    asked.service.give_back(asked.who, asked.case_id, forms.note(asked.form))
    return lazy_gettext("The case is free for others.")


def _give_to(asked: Asked) -> LazyString:
    receiver = forms.text(asked.form, "receiver", 200, _("Choose who shall have it."))
    note = forms.note(asked.form)
    if Right.ASSIGN_CASES in asked.caller.rights:
        asked.service.assign(asked.who, asked.case_id, receiver, note)
    else:
        asked.service.hand_over(asked.who, asked.case_id, receiver, note)
    return lazy_gettext("The case was handed over.")


def _note(asked: Asked) -> LazyString:
    asked.service.add_note(asked.who, asked.case_id, forms.text(asked.form, "note", NOTE_MAX, _("Write the note.")))
    return lazy_gettext("The note is kept.")


def _diary(asked: Asked) -> LazyString:
    tomorrow = current().policy.certification.today(current().clock()) + timedelta(days=1)
    chosen = None if asked.form.get("clear") else forms.day(asked.form, "diary_on", first=tomorrow)
    asked.service.set_diary(asked.who, asked.case_id, chosen)
    return lazy_gettext("The diary is set.") if chosen else lazy_gettext("The diary is cleared.")


def _decide(asked: Asked) -> LazyString:
    decision = forms.decision(asked.form)
    asked.service.propose(asked.who, asked.case_id, decision)
    if needs_second_person(decision.outcome):
        return lazy_gettext("Your proposal waits for a second person's signature.")
    return lazy_gettext("The case is decided.")


def _withdraw(asked: Asked) -> LazyString:
    asked.service.withdraw(asked.who, asked.case_id)
    return lazy_gettext("The proposal is withdrawn.")


def _sign(asked: Asked) -> LazyString:
    asked.service.sign(asked.who, asked.case_id, forms.moment(asked.form, "seen"))
    return lazy_gettext("Signed: the case is decided, with both names on it.")


def _send_back(asked: Asked) -> LazyString:
    reason = forms.text(asked.form, "reason", REASON_MAX, _("Write why you send it back."))
    asked.service.send_back(asked.who, asked.case_id, reason, forms.moment(asked.form, "seen"))
    return lazy_gettext("Sent back to who proposed it.")


def _undo(asked: Asked) -> LazyString:
    reason = forms.text(asked.form, "reason", REASON_MAX, _("Write why the decision is undone."))
    asked.service.undo(asked.who, asked.case_id, reason)
    return lazy_gettext("The decision is undone; the case is worked on again. What was decided stays in its history.")


def _recovered(asked: Asked) -> LazyString:
    amount = forms.fen(asked.form, "recovered")
    if not amount:
        raise WrongInputError("recovered", _("Write how much came back, in yuan."))
    today = current().policy.certification.today(current().clock())
    asked.service.record_recovery(
        asked.who, asked.case_id, amount, forms.day(asked.form, "recovered_on", last=today), forms.note(asked.form)
    )
    return lazy_gettext("The money that came back is recorded.")


def _suppress(asked: Asked) -> LazyString:
    today = current().policy.certification.today(current().clock())
    last = today + timedelta(days=current().policy.casework.suppression_days_max)
    until = forms.day(asked.form, "until", first=today, last=last)
    reason = forms.text(asked.form, "reason", REASON_MAX, _("Write why these findings shall not be told."))
    asked.service.suppress(asked.who, asked.case_id, asked.form.get("code", "")[:40], until, reason)
    return lazy_gettext("Until that day these findings open no alert.")


def _end_suppression(asked: Asked) -> LazyString:
    reason = forms.text(asked.form, "reason", REASON_MAX, _("Write why it is ended."))
    asked.service.end_suppression(asked.who, asked.form.get("suppression", "")[:22], reason)
    return lazy_gettext("The suppression is ended.")


def _remove_paper(asked: Asked) -> LazyString:
    reason = forms.text(asked.form, "reason", REASON_MAX, _("Write why the paper is removed."))
    asked.service.remove_attachment(asked.who, asked.case_id, asked.form.get("paper", "")[:22], reason)
    return lazy_gettext("The paper is removed; that it was there stays in the history.")


STEPS: dict[str, Step] = {
    "take": _take,
    "keep": _keep,
    "give_back": _give_back,
    "give_to": _give_to,
    "note": _note,
    "diary": _diary,
    "decide": _decide,
    "withdraw": _withdraw,
    "sign": _sign,
    "send_back": _send_back,
    "undo": _undo,
    "recovered": _recovered,
    "suppress": _suppress,
    "end_suppression": _end_suppression,
    "remove_paper": _remove_paper,
}


def _goes_against_somebody() -> bool:
    """True for a signature, for a proposal that needs one, and for undoing what was decided."""
    what, outcome = request.form.get("what"), request.form.get("outcome", "")
    return what in {"sign", "undo"} or (what == "decide" and outcome in set(CaseOutcome) and needs_second_person(CaseOutcome(outcome)))


@counter_pages.post("/desk/cases/<public_id:case_id>", endpoint="case_step")
@staff_needed(Right.WORK_ALERTS, fresh=_goes_against_somebody)
def case_step(caller: Caller, case_id: str) -> ResponseReturnValue:
    """One step of a case; the button says which."""
    step = STEPS.get(request.form.get("what", ""))
    if step is None:
        abort(400)
    context = current()
    asked = Asked(casework_service(context), worker(caller), caller, case_id, request.form)
    return carried_out(asked, lambda: step(asked))


def carried_out(asked: Asked, step: Callable[[], LazyString]) -> ResponseReturnValue:
    """Do it and show the case again; or say what stands against it, with what was typed."""
    try:
        said = step()
    except WrongInputError as wrong:
        return case_page(asked.caller, asked.case_id, wrong=wrong), WRONG
    except CaseInputError as wrong:
        return case_page(asked.caller, asked.case_id, wrong=forms.wrong_input(asked.form.get("what", ""), wrong)), WRONG
    except NotFoundError:
        abort(404)
    except StepRefusedError as refused:
        said_why = refusal_words(details_or_404(current(), asked.caller, asked.case_id), refused.refusal)
        return _overtaken(asked, said_why)
    except ConflictError:
        return _overtaken(asked, _("Somebody else was faster."))
    flash(str(said), "success")
    return redirect(url_for("counter.case", case_id=asked.case_id), 303)


def _overtaken(asked: Asked, why: str) -> ResponseReturnValue:
    typed = [asked.form[name].strip() for name in TEXTS if asked.form.get(name, "").strip()]
    said = _("%(why)s Nothing was changed; below is the present state.", why=why)
    return case_page(asked.caller, asked.case_id, notice=Notice(said, "\n\n".join(typed) or None)), CONFLICT
