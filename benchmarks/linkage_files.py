"""Hard files to link, made up: historical persons with messy names, dates and postcodes, and two bibliographies.

python -m benchmarks.linkage_files FOLDER writes history.csv (10,000 records, many slips), history_large.csv (50,000), and mappings.
"""

from __future__ import annotations

import csv
import random
import string
import sys
from pathlib import Path

MEN = ["william", "john", "george", "thomas", "james", "henry", "charles", "robert", "edward", "richard", "joseph", "samuel", "david"]
WOMEN = ["mary", "elizabeth", "anne", "sarah", "jane", "margaret", "catherine", "frances", "charlotte", "emma", "alice", "martha"]
SHORT = {
    "william": ["bill", "will"], "john": ["jack"], "thomas": ["tom"], "henry": ["harry"], "charles": ["charlie"], "robert": ["bob", "rob"],
    "edward": ["ned", "ted"], "richard": ["dick"], "joseph": ["joe"], "james": ["jim"], "elizabeth": ["bess", "eliza"], "margaret": ["meg"],
    "catherine": ["kate", "katherine"], "mary": ["molly"], "anne": ["ann", "nancy"], "sarah": ["sally"],
}  # fmt: skip
OCCUPATIONS = ["politician", "writer", "painter", "engineer", "cricketer", "clergyman", "lawyer", "soldier", "actor", "physician", "judge"]
HEADER = ["unique_id", "cluster", "full_name", "first_name", "surname", "dob", "birth_place", "postcode", "gender", "occupation"]
MAPPING = """[columns]
full_name = "full_name"
given_name = "first_name"
surname = "surname"
birth_date = "dob"
postcode = "postcode"
sex = "gender"
[other]
birth_place = "text"
occupation = "exact"
"""


def syllable(source: random.Random) -> str:
    """Consonant, vowel and perhaps an end."""
    return (
        source.choice(["b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "w", "br", "cl", "st", "th"])
        + source.choice(["a", "e", "i", "o", "u", "ea"])
        + source.choice(["", "n", "r", "ck"])
    )


def frequent(source: random.Random, words: list[str]) -> str:
    """A word, the first ones more often."""
    return source.choices(words, weights=[1 / (place + 3) ** 0.8 for place in range(len(words))])[0]


def slip(source: random.Random, word: str) -> str:
    """One letter changed, lost, added or swapped."""
    if len(word) < 2:
        return word
    place, kind = source.randrange(len(word) - 1), source.randrange(4)
    letter = source.choice(string.ascii_lowercase)
    middle = [letter + word[place + 1], word[place + 1], letter + word[place : place + 2], word[place + 1] + word[place]][kind]
    return word[:place] + middle + word[place + 2 :]


def history(records: int, seed: int, strength: float) -> list[list[str]]:
    """Rows with the columns of HEADER: one to twenty records a person; the chance of each slip grows with strength."""
    source = random.Random(seed)
    surnames = [syllable(source) + syllable(source) + source.choice(["", "ton", "son", "ford", "by"]) for _ in range(600)]
    towns = [syllable(source) + syllable(source) + source.choice(["ton", "ham", "bury"]) for _ in range(90)]
    areas = [first + last for first in "ABCDEGLNST" for last in "BEHLN"][:45]
    rows: list[list[str]] = []
    person = 0
    while len(rows) < records:
        person += 1
        woman = source.random() < 0.2
        names = WOMEN if woman else MEN
        given, middle = frequent(source, names), frequent(source, names) if source.random() < 0.35 else ""
        surname, town, district = frequent(source, surnames), source.randrange(90), source.randrange(1, 30)
        year, month, day = source.randrange(1700, 1940), source.randrange(1, 13), source.randrange(1, 29)
        occupation = frequent(source, OCCUPATIONS)
        for _ in range(min(2 + int(source.expovariate(1 / 7)), 20)):

            def happens(chance: float) -> bool:
                return source.random() < chance * strength

            first = source.choice(SHORT[given]) if given in SHORT and happens(0.12) else middle or given if happens(0.05) else given
            first = slip(source, first) if happens(0.08) else first[0] if happens(0.04) else first
            last = slip(source, surname) if happens(0.1) else frequent(source, surnames) if woman and happens(0.1) else surname
            full = " ".join(part for part in (first, middle if source.random() < 0.5 else "", last) if part)
            if happens(0.04):
                first, last = last, first
            date = (year + source.choice([-10, -1, 1, 10]) if happens(0.05) else year, *((1, 1) if happens(0.1) else (month, day)))
            outward = source.randrange(1, 30) if happens(0.1) else district
            post = f"{areas[town % 45]}{outward} {source.randrange(1, 9)}{source.choice('ABDEG')}H"
            rows.append(
                [
                    f"h{len(rows)}",
                    f"p{person}",
                    "" if happens(0.03) else full,
                    "" if happens(0.05) else first,
                    "" if happens(0.03) else last,
                    "" if happens(0.1) else f"{date[0]}-{date[1]:02}-{date[2]:02}",
                    "" if happens(0.2) else slip(source, towns[town]) if happens(0.05) else towns[town],
                    "" if happens(0.18) else post,
                    "" if happens(0.15) else "female" if woman else "male",
                    "" if happens(0.3) else occupation,
                ]
            )
    rows = rows[:records]
    source.shuffle(rows)
    return rows


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records, strength in (("history", 10_000, 1.4), ("history_large", 50_000, 1.0)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([HEADER, *history(records, records, strength)])
    (folder / "history.toml").write_text(MAPPING, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
