"""Life after a death record (P7), found for the persons of a chunk of rows; it stands as a signal, and its alert opens, with the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from models.alert import AlertSeverity
from models.casework import RuleMode
from models.detection import Signal, SubjectKind
from models.finding import Finding, Record
from models.life_evidence import STRENGTH_ORDER, EvidenceKind, LifeEvidence, Strength, Trace, strengths_from
from models.person import Person
from models.policy_rules import LifeAfterDeath
from models.repositories import rule_modes, triage
from models.repositories.signals import records_json
from models.triage import DOUBTS_DEATH, LIFE_AFTER_DEATH, TriageRules
from models.types import opaque_id

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


def open_for(session: Session, touched: Mapping[int, date | None], rules: TriageRules, *, by: str, now: datetime) -> int:
    """Open an alert for each person with evidence of life dated after a death record; how many were opened.

    touched: person -> day of the newest evidence of life that came in just now, None for a death record. Records that were merged are
    looked at together. Somebody whose new evidence is not younger than the death record is left to the alert that there is. Nothing is
    looked for while the rule is retired.
    """
    if touched and rule_modes.current(session).get(LIFE_AFTER_DEATH) is RuleMode.RETIRED:
        return 0
    opened, ids = 0, list(touched)
    for start in range(0, len(ids), LOOKED_UP_AT_ONCE):
        found = find(session, {one: touched[one] for one in ids[start : start + LOOKED_UP_AT_ONCE]}, rules)
        opened += stand(session, found, rules, by=by, now=now)
    return opened


def key_of(person_id: int) -> str:
    """Key of the finding about the person for whom this record speaks."""
    return f"{LIFE_AFTER_DEATH}:{person_id}"


def find(session: Session, touched: Mapping[int, date | None], rules: TriageRules) -> list[Finding]:
    """What ``open_for`` opens alerts for; some thousands of persons at most."""
    speaking = func.coalesce(Person.merged_into_id, Person.id)
    roots = {row[0]: row[1] for row in session.execute(select(Person.id, speaking).where(Person.id.in_(list(touched))))}
    wanted = sorted(set(roots.values()))
    members = {
        row[0]: row[1]
        for row in session.execute(select(Person.id, speaking).where(or_(Person.id.in_(wanted), Person.merged_into_id.in_(wanted))))
    }
    strengths = rules.life_after_death.death_strengths
    deaths = _standing(session, members, {EvidenceKind.DEATH_RECORD}, strengths)
    first = {root: min(row.occurred_on for row in rows) for root, rows in deaths.items()}
    news = {root: [touched[one] for one, its in roots.items() if its == root] for root in first} if first else {}
    suspect = {root for root, days in news.items() if any(day is None or day > first[root] for day in days)}
    if not suspect:
        return []
    lives = _standing(session, {one: root for one, root in members.items() if root in suspect}, LIVING, strengths_from(Strength.INDICATIVE))
    findings = []
    for root in session.scalars(select(Person).where(Person.id.in_(suspect)).order_by(Person.id)):
        after = [row for row in lives.get(root.id, []) if row.occurred_on > first[root.id]]
        if after:
            findings.append(_finding(root, deaths[root.id], after, rules.life_after_death))
    return findings


def _finding(root: Person, deaths: Sequence[LifeEvidence], lives: Sequence[LifeEvidence], rule: LifeAfterDeath) -> Finding:
    """As the rule P7 says it, without the persons of the same name, whom only a run counts."""
    first = max(deaths, key=lambda row: (-row.occurred_on.toordinal(), STRENGTH_ORDER.index(row.strength), -row.id))
    own = [row for row in lives if row.based_on_id is None]  # a silent certification rests on traces that are counted themselves
    settled = [row for row in own if row.occurred_on > first.occurred_on + timedelta(days=rule.late_days)]
    conclusive = sum(row.strength is Strength.CONCLUSIVE for row in own)
    sources = {_origin(row) for row in settled if row.strength in strengths_from(Strength.SUPPORTING)}
    death_sources = len({row.source for row in deaths})
    before_birth = first.occurred_on < root.birth_date
    doubts_death = before_birth or conclusive > 0 or len(sources) >= rule.doubtful_sources
    if before_birth:
        recommendation = "correct_death_record"
    elif doubts_death:
        recommendation = "check_death_record"
    elif not settled:
        recommendation = "check_late_booking"
    else:
        certain = death_sources > 1 and first.strength is Strength.CONCLUSIVE
        recommendation = "check_use_of_identity" if certain else "check_both"
    days = [row.occurred_on for row in lives]
    facts = {
        "died_on": first.occurred_on.isoformat(),
        "strength": first.strength.value,
        "source": first.source,
        "traces": len(own),
        "sources": len(sources),
        "first_trace_on": min(days).isoformat(),
        "newest_trace_on": max(days).isoformat(),
        "conclusive": conclusive,
        "independent": len({_origin(row) for row in own}),
        "deaths": len(deaths),
        "death_sources": death_sources,
        "several_death_sources": death_sources > 1,
        "before_birth": before_birth,
        DOUBTS_DEATH: doubts_death,
        "recommendation": recommendation,
    }
    records = [Record("life_evidence", row.id, "death") for row in deaths] + [Record("life_evidence", row.id, "trace") for row in lives]
    return Finding(
        code=LIFE_AFTER_DEATH,
        key=key_of(root.id),
        region_code=root.region_code,
        severity=AlertSeverity.WARNING,
        confidence=rule.doubtful if doubts_death else rule.unclear if settled else rule.weak,
        person_id=root.id,
        facts=facts,
        records=tuple(records),
    )


def _origin(row: LifeEvidence) -> tuple[EvidenceKind, Trace | None, str]:
    return row.kind, row.trace, row.source


def stand(session: Session, findings: Sequence[Finding], rules: TriageRules, *, by: str, now: datetime) -> int:
    """Write findings as signals and bring the alerts of their persons up to date; how many alerts were opened.

    A finding that names no row of evidence newer than the signal that stands changes nothing: a run may have said it in other words.
    """
    if not findings:
        return 0
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = upsert(Signal).on_conflict_do_nothing(index_elements=["key"], index_where=Signal.vanished_at.is_(None))
    rows = [_row(finding, rules, now) | {"first_seen_at": now} for finding in findings]
    new = set(session.execute(statement.returning(Signal.key), rows).scalars())
    before = {
        row.key: row
        for row in session.execute(
            select(Signal.id, Signal.key, Signal.records)
            .where(Signal.key.in_({finding.key for finding in findings} - new), Signal.vanished_at.is_(None))
            .with_for_update()
        )
    }
    changed = [
        _row(finding, rules, now) | {"id": before[finding.key].id}
        for finding in findings
        if finding.key in before and not _evidence(records_json(finding)) <= _evidence(before[finding.key].records)
    ]
    for row in changed:
        del row["public_id"]
    if changed:
        session.execute(update(Signal), changed)
    people = {finding.person_id for finding in findings if finding.person_id is not None}
    return triage.triage(session, people, rules, by=by, now=now).opened


def _row(finding: Finding, rules: TriageRules, now: datetime) -> dict[str, Any]:
    return {
        "public_id": opaque_id(),
        "code": finding.code,
        "key": finding.key,
        "run_id": None,
        "subject_kind": SubjectKind.PERSON,
        "person_id": finding.person_id,
        "region_code": finding.region_code,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "months": finding.months,
        "amount_fen": finding.amount_fen,
        "facts": dict(finding.facts),
        "records": records_json(finding),
        "digest": finding.digest(),
        "policy_hash": rules.policy_hash,
        "changed_at": now,
        "triage_due": True,
    }


def _evidence(records: Iterable[Mapping[str, Any]]) -> set[int]:
    return {int(record["id"]) for record in records if "evidence" in record["kind"]}


def _standing(
    session: Session, members: Mapping[int, int], kinds: Iterable[EvidenceKind], strengths: Iterable[Strength]
) -> dict[int, list[LifeEvidence]]:
    # rows that count, newest first, by the record that speaks
    correction = aliased(LifeEvidence)
    query = (
        select(LifeEvidence)
        .where(
            LifeEvidence.person_id.in_(list(members)),
            LifeEvidence.kind.in_(list(kinds)),
            LifeEvidence.strength.in_(list(strengths)),
            ~select(correction.id).where(correction.corrects_id == LifeEvidence.id).exists(),
        )
        .order_by(LifeEvidence.occurred_on.desc(), LifeEvidence.id.desc())
    )
    found: dict[int, list[LifeEvidence]] = {}
    for row in session.scalars(query):
        found.setdefault(members[row.person_id], []).append(row)
    return found
