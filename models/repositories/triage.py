"""Triage in the store: the standing signals on one person, and on every record merged into that person, have one alert that is not closed.

It goes by what stands, so that doing it again changes nothing. Signals that are suppressed, or whose rule is in shadow, stand but weigh
nothing; an alert with nothing else behind it closes, unless people work on it. Persons are locked while it decides, so that a run and a row
that comes in do not both open an alert.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, false, func, literal, or_, select, type_coerce
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.benefit import Payment
from models.casework import RuleMode
from models.claim import Claim, ClaimLine
from models.detection import Signal, SubjectKind
from models.person import Person
from models.repositories import rule_modes, suppressions
from models.repositories.signals import TRIAGE
from models.repositories.triage_writes import IN_SHADOW, SUPPRESSED, Subject, TriageWrites, person_alert_key
from models.triage import DOUBTS_DEATH, Paid, TriageRules, Weighable, is_news, months, weigh

AT_ONCE = 1_000
IDS_AT_ONCE = 10_000
PAID_ROLES = frozenset({"paid", "own"})
"""Roles of the payments that are the money of a finding, or of the benefits whose months are."""
_SIGNAL, _ALERT = Signal.__table__.c, Alert.__table__.c


@dataclass(frozen=True)
class Triaged:
    """What became of alerts. told: alerts in a case, which people close. locked: persons whom somebody else held, to be asked again."""

    opened: int = 0
    updated: int = 0
    closed: int = 0
    told: int = 0
    locked: int = 0

    def __add__(self, other: Triaged) -> Triaged:
        """The two together."""
        return Triaged(
            self.opened + other.opened,
            self.updated + other.updated,
            self.closed + other.closed,
            self.told + other.told,
            self.locked + other.locked,
        )


@dataclass(frozen=True)
class _Money:
    """What was paid, in fen; the month of a benefit that each payment is of, and the claim that each line is of."""

    paid: dict[Paid, int]
    month_of: dict[int, Paid]
    claim_of: dict[int, int]


@dataclass(frozen=True)
class _Known:
    """What the store knows of the subjects of one chunk, by their keys. hidden: codes that are suppressed, an empty one for all; shadow: of
    rules whose findings are only kept.
    """

    standing: Mapping[str, Sequence[Row[Any]]]
    vanished: Mapping[str, Sequence[Row[Any]]]
    alerts: Mapping[str, Sequence[Row[Any]]]
    closed: Mapping[int, Row[Any]]
    money: _Money
    hidden: Mapping[str, frozenset[str]]
    shadow: frozenset[str]


def due(session: Session, *, after: int, limit: int = AT_ONCE) -> Sequence[int]:
    """Persons with a signal that their alert does not know of yet, by key from after one."""
    query = select(Signal.person_id).where(Signal.triage_due, Signal.person_id > after).distinct()
    return [person_id for person_id in session.scalars(query.order_by(Signal.person_id).limit(limit)) if person_id is not None]


def triage(
    session: Session, person_ids: Collection[int], rules: TriageRules, *, by: str, now: datetime, skip_locked: bool = False
) -> Triaged:
    """Bring the alerts of these persons to what their signals say; at most some thousands at once.

    skip_locked: leave whom another transaction is at, so that a run waits for nobody.
    """
    speaking = func.coalesce(Person.merged_into_id, Person.id)
    wanted = sorted(set(session.scalars(select(speaking).where(Person.id.in_(person_ids)))))
    lock = select(Person.id).where(Person.id.in_(wanted)).order_by(Person.id).with_for_update(key_share=True, skip_locked=skip_locked)
    roots = list(session.scalars(lock))
    members = {
        row.id: row.merged_into_id or row.id
        for row in session.execute(
            select(Person.id, Person.merged_into_id).where(or_(Person.id.in_(roots), Person.merged_into_id.in_(roots)))
        )
    }
    regions = {row[0]: row[1] for row in session.execute(select(Person.id, Person.region_code).where(Person.id.in_(roots)))}
    subjects = {person_alert_key(root): Subject(person_alert_key(root), root, regions[root]) for root in roots}
    signals = _of(session, _SIGNAL.person_id.in_(list(members)))
    by_subject = {row.id: person_alert_key(members[row.person_id]) for row in signals}
    keys = {person_alert_key(member): person_alert_key(root) for member, root in members.items()}
    done = _decide_all(session, subjects, signals, by_subject, keys, rules, TriageWrites(by, now))
    return replace(done, locked=len(wanted) - len(roots))


def triage_others(session: Session, rules: TriageRules, *, by: str, now: datetime, limit: int = AT_ONCE) -> tuple[Triaged, int]:
    """The same for signals that are about no person: an account, a hospital; with how many subjects were looked at. One run at a time.

    A hospital and its doctors ("CODE/DOCTOR") have one alert, that of the hospital.
    """
    key = type_coerce(_SIGNAL.subject_kind, String) + literal(":") + _SIGNAL.subject_ref
    due_keys = session.scalars(
        select(key).where(_SIGNAL.triage_due, _SIGNAL.person_id.is_(None)).distinct().order_by(key).limit(limit)
    ).all()
    if not due_keys:
        return Triaged(), 0
    wanted = {subject_key(*one.split(":", 1)) for one in due_keys}
    refs = {one.split(":", 1)[1] for one in wanted}
    own = _SIGNAL.subject_ref.in_(refs)
    hospitals = [one.split(":", 1)[1] for one in wanted if one.startswith(f"{SubjectKind.HOSPITAL.value}:")]
    theirs = or_(false(), *(_SIGNAL.subject_ref.startswith(f"{one}/", autoescape=True) for one in hospitals))
    doctors = and_(_SIGNAL.subject_kind == SubjectKind.DOCTOR, theirs)
    signals = [
        row
        for row in _of(session, _SIGNAL.person_id.is_(None), or_(own, doctors))
        if subject_key(row.subject_kind.value, row.subject_ref) in wanted
    ]
    by_subject = {row.id: subject_key(row.subject_kind.value, row.subject_ref) for row in signals}
    subjects = {by_subject[row.id]: Subject(by_subject[row.id], None, row.region_code) for row in reversed(signals)}
    keys = {one: one for one in subjects}
    return _decide_all(session, subjects, signals, by_subject, keys, rules, TriageWrites(by, now)), len(due_keys)


def subject_key(kind: str, ref: str) -> str:
    """Key of the alert about what is no person: of a doctor, the hospital's."""
    if kind == SubjectKind.DOCTOR.value:
        return f"{SubjectKind.HOSPITAL.value}:{ref.split('/', 1)[0]}"
    return f"{kind}:{ref}"


