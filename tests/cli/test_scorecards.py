"""`lifecert scorecards` and `lifecert fairness`: what they print, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from models.alert import Alert, CaseOutcome
from models.database import Database
from models.keys import FileKeyRing
from models.verification import Verification, VerificationChannel, VerificationKind, VerificationOutcome, VerificationState
from tests.cli.conftest import Command
from tests.models.decided_cases import Made, add_case
from tests.models.people import REGION, add_person


def test_a_home_without_figures_says_what_to_do(home: Path, command: Command) -> None:
    assert home.is_dir()
    assert "lifecert figures" in command("scorecards").out
    assert "lifecert figures" in command("fairness").out
    assert command("scorecards", "--json").json["day"] is None
    assert command("fairness", "--json").json == {
        "tended": dict.fromkeys(("found", "opened", "updated", "closed", "held_back"), 0),
        "regions": [],
    }
    for name in ("scorecards", "fairness"):
        refused = command(name, "--region", "999999")
        assert (refused.code, refused.out) == (2, "")
        assert "there is no such region" in refused.err


def test_rules_and_gaps_are_told_and_an_earlier_day_only_looks(home: Path, command: Command) -> None:
    now = datetime.now(UTC)
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        person = add_person(session, FileKeyRing.open(home / "keys.json"))
        for _ in range(40):
            add_case(session, Made(("B1",), REGION, CaseOutcome.UNFOUNDED, None, 60, now, ()))
        decided = {"state": VerificationState.DECIDED, "decided_at": now, "started_at": now, "expires_at": now + timedelta(minutes=5)}
        row = {"person_id": person.id, "kind": VerificationKind.STANDARD, "challenge": {}, "token_hash": b"0" * 32, "client": {}, **decided}
        good = {"channel": VerificationChannel.SELF, "outcome": VerificationOutcome.CERTIFIED}
        bad = {"channel": VerificationChannel.HELPER, "outcome": VerificationOutcome.REFUSED}
        session.execute(insert(Verification), [row | good for _ in range(60)] + [row | bad for _ in range(60)])
    assert command("figures").code == 0
    told = command("scorecards")
    assert (told.code, [line.split()[0] for line in told.out.splitlines()]) == (0, ["code", "B1"])
    assert "0.0% (0.0-8.8)" in told.out
    assert told.out.rstrip().endswith("retire")
    assert len(command("scorecards", "--all").out.splitlines()) > 30
    rules = {rule["code"]: rule for rule in command("scorecards", "--region", REGION, "--json").json["rules"]}
    assert (rules["B1"]["decided"], rules["B1"]["worked_s"], rules["B1"]["suggestion"]) == (40, 2_400, "retire")
    assert rules["P1"]["reason"] == "too_few_decided"
    assert command("scorecards", "--as-of", "2020-01-01").out.startswith("no figures")

    looked = command("fairness", "--region", "420000", "--json").json
    assert looked["tended"] is None
    verdicts = {(one["group"], one["measure"]): one["verdict"] for one in looked["regions"][0]["groups"] if one["dimension"] == "route"}
    assert verdicts == {
        ("helper", "completion"): "gap",
        ("helper", "refusal"): "gap",
        ("helper", "retry"): "alike",
        ("self", "completion"): "alike",
        ("self", "refusal"): "alike",
        ("self", "retry"): "alike",
    }
    alerts = select(func.count()).select_from(Alert).where(Alert.code == "fairness_gap")
    with database.read_scope() as session:
        assert session.scalar(alerts) == 0
    opened = command("fairness")
    assert opened.code == 0
    assert "route helper completion: 0.0% of 60, others 100.0% of 60: worse by 100.0 points" in opened.out
    assert "2 gap(s); alerts: 2 opened, 0 closed, 0 held back" in opened.out
    with database.read_scope() as session:
        assert session.scalar(alerts) == 2
    database.dispose()
