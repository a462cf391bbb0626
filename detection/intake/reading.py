"""Rows to records: each value judged by itself and against the others of its row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta, tzinfo
from functools import cached_property

from detection.intake import claim_rows, pairs, rules
from detection.intake.cells import (
    address_of,
    bank_account_of,
    cell_text,
    check_damage,
    day_of,
    fen_of,
    mask_number,
    mask_text,
    month_of,
    name_of,
    phone_of,
    short_text,
    tidy,
)
from detection.intake.fields import LASTING_YEAR, Values, after_birth, end_of, needed
from detection.intake.headings import HeadingMap
from detection.intake.identity import resident_id_of, social_security_number_of
from detection.intake.lines import RawRow
from detection.intake.records import (
    BenefitRecord,
    CardRecord,
    CustodyRecord,
    DeathRecord,
    EnrolmentRecord,
    PaymentRecord,
    PersonRecord,
    Record,
    TraceRecord,
    Who,
)
from detection.intake.regions import RegionBook
from detection.intake.rules import RowRejected, Rule
from models.benefit import BenefitStatus, RetirementKind
from models.certification import add_months
from models.enrolment import Scheme
from models.identity_check import BlacklistReason
from models.import_batch import ImportKind
from models.life_evidence import Trace
from models.person import Sex
from models.policy_store import IntakePolicy
from models.repositories.persons import BlindIndex

UNSPECIFIED = "unspecified"
"""Source of records whose file does not name one."""
SOURCE_LONGEST, REFERENCE_LONGEST = 100, 200
WORDS_KEPT = 10_000


@dataclass(frozen=True)
class RowReader:
    """Reads the rows of one file. places: field -> column. today: in the policy's time zone. zone: of moments that name none."""

    kind: ImportKind
    places: Mapping[str, int]
    headings: HeadingMap
    regions: RegionBook
    index: BlindIndex
    policy: IntakePolicy
    today: date
    zone: tzinfo = UTC
    _words: dict[tuple[str, str], str | None] = dataclasses.field(default_factory=dict)

    @cached_property
    def _oldest(self) -> date:
        # births before this day are longer ago than anybody lives
        day = add_months(self.today, -12 * self.policy.age_years_max) - timedelta(days=3)
        while add_months(day, 12 * self.policy.age_years_max) < self.today:
            day += timedelta(days=1)
        return day

    def read(self, row: RawRow) -> Record:
        """The record of a row. Raises RowRejected by the first rule that it breaks."""
        if row.fault is not None:
            raise RowRejected(row.fault)
        values = {}
        for field, place in self.places.items():
            cell = row.values[place]
            text = tidy(cell if type(cell) is str else cell_text(cell))
            if text and text[0] == "#":
                check_damage(field, text)
            values[field] = text
        return _READERS[self.kind](self, values)

    def region_of(self, row: RawRow) -> str | None:
        """The region that a rejected row names, for counting it under its city; None when it names none that is known."""
        place = self.places.get("region_code")
        if place is None or place >= len(row.values):
            return None
        try:
            return self.regions.resolve("region_code", tidy(cell_text(row.values[place])))
        except RowRejected:
            return None

    def _person(self, values: Values) -> PersonRecord:
        resident = resident_id_of("resident_id", needed(values, "resident_id"))
        name = name_of("name", needed(values, "name"))
        region = self.regions.resolve("region_code", needed(values, "region_code"))
        if (born := values.get("birth_date")) and day_of("birth_date", born) != resident.birth_date:
            raise RowRejected(rules.BIRTH_DATE_MISMATCH, "birth_date", mask_text("birth_date", born))
        if sex := values.get("sex"):
            meant = self.word("sex", sex, rules.SEX_UNKNOWN)
            if Sex(meant) is not resident.sex:
                raise RowRejected(rules.SEX_MISMATCH, "sex", sex[:10])
        if resident.birth_date > self.today:
            raise RowRejected(rules.DATE_IN_FUTURE, "resident_id", resident.masked)
        if resident.birth_date < self._oldest:
            raise RowRejected(rules.AGE_IMPLAUSIBLE, "resident_id", resident.masked)
        number = values.get("social_security_number")
        number = social_security_number_of("social_security_number", number) if number else None
        phone = values.get("phone")
        return PersonRecord(
            resident,
            self.index.resident_id(resident.number),
            name,
            region,
            number,
            self.index.social_security_number(number) if number else None,
            phone_of("phone", phone) if phone else None,
            address_of("address", address) if (address := values.get("address")) else None,
        )

    def who(self, values: Values, prefix: str = "") -> Who:
        """The person whose fields begin with the prefix. Raises RowRejected, VALUE_MISSING when the row has neither number."""
        field, other = f"{prefix}resident_id", f"{prefix}social_security_number"
        name = values.get(f"{prefix}name")
        name = name_of(f"{prefix}name", name) if name else None
        if number := values.get(field):
            resident = resident_id_of(field, number)
            return Who("resident_id", self.index.resident_id(resident.number), resident.masked, name, resident.birth_date)
        if number := values.get(other):
            number = social_security_number_of(other, number)
            return Who("social_security_number", self.index.social_security_number(number), mask_number(number), name, None)
        raise RowRejected(rules.VALUE_MISSING, field if field in values else other)

    def _enrolment(self, values: Values) -> EnrolmentRecord:
        who = self.who(values)
        scheme, region = self._scheme(values), self.region(values)
        start, end = self._months(values, who)
        return EnrolmentRecord(who, scheme, region, start, end)

    def _benefit(self, values: Values) -> BenefitRecord:
        who = self.who(values)
        scheme, region = self._scheme(values), self.region(values)
        start, end = self._months(values, who)
        amount = self.amount(values, "monthly_fen", "monthly_yuan")
        word = values.get("status")
        status = BenefitStatus(self.word("status", word, rules.STATUS_UNKNOWN)) if word else None
        paused = values.get("paused_on")
        paused_on = day_of("paused_on", paused) if paused else None
        if status is BenefitStatus.PAUSED and paused_on is None:
            raise RowRejected(rules.VALUE_MISSING, "paused_on")
        if status is not BenefitStatus.PAUSED:
            paused_on = None
        elif paused_on is not None and paused_on < start:
            raise RowRejected(rules.END_BEFORE_START, "paused_on", paused_on.isoformat())
        account = bank_account_of("bank_account", text) if (text := values.get("bank_account")) else None
        digest = None if account is None else self.index.bank_account(account)
        kind = (
            RetirementKind(self.word("retirement_kind", text, rules.RETIREMENT_KIND_UNKNOWN))
            if (text := values.get("retirement_kind"))
            else None
        )
        return BenefitRecord(
            who, scheme, region, start, end, amount, status, paused_on, account, digest, self._approved_birth(values, start), kind
        )

    def _approved_birth(self, values: Values, start: date) -> date | None:
        # that it is another one than the resident ID says is a finding, not a fault of the row
        text = values.get("approved_birth_date")
        if not text:
            return None
        born = day_of("approved_birth_date", text)
        if born.replace(day=1) > start:
            raise RowRejected(rules.DATE_BEFORE_BIRTH, "approved_birth_date", mask_text("approved_birth_date", text))
        if born < self._oldest:
            raise RowRejected(rules.AGE_IMPLAUSIBLE, "approved_birth_date", mask_text("approved_birth_date", text))
        return born

    def _payment(self, values: Values) -> PaymentRecord:
        who = self.who(values)
        month = month_of("month", needed(values, "month"))
        self.check_not_future("month", month)
        after_birth(who, "month", month, rules.DATE_BEFORE_BIRTH)
        amount = self.amount(values, "amount_fen", "amount_yuan")
        return PaymentRecord(who, month, amount, self._scheme(values) if values.get("scheme") else None, self.region(values))

    def _death(self, values: Values) -> DeathRecord:
        who = self.who(values)
        day = self._day(values, "death_date", who, rules.DEATH_BEFORE_BIRTH)
        return DeathRecord(who, day, *self.origin(values))

    def _custody(self, values: Values) -> CustodyRecord:
        who = self.who(values)
        start = self._day(values, "from_on", who, rules.DATE_BEFORE_BIRTH)
        return CustodyRecord(who, start, end_of(values, start), *self.origin(values))

    def _trace(self, values: Values) -> TraceRecord:
        who = self.who(values)
        trace = Trace(self.word("trace", needed(values, "trace"), rules.TRACE_UNKNOWN))
        day = self._day(values, "occurred_on", who, rules.DATE_BEFORE_BIRTH)
        return TraceRecord(who, trace, day, *self.origin(values))

    def _card(self, values: Values) -> CardRecord:
        number = social_security_number_of("social_security_number", needed(values, "social_security_number"))
        reason = BlacklistReason(self.word("reason", needed(values, "reason"), rules.REASON_UNKNOWN))
        start = day_of("from_on", needed(values, "from_on"))
        self.check_not_future("from_on", start)
        end, (source, _) = end_of(values, start), self.origin(values)
        return CardRecord(self.index.social_security_number(number), mask_number(number), reason, start, end, source)

    def word(self, field: str, text: str, rule: Rule) -> str:
        """The coded value that a word means. Raises RowRejected by the rule when it is not known."""
        key = (field, text)
        if key not in self._words:
            if len(self._words) >= WORDS_KEPT:
                self._words.clear()
            self._words[key] = self.headings.value(field, text.removesuffix(".0"))
        found = self._words[key]
        if found is None:
            raise RowRejected(rule, field, text[:20])
        return found

    def _scheme(self, values: Values) -> Scheme:
        return Scheme(self.word("scheme", needed(values, "scheme"), rules.SCHEME_UNKNOWN))

    def region(self, values: Values) -> str | None:
        """The region code of the row, None when it names none. Raises RowRejected."""
        text = values.get("region_code")
        return self.regions.resolve("region_code", text) if text else None

    def amount(self, values: Values, *fields: str) -> int:
        """Fen of the first of these fields that is filled. Raises RowRejected."""
        for field in fields:
            if values.get(field):
                return fen_of(field, values[field])
        raise RowRejected(rules.VALUE_MISSING, next((field for field in fields if field in values), fields[0]))

    def _months(self, values: Values, who: Who) -> tuple[date, date | None]:
        start = month_of("from_month", needed(values, "from_month"))
        self.check_not_future("from_month", start)
        after_birth(who, "from_month", start, rules.DATE_BEFORE_BIRTH)
        text = values.get("to_month")
        end = month_of("to_month", text) if text else None
        if end is not None and end < start:
            raise RowRejected(rules.END_BEFORE_START, "to_month", f"{end:%Y-%m}")
        return start, None if end is not None and end.year >= LASTING_YEAR else end

    def _day(self, values: Values, field: str, who: Who, before_birth: Rule) -> date:
        day = day_of(field, needed(values, field))
        after_birth(who, field, day, before_birth)
        self.check_not_future(field, day)
        return day

    def check_not_future(self, field: str, day: date) -> None:
        """Raise RowRejected for a day that lies further ahead than clocks and zones differ."""
        if day > self.today + timedelta(days=self.policy.future_days_max):
            raise RowRejected(rules.DATE_IN_FUTURE, field, day.isoformat())

    def origin(self, values: Values) -> tuple[str, str | None]:
        """(source, reference) of a record. Raises RowRejected."""
        institution = values.get("institution") or None
        source = values.get("source") or institution or UNSPECIFIED
        reference = values.get("reference") or (institution if source != institution else None)
        return (
            short_text("source", source, SOURCE_LONGEST),
            None if reference is None else short_text("reference", reference, REFERENCE_LONGEST),
        )


_READERS: dict[ImportKind, Callable[[RowReader, Values], Record]] = {
    ImportKind.PERSONS: RowReader._person,
    ImportKind.ENROLMENTS: RowReader._enrolment,
    ImportKind.BENEFITS: RowReader._benefit,
    ImportKind.PAYMENTS: RowReader._payment,
    ImportKind.DEATHS: RowReader._death,
    ImportKind.CUSTODY: RowReader._custody,
    ImportKind.TRACES: RowReader._trace,
    ImportKind.BLACKLIST: RowReader._card,
    ImportKind.RELATIONS: pairs.read_relation,
    ImportKind.GRANTS: pairs.read_grant,
    ImportKind.INSTITUTIONS: claim_rows.read_institution,
    ImportKind.CLAIMS: claim_rows.read_claim,
    ImportKind.CLAIM_LINES: claim_rows.read_line,
}
