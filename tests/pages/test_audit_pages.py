"""The auditor's pages: what is shown to whom, that looking is an entry, and that tampering shows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, text

from api.pages.audit_words import ACTIONS, SECURITY_ACTIONS
from api.rights import RoleName
from models.assistance import AssistanceState
from models.audit import AuditEntry
from models.casework import CaseStep, ReviewDecision
from models.life_evidence import EvidenceKind
from models.person import Person
from models.repositories import audit, audit_lists, audit_sealing
from models.verification import VerificationOutcome
from tests.api.conftest import World, both_worlds, csrf  # noqa: F401 - a fixture
from tests.audit_actions import written
from tests.conftest import ROOT

FAMILIES = {
    "assistance.": {one.value for one in AssistanceState} - {"requested"},
    "case.": {one.value for one in CaseStep},
    "evidence.": {one.value for one in EvidenceKind},
    "legal_basis.": {"approve", "withdraw"},
    "verification.": {one.value for one in VerificationOutcome},
    "verification.reviewed.": {one.value for one in ReviewDecision},
}


def _key(world: World, person_id: str) -> int:
    with world.context.database.read_scope() as session:
        return session.scalars(select(Person.id).where(Person.public_id == person_id)).one()


@pytest.fixture
def audited(both_worlds: World) -> World:  # noqa: F811
    """Entries about a person in the region and about one elsewhere, of an account here, of a job; sealed."""
    world = both_worlds
    with world.context.database.session_scope() as session:
        for person, object in ((world.at_home, "HERE"), (world.elsewhere, "THERE")):
            audit.record(
                session, actor="staff:counter", action="person_seen", now=world.clock(), person_id=_key(world, person), object=object
            )
        audit.record(session, actor="staff:counter", action="account.sign_in", now=world.clock(), object="SIGN-IN")
        audit.record(session, actor="job:figures", action="figures.asked", now=world.clock(), object="WHOLE")
        old = world.clock() - timedelta(days=30)
        audit.record(session, actor="staff:counter", action="person_seen", now=old, person_id=_key(world, world.at_home), object="OLD")
    audit_sealing.seal_waiting(world.context.database, world.context.keyring, now=world.clock())
    return world


def _post(world: World, client: FlaskClient, **form: str) -> str:
    answer = client.post("/desk/audit", data=form, headers=csrf(world, client))
    assert answer.status_code == 200, answer.text
    return answer.text


def _objects(page: str) -> set[str]:
    return set(re.findall(r"\b(HERE|THERE|SIGN-IN|WHOLE|OLD)\b", page))


def test_auditors_see_their_region_and_looking_is_an_entry(audited: World) -> None:
    auditor = audited.staff(RoleName.AUDITOR)
    assert _objects(auditor.get("/desk/audit").text) == {"HERE", "SIGN-IN"}
    days = {"start": "2026-01-01", "end": "2026-03-15"}
    assert _objects(_post(audited, auditor, **days)) == {"HERE", "SIGN-IN", "OLD"}
    assert _objects(_post(audited, auditor, **days, person=audited.at_home)) == {"HERE", "OLD"}
    assert _objects(_post(audited, auditor, **days, action="account.sign_in")) == {"SIGN-IN"}
    assert _objects(_post(audited, auditor, **days, actor="staff:counter")) == {"HERE", "SIGN-IN", "OLD"}
    assert _objects(_post(audited, auditor, **days, actor="staff:nobody")) == set()
    with audited.context.database.read_scope() as session:
        looks = session.execute(select(AuditEntry.actor, AuditEntry.person_id, AuditEntry.object).where(AuditEntry.action == "audit.read"))
        assert [tuple(row) for row in looks.all()][2:4] == [
            ("staff:auditor", _key(audited, audited.at_home), None),
            ("staff:auditor", None, None),
        ]


def test_security_officers_see_accounts_and_nobody_who_draws_a_pension(audited: World) -> None:
    officer = audited.staff(RoleName.SECURITY_OFFICER)
    assert _objects(_post(audited, officer, start="2026-01-01", end="2026-03-15")) == {"SIGN-IN"}
    for form in ({"person": audited.at_home}, {"action": "person_seen"}):
        refused = officer.post("/desk/audit", data=form, headers=csrf(audited, officer))
        assert (refused.status_code, _objects(refused.text)) == (422, set())
    assert officer.get("/desk/audit/2026-03-15/1").status_code == 404
    assert officer.get("/desk/audit/2026-03-15/3").status_code == 200


def test_an_entry_is_shown_with_its_proof_and_tampering_shows(audited: World) -> None:
    auditor = audited.staff(RoleName.AUDITOR)
    page = auditor.get("/desk/audit/2026-03-15/1").text
    assert 'class="notice notice--success"' in page
    assert "notice--danger" not in page
    for nowhere in ("2026-03-15/99", "2026-03-15/2", "2026-13-15/1", "x/1"):
        assert auditor.get(f"/desk/audit/{nowhere}").status_code == 404
    with audited.context.database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER tr_audit_entry_no_update"))
        connection.execute(text("UPDATE audit_entry SET reason = 'x' WHERE object = 'HERE'"))
    assert 'class="notice notice--danger"' in auditor.get("/desk/audit/2026-03-15/1").text


@pytest.mark.parametrize(
    "form",
    [
        {"start": "yesterday"},
        {"start": "2026-03-15", "end": "2026-03-14"},
        {"end": "9999-12-31"},
        {"action": "' OR 1=1"},
        {"person": "nobody"},
        {"after": "2026-03-15/1"},
        {"after": "x"},
    ],
)
def test_what_cannot_be_looked_for_is_said(world: World, form: dict[str, str]) -> None:
    auditor = world.staff(RoleName.AUDITOR)
    answer = auditor.post("/desk/audit", data=form, headers=csrf(world, auditor))
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)


def test_pages_go_on_where_they_ended_and_miss_nothing(both_worlds: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(audit_lists, "PAGE", 3)
    monkeypatch.setattr(audit_lists, "LOOKED_AT", 5)
    context, now = both_worlds.context, both_worlds.clock()
    here, there = _key(both_worlds, both_worlds.at_home), _key(both_worlds, both_worlds.elsewhere)
    with context.database.session_scope() as session:
        for number in range(23):
            about = here if number % 7 == 0 else there
            audit.record(session, actor="system", action="person_seen", now=now, person_id=about, object=str(number))
    for region, expected in (("1901", [21, 14, 7, 0]), ("", list(range(22, -1, -1)))):
        wanted = audit_lists.Filter(now - timedelta(days=1), now + timedelta(days=1), region)
        seen: list[str | None] = []
        after = None
        for _ in range(30):
            with context.database.read_scope() as session:
                page = audit_lists.page(session, wanted, after=after)
            seen += [line.object for line in page.lines]
            after = page.following
            if after is None:
                break
        assert seen == [str(number) for number in expected]


def test_a_list_of_a_large_audit_goes_by_an_index(both_worlds: World) -> None:  # noqa: F811
    """Whatever is asked for, the statement that looks at entries names an index that has them in order."""
    context, now = both_worlds.context, both_worlds.clock()
    with context.database.session_scope() as session:
        rows = [
            {"actor": f"staff:{n % 40}", "action": "person_seen", "at": now - timedelta(seconds=n), "details": {}} for n in range(20_000)
        ]
        session.execute(insert(AuditEntry), rows)
    sqlite = context.database.dialect == "sqlite"
    with context.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    days = {"start": now - timedelta(days=9), "end": now + timedelta(days=1), "region": ""}
    plans = []
    for more in ({}, {"actor": "staff:1"}, {"action": "person_seen"}, {"people": (1,)}, {"actions": SECURITY_ACTIONS[:3]}):
        statement = audit_lists._looked_at(audit_lists.Filter(**days, **more), None).limit(50)  # type: ignore[arg-type]
        with context.database.read_scope() as session:
            compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
            told = session.execute(text(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{compiled}".replace(":", r"\:"))).all()
        plans.append("\n".join(str(row) for row in told))
    whole = re.compile(r"Seq Scan on audit_entry|SCAN audit_entry\b(?! USING)")
    assert [plan for plan in plans if "ix_audit_entry" not in plan or whole.search(plan)] == []


def test_every_action_that_the_code_writes_has_its_words_in_both_languages() -> None:
    told = list(written())
    whole = {action for _, action, complete in told if complete}
    families = {action for _, action, complete in told if not complete}
    assert len(whole) > 80
    assert sorted({(action, where) for where, action, complete in told if complete and action not in ACTIONS}) == []
    assert families == set(FAMILIES)
    assert [f"{first}{last}" for first, ends in FAMILIES.items() for last in ends if f"{first}{last}" not in ACTIONS] == []
    of_families = {f"{first}{last}" for first, ends in FAMILIES.items() for last in ends}
    assert set(ACTIONS) - whole - of_families == set()
    with (ROOT / "api/translations/zh_Hans_CN/LC_MESSAGES/messages.po").open("rb") as stream:
        chinese = read_po(stream)
    english = [str((label._kwargs and label._args[0]) or label._args[0]) for label in ACTIONS.values()]
    assert [words for words in english if not (chinese.get(words) and chinese.get(words).string)] == []


def test_no_statement_of_the_page_counts_the_audit(world: World) -> None:
    sent: list[str] = []
    event.listen(world.context.database.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    assert world.staff(RoleName.AUDITOR).get("/desk/audit").status_code == 200
    counting = [statement for statement in sent if "count(" in statement.lower() and "audit" in statement]
    assert [statement for statement in counting if "LIMIT" not in statement] == []
