"""Simulated attacks on the whole decision, by species: what is refused, by which evidence, and what still passes.

Every attacker is given a perfect match (the right person's picture), so that liveness alone stands between the attack and a
certificate. Prints, displays and reflections are simulated (``attack_media``), from one real clip of a head turn and real photographs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from verify.assessment import assess
from verify.attack_session import load_turn_clip
from verify.attack_species import FAMILIES, AttackStage
from verify.decision import outcome_of
from verify.engines.protocol import Engine
from verify.errors import InputFileError
from verify.evidence import Decision, Evidence, EvidenceKind, EvidenceState, Outcome, Reason
from verify.policy import VerificationPolicy

_MATCHES = Evidence(EvidenceKind.MATCH, EvidenceState.PASSED)
ProgressCallback = Callable[[str, int, int], None]


_PARTS = ("outcomes", "caught_by", "reasons", "flash")


def run_attacks(
    clip: Path,
    faces_dir: Path,
    engine: Engine,
    policy: VerificationPolicy,
    *,
    per_species: int = 12,
    seed: int = 1,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """Run every species and count what became of it.

    clip: GIF of one real head turn to both sides. faces_dir: photographs of other people. The result has ``simulated`` true, for
    each species its ``outcomes``, the ``caught_by`` kinds of evidence (every kind that alone would not have certified) and
    ``reasons``; ``flash`` says how many answered the colours where some were shown;
    ``certified`` lists what still passes. About 12 CPU minutes with 12 attempts a species.

    Raises InputFileError: the clip shows no turn to both sides, or the folder holds no photographs.
    """
    pictures = [cv2.imread(str(path)) for path in sorted(faces_dir.iterdir()) if path.suffix.lower() in (".jpg", ".jpeg", ".png")][:24]
    photographs = [picture for picture in pictures if picture is not None]
    if not photographs:
        raise InputFileError(f"{faces_dir} holds no photographs (.jpg, .jpeg, .png)")
    stage = AttackStage(load_turn_clip(clip, engine), photographs, engine, policy, seed)
    species: dict[str, dict[str, Counter[str]]] = {}
    done = 0
    for family in FAMILIES:
        for attempt in family(stage, per_species):
            decision = assess(attempt.observations, attempt.challenge, match=_MATCHES, policy=policy, tries_left=1, **attempt.options)
            _count(species.setdefault(attempt.species, {part: Counter() for part in _PARTS}), decision, policy)
            done += 1
            if progress is not None:
                progress(attempt.species, done, 0)
    return _report(species, per_species, seed, engine)


def _count(counters: dict[str, Counter[str]], decision: Decision, policy: VerificationPolicy) -> None:
    counters["outcomes"][decision.outcome.value] += 1
    counters["caught_by"].update(piece.kind.value for piece in decision.evidence if outcome_of(piece, policy) is not Outcome.CERTIFIED)
    counters["reasons"].update(reason.value for reason in decision.reasons)
    flash = next(piece for piece in decision.evidence if piece.kind is EvidenceKind.FLASH)
    if flash.state is EvidenceState.PASSED or Reason.FLASH_NOT_ANSWERED in flash.reasons:
        counters["flash"]["answered" if flash.state is EvidenceState.PASSED else "not_answered"] += 1


def _report(species: dict[str, dict[str, Counter[str]]], per_species: int, seed: int, engine: Engine) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {
        name: {"attempts": sum(counters["outcomes"].values()), **{part: dict(counter.most_common()) for part, counter in counters.items()}}
        for name, counters in species.items()
    }
    attacks = {name: row for name, row in rows.items() if not name.startswith("bona_fide")}
    total: Counter[str] = Counter()
    for row in attacks.values():
        total.update(row["outcomes"])
    return {
        "simulated": True,
        "engine": engine.name,
        "engine_version": engine.version,
        "seed": seed,
        "per_species": per_species,
        "attacks": sum(row["attempts"] for row in attacks.values()),
        "outcomes": dict(total),
        "bona_fide": {name: row for name, row in rows.items() if name.startswith("bona_fide")},
        "species": attacks,
        "certified": {
            name: row["outcomes"][Outcome.CERTIFIED.value] for name, row in attacks.items() if Outcome.CERTIFIED.value in row["outcomes"]
        },
    }
