"""For security officers and auditors: faces held and the filing pack, and what deletion when due did. No person is named here."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from typing import Any

from flask import Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.privacy_words import PERIODS, REFUSED_RUNS, length_words
from api.pages.staff_only import staff_needed
from api.privacy_pack import make_pack
from api.rights import Right
from models.privacy import RetentionRun
from models.repositories import audit, retention_runs
from models.repositories.face_counter import weekdays_after

RUNS = 30
LANGUAGES = ("zh", "en")


@counter_pages.get("/desk/privacy")
@staff_needed(Right.READ_PRIVACY)
def privacy(_caller: Caller) -> ResponseReturnValue:
    """How many faces are held, since when the authority has to be told, and the papers. The counter is of the last nightly run."""
    context = current()
    policy = context.policy.privacy
    with context.database.read_scope() as session:
        run = retention_runs.last_whole(session)
    since = None if run is None else run.filing_since
    due_on = None if since is None else weekdays_after(since, policy.filing_weekdays)
    today = context.policy.certification.today(context.clock())
    return render_template(
        "privacy/office.html",
        run=run,
        since=since,
        due_on=due_on,
        late=due_on is not None and due_on < today,
        threshold=policy.filing_people,
        unstated=not (policy.handler and policy.officer and policy.officer_contact),
        local=context.policy.certification.local,
        languages=LANGUAGES,
    )


@counter_pages.get("/desk/privacy/pack.zip")
@staff_needed(Right.READ_PRIVACY)
def privacy_pack(caller: Caller) -> ResponseReturnValue:
    """The filing pack, made now."""
    language = request.args.get("language", LANGUAGES[0])
    if language not in LANGUAGES:
        abort(404)
    context = current()
    files, facts = make_pack(context, language=language)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with context.database.session_scope() as session:
        details = {"people": facts.faces.people, "language": language}
        audit.record(session, actor=caller.actor, action="privacy.pack_made", now=context.clock(), details=details)
    headers = {"Content-Disposition": f'attachment; filename="filing-{facts.day}-{language}.zip"', "Cache-Control": "private, no-store"}
    return Response(out.getvalue(), mimetype="application/zip", headers=headers)


@counter_pages.get("/desk/retention")
@staff_needed(Right.READ_PRIVACY)
def retention(_caller: Caller) -> ResponseReturnValue:
    """What was deleted because its time was over: the last run in full, and the runs before."""
    given = request.args.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
    context = current()
    with context.database.read_scope() as session:
        runs = retention_runs.listing(session, before_id=before, limit=RUNS + 1)
        last = retention_runs.last_whole(session)
    shown = runs[:RUNS]
    return render_template(
        "privacy/retention.html",
        last=last,
        lines=[] if last is None else [_line(line) for line in last.lines],
        runs=[(run, _refused(run)) for run in shown],
        following=url_for("counter.retention", before=shown[-1].id) if len(runs) > RUNS else None,
        local=context.policy.certification.local,
        overdue=last is not None and context.clock() > last.started_at + timedelta(days=2),
    )


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """One line of a report, with the period's name and length in words. Periods of versions before keep the name of their time."""
    code, oldest = line["period"], line.get("oldest")
    oldest_at = datetime.fromisoformat(oldest) if oldest else None
    return {**line, "words": PERIODS.get(code, code.replace("_", " ")), "time": length_words(line["length"]), "oldest_at": oldest_at}


def _refused(run: RetentionRun) -> str | None:
    return None if run.refused is None else str(REFUSED_RUNS.get(run.refused, run.refused))
