"""Life after a death record, found for the persons of a chunk of rows and opened as alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from models.alert import AlertSeverity
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.repositories import alerts
from models.repositories.alerts import NewAlert

CODE = "P7"
LIVING = frozenset(
    {
        EvidenceKind.FACE,
        EvidenceKind.COUNTER,
        EvidenceKind.HOME_VISIT,
        EvidenceKind.VIDEO_CALL,
        EvidenceKind.ASSISTED,
        EvidenceKind.DATA_MATCH,
    }
)
LOOKED_UP_AT_ONCE = 1_000
NAMED_MAX = 20
"""Rows of evidence that an alert names; the newest of more."""


def open_for(session: Session, touched: Mapping[int, date | None], *, by: str, now: datetime) -> int:
    """Open an alert for each person with evidence of life dated after a death record; how many were opened.

    touched: person -> day of the newest evidence of life that came in just now, None for a death record. Records that were merged are
    looked at together. Somebody whose new evidence is not younger than the death record is left to the alert that there is.
    """
    opened, ids = 0, list(touched)
    for start in range(0, len(ids), LOOKED_UP_AT_ONCE):
        findings = _findings(session, {one: touched[one] for one in ids[start : start + LOOKED_UP_AT_ONCE]})
        opened += alerts.open_alerts(session, findings, by=by, now=now)
    return opened


def _findings(session: Session, touched: Mapping[int, date | None]) -> list[NewAlert]:
    speaking = func.coalesce(Person.merged_into_id, Person.id)
    roots = {row[0]: row[1] for row in session.execute(select(Person.id, speaking).where(Person.id.in_(list(touched))))}
    wanted = sorted(set(roots.values()))
    members = {
        row[0]: row[1]
        for row in session.execute(select(Person.id, speaking).where(or_(Person.id.in_(wanted), Person.merged_into_id.in_(wanted))))
    }
    deaths = _standing(session, members, {EvidenceKind.DEATH_RECORD})
    first = {root: min(row.occurred_on for row in rows) for root, rows in deaths.items()}
    news = {root: [touched[one] for one, its in roots.items() if its == root] for root in first} if first else {}
    suspect = {root for root, days in news.items() if any(day is None or day > first[root] for day in days)}
    if not suspect:
        return []
    lives = _standing(session, {one: root for one, root in members.items() if root in suspect}, LIVING)
    regions = {row[0]: row[1] for row in session.execute(select(Person.id, Person.region_code).where(Person.id.in_(sorted(suspect))))}
    findings = []
    for root in sorted(suspect):
        after = [row for row in lives.get(root, []) if row.occurred_on > first[root]]
        if after:
            details = {
                "deaths": [{"evidence": row.id, "on": row.occurred_on.isoformat(), "strength": row.strength.value} for row in deaths[root]],
                "traces": [{"evidence": row.id, "on": row.occurred_on.isoformat(), "kind": row.kind.value} for row in after[:NAMED_MAX]],
            }
            findings.append(NewAlert(CODE, f"{CODE}:{root}", AlertSeverity.WARNING, regions[root], root, details=details))
    return findings


def _standing(session: Session, members: Mapping[int, int], kinds: Iterable[EvidenceKind]) -> dict[int, list[LifeEvidence]]:
    # rows that count, newest first, by the record that speaks
    correction = aliased(LifeEvidence)
    query = (
        select(LifeEvidence)
        .where(
            LifeEvidence.person_id.in_(list(members)),
            LifeEvidence.kind.in_(list(kinds)),
            LifeEvidence.strength != Strength.VOID,
            ~select(correction.id).where(correction.corrects_id == LifeEvidence.id).exists(),
        )
        .order_by(LifeEvidence.occurred_on.desc(), LifeEvidence.id.desc())
    )
    found: dict[int, list[LifeEvidence]] = {}
    for row in session.scalars(query):
        found.setdefault(members[row.person_id], []).append(row)
    return found
