"""One signal as the alert page shows it: what it says, the records behind it, the months, and for a pair both persons side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import url_for
from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from api.callers import Caller
from api.pages import month_strip, signal_words
from api.pages.month_strip import Event, MonthStrip
from api.pages.reasons import Bar, bars
from api.pages.timeline_words import alert_title, month, yuan
from api.pages.waterfall import Waterfall, waterfall
from api.rights import Right
from api.signal_explanations import explanation_of, sentences_of
from models.detection import Signal
from models.identifiers import mask_name
from models.person import Sex
from models.repositories import signal_records as behind
from models.repositories.signal_records import Behind, Lane, PersonRow, RecordRow

LANE_OF_KIND = {
    behind.EVIDENCE: ("evidence",),
    behind.BENEFIT: ("benefit", "payment"),
    behind.PAYMENT: ("payment", "benefit"),
    behind.ENROLMENT: ("enrolment",),
}
PAIRS = frozenset({"D3", "P8"})


@dataclass(frozen=True)
class RecordLine:
    """One record, or the payments of one benefit together. numbers: as the sentences name it.

    url: of the claim, or of the person's timeline or page.
    """

    title: str
    numbers: str
    role: str
    whose: str
    region_code: str
    when: str
    says: str
    url: str | None


@dataclass(frozen=True)
class PairRow:
    """One value of both persons."""

    label: str
    one: str
    other: str

    @property
    def differs(self) -> bool:
        """Whether the two are not alike."""
        return self.one != self.other


@dataclass(frozen=True)
class Pair:
    """Two persons side by side. one, other: public ids. rows: empty when one of them is out of the reader's region."""

    one: str
    other: str
    keys: tuple[int, int]
    rows: tuple[PairRow, ...]
    seen: bool
    merge_url: str | None
    together: bool


@dataclass(frozen=True)
class SignalPanel:
    """One signal in words. number: of its anchor on the page. persons: keys of everybody whose data are shown."""

    signal: Signal
    number: int
    title: str
    severity: str
    confidence_percent: int
    amount: str | None
    months: str | None
    sentences: tuple[str, ...]
    explanation: str | None
    strip: MonthStrip | None
    lines: tuple[RecordLine, ...]
    unread: int
    pair: Pair | None
    waterfall: Waterfall | None
    reasons: tuple[Bar, ...]
    faces_url: str | None
    persons: frozenset[int]
    hidden_persons: int


def panels(session: Session, caller: Caller, signals: Sequence[Signal], language: str, today: date) -> list[SignalPanel]:
    """Read what is behind these signals, together, and put it into words. Persons of other regions are left out of it."""
    windows = [(signal, month_strip.window(signal.from_month, signal.to_month, today)) for signal in signals]
    found = behind.read_all(session, windows)
    return [_panel(caller, *one, number, language, today) for number, one in enumerate(zip(signals, found, strict=True), 1)]


def _panel(caller: Caller, signal: Signal, found: Behind, number: int, language: str, today: date) -> SignalPanel:
    visible = {key: person for key, person in found.persons.items() if caller.covers(person.region_code)}
    names = _names(found, visible)
    return SignalPanel(
        signal,
        number,
        alert_title(signal.code),
        signal_words.severity_words(signal.severity.value),
        int(100 * signal.confidence + 1e-9),  # never rounded up to certainty
        yuan(signal.amount_fen) if signal.amount_fen else None,
        _months(signal),
        sentences_of(signal, language, behind.claim_names(found, visible.keys())),
        explanation_of(signal.code, language),
        _strip(signal, found, visible, names, today),
        tuple(_lines(found, visible, names, caller)),
        found.unread,
        _pair(signal, found, visible, caller),
        waterfall(signal.facts),
        bars(signal.code, signal.facts, language),
        _faces_url(signal, caller),
        frozenset(visible),
        len(found.persons) - len(visible),
    )


def _months(signal: Signal) -> str | None:
    if signal.from_month is None or signal.to_month is None:
        return None
    if not signal.months:
        return f"{month(signal.from_month)} – {month(signal.to_month)}"
    return ngettext(
        "%(first)s to %(last)s, %(count)s month",
        "%(first)s to %(last)s, %(count)s months",
        signal.months,
        first=month(signal.from_month),
        last=month(signal.to_month),
        count=signal.months,
    )


def _names(found: Behind, visible: Mapping[int, PersonRow]) -> dict[int, str]:
    """What each person is called on the page; nothing where there is only one."""
    if len(found.persons) < 2:
        return dict.fromkeys(found.persons, "")
    return {
        key: f"{mask_name(person.name)} {person.resident_id_masked[-4:]}" if key in visible else _("a person of another region")
        for key, person in found.persons.items()
    }


def _strip(signal: Signal, found: Behind, visible: Mapping[int, PersonRow], names: Mapping[int, str], today: date) -> MonthStrip | None:
    lanes = [lane for lane in found.lanes if lane.person in visible]
    if signal.from_month is None or signal.to_month is None or signal.to_month < signal.from_month or not lanes:
        return None
    events = []
    for row in found.records:
        if row.kind == behind.EVIDENCE and row.person in visible and row.on is not None:
            label = " · ".join(word for word in (names[row.person], signal_words.record_title(row)) if word)
            events.append(Event(label, row.on, row.until, row.lasts))
    paid = frozenset(
        (row.benefit, row.on) for row in found.records if row.kind == behind.PAYMENT and row.benefit is not None and row.on is not None
    )
    labels = [signal_words.lane_label(lane, names[lane.person]) for lane in lanes]
    return month_strip.draw(lanes, labels, events, from_month=signal.from_month, to_month=signal.to_month, today=today, paid=paid)


