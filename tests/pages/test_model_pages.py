"""The pages of anomaly models: list, card, drift, comparison, and what stands out in an alert, over HTTP on a real store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from api.pages.reasons import WIDTH, bars
from api.rights import RoleName
from detection.anomaly.models_service import AnomalyService
from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute, EngineName, Limits, open_compute
from models.alert import AlertSeverity
from models.anomaly_model import EntityKind, ModelKind
from models.detection import SubjectKind
from models.repositories import persons
from tests.api.conftest import World
from tests.api.signal_cases import add_alert, add_signal
from tests.detection.anomaly.made_claims import province, tables
from tests.pages.test_signal_pages import english

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
REASONS = [
    {
        "feature": "batch_share",
        "unit": "share",
        "value": 0.52,
        "median": 0.0,
        "low": 0.0,
        "high": 0.12,
        "deviation": 8.0,
        "claims": [11, 12],
    },
    {
        "feature": "cost_per_claim",
        "unit": "fen",
        "value": 350_000.0,
        "median": 250_000.0,
        "low": 150_000.0,
        "high": 400_000.0,
        "claims": [],
    },
    {"feature": "no such", "unit": "share", "value": 1.0, "median": 0.0, "low": 0.0, "high": 0.1, "claims": []},
]
FACTS = {"percentile": 0.9983, "peers": 20, "kind": "unsupervised", "reasons": REASONS}


@pytest.fixture
def trained(world: World, tmp_path: Path) -> str:
    """A model of hospitals that has scored a month; its public id."""
    store = world.context.policy.anomaly.store.model_copy(update={"trees": 20, "top_compared": 5})
    policy = world.context.policy.model_copy(update={"anomaly": world.context.policy.anomaly.model_copy(update={"store": store})})
    folder = province(tmp_path / "province", months=2, hospitals=24, claims=50)
    with open_compute(EngineName.DUCKDB, Limits(512, 1), tmp_path) as compute:

        @contextmanager
        def opened(_window: Window) -> Iterator[tuple[Compute, ClaimTables]]:
            yield compute, tables(compute, folder)

        service = AnomalyService(world.context.database, policy, policy_hash="0" * 64, clock=world.clock)
        made = service.train(EntityKind.HOSPITAL, ModelKind.UNSUPERVISED, service.span(JANUARY, JANUARY), opened, by="wang")
        service.score([FEBRUARY], opened, by="cli")
    return made


def test_staff_of_detection_see_models_with_card_drift_and_what_promotion_lacks(world: World, trained: str) -> None:
    assert world.staff(RoleName.COUNTER).get("/desk/models").status_code == 403
    client = english(world.staff(RoleName.CASEWORKER))
    page = client.get("/desk/models").text
    assert f'href="/desk/models/{trained}"' in page
    assert "in the shadow: scores, opens nothing" in page
    card = client.get(f"/desk/models/{trained}").text
    assert card.count("<h1") == 1
    for said in (
        "Months scored after its training: 1; needed before it may go live: 2.",
        "There is no other live model of this kind.",
        "Rank correlation with other random seeds",
        "Unusual is not wrong",
        '<h3 class="panel__sub" id="drift-2026-02">',
        "24 rows of 24 entities",
        "Case-mix adjusted cost",
    ):
        assert said in card, said
    assert re.search(r'<rect class="falls__(end|up)" x="0" y="4" width="[0-9.]+"', card)
    chinese = world.staff(RoleName.CASEWORKER).get(f"/desk/models/{trained}").text
    assert "影子运行：只评分，不产生预警" in chinese
    assert "病例组合校正费用指数" in chinese
    assert client.get("/desk/models/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404


def test_an_alert_of_a_model_shows_each_feature_beside_the_peers(world: World) -> None:
    with world.context.database.session_scope() as session:
        person, now = persons.get(session, world.at_home), world.clock()
        key = {"severity": AlertSeverity.SUSPICION, "person_id": None, "region_code": person.region_code}
        alert = add_alert(session, person, "M-HOSPITAL", now, key="hospital:H1", **key)
        about = {"subject_kind": SubjectKind.HOSPITAL, "subject_ref": "H1", "key": "M-HOSPITAL:u:2026-02:H1", **key}
        months = {"from_month": FEBRUARY, "to_month": FEBRUARY, "months": 1, "amount_fen": 600_000, "completed_on": date(2026, 2, 28)}
        add_signal(session, alert, person, "M-HOSPITAL", now, facts=FACTS, **about, **months)
        public_id = alert.public_id
    page = english(world.staff(RoleName.CASEWORKER)).get(f"/desk/alerts/{public_id}").text
    assert "Hospital unlike its peers" in page
    assert "52.0%" in page
    assert "0.0% to 12.0%" in page
    assert "outside the usual" in page
    assert "3,500.00 yuan" in page
    assert "Claims behind it: 11, 12" in page
    assert page.count('class="peers__range"') == 2
    chinese = world.staff(RoleName.CASEWORKER).get(f"/desk/alerts/{public_id}").text
    assert "成批住院占比" in chinese
    assert "超出通常范围" in chinese


def test_bars_stay_inside_the_picture_and_other_findings_have_none() -> None:
    found = bars("M-HOSPITAL", FACTS, "en")
    assert [bar.outside for bar in found] == [True, False]
    for bar in found:
        assert 0 <= bar.range_x <= bar.range_x + bar.range_width <= WIDTH
        assert 0 <= bar.median_x <= WIDTH
        assert 0 <= bar.value_x <= WIDTH
    assert bars("H1", FACTS, "en") == ()
    assert bars("M-HOSPITAL", {"reasons": [{"feature": "claims", "value": None}, "nothing"]}, "en") == ()
    same = bars("M-HOSPITAL", {"reasons": [{**REASONS[0], "value": 0.0, "high": 0.0}]}, "zh")
    assert same[0].range_width > 0
