"""Makes records of made-up persons with labelled duplicates, to measure record linkage on.

    python -m benchmarks.linkage_people --records 1000000 --folder FOLDER

Writes into the folder records.parquet (and records.csv with --csv), mapping.toml, truth.csv (left, right, errors: what was done).
The column ``person`` of the records is the truth and is not mapped. The same seed makes the same files. Region codes 4298xx are
assigned to no place and phones begin with 100, so that no record can be of anybody.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.linkage_errors import Record, duplicate
from benchmarks.linkage_names import GIVEN, LEADING, MINORITY, RARE, SURNAMES
from models.identifiers import check_character

COLUMNS = ("resident_id", "full_name", "sex", "birth_date", "region_code", "phone", "bank_account", "address")
PERSONS_A_COUNTY = 100_000
DUPLICATED = 0.03
"""Share of persons that have a second record; one in eight of them has a third."""

KINDS = ("single", "couple", "couple and father", "father and son", "twins", "siblings")
HOUSEHOLDS = (0.27, 0.52, 0.07, 0.06, 0.012, 0.068)
SIZES = np.array([1, 2, 3, 2, 2, 2])

Numbers = NDArray[np.int64]
Texts = NDArray[np.object_]


@dataclass
class People:
    """One array for each column, one element for each person."""

    household: Numbers
    place: Numbers
    kind: Numbers
    county: Numbers
    male: NDArray[np.bool_]
    birth: NDArray[np.datetime64]


def draw_people(count: int, random: np.random.Generator) -> People:
    """Households with their members: places 0, 1, 2 are head, partner (or child, twin, sibling), father."""
    kinds = random.choice(len(KINDS), size=count, p=HOUSEHOLDS)
    sizes = SIZES[kinds]
    households = int(np.searchsorted(np.cumsum(sizes), count) + 1)
    kinds, sizes = kinds[:households], sizes[:households]
    household = np.repeat(np.arange(households), sizes)[:count]
    place = (np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes))[:count]
    kind = kinds[household]
    county = random.integers(0, max(1, round(count / PERSONS_A_COUNTY)), households)[household]
    head_male = (random.random(households) < 0.52)[household]
    head_male |= np.isin(kind, [2, 3])
    same = (random.random(count) < 0.65) & np.isin(kind, [4, 5])
    male = np.where(place == 0, head_male, np.where(place == 2, True, np.where(kind == 3, True, np.where(same, head_male, ~head_male))))
    year = np.clip(random.triangular(1926, 1958, 2004, households), 1926, np.where(kinds == 3, 1975, 2004)).astype(np.int64)
    day = (np.array([f"{each}-01-01" for each in range(1926, 2005)], dtype="datetime64[D]"))[year - 1926] + random.integers(
        0, 365, households
    )
    apart = np.where(kind == 1, random.integers(-2_200, 2_200, count), random.integers(400, 3_000, count))
    apart = np.where(kind == 4, 0, np.where(kind == 3, random.integers(7_300, 11_000, count), apart))
    apart = np.where(kind == 2, random.integers(-2_200, 2_200, count), apart)
    apart = np.where(place == 2, -random.integers(7_300, 11_000, count), np.where(place == 0, 0, apart))
    return People(household, place, kind, county, male, day[household] + apart.astype("timedelta64[D]"))


def draw_names(people: People, random: np.random.Generator) -> Texts:
    """Surnames by their real shares; fathers, children, twins and siblings share one, and often a character of the given name."""
    count = len(people.household)
    surnames = np.array([name for name, _ in SURNAMES], dtype=object)
    shares = np.array([share for _, share in SURNAMES])
    own = surnames[random.choice(len(surnames), size=count, p=shares / shares.sum())]
    heads = _heads(people)
    partner = (people.place == 1) & np.isin(people.kind, [1, 2])
    surname = np.where(partner, own, own[heads])
    years = people.birth.astype("datetime64[Y]").astype(np.int64) + 1970
    first, second = np.empty(count, dtype=object), np.empty(count, dtype=object)
    for sex in (True, False):
        for last, single, characters in GIVEN[sex]:
            rows = np.flatnonzero((people.male == sex) & (years <= last) & (first == None))  # noqa: E711 - of every element
            pool = np.array(list(characters), dtype=object)
            weights = 1 / (np.arange(len(pool)) + 6.0) ** 0.9
            weights /= weights.sum()
            first[rows] = pool[random.choice(len(pool), size=len(rows), p=weights)]
            second[rows] = pool[random.choice(len(pool), size=len(rows), p=weights)]
            second[rows[random.random(len(rows)) < single]] = ""
    generation = np.array(list(LEADING), dtype=object)[random.integers(0, len(LEADING), count)]
    rare = random.random(count) < 0.02
    second = np.where(rare, np.array(list(RARE), dtype=object)[random.integers(0, len(RARE), count)], second)
    # a character that the family's generation has in common, and fathers and sons whose names are alike
    shared = np.isin(people.kind, [4, 5]) & (random.random(count)[heads] < 0.8)
    first = np.where(shared, generation[heads], first)
    partly = shared & (second == "")
    second = np.where(partly, np.array(["平", "明", "芳"], dtype=object)[people.place], second)
    same = shared & (people.place == 1) & (second == second[heads])
    second = np.where(same, np.where(second == "华", "英", "华"), second)
    alike = (people.kind == 3) & (people.place == 1) & (random.random(count) < 0.3)
    second = np.where(alike & (second != ""), second[heads], second)
    names = surname + first + second
    minority = (random.random(count) < 0.015)[heads]
    parts = np.array(MINORITY, dtype=object)
    given, father = (parts[random.integers(0, len(parts), count)] for _ in range(2))
    return np.where(minority, given + "·" + np.where(partner, father, father[heads]), names)


def _heads(people: People) -> Numbers:
    firsts = np.flatnonzero(people.place == 0)
    return firsts[people.household]


def draw_resident_ids(people: People, random: np.random.Generator) -> Texts:
    """18 characters, all different; those of twins stand side by side, one in six was born in another county."""
    counties = int(people.county.max()) + 1
    native = np.where(random.random(len(people.county)) < 0.16, random.integers(0, counties, len(people.county)), people.county)
    heads = _heads(people)
    twins = people.kind == 4
    native = np.where(twins, native[heads], native)
    days = people.birth.astype("datetime64[D]").astype(np.int64) + 20_000
    sequence = random.integers(1, 497, len(native))
    for _ in range(50):
        sequence = np.where(twins & (people.place == 1), sequence[heads] + 1, sequence)
        whole = (native * 100_000 + days) * 1_000 + sequence * 2 + people.male
        _, first, counts = np.unique(whole, return_index=True, return_counts=True)
        if not (counts > 1).any():
            break
        repeated = np.ones(len(whole), dtype=bool)
        repeated[first] = False
        repeated[heads[repeated & twins]] = True
        sequence = np.where(repeated, random.integers(1, 497, len(native)), sequence)
    if len(np.unique(whole)) != len(whole):
        raise AssertionError("two persons have one resident ID")
    texts = []
    for code, born, order in zip(native.tolist(), np.datetime_as_string(people.birth), (sequence * 2 + people.male).tolist(), strict=True):
        first_17 = f"4298{code:02d}{born[:4]}{born[5:7]}{born[8:]}{order:03d}"
        texts.append(first_17 + check_character(first_17))
    return np.array(texts, dtype=object)


WORDS = (
    "幸福 人民 解放 建设 和平 长江 中山 胜利 光明 新华 团结 友谊 东风 红旗 文化 学府 滨江 花园 "
    "青年 育才 民主 前进 朝阳 劳动 五一 三阳 凤凰 锦绣 紫荆 桂花"
)
ENDS = "路 街 大道 一路 二路 东路 西路 南街 北街 巷"
VILLAGES = "大湾 石桥 白沙 柳林 杨家 李家 陈家 金星 红星 新民 向阳 古井 双龙 龙泉 清水 高峰 永兴 太平 长岭 青山"
COUNTY_NAMES = "东湖 青溪 白石 云山 临江 安平 丰乐 明水 清河 古城 南浦 北亭 西岭 梅川 竹溪 松林 兰亭 桃源 杏花 莲塘"


def draw_addresses(people: People, random: np.random.Generator) -> Texts:
    """One for each household: a street with building and room in towns, a group of a village elsewhere."""
    count = int(people.household.max()) + 1
    firsts = np.flatnonzero(people.place == 0)
    words, ends, villages, names = (text.split() for text in (WORDS, ENDS, VILLAGES, COUNTY_NAMES))
    draws = random.integers(0, 1_000_000, (7, count))
    texts = []
    for county, urban, a, b, c, d, e, f in zip(
        people.county[firsts].tolist(), (random.random(count) < 0.6).tolist(), *draws[:6].tolist(), strict=True
    ):
        prefix = f"湖北省云泽市{names[county % 20]}{'区' if county < 20 else '县' if county < 40 else '市'}"
        if urban:
            texts.append(f"{prefix}{words[a % 30]}{ends[b % 10]}{c % 300 + 1}号{d % 20 + 1}栋{e % 30 + 1}{f % 6 + 1:02d}室")
        else:
            texts.append(f"{prefix}{villages[a % 20]}镇{villages[b % 20]}{words[c % 30][0]}村{d % 12 + 1}组{e % 150 + 1}号")
    return np.array(texts, dtype=object)[people.household]


def draw_phones(people: People, random: np.random.Generator) -> Texts:
    """11 digits; a partner shares the head's phone at times; 12% have none."""
    count = len(people.place)
    digits = random.integers(0, 100_000_000, count)
    shared = (people.place > 0) & (random.random(count) < 0.22)
    digits = np.where(shared, digits[_heads(people)], digits)
    texts = np.array([f"100{each:08d}" for each in digits.tolist()], dtype=object)
    return np.where(random.random(count) < 0.12, None, texts)


