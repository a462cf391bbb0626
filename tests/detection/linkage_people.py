"""Made-up people recorded several times, with slips of a strength that a test chooses. None of them exists."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

GIVEN = [
    "anna",
    "boris",
    "clara",
    "david",
    "edith",
    "felix",
    "greta",
    "henrik",
    "irene",
    "jakob",
    "katja",
    "lukas",
    "maria",
    "nikolai",
    "olga",
    "peter",
    "rosa",
    "simon",
    "tessa",
    "viktor",
]
SURNAMES = [
    first + last
    for first in ["ander", "berg", "clau", "dor", "eng", "fors", "gran", "holm"]
    for last in ["son", "man", "mark", "sted", "wick", "ley"]
]
TOWNS = ["aldersund", "brinkhof", "calderby", "dunmere", "eastvale", "farrow"]
HEADER = ["rec", "given", "family", "born", "town", "post", "phone", "who"]


def slip(random_: random.Random, word: str) -> str:
    """One character more, less, other or changed with its neighbour."""
    place = random_.randrange(len(word))
    kind = random_.random()
    letter = random_.choice("0123456789" if word[place].isdigit() else "abcdefghijklmnopqrstuvwxyz")
    if kind < 0.4:
        return word[:place] + letter + word[place + 1 :]
    if kind < 0.7:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place : place + 2][::-1] + word[place + 2 :]


def people(records: int, *, seed: int, strength: float = 1.0) -> list[list[str]]:
    """Rows with the columns of HEADER: one to four records a person, each value wrong or missing with a chance that grows with strength."""
    source = random.Random(seed)
    rows: list[list[str]] = []
    person = 0
    while len(rows) < records:
        person += 1
        town = source.randrange(len(TOWNS))
        values = [
            source.choice(GIVEN),
            source.choice(SURNAMES),
            f"{source.randrange(1930, 1965)}-{source.randrange(1, 13):02}-{source.randrange(1, 29):02}",
            TOWNS[town],
            f"{town + 3}{source.randrange(1000, 9999)}",
            f"1{source.randrange(10**9, 10**10)}",
        ]
        for _ in range(source.choice([1, 1, 2, 2, 3, 4])):
            row = [
                "" if source.random() < 0.08 * strength else slip(source, value) if source.random() < 0.12 * strength else value
                for value in values
            ]
            if source.random() < 0.05 * strength:
                row[0], row[1] = row[1], row[0]
            rows.append([f"r{len(rows)}", *row, f"p{person}"])
    rows = rows[:records]
    source.shuffle(rows)
    return rows


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """A file of the rows."""
    with path.open("w", newline="", encoding=encoding) as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)
    return path


MAPPING = """
[columns]
given_name = "given"
surname = "family"
birth_date = "born"
postcode = "post"
phone = "phone"

[other]
town = "exact"
"""


def write_mapping(folder: Path, text: str = MAPPING) -> Path:
    """A mapping file."""
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return path
