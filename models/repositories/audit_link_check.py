"""Walking along the links of the audit chain: each hash must follow from the one before and from its entry as it is now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from models.audit_canonical import EntryRow, link_hash
from models.audit_chain import AuditSeal
from models.repositories.audit_findings import FindingKind, Verification

KEPT_FOR_MOVES = 200  # altered places that are compared with each other, to tell entries that changed places


@dataclass(frozen=True)
class _Altered:
    """A place whose hash is not that of its entry."""

    day: date
    position: int
    entry: EntryRow
    before: bytes
    stored: bytes
    computed: bytes


@dataclass
class LinkWalk:
    """Where the walk is. before: the hash that the next link follows, None where it is lost. total: links so far over all days."""

    found: Verification
    before: bytes | None
    total: int
    day: date = date.min
    position: int = 0
    _pending: _Altered | None = None
    _altered: list[_Altered] = field(default_factory=list)
    _diverged: bool = False
    _last_good: str = "the beginning"

    def begin_day(self, day: date, first_seal: AuditSeal | None) -> None:
        """Go on with another day. first_seal: any seal of it, which says how many links were before it."""
        self.settle()
        self.day, self.position = day, 0
        if first_seal is None:
            return
        before = first_seal.entries - first_seal.position
        if before != self.total:
            missing = before - self.total
            said = f"{missing} entries before {day} are gone" if missing > 0 else f"there are {-missing} entries more before {day}"
            self.found.add(FindingKind.DAY_MISSING, f"{said} than its seals say" if missing < 0 else f"{said}, by its seals", day=day)
            self.total, self.before = before, None

    def step(self, position: int, entry_id: int, stored: bytes, entry: EntryRow | None) -> None:
        """Look at the next link of the day. entry: None when it is not there."""
        if position < 1:
            self.found.add(FindingKind.LINK_ADDED, "a link at no place of the chain", day=self.day, position=position, entry_id=entry_id)
            return
        expected, self.position = self.position + 1, position
        self.total += position - expected + 1
        if position > expected:
            places = f"place {expected}" if position == expected + 1 else f"places {expected} to {position - 1}"
            self.found.add(FindingKind.LINK_MISSING, f"the links of {places} are gone", day=self.day, position=expected)
            self.settle()
            self.before = None
        self.found.entries += 1
        if entry is None:
            self.settle()
            self.found.add(FindingKind.ENTRY_MISSING, f"entry {entry_id} is gone", day=self.day, position=position, entry_id=entry_id)
        elif self.before is not None:
            self._compare(entry, stored, self.before)
        self.before = stored

    def _compare(self, entry: EntryRow, stored: bytes, before: bytes) -> None:
        computed = link_hash(before, entry)
        pending = self._pending
        if stored == computed:
            self.settle()
            return
        if pending is not None and stored == link_hash(pending.computed, entry):
            self._say(pending, FindingKind.LINK_ALTERED, "the hash was changed, its entry was not")
        elif pending is not None and stored == link_hash(pending.before, entry):
            self._say(pending, FindingKind.LINK_ADDED, f"entry {pending.entry.id} was put between two others")
        else:
            self.settle()
            self._pending = _Altered(self.day, self.position, entry, before, stored, computed)
            return
        self._pending = None

    def check_seal(self, seal: AuditSeal, stored: bytes) -> None:
        """Compare a seal with the link that it is of, which was the last step."""
        named = f"seal {seal.id}"
        if self._diverged:
            return
        head, pending = bytes(seal.head_hash), self._pending
        if pending is not None and head == pending.computed != stored:
            self._say(pending, FindingKind.LINK_ALTERED, "the hash was changed, its entry was not")
            self._pending, self.before = None, head
        elif head != stored:
            said = f"the hashes do not lead to {named}: entries between {self._last_good} and it were changed and chained again"
            self.found.add(FindingKind.SEAL_DIFFERS, said, day=seal.day, position=seal.position)
            self._diverged = True
        elif seal.entries != self.total:
            said = f"{named} counts {seal.entries} entries up to here, there are {self.total}"
            self.found.add(FindingKind.SEAL_DIFFERS, said, day=seal.day, position=seal.position)
            self.total = seal.entries
        self._last_good = f"{named} (place {seal.position} of {seal.day})"

    def settle(self) -> None:
        """No later link explains the last mismatch: it is the entry that was changed."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if len(self._altered) < KEPT_FOR_MOVES:
            self._altered.append(pending)
        else:
            self._say(pending, FindingKind.ENTRY_ALTERED, _ALTERED)

    def finish(self) -> None:
        """Tell entries that changed places from altered ones."""
        self.settle()
        for place in self._altered:
            rightful = next((other.entry.id for other in self._altered if link_hash(place.before, other.entry) == place.stored), None)
            if rightful is None:
                self._say(place, FindingKind.ENTRY_ALTERED, _ALTERED)
            else:
                self._say(place, FindingKind.ENTRY_MOVED, f"entry {place.entry.id} stands where entry {rightful} was sealed")

    def _say(self, place: _Altered, kind: FindingKind, what: str) -> None:
        self.found.add(kind, what, day=place.day, position=place.position, entry_id=place.entry.id)


_ALTERED = "the entry is not what was sealed here: it, or what stood before it, was changed"
