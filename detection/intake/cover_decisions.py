"""Enrolments, benefits and payments of a chunk against those of the store. An empty cell is no news: it takes nothing away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from detection.intake import rules
from detection.intake.records import BenefitRecord, EnrolmentRecord, PaymentRecord
from detection.intake.rules import RowRejected
from detection.intake.verdicts import Outcome, Setting, Verdict, Warned, Writes, verdict_of
from models.bank_account import check_digit_holds, is_card, mask_bank_account
from models.benefit import Benefit, BenefitStatus, Payment
from models.enrolment import Enrolment, Scheme
from models.keys import KeyRing
from models.repositories.import_rows import StoredBenefit, StoredEnrolment, StoredPerson
from models.repositories.persons import associated_data

Known = Mapping[tuple[str, bytes], StoredPerson]
PENDING = -1
"""Id of a row that this chunk writes."""


def decide_enrolments(
    records: Sequence[EnrolmentRecord], known: Known, stored: Iterable[StoredEnrolment], setting: Setting, writes: Writes
) -> list[Verdict]:
    """One verdict a record; a known enrolment takes over another end."""
    rows = {(row.person_id, row.scheme, row.region_code, row.from_month): row for row in stored}

    def one(record: EnrolmentRecord, person: StoredPerson) -> Outcome:
        region = record.region_code or person.region_code
        key = (person.id, record.scheme, region, record.from_month)
        row = rows.get(key)
        if row is None:
            values = {
                "person_id": person.id,
                "scheme": record.scheme,
                "region_code": region,
                "from_month": record.from_month,
                "to_month": record.to_month,
            }
            writes.insert(Enrolment, values)
            writes.regions.add(region)
            rows[key] = StoredEnrolment(PENDING, *key, record.to_month)
            return Outcome.ACCEPTED
        if record.to_month is None or record.to_month == row.to_month:
            return Outcome.UNCHANGED
        _not_pending(row.id, "to_month", record.to_month)
        writes.change(Enrolment, {"id": row.id, "to_month": record.to_month})
        return Outcome.ACCEPTED

    return [verdict_of(record, record.region_code, known, setting, one) for record in records]


def decide_benefits(
    records: Sequence[BenefitRecord],
    known: Known,
    stored: Iterable[StoredBenefit],
    enrolments: Iterable[StoredEnrolment],
    keyring: KeyRing,
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. A known benefit takes over everything but pauses: it is never paused or resumed by a file."""
    rows = {(row.person_id, row.scheme, row.region_code, row.from_month): row for row in stored}
    enrolled = _first_months(enrolments)

    def one(record: BenefitRecord, person: StoredPerson) -> Outcome:
        region = record.region_code or person.region_code
        key = (person.id, record.scheme, region, record.from_month)
        first = enrolled.get((person.id, record.scheme))
        if first is not None and record.from_month < first:
            raise RowRejected(rules.BENEFIT_BEFORE_ENROLLED, "from_month", f"{record.from_month:%Y-%m}")
        row = rows.get(key)
        if row is None:
            status = record.status or BenefitStatus.ACTIVE
            values = {
                "person_id": person.id,
                "scheme": record.scheme,
                "region_code": region,
                "monthly_fen": record.monthly_fen,
                "status": status,
                "from_month": record.from_month,
                "to_month": record.to_month,
                "paused_on": record.paused_on,
                **_account(record, person, keyring),
                "approved_birth_date": record.approved_birth_date,
                "retirement_kind": record.retirement_kind,
            }
            writes.insert(Benefit, values)
            writes.regions.add(region)
            rows[key] = StoredBenefit(
                PENDING,
                *key,
                record.to_month,
                record.monthly_fen,
                status,
                record.account_digest,
                record.approved_birth_date,
                record.retirement_kind,
            )
            return Outcome.ACCEPTED
        changes = _benefit_changes(record, row)
        if record.account_digest is not None and record.account_digest != row.account_index:
            changes |= _account(record, person, keyring)
        if not changes:
            return Outcome.UNCHANGED
        _not_pending(row.id, "from_month", record.from_month)
        writes.change(Benefit, {"id": row.id, **changes})
        return Outcome.ACCEPTED

    return [with_account_warning(verdict_of(record, record.region_code, known, setting, one), record.account) for record in records]


def with_account_warning(verdict: Verdict, account: str | None) -> Verdict:
    """The verdict, with what is to be looked at in an account that is taken over."""
    if account is None or verdict.outcome is not Outcome.ACCEPTED or not is_card(account) or check_digit_holds(account):
        return verdict
    return replace(verdict, warning=Warned(rules.ACCOUNT_CHECK_DIGIT, "bank_account", mask_bank_account(account)))


