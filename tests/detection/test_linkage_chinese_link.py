"""Chinese records from columns to clusters: features that stand by themselves, and duplicates of generated persons found."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from api.pages.signal_words import LEVELS
from api.policy import load_policy
from benchmarks.linkage_people import COLUMNS, make
from detection.linkage.chinese.comparisons import parts_alike, replaced_columns, same_digits, with_chinese
from detection.linkage.chinese.features import prepare
from detection.linkage.engines import Engine, EngineName, open_duckdb, open_spark
from detection.linkage.feature_columns import FeatureKind
from detection.linkage.link import Linked, link
from detection.linkage.mapping import mapping_of
from detection.linkage.plan import Plan
from detection.linkage.scoring import condition_in
from models.identifiers import check_character
from models.policy_detection import LinkagePolicy
from tests.detection.spark import on_spark, quick_start

SAME = {name: name for name in COLUMNS}
PRECISION_LEAST, RECALL_LEAST = 0.97, 0.93
"""Of a small county, where one pair is a third of a per cent; docs/evaluation/linkage-province.md has the figures that count."""


SLIPPED, APART = "two right numbers, a slip apart", "two right numbers, born years apart"
DIFFER, BORN = "two right numbers that differ", "the same day"
ADDRESS, FAMILY = "the same address", "shared, as families do"


@pytest.fixture(scope="module")
def county() -> tuple[pa.Table, pa.Table]:
    return make(10_000, 11)


@pytest.fixture(scope="module")
def policy() -> LinkagePolicy:
    return load_policy(Path(__file__).parents[2] / "policy.toml").linkage


def linked_of(table: pa.Table, policy: LinkagePolicy, folder: Path, engine: EngineName = EngineName.DUCKDB) -> Linked:
    records = table.select(["record_id", *COLUMNS]).rename_columns(["id", *COLUMNS])
    return link(records, mapping_of(SAME), policy, work_folder=folder, engine=engine)


@pytest.fixture(scope="module")
def linked(county: tuple[pa.Table, pa.Table], policy: LinkagePolicy, tmp_path_factory: pytest.TempPathFactory) -> Linked:
    return linked_of(county[0], policy, tmp_path_factory.mktemp("linkage"))


def together(linked: Linked) -> set[tuple[str, str]]:
    groups: dict[int, list[str]] = {}
    for record, cluster in zip(linked.clusters["id"].to_pylist(), linked.clusters["cluster"].to_pylist(), strict=True):
        groups.setdefault(cluster, []).append(record)
    return {(min(a, b), max(a, b)) for members in groups.values() for place, a in enumerate(members) for b in members[:place]}


def test_duplicates_of_generated_persons_are_found(county: tuple[pa.Table, pa.Table], linked: Linked) -> None:
    truth = {(min(pair), max(pair)) for pair in zip(county[1]["left"].to_pylist(), county[1]["right"].to_pylist(), strict=True)}
    found = together(linked)
    assert len(found & truth) / len(found) >= PRECISION_LEAST
    assert len(found & truth) / len(truth) >= RECALL_LEAST


def test_two_right_numbers_with_names_that_differ_never_share_a_cluster(county: tuple[pa.Table, pa.Table], linked: Linked) -> None:
    prepared, _ = prepare(county[0], SAME)
    rows = {record: place for place, record in enumerate(county[0]["record_id"].to_pylist())}
    checked, loose = prepared["resident_id_checked"].to_pylist(), prepared["full_name_loose_sound"].to_pylist()
    pattern = prepared["full_name_pattern"].to_pylist()
    sizes: dict[int, int] = {}
    for cluster in linked.clusters["cluster"].to_pylist():
        sizes[cluster] = sizes.get(cluster, 0) + 1
    of_record = dict(zip(linked.clusters["id"].to_pylist(), linked.clusters["cluster"].to_pylist(), strict=True))
    for left, right in together(linked):
        one, other = rows[left], rows[right]
        if sizes[of_record[left]] < 3 or None in (checked[one], checked[other]) or checked[one] == checked[other]:
            continue
        if pattern[one] is None and pattern[other] is None and "·" not in county[0]["full_name"][one].as_py():
            assert loose[one] == loose[other]


@pytest.mark.parametrize(("column", "shortest"), [("phone_number", 7), ("bank_account_number", 8), ("resident_id_core", 12)])
def test_every_slip_passes_what_is_asked_before_the_distance(column: str, shortest: int) -> None:
    random = Random(5)
    slipped, others = [], []
    for _ in range(4_000):
        number = [random.choice("0123456789") for _ in range(random.randrange(shortest, 20))]
        wrong, at = number.copy(), random.randrange(len(number) - 1)
        match random.randrange(4):
            case 0:
                wrong[at + random.randrange(2)] = random.choice("0123456789")
            case 1:
                wrong[at], wrong[at + 1] = wrong[at + 1], wrong[at]
            case 2:
                wrong.insert(random.randrange(len(number) + 1), random.choice("0123456789"))
            case _:
                del wrong[at + random.randrange(2)]
        pair = ["".join(number), "".join(wrong)]
        slipped.append(pair if random.random() < 0.5 else pair[::-1])
        others.append(["".join(number), "".join(random.choice("0123456789") for _ in number)])
    with duckdb.connect() as connection:
        for pairs, passing in ((slipped, range(len(slipped), len(slipped) + 1)), (others, range(len(others) // 20))):
            asked = pa.table({f"{column}_{side}": [pair[place] for pair in pairs] for place, side in enumerate("lr")})
            connection.register("asked", asked)
            found = connection.execute(f"SELECT count(*) FROM asked WHERE {parts_alike(column)}").fetchall()  # noqa: S608 - our own
            assert found[0][0] in passing


@pytest.mark.parametrize(("first", "last"), [(1, 7), (8, 14), (7, 10), (11, 14), (7, 14), (1, 14), (15, 17)])
def test_digits_of_a_right_number_are_those_of_its_text(first: int, last: int) -> None:
    random = Random(7)
    pairs = []
    for _ in range(500):
        number = "".join(random.choice("012") for _ in range(16))
        other = "".join(each if random.random() < 0.9 else random.choice("012") for each in number)
        pairs.append(("1" + number, "1" + other))
    with duckdb.connect() as connection:
        asked = {f"resident_id_checked_{side}": pa.array([int(pair[place]) for pair in pairs]) for place, side in enumerate("lr")}
        connection.register("asked", pa.table(asked))
        found = [same for (same,) in connection.execute(f"SELECT {same_digits(first, last)} FROM asked").fetchall()]  # noqa: S608 - our own
    assert found == [one[first - 1 : last] == other[first - 1 : last] for one, other in pairs]
    assert len(set(found)) == 2


def test_the_order_of_the_records_changes_no_cluster(
    county: tuple[pa.Table, pa.Table], policy: LinkagePolicy, linked: Linked, tmp_path: Path
) -> None:
    order = np.random.default_rng(3).permutation(county[0].num_rows)
    turned = together(linked_of(county[0].take(pa.array(order)), policy, tmp_path))
    found = together(linked)
    # m is learned from pairs drawn by place, so that a pair on the boundary may fall on either side
    assert len(turned ^ found) <= 0.01 * len(found)


def test_features_depend_on_their_row_alone(county: tuple[pa.Table, pa.Table]) -> None:
    whole, features = prepare(county[0], SAME)
    part, same_features = prepare(county[0].slice(4_000, 500), SAME)
    assert features == same_features
    for feature in features:
        assert part[feature.name].to_pylist() == whole[feature.name].slice(4_000, 500).to_pylist(), feature.name


def test_preparing_again_changes_nothing(county: tuple[pa.Table, pa.Table]) -> None:
    once, features = prepare(county[0].slice(0, 500), SAME)
    twice, same_features = prepare(once, SAME)
    assert features == same_features
    assert twice.equals(once)


def test_records_of_elsewhere_are_left_as_they_are() -> None:
    table = pa.table(
        {"full_name": ["John Smith", "Anna Miller"], "birth_date": ["1950-03-01", "1951-04-02"], "phone": ["02079460000", None]}
    )
    prepared, features = prepare(table, {name: name for name in table.column_names})
    assert prepared is table
    assert features == []
    assert replaced_columns(features) == frozenset()
    plan = Plan()
    assert with_chinese(plan, features) == (plan, [])


def test_surname_and_given_name_make_a_whole_name() -> None:
    table = pa.table({"surname": ["张", "李", None], "given_name": ["偉", None, None]})
    prepared, features = prepare(table, {"surname": "surname", "given_name": "given_name"})
    assert prepared["full_name_normal"].to_pylist() == ["张伟", "李", None]
    assert FeatureKind.NORMAL in {feature.kind for feature in features}


@pytest.mark.parametrize("missing", COLUMNS)
def test_any_column_may_be_missing(missing: str, county: tuple[pa.Table, pa.Table]) -> None:
    few = county[0].slice(0, 300)
    prepared, features = prepare(few, {name: name for name in COLUMNS if name != missing})
    assert prepared.num_rows == 300
    assert features
    rules = with_chinese(Plan(), features)[1]
    assert all(rule.variables <= set(COLUMNS) - {missing} for rule in rules)


def test_two_right_numbers_that_differ_never_speak_for_one_person(county: tuple[pa.Table, pa.Table]) -> None:
    _, features = prepare(county[0].slice(0, 300), SAME)
    (number,) = (one for one in with_chinese(Plan(), features)[0].comparisons if one.name == "resident_id")
    labels = [level.label for level in reversed(number.levels)]
    assert {labels[value - 1] for value in number.against} == {"two right numbers, born years apart", "two right numbers that differ"}


NUMBER, TWIN, SAME_DAY, SLIP, SISTER, FATHER = (
    first + check_character(first)
    for first in (
        "42980219561014232",
        "42980219561014234",
        "42980219561014778",
        "42980219581014232",
        "42980219590302124",
        "42980219310405551",
    )
)
STREET, ELSEWHERE = "云泽市白石区新华路80号20栋501室", "云泽市白石区建设路7号2栋1101室"


Other = tuple[str, str, str | None, str]
OTHERS: tuple[tuple[str, Other, bool, tuple[str | None, ...] | None], ...] = (
    ("one slip in the year of birth", (SLIP, "王秀英", "1958-10-14", ELSEWHERE), False, (SLIPPED, None, "differs")),
    ("a slip, and another name", (SLIP, "王大力", "1958-10-14", STREET), False, (SLIPPED, None, ADDRESS)),
    ("twins whose names sound alike", (TWIN, "王秀瑛", "1956-10-14", STREET), True, None),
    ("side by side, one name", (TWIN, "王秀英", "1956-10-14", STREET), False, (DIFFER, BORN, ADDRESS)),
    ("not side by side", (SAME_DAY, "王秀瑛", "1956-10-14", STREET), False, (DIFFER, BORN, ADDRESS)),
    ("a wrong character", (SAME_DAY, "王秀搅", "1956-10-14", STREET), False, (DIFFER, BORN, ADDRESS)),
    ("strangers born on one day", (SAME_DAY, "李大力", "1956-10-14", STREET), True, None),
    ("sisters whose names sound alike", (SISTER, "王秀瑛", "1959-03-02", STREET), False, (DIFFER, "differs", FAMILY)),
    ("one name, years corrected", (SISTER, "王秀英", "1959-03-02", STREET), False, (DIFFER, "differs", ADDRESS)),
    ("sisters, and a birth date is missing", (SISTER, "王秀瑛", None, STREET), False, (DIFFER, None, FAMILY)),
    ("father and child of one name", (FATHER, "王秀英", "1931-04-05", STREET), False, (APART, "differs", FAMILY)),
    ("namesakes", (FATHER, "王秀英", "1931-04-05", ELSEWHERE), False, (APART, "differs", "differs")),
)
"""What is compared with the first record, whether the two are two persons by that alone, and levels of number, birth date and contact."""


def pairs_of_records(others: Sequence[Other]) -> tuple[Plan, pa.Table]:
    """The plan, and a row of both records' columns for each of the others."""
    names = ("resident_id", "full_name", "birth_date", "address")
    records = [(NUMBER, "王秀英", "1956-10-14", STREET), *others]
    table = pa.table({name: pa.array([row[place] for row in records], pa.string()) for place, name in enumerate(names)})
    prepared, features = prepare(table, {name: name for name in names})
    plan, _ = with_chinese(Plan(), features)
    with closing(duckdb.connect()) as connection:
        derived = connection.from_arrow(prepared).project(", ".join(f"{sql} AS {name}" for name, sql in plan.derived.items()))
        rows = derived.to_arrow_table()
    first = {f"{name}_l": rows[name].take(pa.array([0] * len(others))) for name in rows.column_names}
    return plan, pa.table(first | {f"{name}_r": rows[name].slice(1) for name in rows.column_names} | {"place": list(range(len(others)))})


