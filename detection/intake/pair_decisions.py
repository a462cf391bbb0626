"""Relations and grants of a chunk against those of the store. An empty cell is no news: it takes nothing away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from detection.intake import rules
from detection.intake.cover_decisions import with_account_warning
from detection.intake.headings import OTHER, RECIPIENT
from detection.intake.records import GrantRecord, RelationRecord
from detection.intake.regions import within
from detection.intake.rules import RowRejected
from detection.intake.verdicts import Outcome, Setting, Verdict, Writes, person_of, verdict_of
from models.bank_account import mask_bank_account
from models.relation import GrantPayment, PersonRelation, RelationKind
from models.repositories.import_pairs import StoredGrant, StoredRelation
from models.repositories.import_rows import StoredPerson

Known = Mapping[tuple[str, bytes], StoredPerson]
PENDING = -1
"""Id of a row that this chunk writes."""


def decide_relations(
    records: Sequence[RelationRecord], known: Known, stored: Iterable[StoredRelation], setting: Setting, writes: Writes
) -> list[Verdict]:
    """One verdict a record. A known relation takes over its days. One of the two has to live in the sender's region.

    But for a guardian it does not matter who comes first: the row of the lower id first is the relation.
    """
    rows = {(row.person_id, row.other_id, row.kind): row for row in stored}
    everywhere = replace(setting, region=None)

    def one(record: RelationRecord, person: StoredPerson) -> Outcome:
        other = person_of(record.other, known, None, OTHER)
        if not within(person.region_code, setting.region) and not within(other.region_code, setting.region):
            raise RowRejected(rules.REGION_NOT_YOURS, record.who.by, record.who.shown)
        if other.id == person.id:
            raise RowRejected(rules.RELATION_WITH_ONESELF, OTHER + record.other.by, record.other.shown)
        first, second = person.id, other.id
        if record.kind is not RelationKind.GUARDIAN and second < first:
            first, second = second, first
        row = rows.get((first, second, record.kind))
        if row is None:
            values = {
                "person_id": first,
                "other_id": second,
                "kind": record.kind,
                "source": record.source,
                "since": record.since,
                "until": record.until,
            }
            writes.insert(PersonRelation, values)
            rows[first, second, record.kind] = StoredRelation(
                PENDING, first, second, record.kind, record.source, record.since, record.until
            )
            return Outcome.ACCEPTED
        since, until = record.since or row.since, record.until or row.until
        if (since, until) == (row.since, row.until):
            return Outcome.UNCHANGED
        if row.id == PENDING:
            raise RowRejected(rules.DUPLICATE_CONTRADICTS, "relation", record.kind.value)
        if since is not None and until is not None and until < since:
            raise RowRejected(rules.END_BEFORE_START, "to_on", until.isoformat())
        writes.change(PersonRelation, {"id": row.id, "since": since, "until": until, "source": record.source})
        return Outcome.ACCEPTED

    return [verdict_of(record, None, known, everywhere, one) for record in records]


def decide_grants(
    records: Sequence[GrantRecord], known: Known, stored: Iterable[StoredGrant], setting: Setting, writes: Writes
) -> list[Verdict]:
    """One verdict a record. A grant is the same by region and reference, and paid money does not change: another content contradicts.

    A recipient who is not insured here is nobody of the store; the grant counts all the same.
    """
    rows = {(row.region_code, row.reference): row for row in stored}

    def one(record: GrantRecord, deceased: StoredPerson) -> Outcome:
        recipient: StoredPerson | None = None
        if record.recipient is not None and (record.recipient.by, record.recipient.digest) in known:
            recipient = person_of(record.recipient, known, None, RECIPIENT)
        recipient_id = None if recipient is None else recipient.id
        account_masked = None if record.account is None else mask_bank_account(record.account)
        region = record.region_code or deceased.region_code
        said = (deceased.id, record.kind, record.paid_on, record.amount_fen)
        row = rows.get((region, record.reference))
        if row is not None:
            if said != (row.deceased_id, row.kind, row.paid_on, row.amount_fen):
                raise RowRejected(rules.DUPLICATE_CONTRADICTS, "reference", record.reference[:2] + "***")
            changes: dict[str, object] = {}
            if recipient_id is not None and row.recipient_id is None:
                changes["recipient_id"] = recipient_id
            if record.account_digest is not None and row.account_index is None:
                changes |= {"account_index": record.account_digest, "account_masked": account_masked}
            if not changes:
                return Outcome.UNCHANGED
            if row.id == PENDING:
                raise RowRejected(rules.DUPLICATE_CONTRADICTS, "reference", record.reference[:2] + "***")
            writes.change(GrantPayment, {"id": row.id, **changes})
            return Outcome.ACCEPTED
        values = {
            "deceased_id": deceased.id,
            "recipient_id": recipient_id,
            "kind": record.kind,
            "region_code": region,
            "reference": record.reference,
            "account_index": record.account_digest,
            "account_masked": account_masked,
            "paid_on": record.paid_on,
            "amount_fen": record.amount_fen,
        }
        writes.insert(GrantPayment, values)
        writes.regions.add(region)
        rows[region, record.reference] = StoredGrant(
            PENDING,
            region,
            record.reference,
            deceased.id,
            recipient_id,
            record.kind,
            record.account_digest,
            record.paid_on,
            record.amount_fen,
        )
        return Outcome.ACCEPTED

    return [with_account_warning(verdict_of(record, record.region_code, known, setting, one), record.account) for record in records]
