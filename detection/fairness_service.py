"""Fairness in the store: how groups of people fare with the camera check, and alerts for gaps beyond policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from detection.fairness.comparing import Compared, Verdict, compare, gaps
from models.casework import RuleMode
from models.certification import add_months
from models.database import Database
from models.policy import RecordSections
from models.repositories import fairness, fairness_alerts, oversight, rule_modes, suppressions
from models.repositories.alerts import NewAlert
from models.repositories.fairness import Groups
from models.repositories.fairness_alerts import FAIRNESS_GAP, OpenGap
from models.repositories.figures.spans import begin_of
from models.repositories.oversight_results import RouteLine

GONE = "gap_gone"
"""Why an alert closes: the gap does not lie beyond policy any more."""
TOO_FEW = "too_few_attempts"
"""Why an alert closes: too few attempts are left in the months looked at to say anything."""
SHARE_DIGITS = 4


@dataclass(frozen=True)
class Fairness:
    """One region over some months. day: last one that was counted up to the day asked for, None when none was; then all is empty."""

    region_code: str
    day: date | None
    counted_at: datetime | None
    months: tuple[date, ...]
    groups: Groups
    compared: tuple[Compared, ...]
    routes: tuple[RouteLine, ...]
    names: dict[str, str]

    @property
    def gaps(self) -> list[Compared]:
        """Groups that are worse off than policy allows, the widest gap first."""
        return gaps(list(self.compared))


@dataclass(frozen=True)
class Tended:
    """What became of alerts. held_back: gaps that open none, since people closed the same lately, or silenced it."""

    found: int = 0
    opened: int = 0
    updated: int = 0
    closed: int = 0
    held_back: int = 0


class FairnessService:
    """Reads counted figures; writes alerts only."""

    def __init__(self, database: Database, policy: RecordSections, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock

    def look(self, region_code: str, *, as_of: date | None = None) -> Fairness:
        """How groups fare in a region, as of the last counted day up to ``as_of``. Five statements."""
        with self._database.read_scope() as session:
            return self._look(session, region_code, as_of)

    def top_regions(self, *, as_of: date | None = None) -> list[str]:
        """Codes of the regions over all that have attempts: provinces as a rule."""
        with self._database.read_scope() as session:
            day = self._day(session, as_of)[0]
            return [] if day is None else [region.code for region in fairness.top_regions(session, months=self._months(day))]

    def tend(self) -> Tended:
        """Open an alert for each gap of the top regions, bring the others up to date, close those whose gap is gone. Again does nothing.

        What people closed is not opened again before all months looked at lie after that; what they work on is theirs to close. Nothing
        is done when figures of this month were not counted.
        """
        now = self._clock()
        today = self._policy.certification.today(now)
        done = Tended()
        for region_code in self.top_regions(as_of=today):
            with self._database.session_scope() as session:
                seen = self._look(session, region_code, today)
                if seen.day is not None and seen.day.replace(day=1) == today.replace(day=1):
                    one = self._tend(session, seen, today, now)
                    done = Tended(*(mine + more for mine, more in zip(vars(done).values(), vars(one).values(), strict=True)))
        return done

    def _look(self, session: Session, region_code: str, as_of: date | None) -> Fairness:
        day, counted_at = self._day(session, as_of)
        if day is None:
            return Fairness(region_code, None, None, (), {}, (), (), {})
        months = self._months(day)
        groups = fairness.groups(session, region_code=region_code, months=months)
        compared = tuple(compare(groups, self._policy.oversight.fairness))
        routes = oversight.route_times(session, region_code=region_code, months=months)
        names = fairness.names_inside(session, region_code)
        return Fairness(region_code, day, counted_at, tuple(months), groups, compared, routes, names)

    def _day(self, session: Session, as_of: date | None) -> tuple[date | None, datetime | None]:
        counted = oversight.counted_days(session)
        day = max((each for each in counted if as_of is None or each <= as_of), default=None)
        return day, None if day is None else counted[day]

    def _months(self, day: date) -> list[date]:
        return [add_months(day.replace(day=1), -back) for back in reversed(range(self._policy.oversight.fairness.months))]

    def _tend(self, session: Session, seen: Fairness, today: date, now: datetime) -> Tended:
        found = {gap_alert_key(seen.region_code, one): one for one in seen.gaps}
        standing = fairness_alerts.standing(session, seen.region_code)
        first = add_months(today.replace(day=1), 1 - self._policy.oversight.fairness.months)
        since = begin_of(first, self._policy.certification.time_zone)
        lately = fairness_alerts.closed_by_people(session, seen.region_code, since=since)
        silenced = suppressions.holding(session, found, today)
        live = rule_modes.current(session).get(FAIRNESS_GAP, RuleMode.LIVE) is RuleMode.LIVE
        wanted = {key: one for key, one in found.items() if live and key not in lately and key not in silenced}
        new = [self._alert(seen, key, one) for key, one in wanted.items() if key not in standing]
        opened = fairness_alerts.open_gaps(session, new, now=now)
        updated = sum(
            fairness_alerts.tell(session, standing[key], _details(seen, one), now=now) for key, one in found.items() if key in standing
        )
        gone = [one for key, one in standing.items() if key not in found and not one.in_case]
        for alert in gone:
            fairness_alerts.close(session, alert, reason=_why_gone(alert, seen), now=now)
        return Tended(len(found), opened, updated, len(gone), len([key for key in found if key not in wanted and key not in standing]))

    def _alert(self, seen: Fairness, key: str, one: Compared) -> NewAlert:
        severity = self._policy.oversight.fairness.severity[one.measure]
        return NewAlert(FAIRNESS_GAP, key, severity, seen.region_code, details=_details(seen, one))


def gap_alert_key(region_code: str, one: Compared) -> str:
    """Key of the alert of a gap: the same in every run."""
    return f"fairness:{region_code}:{one.key}"


def _details(seen: Fairness, one: Compared) -> dict[str, Any]:
    worse = one.worse
    return {
        "dimension": one.dimension.value,
        "group": one.group,
        "measure": one.measure.value,
        "months": [month.isoformat() for month in _ends(seen.months)],
        "count": one.rate.count,
        "of": one.rate.of,
        "share": _rounded(one.rate.share),
        "others_count": one.others.count,
        "others_of": one.others.of,
        "others_share": _rounded(one.others.share),
        "worse": None if worse is None else [_rounded(value) for value in (worse.value, worse.low, worse.high)],
        "limit": one.limit,
    }


def _ends(months: Sequence[date]) -> tuple[date, ...]:
    return (months[0], months[-1]) if months else ()


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, SHARE_DIGITS)


def _why_gone(alert: OpenGap, seen: Fairness) -> str:
    same = [one for one in seen.compared if gap_alert_key(seen.region_code, one) == alert.key]
    return TOO_FEW if not same or same[0].verdict is Verdict.TOO_FEW else GONE
