"""Changes of status: whatever happened, what was told is what is derived, and the feed gives the same picture."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from api import announcer
from models.benefit import Benefit, BenefitPause, BenefitStatus
from models.certification import add_months
from models.certification_state import CertificationState
from models.database import Database
from models.enrolment import Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength
from models.person import Person
from models.repositories import announced_facts, certifications, changes_feed, life_evidence, status_changes
from models.repositories.life_evidence import NewEvidence
from models.status_change import StatusAnnounced, StatusChange, StatusTouch
from tests.conftest import FixedClock
from tests.models.people import NOW, REGION, add_person, add_regions
from tests.models.test_certification import POLICY, TODAY, _insert_person
from tests.models.workers import outcomes_of

PEOPLE = 4
# SQLite has one writer at a time: there the second one waits
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
kinds = st.sampled_from([EvidenceKind.FACE, EvidenceKind.FACE, EvidenceKind.DATA_MATCH, EvidenceKind.CUSTODY, EvidenceKind.DEATH_RECORD])
schemes = st.sampled_from([Scheme.EMPLOYEE_PENSION, Scheme.RESIDENT_PENSION])
who = st.integers(0, PEOPLE - 1)
days = st.integers(-900, 200).map(lambda offset: TODAY + timedelta(days=offset))
operations = st.lists(
    st.one_of(
        st.tuples(
            st.just("evidence"),
            who,
            st.sampled_from(
                [EvidenceKind.FACE, EvidenceKind.FACE, EvidenceKind.DATA_MATCH, EvidenceKind.CUSTODY, EvidenceKind.DEATH_RECORD]
            ),
            days,
            st.sampled_from([Strength.CONCLUSIVE, Strength.CONCLUSIVE, Strength.SUPPORTING, Strength.INDICATIVE]),
        ),
        st.tuples(st.just("take back"), st.integers(0, 5)),
        st.tuples(
            st.just("benefit"),
            who,
            st.sampled_from([Scheme.EMPLOYEE_PENSION, Scheme.RESIDENT_PENSION]),
            days,
            st.none() | st.integers(0, 30),
        ),
        st.tuples(st.just("pause"), st.integers(0, 3), days),
        st.tuples(st.just("resume"), st.integers(0, 3), st.integers(0, 90)),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("merge"), who, who),
        st.tuples(st.just("split"), who),
        st.tuples(st.just("move"), who, st.sampled_from([REGION, "429800"])),
        st.tuples(st.just("days pass"), st.integers(1, 200)),
        st.tuples(st.just("announce")),
    ),
    min_size=4,
    max_size=25,
)


class History:
    """Persons 1000 ... in one transaction that is rolled back, and what happens to them."""

    def __init__(self, session: Session, template: Person) -> None:
        self.session = session
        self.today = TODAY
        self.ids = [1000 + number for number in range(PEOPLE)]
        self.evidence: list[tuple[int, int, EvidenceKind, date]] = []
        self.benefits: list[int] = []
        self._numbers = count(1)
        for person_id in self.ids:
            _insert_person(session, template, person_id, merged_into_id=None)

    def happen(self, name: str, *arguments: Any) -> None:
        getattr(self, "_" + name.replace(" ", "_"))(*arguments)

    def _evidence(self, person: int, kind: EvidenceKind, day: date, strength: Strength) -> None:
        new = NewEvidence(person_id=self.ids[person], kind=kind, occurred_on=day, strength=strength, source="test")
        row = life_evidence.add(self.session, new, by="test", now=NOW)
        self.evidence.append((row.id, row.person_id, kind, day))

    def _take_back(self, number: int) -> None:
        if number < len(self.evidence):
            row_id, person_id, kind, day = self.evidence.pop(number)
            new = NewEvidence(person_id=person_id, kind=kind, occurred_on=day, strength=Strength.VOID, source="test")
            life_evidence.correct(self.session, row_id, new, by="test", now=NOW)

    def _benefit(self, person: int, scheme: Scheme, start: date, length: int | None) -> None:
        start = start.replace(day=1)
        taken = select(Benefit.id).where(Benefit.person_id == self.ids[person], Benefit.scheme == scheme, Benefit.from_month == start)
        if self.session.scalar(taken) is None:
            benefit_id = next(self._numbers)
            to_month = None if length is None else add_months(start, length)
            values = {"scheme": scheme, "region_code": REGION, "monthly_fen": 1, "status": BenefitStatus.ACTIVE}
            values |= {"id": benefit_id, "person_id": self.ids[person], "from_month": start, "to_month": to_month}
            self.session.execute(insert(Benefit).values(values))
            self.benefits.append(benefit_id)

    def _pause(self, number: int, day: date) -> None:
        self._change(number, BenefitStatus.ACTIVE, status=BenefitStatus.PAUSED, paused_on=day)

    def _resume(self, number: int, after_days: int) -> None:
        if number < len(self.benefits):
            benefit_id = self.benefits[number]
            paused_on = self.session.scalar(select(Benefit.paused_on).where(Benefit.id == benefit_id))
            known = select(BenefitPause.id).where(BenefitPause.benefit_id == benefit_id, BenefitPause.paused_on == paused_on)
            if paused_on is not None and self.session.scalar(known) is None:
                resumed_on = max(paused_on, self.today) + timedelta(days=after_days)
                self.session.execute(insert(BenefitPause).values(benefit_id=benefit_id, paused_on=paused_on, resumed_on=resumed_on))
                self._change(number, BenefitStatus.PAUSED, status=BenefitStatus.ACTIVE, paused_on=None)

    def _end(self, number: int) -> None:
        self._change(number, BenefitStatus.ACTIVE, status=BenefitStatus.ENDED)

    def _change(self, number: int, only: BenefitStatus, **values: Any) -> None:
        if number < len(self.benefits):
            self.session.execute(update(Benefit).where(Benefit.id == self.benefits[number], Benefit.status == only).values(**values))

    def _merge(self, kept: int, merged: int) -> None:
        roots = {
            row.id: row.root
            for row in self.session.execute(select(Person.id, func.coalesce(Person.merged_into_id, Person.id).label("root")))
        }
        into, gone = roots[self.ids[kept]], roots[self.ids[merged]]
        if into != gone:
            self.session.execute(update(Person).where((Person.id == gone) | (Person.merged_into_id == gone)).values(merged_into_id=into))

    def _split(self, person: int) -> None:
        self.session.execute(update(Person).where(Person.id == self.ids[person]).values(merged_into_id=None))

    def _move(self, person: int, region: str) -> None:
        self.session.execute(update(Person).where(Person.id == self.ids[person]).values(region_code=region))

    def _days_pass(self, number: int) -> None:
        self.check_facts(self.today)
        self.today += timedelta(days=number)
        self.check_facts(self.today)

    def _announce(self) -> None:
        moment = datetime.combine(self.today, NOW.timetz())
        while status_changes.announce_chunk(self.session, POLICY, on=self.today, now=moment, limit=2).looked_at:
            pass
        self.check()

    def check(self) -> None:
        told = {row.person_id: row for row in self.session.execute(select(StatusAnnounced.__table__)) if row.person_id in self.ids}
        persons = {
            row.id: row for row in self.session.execute(select(Person.id, Person.public_id, Person.region_code, Person.merged_into_id))
        }
        drawing = set(self.session.scalars(select(Benefit.person_id)))
        for person_id in self.ids:
            person = persons[person_id]
            group = {key for key, row in persons.items() if (row.merged_into_id or key) == person_id}
            if person.merged_into_id is None and group & drawing:
                assert person_id in told, "a pensioner was told of"
            if person_id in told:
                status = certifications.status_of(self.session, person_id, POLICY, self.today)
                row = told[person_id]
                assert (row.state, row.last_certified_on, row.due_on) == (status.state, status.last_certified_on, status.due_on)
                assert row.region_code == person.region_code
        for days in (-400, -1, 0, 45):
            everybody = self.check_facts(self.today + timedelta(days=days))
            assert everybody or days != 0, "right after a look they hold"
        picture: dict[str, changes_feed.AnnouncedChange] = {}
        after = 0
        while True:
            page = changes_feed.page(self.session, region="", after_id=after, limit=3)
            for change in page.changes:
                earlier = picture.get(change.person_id)
                assert change.before == (None if earlier is None else earlier.state)
                picture[change.person_id] = change
            after = page.next_id
            if not page.more:
                break
        replayed = {key: (row.state, row.last_certified_on, row.due_on, row.region_code) for key, row in picture.items()}
        kept = {persons[key].public_id: (row.state, row.last_certified_on, row.due_on, row.region_code) for key, row in told.items()}
        assert replayed == kept

    def check_facts(self, on: date) -> bool:
        """Whether the facts of everybody who draws a benefit hold on the day; that those which hold are right, and who is left out."""
        from_facts = {
            row.person_id: row
            for row in self.session.execute(select(announced_facts.status_from_facts(POLICY, on, "420000")))
            if row.person_id in self.ids
        }
        for person_id, row in from_facts.items():
            status = certifications.status_of(self.session, person_id, POLICY, on)
            assert (row.state, row.last_certified_on, row.due_on) == (status.state, status.last_certified_on, status.due_on)
        for pensioners_only in (True, False):
            others = select(Person.id).where(announced_facts.without_facts(on, "420000", pensioners_only=pensioners_only))
            rest = set(self.session.scalars(others.where(Person.merged_into_id.is_(None), Person.id.in_(self.ids))))
            unmerged = set(self.session.scalars(select(Person.id).where(Person.merged_into_id.is_(None), Person.id.in_(self.ids))))
            drawing = set(self.session.scalars(select(func.coalesce(Person.merged_into_id, Person.id)).join(Benefit)))
            assert not rest & from_facts.keys()
            assert rest | from_facts.keys() >= (unmerged & drawing if pensioners_only else unmerged)
        return {person_id for person_id in drawing if person_id in self.ids} <= from_facts.keys()


@settings(max_examples=25)
@given(steps=operations)
def test_what_was_told_is_what_is_derived_after_any_history(steps: list[tuple[Any, ...]], database: Database, keyring: FileKeyRing) -> None:
    with database.sessions() as session:
        add_regions(session)
        template = add_person(session, keyring)
        history = History(session, template)
        for step in steps:
            history.happen(*step)
        history.happen("announce")
        session.rollback()


def pensioner(session: Session, keyring: FileKeyRing, sequence: int, certified_on: date | None) -> int:
    person = add_person(session, keyring, sequence=sequence)
    start = date(2015, 1, 1)
    session.add(
        Benefit(person_id=person.id, scheme=Scheme.UNEMPLOYMENT, region_code=REGION, monthly_fen=1, status="active", from_month=start)
    )
    if certified_on is not None:
        certify(session, person.id, certified_on)
    session.flush()
    return person.id


def certify(session: Session, person_id: int, day: date) -> None:
    new = NewEvidence(person_id=person_id, kind=EvidenceKind.FACE, occurred_on=day, strength=Strength.CONCLUSIVE, source="test")
    life_evidence.add(session, new, by="test", now=NOW)


def told(database: Database) -> list[tuple[int, CertificationState | None, CertificationState]]:
    with database.read_scope() as session:
        rows = session.execute(select(StatusChange.person_id, StatusChange.before, StatusChange.state).order_by(StatusChange.id))
        return [(row.person_id, row.before, row.state) for row in rows]


def test_time_alone_brings_due_soon_and_overdue_each_once(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        person_id = pensioner(session, keyring, 100, date(2025, 5, 15))  # due 15 May 2026
    for _ in range(75):
        announcer.announce(database, POLICY, clock)
        clock.advance(days=1)
    assert told(database) == [
        (person_id, None, CertificationState.CERTIFIED),
        (person_id, CertificationState.CERTIFIED, CertificationState.DUE_SOON),
        (person_id, CertificationState.DUE_SOON, CertificationState.OVERDUE),
    ]
    with database.read_scope() as session:
        assert session.scalars(select(StatusChange.on).order_by(StatusChange.id)).all() == [TODAY, date(2026, 3, 16), date(2026, 5, 16)]


def test_who_draws_nothing_is_not_told_of_and_nothing_is_told_twice(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        certify(session, add_person(session, keyring, sequence=200).id, TODAY)
        pensioner(session, keyring, 201, TODAY)
    assert announcer.announce(database, POLICY, clock).changes == 1
    assert announcer.announce(database, POLICY, clock) == announcer.Announced(0, 0, elsewhere=False)
    with database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(StatusTouch)) == 0


def test_a_certification_in_time_is_told_although_the_state_stays(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        person_id = pensioner(session, keyring, 100, date(2025, 10, 1))
    announcer.announce(database, POLICY, clock)
    with database.session_scope() as session:
        certify(session, person_id, TODAY)
    announcer.announce(database, POLICY, clock)
    with database.read_scope() as session:
        last = changes_feed.page(session, region="42", after_id=0, limit=10).changes[-1]
    assert (last.before, last.state, last.due_on) == (CertificationState.CERTIFIED, CertificationState.CERTIFIED, date(2027, 3, 15))


def test_other_rules_are_told_without_anybody_asking(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        for number in range(7):
            pensioner(session, keyring, 100 + number, date(2025, 9, 1))
        session.execute(delete(StatusTouch))  # as after an upgrade: the rows are older than the triggers
    announcer.announce(database, POLICY, clock, chunk=3)
    assert {state for _, _, state in told(database)} == {CertificationState.CERTIFIED}
    stricter = POLICY.model_copy(update={"default_cycle_months": 6})
    assert announcer.announce(database, stricter, clock, chunk=3).changes == 7
    assert {state for _, _, state in told(database)[7:]} == {CertificationState.OVERDUE}
    assert announcer.announce(database, stricter, clock).changes == 0


def test_several_announcers_tell_everything_once(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        people = [pensioner(session, keyring, 100 + number, TODAY) for number in range(16)]
    outcomes_of(3, lambda _number: announcer.announce(database, POLICY, clock, chunk=2))
    announcer.announce(database, POLICY, clock)
    assert sorted(person_id for person_id, _, _ in told(database)) == people


@only_postgresql
def test_an_announcer_leaves_while_another_one_works(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        pensioner(session, keyring, 100, TODAY)
    with database.session_scope() as session:
        assert status_changes.take_lock(session)
        assert announcer.announce(database, POLICY, clock).elsewhere
    assert announcer.announce(database, POLICY, clock).changes == 1


@only_postgresql
def test_a_touch_that_is_committed_late_is_not_lost(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        early, late = (pensioner(session, keyring, 100 + number, date(2025, 1, 1)) for number in range(2))
    announcer.announce(database, POLICY, clock)
    with database.sessions.begin() as slow:
        certify(slow, early, TODAY)  # its touch has the smaller id, and is not there yet
        with database.session_scope() as session:
            certify(session, late, TODAY)
        assert announcer.announce(database, POLICY, clock).changes == 1
    assert announcer.announce(database, POLICY, clock).changes == 1


def test_a_run_that_breaks_off_in_the_middle_of_a_chunk_is_made_good(
    database: Database, keyring: FileKeyRing, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session_scope() as session:
        people = [pensioner(session, keyring, 100 + number, TODAY) for number in range(9)]
    remember = status_changes._remember
    calls = count()

    def break_off(session: Session) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt
        remember(session)

    monkeypatch.setattr(status_changes, "_remember", break_off)
    with pytest.raises(KeyboardInterrupt):
        announcer.announce(database, POLICY, clock, chunk=6)
    announcer.announce(database, POLICY, clock, chunk=6)
    assert sorted(person_id for person_id, _, _ in told(database)) == people


def test_cursors_sort_as_the_changes_do_and_foreign_ones_are_refused() -> None:
    ids = [0, 1, 31, 32, 10**6, 2**62]
    tokens = [changes_feed.change_token(number) for number in ids]
    assert tokens == sorted(tokens)
    assert [changes_feed.change_id_of(token) for token in tokens] == ids
    for wrong in ("", "0", "x" * 16, tokens[0][:-1], tokens[0] + "A", tokens[0].replace(tokens[0][0], "V", 1), tokens[0].lower() + " "):
        with pytest.raises(ValueError, match="cursor"):
            changes_feed.change_id_of(wrong)


def test_a_page_without_more_leads_past_what_other_regions_were_told(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    with database.session_scope() as session:
        for number in range(5):
            pensioner(session, keyring, 100 + number, TODAY)
    announcer.announce(database, POLICY, clock)
    with database.read_scope() as session:
        elsewhere = changes_feed.page(session, region="11", after_id=0, limit=2)
        first = changes_feed.page(session, region="4298", after_id=0, limit=2)
        rest = changes_feed.page(session, region=REGION, after_id=first.next_id, limit=3)
        newest = changes_feed.newest_id(session)
    assert (elsewhere.changes, elsewhere.next_id, elsewhere.more) == ((), newest, False)
    assert (len(first.changes), first.more, len(rest.changes), rest.more) == (2, True, 3, False)
    assert rest.next_id == newest
