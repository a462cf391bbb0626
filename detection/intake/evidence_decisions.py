"""Deaths, custody, traces of life and blacklisted cards of a chunk against those of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from detection.intake import rules
from detection.intake.records import CardRecord, CustodyRecord, DeathRecord, TraceRecord
from detection.intake.regions import within
from detection.intake.rules import RowRejected
from detection.intake.verdicts import Outcome, Setting, Verdict, Writes, verdict_of
from models.identity_check import BlacklistedCard
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.repositories.import_rows import StoredCard, StoredEvidence, StoredPerson

Known = Mapping[tuple[str, bytes], StoredPerson]


def decide_deaths(
    records: Sequence[DeathRecord],
    known: Known,
    stored: Iterable[StoredEvidence],
    strength_of: Callable[[str], Strength],
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. Another date of the same source corrects its earlier one; other sources stand beside it.

    A record that was corrected since is not brought back: who insists on it does so at the counter.
    """
    rows = _by_person(stored)

    def one(record: DeathRecord, person: StoredPerson) -> Outcome:
        if record.death_date < person.birth_date:
            raise RowRejected(rules.DEATH_BEFORE_BIRTH, "death_date", record.death_date.isoformat())
        of_source = [row for row in rows.get(person.id, ()) if row.source == record.source]
        standing = [row for row in of_source if row.counts]
        if any(row.occurred_on == record.death_date for row in standing):
            return Outcome.UNCHANGED
        _not_corrected("death_date", record.death_date, [row for row in of_source if row.occurred_on == record.death_date])
        strength, earlier = strength_of(record.source), standing[-1] if standing else None
        _add(
            writes, rows, person, setting, EvidenceKind.DEATH_RECORD, record.death_date, strength, record.source, record.reference, earlier
        )
        return Outcome.ACCEPTED

    return [verdict_of(record, None, known, setting, one) for record in records]


def decide_custody(
    records: Sequence[CustodyRecord], known: Known, stored: Iterable[StoredEvidence], setting: Setting, writes: Writes
) -> list[Verdict]:
    """One verdict a record. An end that becomes known, or another one, corrects the row; a row without an end is no news."""
    rows = _by_person(stored)

    def one(record: CustodyRecord, person: StoredPerson) -> Outcome:
        if record.from_on < person.birth_date:
            raise RowRejected(rules.DATE_BEFORE_BIRTH, "from_on", record.from_on.isoformat())
        same = [row for row in rows.get(person.id, ()) if row.source == record.source and row.occurred_on == record.from_on]
        standing = [row for row in same if row.counts]
        if standing and record.to_on in {None, standing[-1].ends_on}:
            return Outcome.UNCHANGED
        _not_corrected("from_on", record.from_on, [row for row in same if not standing or row.ends_on == record.to_on])
        earlier = standing[-1] if standing else None
        _add(
            writes,
            rows,
            person,
            setting,
            EvidenceKind.CUSTODY,
            record.from_on,
            Strength.CONCLUSIVE,
            record.source,
            record.reference,
            earlier,
            ends_on=record.to_on,
        )
        return Outcome.ACCEPTED

    return [verdict_of(record, None, known, setting, one) for record in records]


