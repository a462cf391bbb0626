"""Generated claims with planted frauds: what the rules over claims find of them, and what they cost.

    python -m benchmarks.claims planted --lines 2000000 --folder FOLDER      precision and recall, rule by rule
    python -m benchmarks.claims models --folder FOLDER                       how high models rank hospitals and doctors that inflate
    python -m benchmarks.claims lines --lines 20000000 --folder FOLDER       CPU seconds and memory, beside a bare aggregate
    python -m benchmarks.claims spark --lines 1000000 --folder FOLDER        whether Spark finds what DuckDB finds

Prints JSON. CPU seconds are those of a process of its own, all its threads together; the engine has the memory and threads of the policy
file's [claims]. A folder that holds such claims already is used again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import children, claims_models, claims_score
from benchmarks.claims_run import Costs, features, plain, prepared, run
from benchmarks.province_store import say
from detection.claims.catalogue import CLAIM_RULES
from detection.compute import EngineName, Limits, open_compute
from models import policy as models_policy
from sample_data.claims import province

ROOT = Path(__file__).parents[1]
AGGREGATE = """
SELECT category, item_code, count(*), sum(quantity), sum(amount_fen), sum(fund_fen), count(DISTINCT claim_id)
FROM read_parquet('{line}') GROUP BY category, item_code
"""
JOINED = """
SELECT c.institution_id, c.person_id, c.setting, count(*), sum(l.amount_fen), sum(l.fund_fen), min(l.charged_on), max(l.charged_on)
FROM read_parquet('{line}') l JOIN read_parquet('{claim}') c ON l.claim_id = c.id GROUP BY ALL
"""


def made(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The claims in the folder, made unless they are there."""
    listed = folder / "manifest.json"
    if listed.is_file():
        return dict(json.loads(listed.read_text(encoding="utf-8")))
    say(f"making {options.lines} lines")
    size = province.Size(options.lines, months=options.months, cases=options.cases, lookalikes=options.cases, seed=options.seed)
    return province.generate(folder, size)


def inside(mode: str, folder: Path, engine: str, only: set[str] | None) -> dict[str, Any]:
    """What a process of its own does: bare aggregates, or all rules."""
    policy = models_policy.load(ROOT / "policy.toml")
    limits = Limits(policy.claims.memory_mb, policy.claims.threads)
    costs = Costs()
    with tempfile.TemporaryDirectory(dir=folder) as own, open_compute(EngineName(engine), limits, Path(own)) as compute:
        if mode == "bare":
            for name, query in (("aggregate of lines", AGGREGATE), ("lines joined with claims", JOINED)):
                with costs.of(name):
                    compute.backend.raw_sql(query.format(line=folder / "line.parquet", claim=folder / "claim.parquet")).fetchall()
            return costs.as_json()
        if mode == "models":
            return claims_models.ranked(compute, folder, policy, claims_score.read_labels(folder))
        month = prepared(compute, folder, costs)
        if mode == "planted":
            found = [one for some in run(compute, month, policy, costs, only) for one in some]
            labels, owners = claims_score.read_labels(folder), claims_score.owners_of_claims(folder)
            codes = [rule.code for rule in CLAIM_RULES]
            return {"costs": costs.as_json(), "scores": [one.as_json() for one in claims_score.score(labels, found, owners, codes)]}
        if mode == "lines":
            count = sum(len(some) for some in run(compute, month, policy, costs, only))
            entities = features(compute, month, policy, costs) if only is None else {}
            return costs.as_json() | {"findings": count, "entities": entities}
        texts: set[str] = set()
        for some in run(compute, month, policy, costs, only):
            texts |= plain(some)
        return costs.as_json() | {"findings": sorted(texts)}


def child(mode: str, folder: Path, engine: str = "duckdb", only: list[str] | None = None) -> dict[str, Any]:
    """``inside`` in a process of its own. process_cpu_s: of all of it, with what it takes to start."""
    words = [sys.executable, "-m", "benchmarks.claims", mode, "--inside", "--folder", str(folder), "--engine", engine]
    done = children.run([*words, *(["--only", *only] if only else [])])
    return dict(json.loads(done.stdout)) | {"process_cpu_s": round(done.cpu_s, 1)}


def compared(folder: Path, only: list[str] | None) -> dict[str, Any]:
    """Findings of both engines."""
    here, there = child("texts", folder, only=only), child("texts", folder, "spark", only)
    one, other = set(here.pop("findings")), set(there.pop("findings"))
    return {
        "duckdb": here | {"findings": len(one)},
        "spark": there | {"findings": len(other)},
        "same": one == other,
        "only_duckdb": sorted(one - other)[:20],
        "only_spark": sorted(other - one)[:20],
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("planted", "models", "lines", "spark", "bare", "texts"))
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--cases", type=int, default=100, help="of each planted case and look-alike")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the claims are, or go; a temporary folder when not given")
    parser.add_argument("--only", nargs="+", help="names of statements: codes of rules, names of families")
    parser.add_argument("--engine", choices=[*EngineName], default="duckdb")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-claims-")))
        if options.inside:
            results = inside(options.mode, folder, options.engine, set(options.only) if options.only else None)
        else:
            results = {"made": made(options, folder)}
            if options.mode == "lines":
                results["bare"] = child("bare", folder)
            both = options.mode == "spark"
            results[options.mode] = compared(folder, options.only) if both else child(options.mode, folder, options.engine, options.only)
    print(json.dumps(results, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
