"""The figures of supervisors counted one row at a time in Python, with nothing of the statements under test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import Alert, CaseFile
from models.assistance import AssistanceEvent, AssistanceRequest, AssistanceState
from models.benefit import Benefit, BenefitPause
from models.casework import CaseEvent, CaseStep, ReviewDecision, VerificationReview
from models.certification import BenefitFact, EvidenceFact, derive
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, strengths_from
from models.outreach import Outreach
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeState
from models.person import Person
from models.policy import RecordsPolicy
from models.verification import Verification, VerificationOutcome

Key = tuple[str, str, str]
"""Region, kind, code."""

Number = tuple[int, int | None, int | None]
"""Count, fen, seconds."""

FEN = {"alerts.open", "alerts.in_case", "alerts.age", "alerts.severity", "alerts.opened", "alerts.closed", "recovered", "pauses.resumed"}
BOTH = {"cases.confirmed", "cases.unfounded", "cases.data_error", "cases.referred"}
SECONDS = {"cases.worked", "route.timed"} | {f"verifications.{each}" for each in ("certified", "refer", "retry", "refused")}


class ByHand:
    """Every row of the store in memory, and counts over it."""

    def _came_back_in(self, event: CaseEvent) -> date:
        """First day of the month in which money that came back counts."""
        came_on, written = (day.replace(day=1) for day in (date.fromisoformat(event.details["on"]), event.at.astimezone(self.zone).date()))
        months_later = (written.year - came_on.year) * 12 + written.month - came_on.month
        return came_on if months_later <= 1 else written

    def __init__(self, session: Session, policy: RecordsPolicy) -> None:
        self.policy = policy
        self.zone = ZoneInfo(policy.certification.time_zone)
        self.people = {row.id: row for row in session.scalars(select(Person))}
        self.evidence = list(session.scalars(select(LifeEvidence)))
        self.benefits = list(session.scalars(select(Benefit)))
        self.pauses = list(session.scalars(select(BenefitPause)))
        self.alerts = {row.id: row for row in session.scalars(select(Alert))}
        self.cases = list(session.scalars(select(CaseFile)))
        self.events = sorted(session.scalars(select(CaseEvent)), key=lambda row: row.id)
        self.attempts = list(session.scalars(select(Verification)))
        self.reviews = {row.verification_id: row for row in session.scalars(select(VerificationReview))}
        self.outreach = list(session.scalars(select(Outreach)))
        self.requests = {row.id: row for row in session.scalars(select(AssistanceRequest))}
        self.steps = list(session.scalars(select(AssistanceEvent)))
        self._corrected = {row.corrects_id for row in self.evidence}
        self.changes = list(session.scalars(select(PaymentChange)))

    @cache  # noqa: B019 - as long as the tests of a module
    def day(self, on: date) -> dict[Key, Number]:
        """All stocks at the end of the day."""
        found = Tally()
        for region, state, method in self._statuses(on):
            found.add(region, f"people.{state}", "")
            if method:
                found.add_with_sum(region, "method", method)
        end = datetime.combine(on + timedelta(days=1), datetime.min.time(), self.zone)
        for alert in self.alerts.values():
            if not self._stood(alert, end):
                continue
            money = alert.amount_fen or 0
            found.add_with_sum(alert.region_code, "alerts.open", alert.code, fen=money)
            found.add_with_sum(alert.region_code, "alerts.severity", alert.severity.value, fen=money)
            found.add_with_sum(
                alert.region_code, "alerts.age", self._age((on - alert.opened_at.astimezone(self.zone).date()).days), fen=money
            )
            cases = [case for case in self.cases if case.alert_id == alert.id]
            if any(case.opened_at < end and (case.closed_at is None or case.closed_at >= end) for case in cases):
                found.add_with_sum(alert.region_code, "alerts.in_case", alert.code, fen=money)
        return found.numbers()

    @cache  # noqa: B019 - as above
    def month(self, first: date) -> dict[Key, Number]:
        """All flows of the month."""
        found, spread = Tally(), defaultdict[Key, list[int]](list)
        within = self._within(first)
        for row in self.evidence:
            if row.occurred_on.replace(day=1) == first and self._counts(row) and self._certifies(row):
                region, method = self.people[row.person_id].region_code, _method(row)
                found.add_with_sum(region, "certifications", method)
                found.add_with_sum(region, "route", "data_match" if method == "silent" else method)
        for alert in self.alerts.values():
            for kind, at in (("alerts.opened", alert.opened_at), ("alerts.closed", alert.closed_at)):
                if within(at):
                    found.add_with_sum(alert.region_code, kind, alert.code, fen=alert.amount_fen or 0)
        for case in self.cases:
            if within(case.closed_at) and case.outcome is not None:
                alert = self.alerts[case.alert_id]
                waited = _seconds(alert.opened_at, case.closed_at)
                kind = f"cases.{case.outcome.value}"
                found.add_with_sum(case.region_code, kind, alert.code, fen=case.found_fen or 0, seconds=waited)
                found.add_with_sum(case.region_code, "cases.worked", alert.code, seconds=case.worked_s)
                _spread(spread, case.region_code, "cases.decided.median_s", alert.code, waited)
        of_case = {case.id: case for case in self.cases}
        for event in self.events:
            if event.step is CaseStep.RECOVERED and self._came_back_in(event) == first:
                case = of_case[event.case_id]
                found.add_with_sum(case.region_code, "recovered", self.alerts[case.alert_id].code, fen=event.details["fen"])
        for change in self.changes:
            signed = change.state is PaymentChangeState.APPROVED
            if change.kind is PaymentChangeKind.RESUME:
                if signed and within(change.decided_at):
                    found.add(change.region_code, "pauses.resumed", "", fen=change.arrears_fen or 0)
                continue
            if within(change.proposed_at):
                found.add(change.region_code, "pauses.proposed", "")
            if signed and within(change.decided_at):
                found.add(change.region_code, "pauses.made", "")
        self._attempts(found, first)
        for region, route, seconds in self._times(first):
            found.add_with_sum(region, "route.timed", route, seconds=seconds)
            _spread(spread, region, "route.median_s", route, seconds)
        return found.numbers() | {key: (len(values), None, int(median(values))) for key, values in spread.items()}

    def _attempts(self, found: Tally, first: date) -> None:
        within = self._within(first)
        for attempt in self.attempts:
            if not within(attempt.started_at):
                continue
            person = self.people[attempt.person_id]
            age = first.year - person.birth_date.year - ((first.month, first.day) < (person.birth_date.month, person.birth_date.day))
            band = "80+" if age >= 80 else "70-79" if age >= 70 else "60-69" if age >= 60 else "under-60"
            device = attempt.client.get("device", "other")
            device = device if device in {"phone", "tablet", "computer"} else "other"
            ended = (attempt.outcome or attempt.state).value
            review = self.reviews.get(attempt.id)
            for code in ("all:", f"age:{band}", f"sex:{person.sex.value}", f"device:{device}", f"route:{attempt.channel.value}"):
                found.add(person.region_code, "verifications.started", code)
                if attempt.decided_at is not None:
                    seconds = _seconds(attempt.started_at, attempt.decided_at)
                    found.add(person.region_code, f"verifications.{ended}", code, seconds=seconds)
                else:
                    found.add(person.region_code, f"verifications.{ended}", code)
                if review is not None and review.decision is ReviewDecision.CERTIFIED:
                    found.add(person.region_code, "verifications.reviewed", code)

    def _times(self, first: date) -> Iterator[tuple[str, str, int]]:
        within = self._within(first)
        for attempt in self.attempts:
            if within(attempt.started_at) and attempt.outcome is VerificationOutcome.CERTIFIED:
                yield self.people[attempt.person_id].region_code, "face", _seconds(attempt.started_at, attempt.decided_at)
        for step in self.steps:
            request = self.requests[step.request_id]
            if request.person_id is not None and step.state is AssistanceState.CARRIED_OUT and within(step.made_at):
                yield self.people[request.person_id].region_code, "assisted", _seconds(request.requested_at, step.made_at)
        sought = {EvidenceKind.COUNTER, EvidenceKind.HOME_VISIT, EvidenceKind.VIDEO_CALL}
        for line in self.outreach:
            for row in self.evidence:
                if row.person_id != line.person_id or row.kind not in sought or not within(row.recorded_at):
                    continue
                ended = line.closed_at is None or row.recorded_at <= line.closed_at
                if line.opened_at <= row.recorded_at and ended and self._counts(row) and self._certifies(row):
                    yield self.people[line.person_id].region_code, row.kind.value, _seconds(line.opened_at, row.recorded_at)

    def _statuses(self, on: date) -> Iterator[tuple[str, str, str | None]]:
        policy = self.policy.certification
        root = {row.id: row.merged_into_id or row.id for row in self.people.values()}
        evidence, benefits = defaultdict[int, list[LifeEvidence]](list), defaultdict[int, list[Benefit]](list)
        for row in self.evidence:
            evidence[root[row.person_id]].append(row)
        for benefit in self.benefits:
            benefits[root[benefit.person_id]].append(benefit)
        for person_id, drawn in benefits.items():
            facts = [EvidenceFact(row.id, row.kind, row.occurred_on, row.strength, row.corrects_id) for row in evidence[person_id]]
            status = derive(facts, [self._benefit(each) for each in drawn], policy, on)
            last = [
                row
                for row in evidence[person_id]
                if row.occurred_on == status.last_certified_on and self._counts(row) and self._certifies(row)
            ]
            holds = status.state.value in {"certified", "due_soon"}
            method = _method(max(last, key=lambda row: row.id)) if holds else None
            yield self.people[person_id].region_code, status.state.value, method

    def _benefit(self, row: Benefit) -> BenefitFact:
        ended = tuple((pause.paused_on, pause.resumed_on) for pause in self.pauses if pause.benefit_id == row.id)
        return BenefitFact(row.scheme, row.region_code, row.status, row.from_month, row.to_month, row.paused_on, ended)

    def _stood(self, alert: Alert, end: datetime) -> bool:
        if alert.opened_at >= end or (alert.closed_at is not None and alert.closed_at < end):
            return False
        closed = False  # as the steps before the day's end leave it, where a later one reopens
        ids = {case.id for case in self.cases if case.alert_id == alert.id}
        steps = [event for event in self.events if event.case_id in ids]
        for event in steps:
            if event.at < end and event.step in {CaseStep.CLOSED, CaseStep.SIGNED, CaseStep.REOPENED}:
                closed = event.step is not CaseStep.REOPENED
        return not (closed and any(event.step is CaseStep.REOPENED and event.at >= end for event in steps))

    def _age(self, days: int) -> str:
        first = 0
        for end in self.policy.oversight.backlog_days:
            if days <= end:
                return f"{first}-{end}"
            first = end + 1
        return f"{first}+"

    def _within(self, first: date) -> Any:
        def within(at: datetime | None) -> bool:
            return at is not None and at.astimezone(self.zone).date().replace(day=1) == first

        return within

    def _counts(self, row: LifeEvidence) -> bool:
        return row.id not in self._corrected and row.strength is not Strength.VOID

    def _certifies(self, row: LifeEvidence) -> bool:
        least = self.policy.certification.certifying.get(row.kind)
        return least is not None and row.strength in strengths_from(least)


class Tally:
    """Adds up numbers by region, kind and code."""

    def __init__(self) -> None:
        self._sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, region: str, kind: str, code: str, *, fen: int = 0, seconds: int = 0) -> None:
        """One more."""
        for place, value in enumerate((1, fen, seconds)):
            self._sums[region, kind, code][place] += value

    def add_with_sum(self, region: str, kind: str, code: str, *, fen: int = 0, seconds: int = 0) -> None:
        """One more of the code, and of all codes."""
        for each in (code, ""):
            self.add(region, kind, each, fen=fen, seconds=seconds)

    def numbers(self) -> dict[Key, Number]:
        """As the store has them: None where a kind has no money or time."""
        return {
            key: (count, fen if key[1] in FEN | BOTH else None, seconds if key[1] in SECONDS | BOTH else None)
            for key, (count, fen, seconds) in self._sums.items()
        }


def _method(row: LifeEvidence) -> str:
    return "silent" if row.based_on_id is not None else row.kind.value


def _seconds(first: datetime, last: datetime | None) -> int:
    assert last is not None
    return int(last.timestamp()) - int(first.timestamp())


def _spread(spread: dict[Key, list[int]], region: str, kind: str, code: str, value: int) -> None:
    """To the county, its city and its province, under the code and under none."""
    for place in {region, f"{region[:4]}00", f"{region[:2]}0000"}:
        for each in (code, ""):
            spread[place, kind, each].append(value)
