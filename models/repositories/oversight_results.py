"""What supervisors read: frozen values of one region, day and month, as ``oversight`` finds them among the kept figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from models.certification_state import CertificationState
from models.region import RegionLevel
from models.repositories.figures.kinds import Method


@dataclass(frozen=True)
class PeopleCount:
    """Pensioners by certification state at the end of a day."""

    certified: int = 0
    due_soon: int = 0
    overdue: int = 0
    paused: int = 0
    deceased: int = 0
    never_certified: int = 0

    @property
    def to_certify(self) -> int:
        """All who are not known to be dead."""
        return self.certified + self.due_soon + self.overdue + self.paused + self.never_certified

    @property
    def covered(self) -> int:
        """Whose certification holds: certified, due soon or not."""
        return self.certified + self.due_soon

    @property
    def coverage(self) -> float | None:
        """Share of ``to_certify`` that is covered, 0 to 1; None where there is nobody to certify."""
        return self.covered / self.to_certify if self.to_certify else None

    def of(self, state: CertificationState) -> int:
        """The count of one state."""
        return int(getattr(self, state.value))


@dataclass(frozen=True)
class MethodMix:
    """How those whose certification holds were last certified. counts: of every method, 0 included."""

    counts: Mapping[Method, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def share(self, method: Method) -> float | None:
        """0 to 1; None where nobody is certified."""
        return self.counts.get(method, 0) / self.total if self.total else None


@dataclass(frozen=True)
class Amount:
    """So many of something, and the money of them. seconds: the time of them, summed, where the kind has any."""

    count: int = 0
    fen: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class MonthDecisions:
    """Cases decided in a month. found in fen; waited_s: summed from the alerts' openings to the decisions. median_s: of one of them."""

    confirmed: int = 0
    unfounded: int = 0
    data_error: int = 0
    referred: int = 0
    found_fen: int = 0
    waited_s: int = 0
    worked_s: int = 0
    median_s: int | None = None

    @property
    def total(self) -> int:
        """All outcomes."""
        return self.confirmed + self.unfounded + self.data_error + self.referred

    @property
    def precision(self) -> float | None:
        """Share that was right: confirmed or referred; None where nothing was decided."""
        return (self.confirmed + self.referred) / self.total if self.total else None


@dataclass(frozen=True)
class MonthPoint:
    """A region in one month: stocks at its end (of the present month: at the end of the day looked at), and what happened in it.

    day: of the stocks. A stock is None where no day was counted, a flow where the month never was.
    """

    month: date
    day: date
    people: PeopleCount | None = None
    methods: MethodMix | None = None
    open: Amount | None = None
    in_case: Amount | None = None
    certifications: MethodMix | None = None
    opened: Amount | None = None
    closed: Amount | None = None
    decisions: MonthDecisions | None = None
    recovered: Amount | None = None
    pauses_proposed: int | None = None
    pauses_made: int | None = None
    pauses_resumed: int | None = None


@dataclass(frozen=True)
class AlertLine:
    """One kind of alerts (the code of a rule): stocks at the end of the day, flows of the day's month."""

    code: str
    open: Amount
    in_case: Amount
    opened: Amount
    closed: Amount
    decisions: MonthDecisions
    recovered: Amount


@dataclass(frozen=True)
class AgeClass:
    """Alerts that are not closed and were opened so many days ago. last_day: None of the oldest class."""

    code: str
    first_day: int
    last_day: int | None
    alerts: Amount


@dataclass(frozen=True)
class PlaceLine:
    """A city or county inside the region, or what is on record for the region itself. Flows are of the day's month."""

    region_code: str
    name: str
    level: RegionLevel | None
    people: PeopleCount
    methods: MethodMix
    open: Amount
    opened: Amount
    decisions: MonthDecisions
    recovered: Amount


@dataclass(frozen=True)
class Overview:
    """One region as of one day. day: of the stocks; months: oldest first, the last one is that of the day.

    counted_at: when the figures were last counted, None for never: then everything is empty. month_is_over: the last month's flows are of
    a whole month.
    """

    region_code: str
    region_name: str
    level: RegionLevel | None
    day: date
    counted_at: datetime | None
    months: tuple[MonthPoint, ...]
    alerts: tuple[AlertLine, ...]
    ages: tuple[AgeClass, ...]
    severities: Mapping[str, Amount]
    places: tuple[PlaceLine, ...]
    month_is_over: bool = False

    @property
    def now(self) -> MonthPoint:
        """The day looked at, and its month."""
        return self.months[-1]

    @property
    def last_month(self) -> MonthPoint | None:
        """The month before: at its end, and the whole of it."""
        return self.months[-2] if len(self.months) > 1 else None

    @property
    def last_year(self) -> MonthPoint | None:
        """The same month of the year before: at its end, and the whole of it. None when fewer months were asked for."""
        return self.months[-13] if len(self.months) > 12 else None


@dataclass(frozen=True)
class GroupLine:
    """Attempts by camera of one group (``models.repositories.figures.kinds.Group``) that began in some months.

    reviewed: of those referred, the ones that a person then certified. decided_s: of those decided, from begin to decision, summed.
    """

    group: str
    value: str
    started: int = 0
    certified: int = 0
    refer: int = 0
    retry: int = 0
    refused: int = 0
    abandoned: int = 0
    expired: int = 0
    reviewed: int = 0
    decided_s: int = 0

    @property
    def decided(self) -> int:
        """Those that came to a decision."""
        return self.certified + self.refer + self.retry + self.refused

    @property
    def mean_s(self) -> float | None:
        """From begin to decision; None where nothing was decided."""
        return self.decided_s / self.decided if self.decided else None


@dataclass(frozen=True)
class RouteLine:
    """Certifications by one route in a month. timed: those whose beginning is known; seconds: of them, summed; median_s: of one of them."""

    route: str
    month: date
    count: int = 0
    timed: int = 0
    seconds: int = 0
    median_s: int | None = None
