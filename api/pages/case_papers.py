"""Papers of a case: sent up with their type and size checked, opened again, each opening recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api import limits
from api.callers import Caller
from api.casework import casework_service, worker
from api.context import current
from api.limits import Limited
from api.pages.blueprints import counter_pages
from api.pages.case_forms import WrongInputError, wrong_input
from api.pages.case_steps import Asked, carried_out
from api.pages.staff_only import staff_needed
from api.rights import Right
from detection.casework.inputs import CaseInputError
from models.errors import Conflict, ConflictError, NotFoundError

if TYPE_CHECKING:
    from flask import Flask

FORM_BYTES = 64 * 1024  # of the form around the file


@counter_pages.post("/desk/cases/<public_id:case_id>/papers", endpoint="case_paper_add")
@staff_needed(Right.WORK_ALERTS)
def add(caller: Caller, case_id: str) -> ResponseReturnValue:
    """Add a paper to a case."""
    limits.check(Limited.UPLOADS_OF_ACCOUNT, caller.actor)
    context = current()
    asked = Asked(casework_service(context), worker(caller), caller, case_id, request.form)
    return carried_out(asked, lambda: _attach(asked))


def _attach(asked: Asked) -> LazyString:
    most = current().policy.casework.attachments.bytes_max
    sent = request.files.get("paper")
    if sent is None or not sent.filename:
        raise WrongInputError("paper", _("Choose a file."))
    try:
        asked.service.attach(asked.who, asked.case_id, sent.filename, sent.stream.read(most + 1))
    except CaseInputError as wrong:
        raise wrong_input("paper", wrong) from wrong
    except ConflictError as error:
        if error.conflict is not Conflict.ATTACHMENT_EXISTS:
            raise
        raise WrongInputError("paper", _("The same paper is on the case already.")) from error
    return lazy_gettext("The paper is kept.")


@counter_pages.get("/desk/cases/<public_id:case_id>/papers/<public_id:paper_id>", endpoint="case_paper")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def paper(caller: Caller, case_id: str, paper_id: str) -> ResponseReturnValue:
    """One paper, to be saved; the opening is recorded. Browsers do not show it in the page, so that nothing in it can act here."""
    try:
        opened = casework_service(current()).read_attachment(worker(caller), case_id, paper_id)
    except NotFoundError:
        abort(404)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(opened.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return Response(opened.data, mimetype=opened.media_type, headers=headers)


def register(app: Flask) -> None:
    """Let the form of papers be as large as a paper may be; before the check against forged requests, which reads the form."""

    def allow() -> None:
        if request.endpoint == "counter.case_paper_add":
            request.max_content_length = current().policy.casework.attachments.bytes_max + FORM_BYTES

    app.before_request_funcs.setdefault(None, []).insert(0, allow)
