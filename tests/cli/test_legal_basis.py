"""`lifecert legal-basis`: recorded by one, approved by another, withdrawn; never by one person alone."""

from __future__ import annotations

from tests.cli.conftest import Command, one_line

BASIS = ("--basis", "Social insurance law, article 79", "--document", "XX [2026] 12", "--from", "2020-01-01", "--until", "2099-12-31")


def test_a_basis_holds_once_a_second_person_approved_it_and_until_it_is_withdrawn(command: Command, home) -> None:
    made = command("legal-basis", "add", *BASIS, "--by", "Li Na", "--json").json
    assert (made["state"], made["purpose"], made["approved_by"]) == ("not_approved", "face_search", None)
    alone = command("legal-basis", "approve", made["id"], "--by", "li na ")
    assert (alone.code, "second person" in one_line(alone)) == (2, True)
    assert command("legal-basis", "approve", made["id"], "--by", "Wang Fang", "--json").json["state"] == "valid"
    again = command("legal-basis", "approve", made["id"], "--by", "Zhao Min")
    assert (again.code, "already" in one_line(again)) == (2, True)
    (listed,) = command("legal-basis", "list", "--json").json
    assert (listed["state"], listed["recorded_by"], listed["approved_by"]) == ("valid", "Li Na", "Wang Fang")
    assert "Wang Fang" in command("legal-basis", "list").out
    assert command("legal-basis", "withdraw", made["id"], "--by", "Li Na", "--json").json["state"] == "withdrawn"
    assert command("legal-basis", "withdraw", made["id"]).code == 2
    assert command("legal-basis", "approve", made["id"], "--by", "Zhao Min").code == 2


def test_what_cannot_be_recorded_is_said_in_a_line(command: Command, home) -> None:
    backwards = command("legal-basis", "add", *BASIS[:4], "--from", "2026-02-01", "--until", "2026-01-31")
    assert (backwards.code, "2026-01-31" in one_line(backwards)) == (2, True)
    empty = command("legal-basis", "add", "--basis", " ", *BASIS[2:])
    assert (empty.code, "--basis" in one_line(empty)) == (2, True)
    assert command("legal-basis", "add", *BASIS, "--purpose", "curiosity").code == 2
    unknown = command("legal-basis", "approve", "nothing", "--by", "Li Na")
    assert (unknown.code, "no legal basis nothing" in one_line(unknown)) == (2, True)
    assert command("legal-basis", "list", "--json").json == []
    assert "no legal basis" in command("legal-basis", "list").out
