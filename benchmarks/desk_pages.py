"""Pages of the desk and of supervisors with 100,000 open and 1,000,000 closed alerts: time in the server, and statements. PostgreSQL.

    python -m benchmarks.oversight run --months 1 --folder FOLDER --keep    fill and count, once
    python -m benchmarks.desk_pages --folder FOLDER                         every page several times

Each page is asked of the application in this process, as a supervisor of the whole province; what is measured lies between the request
and the answer's last byte. The database, its files and the program share the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event, text

from api.accounts import TOKEN_HEADER, create_demo_accounts
from api.app import create_app
from api.context import open_context
from api.rights import RoleName
from api.settings import EngineChoice, Environment, Settings
from api.staff import StaffDatastore
from benchmarks import province as provinces
from benchmarks.oversight import clock
from benchmarks.province_store import say
from models.database import Database

CALLS = 7
PROVINCE = "420000"
PAGES = (
    "/desk/cases",
    "/desk/cases?sort=due",
    "/desk/cases?tab=mine",
    "/desk/cases?tab=to_sign",
    "/desk/cases?tab=free",
    "/desk/cases?tab=overdue",
    "/desk/cases?tab=due_soon",
    "/desk/cases?tab=diary",
    "/desk/cases?code=R1",
    "/desk/cases?severity=suspicion&at_least=1000",
    "/desk/cases?region=420305",
    "/desk/cases/views",
    "/desk/suppressions",
    "/desk/alerts",
    "/desk/alerts?code=R1",
    "/desk/alerts?state=closed",
    "/desk/alerts?state=closed&code=R1",
    "/desk/alerts?state=closed&at_least=100000",
    "/desk/alerts?state=closed&region=420305",
    "/desk/notices",
    "/desk/oversight",
    "/desk/oversight?region=420300",
    "/desk/oversight/kind/R1",
    "/desk/scorecards",
    "/desk/scorecards/R1",
    "/desk/fairness",
    "/desk/detection",
)
OF_ONE = {
    "open case": ("/desk/cases/{}", "SELECT public_id FROM case_file WHERE closed_at IS NULL ORDER BY id DESC LIMIT 1"),
    "its findings": ("/desk/cases/{}/signals", "SELECT public_id FROM case_file WHERE closed_at IS NULL ORDER BY id DESC LIMIT 1"),
    "its person's line": ("/desk/cases/{}/timeline", "SELECT public_id FROM case_file WHERE closed_at IS NULL ORDER BY id DESC LIMIT 1"),
    "what lies beside it": ("/desk/cases/{}/beside", "SELECT public_id FROM case_file WHERE closed_at IS NULL ORDER BY id DESC LIMIT 1"),
    "closed case": ("/desk/cases/{}", "SELECT public_id FROM case_file WHERE closed_at IS NOT NULL ORDER BY id DESC LIMIT 1"),
    "open alert": ("/desk/alerts/{}", "SELECT public_id FROM alert WHERE state = 'open' ORDER BY id DESC LIMIT 1"),
    "closed alert": ("/desk/alerts/{}", "SELECT public_id FROM alert WHERE state = 'closed' ORDER BY id DESC LIMIT 1"),
}


def measure(url: str, home: Path) -> dict[str, Any]:
    """Milliseconds and statements of each page, the slowest first."""
    settings = Settings(home=home, database_url=url, environment=Environment.DEMO, engine=EngineChoice.SCRIPTED)
    context = open_context(settings, clock=clock)
    create_demo_accounts(context, region_code=PROVINCE)
    app = create_app(context)
    user = StaffDatastore(context.database).find_user(username=RoleName.SUPERVISOR.value)
    with app.app_context():
        token = str(user.get_auth_token())  # type: ignore[union-attr]
    client = app.test_client()
    client.environ_base["HTTP_" + TOKEN_HEADER.upper().replace("-", "_")] = token
    addresses = {address: address for address in PAGES}
    with context.database.read_scope() as session:
        for name, (address, query) in OF_ONE.items():
            addresses[name] = address.format(session.execute(text(query)).scalar_one())
    results = {name: _page(client, context.database, address) for name, address in addresses.items()}
    context.database.dispose()
    return dict(sorted(results.items(), key=lambda item: -item[1]["median_ms"]))


def _page(client: FlaskClient, database: Database, address: str) -> dict[str, Any]:
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    took, statements = [], 0
    event.listen(database.engine, "before_cursor_execute", note)
    try:
        for _ in range(CALLS):
            sent.clear()
            began = time.monotonic()
            answer = client.get(address)
            took.append((time.monotonic() - began) * 1000)
            statements = len(sent)
            if answer.status_code != 200:
                raise SystemExit(f"{address} answers {answer.status_code}")
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    result = {"first_ms": round(took[0]), "median_ms": round(statistics.median(took[1:])), "greatest_ms": round(max(took[1:]))}
    say(f"{address}: {result}, {statements} statements")
    return {**result, "statements": statements}


def main() -> None:
    """Ask, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="the kept folder of benchmarks.oversight")
    options = parser.parse_args()
    with ExitStack() as stack:
        url = stack.enter_context(provinces.server(options.folder))
        load = os.getloadavg()[0]
        results = measure(url, options.folder / "home")
        print(json.dumps({"load_before": load, "load_after": os.getloadavg()[0], "pages": results}, indent=2))


if __name__ == "__main__":
    main()
