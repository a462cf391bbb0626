"""When subscribers are told: the hours in which they want quiet, and the moments of digests, by the clock on the wall.

All of it is in the policy's time zone, and follows it when its clocks change: an hour that comes twice brings one digest, and one that is
left out none too few.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.oversight import AlertSubscription, Cadence
from models.policy import CertificationPolicy
from models.policy_casework import OversightPolicy

MINUTES_OF_DAY = 24 * 60


def quiet_of(row: AlertSubscription) -> tuple[int, int] | None:
    """Minutes of the day from and until which nothing is sent; None without quiet hours."""
    return None if row.quiet_from is None or row.quiet_until is None else (row.quiet_from, row.quiet_until)


def is_quiet(quiet: tuple[int, int] | None, now: datetime, policy: CertificationPolicy) -> bool:
    """True when nothing is to be sent now. The hours may go past midnight."""
    if quiet is None:
        return False
    local = policy.local(now)
    minute = 60 * local.hour + local.minute
    start, end = quiet
    return start <= minute < end if start < end else minute >= start or minute < end


def quiet_ends(quiet: tuple[int, int], now: datetime, policy: CertificationPolicy) -> datetime:
    """The next moment that is not quiet. now: a quiet one."""
    end = time(quiet[1] // 60, quiet[1] % 60)
    moment = _next(now, end, policy)
    while is_quiet(quiet, moment, policy):  # clocks were put back into the quiet hours
        moment += timedelta(minutes=1)
    return moment


def next_digest(cadence: Cadence, now: datetime, certification: CertificationPolicy, oversight: OversightPolicy) -> datetime | None:
    """The first moment after now at which a digest is due; None for those who are told at once."""
    weekday = {Cadence.AT_ONCE: None, Cadence.DAILY: None, Cadence.WEEKLY: oversight.notices.digest_weekday}[cadence]
    if cadence is Cadence.AT_ONCE:
        return None
    return _next(now, time(oversight.digest_hour), certification, weekday=weekday)


def _next(now: datetime, at: time, policy: CertificationPolicy, *, weekday: int | None = None) -> datetime:
    zone, day = ZoneInfo(policy.time_zone), policy.local(now).date()
    while True:
        moment = datetime.combine(day, at, zone).astimezone(now.tzinfo)
        if moment > now and weekday in {None, day.isoweekday()}:
            return moment
        day += timedelta(days=1)
