"""Entities with their features in memory: what models are trained on and score."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Self

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detection.anomaly.feature import Feature
from detection.anomaly.features import entity_table, features_of
from detection.anomaly.peers import Compared, Floats, Texts, compare
from detection.compute import Compute
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import AnomalyStorePolicy


@dataclass(frozen=True)
class Entities:
    """Entity-months, a row each, in the order of month and ref. month: datetime64[D], first days. person_id: -1 where there is none.

    values: a column a feature, NaN where unknown. fund_fen: what the fund paid of the entity's claims in the month.
    """

    month: NDArray[np.datetime64]
    ref: Texts
    person_id: NDArray[np.int64]
    institution: Texts
    department: Texts
    region_code: Texts
    narrow: Texts
    wide: Texts
    fund_fen: NDArray[np.int64]
    values: Floats

    def __len__(self) -> int:
        """How many rows."""
        return len(self.ref)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some rows, by place or by flag."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def months(self) -> list[date]:
        """The months that occur, in order."""
        return [one.astype("datetime64[D]").item() for one in np.unique(self.month)]

    def sha256(self) -> str:
        """Of whose features, in which month, which values."""
        digest = hashlib.sha256()
        for month, ref in zip(self.month.astype(str), self.ref, strict=True):
            digest.update(f"{month} {ref}\n".encode())
        digest.update(np.ascontiguousarray(self.values, "<f8").tobytes())
        return digest.hexdigest()


def read_entities(kind: EntityKind, compute: Compute, measures: ir.Table, policy: AnomalyStorePolicy) -> Entities:
    """The features of all entities of a kind in the months of the measures. Raises RunFailedError."""
    features = features_of(kind, policy).features
    parts = list(compute.batches(entity_table(kind, measures, policy)))
    table = pa.Table.from_batches(parts) if parts else None
    if table is None:
        return _empty(len(features))
    month = table["month"].cast(pa.date32()).to_numpy().astype("datetime64[D]")
    ref = _texts(table["entity_ref"])
    values = np.column_stack([table[feature.name].cast(pa.float64()).to_numpy() for feature in features]).astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    found = Entities(
        month=month,
        ref=ref,
        person_id=table["person_id"].fill_null(-1).to_numpy().astype(np.int64),
        institution=_texts(table["institution"]),
        department=_texts(table["department"]),
        region_code=_texts(table["region_code"]),
        narrow=_texts(table["narrow"]),
        wide=_texts(table["wide"]),
        fund_fen=table["fund_fen"].to_numpy().astype(np.int64),
        values=values,
    )
    return found.take(np.lexsort((ref.astype(str), month)))


def compare_by_month(entities: Entities, features: tuple[Feature, ...], policy: AnomalyStorePolicy) -> Compared:
    """Each row beside its peers of the same month."""
    parts = []
    for month in np.unique(entities.month):
        one = entities.take(entities.month == month)
        parts.append(compare(one.values, one.narrow, one.wide, features, policy))
    if not parts:
        return compare(entities.values, entities.narrow, entities.wide, features, policy)
    return Compared(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Compared)})


def _texts(column: pa.ChunkedArray) -> Texts:
    return np.array(column.fill_null("").to_pylist(), dtype=object)


def _empty(features: int) -> Entities:
    texts, numbers = np.empty(0, object), np.empty(0, np.int64)
    return Entities(
        np.empty(0, "datetime64[D]"), texts, numbers, texts, texts, texts, texts, texts, numbers, np.empty((0, features), np.float64)
    )
