"""The illnesses that a limit allows, read from its words: ICD-10 codes, and what of it a claim cannot show."""

from __future__ import annotations

import re
from dataclasses import dataclass

from detection.knowledge.diagnosis_words import DiagnosisWords, diagnosis_words, shortest
from detection.knowledge.parse_people import Ages, ages_of
from detection.knowledge.parse_text import Reading
from models.policy_knowledge import KnowledgePolicy

CONDITIONS = re.compile("应同时符合以下条件:(?P<tail>.*)$", re.DOTALL)
_NUMBERED = re.compile(r"(?:^|(?<=[:;。,]))[1-9]\d?\.(?!\d+[天日月年%])|(?<=[:;。,])\([1-9]\)")
_SENTENCES = re.compile(r"[;。]")
NUTRITION = re.compile(r"需经营养风险筛查,明确具有营养风险,且不能经饮食或(?:使用)?[\"“”]肠内营养剂[\"“”]补充足够营养的?")


@dataclass(frozen=True)
class Indication:
    """diagnoses: None where an illness was named that no word of the table covers, or none was named. ages: those of every alternative.

    untested: what a claim does not show, in the limit's own words.
    """

    diagnoses: tuple[str, ...] | None
    ages: Ages | None
    untested: tuple[str, ...]


def head_and_alternatives(text: str) -> tuple[str, list[str]]:
    """(what is said of all alternatives, the alternatives): numbered parts, what follows a colon, or sentences; each of them is enough."""
    numbered = _NUMBERED.search(text)
    if numbered:
        return text[: numbered.start()], [part for part in _NUMBERED.split(text[numbered.start() :]) if part.strip(":;,。")]
    head, colon, tail = text.partition(":")
    if colon and head.strip("限"):
        return head, [tail]
    return "", [part for part in _SENTENCES.split(tail or text) if part.strip("限")]


def indication_of(reading: Reading, policy: KnowledgePolicy) -> Indication:
    """Read the illnesses and ages that a limit allows.

    Several alternatives allow what any of them allows; several illnesses in one of them are taken as alternatives too, so that a claim with
    one of them passes. An alternative that may name an illness that no word of the table covers leaves the diagnoses of the limit untested.
    """
    words = diagnosis_words()
    untested: list[str] = [match[0].strip(",") for match in reading.take(NUTRITION)]
    untested += [match[0] for match in reading.take(CONDITIONS)]
    untested += [match[0].strip("()") for match in reading.take(words.history)]
    head, parts = head_and_alternatives(reading.text)
    codes, known = set[str](), True
    ages: list[Ages | None] = []
    first = Reading(head)
    ages_of_all = ages_of(first, policy)
    for number, one in enumerate((first, *map(Reading, parts))):
        if number:
            ages.append(ages_of(one, policy))
        for match in one.take(words.pattern):
            codes.update(words.codes[match[0]])
        left = _left(one, words)
        untested += left
        known = known and (not number or not any(_looks_like_illness(piece, words) for piece in left))
    reading.text = ""
    allowed = _together(ages)
    return Indication(shortest(codes) if known and codes else None, allowed or ages_of_all, tuple(dict.fromkeys(untested)))


def _left(reading: Reading, words: DiagnosisWords) -> list[str]:
    """Pieces that mean something: fillers alone are nothing."""
    return [piece for piece in reading.left() if words.fillers.sub("", piece)]


def _looks_like_illness(piece: str, words: DiagnosisWords) -> bool:
    return bool(words.signs.search(words.not_signs.sub("", piece)))


def _together(ages: list[Ages | None]) -> Ages | None:
    """The ages that any alternative allows; an alternative without ages allows all."""
    given = [one for one in ages if one is not None]
    if not given or len(given) < len(ages):
        return None
    allowed = given[0]
    for more in given[1:]:
        allowed = allowed.widened(more)
    return allowed
