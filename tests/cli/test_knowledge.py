"""`lifecert knowledge`: import, coverage and one rule, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command

LEVEL, STOCK = "GZ10000101012000", "GZ10000202001000"
POINT = {"kp_id": "A-1", "gz_code": LEVEL, "med_codes": ["X1"], "item_name": "某注射液", "constraint": "限二级及以上医疗机构。"}


def test_points_come_in_and_are_counted(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text(json.dumps([POINT, {**POINT, "kp_id": "A-2", "med_codes": []}], ensure_ascii=False), encoding="utf-8")
    done = command("knowledge", "import", path)
    assert done.code == 0, done.err
    assert "points.json: 2 points, 1 loaded, 0 unchanged, 1 rejected" in done.out
    assert "row 2 (A-2): med_codes: empty" in done.out
    again = command("knowledge", "import", path, "--json").json
    assert [(one["loaded"], one["unchanged"], one["rejected"]) for one in again] == [(0, 1, 1)]
    covered = command("knowledge", "coverage", "--json").json
    assert covered["rules"] == 88
    assert covered["implemented"] >= 70
    assert {"code", "name", "needs"} == set(covered["missing"][0])
    assert (covered["knowledge_points"]["loaded"], covered["knowledge_points"]["rejected"]) == (1, 1)
    table = command("knowledge", "coverage").out
    assert "carried out; points 1: full 1, part 0, by hand 0" in table
    assert "missing: purchases" in table
    shown = command("knowledge", "show", LEVEL)
    assert "某注射液" in shown.out
    assert '"levels": ["secondary", "tertiary"]' in shown.out
    assert command("knowledge", "show", STOCK, "--json").json["needs"].startswith("purchases")


def test_files_and_codes_that_cannot_be_used_are_bad_input(command: Command, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([POINT]), encoding="utf-8")
    bad.write_text('[{"kp_id": ', encoding="utf-8")
    done = command("knowledge", "import", good, bad)
    assert (done.code, done.out) == (2, "")
    assert "bad.json" in done.err
    assert command("knowledge", "coverage", "--json").json["knowledge_points"]["loaded"] == 0
    assert command("knowledge", "import", tmp_path / "none.json").code == 2
    unknown = command("knowledge", "show", "GZ1")
    assert unknown.code == 2
    assert "lifecert knowledge coverage" in unknown.err