def _of(session: Session, *whose: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """What stands, and what vanished without the alert knowing."""
    return session.execute(
        select(*_SIGNAL).where(*whose, or_(_SIGNAL.vanished_at.is_(None), _SIGNAL.triage_due)).order_by(_SIGNAL.id)
    ).all()


def _decide_all(
    session: Session,
    subjects: Mapping[str, Subject],
    signals: Sequence[Row[Any]],
    by_subject: Mapping[int, str],
    keys: Mapping[str, str],
    rules: TriageRules,
    writes: TriageWrites,
) -> Triaged:
    """keys: of every alert that may be open about the subjects -> key of the subject."""
    standing, vanished = defaultdict[str, list[Row[Any]]](list), defaultdict[str, list[Row[Any]]](list)
    for row in signals:
        (standing if row.vanished_at is None else vanished)[by_subject[row.id]].append(row)
    alerts = defaultdict[str, list[Row[Any]]](list)
    # locked, so that nobody closes one or makes a case of it meanwhile
    query = select(*_ALERT).where(_ALERT.key.in_(list(keys)), _ALERT.state != AlertState.CLOSED.value)
    for row in session.execute(query.order_by(_ALERT.id).with_for_update()):
        alerts[keys[row.key]].append(row)
    earlier = {row.alert_id for row in signals if row.alert_id is not None}
    over = select(*_ALERT).where(_ALERT.id.in_(earlier), _ALERT.state == AlertState.CLOSED.value)
    closed = {row.id: row for row in session.execute(over)}
    hidden: dict[str, frozenset[str]] = {}
    for key, codes in suppressions.holding(session, keys, rules.certification.today(writes.now)).items():
        hidden[keys[key]] = hidden.get(keys[key], frozenset()) | codes
    modes = rule_modes.current(session)
    shadow = frozenset(code for code, mode in modes.items() if mode is not RuleMode.LIVE)
    known = _Known(standing, vanished, alerts, closed, _money(session, standing), hidden, shadow)
    for subject in subjects.values():
        _decide(subject, known, rules, writes)
    return Triaged(writes.write(session), writes.updated, writes.closed, writes.told)


def _money(session: Session, standing: Mapping[str, Sequence[Row[Any]]]) -> _Money:
    """What was paid where several signals on one subject name money."""
    payments, benefits, bounds = set[int](), set[int](), list[date]()
    claims, lines = set[int](), set[int]()
    for rows in standing.values():
        priced = [row for row in rows if row.amount_fen > 0]
        if len(priced) < 2:
            continue
        for row in priced:
            payments.update(_ids(row, "payment"))
            claims.update(_named(row, "claim"))
            lines.update(_named(row, "claim_line"))
            if row.from_month is not None and row.to_month is not None and (named := _ids(row, "benefit")):
                benefits.update(named)
                bounds += [row.from_month, row.to_month]
    money = _Money({}, {}, {})
    query = select(Payment.id, Payment.benefit_id, Payment.month, Payment.amount_fen)
    asked = [query.where(Payment.id.in_(some)) for some in _some(payments)]
    asked += [query.where(Payment.benefit_id.in_(some), Payment.month.between(min(bounds), max(bounds))) for some in _some(benefits)]
    for one in asked:
        for payment_id, benefit_id, month, fen in session.execute(one):
            money.month_of[payment_id] = (benefit_id, month)
            money.paid[benefit_id, month] = fen
    for some in _some(lines):
        money.claim_of.update(
            (row[0], row[1]) for row in session.execute(select(ClaimLine.id, ClaimLine.claim_id).where(ClaimLine.id.in_(some)))
        )
    for some in _some(claims | set(money.claim_of.values())):
        money.paid.update((row[0], row[1]) for row in session.execute(select(Claim.id, Claim.fund_fen).where(Claim.id.in_(some))))
    return money


def _some(ids: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), IDS_AT_ONCE):
        yield ordered[start : start + IDS_AT_ONCE]


