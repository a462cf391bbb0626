"""Lists for the paying system: gapless numbers, each change once, signed, and the same bytes again."""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import date

import pytest
from sqlalchemy import select, update

from models.audit import AuditEntry
from models.benefit import Benefit
from models.database import Database
from models.errors import NotFoundError
from models.keys import FileKeyRing
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentList
from models.person import Person
from models.policy import RecordsPolicy
from models.repositories import payment_changes, persons
from tests.conftest import FixedClock
from tests.models.people import REGION
from tests.models.workers import outcomes_of
from tests.verify.payments import MONTHLY_FEN, Office, open_office
from verify.errors import InputFileError
from verify.payment_list import COLUMNS, ListLine
from verify.payment_list_service import ListChanged, MadeList, SignatureState

PAUSE, RESUME = PaymentChangeKind


@pytest.fixture
def office(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> Office:
    return open_office(database, keyring, records_policy, clock)


def resumed(office: Office, people: int) -> list[int]:
    """Persons whose imported pause was lifted: resumptions that wait for a list."""
    made = [office.pensioner(last_certified=date(2024, 1, 1)) for _ in range(people)]
    for person in made:
        with office.database.session_scope() as session:
            payment_changes.pause(session, office.benefit(person).id, date(2026, 3, 1))
        office.certify(person)
    office.resumptions.resume_certified()
    return made


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def make(office: Office, kind: PaymentChangeKind = RESUME, region: str = REGION) -> MadeList:
    made = office.lists.make(kind, region, actor="staff:reviewer")
    assert made is not None
    return made


def test_a_list_has_every_signed_change_once_with_what_the_paying_system_needs(office: Office) -> None:
    (person,) = resumed(office, 1)
    made = make(office)
    assert made.content.startswith(b"\xef\xbb\xbflist_number,position,resident_id,")
    assert made.content.endswith(b"\r\n")
    (row,) = rows(made.content)
    with office.database.read_scope() as session:
        record = session.get_one(Person, person)
        number = persons.open_resident_id(record, office.keyring)
        change = session.scalars(select(PaymentChange)).one()
    assert tuple(row) == COLUMNS
    assert row == {
        "list_number": "1",
        "position": "1",
        "resident_id": number,
        "name": record.name,
        "scheme": "employee_pension",
        "region": REGION,
        "effective_month": "2026-04",
        "monthly_fen": str(MONTHLY_FEN),
        "arrears_fen": str(MONTHLY_FEN),
        "reason": "certified",
        "change_id": change.public_id,
    }
    assert office.lists.make(RESUME, REGION, actor="staff:reviewer") is None


def test_pauses_and_resumptions_are_numbered_apart_and_a_resumption_waits_for_its_pause(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    office.certify(person)
    office.resumptions.resume_certified()
    assert office.lists.waiting(RESUME, REGION) == 0
    assert office.lists.make(RESUME, REGION, actor="staff:reviewer") is None
    pause = make(office, PAUSE)
    assert (rows(pause.content)[0]["reason"], rows(pause.content)[0]["arrears_fen"]) == ("overdue", "")
    assert office.lists.waiting(RESUME, REGION) == 1
    assert make(office, RESUME).view.number == pause.view.number == 1


def test_what_is_only_proposed_is_on_no_list(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.pauses.propose(office.sought(person), reason="x", actor="staff:caseworker")
    assert office.lists.make(PAUSE, REGION, actor="staff:reviewer") is None


def test_a_region_gets_its_own_changes_and_those_inside_it(office: Office) -> None:
    resumed(office, 2)
    assert office.lists.make(RESUME, "420000", actor="x") is not None
    with pytest.raises(NotFoundError, match="990000"):
        office.lists.make(RESUME, "990000", actor="x")


def test_a_list_comes_again_byte_by_byte_whatever_was_corrected_since(office: Office) -> None:
    resumed(office, 3)
    made = make(office)
    with office.database.session_scope() as session:
        session.execute(update(Person).values(name="另一个名字"))
        session.execute(update(Benefit).values(monthly_fen=1))
    again = office.lists.again(RESUME, 1, actor="staff:auditor")
    assert again.content == made.content
    assert again.view == made.view
    with office.database.read_scope() as session:
        entries = session.execute(select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)).all()
    assert [tuple(entry) for entry in entries][-2:] == [("payment_list.made", "staff:reviewer"), ("payment_list.read", "staff:auditor")]
    with pytest.raises(NotFoundError, match="lifecert payments list"):
        office.lists.again(RESUME, 2, actor="x")


def test_lines_that_somebody_moved_are_noticed(office: Office) -> None:
    resumed(office, 2)
    make(office)
    with office.database.session_scope() as session:
        one, two = session.scalars(select(PaymentChange).order_by(PaymentChange.list_position))
        one.list_line, two.list_line = two.list_line, one.list_line
    with pytest.raises(ListChanged):
        office.lists.again(RESUME, 1, actor="x")


def test_lines_are_sealed_where_they_lie(office: Office) -> None:
    (person,) = resumed(office, 1)
    make(office)
    with office.database.read_scope() as session:
        number = persons.open_resident_id(session.get_one(Person, person), office.keyring)
        line = session.scalars(select(PaymentChange.list_line)).one()
    assert line is not None
    assert number.encode() not in line.blob


def test_a_long_list_goes_on_under_the_next_number(office: Office) -> None:
    office.lists._policy = office.policy.pause.model_copy(update={"list_rows_max": 2})
    resumed(office, 5)
    made = [make(office) for _ in range(3)]
    assert [(each.view.number, each.view.row_count, each.waiting) for each in made] == [(1, 2, 3), (2, 2, 1), (3, 1, 0)]
    ids = [row["change_id"] for each in made for row in rows(each.content)]
    assert len(set(ids)) == 5


def test_exports_at_once_share_no_number_and_no_change(office: Office) -> None:
    office.lists._policy = office.policy.pause.model_copy(update={"list_rows_max": 3})
    resumed(office, 12)
    made = outcomes_of(4, lambda _number: office.lists.make(RESUME, REGION, actor="x"))
    assert sorted(each.view.number for each in made) == [1, 2, 3, 4]
    ids = [row["change_id"] for each in made for row in rows(each.content)]
    assert len(ids) == len(set(ids)) == 12


def test_an_export_that_dies_leaves_no_gap_in_the_numbers(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed(office, 2)

    def die(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("verify.payment_list_service.audit.record", die)
        with pytest.raises(KeyboardInterrupt):
            make(office)
    with office.database.read_scope() as session:
        assert session.query(PaymentList).count() == 0
    assert (make(office).view.number, make_nothing(office)) == (1, None)


def make_nothing(office: Office) -> MadeList | None:
    return office.lists.make(RESUME, REGION, actor="x")


def test_a_changed_file_or_signature_is_found_out(office: Office) -> None:
    resumed(office, 1)
    made = make(office)
    signature = made.view.signature_file()
    assert office.lists.check(made.content, signature) == (SignatureState.VALID, made.view)
    assert office.lists.check(made.content.replace(b"2026-04", b"2026-05"), signature)[0] is SignatureState.FORGED
    other = json.loads(signature) | {"key_id": "s9"}
    assert office.lists.check(made.content, json.dumps(other).encode())[0] is SignatureState.FORGED
    key_id, ours = office.keyring.sign(b"something else")
    unknown = json.dumps({"key_id": key_id, "signature": base64.b64encode(ours).decode()}).encode()
    assert office.lists.check(b"something else", unknown) == (SignatureState.UNKNOWN, None)
    for broken in (b"", b"[]", b"{}", b'{"key_id": "s1", "signature": "%"}', b"\xff", b'{"key_id": "s1", "signature": 5}'):
        with pytest.raises(InputFileError, match="signature file"):
            office.lists.check(made.content, broken)


def test_a_name_with_commas_and_quotes_stays_one_cell() -> None:
    line = ListLine(1, 2, "1", 'a,"b"\n', "s", "r", date(2026, 1, 1), 1, None, "overdue", "c").as_bytes()
    assert next(csv.reader(io.StringIO(line.decode(), newline="")))[3] == 'a,"b"\n'