def decide_traces(
    records: Sequence[TraceRecord],
    known: Known,
    stored: Iterable[StoredEvidence],
    strength_of: Mapping[Trace, Strength],
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. Alone, a trace certifies nobody."""
    rows = _by_person(stored)

    def one(record: TraceRecord, person: StoredPerson) -> Outcome:
        if record.occurred_on < person.birth_date:
            raise RowRejected(rules.DATE_BEFORE_BIRTH, "occurred_on", record.occurred_on.isoformat())
        wanted = (record.trace, record.occurred_on, record.source, record.reference)
        same = [row for row in rows.get(person.id, ()) if (row.trace, row.occurred_on, row.source, row.reference) == wanted]
        if any(row.counts for row in same):
            return Outcome.UNCHANGED
        _not_corrected("occurred_on", record.occurred_on, same)
        strength = strength_of[record.trace]
        _add(
            writes,
            rows,
            person,
            setting,
            EvidenceKind.DATA_MATCH,
            record.occurred_on,
            strength,
            record.source,
            record.reference,
            None,
            trace=record.trace,
        )
        return Outcome.ACCEPTED

    return [verdict_of(record, None, known, setting, one) for record in records]


def decide_cards(
    records: Sequence[CardRecord], holders: Mapping[bytes, StoredPerson], stored: Iterable[StoredCard], setting: Setting, writes: Writes
) -> list[Verdict]:
    """One verdict a record; a card needs no known holder. A known entry takes over another end or reason."""
    rows = {(row.card_index, row.source, row.from_on): row for row in stored}
    verdicts = []
    for record in records:
        holder = holders.get(record.digest)
        region = None if holder is None else holder.region_code
        row = rows.get((record.digest, record.source, record.from_on))
        if holder is not None and not within(holder.region_code, setting.region):
            rejection = RowRejected(rules.REGION_NOT_YOURS, "social_security_number", record.masked)
            verdicts.append(Verdict(region, rejection=rejection))
        elif row is None:
            writes.insert(
                BlacklistedCard,
                {
                    "card_index": record.digest,
                    "card_masked": record.masked[:18],
                    "reason": record.reason,
                    "from_on": record.from_on,
                    "until_on": record.until_on,
                    "source": record.source,
                    "batch_id": setting.batch_id,
                    "recorded_by": setting.actor,
                    "recorded_at": setting.now,
                },
            )
            verdicts.append(Verdict(region, Outcome.ACCEPTED))
        elif record.reason is row.reason and record.until_on in {None, row.until_on}:
            verdicts.append(Verdict(region, Outcome.UNCHANGED))
        else:
            writes.change(
                BlacklistedCard,
                {
                    "id": row.id,
                    "reason": record.reason,
                    "until_on": record.until_on or row.until_on,
                    "batch_id": setting.batch_id,
                    "recorded_by": setting.actor,
                    "recorded_at": setting.now,
                },
            )
            verdicts.append(Verdict(region, Outcome.ACCEPTED))
    return verdicts


def _by_person(stored: Iterable[StoredEvidence]) -> dict[int, list[StoredEvidence]]:
    rows: dict[int, list[StoredEvidence]] = {}
    for row in stored:
        rows.setdefault(row.person_id, []).append(row)
    return rows


def _not_corrected(field: str, day: date, same: Iterable[StoredEvidence]) -> None:
    if any(not row.counts for row in same):
        raise RowRejected(rules.RECORD_CORRECTED, field, day.isoformat())


def _add(
    writes: Writes,
    rows: dict[int, list[StoredEvidence]],
    person: StoredPerson,
    setting: Setting,
    kind: EvidenceKind,
    day: date,
    strength: Strength,
    source: str,
    reference: str | None,
    earlier: StoredEvidence | None,
    *,
    ends_on: date | None = None,
    trace: Trace | None = None,
) -> None:
    if earlier is not None and earlier.id is None:  # this file says two things about one record, under two descriptions
        raise RowRejected(rules.DUPLICATE_CONTRADICTS, "source", source[:40])
    writes.insert(
        LifeEvidence,
        {
            "person_id": person.id,
            "kind": kind,
            "trace": trace,
            "occurred_on": day,
            "ends_on": ends_on,
            "strength": strength,
            "source": source,
            "reference": reference,
            "recorded_by": setting.actor,
            "recorded_at": setting.now,
            "corrects_id": None if earlier is None else earlier.id,
            "batch_id": setting.batch_id,
        },
    )
    known = rows.setdefault(person.id, [])
    if earlier is not None:
        known[known.index(earlier)] = earlier._replace(counts=False)
    known.append(StoredEvidence(None, person.id, day, ends_on, trace, source, reference, True))
