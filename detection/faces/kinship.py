"""Why two faces may be alike without being one person's: twins, relatives, and how much less such a pair says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from detection.faces.matching import Matching
from detection.faces.people import FacePeople
from detection.faces.search import FacePair, SexAgreement
from models.policy_faces import FacesPolicy
from models.relation import RelationKind

Relations = Mapping[tuple[int, int], frozenset[RelationKind]]
"""(smaller, greater id of the human beings) -> how they belong together."""

RELATIVES = frozenset({RelationKind.SIBLING, RelationKind.PARENT})


class PairFlag(StrEnum):
    """What people must know when they look at a pair. MAY_BE_TWINS: same surname and city, born within policy's days, nothing on record.

    SAME_PICTURE: one and the same picture is enrolled twice: a mistake at the counter, or a copy.
    """

    TWINS_ON_RECORD = "twins_on_record"
    MAY_BE_TWINS = "may_be_twins"
    RELATIVES_ON_RECORD = "relatives_on_record"
    SAME_PICTURE = "same_picture"
    OTHER_SEX = "other_sex"
    SEX_UNKNOWN = "sex_unknown"


LESSENING = frozenset({PairFlag.TWINS_ON_RECORD, PairFlag.MAY_BE_TWINS, PairFlag.RELATIVES_ON_RECORD})


def flags_of(pair: FacePair, people: FacePeople, relations: Relations, policy: FacesPolicy) -> frozenset[PairFlag]:
    """Everything that holds of a pair."""
    kinds = relations.get((int(people.human[pair.left]), int(people.human[pair.right])), frozenset())
    flags = set()
    if RelationKind.TWIN in kinds:
        flags.add(PairFlag.TWINS_ON_RECORD)
    elif _born_together(pair, people, policy.twin_days):
        flags.add(PairFlag.MAY_BE_TWINS)
    if kinds & RELATIVES:
        flags.add(PairFlag.RELATIVES_ON_RECORD)
    if pair.similarity >= policy.same_picture_similarity:
        flags.add(PairFlag.SAME_PICTURE)
    if pair.sex is SexAgreement.DIFFERENT:
        flags.add(PairFlag.OTHER_SEX)
    if pair.sex is SexAgreement.UNKNOWN:
        flags.add(PairFlag.SEX_UNKNOWN)
    return frozenset(flags)


def _born_together(pair: FacePair, people: FacePeople, days: int) -> bool:
    left, right = pair.left, pair.right
    born = int(people.birth_day[left]), int(people.birth_day[right])
    surname, city = people.surname[left], people.city[left]
    return bool(
        0 not in born
        and abs(born[0] - born[1]) <= days
        and surname == people.surname[right]
        and surname >= 0
        and city == people.city[right]
        and city >= 0
    )


def confidence(pair: FacePair, flags: frozenset[PairFlag], matching: Matching, policy: FacesPolicy) -> float:
    """0 to 1: rises evenly with what lies above the threshold; less for twins and relatives. An order for people's work, no probability.

    Similarities reach the top at ``certain_similarity``, normalised scores at twice the threshold.
    """
    if matching.normalisation is None:
        way = max(policy.certain_similarity - matching.threshold, 1e-6)
    else:
        way = max(abs(matching.threshold), 1e-6)
    share = min(max((pair.score - matching.threshold) / way, 0.0), 1.0)
    value = policy.confidence_at_threshold + share * (policy.confidence_certain - policy.confidence_at_threshold)
    # one picture under two names is no likeness of relatives
    if flags & LESSENING and PairFlag.SAME_PICTURE not in flags:
        value *= policy.twin_factor
    return round(value, 3)
