"""Hospitals and their claims: a hospital with its alerts and its claims by month, and one claim with its lines and what was found in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import Caller
from api.charts import Chart, ChartKind, Series, Tone
from api.context import current
from api.i18n import current_language
from api.pages.blueprints import counter_pages
from api.pages.chart_svg import svg_answer
from api.pages.claim_words import CATEGORIES, DISCHARGES, IDENTITY_CHECKS, INSTITUTIONS, LEVELS
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import SCHEMES, SETTINGS, STATES, alert_title, yuan
from api.request_id import current_request_id
from api.rights import Right
from api.signal_explanations import sentences_of
from models.alert import Alert
from models.claim import Claim, ClaimLine, Institution
from models.detection import Signal
from models.errors import NotFoundError
from models.identifiers import mask_name
from models.person import Person
from models.region import Region
from models.repositories import audit, claim_names, claims, hospitals
from models.repositories.claim_names import Names
from models.repositories.hospitals import ClaimMonth

MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])")
CLAIMS_SHOWN = 50
LINES_SHOWN = 200
FEN_OF_TEN_THOUSAND_YUAN = 1_000_000


@dataclass(frozen=True)
class Finding:
    """One finding that names the claim. lines: numbers of the lines that it names. alert_id: public, None where there is none to open."""

    title: str
    severity: str
    severity_words: str
    amount: str | None
    sentences: tuple[str, ...]
    lines: tuple[int, ...]
    alert_id: str | None


def _institution(session: Session, caller: Caller, hospital_id: str) -> Institution:
    """The institution, when it lies in the caller's region; 404 otherwise."""
    try:
        found = claims.institution(session, hospital_id)
    except NotFoundError:
        abort(404)
    if not caller.covers(found.region_code):
        abort(404)
    return found


def _last_month(session: Session, institution: Institution) -> date:
    """The month of the newest claim: claims come weeks after the stays. This month where there is none."""
    context = current()
    return hospitals.last_claim_on(session, institution.id) or context.policy.certification.today(context.clock())


@counter_pages.get("/desk/hospitals/<hospital_id>")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS, Right.READ_OVERSIGHT)
def hospital(caller: Caller, hospital_id: str) -> ResponseReturnValue:
    """One hospital: its open alerts, its claims by month, and the dearest claims of one month. Nobody is named."""
    context = current()
    with context.database.read_scope() as session:
        institution = _institution(session, caller, hospital_id)
        months = hospitals.claims_by_month(session, institution.id, last=_last_month(session, institution))
        typed = request.args.get("month", "")
        month = date.fromisoformat(f"{typed}-01") if MONTH.fullmatch(typed) else months[-1].month
        dearest = hospitals.dearest_claims(session, institution.id, month, limit=CLAIMS_SHOWN)
        region = session.get(Region, institution.region_code)
        return render_template(
            "desk_oversight/hospital.html",
            hospital=institution,
            region=region.name if region else "",
            level=LEVELS[institution.level],
            kind=INSTITUTIONS[institution.kind],
            may_oversee=Right.READ_OVERSIGHT in caller.rights,
            alerts=hospitals.open_alerts(session, institution.code),
            may_open=not caller.rights.isdisjoint({Right.READ_ALERTS, Right.WORK_ALERTS}),
            months=list(reversed(months)),
            month=month,
            claims=dearest,
            shown=CLAIMS_SHOWN,
            settings=SETTINGS,
            states=STATES,
            alert_title=alert_title,
            yuan=yuan,
            today=context.policy.certification.today,
        )


@counter_pages.get("/desk/hospitals/<hospital_id>/claims.svg")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS, Right.READ_OVERSIGHT)
def hospital_chart(caller: Caller, hospital_id: str) -> ResponseReturnValue:
    """What the fund paid to a hospital, month by month."""
    with current().database.read_scope() as session:
        institution = _institution(session, caller, hospital_id)
        months = hospitals.claims_by_month(session, institution.id, last=_last_month(session, institution))
    return svg_answer(_chart(months))


