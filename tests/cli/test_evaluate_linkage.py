"""`lifecert evaluate linkage`: its JSON, its pairs, and what it says of wrong input."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from tests.cli.conftest import Command

KEYS = {"records", "threshold", "blocking_recall", "pairs_scored", "pair", "cluster", "wall_s", "cpu_s", "peak_mb"}
GIVEN = ("anna", "bernhard", "clara", "dmitri", "elena", "farid", "greta", "hamza", "irina", "jonas", "katrin", "leonid")
SURNAMES = ("abbott", "brandt", "castillo", "dvorak", "eriksen", "fontaine", "gruber", "hoffmann", "ivanova", "jankowski", "keller")
MAPPING = '[columns]\ngiven_name = "first"\nsurname = "last"\nbirth_date = "born"\nphone = "phone"\n'


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """80 persons, every second one recorded twice, the second time with a slip in the name; and the mapping."""
    draw = random.Random(5)
    with (tmp_path / "records.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "first", "last", "born", "phone", "person"])
        for person in range(80):
            row = [draw.choice(GIVEN), draw.choice(SURNAMES) + draw.choice("aeiou") * (person % 3)]
            row += [f"19{draw.randrange(40, 99)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}", str(draw.randrange(10**9, 10**10))]
            writer.writerow([f"{person}a", *row, person])
            if person % 2:
                writer.writerow([f"{person}b", row[0][:-1], *row[1:], person])
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return tmp_path / "records.csv", tmp_path / "mapping.toml"


def test_with_a_truth_the_figures_are_all_of_the_output(command: Command, home: Path, files: tuple[Path, Path]) -> None:
    records, mapping = files
    done = command("evaluate", "linkage", "--records", records, "--columns", mapping, "--id", "id", "--cluster", "person", "--json")
    assert done.code == 0, done.err
    assert set(done.json) == KEYS
    assert done.json["records"] == 120
    assert 0 <= done.json["blocking_recall"] <= 1
    assert done.json["pair"]["recall"] >= 0.9
    assert done.json["pair"]["precision"] >= 0.9
    assert done.json["cluster"]["f1"] >= 0.9


def test_without_a_truth_the_pairs_come_as_asked_for(command: Command, home: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    records, mapping = files
    line = ("evaluate", "linkage", "--records", records, "--columns", mapping, "--id", "id")
    printed = command(*line)
    assert printed.code == 0, printed.err
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert list(rows[0]) == ["left", "right", "probability", "weight"]
    assert {"1a", "1b"} in [{row["left"], row["right"]} for row in rows if float(row["probability"]) > 0.5]
    as_json = command(*line, "--json").json
    assert [pair["left"] for pair in as_json["pairs"]] == [row["left"] for row in rows]
    written = command(*line, "--json", "--out", tmp_path / "pairs.csv").json
    assert "pairs" not in written
    assert len((tmp_path / "pairs.csv").read_text().splitlines()) == len(rows) + 1


@pytest.mark.parametrize(
    ("mapping", "options", "said"),
    [
        (MAPPING.replace("first", "frist"), (), "frist"),
        ("[columns\n", (), "mapping"),
        ('[columns]\nshoe_size = "first"\n', (), "shoe_size"),
        (MAPPING, ("--id", "number"), "number"),
        (MAPPING, ("--cluster", "family"), "family"),
    ],
)
def test_wrong_input_is_named(
    command: Command, home: Path, files: tuple[Path, Path], mapping: str, options: tuple[str, ...], said: str
) -> None:
    records, columns = files
    columns.write_text(mapping, encoding="utf-8")
    done = command("evaluate", "linkage", "--records", records, "--columns", columns, "--id", "id", *options)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""
