"""Templates for the running engine, for everybody at once, from the enrolment pictures that were kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from models.database import Database
from models.keys import UnsealError
from models.repositories import references
from verify.engines.protocol import Engine
from verify.errors import CaptureError
from verify.reference_service import ReferenceService

BATCH = 200
Progress = Callable[[str, int, int], None]


class EnrolAgain(StrEnum):
    """Why somebody has to enrol again."""

    NO_PICTURE = "no_picture_kept"
    NO_FACE = "no_face_found"
    UNREADABLE = "picture_does_not_open"


@dataclass(frozen=True)
class ToEnrol:
    """One person, by public id."""

    person_id: str
    reason: EnrolAgain


@dataclass(frozen=True)
class Reissued:
    """engine: name and version that templates were made for. reissued: how many people got one in this run."""

    engine: str
    reissued: int
    to_enrol: tuple[ToEnrol, ...]


def reissue_all(service: ReferenceService, database: Database, engine: Engine, *, actor: str, progress: Progress | None = None) -> Reissued:
    """Go through everybody who has a template of another engine and none of this one, in order of record; each is a transaction of its own.

    Raises KeyServiceUnavailableError or EngineError; what was made until then stays, and the next run goes on.
    """
    after, made, seen, waiting = 0, 0, 0, list[ToEnrol]()
    while True:
        with database.read_scope() as session:
            people = references.of_other_engines(session, engine.name, engine.version, after=after, limit=BATCH)
        if not people:
            return Reissued(f"{engine.name} {engine.version}", made, tuple(waiting))
        for person in people:
            reason = _one(service, person, actor)
            if reason is None:
                made += 1
            else:
                waiting.append(ToEnrol(person.public_id, reason))
        after, seen = people[-1].record, seen + len(people)
        if progress is not None:
            progress("templates", seen, 0)


def _one(service: ReferenceService, person: references.OtherEngine, actor: str) -> EnrolAgain | None:
    if not person.with_picture:
        return EnrolAgain.NO_PICTURE
    try:
        return None if service.reissue(person.public_id, actor=actor) else EnrolAgain.NO_FACE
    except (UnsealError, CaptureError):
        return EnrolAgain.UNREADABLE
