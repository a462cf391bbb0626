"""What the records of generated counties tell at most of second records (D3): a model that was taught the truth, beside the linkage.

    python -m benchmarks.county_ceiling --persons 300000 --seeds 21 22 23 24 25

Gradient boosting on what the compared pairs of a county say, taught with the labels of the other counties: more than any linkage without
labels can know, and of errors that are drawn alike in all of them. Prints JSON: for each county blocking recall, precision and recall of
the linkage at its own threshold, and the greatest recall of the taught model at a precision of .99 and .95. Pairs that were not compared
count as missed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pypinyin
from numpy.typing import NDArray
from rapidfuzz.distance import OSA, JaroWinkler
from sklearn.ensemble import HistGradientBoostingClassifier

from api.policy import load_policy
from benchmarks import county
from benchmarks.province_store import say
from detection.linkage.link import link
from detection.linkage.mapping import mapping_of
from detection.linkage_service import COLUMNS, SCHEMA, pairs_of
from models.policy_detection import LinkagePolicy
from sample_data.people import account_number

Numbers = NDArray[np.float64]
Row = tuple[str | None, ...]
PRECISIONS = (0.99, 0.95)
MODELS = 3
"""Boosted models of a county, of which the mean counts."""


@dataclass(frozen=True)
class Compared:
    """A county. features: (pairs, features), missing ones NaN; right: which pairs are one person; planted: how many there are in all."""

    seed: int
    features: Numbers
    right: NDArray[np.bool_]
    planted: int
    blocking_recall: float
    precision: float
    recall: float


def records(persons: int, seed: int) -> tuple[list[Row], set[tuple[int, int]]]:
    """Rows as the linkage of a store opens them, with ids from 1, and the pairs that are one person."""
    background, planned = county.draw(persons, seed, 12)
    births, pensioner = np.datetime_as_string(background.people.birth), background.pensioner
    rows: list[Row] = [
        (
            str(place + 1),
            str(background.resident_ids[place]),
            str(background.names[place]),
            "male" if background.people.male[place] else "female",
            str(births[place]),
            background.region(place),
            background.phones[place] or None,
            account_number(int(background.account_of[place])) if pensioner[place] else None,
            str(background.addresses[place]),
        )
        for place in range(background.count)
    ]
    second = [(double.person, double.account) for double in planned.doubles]
    for person, account in (*((one, None) for one in planned.sow.people), *second):
        number, born = str(len(rows) + 1), person.birth_date.isoformat()
        row = (
            number,
            person.resident_id,
            person.name,
            person.sex,
            born,
            person.region_code,
            person.phone or None,
            account,
            person.address or None,
        )
        rows.append(row)
    truth = {(min(one, other), max(one, other)) for row, one, other in planned.labels if row.code == "D3" and other is not None}
    return rows, truth


def compared(persons: int, seed: int, policy: LinkagePolicy) -> Compared:
    """Draw the county, link it, and say of each compared pair what it says."""
    rows, truth = records(persons, seed)
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], schema=SCHEMA)
    with tempfile.TemporaryDirectory(prefix="lifecert-ceiling-") as work:
        linked = link(table, mapping_of({name: name for name in COLUMNS}), policy, work_folder=Path(work), keep_compared=True)
    assert linked.compared is not None
    sides = np.sort(np.column_stack([linked.compared[name].to_numpy() for name in ("l", "r")]), axis=1)
    pairs = [(int(one) + 1, int(other) + 1) for one, other in np.unique(sides, axis=0)]
    kept = zip(*(map(int, linked.pairs[side].to_pylist()) for side in ("left", "right")), linked.pairs["weight"].to_pylist(), strict=True)
    weights = {(min(one, other), max(one, other)): float(weight) for one, other, weight in kept}
    found = {one.pair for one in pairs_of(linked)}
    right = np.array([pair in truth for pair in pairs])
    say(f"county {seed}: {len(pairs)} pairs compared")
    return Compared(
        seed,
        features(rows, pairs, [weights.get(pair, policy.kept_weight_min) for pair in pairs]),
        right,
        len(truth),
        float(right.sum() / len(truth)),
        len(found & truth) / max(len(found), 1),
        len(found & truth) / len(truth),
    )


def features(rows: list[Row], pairs: list[tuple[int, int]], weights: list[float]) -> Numbers:
    """(pairs, features): the match weight; names, their sound, how frequent they are; numbers; births; phones; addresses; region; sex.

    Accounts are left out: a second record of this generator always has another one, which a model would learn.
    """
    values: dict[str, list[str]] = {name: [row[1 + place] or "" for row in rows] for place, name in enumerate(COLUMNS)}
    sound = {name: "".join(pypinyin.lazy_pinyin(name)) for name in set(values["full_name"])}
    values["sound"] = [sound[name] for name in values["full_name"]]
    values["given"] = [name[1:] for name in values["full_name"]]
    values["surname"] = [name[:1] for name in values["full_name"]]
    values["core"] = [number[:17] for number in values["resident_id"]]
    values["born"] = [number[6:14] for number in values["core"]]
    values["house"] = ["".join(filter(str.isdigit, text)) for text in values["address"]]
    left, right = (np.array([pair[side] - 1 for pair in pairs]) for side in (0, 1))

    def each(name: str) -> list[tuple[str, str]]:
        column = values[name]
        return [(column[one], column[other]) for one, other in zip(left.tolist(), right.tolist(), strict=True)]

    def there(name: str) -> NDArray[np.bool_]:
        return np.array([bool(one and other) for one, other in each(name)])

    def told(name: str, how: Any) -> Numbers:
        return np.where(there(name), np.array(list(starmap(how, each(name))), dtype=np.float64), np.nan)

    def same(name: str) -> Numbers:
        return told(name, str.__eq__)

    def rarer(name: str) -> Numbers:
        seen = Counter(values[name])
        return told(name, lambda one, other: float(np.log(min(seen[one], seen[other]))))

    def differ(first: int, end: int) -> Numbers:
        return told("core", lambda one, other: sum(a != b for a, b in zip(one[first:end], other[first:end], strict=True)))

    days = np.array(values["birth_date"], dtype="datetime64[D]").astype(np.int64)
    columns = [
        np.array(weights),
        *(same(name) for name in ("full_name", "sound", "surname", "given", "sex", "region_code", "phone", "address")),
        *(rarer(name) for name in ("full_name", "sound", "given")),
        *(told(name, JaroWinkler.similarity) for name in ("full_name", "sound", "address")),
        *(told(name, OSA.distance) for name in ("sound", "core", "born", "phone", "house")),
        *(differ(first, end) for first, end in ((0, 6), (6, 10), (10, 14), (14, 17), (0, 17))),
        np.abs(days[left] - days[right]).astype(np.float64),
        *(told("birth_date", lambda one, other, part=part: one[part] == other[part]) for part in (slice(4), slice(5, 7), slice(8, 10))),
        told("core", lambda one, other: abs(int(one[14:]) - int(other[14:]))),
    ]
    return np.column_stack(columns)


def taught(here: Compared, others: list[Compared]) -> Numbers:
    """Probability of each pair of a county by models taught on the other ones."""
    inputs, answers = np.concatenate([one.features for one in others]), np.concatenate([one.right for one in others])
    by_model = []
    for number in range(MODELS):
        model = HistGradientBoostingClassifier(
            max_iter=300, learning_rate=0.06, min_samples_leaf=10, l2_regularization=1.0, early_stopping=False, random_state=number
        )
        by_model.append(model.fit(inputs, answers).predict_proba(here.features)[:, 1])
    mean: Numbers = np.mean(by_model, axis=0)
    return mean


def recall_at(precision: float, scores: Numbers, here: Compared) -> float:
    """The greatest recall at any threshold that keeps the precision."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(here.right[order])
    kept = np.flatnonzero(found / np.arange(1, len(order) + 1) >= precision)
    return float(found[kept[-1]] / here.planted) if len(kept) else 0.0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23, 24, 25], help="of the counties, two at least")
    options = parser.parse_args()
    if len(set(options.seeds)) < 2:
        parser.error("--seeds needs two different ones at least: one is judged by what the others taught")
    policy = load_policy(Path(__file__).parents[1] / "policy.toml").linkage
    counties = [compared(options.persons, seed, policy) for seed in sorted(set(options.seeds))]
    results = []
    for here in counties:
        scores = taught(here, [one for one in counties if one is not here])
        result = {name: round(getattr(here, name), 4) for name in ("seed", "planted", "blocking_recall", "precision", "recall")}
        result |= {f"taught_recall_at_{precision}": round(recall_at(precision, scores, here), 4) for precision in PRECISIONS}
        say(json.dumps(result))
        results.append(result)
    print(json.dumps({"persons": options.persons, "counties": results}, indent=1))


if __name__ == "__main__":
    main()
