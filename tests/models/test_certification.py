from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api import announcer
from models.benefit import Benefit, BenefitPause, BenefitStatus
from models.certification import BenefitFact, CertificationStatus, EvidenceFact, add_months, derive
from models.certification_region_sql import region_table
from models.certification_sql import status_table
from models.certification_state import CertificationState
from models.database import Database
from models.enrolment import Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.policy import CertificationPolicy, RecordsPolicy
from models.repositories import announced_facts, certifications, region_statuses
from tests.models.people import NOW, REGION, add_person

POLICY = CertificationPolicy(
    time_zone="Asia/Shanghai",
    default_cycle_months=12,
    due_soon_days=60,
    death_strength=Strength.CONCLUSIVE,
    certificate_days_after_due=0,
    certifying={
        EvidenceKind.FACE: Strength.CONCLUSIVE,
        EvidenceKind.COUNTER: Strength.INDICATIVE,
        EvidenceKind.DATA_MATCH: Strength.SUPPORTING,
    },
    cycles=(
        {"scheme": "resident_pension", "months": 6, "region": "429800", "source": "test"},
        {"scheme": "resident_pension", "months": 9, "source": "test"},
        {"scheme": "employee_pension", "months": 1, "region": "429801", "source": "test"},
    ),
)
TODAY = date(2026, 3, 15)
DRAWN = BenefitFact(Scheme.EMPLOYEE_PENSION, "420102", BenefitStatus.ACTIVE, date(2015, 1, 1))


def face(day: date, row: int = 1, **options: object) -> EvidenceFact:
    return EvidenceFact(row, EvidenceKind.FACE, day, Strength.CONCLUSIVE, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2025, 12, 31), 1, date(2026, 1, 31)),
        (date(2025, 3, 15), 12, date(2026, 3, 15)),
    ],
)
def test_months_are_added_to_the_same_day_or_the_months_last(start: date, months: int, expected: date) -> None:
    assert add_months(start, months) == expected


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (TODAY, CertificationState.CERTIFIED),
        (date(2025, 5, 15), CertificationState.CERTIFIED),  # due 15 May 2026, 61 days on
        (date(2025, 5, 14), CertificationState.DUE_SOON),
        (date(2025, 3, 15), CertificationState.DUE_SOON),  # due today: still counts
        (date(2025, 3, 14), CertificationState.OVERDUE),
        (TODAY + timedelta(days=1), CertificationState.NEVER_CERTIFIED),  # not yet
    ],
)
def test_state_follows_from_the_last_certification(last: date, state: CertificationState) -> None:
    assert derive([face(last)], [DRAWN], POLICY, TODAY).state is state


def test_weak_evidence_does_not_certify() -> None:
    weak = EvidenceFact(1, EvidenceKind.DATA_MATCH, TODAY, Strength.INDICATIVE)
    unlisted = EvidenceFact(2, EvidenceKind.DECLARATION, TODAY, Strength.CONCLUSIVE)
    status = derive([weak, unlisted], [DRAWN], POLICY, TODAY)
    assert status.state is CertificationState.NEVER_CERTIFIED
    assert status.due_on == date(2016, 1, 1)


def test_a_trace_of_life_after_a_death_record_changes_nothing() -> None:
    death = EvidenceFact(1, EvidenceKind.DEATH_RECORD, date(2025, 6, 1), Strength.CONCLUSIVE)
    status = derive([death, face(TODAY, 2)], [DRAWN], POLICY, TODAY)
    assert (status.state, status.due_on) == (CertificationState.DECEASED, None)


def test_a_corrected_death_record_no_longer_counts_and_a_correction_can_be_corrected() -> None:
    death = EvidenceFact(1, EvidenceKind.DEATH_RECORD, date(2025, 6, 1), Strength.CONCLUSIVE)
    void = EvidenceFact(2, EvidenceKind.DEATH_RECORD, date(2025, 6, 1), Strength.VOID, corrects_id=1)
    again = EvidenceFact(3, EvidenceKind.DEATH_RECORD, date(2025, 7, 1), Strength.CONCLUSIVE, corrects_id=2)
    assert derive([death, void, face(TODAY, 9)], [DRAWN], POLICY, TODAY).state is CertificationState.CERTIFIED
    assert derive([death, void, again, face(TODAY, 9)], [DRAWN], POLICY, TODAY).state is CertificationState.DECEASED


