"""False match rate by group before and after calibration on one's own population, on the grouped data that can be had.

    python -m benchmarks.own_population FOLDER_OF_LFW_IMAGES

Persons (one picture each) are split at random into two halves, again and again: one half calibrates, the other is tested. Groups are
the sex that a first name suggests: crude, and it says nothing about age or ancestry.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from verify.calibration import Person, calibrate
from verify.engines import load_engine
from verify.evaluation_files import acquire
from verify.policy import load_verification_policy

# fmt: off
WOMEN = {
    "Alexandra", "Amelie", "Amy", "Ana", "Blythe", "Carol", "Carolina", "Carolyn", "Cate", "Cheryl", "Christina", "Claire", "Clare",
    "Corinna", "Corinne", "Cyndi", "Dalia", "Daryl", "Denise", "Ekaterina", "Elena", "Eliane", "Elizabeth", "Ellen", "Enrica",
    "Gisele", "Gordana", "Gwen", "Gwyneth", "Heidi", "Hillary", "Isabelle", "JK", "Jane", "Jean", "Jen", "Jennifer", "Jessica",
    "Judi", "Kate", "Kathryn", "Katrin", "Keiko", "Kimora", "Kirsten", "Kristen", "Lana", "Laurel", "Lea", "Lena", "Leticia", "Lucy",
    "Madeleine", "Maria", "Mariah", "Mariana", "Marieta", "Marisa", "Marisol", "Mary", "Maryn", "Melanie", "Minnie", "Monica",
    "Naomi", "Norah", "Patricia", "Patti", "Patty", "Paula", "Peri", "Petria", "Priscilla", "Queen", "Rachel", "Rebecca", "Renee",
    "Rosalie", "Rose", "Roseanne", "Sandra", "Sheila", "Sherri", "Sherry", "Shoshana", "Sila", "Sophia", "Steffi", "Sureyya",
    "Sybille", "Tina", "Tomoko", "Tyra", "Uma", "Wanda", "Zorica",
}
# fmt: on
SPLITS = 30


def main(folder: Path) -> None:
    """Print mean false match rates over the splits."""
    policy = load_verification_policy(Path(__file__).parents[1] / "policy.toml")
    first = {}
    for path in sorted(folder.glob("*.jpg")):
        first.setdefault(path.stem.rsplit("_", 1)[0], path.name)
    for engine_name in ("onnx", "dlib"):
        engine = load_engine(engine_name)
        acquired = acquire(engine, folder, first.values(), None, flip=engine_name in policy.matching.flip_stills)
        names = [n for n in first if first[n] in acquired.templates]
        embeddings = np.stack([acquired.templates[first[n]] for n in names])
        sexes = np.array(["female" if n.split("_")[0] in WOMEN else "male" for n in names])
        print(f"{engine_name}: {len(names)} persons, {(sexes == 'female').sum()} women")
        for label, rules in (
            ("similarities", policy.calibration.model_copy(update={"normalisation": _normalisation(policy.calibration, False)})),
            (
                "normalised where it helps",
                policy.calibration.model_copy(update={"normalisation": _normalisation(policy.calibration, True)}),
            ),
        ):
            rows, used = [], 0
            for seed in range(SPLITS):
                order = np.random.default_rng(seed).permutation(len(names))
                half, test = order[: len(order) // 2], order[len(order) // 2 :]
                own = calibrate(
                    embeddings[half],
                    [Person(sexes[i], "any") for i in half],
                    similarity=engine.similarity,
                    engine_name=engine.name,
                    engine_version=engine.version,
                    policy=rules,
                    references_min=policy.matching.references_min,
                    now=datetime.now(UTC),
                )
                used += own.cohort is not None
                pooled = _pooled_threshold(engine, embeddings[half], 0.01)
                row = []
                for sex in ("female", "male"):
                    members = embeddings[test[sexes[test] == sex]]
                    upper = np.triu_indices(len(members), 1)
                    raw = engine.similarity(members, members)[upper]
                    scores = np.array(
                        [own.score(engine.similarity, members[i], members[j]) for i, j in zip(*upper, strict=True)] if own.cohort else raw
                    )
                    row += [(raw >= pooled).mean(), (scores >= own.threshold(0.01)).mean()]
                rows.append(row)
            mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
            print(f"  {label} (normalised in {used} of {SPLITS} splits)")
            for position, text in enumerate(
                (
                    "women, threshold at 1% of all pairs",
                    "women, own worst group at 1%",
                    "men, threshold at 1% of all pairs",
                    "men, own worst group at 1%",
                )
            ):
                print(f"    {text:40} {mean[position]:.2%} (sd over splits {spread[position]:.2%})")


def _normalisation(rules, allowed):
    return rules.normalisation.model_copy(update={"allowed": allowed, "cohort_min": 150})


def _pooled_threshold(engine, embeddings, fmr):
    scores = engine.similarity(embeddings, embeddings)[np.triu_indices(len(embeddings), 1)]
    return np.quantile(scores, 1 - fmr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
