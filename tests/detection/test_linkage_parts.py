"""The parts of linkage by themselves: mapping, files, training, clusters, thresholds, waterfalls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detection.linkage.clusters import ClusterRule, cluster, components, missing_pairs
from detection.linkage.engines import open_duckdb
from detection.linkage.errors import LinkageInputError
from detection.linkage.mapping import ColumnKind, load_mapping, mapping_of
from detection.linkage.preparation import clean
from detection.linkage.source import read_labels, read_records, read_table
from detection.linkage.threshold import ThresholdReason, balanced_threshold, expected_threshold, labelled_threshold
from detection.linkage.training import Parameters, posterior, train

RULE = ClusterRule(cut=1.0, edge=0.0, unknown=-10.0, clip=12.0, most=50)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[columns]\nname = 'x'", "'name' is not known"),
        ("[other]\nx = 'fuzzy'", "not one of exact, text, date, number"),
        ("[columns]\nphone = 'x'\nemail = 'x'", "twice"),
        ("[columns]\nphone = 3", "must be text"),
        ("", "names no column"),
        ("[more]\nx = 'exact'", "[more] is not known"),
        ("columns = 3", "must be a table"),
        ("[columns", "not a TOML file"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_and_the_place_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(LinkageInputError) as caught:
        load_mapping(path)
    assert said in str(caught.value)


def test_canonical_columns_come_in_one_order_however_they_are_written() -> None:
    mapping = mapping_of({"phone": "tel", "resident_id": "no"}, {"hobby": "text"})
    assert [(item.name, item.column, item.kind) for item in mapping.mapped] == [
        ("resident_id", "no", ColumnKind.IDENTIFIER),
        ("phone", "tel", ColumnKind.IDENTIFIER),
        ("hobby", "hobby", ColumnKind.TEXT),
    ]
    assert mapping.columns == {"resident_id": "no", "phone": "tel"}


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "gb18030"), ("\t", "utf-8-sig"), ("|", "gb18030")])
def test_files_are_read_whatever_their_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "people.csv"
    lines = [
        delimiter.join((" 编号 ", " 姓名")),
        delimiter.join(("1", " 张三 ")),
        delimiter.join(("2", '"李四"')),
        delimiter.join(("3", "")),
    ]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    table = read_records(path, mapping_of({"full_name": "姓名"}), "编号")
    assert table.to_pylist() == [{"id": "1", "full_name": "张三"}, {"id": "2", "full_name": "李四"}, {"id": "3", "full_name": None}]


def test_parquet_values_are_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"id": [1.0, 2.0], "born": pa.array([0, 86_400_000], pa.timestamp("ms")), "tags": [["a", "b"], None]}), path)
    assert read_table(path).to_pylist() == [
        {"id": "1", "born": "1970-01-01", "tags": "a b"},
        {"id": "2", "born": "1970-01-02", "tags": None},
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_only_wanted_columns_are_read_and_all_are_named_where_one_is_not_there(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"people.{kind}"
    if kind == "csv":
        path.write_text("id, name ,more\n1,张三,x\n")
    else:
        # a column that could not be compared is in nobody's way where it is not asked for
        pq.write_table(pa.table({"id": ["1"], " name ": ["张三"], "more": [b"\xff"]}), path)
    assert read_table(path, {"id", "name"}).to_pylist() == [{"id": "1", "name": "张三"}]
    if kind == "csv":
        assert read_table(path, {"id", "surname"}).column_names == ["id", "name", "more"]
        with pytest.raises(LinkageInputError, match="'id', 'name', 'more'"):
            read_records(path, mapping_of({"full_name": "surname"}), "id")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("id,name", "one line only|no records"),
        ("id,name\n1,a\n1,b\n", "'1' occurs 2 times"),
        ("id,name\n1,a\n,b\n", "row 3: the id is empty"),
        ("id,nom\n1,a\n", "no column 'name'"),
        ("id,name,name\n1,a,b\n", "more than once"),
        ("id,name\n1,a,b,c\n2,b\n", "cannot be split into 2 fields"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_row_or_column(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content)
    with pytest.raises(LinkageInputError, match=said):
        read_records(path, mapping_of({"full_name": "name"}), "id")


def test_labels_are_found_by_name_or_place_and_scores_count_from_a_half(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("unique_id_l,source,unique_id_r,clerical_match_score\na,s,b,0.5\na,s,c,0.49\n")
    labels = read_labels(path)
    assert (labels.left, labels.right, labels.is_match) == (["a", "a"], ["b", "c"], [True, False])
    path.write_text("one,two\na,b\n")
    assert read_labels(path).is_match == [True]
    path.write_text("left,right,score\na,b,perhaps\n")
    with pytest.raises(LinkageInputError, match="row 2: the score 'perhaps'"):
        read_labels(path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1950-03-04", "19500304"),
        ("1950/3/4", "19500304"),
        ("19500304", "19500304"),
        ("1950年3月4日", "19500304"),
        ("04031950", "19500304"),
        ("25/3/1950", "19500325"),
        ("4 Mar 1950", "19500304"),
        ("1950", "19500000"),
        ("1950-03", "19500300"),
        ("1950-13-41", "19501341"),
        ("not told", None),
    ],
)
def test_dates_are_read_in_the_ways_in_which_they_are_written(tmp_path: Path, written: str, read: str | None) -> None:
    with open_duckdb(tmp_path, memory_mb=300, threads=1) as duck:
        duck.load("raw", pa.table({"unique_id": [0], "source": [0], "birth_date": [written]}))
        clean(duck, mapping_of({"birth_date": "birth_date"}))
        assert duck.rows("SELECT v0_birth_date FROM cleaned") == [(read,)]


def test_training_recovers_the_shares_that_pairs_were_drawn_with() -> None:
    random = np.random.default_rng(3)
    m, u = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.15, 0.85]]), np.array([[0.98, 0.02], [0.9, 0.1], [0.99, 0.01], [0.95, 0.05]])

    def drawn(shares: np.ndarray, count: int) -> np.ndarray:
        return (random.random((count, 4)) < shares[:, 1]).astype(np.int8)

    seen = np.concatenate([drawn(m, 2000), drawn(u, 8000)])
    result = train(
        seen,
        np.ones(seen.shape, dtype=bool),
        np.ones(len(seen)),
        drawn(u, 50_000),
        seen[:0],
        [2] * 4,
        total_pairs=1e4,
        seen_share=1.0,
        prior_pairs=500,
    )
    assert np.allclose([one[1] for one in result.parameters.m], m[:, 1], atol=0.04)
    assert np.allclose([one[1] for one in result.parameters.u], u[:, 1], atol=0.01)
    assert result.parameters.prior == pytest.approx(0.2, abs=0.03)


def test_training_holds_with_levels_that_never_occur_and_values_that_are_always_missing() -> None:
    seen = np.array([[2, -1], [0, -1], [0, -1]], dtype=np.int8)
    result = train(seen, np.ones(seen.shape, dtype=bool), np.ones(3), seen, seen[:0], [3, 2], total_pairs=3, seen_share=1.0, prior_pairs=1)
    for shares in (*result.parameters.m, *result.parameters.u):
        assert min(shares) > 0
        assert sum(shares) == pytest.approx(1.0)


def test_a_level_that_speaks_against_gains_nothing_from_being_common_among_matches() -> None:
    random = np.random.default_rng(3)

    def drawn(shares: tuple[float, ...], count: int) -> np.ndarray:
        # the last comparison has a middle level that all matches and few others are in
        agree = np.column_stack([random.random(count) < share for share in shares[:3]]).astype(np.int8)
        return np.column_stack([agree, (random.random(count) < shares[3]).astype(np.int8)])

    seen = np.concatenate([drawn((0.9, 0.9, 0.9, 0.97), 2000), drawn((0.1, 0.1, 0.1, 0.1), 8000)])

    def trained(against: dict[int, list[int]]) -> Parameters:
        usable, weights = np.ones(seen.shape, dtype=bool), np.ones(len(seen))
        others, sizes = drawn((0.1, 0.1, 0.1, 0.1), 50_000), {"total_pairs": 1e4, "seen_share": 1.0, "prior_pairs": 500}
        return train(seen, usable, weights, others, seen[:0], [2, 2, 2, 3], **sizes, against=against).parameters

    free, bound = trained({}), trained({3: [1]})
    assert free.m[3][1] > 5 * free.u[3][1]
    assert bound.m[3][1] < bound.u[3][1]
    assert bound.m[3][1] == pytest.approx(bound.u[3][1], rel=0.02)
    assert bound.m[0][1] == pytest.approx(0.9, abs=0.06)


def test_a_missing_value_is_no_evidence() -> None:
    m, u = [np.array([0.1, 0.9])], [np.array([0.9, 0.1])]
    assert posterior(np.array([[-1]], dtype=np.int8), m, u, 0.25)[0] == pytest.approx(0.25)
    assert posterior(np.array([[1]], dtype=np.int8), m, u, 0.25)[0] == pytest.approx(0.75)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_one_false_pair_does_not_weld_two_people_together() -> None:
    # 0 1 2 are one person, 3 4 5 another; 2-3 looks like a match, the eight others between them do not
    left, right = ints(0, 0, 1, 3, 3, 4, 2), ints(1, 2, 2, 4, 5, 5, 3)
    weight = np.array([8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 5.0])
    labels = components(left, right, weight, 6, RULE)
    assert len(set(labels.tolist())) == 1
    clusters, joined = cluster(left, right, weight, labels, RULE)
    assert clusters.tolist() == [0, 0, 0, 3, 3, 3]
    assert joined[-1] < 0 < joined[0]


def test_pairs_are_clusters_from_the_cut_on() -> None:
    left, right, weight = ints(0, 2), ints(1, 3), np.array([1.0, 0.99])
    clusters, _ = cluster(left, right, weight, components(left, right, weight, 5, RULE), RULE)
    assert clusters.tolist() == [0, 0, 2, 3, 4]


def test_pairs_that_must_be_apart_never_come_into_one_cluster() -> None:
    left, right, weight = ints(0, 0, 1), ints(1, 2, 2), np.array([9.0, 9.0, 9.0])
    labels = components(left, right, weight, 3, RULE)
    clusters, _ = cluster(left, right, weight, labels, RULE, (ints(0), ints(2)))
    assert clusters[0] != clusters[2]


def test_a_huge_component_is_cut_at_a_higher_weight() -> None:
    # two chains of 40 that one weak pair connects: more than the 50 that a component may have
    left = np.concatenate([np.arange(39), np.arange(40, 79), ints(39)])
    right = np.concatenate([np.arange(1, 40), np.arange(41, 80), ints(40)])
    weight = np.concatenate([np.full(78, 9.0), [0.5]])
    labels = components(left, right, weight, 80, RULE)
    assert labels[0] == labels[39] != labels[40] == labels[79]


def test_pairs_of_a_component_that_were_not_compared_are_named() -> None:
    left, right = missing_pairs(ints(0, 0, 0, 1, 1), ints(0, 3), ints(1, 4), size_most=10, pairs_most=100)
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == {(0, 2), (1, 2)}


def test_without_labels_the_threshold_is_where_the_mean_probability_reaches_the_target() -> None:
    weights = np.array([12.0, 12.0, 12.0, 3.0, 2.0, -1.0])
    lenient, strict = expected_threshold(weights, 0.9, 1.0), expected_threshold(weights, 0.99, 1.0)
    assert lenient.weight is not None
    assert strict.weight is not None
    assert 1.0 <= lenient.weight <= 2.0
    assert 3.0 < strict.weight <= 12.0
    assert strict.precision >= 0.99
    assert expected_threshold(np.array([]), 0.99, 1.0).weight == 1.0


def test_the_balanced_threshold_expects_the_highest_f1_and_is_never_below_its_floor() -> None:
    weights = np.array([10.0, 9.0, 8.0, 1.5, -0.5, -6.0])
    threshold = balanced_threshold(weights, 0.0)
    assert threshold.weight is not None
    assert 0.0 <= threshold.weight <= 1.5
    assert balanced_threshold(weights, 5.0).weight == pytest.approx(6.5)
    assert balanced_threshold(np.array([]), 0.0).weight == 0.0


def test_labels_give_the_lowest_weight_whose_lower_bound_reaches_the_target() -> None:
    random = np.random.default_rng(4)
    weights = random.uniform(-10, 20, 3000)
    truth = random.random(3000) < 1 / (1 + np.exp2(-weights))
    result = labelled_threshold(weights.tolist(), truth.tolist(), precision_target=0.95, confidence=0.95, labels_min=200)
    assert result.reason is ThresholdReason.LABELS
    assert result.weight is not None
    assert truth[weights >= result.weight].mean() >= result.precision >= 0.95
    assert result.weight < 6.0


def test_too_few_or_too_bad_labels_give_no_threshold() -> None:
    few = labelled_threshold([1.0] * 10, [True] * 10, precision_target=0.9, confidence=0.95, labels_min=50)
    assert (few.weight, few.reason) == (None, ThresholdReason.TOO_FEW_LABELS)
    bad = labelled_threshold(
        [float(i) for i in range(400)], [i % 2 == 0 for i in range(400)], precision_target=0.9, confidence=0.95, labels_min=50
    )
    assert (bad.weight, bad.reason) == (None, ThresholdReason.TARGET_NOT_REACHED)
    with pytest.raises(ValueError, match="one length"):
        labelled_threshold([1.0], [], precision_target=0.9, confidence=0.95, labels_min=1)
