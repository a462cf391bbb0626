"""The words of assisted certification."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from models.assistance import AssistanceMethod, AssistanceReason, AssistanceState
from verify.assistance import Action
from verify.assistance_effects import Effect
from verify.assistance_views import Field, Rule

STATES: dict[AssistanceState, LazyString] = {
    AssistanceState.REQUESTED: _("Waiting for an answer"),
    AssistanceState.ACCEPTED: _("Accepted, being carried out"),
    AssistanceState.CARRIED_OUT: _("Carried out"),
    AssistanceState.RETURNED: _("Came back"),
    AssistanceState.REFUSED: _("Refused"),
    AssistanceState.WITHDRAWN: _("Withdrawn"),
}
METHODS: dict[AssistanceMethod, LazyString] = {
    AssistanceMethod.COUNTER: _("At the counter"),
    AssistanceMethod.HOME_VISIT: _("Home visit by two members of staff"),
    AssistanceMethod.VIDEO_CALL: _("Video call"),
}
REASONS: dict[AssistanceReason, LazyString] = {
    AssistanceReason.NOT_HERE: _("The person does not live here"),
    AssistanceReason.NO_CAPACITY: _("There is nobody to do it in time"),
    AssistanceReason.DATA_UNCLEAR: _("The particulars are not enough to find the person"),
    AssistanceReason.MOVED_AWAY: _("The person has moved away"),
    AssistanceReason.NOT_FOUND: _("The person was not found"),
    AssistanceReason.ILL: _("The person is ill"),
    AssistanceReason.DIED: _("The person is said to have died"),
    AssistanceReason.DEADLINE: _("Nobody acted in time"),
    AssistanceReason.OTHER: _("Another reason"),
}
ACTIONS: dict[Action, LazyString] = {
    Action.ACCEPT: _("Accept the request"),
    Action.REFUSE: _("Refuse the request"),
    Action.CARRY_OUT: _("Report that it is carried out"),
    Action.RETURN: _("Give the request back"),
    Action.WITHDRAW: _("Withdraw the request"),
}
DONE: dict[Action, LazyString] = {
    Action.ACCEPT: _("Accepted."),
    Action.REFUSE: _("Refused. The other region is told."),
    Action.CARRY_OUT: _("Reported. The other region is told."),
    Action.RETURN: _("Given back. The other region is told."),
    Action.WITHDRAW: _("Withdrawn. The other region is told."),
}
EFFECTS: dict[Effect, LazyString] = {
    Effect.CERTIFIED: _("Reported. The person is certified, and a certificate is issued."),
    Effect.RECORDED: _("Reported. It certifies nobody: a newer certification counts already, or this one is over."),
    Effect.AGAINST_DEATH: _("Reported. It does not certify: a death record stands against it that people must clear up first."),
}
FIELDS: dict[Field, LazyString] = {
    Field.REGION: _("Which region"),
    Field.REASON: _("Why the other region should help"),
    Field.CONTACT: _("Where the person can be reached there"),
    Field.NOTE: _("Note"),
    Field.WHY: _("Why"),
    Field.METHOD: _("How the person was seen"),
    Field.OCCURRED_ON: _("On which day"),
    Field.SECOND_STAFF: _("Second member of staff"),
    Field.PERSON: _("Person"),
    Field.DEADLINES: _("Deadlines"),
    Field.ACTOR: _("Who acts"),
}
RULES: dict[Rule, LazyString] = {
    Rule.MISSING: _("This is needed."),
    Rule.TOO_LONG: _("This is too long."),
    Rule.NOT_SERVED: _("No office of this region can be asked from here."),
    Rule.OWN_REGION: _("This is the person's own region."),
    Rule.NOT_A_REASON: _("Choose a reason."),
    Rule.BEFORE_REQUEST: _("The day lies before the request."),
    Rule.IN_FUTURE: _("The day lies in the future."),
    Rule.NO_ACTIVE_ACCOUNT: _("There is no active account of this name that makes visits."),
    Rule.SAME_PERSON: _("This must be somebody else."),
    Rule.NOT_OF_THIS_KIND: _("This does not go with what is recorded."),
    Rule.NOT_IN_ORDER: _("The days are not in order."),
    Rule.WRONG_NUMBER: _("There is a slip in the number. Compare each digit with the card."),
}
