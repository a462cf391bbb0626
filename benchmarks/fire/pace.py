"""How much a camera page sends: api/static/js/camera/pace.js again, for cameras that are not in a browser."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """Frames a second, JPEG quality in (0, 1], longer side in pixels."""

    fps: int
    quality: float
    side_px: int


LEVELS = (Level(8, 0.9, 640), Level(8, 0.8, 640), Level(6, 0.75, 480), Level(5, 0.7, 480), Level(4, 0.6, 480))
SLOW_MS, QUICK_MS = 240.0, 130.0
WEIGHT = 0.3
ANSWERS_BEFORE_CHANGE = 4


class Pace:
    """Full pictures on a good line, smaller and fewer on a slow one."""

    def __init__(self) -> None:
        self.level = 1
        self._mean_ms: float | None = None
        self._answers = 0

    @property
    def settings(self) -> Level:
        """What to send now."""
        return LEVELS[self.level]

    def answered(self, took_ms: float) -> None:
        """Take in how long one frame took from sending to its answer."""
        self._mean_ms = took_ms if self._mean_ms is None else self._mean_ms + WEIGHT * (took_ms - self._mean_ms)
        self._answers += 1
        if self._answers < ANSWERS_BEFORE_CHANGE:
            return
        if self._mean_ms > SLOW_MS and self.level < len(LEVELS) - 1:
            self._move(1)
        elif self._mean_ms < QUICK_MS and self.level > 0:
            self._move(-1)

    def lost(self) -> None:
        """A frame did not get through: straight to the smallest."""
        self.level = len(LEVELS) - 1
        self._answers = 0

    def _move(self, by: int) -> None:
        self.level += by
        self._answers = 0
