"""What people decided of the findings of one rule or model, as counts and sums."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decisions:
    """Decided cases behind whose alerts a code stood. found_fen, recovered_fen, worked_s: of a case with several codes shared equally."""

    confirmed: int = 0
    unfounded: int = 0
    data_error: int = 0
    referred: int = 0
    found_fen: int = 0
    recovered_fen: int = 0
    worked_s: int = 0

    @property
    def decided(self) -> int:
        """All of them."""
        return self.judged + self.referred

    @property
    def judged(self) -> int:
        """Those that say whether the finding was right; what was handed on does not yet."""
        return self.confirmed + self.unfounded + self.data_error

    def __add__(self, other: Decisions) -> Decisions:
        """The two together."""
        return Decisions(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))