def _chart(months: list[ClaimMonth]) -> Chart:
    paid = tuple(one.fund_fen / FEN_OF_TEN_THOUSAND_YUAN for one in months)
    series = Series(_("Paid by the fund"), paid, Tone.MAIN, tuple(f"{value:,.2f}" for value in paid))
    labels = tuple(f"{one.month:%Y-%m}" for one in months)
    return Chart(_("Paid by the fund, month by month"), ChartKind.LINES, labels, (series,), _("in ten thousand yuan"))


@counter_pages.get("/desk/claims/<claim_id>")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS, Right.READ_OVERSIGHT)
def claim(caller: Caller, claim_id: str) -> ResponseReturnValue:
    """One claim: its lines, and what was found in it. For those of the region of its person or of its hospital; every look is recorded."""
    context = current()
    start = max(0, request.args.get("after", 0, type=int) or 0)
    with context.database.session_scope() as session:
        try:
            found, institution = claims.get(session, claim_id)
        except NotFoundError:
            abort(404)
        person = session.get_one(Person, found.person_id)
        sees_person, sees_hospital = caller.covers(person.region_code), caller.covers(institution.region_code)
        if not (sees_person or sees_hospital):
            abort(404)
        details = {"door": "counter", "request_id": current_request_id()}
        audit.record(
            session,
            actor=caller.actor,
            action="claim_seen",
            now=context.clock(),
            person_id=person.id,
            object=found.public_id,
            details=details,
        )
        lines = hospitals.lines_after(session, found.id, start, limit=LINES_SHOWN + 1)
        findings = _findings(session, caller, found, lines[:LINES_SHOWN])
        return render_template(
            "desk_oversight/claim.html",
            claim=found,
            hospital=institution,
            sees_hospital=sees_hospital,
            may_oversee=Right.READ_OVERSIGHT in caller.rights,
            person=person if sees_person else None,
            masked_name=mask_name(person.name) if sees_person else "",
            may_see=sees_person and Right.READ_TIMELINE in caller.rights,
            setting=SETTINGS[found.setting],
            scheme=SCHEMES[found.scheme],
            discharge=DISCHARGES[found.discharge_way] if found.discharge_way else None,
            identity_check=IDENTITY_CHECKS[found.identity_check] if found.identity_check else None,
            lines=lines[:LINES_SHOWN],
            following=lines[LINES_SHOWN - 1].number if len(lines) > LINES_SHOWN else None,
            further=start > 0,
            findings=findings,
            named=_named(findings),
            categories=CATEGORIES,
            yuan=yuan,
            today=context.policy.certification.today,
        )


def _findings(session: Session, caller: Caller, found: Claim, lines: list[ClaimLine]) -> list[Finding]:
    signals = hospitals.signals_naming(session, found, lines)
    numbers = {line.id: line.number for line in lines}
    wanted = {signal.alert_id for signal in signals if signal.alert_id is not None}
    alerts = {
        key: public_id
        for key, public_id, region in session.execute(select(Alert.id, Alert.public_id, Alert.region_code).where(Alert.id.in_(wanted)))
        if caller.covers(region)
    }
    if caller.rights.isdisjoint({Right.READ_ALERTS, Right.WORK_ALERTS}):
        alerts = {}
    names = claim_names.read(session, [signal.records for signal in signals], caller.covers)
    return [_finding(signal, numbers, alerts.get(signal.alert_id or 0), names) for signal in signals]


def _finding(signal: Signal, numbers: dict[int, int], alert_id: str | None, names: Names) -> Finding:
    named = {numbers[one["id"]] for one in signal.records if one.get("kind") == "claim_line" and one.get("id") in numbers}
    return Finding(
        alert_title(signal.code),
        signal.severity.value,
        str(STATES[signal.severity.value]),
        yuan(signal.amount_fen) if signal.amount_fen else None,
        sentences_of(signal, current_language(), names),
        tuple(sorted(named)),
        alert_id,
    )


def _named(findings: list[Finding]) -> dict[int, list[str]]:
    """Number of a line -> titles of the findings that name it."""
    found: dict[int, list[str]] = {}
    for finding in findings:
        for number in finding.lines:
            found.setdefault(number, []).append(finding.title)
    return found
