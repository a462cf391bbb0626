"""The search of one face among a million: building the index, queries, how many planted mates it finds, beside exact search.

    python -m benchmarks.face_search spread --images FOLDER --pairs pairs.csv > spread.json    with the real engine
    python -m benchmarks.face_search run --faces 1000000 --spread spread.json                  everything, JSON on stdout

Templates are made up: each face is drawn around one of many clusters (people of one place and age look more alike than any two people),
with the spread of similarities between strangers that `spread` measured; a mate gets the similarity of a genuine pair, drawn from the
measured ones. Wall times depend on who else uses the machine, CPU seconds much less.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from detection.faces.index import FaissIndex
from detection.faces.index_service import empty_index
from detection.faces.matching import Matching, ThresholdSource
from detection.faces.metric import Metric
from detection.faces.people import FEMALE, FacePeople
from detection.faces.search import FaceSearch, find_pairs
from models import policy as models_policy
from models.policy_faces import FaceIndexKind, FacesPolicy

ROOT = Path(__file__).parents[1]
BLOCK = 50_000
Vectors = NDArray[np.float32]


def say(text: str) -> None:
    """Progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def measured(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """(what it gave, wall seconds, CPU seconds of this process)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, round(time.perf_counter() - wall, 2), round(time.process_time() - cpu, 2)


def peak_mb() -> int:
    """Greatest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


# the spread of real faces ------------------------------------------------------------------------------------------------------


def embed_folder(images: Path, names: list[str]) -> dict[str, Vectors]:
    """Template of each picture with one face, by name, as enrolment makes it."""
    from api.policy import load_policy
    from verify.capture import decode
    from verify.engines import load_engine
    from verify.still import embed_still, find_still_face

    policy = load_policy(ROOT / "policy.toml").verification
    engine = load_engine("onnx")
    found: dict[str, Vectors] = {}
    for name in names:
        image = decode((images / name).read_bytes(), policy.capture.still, exif_orientation=True)
        faces = engine.detect(image)
        face = faces[0] if faces else find_still_face(engine, image)
        if face is not None:
            found[name] = embed_still(engine, image, face, flip=engine.name in policy.matching.flip_stills)
    return found


def spread(images: Path, pairs_file: Path) -> dict[str, Any]:
    """Similarities of genuine pairs, and of all pairs of different people, with the spectrum of the templates."""
    with pairs_file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = sorted({row[side] for row in rows for side in ("reference", "probe")})
    wall, cpu = time.perf_counter(), time.process_time()
    templates = embed_folder(images, names)
    embedding = {"pictures": len(templates), "wall_s": round(time.perf_counter() - wall, 1), "cpu_s": round(time.process_time() - cpu, 1)}
    matrix = np.stack(list(templates.values()))
    person = np.array([name.rsplit("_", 1)[0] for name in templates])
    similarity = matrix @ matrix.T
    other = person[:, None] != person[None]
    strangers = similarity[np.triu(other, 1)]
    genuine = [
        float(templates[row["reference"]] @ templates[row["probe"]])
        for row in rows
        if row["same"] in {"1", "true", "True"} and row["reference"] in templates and row["probe"] in templates
    ]
    eigenvalues = np.linalg.svd(matrix - matrix.mean(axis=0), compute_uv=False) ** 2 / len(matrix)
    return {
        "embedding": embedding,
        "genuine": sorted(round(value, 4) for value in genuine),
        "strangers": {
            "pairs": int(strangers.size),
            "mean": float(strangers.mean()),
            "deviation": float(strangers.std()),
            "quantiles": {str(q): float(np.quantile(strangers, q)) for q in (0.5, 0.99, 0.999, 0.9999, 1.0)},
        },
        "search": [search_real(matrix, person, threshold) for threshold in (0.5, 0.45, 0.4, 0.35)],
        "spectrum": [float(value) for value in eigenvalues],
        "mean_length": float(np.linalg.norm(matrix.mean(axis=0))),
    }


def search_real(templates: Vectors, person: NDArray[np.str_], threshold: float) -> dict[str, Any]:
    """The search with every picture under an identity of its own: pairs of one person that it finds, and pairs of two."""
    policy = models_policy.load(ROOT / "policy.toml").faces
    people = everybody(len(templates))
    index = FaissIndex.flat(templates.shape[1], Metric.COSINE)
    index.add(people.reference, templates)
    rule = Matching("onnx", "1", templates.shape[1], Metric.COSINE, threshold, ThresholdSource.PROVISIONAL)
    found = find_pairs(templates, people, policy, index, matching=rule)
    same = [person[pair.left] == person[pair.right] for pair in found]
    wanted = int((np.triu(person[:, None] == person[None], 1)).sum())
    return {"threshold": threshold, "pairs_of_one_person": wanted, "found": sum(same), "of_two_persons": len(same) - sum(same)}


# made-up templates -------------------------------------------------------------------------------------------------------------


def make_templates(count: int, size: int, found: dict[str, Any], *, mates: int, clusters: int, seed: int) -> tuple[Vectors, Vectors]:
    """((count, size) templates, (mates,) planted similarities): row ``count - mates + i`` is the mate of row i.

    Faces follow the measured spectrum around their cluster; the share of the cluster is such that strangers as a whole have the measured
    deviation and people of one cluster are clearly more alike.
    """
    rng = np.random.default_rng(seed)
    spectrum = np.array(found["spectrum"][:size], dtype=np.float64)
    spectrum = np.concatenate([spectrum, np.full(size - spectrum.size, spectrum[-1])]) if spectrum.size < size else spectrum
    scale = np.sqrt(np.maximum(spectrum, spectrum.max() * 1e-3)).astype(np.float32)
    own, shared = np.float32(np.sqrt(0.85)), np.float32(np.sqrt(0.15))
    middle = rng.standard_normal(size).astype(np.float32)
    middle *= np.float32(found["mean_length"]) / np.linalg.norm(middle)
    centres = _unit(rng.standard_normal((clusters, size)).astype(np.float32) * scale)
    templates = np.empty((count, size), dtype=np.float32)
    for start in range(0, count, BLOCK):
        part = templates[start : start + BLOCK]
        faces = _unit(rng.standard_normal(part.shape, dtype=np.float32) * scale)
        faces *= own
        faces += shared * centres[rng.integers(0, clusters, len(part))]
        part[:] = _unit(faces + middle)
    similarity = rng.choice(np.array(found["genuine"], dtype=np.float32), mates)
    originals = templates[:mates]
    others = templates[count - mates :].copy()
    others -= originals * np.einsum("nd,nd->n", originals, others)[:, None]
    templates[count - mates :] = similarity[:, None] * originals + np.sqrt(1 - similarity**2)[:, None] * _unit(others)
    return templates, similarity


def _unit(values: Vectors) -> Vectors:
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def everybody(count: int) -> FacePeople:
    """Women of one birth year: the filters leave nobody out, so that all the work is done."""
    rows = np.arange(count)
    return FacePeople(
        rows.astype(np.int64),
        rows.astype(np.int64),
        np.full(count, FEMALE, np.int8),
        np.full(count, 712_000, np.int32),
        np.full(count, 1950, np.int16),
        rows.astype(np.int32),
        np.zeros(count, np.int32),
    )


# measuring ---------------------------------------------------------------------------------------------------------------------


def exact_search(templates: Vectors, queries: NDArray[np.int64], neighbours: int) -> dict[str, Any]:
    """Every query with every template, in float32."""
    (_, ids), wall, cpu = measured(lambda: faiss.knn(templates[queries], templates, neighbours + 1, metric=faiss.METRIC_INNER_PRODUCT))
    return {"ids": ids, "queries": len(queries), "wall_s": wall, "cpu_s": cpu, "queries_per_cpu_s": round(len(queries) / cpu, 1)}


def mates_found(ids: NDArray[np.int64], queries: NDArray[np.int64], count: int, mates: int) -> dict[str, float]:
    """Share of queries whose nearest other face is the planted mate, and whose mate is among the neighbours."""
    mate = np.where(queries < mates, queries + count - mates, queries - (count - mates))
    others = ids != queries[:, None]
    first = np.array([row[kept][0] for row, kept in zip(ids, others, strict=True)])
    return {"rank_1": round(float((first == mate).mean()), 4), "found": round(float((ids == mate[:, None]).any(axis=1).mean()), 4)}


def candidates_of(
    index: FaissIndex,
    templates: Vectors,
    queries: NDArray[np.int64],
    exact_ids: NDArray[np.int64],
    count: int,
    mates: int,
    rescored: list[int],
) -> list[dict[str, Any]]:
    """The index alone, and with its candidates compared exactly, for several numbers of candidates."""
    rows = []
    for candidates in rescored:
        (ids, _), wall, cpu = measured(lambda k=candidates: index.search(templates[queries], k + 1))  # type: ignore[misc]
        ordered, _wall, cpu_exact = measured(lambda found=ids: nearest_exactly(templates, queries, found, exact_ids.shape[1]))  # type: ignore[misc]
        row = {
            "rescored": candidates,
            "wall_s": wall,
            "cpu_s": cpu,
            "queries_per_cpu_s": round(len(queries) / cpu, 1),
            "queries_per_cpu_s_with_exact": round(len(queries) / (cpu + cpu_exact), 1),
        }
        rows.append(row | mates_found(ordered, queries, count, mates) | {"neighbours_shared": shared(ordered, exact_ids)})
        say(json.dumps(rows[-1]))
    return rows


def nearest_exactly(templates: Vectors, queries: NDArray[np.int64], ids: NDArray[np.int64], kept: int) -> NDArray[np.int64]:
    """The nearest of the candidates by float32."""
    nearest = np.empty((len(queries), kept), dtype=np.int64)
    for row, (query, candidates) in enumerate(zip(queries, ids, strict=True)):
        similarity = templates[candidates] @ templates[query]
        nearest[row] = candidates[np.argsort(-similarity)[:kept]]
    return nearest


def shared(ids: NDArray[np.int64], exact_ids: NDArray[np.int64]) -> float:
    """Share of the exact neighbours that were found."""
    return round(float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(ids.tolist(), exact_ids.tolist(), strict=True)])), 4)


