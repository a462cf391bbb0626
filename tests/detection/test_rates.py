from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.rates import difference, rate


# R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998) 857-872, table I, method 3
@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
)
def test_wilsons_interval_is_the_published_one(count: int, of: int, low: float, high: float) -> None:
    found = rate(count, of, 0.95)
    assert found.share == count / of
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


# R. G. Newcombe, Interval estimation for the difference between independent proportions, ibid. 873-890, table II, method 10
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_interval_is_the_published_one(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = difference(rate(*first, 0.95), rate(*second, 0.95))
    assert found is not None
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)
    assert found.value == pytest.approx(first[0] / first[1] - second[0] / second[1])


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_rate_and_a_difference_turns_round(a: int, rest_a: int, b: int, rest_b: int) -> None:
    one, other = rate(a, a + rest_a, 0.95), rate(b, b + rest_b, 0.95)
    assert one.share is None or (0.0 <= one.low <= one.share + 1e-12 and one.share - 1e-12 <= one.high <= 1.0)
    there, back = difference(one, other), difference(other, one)
    if there is None or back is None:
        assert one.of == 0 or other.of == 0
        return
    assert -1.0 <= there.low <= there.value + 1e-12
    assert there.value - 1e-12 <= there.high <= 1.0
    assert there.low == pytest.approx(-back.high)
    assert there.high == pytest.approx(-back.low)


def test_more_of_the_same_makes_an_interval_narrower_and_nothing_is_known_of_nothing() -> None:
    widths = [rate(3 * times, 10 * times, 0.95) for times in (1, 10, 100)]
    assert [one.high - one.low for one in widths] == sorted((one.high - one.low for one in widths), reverse=True)
    empty = rate(0, 0, 0.95)
    assert (empty.share, empty.low, empty.high) == (None, 0.0, 1.0)
    for count, of in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="is not from 0 to 5"):
            rate(count, of, 0.95)
