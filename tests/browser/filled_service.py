"""A running service whose store is full: every page of the desk has something to show, and an address is known of each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, url_for
from werkzeug.serving import BaseWSGIServer, make_server

from api.accounts import create_demo_accounts
from api.app import create_app
from api.context import Context, open_context
from api.rights import RoleName
from api.settings import EngineChoice, Environment, Settings
from models.region import Region, RegionLevel
from models.repositories import persons
from tests.browser.conftest import CITY, NAME, PROVINCE, RESIDENT_ID, free_port
from tests.pages.filled_desk import Addresses, fill_desk

OTHER_PROVINCE, OTHER_CITY = "980000", "980100"
OTHER_RESIDENT_ID = "190102195203070035"
OF_THE_DESK = ("counter", "face_pairs")
# Not looked at by themselves: files, pictures that another page shows, and addresses that lead on.
NO_PAGES = {
    "counter.case_claims_chart",
    "counter.case_paper",
    "counter.certificate",
    "counter.certificate_code",
    "counter.desk",
    "counter.factor_qr",
    "counter.fairness_chart",
    "counter.hospital_chart",
    "counter.import_rejected",
    "counter.import_report",
    "counter.oversight_chart",
    "counter.oversight_csv",
    "counter.oversight_kind_chart",
    "counter.oversight_report",
    "counter.oversight_workbook",
    "counter.payment_list_file",
    "counter.payment_list_signature",
    "counter.privacy_pack",
    "counter.result",
    "counter.scorecard_trend",
    "counter.status_code",
}
SEEN_BY = {
    "counter.accounts": RoleName.ADMINISTRATOR,
    "counter.account_of_staff": RoleName.ADMINISTRATOR,
    "counter.health": RoleName.SECURITY_OFFICER,
    "counter.webhooks": RoleName.ADMINISTRATOR,
    "counter.audit_list": RoleName.AUDITOR,
    "counter.audit_entry": RoleName.AUDITOR,
    "counter.privacy": RoleName.SECURITY_OFFICER,
    "counter.retention": RoleName.SECURITY_OFFICER,
}


@dataclass(frozen=True)
class FilledService:
    """address: of the service. addresses: values of the addresses of pages, by endpoint."""

    address: str
    app: Flask
    context: Context
    addresses: Addresses

    def pages(self, role: RoleName) -> list[tuple[str, str]]:
        """(endpoint, path) of every page of the desk that this role is the one to look at."""
        found = []
        with self.app.test_request_context():
            for rule in self.app.url_map.iter_rules():
                name = rule.endpoint
                if name.split(".")[0] not in OF_THE_DESK or "GET" not in (rule.methods or ()) or name in NO_PAGES:
                    continue
                if SEEN_BY.get(name, RoleName.SUPERVISOR) is role:
                    found.append((name, url_for(name, **self.addresses.get(name, {}))))
        return sorted(set(found))


@contextmanager
def running(home: Path) -> Iterator[FilledService]:
    """Fill a store in the folder, and serve it until the block ends."""
    port = free_port()
    settings = Settings(
        home=home,
        environment=Environment.TEST,
        engine=EngineChoice.SCRIPTED,
        port=port,
        public_url=f"http://localhost:{port}",
        recording_dir=home / "recordings",
    )
    context = open_context(settings)
    people = _people(context)
    create_demo_accounts(context, region_code=CITY)
    staff = {"actor": f"staff:{RoleName.SUPERVISOR.value}", "signer": f"staff:{RoleName.REVIEWER.value}"}
    addresses = fill_desk(context, *people, CITY, OTHER_CITY, **staff)
    app = create_app(context)
    server: BaseWSGIServer = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield FilledService(settings.base_url, app, context, addresses)
    finally:
        server.shutdown()
        thread.join(10)
        context.database.dispose()


def _people(context: Context) -> tuple[str, str]:
    places = ((PROVINCE, "测试省", CITY, "测试市"), (OTHER_PROVINCE, "外省", OTHER_CITY, "外市"))
    ids = []
    with context.database.session_scope() as session:
        for (province, province_name, city, city_name), number in zip(places, (RESIDENT_ID, OTHER_RESIDENT_ID), strict=True):
            session.add(Region(code=province, name=province_name, level=RegionLevel.PROVINCE, parent_code=None))
            session.flush()
            session.add(Region(code=city, name=city_name, level=RegionLevel.CITY, parent_code=province))
            session.flush()
            new = persons.NewPerson(resident_id=number, name=NAME, region_code=city)
            ids.append(persons.add(session, new, keyring=context.keyring, now=context.clock()).public_id)
    return ids[0], ids[1]