def built(kind: FaceIndexKind, templates: Vectors, policy: FacesPolicy) -> FaissIndex:
    """The index of a kind, as the service makes it."""
    index = empty_index(kind, templates, Metric.COSINE, policy)
    index.add(np.arange(len(templates), dtype=np.int64), templates)
    return index


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make, build, search, compare."""
    found = json.loads(options.spread.read_text(encoding="utf-8"))
    policy = models_policy.load(ROOT / "policy.toml").faces
    changed = {"ivf_probed": options.probed, "graph_candidates": options.candidates}
    policy = policy.model_copy(update={name: value for name, value in changed.items() if value is not None})
    count, size, mates = options.faces, options.size, options.mates
    say(f"making {count} templates")
    (templates, planted), wall, cpu = measured(
        lambda: make_templates(count, size, found, mates=mates, clusters=options.clusters, seed=options.seed)
    )
    result: dict[str, Any] = {"faces": count, "size": size, "mates": mates, "make": {"wall_s": wall, "cpu_s": cpu}}
    rng = np.random.default_rng(options.seed + 1)
    left, right = rng.integers(0, count - mates, (2, 200_000))
    strangers = np.einsum("nd,nd->n", templates[left], templates[right])[left != right]
    result["strangers"] = {
        "mean": round(float(strangers.mean()), 4),
        "deviation": round(float(strangers.std()), 4),
        "0.9999": round(float(np.quantile(strangers, 0.9999)), 4),
    }
    result["templates_mb"] = templates.nbytes // 2**20
    queries = np.sort(rng.choice(mates, options.queries, replace=False)).astype(np.int64)

    say("exact search of a sample")
    exact = exact_search(templates, queries, policy.neighbours)
    exact_ids = exact.pop("ids")
    result["exact"] = exact | mates_found(exact_ids, queries, count, mates)

    result["indexes"] = {}
    for kind in options.kinds:
        say(f"building {kind}")
        before = peak_mb()
        index, wall, cpu = measured(partial(built, kind, templates, policy))
        result["indexes"][kind] = {
            "build": {"wall_s": wall, "cpu_s": cpu, "peak_mb_before": before, "peak_mb": peak_mb()},
            "searched": candidates_of(index, templates, queries, exact_ids, count, mates, options.rescored),
        }

    say("whole search")
    matching = Matching("made-up", "1", size, Metric.COSINE, options.threshold, ThresholdSource.PROVISIONAL)
    search = FaceSearch(templates, everybody(count), matching, policy, index)
    rows = np.arange(options.queries, dtype=np.int64)  # all of them have a mate
    pairs, wall, cpu = measured(lambda: search.pairs_of(rows))
    true = {(pair.left, pair.right) for pair in pairs if pair.right == pair.left + count - mates}
    reachable = int((planted[rows] >= options.threshold).sum())
    result["pairs"] = {
        "threshold": options.threshold,
        "searched": len(rows),
        "wall_s": wall,
        "cpu_s": cpu,
        "faces_per_cpu_s": round(len(rows) / cpu, 1),
        "planted_at_the_threshold": reachable,
        "found_of_them": len(true),
        "others_found": len(pairs) - len(true),
    }
    result["peak_mb"] = peak_mb()
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    one = commands.add_parser("spread")
    one.add_argument("--images", type=Path, required=True)
    one.add_argument("--pairs", type=Path, required=True)
    two = commands.add_parser("run")
    two.add_argument("--faces", type=int, default=1_000_000)
    two.add_argument("--size", type=int, default=512)
    two.add_argument("--mates", type=int, default=20_000)
    two.add_argument("--clusters", type=int, default=2_000)
    two.add_argument("--queries", type=int, default=2_000)
    two.add_argument("--rescored", type=int, nargs="+", default=[20, 50, 100, 200], help="candidates of the index, compared exactly")
    kinds = list(FaceIndexKind)
    two.add_argument(
        "--kinds", type=FaceIndexKind, choices=kinds, nargs="+", default=[FaceIndexKind.CODES], help="the last one is searched with"
    )
    two.add_argument("--probed", type=float, help="share of the lists of ivf that is looked into; the policy's when not given")
    two.add_argument("--candidates", type=int, help="faces that a search in hnsw keeps in sight; the policy's when not given")
    two.add_argument("--threshold", type=float, default=0.5)
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--spread", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(spread(options.images, options.pairs) if options.command == "spread" else run(options)))


if __name__ == "__main__":
    main()
