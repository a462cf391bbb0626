"""What staff may record as life evidence, and what it is worth. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.certification import add_months
from models.life_evidence import EvidenceKind, Strength
from models.policy_store import IntakePolicy, RecordingPolicy
from verify.errors import VerifyError


class Field(StrEnum):
    """What can be wrong in what was typed in."""

    KIND = "kind"
    OCCURRED_ON = "occurred_on"
    ENDS_ON = "ends_on"
    REFERENCE = "reference"
    TOLD_BY = "told_by"
    PLACE = "place"
    POSITION = "position"
    SECOND_STAFF = "second_staff"
    REASON = "reason"


class Rule(StrEnum):
    """Which rule it breaks."""

    NOT_RECORDED_BY_STAFF = "not_recorded_by_staff"
    IN_THE_FUTURE = "in_the_future"
    BEFORE_BIRTH = "before_birth"
    TOO_LONG_AGO = "too_long_ago"
    BEFORE_IT_BEGAN = "before_it_began"
    REQUIRED = "required"
    NOT_OF_THIS_KIND = "not_of_this_kind"
    OUT_OF_RANGE = "out_of_range"
    NOT_WHOLE = "not_whole"
    SAME_PERSON = "same_person"
    NO_ACTIVE_ACCOUNT = "no_active_account"
    TOO_LONG = "too_long"


class EvidenceInvalid(VerifyError):
    """What was typed in breaks a rule; nothing was recorded. The message names field and rule, not the value."""

    code = "evidence_invalid"

    def __init__(self, field: Field, rule: Rule, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.rule = rule


class ToldBy(StrEnum):
    """Who told what nobody of the staff saw."""

    PERSON = "person"
    FAMILY = "family"
    VILLAGE = "village"


# Somebody of the staff saw the person. Worth the most that evidence can be worth; policy says whether the kind certifies.
SEEN = frozenset({EvidenceKind.COUNTER, EvidenceKind.HOME_VISIT, EvidenceKind.VIDEO_CALL})
TOLD = frozenset({EvidenceKind.DECLARATION, EvidenceKind.CUSTODY, EvidenceKind.DEATH_RECORD})
BY_STAFF = SEEN | TOLD
REFERENCE_MAX = 200
_SOURCES = {
    EvidenceKind.COUNTER: "counter visit",
    EvidenceKind.HOME_VISIT: "home visit",
    EvidenceKind.VIDEO_CALL: "video call",
    EvidenceKind.CUSTODY: "custody notice",
}
# Sources that say no more than the kind does.
SEEN_SOURCES = frozenset(_SOURCES.values())
PLACE_MAX = 200


@dataclass(frozen=True)
class Position:
    """WGS 84; accuracy_m: radius of 68% confidence, None where the device gave none."""

    latitude_deg: float
    longitude_deg: float
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Visit:
    """What a home visit has besides. second_staff: account name of the other one; the first is who records it."""

    place: str
    second_staff: str
    position: Position | None = None


@dataclass(frozen=True)
class TypedEvidence:
    """One fact as staff typed it in. ends_on: last day of a custody. told_by: of a declaration or a death. reference: of the paper."""

    kind: EvidenceKind
    occurred_on: date
    ends_on: date | None = None
    reference: str | None = None
    told_by: ToldBy | None = None
    visit: Visit | None = None


def check(typed: TypedEvidence, *, born_on: date, today: date, policy: RecordingPolicy) -> None:
    """Raises EvidenceInvalid for the first rule that is broken."""
    if typed.kind not in BY_STAFF:
        raise EvidenceInvalid(Field.KIND, Rule.NOT_RECORDED_BY_STAFF, "this kind is not typed in by staff")
    check_days(typed.kind, typed.occurred_on, typed.ends_on, born_on=born_on, today=today, policy=policy)
    if typed.reference is not None and len(typed.reference) > REFERENCE_MAX:
        raise EvidenceInvalid(Field.REFERENCE, Rule.TOO_LONG, f"at most {REFERENCE_MAX} characters")
    if typed.kind is EvidenceKind.CUSTODY and not typed.reference:
        raise EvidenceInvalid(Field.REFERENCE, Rule.REQUIRED, "a custody needs the number of the notice that it is taken from")
    told = typed.kind in {EvidenceKind.DECLARATION, EvidenceKind.DEATH_RECORD}
    if told and typed.told_by is None:
        raise EvidenceInvalid(Field.TOLD_BY, Rule.REQUIRED, "say who told it")
    if typed.told_by is not None and not told:
        raise EvidenceInvalid(Field.TOLD_BY, Rule.NOT_OF_THIS_KIND, "only declarations and deaths are told by somebody")
    if typed.kind is EvidenceKind.DEATH_RECORD and typed.told_by is ToldBy.PERSON:
        raise EvidenceInvalid(Field.TOLD_BY, Rule.NOT_OF_THIS_KIND, "nobody tells their own death: family or village")
    if (typed.visit is not None) != (typed.kind is EvidenceKind.HOME_VISIT):
        rule = Rule.REQUIRED if typed.visit is None else Rule.NOT_OF_THIS_KIND
        raise EvidenceInvalid(Field.PLACE, rule, "a home visit has a place and a second member of staff, and nothing else has")
    if typed.visit is not None:
        _check_visit(typed.visit)


def check_days(
    kind: EvidenceKind, occurred_on: date, ends_on: date | None, *, born_on: date, today: date, policy: RecordingPolicy, seen: bool = True
) -> None:
    """The days of a fact. seen: whether the limit for what staff saw holds (not for corrections of old rows). Raises EvidenceInvalid."""
    if occurred_on > today:
        raise EvidenceInvalid(Field.OCCURRED_ON, Rule.IN_THE_FUTURE, "the day lies in the future")
    if occurred_on < born_on:
        raise EvidenceInvalid(Field.OCCURRED_ON, Rule.BEFORE_BIRTH, "the day lies before the person's birth")
    earliest = add_months(today, -12 * policy.told_years_back_max)
    if seen and kind in SEEN:
        earliest = today - timedelta(days=policy.seen_days_back_max)
    if occurred_on < earliest:
        raise EvidenceInvalid(Field.OCCURRED_ON, Rule.TOO_LONG_AGO, f"no earlier than {earliest.isoformat()}")
    if ends_on is None:
        return
    if kind is not EvidenceKind.CUSTODY:
        raise EvidenceInvalid(Field.ENDS_ON, Rule.NOT_OF_THIS_KIND, "only a custody has a last day")
    if ends_on < occurred_on:
        raise EvidenceInvalid(Field.ENDS_ON, Rule.BEFORE_IT_BEGAN, "the last day lies before the first")


def _check_visit(visit: Visit) -> None:
    if not visit.place.strip():
        raise EvidenceInvalid(Field.PLACE, Rule.REQUIRED, "write where the visit took place")
    if len(visit.place) > PLACE_MAX:
        raise EvidenceInvalid(Field.PLACE, Rule.TOO_LONG, f"at most {PLACE_MAX} characters")
    if not visit.second_staff.strip():
        raise EvidenceInvalid(Field.SECOND_STAFF, Rule.REQUIRED, "two members of staff make a home visit")
    place = visit.position
    if place is None:
        return
    accurate = place.accuracy_m is None or 0 <= place.accuracy_m < float("inf")
    if not (-90 <= place.latitude_deg <= 90 and -180 <= place.longitude_deg <= 180 and accurate):
        raise EvidenceInvalid(Field.POSITION, Rule.OUT_OF_RANGE, "latitude -90 to 90, longitude -180 to 180 degrees, accuracy from 0 m")


def strength_of(typed: TypedEvidence, intake: IntakePolicy) -> Strength:
    """What the fact is worth in the ledger."""
    if typed.kind in SEEN:
        return Strength.CONCLUSIVE
    if typed.kind is EvidenceKind.DEATH_RECORD:
        return intake.death_strength(source_of(typed))
    return Strength.SUPPORTING if typed.kind is EvidenceKind.CUSTODY else Strength.INDICATIVE


def source_of(typed: TypedEvidence) -> str:
    """Stable words for the ledger's source."""
    if typed.told_by is not None:
        return typed.told_by.value
    return _SOURCES[typed.kind]
