"""Alerts and signals for programs and staff: what detection found in their region, and with which records."""

from __future__ import annotations

from sqlalchemy import select

from api import signal_explanations as explanations
from api.alert_looks import record_alert_looks
from api.callers import Caller
from api.context import current
from api.problems import FieldError, Problem
from api.request_id import current_request_id
from api.rights import Right
from api.v1 import signal_examples
from api.v1.door import Door, blueprint, door
from api.v1.signal_schemas import (
    AlertAnswer,
    AlertsAnswer,
    AlertsQuery,
    Bilingual,
    SentencesAnswer,
    SignalAnswer,
    SignalRecordAnswer,
    SignalsAnswer,
    SignalsQuery,
    SignalWithRecordsAnswer,
    WholeAlertAnswer,
)
from models.alert import Alert
from models.detection import Signal
from models.errors import NotFoundError
from models.person import Person
from models.repositories import alert_lists, alerts, audit, claim_names, signal_feed, signal_records
from models.repositories.alert_lists import OPEN_STATES, AlertFilter, ListedAlert
from models.repositories.claim_names import Names

NOBODY = "none"  # the region of an account that has none


def _unknown_cursor() -> Problem:
    return Problem("validation_failed", "The cursor is not one of ours.", (FieldError("cursor", "unknown_cursor", "query"),))


@blueprint.get("/alerts")
@door(
    Door(
        summary="Read alerts, the most urgent first",
        right=Right.READ_ALERTS,
        query=AlertsQuery,
        answer=AlertsAnswer,
        example=signal_examples.ALERTS,
    )
)
def read_alerts(caller: Caller, query: AlertsQuery) -> AlertsAnswer:
    """Read alerts, the most urgent first

    Of the caller's region. An alert whose priority changes while pages are read may be seen twice or not at all: what must not be missed is
    read from the signals.
    """
    context = current()
    chosen = AlertFilter(
        NOBODY if caller.region is None else caller.region,
        OPEN_STATES if query.state is None else (query.state,),
        query.code,
        query.severity,
        query.region_code,
        query.amount_fen_min,
    )
    with context.database.read_scope() as session:
        try:
            found = alert_lists.page(session, chosen, after=query.cursor, limit=query.limit + 1)
        except ValueError:
            raise _unknown_cursor() from None
    listed = found[: query.limit]
    details = {"door": "api", "request_id": current_request_id(), "count": len(listed), "after": query.cursor}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action="alerts_read", now=context.clock(), details=details)
    following = listed[-1].cursor if len(found) > query.limit else None
    return AlertsAnswer(alerts=tuple(_listed(row) for row in listed), next_cursor=following)


def _listed(row: ListedAlert) -> AlertAnswer:
    return AlertAnswer(
        alert_id=row.public_id,
        code=row.code,
        severity=row.severity,
        state=row.state,
        person_id=row.person_id,
        region_code=row.region_code,
        amount_fen=row.amount_fen,
        priority=row.priority,
        signals=row.signals,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
    )


@blueprint.get("/alerts/<public_id:alert_id>")
@door(
    Door(
        summary="Read one alert with its signals and their records",
        right=Right.READ_ALERTS,
        answer=WholeAlertAnswer,
        example=signal_examples.WHOLE_ALERT,
        problems=("alert_unknown",),
    )
)
def read_alert(alert_id: str, caller: Caller) -> WholeAlertAnswer:
    """Read one alert with its signals and their records

    Records of persons of other regions are counted, not shown. The look at each person is recorded.
    """
    context = current()
    with context.database.session_scope() as session:
        try:
            alert = alerts.get(session, alert_id)
        except NotFoundError:
            raise _alert_unknown() from None
        if not caller.covers(alert.region_code):
            raise _alert_unknown()
        rows = list(session.scalars(select(Signal).where(Signal.alert_id == alert.id).order_by(Signal.id)))
        seen: set[int] = set() if alert.person_id is None else {alert.person_id}
        ids = {row.person_id for row in rows if row.person_id is not None} | seen
        public = {row.id: row.public_id for row in session.execute(select(Person.id, Person.public_id).where(Person.id.in_(ids)))}
        findings = []
        for row in rows:
            behind = signal_records.read(session, row)
            visible = {key: person.public_id for key, person in behind.persons.items() if caller.covers(person.region_code)}
            seen |= visible.keys()
            findings.append(_with_records(row, public, alert.public_id, behind, visible))
        record_alert_looks(session, caller, alert, seen, door="api", now=context.clock())
        return _whole(alert, public, tuple(findings))


