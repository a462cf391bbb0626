"""The jobs of outreach, resumptions and messages do their work when the queue runs them."""

from __future__ import annotations

import json
from datetime import date

from huey import MemoryHuey

from api.jobs import add_jobs
from models.benefit import Benefit, BenefitStatus
from models.enrolment import Scheme
from models.repositories import persons
from tests.api.conftest import HOME_REGION, World, world  # noqa: F401 - a fixture


def test_an_overdue_person_is_listed_reminded_and_sent_a_message(world: World) -> None:  # noqa: F811
    context = world.context
    with context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        person.phone_sealed = context.keyring.seal(b"10012345678", persons.associated_data(person.public_id, "phone"))
        draws = {"scheme": Scheme.RESIDENT_PENSION, "region_code": HOME_REGION, "monthly_fen": 1, "status": BenefitStatus.ACTIVE}
        session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **draws))
    jobs = add_jobs(MemoryHuey("test"), context)
    assert jobs["refresh_outreach"].call_local()["opened"] == 1
    assert jobs["remind"].call_local() == 1
    assert jobs["send_messages"].call_local()["sent"] == 1
    assert jobs["resume_certified"].call_local() == 0
    (line,) = (context.settings.home / "outgoing" / "sms.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["phone"] == "10012345678"