def said_of(engine: Engine, plan: Plan, pairs: pa.Table) -> list[tuple[bool, tuple[str | None, ...]]]:
    """Of each pair: two persons by that alone, and the levels of number, birth date and contact."""
    engine.load("compared_pairs", pairs)
    asked = []
    for name in ("resident_id", "birth_date", "contact"):
        (comparison,) = (one for one in plan.comparisons if one.name == name)
        levels = " ".join(f"WHEN {condition_in(engine, level.condition)} THEN '{level.label}'" for level in comparison.levels)
        asked.append(f"CASE WHEN {condition_in(engine, comparison.null)} THEN NULL {levels} ELSE 'differs' END")
    listed = ", ".join(["place", condition_in(engine, plan.apart or ""), *asked])
    rows = sorted(engine.rows(f"SELECT {listed} FROM compared_pairs"))  # noqa: S608 - conditions of the plan
    return [(row[1], row[2:]) for row in rows]


def test_what_two_right_numbers_say_beside_name_birth_and_address(tmp_path: Path) -> None:
    plan, pairs = pairs_of_records([other for _, other, _, _ in OTHERS])
    with open_duckdb(tmp_path, memory_mb=256, threads=1) as engine:
        said = said_of(engine, plan, pairs)
    for (what, _, apart, levels), (is_apart, found) in zip(OTHERS, said, strict=True):
        assert (what, is_apart) == (what, apart)
        assert levels is None or (what, found) == (what, levels)


