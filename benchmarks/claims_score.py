"""What rules and models over claims found beside the labels of generated claims: precision and recall, rule by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.county_labels import wilson
from detection.claims.findings import CLAIM
from detection.findings import Finding
from models.detection import SubjectKind
from sample_data.claims.sower import BAD

Owner = int | str
"""A person, or the code of a hospital, or of a hospital and its doctor."""
Unit = tuple[str, Owner]
SHOWN = 6


@dataclass
class Labels:
    """What is planted. wanted: unit -> claims of it; allowed: units that may be found; cases: owner -> name of the case."""

    wanted: dict[Unit, set[int]] = field(default_factory=dict)
    allowed: set[Unit] = field(default_factory=set)
    cases: dict[Owner, str] = field(default_factory=dict)
    bad: set[Unit] = field(default_factory=set)


def read_labels(folder: Path) -> Labels:
    """The labels of a folder that ``sample_data.claims.province`` wrote."""
    labels = Labels()
    for row in pq.read_table(folder / "labels.parquet").to_pylist():
        owner: Owner = row["subject_ref"] or row["person_id"]
        labels.cases[owner] = f"{row['role']}: {row['case'].rsplit(' ', 1)[0]}"
        code = row["code"]
        if row["role"] == BAD:
            labels.bad.add((code, owner))
        elif code.endswith("?"):
            labels.allowed.add((code[:-1], owner))
        elif code:
            labels.wanted.setdefault((code, owner), set()).update(row["claims"])
    return labels


def owners_of_claims(folder: Path) -> dict[int, int]:
    """Claim -> person, of planted claims: those that the labels' people have."""
    labelled = {owner for owner in read_labels(folder).cases if isinstance(owner, int)}
    owners: dict[int, int] = {}
    for batch in pq.ParquetFile(folder / "claim.parquet").iter_batches(columns=["id", "person_id"]):
        owners.update(
            (claim, person) for claim, person in zip(*(column.to_pylist() for column in batch.columns), strict=True) if person in labelled
        )
    return owners


def units_of(finding: Finding, owners: dict[int, int]) -> set[Unit]:
    """Whom a finding is about: of a group, and of a hospital's single claim, the people whose claims it names."""
    if finding.person_id is not None:
        return {(finding.code, finding.person_id)}
    claims = {one.id for one in finding.records if one.kind == CLAIM}
    if finding.subject_kind is SubjectKind.GROUP or len(claims) == 1:
        return {(finding.code, owners.get(claim, -claim)) for claim in claims}
    return {(finding.code, finding.subject_ref or "")}


@dataclass(frozen=True)
class Score:
    """One rule. named: of those found rightly, how many name a claim of the label. wrong: by case, the most frequent first."""

    code: str
    planted: int
    found: int
    right: int
    named: int
    allowed: int
    wrong: tuple[tuple[str, int], ...]
    wrong_count: int
    missed: tuple[tuple[str, int], ...]

    def as_json(self) -> dict[str, Any]:
        """With shares and bounds of 95 %."""
        told = self.right + self.wrong_count
        return {
            "code": self.code,
            "planted": self.planted,
            "found": self.found,
            "right": self.right,
            "claims_named": self.named,
            "allowed": self.allowed,
            "wrong": self.wrong_count,
            "precision": self.right / told if told else None,
            "precision_95": wilson(self.right, told),
            "recall": self.right / self.planted if self.planted else None,
            "recall_95": wilson(self.right, self.planted),
            "wrong_of": list(self.wrong),
            "missed_of": list(self.missed),
        }


def score(labels: Labels, findings: Iterable[Finding], owners: dict[int, int], codes: Iterable[str]) -> list[Score]:
    """One score a code: of those given, and of those that are labelled or found besides."""
    claims: dict[Unit, set[int]] = {}
    for finding in findings:
        for unit in units_of(finding, owners):
            claims.setdefault(unit, set()).update(one.id for one in finding.records if one.kind == CLAIM)
    ran = set(codes)
    scores = []
    for code in sorted(ran | {unit[0] for unit in labels.wanted} | {unit[0] for unit in claims}):
        wanted = {unit for unit in labels.wanted if unit[0] == code}
        told = {unit for unit in claims if unit[0] == code}
        right = wanted & told
        may = (told & labels.allowed) - wanted
        wrong = told - wanted - may
        named = sum(bool(claims[unit] & labels.wanted[unit]) or not labels.wanted[unit] for unit in right)
        scores.append(
            Score(
                code,
                len(wanted),
                len(told),
                len(right),
                named,
                len(may),
                _cases(labels, wrong),
                len(wrong),
                _cases(labels, wanted - told),
            )
        )
    return scores


def _cases(labels: Labels, units: Iterable[Unit]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(labels.cases.get(unit[1], "background") for unit in units).most_common(SHOWN))
