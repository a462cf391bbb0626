"""The words of signals: roles of records, kinds of runs, features of linkage. Codes have their titles in ``timeline_words``."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.pages.evidence_words import KINDS, STRENGTHS
from api.pages.timeline_words import SCHEMES, STATES, day, month, source_words, yuan
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
    "benefit": lazy_gettext("the benefit"),
    "person": lazy_gettext("the person"),
    "other": lazy_gettext("the other one"),
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
    known = FEATURES.get(feature)
    return feature.replace("_", " ") if known is None else str(known)


def severity_words(severity: str) -> str:
    """Severity in words."""
    return str(STATES.get(severity, severity))


def role_words(role: str) -> str:
    """What a record is in a finding; a role without words of its own stands for itself."""
    known = ROLES.get(role)
    return role.replace("_", " ") if known is None else str(known)


def level_words(level: str) -> str:
    """How alike two values of a feature are, as the model of linkage names it."""
    return level


def probability_words(probability: float) -> str:
    """A probability in per cent, never rounded up to certainty."""
    return _("over %(percent)s", percent="99.99%") if probability >= 0.9999 else f"{100 * probability:.2f}%"