def _account(record: BenefitRecord, person: StoredPerson, keyring: KeyRing) -> dict[str, object]:
    number = record.account
    return {
        "account_index": record.account_digest,
        "account_sealed": None if number is None else keyring.seal(number.encode(), associated_data(person.public_id, "bank_account")),
        "account_masked": None if number is None else mask_bank_account(number),
    }


def _benefit_changes(record: BenefitRecord, row: StoredBenefit) -> dict[str, object]:
    changes: dict[str, object] = {}
    if record.monthly_fen != row.monthly_fen:
        changes["monthly_fen"] = record.monthly_fen
    if record.to_month is not None and record.to_month != row.to_month:
        changes["to_month"] = record.to_month
    if record.status is not None and record.status is not row.status:
        if BenefitStatus.PAUSED in {record.status, row.status} and record.status is not BenefitStatus.ENDED:
            raise RowRejected(rules.PAUSE_NOT_SIGNED, "status", record.status.value)
        changes["status"] = record.status
        changes["paused_on"] = None
    for name in ("approved_birth_date", "retirement_kind"):
        value = getattr(record, name)
        if value is not None and value != getattr(row, name):
            changes[name] = value
    return changes


def decide_payments(
    records: Sequence[PaymentRecord],
    known: Known,
    benefits: Iterable[StoredBenefit],
    enrolments: Iterable[StoredEnrolment],
    stored: Mapping[tuple[int, date], int],
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. A payment after a benefit's end or after a death is a fact like any other: finding it is detection's work."""
    of_person: dict[int, list[StoredBenefit]] = {}
    for benefit in benefits:
        of_person.setdefault(benefit.person_id, []).append(benefit)
    enrolled = _first_months(enrolments)
    paid = dict(stored)

    def one(record: PaymentRecord, person: StoredPerson) -> Outcome:
        benefit = benefit_of(record, of_person.get(person.id, ()), enrolled)
        amount = paid.get((benefit.id, record.month))
        if amount == record.amount_fen:
            return Outcome.UNCHANGED
        if amount is not None:
            raise RowRejected(rules.DUPLICATE_CONTRADICTS, "amount_fen", str(record.amount_fen))
        writes.insert(Payment, {"benefit_id": benefit.id, "month": record.month, "amount_fen": record.amount_fen})
        paid[benefit.id, record.month] = record.amount_fen
        return Outcome.ACCEPTED

    return [verdict_of(record, record.region_code, known, setting, one) for record in records]


def benefit_of(record: PaymentRecord, benefits: Sequence[StoredBenefit], enrolled: Mapping[tuple[int, Scheme], date]) -> StoredBenefit:
    """The benefit that was paid: one that runs in the month, else the last that ran before it.

    Raises:
        RowRejected: BENEFIT_UNKNOWN, BENEFIT_AMBIGUOUS, PAID_BEFORE_ENROLLED, PAID_BEFORE_BENEFIT.
    """
    fitting = [
        benefit for benefit in benefits if record.scheme in {None, benefit.scheme} and record.region_code in {None, benefit.region_code}
    ]
    shown = f"{record.month:%Y-%m}"
    if not fitting:
        raise RowRejected(rules.BENEFIT_UNKNOWN, "scheme", "" if record.scheme is None else record.scheme.value)
    begun = [benefit for benefit in fitting if benefit.from_month <= record.month]
    starts = [enrolled.get((benefit.person_id, benefit.scheme)) for benefit in begun or fitting]
    if all(start is not None and record.month < start for start in starts):
        raise RowRejected(rules.PAID_BEFORE_ENROLLED, "month", shown)
    if not begun:
        raise RowRejected(rules.PAID_BEFORE_BENEFIT, "month", shown)
    running = [benefit for benefit in begun if benefit.to_month is None or benefit.to_month >= record.month]
    among = running or begun
    if len({(benefit.scheme, benefit.region_code) for benefit in among}) > 1:
        raise RowRejected(rules.BENEFIT_AMBIGUOUS, "scheme", "")
    return max(among, key=lambda benefit: (benefit.from_month, benefit.id))


def _first_months(enrolments: Iterable[StoredEnrolment]) -> dict[tuple[int, Scheme], date]:
    first: dict[tuple[int, Scheme], date] = {}
    for row in enrolments:
        key = (row.person_id, row.scheme)
        first[key] = min(first.get(key, row.from_month), row.from_month)
    return first


def _not_pending(row_id: int, field: str, value: date) -> None:
    if row_id == PENDING:  # the same record under two descriptions in one file
        raise RowRejected(rules.DUPLICATE_CONTRADICTS, field, f"{value:%Y-%m}")
