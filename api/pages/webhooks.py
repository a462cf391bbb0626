"""Connected systems: which machine clients there are, where they want to be told of changes, and what did not arrive."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.request_id import current_request_id
from api.rights import Right
from models.repositories import audit, clients, webhook_deliveries
from models.repositories import webhooks as store


@counter_pages.get("/desk/webhooks")
@staff_needed(Right.MANAGE_CLIENTS)
def webhooks(caller: Caller) -> ResponseReturnValue:
    """The clients of the account's region, each with its webhooks. No person is shown here."""
    with current().database.read_scope() as session:
        known = [client for client in clients.listed(session) if caller.covers(client.region_code)]
        endpoints = store.endpoints(session, region=caller.region or "none")
    of_client: dict[str, list[tuple[store.Endpoint, str]]] = {}
    for endpoint in endpoints:
        of_client.setdefault(endpoint.client_id, []).append((endpoint, urlsplit(endpoint.url).hostname or ""))
    systems = [(client, of_client.get(client.client_id, [])) for client in known]
    return render_template("desk_webhooks/list.html", systems=systems)


@counter_pages.post("/desk/webhooks/<webhook_id>/retry")
@staff_needed(Right.MANAGE_CLIENTS)
def retry_webhook(caller: Caller, webhook_id: str) -> ResponseReturnValue:
    """Send the dead messages of one webhook again, and put it back to work."""
    context = current()
    now = context.clock()
    with context.database.session_scope() as session:
        if not store.endpoints(session, region=caller.region or "none", public_id=webhook_id):
            abort(404)
        number = webhook_deliveries.revive(session, store.find(session, webhook_id).id, now=now)
        details = {"door": "counter", "request_id": current_request_id(), "messages": number}
        audit.record(session, actor=caller.actor, action="webhook_retried", now=now, object=webhook_id, details=details)
    flash(_("Messages that will be sent again: %(number)s", number=number))
    return redirect(url_for("counter.webhooks"), 303)
