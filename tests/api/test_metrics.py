"""Figures for Prometheus: they count what happens, on a port of their own, and the dashboard and the alerts name only what is there."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import EnvironBuilder, run_wsgi_app

from api.app import create_app
from api.context import ChosenEngine
from api.rights import RoleName
from models.repositories import audit, heartbeats
from tests.api.conftest import NAME, RESIDENT_ID, World
from tests.conftest import ROOT

PORT = 9440
NAMED = re.compile(r"\blifecert_[a-z_]+")


class Socket:
    """The end of a connection that came in on a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", self._port)


@pytest.fixture
def watched(both_worlds: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world, with figures."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    context = both_worlds.context
    settings = context.settings.model_copy(update={"metrics_port": PORT})
    from dataclasses import replace

    told = replace(context, settings=settings)
    return World(create_app(told), told, both_worlds.clock, both_worlds.at_home, both_worlds.elsewhere)


def scrape(world: World, *, port: int = PORT, path: str = "/metrics") -> tuple[int, str]:
    environ = EnvironBuilder(path).get_environ() | {"gunicorn.socket": Socket(port)}
    body, status, _ = run_wsgi_app(world.app.wsgi_app, environ)
    return int(status.split()[0]), b"".join(body).decode()


def value(text: str, name: str, **labels: str) -> float:
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples if each.name == name]
    found = [each.value for each in samples if labels.items() <= each.labels.items()]
    return sum(found)


def test_requests_decisions_and_the_state_of_the_store_are_counted_without_anything_of_people(watched: World) -> None:
    person = watched.at_home
    for _ in range(3):
        assert watched.staff(RoleName.COUNTER).get(f"/api/v1/persons/{person}/status").status_code == 200
    watched.anonymous().get("/api/v1/no-such-door/190102195203070019")
    with watched.context.database.session_scope() as session:
        for outcome, reasons in (("certified", []), ("refused", ["pad_screen"])):
            audit.record(session, actor="system", action=f"verification.{outcome}", now=watched.clock(), details={"reasons": reasons})
        heartbeats.job_ended(session, "housekeeping", started_at=watched.clock(), now=watched.clock(), error="OSError")
    with watched.context.database.session_scope() as session:
        audit.record(session, actor="system", action="verification.certified", now=watched.clock())
        session.rollback()
    status, text = scrape(watched)
    assert status == 200
    assert value(text, "lifecert_requests_total", status="200") == 3
    assert value(text, "lifecert_requests_total", endpoint="none", method="none", status="404") == 1
    assert value(text, "lifecert_verifications_total", outcome="certified") == 1, "what was rolled back did not happen"
    assert value(text, "lifecert_verification_reasons_total", reason="pad_screen") == 1
    assert value(text, "lifecert_job_failures_total", job="housekeeping") == 1
    assert value(text, "lifecert_part_state", part="store") == 0
    assert value(text, "lifecert_process_memory_bytes") > 1e6
    for secret in (person, RESIDENT_ID, NAME, "no-such-door"):
        assert secret not in text


def test_figures_are_given_on_their_own_port_only_and_nothing_else_is(watched: World) -> None:
    assert scrape(watched, port=8440)[0] == 404
    assert scrape(watched, path="/login")[0] == 404
    assert scrape(watched, path="/healthz")[0] == 404
    assert scrape(watched, path="/healthz", port=8440)[0] == 200
    environ = EnvironBuilder("/metrics", base_url=f"http://127.0.0.1:{PORT}").get_environ()
    _, status, _ = run_wsgi_app(watched.app.wsgi_app, environ)
    assert status.startswith("404"), "what the client says of the port does not count"


def test_what_waits_in_the_journal_is_told(watched: World) -> None:
    watched.client("status:read").post("/api/v1/statuses/lookup", json={"resident_id": RESIDENT_ID})
    waiting = value(scrape(watched)[1], "lifecert_audit_journal_bytes")
    assert 100 < waiting < 1_000


def test_the_engines_steps_are_timed(watched: World) -> None:
    import numpy as np

    assert isinstance(watched.context.engine, ChosenEngine)
    watched.context.engine.detect(np.zeros((100, 100, 3), np.uint8))
    assert value(scrape(watched)[1], "lifecert_engine_seconds_count", step="detect") == 1


def test_every_figure_that_dashboard_and_alerts_name_exists(watched: World) -> None:
    with watched.context.database.session_scope() as session:
        heartbeats.job_ended(session, "j", started_at=watched.clock(), now=watched.clock(), error=None)
        heartbeats.hear(session, "jobs", watched.clock())
        audit.record(session, actor="system", action="verification.refused", now=watched.clock(), details={"reasons": ["x"]})
    import numpy as np

    watched.context.engine.detect(np.zeros((100, 100, 3), np.uint8))
    watched.anonymous().get("/healthz")
    watched.anonymous().post("/login", data={})
    known = {sample.name for family in text_string_to_metric_families(scrape(watched)[1]) for sample in family.samples}
    folder = ROOT / "tools" / "monitoring"
    dashboard = json.loads((folder / "dashboard.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((folder / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]] + [rule["expr"] for rule in rules]
    named = {name for expression in expressions for name in NAMED.findall(expression)}
    assert len(named) > 15
    assert named - known == set()
    assert known - named - {name for name in known if name.endswith(("_created", "_sum", "_count"))} == set(), "shown nowhere"
    assert all(rule["annotations"]["description"] for rule in rules)
