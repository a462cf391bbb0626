"""From a candidate pair to two findings, one for each person: code P8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detection.faces.kinship import PairFlag, Relations, confidence, flags_of
from detection.faces.matching import Matching
from detection.faces.people import FacePeople
from detection.faces.search import FacePair
from detection.findings import Finding, Record
from models.alert import AlertSeverity
from models.policy_faces import FacesPolicy
from models.repositories.face_templates import Paid

CODE = "P8"


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What the store says about the human beings of some pairs: relations, what each was paid, regions, and qualities of the references."""

    relations: Relations
    paid: Mapping[int, Paid]
    regions: Mapping[int, str]
    qualities: Mapping[int, int]


def findings_of(
    pair: FacePair, people: FacePeople, matching: Matching, policy: FacesPolicy, known: Surroundings
) -> tuple[Finding, Finding]:
    """One finding a person. The same face was found under two identities: people look at both; nothing is decided by it.

    The money at risk is what the less paid of the two received: when both are one human being, at most that was not due.
    """
    flags = flags_of(pair, people, known.relations, policy)
    sure = confidence(pair, flags, matching, policy)
    rows = {int(people.human[pair.left]): pair.left, int(people.human[pair.right]): pair.right}
    both = [known.paid.get(human) for human in rows]
    lesser = min((each for each in both if each is not None), key=lambda each: each.amount_fen) if all(both) else None
    one, other = rows
    return (
        _finding(one, other, rows, pair, people, matching, known, flags, sure, lesser),
        _finding(other, one, rows, pair, people, matching, known, flags, sure, lesser),
    )


def _finding(
    human: int,
    other: int,
    rows: Mapping[int, int],
    pair: FacePair,
    people: FacePeople,
    matching: Matching,
    known: Surroundings,
    flags: frozenset[PairFlag],
    sure: float,
    lesser: Paid | None,
) -> Finding:
    own_face, other_face = int(people.reference[rows[human]]), int(people.reference[rows[other]])
    return Finding(
        code=CODE,
        key=f"{CODE}:{human}:{other}",
        region_code=known.regions[human],
        severity=AlertSeverity.SUSPICION,
        confidence=sure,
        person_id=human,
        from_month=None if lesser is None else lesser.from_month,
        to_month=None if lesser is None else lesser.to_month,
        months=0 if lesser is None else lesser.months,
        amount_fen=0 if lesser is None else lesser.amount_fen,
        facts={
            "similarity": round(pair.similarity, 4),
            "score": round(pair.score, 4),
            "normalised": matching.normalisation is not None,
            "threshold": round(matching.threshold, 4),
            "threshold_source": matching.source.value,
            "fmr": matching.fmr,
            "engine": matching.engine_name,
            "engine_version": matching.engine_version,
            "flags": sorted(flag.value for flag in flags),
            "years_apart": pair.years_apart,
            "quality": known.qualities.get(own_face),
            "other_quality": known.qualities.get(other_face),
        },
        records=(
            Record("face_reference", own_face, "own_face"),
            Record("face_reference", other_face, "other_face"),
            Record("person", other, "other_person"),
        ),
    )
