"""Two people decide the same at the same moment, over real HTTP: one decision counts, and the slower one is told who was faster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from api.privacy import make_privacy
from api.rights import RoleName
from models.alert import CaseFile
from models.casework import Suppression
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, make_world
from tests.api.test_injection import Forms
from tests.conftest import TEMPLATE, FixedClock, _postgres_database
from tests.pages.filled_desk import fill_desk

CASEWORKER, REVIEWER, SUPERVISOR = RoleName.CASEWORKER, RoleName.REVIEWER, RoleName.SUPERVISOR


@dataclass(frozen=True)
class Served:
    """A filled store, served on loopback."""

    world: World
    base: str
    addresses: Mapping[str, Mapping[str, str]]

    def browser(self, role: RoleName) -> httpx.Client:
        """Of a member of staff. Nothing is followed, so that what was answered shows."""
        return httpx.Client(base_url=self.base, headers={**self.world.token(role), "Accept-Language": "en"}, timeout=60)


@dataclass(frozen=True)
class Decision:
    """A form that two may send. page: where it is; action: where it goes, "": to the page; one, other: who sends what."""

    page: str
    one: tuple[RoleName, dict[str, str]]
    other: tuple[RoleName, dict[str, str]]
    action: str = ""
    carried: tuple[str, ...] = field(default=())  # fields whose values the page gives


@contextmanager
def serving(world: World) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def filled(url: str, folder: Path) -> Iterator[Served]:
    world = make_world(url, folder / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
    who = {"actor": "staff:caseworker", "signer": "staff:reviewer"}
    addresses = fill_desk(world.context, world.at_home, world.elsewhere, HOME_REGION, OTHER_REGION, **who)
    with serving(world) as base:
        yield Served(world, base, addresses)
    world.context.database.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("at_once")
    if request.param == "sqlite":
        path = folder / "lifecert.sqlite"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        with filled(f"sqlite:///{path}", folder) as made:
            yield made
        return
    with _postgres_database(request.getfixturevalue("postgres_server"), TEMPLATE) as url, filled(url, folder) as made:
        yield made


def payment_change(served: Served) -> Decision:
    page = f"/desk/payment-changes/{served.addresses['counter.payment_change']['change_id']}"
    one, other = {"decision": "approve"}, {"decision": "reject", "note": "once more"}
    return Decision(page, (REVIEWER, one), (SUPERVISOR, other), f"{page}/decision")


def signature_of_a_case(served: Served) -> Decision:
    with served.world.context.database.read_scope() as session:
        waits = select(CaseFile.public_id).where(CaseFile.proposed_outcome.is_not(None), CaseFile.closed_at.is_(None))
        case = session.scalars(waits.limit(1)).one()
    back = {"what": "send_back", "reason": "not yet"}
    return Decision(f"/desk/cases/{case}", (REVIEWER, {"what": "sign"}), (SUPERVISOR, back), carried=("seen",))


def deletion(served: Served) -> Decision:
    request_id = served.addresses["counter.privacy_request"]["request_id"]
    make_privacy(served.world.context).prepare(request_id, carry_out=True, note="", actor="staff:caseworker")
    page, form = f"/desk/privacy-requests/{request_id}", {"decision": "sign"}
    return Decision(page, (REVIEWER, form), (SUPERVISOR, form), f"{page}/signature")


def review(served: Served) -> Decision:
    page = f"/desk/review/{served.addresses['counter.review']['verification_id']}"
    # not "certified": a death record stands against the person of this session, and whoever came first would be refused for that
    one, other = ({"what": "decide", "decision": decision, "reason": "looked at both"} for decision in ("try_again", "suspected"))
    return Decision(page, (REVIEWER, one), (SUPERVISOR, other))


def suppression(served: Served) -> Decision:
    with served.world.context.database.read_scope() as session:
        found = session.scalars(select(Suppression.public_id).where(Suppression.ended_at.is_(None)).limit(1)).one()
    form = {"reason": "no longer"}
    return Decision("/desk/suppressions", (REVIEWER, form), (SUPERVISOR, form), f"/desk/suppressions/{found}/end")


def assistance(served: Served) -> Decision:
    page = f"/desk/assistance/{served.addresses['counter.assistance_request']['request_id']}/withdraw"
    return Decision(page, (CASEWORKER, {"note": "no longer"}), (SUPERVISOR, {"note": "no longer"}), carried=("version",))


def correction(served: Served) -> Decision:
    where = served.addresses["counter.correct_evidence"]
    page = f"/desk/person/{where['person_id']}/evidence/{where['evidence_id']}/correct"
    form = {"what": "take_away", "reason": "wrong_person"}
    return Decision(page, (CASEWORKER, form), (SUPERVISOR, form))


def merger(served: Served) -> Decision:
    where = served.addresses["counter.compare_records"]
    page = f"/desk/person/{where['person_id']}/merge/{where['other_id']}"
    form = {"kept": where["person_id"], "reason": "the same card"}
    return Decision(page, (CASEWORKER, form), (SUPERVISOR, form))


DECISIONS = (payment_change, signature_of_a_case, deletion, review, suppression, assistance, correction, merger)


def sent(served: Served, role: RoleName, form: dict[str, str], decision: Decision, together: threading.Barrier) -> tuple[int, str]:
    with served.browser(role) as browser:
        page = browser.get(decision.page)
        assert page.status_code == 200, page.text
        parser = Forms()
        parser.feed(page.text)
        fields = {name: value for found in parser.found.values() for name, value in found.items()}
        given = {name: fields[name] for name in ("csrf_token", *decision.carried)}
        together.wait(30)
        answer = browser.post(decision.action or decision.page, data={**form, **given})
        return answer.status_code, answer.text


@pytest.mark.parametrize("make", DECISIONS, ids=lambda make: make.__name__)
def test_one_decision_counts_and_the_slower_one_reads_whose(served: Served, make: Callable[[Served], Decision]) -> None:
    decision, together = make(served), threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        pending = {role: pool.submit(sent, served, role, form, decision, together) for role, form in (decision.one, decision.other)}
        answers = {role: one.result() for role, one in pending.items()}
    assert sorted(status for status, _ in answers.values()) == [303, 409], answers
    winner = next(role for role, (status, _) in answers.items() if status == 303)
    page = next(text for status, text in answers.values() if status == 409)
    assert "<h1" in page
    assert winner.value in page.replace(f"/{winner.value}", "")
