"""Real photographs through the real engine: the search finds the same person under two identities, and hardly anybody else."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np

from detection.faces.index import FaissIndex
from detection.faces.matching import Matching, ThresholdSource
from detection.faces.metric import Metric, metric_of
from detection.faces.people import UNKNOWN, FacePeople
from detection.faces.search import find_pairs
from tests.verify.real_data import data_file, engine
from verify.capture import decode
from verify.still import embed_still, find_still_face

PAIRS = 45


def test_two_photographs_of_one_person_are_found_among_many(records_policy) -> None:
    from api.policy import load_policy
    from tests.conftest import ROOT

    limits = load_policy(ROOT / "policy.toml").verification.capture.still
    loaded = engine("onnx")
    with data_file("faces", "pairs.csv").open(encoding="utf-8") as stream:
        same = [row for row in csv.DictReader(stream) if row["same"] == "1"][:PAIRS]
    names = sorted({row[side] for row in same for side in ("reference", "probe")})
    templates, kept = [], []
    for name in names:
        image = decode(data_file("faces", "images", name).read_bytes(), limits, exif_orientation=True)
        faces = loaded.detect(image)
        face = faces[0] if faces else find_still_face(loaded, image)
        assert face is not None, name
        templates.append(embed_still(loaded, image, face, flip=True))
        kept.append(name.rsplit("_", 1)[0])
    vectors = np.stack(templates).astype(np.float32)
    rows = np.arange(len(names))
    people = FacePeople(  # every photograph under an identity of its own, and nothing else known
        rows.astype(np.int64) + 1,
        rows.astype(np.int64) + 1,
        np.full(rows.size, UNKNOWN, np.int8),
        np.zeros(rows.size, np.int32),
        np.zeros(rows.size, np.int16),
        np.full(rows.size, -1, np.int32),
        np.full(rows.size, -1, np.int32),
    )
    metric = metric_of(loaded.similarity, loaded.embedding_size)
    assert metric is Metric.COSINE
    index = FaissIndex.flat(loaded.embedding_size, metric)
    index.add(people.reference, vectors)
    rule = Matching(loaded.name, loaded.version, loaded.embedding_size, metric, 0.5, ThresholdSource.PROVISIONAL)
    found = find_pairs(vectors, people, records_policy.faces, index, matching=rule)
    wanted = {(i, j) for i in rows for j in rows[i + 1 :] if kept[i] == kept[j]}
    right = {(pair.left, pair.right) for pair in found} & wanted
    wrong = [(names[pair.left], names[pair.right]) for pair in found if kept[pair.left] != kept[pair.right]]
    assert wrong == []
    assert len(right) >= 0.8 * len(wanted), f"{len(right)} of {len(wanted)}"
    exact = loaded.similarity(vectors[found[0].left], vectors[found[0].right])[0, 0]
    assert abs(found[0].similarity - float(exact)) < 1e-5
    lower = find_pairs(vectors, people, records_policy.faces, index, matching=replace(rule, threshold=0.35))
    assert {(pair.left, pair.right) for pair in lower} >= {(pair.left, pair.right) for pair in found}