def test_a_pause_holds_until_a_certification_on_or_after_its_day() -> None:
    paused = BenefitFact(Scheme.EMPLOYEE_PENSION, "420102", BenefitStatus.PAUSED, date(2015, 1, 1), None, date(2026, 3, 1))
    assert derive([face(date(2026, 2, 28))], [paused], POLICY, TODAY).state is CertificationState.PAUSED
    assert derive([face(date(2026, 3, 1))], [paused], POLICY, TODAY).state is CertificationState.CERTIFIED
    assert derive([], [paused], POLICY, TODAY).state is CertificationState.PAUSED


def test_a_pause_that_is_over_still_shows_on_its_days() -> None:
    once_paused = BenefitFact(
        Scheme.EMPLOYEE_PENSION, "420102", BenefitStatus.ACTIVE, date(2015, 1, 1), ended_pauses=((date(2026, 1, 1), date(2026, 3, 1)),)
    )
    evidence = [face(date(2024, 1, 1)), face(date(2026, 2, 10), 2)]
    states = [derive(evidence, [once_paused], POLICY, day).state for day in (date(2025, 12, 31), date(2026, 2, 9), date(2026, 2, 10))]
    assert states == [CertificationState.OVERDUE, CertificationState.PAUSED, CertificationState.CERTIFIED]


def test_the_shortest_cycle_of_what_is_drawn_counts_and_the_narrowest_region_decides() -> None:
    def months(*benefits: BenefitFact) -> int:
        return derive([], benefits, POLICY, TODAY).cycle_months

    def benefit(region: str, scheme: Scheme = Scheme.RESIDENT_PENSION, **options: object) -> BenefitFact:
        return BenefitFact(scheme, region, BenefitStatus.ACTIVE, date(2015, 1, 1), **options)  # type: ignore[arg-type]

    assert months(benefit("110101")) == 9
    assert months(benefit("429802")) == 6
    assert months(benefit("429801"), benefit("429801", Scheme.EMPLOYEE_PENSION)) == 1
    assert months(benefit("110101", Scheme.EMPLOYEE_PENSION)) == 12
    assert months(benefit("429801", to_month=date(2026, 2, 1))) == 12  # ended last month
    assert months(benefit("429801", to_month=date(2026, 3, 1))) == 6  # ends with this one