@on_spark
def test_spark_says_the_same_of_two_right_numbers(tmp_path: Path) -> None:
    plan, pairs = pairs_of_records([other for _, other, _, _ in OTHERS])
    with open_duckdb(tmp_path, memory_mb=256, threads=1) as engine:
        said = said_of(engine, plan, pairs)
    with quick_start(), open_spark(tmp_path, memory_mb=1_500, threads=2) as engine:
        assert said_of(engine, plan, pairs) == said


@on_spark
def test_spark_links_as_duckdb_does(policy: LinkagePolicy, tmp_path: Path) -> None:
    records, _ = make(100_000, 11)
    duck = linked_of(records, policy, tmp_path / "duckdb")
    with quick_start():
        spark = linked_of(records, policy, tmp_path / "spark", EngineName.SPARK)

    def weights(found: Linked) -> dict[tuple[str, str], float]:
        return {(row["left"], row["right"]): row["weight"] for row in found.pairs.select(["left", "right", "weight"]).to_pylist()}

    assert len(together(duck)) > 3_000
    assert together(spark) == together(duck)
    assert weights(spark) == pytest.approx(weights(duck), abs=1e-3)  # sums of the training, added up in another order


def test_the_desk_has_words_for_every_level(county: tuple[pa.Table, pa.Table]) -> None:
    _, features = prepare(county[0].slice(0, 300), SAME)
    labels = {level.label.removeprefix("the ") for one in with_chinese(Plan(), features)[0].comparisons for level in one.levels}
    assert labels <= set(LEVELS)


def test_columns_of_nothing_are_no_error() -> None:
    table = pa.table({name: pa.array([None, None], pa.string()) for name in COLUMNS})
    assert prepare(table, SAME) == (table, [])
    some = table.set_column(0, "resident_id", pa.array(["429802195003011238", None]))
    prepared, _ = prepare(some, SAME)
    assert prepared["resident_id_core"].to_pylist() == ["42980219500301123", None]