def _ids(row: Row[Any], kind: str) -> list[int]:
    return [record["id"] for record in row.records if record["kind"] == kind and record["role"] in PAID_ROLES]


def _named(row: Row[Any], kind: str) -> list[int]:
    return [record["id"] for record in row.records if record["kind"] == kind]


def _decide(subject: Subject, known: _Known, rules: TriageRules, writes: TriageWrites) -> None:
    live, muted, earlier = [], [], set[str]()
    standing, vanished = known.standing.get(subject.key, ()), known.vanished.get(subject.key, ())
    hidden = known.hidden.get(subject.key, frozenset())
    for row in standing:
        if row.code in known.shadow or "" in hidden or row.code in hidden:
            muted.append(row)
            if row.triage_due:
                writes.settle(row)
            continue
        closed = None if row.alert_id is None else known.closed.get(row.alert_id)
        by_people = closed is not None and closed.closed_by != TRIAGE
        if closed is None or not by_people or is_news(row.changed_at, closed.closed_at):
            live.append(row)
            if closed is not None and by_people:
                earlier.add(closed.public_id)
        elif row.triage_due:
            writes.settle(row)
    for row in vanished:
        writes.settle(row)
    alerts = known.alerts.get(subject.key, ())
    kept = next((one for one in alerts if one.key == subject.key), alerts[0] if alerts else None)
    for other in alerts:
        if kept is not None and other.id != kept.id:
            writes.leave(other, subject, kept.public_id)
    if live:
        weighed = weigh([_weighable(row, known.money) for row in live], rules.policy, known.money.paid)
        if kept is None:
            writes.open(subject, live, weighed, sorted(earlier))
        else:
            writes.update(kept, subject, live, vanished, weighed, muted)
    elif kept is not None:
        silenced = IN_SHADOW if any(row.code in known.shadow for row in muted) else SUPPRESSED
        writes.empty(kept, subject, vanished, muted, silenced)


def _weighable(row: Row[Any], money: _Money) -> Weighable:
    paid: set[Paid] = {money.month_of[one] for one in _ids(row, "payment") if one in money.month_of}
    paid |= {(benefit, month) for benefit in _ids(row, "benefit") for month in months(row.from_month, row.to_month)}
    # a claim that was deleted meanwhile has no money that could be told apart
    paid |= {one for one in _named(row, "claim") if one in money.paid}
    paid |= {money.claim_of[one] for one in _named(row, "claim_line") if money.claim_of.get(one) in money.paid}
    doubts_death = row.facts.get(DOUBTS_DEATH) is True
    return Weighable(row.code, row.key, row.severity, row.confidence, row.amount_fen, frozenset(paid), doubts_death)