days = st.dates(date(2023, 11, 1), date(2026, 4, 30))
months_of = days.map(lambda day: day.replace(day=1))
evidence_rows = st.lists(
    st.tuples(st.sampled_from(EvidenceKind), days, st.sampled_from(Strength), st.none() | st.integers(0, 5)), max_size=6
)
ended_pauses = st.lists(st.tuples(days, st.integers(0, 200)), max_size=2, unique_by=lambda pause: pause[0])
benefit_rows = st.lists(
    st.tuples(
        st.sampled_from([Scheme.EMPLOYEE_PENSION, Scheme.RESIDENT_PENSION, Scheme.UNEMPLOYMENT]),
        st.sampled_from(BenefitStatus),
        months_of,
        st.none() | st.integers(0, 30),
        days,
        ended_pauses,
    ),
    max_size=3,
    unique_by=lambda row: (row[0], row[2]),
)
# Most drawn people would be dead: draw death and custody as rarely as they are. The last value: merged into the person so many before.
people = st.lists(
    st.tuples(
        evidence_rows.map(lambda rows: [row for row in rows if row[0] is not EvidenceKind.DEATH_RECORD or row[3] == 0]),
        benefit_rows,
        st.none() | st.none() | st.integers(1, 3),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30)
@given(people=people, on=days)
def test_sql_and_python_agree_on_every_status(
    people: list[tuple[list[Any], list[Any], int | None]], on: date, database: Database, keyring: FileKeyRing
) -> None:
    with database.sessions() as session:
        template = add_person(session, keyring)
        ids, evidence_ids, benefit_ids = count(1000), count(1), count(1)
        evidence_of: dict[int, list[EvidenceFact]] = {}
        benefits_of: dict[int, list[BenefitFact]] = {}
        speaks: dict[int, int] = {}
        for evidence, benefits, back in people:
            person_id = next(ids)
            root = speaks[person_id - back] if back is not None and person_id - back in speaks else person_id
            speaks[person_id] = root
            _insert_person(session, template, person_id, merged_into_id=None if root == person_id else root)
            evidence_of.setdefault(root, []).extend(_insert_evidence(session, person_id, evidence, evidence_ids))
            benefits_of.setdefault(root, []).extend(_insert_benefits(session, person_id, benefits, benefit_ids))
        expected = {root: derive(evidence_of[root], benefits_of[root], POLICY, on) for root in set(speaks.values())}
        assert certifications.statuses_of(session, list(speaks), POLICY, on) == expected
        among = select(Person.id).where(Person.id.in_(list(speaks)))
        for one_by_one in (False, True) if database.dialect == "postgresql" else (False,):
            rows = session.execute(select(status_table(POLICY, on, among, one_by_one=one_by_one))).all()
            assert {
                row.person_id: CertificationStatus(CertificationState(row.state), on, row.last_certified_on, row.due_on, row.cycle_months)
                for row in rows
            } == expected
            assert {row.person_id: row.benefits for row in rows} == {root: len(benefits_of[root]) for root in expected}
        for shards in (1, 2):
            tables = [region_table(POLICY, on, REGION, database.dialect, shard=shard, shards=shards) for shard in range(shards)]
            rows = [row for table in tables for row in session.execute(select(table)) if row.person_id in expected]
            assert {
                row.person_id: CertificationStatus(CertificationState(row.state), on, row.last_certified_on, row.due_on, row.cycle_months)
                for row in rows
            } == expected
            assert {row.person_id: row.benefits for row in rows} == {root: len(benefits_of[root]) for root in expected}
        for person_id in list(speaks)[-2:]:
            assert certifications.status_of(session, person_id, POLICY, on) == expected[speaks[person_id]]
        session.rollback()


def _insert_person(session: Session, template: Person, person_id: int, *, merged_into_id: int | None) -> None:
    left_out = {"social_security_number_index", "social_security_number_sealed", "phone_sealed", "phone_masked"}
    values = {column.key: getattr(template, column.key) for column in Person.__mapper__.column_attrs if column.key not in left_out}
    values |= {"id": person_id, "public_id": f"p{person_id}", "resident_id_index": b"%032d" % person_id, "merged_into_id": merged_into_id}
    session.execute(insert(Person).values(**values))


def _insert_evidence(session: Session, person_id: int, drawn: list[Any], ids: Iterator[int]) -> list[EvidenceFact]:
    rows: list[EvidenceFact] = []
    for kind, day, strength, corrects in drawn:
        target = rows[corrects].id if corrects is not None and corrects < len(rows) else None
        if target in {row.corrects_id for row in rows}:
            target = None
        row = EvidenceFact(next(ids), kind, day, strength, target)
        rows.append(row)
        session.execute(
            insert(LifeEvidence).values(
                id=row.id,
                person_id=person_id,
                kind=kind,
                occurred_on=day,
                strength=strength,
                corrects_id=target,
                source="test",
                recorded_by="test",
                recorded_at=NOW,
            )
        )
    return rows


def _insert_benefits(session: Session, person_id: int, drawn: list[Any], ids: Iterator[int]) -> list[BenefitFact]:
    facts = []
    for scheme, state, start, length, paused, ended in drawn:
        benefit_id = next(ids)
        to_month = add_months(start, length) if length is not None else None
        paused_on = paused if state is BenefitStatus.PAUSED else None
        pauses = tuple((first, first + timedelta(days=length_days)) for first, length_days in ended)
        facts.append(BenefitFact(scheme, REGION, state, start, to_month, paused_on, pauses))
        session.execute(
            insert(Benefit).values(
                id=benefit_id,
                person_id=person_id,
                scheme=scheme,
                region_code=REGION,
                monthly_fen=1,
                status=state,
                from_month=start,
                to_month=to_month,
                paused_on=paused_on,
            )
        )
        for first, resumed in pauses:
            session.execute(insert(BenefitPause).values(benefit_id=benefit_id, paused_on=first, resumed_on=resumed))
    return facts


def test_lists_and_counts_are_bounded_by_state_and_region(
    database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = records_policy.certification
    with database.session_scope() as session:
        certified = add_person(session, keyring, sequence=1, name="王秀英")
        overdue = add_person(session, keyring, sequence=2, name="李国强")
        worker = add_person(session, keyring, sequence=3, name="赵小明")
        for person in (certified, overdue):
            session.add(
                Benefit(
                    person_id=person.id,
                    scheme=Scheme.EMPLOYEE_PENSION,
                    region_code=REGION,
                    monthly_fen=300_000,
                    status=BenefitStatus.ACTIVE,
                    from_month=date(2015, 1, 1),
                )
            )
        for person, day in ((certified, date(2026, 3, 1)), (overdue, date(2024, 3, 1))):
            session.add(
                LifeEvidence(
                    person_id=person.id,
                    kind=EvidenceKind.FACE,
                    occurred_on=day,
                    strength=Strength.CONCLUSIVE,
                    source="test",
                    recorded_by="test",
                    recorded_at=NOW,
                )
            )
    with database.read_scope() as session:
        found = certifications.listing(session, policy, TODAY, states=[CertificationState.OVERDUE], region_code="429800")
        assert [(line.name, line.status.due_on) for line in found] == [("李国强", date(2025, 3, 1))]
        assert certifications.listing(session, policy, TODAY, region_code="110000") == []
        everybody = certifications.listing(session, policy, TODAY, pensioners_only=False)
        assert [line.person_id for line in everybody] == [certified.id, overdue.id, worker.id]
        following = certifications.listing(session, policy, TODAY, pensioners_only=False, after_id=certified.id, limit=1)
        assert [line.person_id for line in following] == [overdue.id]
        numbers = certifications.counts(session, policy, TODAY, region_code="420000")
        assert numbers[CertificationState.CERTIFIED] == numbers[CertificationState.OVERDUE] == 1
        assert sum(numbers.values()) == 2
        assert set(numbers) == set(CertificationState)
    monkeypatch.setattr(region_statuses, "AT_ONCE", 1)
    monkeypatch.setitem(region_statuses.SHARDS, "sqlite", 2)
    for announced, small in itertools.product((False, True), (0, region_statuses.SMALL)):
        if announced:  # the same from the facts that the announcer wrote down
            announcer.announce(database, policy, lambda: datetime.combine(TODAY, NOW.timetz()))
            with database.read_scope() as session:
                rows = session.execute(select(announced_facts.status_from_facts(policy, TODAY, REGION))).all()
                assert {row.person_id for row in rows} == {certified.id, overdue.id}
        monkeypatch.setattr(region_statuses, "SMALL", small)
        for region in ("420000", "429800", REGION):
            streamed = list(region_statuses.statuses(database, policy, TODAY, region_code=region))
            assert {(line.public_id, line.state, line.due_on) for line in streamed} == {
                (certified.public_id, CertificationState.CERTIFIED, date(2027, 3, 1)),
                (overdue.public_id, CertificationState.OVERDUE, date(2025, 3, 1)),
            }
            assert region_statuses.counts(database, policy, TODAY, region_code=region) == numbers
        everyone = region_statuses.statuses(database, policy, TODAY, region_code=REGION, pensioners_only=False)
        assert {line.public_id for line in everyone} == {certified.public_id, overdue.public_id, worker.public_id}
        assert list(region_statuses.statuses(database, policy, TODAY, region_code="429700")) == []
        broken_off = region_statuses.statuses(database, policy, TODAY, region_code=REGION)
        next(broken_off)
        broken_off.close()


def test_shards_of_a_region_see_one_moment(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        add_person(session, keyring)
    with database.same_snapshot(2) as connections:
        with database.session_scope() as session:
            session.execute(update(Person).values(name="改"))
        assert [connection.execute(select(Person.name)).scalar_one() for connection in connections] == ["张建国"] * 2
        with pytest.raises(DBAPIError):
            connections[1].execute(update(Person).values(name="否"))
