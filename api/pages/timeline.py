"""Everything known of one person on one line, with what contradicts what marked and said in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import render_template, request
from flask.typing import ResponseReturnValue

from api.callers import Caller, Reached
from api.context import Context, current
from api.pages import people
from api.pages import timeline_words as words
from api.pages.blueprints import counter_pages
from api.pages.staff_only import reach, record_look, staff_needed
from api.rights import Right
from models.certification import add_months
from models.evidence_handles import EvidenceHandles
from models.repositories import timeline as lines
from models.repositories.timeline import Entry, Lane, Line
from verify.timeline_conflicts import Conflict, conflicts

STRIP_WIDTH = 1000  # units of the picture, over all of its years
MARK_WIDTH = 6
OF_STAFF = frozenset({Lane.ALERT, Lane.CASE})


@dataclass(frozen=True)
class Item:
    """One entry as the page shows it. number: of its anchor. conflicts: what contradicts it. correct_id: handle, where it can be corrected.

    last: of a run of months that were paid alike.
    """

    number: int
    entry: Entry
    title: str
    lines: list[str]
    conflicts: list[str]
    correct_id: str | None = None
    corrects: int | None = None
    corrected_by: int | None = None
    last: date | None = None
    months: int = 1


@dataclass(frozen=True)
class Bar:
    """One mark of the picture, in its units. kind: its look."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True)
class Strip:
    """One lane of the picture."""

    label: str
    bars: list[Bar]
    count: int


@counter_pages.get("/desk/person/<person_id>/timeline")
@staff_needed(Right.READ_TIMELINE)
def timeline(caller: Caller, person_id: str) -> ResponseReturnValue:
    """The line of one person. ``show`` picks kinds; without it all are shown."""
    return timeline_page(caller, reach(caller, person_id))


def timeline_page(caller: Caller, person: Reached) -> str:
    """The page of a person's line, with the audit entry of the look; also for whoever was slower in correcting something of it."""
    record_look(caller, person, "timeline_seen")
    context = current()
    card = people.card(context, person.person_id)
    policy = context.policy.certification
    today = policy.today(context.clock())
    line, found = read(context, person)
    chosen = [lane for lane in Lane if lane.value in request.args.getlist("show")]
    shown = [entry for entry in line.entries if not chosen or entry.lane in chosen]
    items = items_of(shown, found, EvidenceHandles(context.keyring), may_correct=Right.CORRECT_EVIDENCE in caller.rights)
    years: dict[int, list[Item]] = defaultdict(list)
    for item in reversed(items):
        years[item.entry.on.year].append(item)
    return render_template(
        "desk_person/timeline.html",
        card=card,
        years=sorted(years.items(), reverse=True),
        open_from=today.year - 1,
        conflicts=said_with_numbers(found, items),
        lanes=[(lane.value, words.LANES[lane], lane in chosen) for lane in Lane],
        lane_words=words.LANES,
        strips=_strips(shown, found, today),
        span=_span(shown, today),
        records=len(line.records),
        shortened=line.shortened,
        chosen=bool(chosen),
        may_work_alerts=Right.WORK_ALERTS in caller.rights,
    )


def read(context: Context, person: Reached) -> tuple[Line, list[Conflict]]:
    """The line of a person whom the caller may see, and what contradicts what on it."""
    with context.database.read_scope() as session:
        line = lines.read(session, person.key, context.policy.certification.today)
    return line, list(conflicts(line.entries, {record.public_id: record.birth_date for record in line.records}))


def said_with_numbers(found: Sequence[Conflict], items: Sequence[Item]) -> list[tuple[str, int | None]]:
    """Each contradiction in words, with the number of its first entry among those that are shown."""
    number_of = {item.entry.key: item.number for item in items}
    return [(words.conflict_words(one), number_of.get(one.keys[0])) for one in found]


def items_of(entries: Sequence[Entry], found: Sequence[Conflict], handles: EvidenceHandles, *, may_correct: bool) -> list[Item]:
    """The entries as pages show them, oldest first; months that were paid alike are one item."""
    against: dict[str, list[str]] = defaultdict(list)
    for conflict in found:
        said = words.conflict_words(conflict)
        for key in conflict.keys:
            against[key].append(said)
    runs = _runs(entries, against)
    number_of = {run[0].key: number for number, run in enumerate(runs, 1)}
    items = []
    for run in runs:
        entry = run[0]
        evidence = entry.lane is Lane.EVIDENCE
        items.append(
            Item(
                number=number_of[entry.key],
                entry=entry,
                title=words.title(entry),
                lines=words.lines(entry),
                conflicts=against[entry.key],
                correct_id=handles.handle(entry.facts["id"]) if evidence and entry.counts and may_correct else None,
                corrects=number_of.get(entry.facts["corrects"] or "") if evidence else None,
                corrected_by=number_of.get(entry.facts["corrected_by"] or "") if evidence else None,
                last=run[-1].on if len(run) > 1 else None,
                months=len(run),
            )
        )
    return items


def _runs(entries: Iterable[Entry], against: dict[str, list[str]]) -> list[list[Entry]]:
    """Each entry alone, but months of one benefit, year and amount that follow each other and contradict the same things together."""
    runs: list[list[Entry]] = []
    last_of: dict[int, list[Entry]] = {}
    for entry in entries:
        run = last_of.get(entry.facts["benefit"]) if entry.lane is Lane.PAYMENT else None
        if run is not None:
            before = run[-1]
            alike = before.facts["fen"] == entry.facts["fen"] and against.get(before.key) == against.get(entry.key)
            if alike and entry.on == add_months(before.on, 1) and entry.on.year == before.on.year:
                run.append(entry)
                continue
        runs.append([entry])
        if entry.lane is Lane.PAYMENT:
            last_of[entry.facts["benefit"]] = runs[-1]
    return runs


def _span(entries: Sequence[Entry], today: date) -> tuple[int, int]:
    """First and last year of the picture."""
    return (min((entry.on.year for entry in entries), default=today.year), max([today.year, *(entry.on.year for entry in entries)]))


def _strips(entries: Sequence[Entry], found: Sequence[Conflict], today: date) -> list[Strip]:
    first, last = _span(entries, today)
    start, days = date(first, 1, 1), (date(last, 12, 31) - date(first, 1, 1)).days + 1
    contradicted = {conflict.keys[0] for conflict in found}

    def bar(entry: Entry, kind: str) -> Bar:
        x = (entry.on - start).days / days * STRIP_WIDTH
        end = entry.until or (today if entry.lasts else None)
        width = MARK_WIDTH if end is None else max(MARK_WIDTH, (end - entry.on).days / days * STRIP_WIDTH)
        return Bar(round(max(0.0, x), 1), round(min(width, STRIP_WIDTH - max(0.0, x)), 1), kind)

    strips = []
    for lane in Lane:
        own = [entry for entry in entries if entry.lane is lane]
        if own:
            bars = [bar(entry, "mark" if entry.counts else "gone") for entry in own]
            strips.append(Strip(str(words.LANES[lane]), bars, len(own)))
    wrong = [bar(entry, "conflict") for entry in entries if entry.key in contradicted]
    return [Strip("", wrong, len(wrong)), *strips] if wrong else strips
