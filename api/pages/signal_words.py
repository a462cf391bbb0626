"""The words of signals: roles of records, kinds of runs, features of linkage. Codes have their titles in ``timeline_words``."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.claim_words import claim_title
from api.i18n import current_language
from api.pages.evidence_words import KINDS, STRENGTHS
from api.pages.timeline_words import ALERT_CODES, SCHEMES, SETTINGS, STATES, alert_title, day, month, source_words, yuan
from models.claim import CareSetting
from models.detection import DetectionKind, RunState, SubjectKind
from models.life_evidence import EvidenceKind, Strength
from models.relation import GrantKind, RelationKind
from models.repositories import signal_records as behind
from models.repositories.signal_records import Lane, RecordRow

RUN_KINDS: dict[DetectionKind, LazyString] = {
    DetectionKind.DUPLICATES: lazy_gettext("Duplicate enrolments and records"),
    DetectionKind.BENEFITS: lazy_gettext("Duplicate benefits"),
    DetectionKind.PAYMENTS: lazy_gettext("Payments"),
    DetectionKind.FACES: lazy_gettext("Faces"),
    DetectionKind.CLAIMS: lazy_gettext("Hospital claims"),
}
RUN_STATES: dict[RunState, LazyString] = {
    RunState.RUNNING: lazy_gettext("running or interrupted"),
    RunState.DONE: lazy_gettext("done"),
    RunState.FAILED: lazy_gettext("stopped by a fault"),
}
CODES_OF_KIND: dict[DetectionKind, tuple[str, ...]] = {
    DetectionKind.DUPLICATES: ("D1", "D2", "D3", "D4", "D5"),
    DetectionKind.BENEFITS: ("B1", "B2", "B3", "B4"),
    DetectionKind.PAYMENTS: ("P1", "P2", "P3", "P4", "P5", "P6", "P7"),
    DetectionKind.FACES: ("P8",),
    DetectionKind.CLAIMS: tuple(f"H{number}" for number in range(1, 19)),
}
STAGES: dict[str, LazyString] = {
    "snapshot": lazy_gettext("Records read"),
    "linkage": lazy_gettext("Records compared with each other"),
    "faces": lazy_gettext("Faces compared"),
    "triage": lazy_gettext("Findings put together into alerts"),
}
SUBJECTS: dict[SubjectKind, LazyString] = {
    SubjectKind.PERSON: lazy_gettext("Person"),
    SubjectKind.HOSPITAL: lazy_gettext("Hospital"),
    SubjectKind.DOCTOR: lazy_gettext("Doctor"),
    SubjectKind.GROUP: lazy_gettext("Group"),
}
GRANTS: dict[GrantKind, LazyString] = {
    GrantKind.FUNERAL: lazy_gettext("Funeral grant"),
    GrantKind.SURVIVOR: lazy_gettext("Survivor grant"),
}
RELATIONS: dict[RelationKind, LazyString] = {
    RelationKind.SPOUSE: lazy_gettext("Spouses"),
    RelationKind.GUARDIAN: lazy_gettext("Guardian"),
    RelationKind.PARENT: lazy_gettext("Parent and child"),
    RelationKind.SIBLING: lazy_gettext("Brothers and sisters"),
    RelationKind.TWIN: lazy_gettext("Twins"),
}
ROLES: dict[str, LazyString] = {
    "": lazy_gettext("behind it"),
    "death": lazy_gettext("the death"),
    "paid": lazy_gettext("what was paid"),
    "other_paid": lazy_gettext("what else was paid"),
    "benefit": lazy_gettext("the benefit"),
    "overlap": lazy_gettext("in the same months"),
    "shared": lazy_gettext("paid into the account"),
    "own": lazy_gettext("the benefit of the person"),
    "custody": lazy_gettext("the custody"),
    "trace": lazy_gettext("the trace of life"),
    "grant": lazy_gettext("the grant"),
    "work": lazy_gettext("the contributions"),
    "pension": lazy_gettext("the pension"),
    "person": lazy_gettext("the person"),
    "other": lazy_gettext("the other one"),
    "other_person": lazy_gettext("the other person"),
    "own_face": lazy_gettext("the face of the person"),
    "other_face": lazy_gettext("the face of the other person"),
    "claim": lazy_gettext("the claim"),
    "line": lazy_gettext("the charge"),
    "behind": lazy_gettext("behind it"),
}
FEATURES: dict[str, LazyString] = {
    "resident_id": lazy_gettext("Identity card number"),
    "full_name": lazy_gettext("Name"),
    "given_name": lazy_gettext("Given name"),
    "surname": lazy_gettext("Surname"),
    "sex": lazy_gettext("Sex"),
    "birth_date": lazy_gettext("Birth date"),
    "region_code": lazy_gettext("Region"),
    "phone": lazy_gettext("Telephone"),
    "email": lazy_gettext("E-mail"),
    "bank_account": lazy_gettext("Bank account"),
    "address": lazy_gettext("Address"),
    "postcode": lazy_gettext("Postcode"),
    "phone_account_address": lazy_gettext("Telephone, account, address"),
}
# As the model of linkage names them, without a leading "the".
LEVELS: dict[str, LazyString] = {
    "missing": lazy_gettext("missing in one of them"),
    "differs": lazy_gettext("differs"),
    "same": lazy_gettext("the same"),
    "same number": lazy_gettext("the same number"),
    "two right numbers, a slip apart": lazy_gettext("two right numbers, a slip apart"),
    "two right numbers, born years apart": lazy_gettext("two right numbers, born years apart"),
    "two right numbers that differ": lazy_gettext("two right numbers that differ"),
    "one slip in region or birth date": lazy_gettext("one slip in region or birth date"),
    "one slip": lazy_gettext("one slip"),
    "two slips": lazy_gettext("two slips"),
    "only the region differs": lazy_gettext("only the region differs"),
    "only the birth date differs": lazy_gettext("only the birth date differs"),
    "only the sequence differs": lazy_gettext("only the sequence differs"),
    "same name": lazy_gettext("the same name"),
    "same parts in another order": lazy_gettext("the same parts in another order"),
    "one is cut off": lazy_gettext("one is cut off"),
    "same but for what could not be written": lazy_gettext("the same but for what could not be written"),
    "sounds the same": lazy_gettext("sounds the same"),
    "sounds nearly the same, or looks the same": lazy_gettext("sounds nearly the same, or looks the same"),
    "one character of three differs": lazy_gettext("one character of three differs"),
    "one character is left out": lazy_gettext("one character is left out"),
    "same surname": lazy_gettext("the same surname"),
    "same day": lazy_gettext("the same day"),
    "same day, one of them in the lunar calendar": lazy_gettext("the same day, one of them in the lunar calendar"),
    "same day in another calendar": lazy_gettext("the same day in another calendar"),
    "day and month swapped": lazy_gettext("day and month swapped"),
    "one digit differs": lazy_gettext("one digit differs"),
    "same day of another year": lazy_gettext("the same day of another year"),
    "same year": lazy_gettext("the same year"),
    "same county": lazy_gettext("the same county"),
    "same city": lazy_gettext("the same city"),
    "same province": lazy_gettext("the same province"),
    "shared, as families do": lazy_gettext("shared, as families do"),
    "same phone": lazy_gettext("the same telephone"),
    "same account": lazy_gettext("the same account"),
    "same address": lazy_gettext("the same address"),
    "two of phone, account and address are the same": lazy_gettext("two of telephone, account and address are the same"),
    "one slip in phone or account": lazy_gettext("one slip in telephone or account"),
    "one address within the other, or alike with the same numbers": lazy_gettext("one address within the other, or alike"),
    "very alike": lazy_gettext("very alike"),
    "alike": lazy_gettext("alike"),
    "a little alike": lazy_gettext("a little alike"),
    "frequency": lazy_gettext("how rare the value is"),
}


def record_title(row: RecordRow) -> str:
    """What a record is."""
    if row.kind == behind.EVIDENCE and row.code in set(EvidenceKind):
        return str(KINDS[EvidenceKind(row.code)])
    if row.kind == behind.BENEFIT and row.scheme is not None:
        return _("Benefit: %(scheme)s", scheme=SCHEMES[row.scheme])
    if row.kind == behind.PAYMENT and row.scheme is not None:
        return _("Paid: %(scheme)s", scheme=SCHEMES[row.scheme])
    if row.kind == behind.ENROLMENT and row.scheme is not None:
        return _("Enrolled: %(scheme)s", scheme=SCHEMES[row.scheme])
    if row.kind == behind.GRANT and row.code in set(GrantKind):
        return str(GRANTS[GrantKind(row.code)])
    if row.kind == behind.RELATION and row.code in set(RelationKind):
        return str(RELATIONS[RelationKind(row.code)])
    if row.kind == behind.CLAIM and row.code is not None:
        return _("%(setting)s at %(institution)s", setting=SETTINGS[CareSetting(row.code)], institution=row.about)
    if row.kind == behind.LINE:
        return _("Charge: %(item)s", item=row.about)
    if row.kind == behind.FACE:
        return _("Enrolled face")
    if row.kind == behind.PERSON:
        return _("Record of a person")
    return row.kind


def record_when(row: RecordRow) -> str:
    """On which day or from when to when."""
    if row.kind == behind.PAYMENT and row.on is not None:
        return month(row.on)
    if row.kind in {behind.BENEFIT, behind.ENROLMENT} and row.on is not None:
        return lasting(month(row.on), None if row.until is None else month(row.until))
    if row.on is None:
        return "" if row.until is None else _("Until %(day)s", day=day(row.until))
    if row.lasts and row.kind != behind.RELATION:
        return lasting(day(row.on), None)
    return day(row.on) if row.until is None else f"{day(row.on)} – {day(row.until)}"


def lasting(first: str, last: str | None) -> str:
    """From one month or day to another, or to this day."""
    return _("since %(first)s", first=first) if last is None else f"{first} – {last}"


def record_says(row: RecordRow) -> str:
    """The further values of a record."""
    words: list[str] = []
    if row.quantity is not None:
        words.append(_("Quantity %(number)s", number=f"{row.quantity:g}"))
    if row.amount_fen is not None:
        amount = yuan(row.amount_fen)
        words.append(_("%(amount)s yuan a month", amount=amount) if row.kind == behind.BENEFIT else _("%(amount)s yuan", amount=amount))
    if row.source:
        words.append(_("Source: %(source)s", source=source_words(row.source)))
    if row.strength in set(Strength):
        words.append(_("Worth: %(strength)s", strength=STRENGTHS[Strength(row.strength)]))
    if row.account_masked:
        words.append(_("Account %(masked)s", masked=row.account_masked))
    return " · ".join(words)


def lane_label(lane: Lane, whose: str | None) -> str:
    """Which enrolment or benefit a row of the strip is; whose: told where several persons are in one finding."""
    scheme = SCHEMES[lane.scheme]
    title = _("Benefit: %(scheme)s", scheme=scheme) if lane.kind == behind.BENEFIT else _("Enrolled: %(scheme)s", scheme=scheme)
    return " · ".join(word for word in (whose, title, lane.region_code) if word)


def feature_words(feature: str) -> str:
    """Name of a feature of linkage; one without words of its own stands for itself."""
    known = FEATURES.get(feature.replace(" ", "_").replace(",", ""))
    return feature.replace("_", " ") if known is None else str(known)


def severity_words(severity: str) -> str:
    """Severity in words."""
    return str(STATES.get(severity, severity))


def role_words(role: str) -> str:
    """What a record is in a finding; a role without words of its own stands for itself."""
    known = ROLES.get(role)
    return role.replace("_", " ") if known is None else str(known)


def level_words(level: str) -> str:
    """How alike two values of a feature are; a level without words of its own stands for itself."""
    known = LEVELS.get(level.removeprefix("the "))
    return level if known is None else str(known)


def stage_words(name: str) -> str:
    """A stage of a run: a rule by its title, other stages by words of their own."""
    known = STAGES.get(name)
    if known is not None:
        return str(known)
    return alert_title(name) if name in ALERT_CODES or claim_title(name, current_language()) else name.replace("_", " ")