def _alert_unknown() -> Problem:
    return Problem("alert_unknown", "No alert with this id in your reach.")


def _whole(alert: Alert, public: dict[int, str], findings: tuple[SignalWithRecordsAnswer, ...]) -> WholeAlertAnswer:
    return WholeAlertAnswer(
        alert_id=alert.public_id,
        code=alert.code,
        severity=alert.severity,
        state=alert.state,
        person_id=None if alert.person_id is None else public.get(alert.person_id),
        region_code=alert.region_code,
        amount_fen=alert.amount_fen,
        priority=alert.priority,
        signals=tuple(sorted({one.code for one in findings if one.vanished_at is None})),
        opened_at=alert.opened_at,
        updated_at=alert.updated_at,
        closed_at=alert.closed_at,
        findings=findings,
    )


def _signal(row: Signal, person_id: str | None, alert_id: str | None, names: Names) -> SignalAnswer:
    return SignalAnswer(
        signal_id=row.public_id,
        alert_id=alert_id,
        code=row.code,
        title=Bilingual(en=explanations.title_of(row.code, "en"), zh=explanations.title_of(row.code, "zh")),
        severity=row.severity,
        confidence=row.confidence,
        subject_kind=row.subject_kind,
        person_id=person_id,
        subject_ref=row.subject_ref,
        region_code=row.region_code,
        from_month=row.from_month,
        to_month=row.to_month,
        months=row.months,
        amount_fen=row.amount_fen,
        sentences=SentencesAnswer(en=explanations.sentences_of(row, "en", names), zh=explanations.sentences_of(row, "zh", names)),
        facts=row.facts,
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        vanished_at=row.vanished_at,
        vanished_reason=row.vanished_reason,
    )


def _with_records(
    row: Signal, public: dict[int, str], alert_id: str, behind: signal_records.Behind, visible: dict[int, str]
) -> SignalWithRecordsAnswer:
    names = signal_records.claim_names(behind, visible.keys())
    base = _signal(row, None if row.person_id is None else public.get(row.person_id), alert_id, names)
    records = tuple(
        SignalRecordAnswer(
            kind=one.kind,
            role=one.role,
            person_id=visible[one.person],
            code=one.code,
            on=one.on,
            until=one.until,
            scheme=one.scheme,
            region_code=one.region_code,
            amount_fen=one.amount_fen,
            source=one.source,
            strength=one.strength,
        )
        for one in behind.records
        if one.person in visible
    )
    texts = [explanations.explanation_of(row.code, language) for language in ("en", "zh")]
    explained = Bilingual(en=texts[0], zh=texts[1]) if texts[0] is not None and texts[1] is not None else None
    elsewhere = len(behind.records) - len(records) + behind.unread
    return SignalWithRecordsAnswer(**base.__dict__, explanation=explained, records=records, records_elsewhere=elsewhere)


@blueprint.get("/signals")
@door(
    Door(
        summary="Read signals that were found, changed or vanished since a cursor",
        right=Right.READ_ALERTS,
        query=SignalsQuery,
        answer=SignalsAnswer,
        example=signal_examples.SIGNALS,
    )
)
def read_signals(caller: Caller, query: SignalsQuery) -> SignalsAnswer:
    """Read signals that were found, changed or vanished since a cursor

    In the order of their last change, of the caller's region. What a run finds is told when the run has ended; other findings a minute
    after they were written. Asking again with the same cursor gives the same signals again, as they are then.
    """
    context = current()
    try:
        after = signal_feed.START if query.cursor is None else signal_feed.position_of(query.cursor)
    except ValueError:
        raise _unknown_cursor() from None
    region = NOBODY if caller.region is None else caller.region
    with context.database.read_scope() as session:
        page = signal_feed.page(session, region=region, after=after, now=context.clock(), code=query.code, limit=query.limit)
        names = claim_names.read(session, [one.signal.records for one in page.signals], caller.covers)
        told = tuple(_signal(one.signal, one.person_id, one.alert_id, names) for one in page.signals)
    following = page.following.cursor
    details = {"door": "api", "request_id": current_request_id(), "count": len(told), "after": query.cursor, "upto": following}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action="signals_read", now=context.clock(), details=details)
    return SignalsAnswer(signals=told, next_cursor=following, more=page.more)
