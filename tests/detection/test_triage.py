"""What the signals on one person come to: money counted once, priority that never falls, a wrong death record that leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alert import AlertSeverity
from models.policy import RecordsPolicy, load
from models.policy_triage import TriagePolicy
from models.triage import Paid, Weighable, money_at_risk, months, weigh
from tests.conftest import ROOT

POLICY: TriagePolicy = load(ROOT / "policy.toml").triage
VIOLATION, WARNING, SUSPICION = AlertSeverity.VIOLATION, AlertSeverity.WARNING, AlertSeverity.SUSPICION
ORDER = (SUSPICION, WARNING, VIOLATION)


def of(code: str, *, fen: int = 0, severity: AlertSeverity = WARNING, confidence: float = 0.5, paid: tuple[Paid, ...] = ()) -> Weighable:
    return Weighable(code, f"{code}:1", severity, confidence, fen, frozenset(paid))


def year(benefit: int, first: int, last: int) -> tuple[Paid, ...]:
    return tuple((benefit, date(2026, month, 1)) for month in range(first, last + 1))


def test_months_are_first_days_and_both_ends_count() -> None:
    assert list(months(date(2025, 11, 1), date(2026, 2, 1))) == [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert list(months(date(2026, 2, 1), date(2026, 1, 1))) == []
    assert list(months(None, date(2026, 1, 1))) == []


@pytest.mark.parametrize(
    ("signals", "paid", "fen"),
    [
        pytest.param([of("P1", fen=300, paid=year(1, 1, 3))], {}, 300, id="one signal"),
        pytest.param([of("P1", fen=300, paid=year(1, 1, 3)), of("P3", fen=200, paid=year(1, 2, 3))], {}, 300, id="months inside others"),
        pytest.param([of("P1", fen=300, paid=year(1, 1, 3)), of("P3", fen=300, paid=year(1, 2, 4))], {}, 400, id="one month more"),
        pytest.param([of("P1", fen=300, paid=year(1, 1, 3)), of("B1", fen=300, paid=year(2, 1, 3))], {}, 600, id="another benefit"),
        pytest.param([of("P1", fen=300, paid=year(1, 1, 3)), of("B4", fen=300)], {}, 600, id="money of no month"),
        pytest.param(
            [of("P1", fen=60, paid=year(1, 1, 3)), of("P3", fen=50, paid=year(1, 3, 3))],
            dict(zip(year(1, 1, 3), (5, 5, 50), strict=True)),
            60,
            id="as it was paid, not evenly",
        ),
        pytest.param([of("P1", fen=100, paid=year(1, 1, 3)), of("P3", fen=100, paid=year(1, 1, 3))], {}, 100, id="does not divide"),
        pytest.param([of("P7"), of("D2")], {}, 0, id="no money"),
        pytest.param([of("H1", fen=300, paid=(7, 8)), of("H3", fen=200, paid=(8,))], {7: 100, 8: 200}, 300, id="a claim inside others"),
        pytest.param([of("H1", fen=300, paid=(7,)), of("P1", fen=300, paid=year(7, 1, 1))], {7: 300}, 600, id="a claim is no benefit"),
    ],
)
def test_a_month_of_a_benefit_counts_once(signals: list[Weighable], paid: dict[Paid, int], fen: int) -> None:
    assert money_at_risk(signals, paid) == fen
    assert money_at_risk(signals[::-1], paid) == fen


def test_the_weightiest_signal_leads_and_the_worst_severity_shows(records_policy: RecordsPolicy) -> None:
    weighed = weigh([of("D2", severity=VIOLATION, confidence=0.1), of("P1", fen=5_000_00, confidence=0.9)], records_policy.triage, {})
    assert (weighed.lead, weighed.severity, weighed.amount_fen, weighed.doubts_death) == ("P1", VIOLATION, 5_000_00, False)


def test_a_probably_wrong_death_record_leads_and_takes_money_from_what_was_paid_after_it() -> None:
    paid_after = of("P1", fen=10_000_00, severity=VIOLATION, confidence=0.9)
    alive = of("P7", confidence=0.6)
    sure, doubted = weigh([paid_after, alive], POLICY, {}), weigh([paid_after, replace(alive, doubts_death=True)], POLICY, {})
    assert (sure.lead, doubted.lead) == ("P1", "P7")
    assert doubted.amount_fen == int(10_000_00 * POLICY.doubtful_death_share)
    assert doubted.priority < sure.priority
    assert weigh([of("B1", fen=100), replace(alive, doubts_death=True)], POLICY, {}).amount_fen == 100


cell = st.integers(1, 3) | st.tuples(st.integers(1, 2), st.sampled_from([date(2026, month, 1) for month in range(1, 5)]))
cells = st.frozensets(cell, max_size=6)
some = st.builds(
    Weighable,
    code=st.sampled_from(["P1", "P3", "B1", "D3"]),
    key=st.text("abc", min_size=1, max_size=3),
    severity=st.sampled_from(ORDER),
    confidence=st.floats(0, 1),
    amount_fen=st.integers(0, 10_000_000),
    paid=cells,
)
known = st.dictionaries(cell, st.integers(1, 500_000))


@given(st.lists(some, min_size=1, max_size=4), known)
def test_money_lies_between_the_greatest_and_the_sum(signals: list[Weighable], paid: dict[Paid, int]) -> None:
    fen = money_at_risk(signals, paid)
    assert max(one.amount_fen for one in signals) <= fen <= sum(one.amount_fen for one in signals)


@given(st.lists(some, min_size=1, max_size=4), some, known)
def test_a_further_signal_never_lowers_the_priority(signals: list[Weighable], more: Weighable, paid: dict[Paid, int]) -> None:
    before, after = weigh(signals, POLICY, paid), weigh([*signals, more], POLICY, paid)
    assert after.priority >= before.priority
    assert after.amount_fen >= before.amount_fen
    assert ORDER.index(after.severity) >= ORDER.index(before.severity)


@given(st.lists(some, min_size=1, max_size=4), known, st.integers(0, 1_000_000), st.floats(0, 1), st.sampled_from(ORDER))
def test_a_dearer_surer_or_graver_signal_never_lowers_the_priority(
    signals: list[Weighable], paid: dict[Paid, int], fen: int, confidence: float, severity: AlertSeverity
) -> None:
    first, *rest = signals
    worse = replace(
        first,
        amount_fen=first.amount_fen + fen,
        confidence=max(first.confidence, confidence),
        severity=max(first.severity, severity, key=ORDER.index),
    )
    before, after = weigh([first, *rest], POLICY, paid), weigh([worse, *rest], POLICY, paid)
    assert after.priority >= before.priority
    assert after.amount_fen >= before.amount_fen


@given(st.permutations([of("P1", fen=5, paid=year(1, 1, 2)), of("B1", fen=9), of("D2"), of("P3", fen=7, paid=year(1, 2, 3))]))
def test_the_order_of_signals_does_not_matter(signals: list[Weighable]) -> None:
    assert weigh(signals, POLICY, {}) == weigh(sorted(signals, key=lambda one: one.code), POLICY, {})