def draw_accounts(people: People, random: np.random.Generator) -> Texts:
    """19 digits; a partner shares the head's account at times; 20% have none."""
    count = len(people.place)
    digits = random.integers(0, 10**15, count)
    shared = (people.place > 0) & (random.random(count) < 0.08)
    digits = np.where(shared, digits[_heads(people)], digits)
    texts = np.array([f"9900{each:015d}" for each in digits.tolist()], dtype=object)
    return np.where(random.random(count) < 0.20, None, texts)


def make(records: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """So many records of persons, and the pairs of records that are of one person with what was done to tell them apart."""
    random = np.random.default_rng(seed)
    persons = round(records / (1 + DUPLICATED * 1.125))
    people = draw_people(persons, random)
    names = draw_names(people, random)
    # namesakes born on one day, half of them in one county, who are two persons
    likes = random.choice(np.flatnonzero(people.kind == 0), size=persons // 500, replace=False)
    models = random.choice(persons, size=len(likes))
    fitting = people.male[likes] == people.male[models]
    likes, models = likes[fitting], models[fitting]
    names[likes], people.birth[likes] = names[models], people.birth[models]
    people.county[likes[::2]] = people.county[models[::2]]
    birth = np.datetime_as_string(people.birth).astype(object)
    ids = draw_resident_ids(people, random)
    legacy = (people.birth < np.datetime64("1984-01-01")) & (random.random(persons) < 0.02)
    shown = np.where(legacy, np.array([each[:6] + each[8:17] for each in ids.tolist()], dtype=object), ids)
    columns: dict[str, list[str | None]] = {
        "resident_id": shown.tolist(),
        "full_name": names.tolist(),
        "sex": np.where(people.male, "男", "女").tolist(),
        "birth_date": birth.tolist(),
        "region_code": [f"4298{county:02d}" for county in people.county.tolist()],
        "phone": draw_phones(people, random).tolist(),
        "bank_account": draw_accounts(people, random).tolist(),
        "address": draw_addresses(people, random).tolist(),
    }
    person = list(range(persons))
    pairs = _add_duplicates(columns, person, ids, int(people.county.max()) + 1, records, Random(seed))
    order = random.permutation(len(person))
    numbers = np.empty(len(person), dtype=np.int64)
    numbers[order] = np.arange(len(person))
    identifiers = [f"r{number:08d}" for number in numbers.tolist()]
    table = pa.table({"record_id": identifiers, **{name: pa.array(columns[name], pa.string()) for name in COLUMNS}, "person": person})
    truth = pa.table(
        {
            "left": [identifiers[left] for left, _, _ in pairs],
            "right": [identifiers[right] for _, right, _ in pairs],
            "errors": [" ".join(sorted(errors)) for _, _, errors in pairs],
        }
    )
    return table.take(pa.array(order)), truth


def _add_duplicates(
    columns: dict[str, list[str | None]], person: list[int], ids: Texts, counties: int, records: int, random: Random
) -> list[tuple[int, int, set[str]]]:
    persons = len(person)
    pairs: list[tuple[int, int, set[str]]] = []
    chosen = random.sample(range(persons), min(persons, records - persons))
    rows_of: dict[int, list[tuple[int, set[str]]]] = {}
    while len(person) < records:
        one = chosen.pop()
        for _ in range(2 if random.random() < 0.125 else 1):
            if len(person) == records:
                break
            base = Record(**{name: columns[name][one] for name in COLUMNS})
            made, errors = duplicate(base, str(ids[one]), counties, random)
            for name in COLUMNS:
                columns[name].append(getattr(made, name))
            row = len(person)
            person.append(one)
            pairs.append((one, row, errors))
            pairs += [(other, row, errors | before) for other, before in rows_of.get(one, [])]
            rows_of.setdefault(one, []).append((row, errors))
    return pairs


def write(folder: Path, records: int, seed: int, *, csv: bool) -> None:
    """Make the files of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table, truth = make(records, seed)
    pq.write_table(table, folder / "records.parquet")
    if csv:
        pyarrow.csv.write_csv(table, folder / "records.csv")
    pyarrow.csv.write_csv(truth, folder / "truth.csv")
    (folder / "mapping.toml").write_text("[columns]\n" + "".join(f'{name} = "{name}"\n' for name in COLUMNS), encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--csv", action="store_true", help="write records.csv too")
    arguments = parser.parse_args()
    write(arguments.folder, arguments.records, arguments.seed, csv=arguments.csv)


if __name__ == "__main__":
    main()
