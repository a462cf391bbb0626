"""Bringing the national rule base and its points into the store: all files or none, each row loaded or reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from detection.knowledge.points import parameters_of
from detection.knowledge.published import KnowledgeContent, PublishedPoint, RejectedRow, read_knowledge
from models.database import Database
from models.knowledge import KnowledgeFileKind, KnowledgeRule
from models.policy_knowledge import KnowledgePolicy
from models.repositories import audit, knowledge
from models.run_lock import only_one

LOCK = "knowledge"


@dataclass(frozen=True)
class KnowledgeImport:
    """What one file did. loaded: rows that are new, or a new version; reread: points whose words are read differently than before."""

    file: str
    kind: KnowledgeFileKind
    edition: str | None
    rows: int
    loaded: int
    unchanged: int
    reread: int
    rejected: tuple[RejectedRow, ...]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self) | {"rejected": len(self.rejected), "rejections": [asdict(one) for one in self.rejected]}


class KnowledgeService:
    """``clock`` gives the aware UTC time; today: of the policy's time zone."""

    def __init__(
        self, database: Database, policy: KnowledgePolicy, *, clock: Callable[[], datetime], today: Callable[[datetime], date]
    ) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock
        self._today = today

    def import_files(self, paths: Iterable[Path], *, by: str) -> list[KnowledgeImport]:
        """Bring files in: read all of them first, then write all of them in one transaction.

        Raises:
            KnowledgeFileError: one of them cannot be used; nothing was written.
            ConflictError: RUN_IN_PROGRESS, another import is running.
        """
        contents = [read_knowledge(path) for path in paths]
        with only_one(self._database, LOCK), self._database.session_scope() as session:
            return [self._write(session, content, by) for content in contents]

    def _write(self, session: Session, content: KnowledgeContent, by: str) -> KnowledgeImport:
        now = self._clock()
        file = knowledge.add_file(session, knowledge.NewFile(content.kind, content.name, content.sha256, content.edition, [], by), now=now)
        reread = 0
        refused: list[RejectedRow] = []
        if content.kind is KnowledgeFileKind.RULES:
            loaded = self._rules(session, content, file.id)
        else:
            loaded, reread, refused = self._points(session, content.points, file.id)
        rejected = (*content.rejected, *refused)
        file.rejections = [asdict(one) for one in rejected]
        file.rejected = len(rejected)
        file.loaded = loaded
        file.unchanged = content.rows - loaded - len(rejected)
        details = {"kind": content.kind.value, "rows": content.rows, "loaded": loaded, "rejected": len(rejected)}
        audit.record(session, actor=by, action="knowledge.imported", object=file.public_id, details=details, now=now)
        return KnowledgeImport(content.name, content.kind, content.edition, content.rows, loaded, file.unchanged, reread, rejected)

    def _rules(self, session: Session, content: KnowledgeContent, file_id: int) -> int:
        """Rules that are new or changed. What a file does not tell stays; what was empty is filled in."""
        known = knowledge.newest_rules(session)
        today = self._today(self._clock())
        loaded = 0
        for rule in content.rules:
            values = asdict(rule)
            old = known.get(rule.code)
            version, first = 1, self._policy.undated_from
            if old is not None:
                values["definition"] = values["definition"] or old.definition
                if all(getattr(old, name) == value for name, value in values.items()):
                    continue
                if old.definition is None and all(getattr(old, name) == value for name, value in values.items() if name != "definition"):
                    old.definition = rule.definition
                    loaded += 1
                    continue
                version, first = old.version + 1, today
                old.effective_until = date.fromordinal(max(today.toordinal(), old.effective_from.toordinal()) - 1)
            session.add(KnowledgeRule(**values, version=version, effective_from=first, effective_until=None, file_id=file_id))
            loaded += 1
        session.flush()
        return loaded

    def _points(self, session: Session, points: Sequence[PublishedPoint], file_id: int) -> tuple[int, int, list[RejectedRow]]:
        """(loaded, reread, rejected): rejected are those that are older than what the store has of the same point."""
        known = knowledge.newest_points(session)
        today = self._today(self._clock())
        new: list[dict[str, Any]] = []
        reread: dict[int, dict[str, Any]] = {}
        refused: list[RejectedRow] = []
        for point in points:
            values = self._columns(point)
            old = known.get(point.point_id)
            version, first = 1, point.published or self._policy.undated_from
            if old is not None:
                if all(getattr(old, name) == value for name, value in values.items() if name != "parameters"):
                    if old.parameters != values["parameters"]:
                        reread[old.id] = values["parameters"]
                    continue
                version, first = old.version + 1, point.published or today
                if first < old.effective_from:
                    reason = f"an older edition: the store has one that holds from {old.effective_from}"
                    refused.append(RejectedRow(point.row, point.point_id, "published_at", reason))
                    continue
            new.append(
                {
                    **values,
                    "point_id": point.point_id,
                    "version": version,
                    "effective_from": first,
                    "effective_until": None,
                    "file_id": file_id,
                }
            )
        knowledge.add_points(session, new)
        knowledge.set_parameters(session, reread)
        knowledge.settle_ends(session)
        return len(new), len(reread), refused

    def _columns(self, point: PublishedPoint) -> dict[str, Any]:
        """What makes a version: the publisher's words and days, and what is read from them."""
        days = {
            "published": point.published.isoformat() if point.published else None,
            "until": point.until.isoformat() if point.until else None,
        }
        parameters = parameters_of(point, self._policy).as_json()
        if point.given:
            parameters["given"] = sorted(point.given)
        return {
            "rule_code": point.rule_code,
            "item_name": point.item_name,
            "item_codes": list(point.item_codes),
            "limit_text": point.limit_text,
            "check_text": point.check_text,
            "supersedes": list(point.supersedes),
            "source": {**point.source, **{name: day for name, day in days.items() if day}},
            "parameters": parameters,
        }
