"""A candidate pair of faces (signal P8): what the search found, and both faces, when somebody who may see them asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import Caller
from api.context import Context, current
from api.pages.blueprints import face_pair_pages
from api.pages.face_pictures import data_address
from api.pages.staff_only import staff_needed
from api.request_id import current_request_id
from api.rights import Right
from detection.faces.finding_pairs import CODE
from detection.faces.kinship import PairFlag
from detection.faces.matching import ThresholdSource
from models.alert import Alert
from models.detection import Signal
from models.face import FaceReference
from models.identifiers import mask_name
from models.keys import UnsealError
from models.legal_basis import LegalPurpose
from models.person import Person, Sex
from models.repositories import audit, legal_bases
from verify.reference_service import open_picture

SHOWN_PX = 480
FLAGS = {
    PairFlag.TWINS_ON_RECORD: lazy_gettext("They are twins, by what is on record."),
    PairFlag.MAY_BE_TWINS: lazy_gettext("They may be twins: same surname, same city, born together. Nothing is on record."),
    PairFlag.RELATIVES_ON_RECORD: lazy_gettext("They are relatives, by what is on record."),
    PairFlag.SAME_PICTURE: lazy_gettext("It may be one and the same picture, enrolled twice: perhaps a mistake at a counter."),
    PairFlag.OTHER_SEX: lazy_gettext("The two records name different sexes."),
    PairFlag.SEX_UNKNOWN: lazy_gettext("The sex of one record is not known."),
}
SOURCES = {
    ThresholdSource.OWN_POPULATION: lazy_gettext("set from our own references"),
    ThresholdSource.PROVISIONAL: lazy_gettext("provisional, not set from our own references"),
}


@dataclass(frozen=True)
class Side:
    """One of the two, masked. person_id: public id of the record that speaks, None when it lies outside the caller's region.

    picture: data address of the picture, None without one or before somebody asked. kept: whether a picture is there to be asked for.
    """

    masked_name: str
    masked_resident_id: str
    birth_year: int
    sex: Sex
    region_code: str
    person_id: str | None
    enrolled_on: date | None
    in_use: bool
    quality: int | None
    kept: bool
    picture: str | None


@dataclass(frozen=True)
class _Pair:
    """The rows behind a signal: for each of the two the record that speaks, and the reference, None when it is gone."""

    signal: Signal
    persons: tuple[Person, Person]
    references: tuple[FaceReference | None, FaceReference | None]
    alert_id: str | None


@face_pair_pages.get("/desk/face-pair/<signal_id>")
@staff_needed(Right.COMPARE_FACES, Right.READ_ALERTS)
def show(caller: Caller, signal_id: str) -> ResponseReturnValue:
    """The pair in figures; the faces stay covered."""
    return _page(caller, signal_id, uncover=False)


@face_pair_pages.post("/desk/face-pair/<signal_id>")
@staff_needed(Right.COMPARE_FACES)
def uncover(caller: Caller, signal_id: str) -> ResponseReturnValue:
    """The same with both faces, once, in this answer only: they have no address of their own, and nothing keeps them."""
    return _page(caller, signal_id, uncover=True)


def _page(caller: Caller, signal_id: str, *, uncover: bool) -> ResponseReturnValue:
    context = current()
    now = context.clock()
    with context.database.session_scope() as session:
        pair = _reached(session, caller, signal_id)
        allowed = legal_bases.holding(session, LegalPurpose.FACE_SEARCH, context.policy.certification.today(now)) is not None
        uncovered = uncover and allowed
        for person in pair.persons:  # a look at the pair is a look at both
            audit.record(
                session,
                actor=caller.actor,
                action="face_pair_faces_seen" if uncovered else "face_pair_seen",
                now=now,
                person_id=person.id,
                object=pair.signal.public_id,
                details={"door": "counter", "request_id": current_request_id()},
            )
        sides = [_side(context, session, caller, person, row, uncovered) for person, row in zip(pair.persons, pair.references, strict=True)]
        return render_template("face_pairs/pair.html", **_figures(pair), sides=sides, uncovered=uncovered, **_may(caller, allowed, sides))


def _reached(session: Session, caller: Caller, signal_id: str) -> _Pair:
    """The pair, when at least one of the two lies in the caller's region; 404 otherwise."""
    signal = session.scalar(select(Signal).where(Signal.public_id == signal_id, Signal.code == CODE))
    if signal is None or signal.person_id is None:
        abort(404)
    of_role = {str(record["role"]): int(record["id"]) for record in signal.records}
    own, other = session.get(Person, signal.person_id), session.get(Person, of_role.get("other_person", 0))
    if own is None or other is None or not (caller.covers(own.region_code) or caller.covers(other.region_code)):
        abort(404)
    faces = tuple(session.get(FaceReference, of_role.get(role, 0)) for role in ("own_face", "other_face"))
    alert_id = None if signal.alert_id is None else session.scalar(select(Alert.public_id).where(Alert.id == signal.alert_id))
    return _Pair(signal, (own, other), (faces[0], faces[1]), alert_id)


def _side(context: Context, session: Session, caller: Caller, person: Person, row: FaceReference | None, uncovered: bool) -> Side:
    kept = row is not None and row.revoked_at is None and row.image is not None
    picture = None
    if uncovered and row is not None and row.image is not None:
        record = session.get_one(Person, row.person_id)
        picture = _picture(context, row, record.public_id)
    quality = None if row is None else row.quality.get("overall")
    return Side(
        mask_name(person.name),
        person.resident_id_masked,
        person.birth_date.year,
        person.sex,
        person.region_code,
        person.public_id if caller.covers(person.region_code) else None,
        None if row is None else context.policy.certification.today(row.enrolled_at),
        row is not None and row.revoked_at is None,
        None if quality is None else int(quality),
        kept,
        picture,
    )


def _picture(context: Context, row: FaceReference, record_id: str) -> str | None:
    """The kept picture, made small, as a data address; None when it does not open or is no picture any more."""
    if row.image is None:
        return None
    try:
        data = open_picture(context.keyring, row.image, record_id)
    except UnsealError:
        return None
    return data_address(data, longest_px=SHOWN_PX)


def _figures(pair: _Pair) -> dict[str, Any]:
    facts = pair.signal.facts
    flags = [FLAGS[PairFlag(flag)] for flag in facts.get("flags", []) if flag in set(PairFlag)]
    source = facts.get("threshold_source")
    return {
        "signal": pair.signal,
        "alert_id": pair.alert_id,
        "flags": flags,
        "similarity": facts.get("similarity"),
        "score": facts.get("score") if facts.get("normalised") else None,
        "threshold": facts.get("threshold"),
        "source": SOURCES[ThresholdSource(source)] if source in set(ThresholdSource) else None,
        "one_in": None if not facts.get("fmr") else round(1 / facts["fmr"]),
        "years_apart": facts.get("years_apart"),
    }


def _may(caller: Caller, allowed: bool, sides: list[Side]) -> dict[str, bool]:
    return {
        "may_compare": Right.COMPARE_FACES in caller.rights,
        "allowed": allowed,
        "kept": any(side.kept for side in sides),
        "may_see_alert": Right.READ_ALERTS in caller.rights,
        "may_see_timeline": Right.READ_TIMELINE in caller.rights,
    }
