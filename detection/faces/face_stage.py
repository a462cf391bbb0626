"""The search for faces as the one stage of a run of detection, which writes its signals and lets triage come after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from detection.detection_service import Batch, Marker, Progress, RunAs, Stage
from detection.faces.face_service import FaceSearchService, Summary
from detection.faces.finding_pairs import CODE

LOOK_BACK = "look_back"
"""In place of the id of a run, in the audit of a search that leaves the signals as they are."""


class FaceStages:
    """Stages of a run of kind ``faces``, for ``DetectionService.run``. summary and pairs: what the search was, after it ended.

    A pair that came up from both of its faces in two batches is counted twice in pairs; its findings stand once.
    """

    def __init__(self, service: FaceSearchService) -> None:
        self.service = service
        self.summary: Summary | None = None
        self.pairs = 0

    @contextmanager
    def __call__(self, asked: RunAs, _progress: Progress) -> Iterator[Sequence[Stage]]:
        """The one stage. Raises LegalBasisMissingError before anything is opened."""
        self.service.basis()

        def find(progress: Progress, marker: Marker | None) -> Iterable[Batch]:
            return self._find(asked, progress, marker)

        yield (Stage(CODE, (CODE,), find),)

    def _find(self, asked: RunAs, progress: Progress, marker: Marker | None) -> Iterator[Batch]:
        run = asked.run or LOOK_BACK
        begun = marker or {}
        prepared = self.service.prepare(by=asked.by, run=run, as_of=asked.as_of, progress=progress, threshold=begun.get("threshold"))
        self.summary, self.pairs = prepared.summary, int(begun.get("pairs", 0))
        for batch in prepared.batches(region_code=asked.region_code, after=int(begun.get("after", 0))):
            self.pairs += batch.pairs
            progress("faces searched", batch.searched, batch.of)
            yield batch.findings, {"after": batch.until, "threshold": prepared.summary.threshold, "pairs": self.pairs}
        self.service.finish(by=asked.by, run=run, summary=prepared.summary, pairs=self.pairs)
