"""What was summed over the kept figures, put into the values that supervisors read. No statement is made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from models.certification_state import CertificationState
from models.region import Region, RegionLevel
from models.repositories.figures.kinds import DECIDED, PEOPLE, Kind, Method
from models.repositories.oversight_results import AlertLine, Amount, MethodMix, MonthDecisions, MonthPoint, PeopleCount, PlaceLine

Counts = Mapping[tuple[str, str], Amount]
"""(kind, code) -> how many."""


@dataclass(frozen=True)
class Medians:
    """Median seconds to a decision: of the region by month and by code of the last month, of places by code ("" for all)."""

    of_months: Mapping[date, int]
    of_region: Mapping[str, int]
    of_places: Mapping[str, Mapping[str, int]]


def added(parts: Iterable[Counts]) -> dict[tuple[str, str], Amount]:
    """The sums of several places."""
    total: dict[tuple[str, str], Amount] = {}
    for part in parts:
        for key, one in part.items():
            other = total.get(key, Amount())
            total[key] = Amount(one.count + other.count, one.fen + other.fen, one.seconds + other.seconds)
    return total


def _people(counts: Counts) -> PeopleCount:
    return PeopleCount(**{state.value: counts.get((PEOPLE[state], ""), Amount()).count for state in CertificationState})


def _mix(counts: Counts, kind: Kind) -> MethodMix:
    return MethodMix({method: counts.get((kind, method.value), Amount()).count for method in Method})


def _decisions(counts: Counts, code: str, median_s: int | None) -> MonthDecisions:
    parts = {kind: counts.get((kind, code), Amount()) for kind in DECIDED}
    return MonthDecisions(
        **{kind.value.removeprefix("cases."): part.count for kind, part in parts.items()},
        found_fen=sum(part.fen for part in parts.values()),
        waited_s=sum(part.seconds for part in parts.values()),
        worked_s=counts.get((Kind.CASES_WORKED, code), Amount()).seconds,
        median_s=median_s,
    )


def month_point(month: date, day: date, stocks: Counts | None, flows: Counts | None, medians: Medians) -> MonthPoint:
    """One month of a region. stocks, flows: None where the day or the month was never counted."""
    point = alert_point(month, day, stocks, flows, medians)
    if stocks is not None:
        point = replace(point, people=_people(stocks), methods=_mix(stocks, Kind.METHOD))
    if flows is None:
        return point
    return replace(
        point,
        certifications=_mix(flows, Kind.CERTIFICATIONS),
        pauses_proposed=flows.get((Kind.PAUSES_PROPOSED, ""), Amount()).count,
        pauses_made=flows.get((Kind.PAUSES_MADE, ""), Amount()).count,
        pauses_resumed=flows.get((Kind.PAUSES_RESUMED, ""), Amount()).count,
    )


def alert_point(month: date, day: date, stocks: Counts | None, flows: Counts | None, medians: Medians) -> MonthPoint:
    """The same with what belongs to alerts alone."""

    def of(counts: Counts | None, kind: Kind) -> Amount | None:
        return None if counts is None else counts.get((kind, ""), Amount())

    return MonthPoint(
        month,
        day,
        open=of(stocks, Kind.ALERTS_OPEN),
        in_case=of(stocks, Kind.ALERTS_IN_CASE),
        opened=of(flows, Kind.ALERTS_OPENED),
        closed=of(flows, Kind.ALERTS_CLOSED),
        decisions=None if flows is None else _decisions(flows, "", medians.of_months.get(month)),
        recovered=of(flows, Kind.RECOVERED),
    )


def alert_lines(counts: Counts, medians: Mapping[str, int]) -> tuple[AlertLine, ...]:
    """A line a code, that with the most money at risk first."""
    of_alerts = {Kind.ALERTS_OPEN, Kind.ALERTS_OPENED, Kind.ALERTS_CLOSED, *DECIDED, Kind.RECOVERED}
    codes = {code for kind, code in counts if kind in of_alerts and code}

    def line(code: str) -> AlertLine:
        def of(kind: Kind) -> Amount:
            return counts.get((kind, code), Amount())

        decisions = _decisions(counts, code, medians.get(code))
        return AlertLine(
            code,
            of(Kind.ALERTS_OPEN),
            of(Kind.ALERTS_IN_CASE),
            of(Kind.ALERTS_OPENED),
            of(Kind.ALERTS_CLOSED),
            decisions,
            of(Kind.RECOVERED),
        )

    return tuple(sorted(map(line, codes), key=lambda each: (-each.open.fen, -each.open.count, each.code)))


def place_lines(
    detail: Mapping[str, Counts], regions: Mapping[str, Region], region_code: str, medians: Mapping[str, Mapping[str, int]]
) -> tuple[PlaceLine, ...]:
    """A line a place inside, in order of codes; what belongs to the region itself has a line when there is any. A county has none."""
    if not region_code.endswith("00"):
        return ()
    codes = sorted({*detail, *(code for code in regions if code != region_code)})

    def line(code: str) -> PlaceLine:
        counts, region = detail.get(code, {}), regions.get(code)
        return PlaceLine(
            code,
            region.name if region else code,
            region.level if region else _level(code),
            _people(counts),
            _mix(counts, Kind.METHOD),
            counts.get((Kind.ALERTS_OPEN, ""), Amount()),
            counts.get((Kind.ALERTS_OPENED, ""), Amount()),
            _decisions(counts, "", medians.get(code, {}).get("")),
            counts.get((Kind.RECOVERED, ""), Amount()),
        )

    return tuple(map(line, codes))


def _level(code: str) -> RegionLevel:
    if code.endswith("0000"):
        return RegionLevel.PROVINCE
    return RegionLevel.CITY if code.endswith("00") else RegionLevel.COUNTY
