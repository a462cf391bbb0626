"""The words of the ledger, for staff pages and for the person's own status page."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from models.life_evidence import EvidenceKind, Strength, Trace
from verify.evidence_rules import Field, Rule, ToldBy
from verify.evidence_service import CorrectionReason, Outcome

KINDS: dict[EvidenceKind, LazyString] = {
    EvidenceKind.FACE: _("Confirmed by camera"),
    EvidenceKind.COUNTER: _("Visit at the counter"),
    EvidenceKind.HOME_VISIT: _("Home visit"),
    EvidenceKind.VIDEO_CALL: _("Video call"),
    EvidenceKind.ASSISTED: _("Confirmed by another region"),
    EvidenceKind.DATA_MATCH: _("Trace in other records"),
    EvidenceKind.DEATH_RECORD: _("Death record"),
    EvidenceKind.CUSTODY: _("Custody"),
    EvidenceKind.DECLARATION: _("Declaration"),
}
SILENT = _("Confirmed from other records, without troubling the person")
TRACES: dict[Trace, LazyString] = {
    Trace.MEDICAL_VISIT: _("Medical visit, identity checked"),
    Trace.VACCINATION: _("Vaccination"),
    Trace.TRAVEL: _("Travel"),
    Trace.OTHER: _("Another trace"),
}
STRENGTHS: dict[Strength, LazyString] = {
    Strength.VOID: _("taken away"),
    Strength.INDICATIVE: _("indicative"),
    Strength.SUPPORTING: _("supporting"),
    Strength.CONCLUSIVE: _("conclusive"),
}
TOLD_BY: dict[ToldBy, LazyString] = {
    ToldBy.PERSON: _("The person"),
    ToldBy.FAMILY: _("The family"),
    ToldBy.VILLAGE: _("Village or community"),
}
CORRECTION_REASONS: dict[CorrectionReason, LazyString] = {
    CorrectionReason.WRONG_PERSON: _("It is about somebody else"),
    CorrectionReason.WRONG_DAY: _("The day is wrong"),
    CorrectionReason.NOT_TRUE: _("It did not happen"),
    CorrectionReason.RECORDED_TWICE: _("It was recorded twice"),
    CorrectionReason.WRONG_PAPER: _("The paper behind it is wrong"),
    CorrectionReason.OTHER: _("Another reason"),
}
OUTCOMES: dict[Outcome, LazyString] = {
    Outcome.CERTIFIED: _("Recorded. The person is certified, and a certificate is issued."),
    Outcome.RECORDED: _("Recorded. By itself it certifies nobody."),
    Outcome.NOT_NEWEST: _("Recorded. A newer certification counts already."),
    Outcome.TOO_OLD: _("Recorded. It does not certify: it is too old, or from before a pause."),
    Outcome.AGAINST_DEATH: _("Recorded. It does not certify: a death record stands against it that people must clear up first."),
}
RULES: dict[Rule, LazyString] = {
    Rule.NOT_RECORDED_BY_STAFF: _("This kind is not typed in by staff."),
    Rule.IN_THE_FUTURE: _("The day lies in the future."),
    Rule.BEFORE_BIRTH: _("The day lies before the person's birth."),
    Rule.TOO_LONG_AGO: _("The day is too long ago."),
    Rule.BEFORE_IT_BEGAN: _("The last day lies before the first."),
    Rule.REQUIRED: _("This is needed."),
    Rule.NOT_OF_THIS_KIND: _("This does not go with what is recorded."),
    Rule.OUT_OF_RANGE: _("The position is not one on earth: take it again, or leave it out."),
    Rule.NOT_WHOLE: _("The position is not whole: take it again, or leave it out."),
    Rule.SAME_PERSON: _("The second member of staff must be somebody else."),
    Rule.NO_ACTIVE_ACCOUNT: _("There is no active account of this name that makes visits."),
    Rule.TOO_LONG: _("This is too long."),
}
FIELDS: dict[Field, LazyString] = {
    Field.KIND: _("What is recorded"),
    Field.OCCURRED_ON: _("Day"),
    Field.ENDS_ON: _("Last day of the custody"),
    Field.REFERENCE: _("Number of the paper, or a note"),
    Field.TOLD_BY: _("Who tells it"),
    Field.PLACE: _("Where"),
    Field.POSITION: _("Position"),
    Field.SECOND_STAFF: _("Second member of staff"),
    Field.REASON: _("Why"),
}
