"""What came earlier in a file, in eight bytes a row: sorted blocks that are merged as they grow."""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter
from typing import Any

import numpy as np

from detection.intake import rules
from detection.intake.records import ClaimLineRecord, PersonRecord, Record, content_of, key_of
from detection.intake.rules import Rule

GROWTH = 2
"""A block is merged into the one before it as long as that is not this many times larger."""
_LINE_KEY = attrgetter("institution_code", "reference", "number")
_LINE = attrgetter(*ClaimLineRecord.__slots__)


def _hashes(record: Record) -> tuple[int, int]:
    # a person's key is a keyed digest already, and what the row says fits into one string: this is the largest kind of file
    if isinstance(record, PersonRecord):
        said = "\x00".join((record.name, record.region_code, record.phone or "", record.address or ""))
        content = blake2b(record.digest + (record.social_security_digest or b"") + said.encode(), digest_size=8).digest()
        return int.from_bytes(record.digest[:8]), int.from_bytes(content)
    if isinstance(record, ClaimLineRecord):  # there are most of these, and none names a person
        return _hash(_LINE_KEY(record)), _hash(_LINE(record))
    return _hash(key_of(record)), _hash(content_of(record))


def _hash(parts: tuple[Any, ...]) -> int:
    # 64 bits: among ten million rows two different ones are taken for one with a chance of three in a million
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest())


class _HashSet:
    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []

    def contains(self, hashes: np.ndarray) -> np.ndarray:
        found = np.zeros(len(hashes), dtype=bool)
        for block in self._blocks:
            places = np.searchsorted(block, hashes)
            places[places == len(block)] = 0
            found |= block[places] == hashes
        return found

    def add(self, hashes: np.ndarray) -> None:
        block = np.unique(hashes)
        while self._blocks and len(self._blocks[-1]) < GROWTH * len(block):
            block = np.union1d(self._blocks.pop(), block)
        if len(block):
            self._blocks.append(block)


class SeenRows:
    """Keys and contents of the valid rows of a file, so far."""

    def __init__(self) -> None:
        self._keys, self._contents = _HashSet(), _HashSet()

    def repeated(self, records: list[Record]) -> list[Rule | None]:
        """Of each record in order: DUPLICATE_IN_FILE, DUPLICATE_CONTRADICTS or None; then all of them count as seen.

        Of rows that contradict each other the first one stands.
        """
        hashes = [_hashes(record) for record in records]
        keys = np.array([key for key, _ in hashes], dtype=np.uint64)
        contents = np.array([content for _, content in hashes], dtype=np.uint64)
        known_keys, known_contents = self._keys.contains(keys), self._contents.contains(contents)
        result: list[Rule | None] = []
        here: set[int] = set()
        here_contents: set[int] = set()
        for key, content, key_known, content_known in zip(keys.tolist(), contents.tolist(), known_keys, known_contents, strict=True):
            if content_known or content in here_contents:
                result.append(rules.DUPLICATE_IN_FILE)
            elif key_known or key in here:
                result.append(rules.DUPLICATE_CONTRADICTS)
            else:
                result.append(None)
                here.add(key)
                here_contents.add(content)
        fresh = np.array([rule is None for rule in result], dtype=bool)
        self._keys.add(keys[fresh])
        self._contents.add(contents[fresh])
        return result