def _number(row: RecordRow, visible: Mapping[int, PersonRow]) -> str:
    """What a record is called by: that of its row, but of claims and lines what their institution calls them."""
    if row.reference is None or row.person not in visible:
        return str(row.id)
    return row.reference if row.number is None else f"{row.reference} / {row.number}"


def _lines(found: Behind, visible: Mapping[int, PersonRow], names: Mapping[int, str], caller: Caller) -> list[RecordLine]:
    lines = []
    grouped: dict[tuple[int, str], list[RecordRow]] = {}
    for row in found.records:
        if row.kind == behind.PAYMENT and row.benefit is not None:
            grouped.setdefault((row.benefit, row.role), []).append(row)
    done: set[tuple[int, str]] = set()
    for row in found.records:
        when, says, numbers = signal_words.record_when(row), signal_words.record_says(row), _number(row, visible)
        if row.kind == behind.PAYMENT and row.benefit is not None:
            group = (row.benefit, row.role)
            if group in done:
                continue
            done.add(group)
            when, says, numbers = _payments(grouped[group])
        shown = row.person in visible
        lines.append(
            RecordLine(
                signal_words.record_title(row),
                "" if row.kind == behind.PERSON else numbers,
                signal_words.role_words(row.role),
                names.get(row.person, ""),
                row.region_code or (visible[row.person].region_code if shown and row.kind == behind.PERSON else ""),
                when if shown else "",
                says if shown else "",
                _address(row, visible, caller),
            )
        )
    return lines


def _payments(rows: Sequence[RecordRow]) -> tuple[str, str, str]:
    months = sorted(row.on for row in rows if row.on is not None)
    total = sum(row.amount_fen or 0 for row in rows)
    when = month(months[0]) if len(months) == 1 else f"{month(months[0])} – {month(months[-1])}"
    numbers = sorted(row.id for row in rows)
    if len(rows) == 1:
        return when, _("%(amount)s yuan", amount=yuan(total)), str(numbers[0])
    said = _("%(count)s payments, %(amount)s yuan together", count=len(rows), amount=yuan(total))
    return when, said, f"{numbers[0]} … {numbers[-1]}"


def _address(row: RecordRow, visible: Mapping[int, PersonRow], caller: Caller) -> str | None:
    if row.claim is not None and row.person in visible:
        return url_for("counter.claim", claim_id=row.claim)
    if row.person not in visible or Right.READ_TIMELINE not in caller.rights:
        return None
    public_id = visible[row.person].public_id
    if row.kind == behind.PERSON:
        return url_for("counter.person", person_id=public_id)
    lanes = LANE_OF_KIND.get(row.kind)
    return None if lanes is None else url_for("counter.timeline", person_id=public_id, show=lanes)


def _pair(signal: Signal, found: Behind, visible: Mapping[int, PersonRow], caller: Caller) -> Pair | None:
    named = [row.person for row in found.records if row.kind == behind.PERSON]
    keys = list(dict.fromkeys(key for key in (signal.person_id, *named) if key is not None and key in found.persons))
    if signal.code not in PAIRS or len(keys) < 2:
        return None
    one, other = found.persons[keys[0]], found.persons[keys[1]]
    seen = one.key in visible and other.key in visible
    may_merge = seen and Right.MERGE_PERSONS in caller.rights
    return Pair(
        one.public_id,
        other.public_id,
        (one.key, other.key),
        tuple(_rows(one, other, found.lanes)) if seen else (),
        seen,
        url_for("counter.compare_records", person_id=one.public_id, other_id=other.public_id) if may_merge else None,
        one.merged or other.merged,
    )


def _rows(one: PersonRow, other: PersonRow, lanes: Sequence[Lane]) -> list[PairRow]:
    both = (one, other)
    sexes = {Sex.MALE: _("male"), Sex.FEMALE: _("female")}
    drawn = [sum(lane.person == person.key and lane.kind == behind.BENEFIT for lane in lanes) for person in both]

    def row(label: str, values: Sequence[object]) -> PairRow:
        return PairRow(label, str(values[0] or "–"), str(values[1] or "–"))

    return [
        row(_("Name"), [person.name for person in both]),
        row(_("Identity card number"), [person.resident_id_masked for person in both]),
        row(_("Born"), [_day(person.birth_date) for person in both]),
        row(_("Sex"), [sexes[person.sex] for person in both]),
        row(_("Region"), [person.region_code for person in both]),
        row(_("Telephone"), [person.phone_masked for person in both]),
        PairRow(_("Benefits behind this finding"), str(drawn[0]), str(drawn[1])),
    ]


def _day(value: date) -> str:
    return str(format_date(value, "long"))


def _faces_url(signal: Signal, caller: Caller) -> str | None:
    if signal.code != "P8" or Right.COMPARE_FACES not in caller.rights:
        return None
    return url_for("face_pairs.show", signal_id=signal.public_id)
