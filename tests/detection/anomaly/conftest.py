"""What the tests of features and models share: a small policy, an engine, and a made-up province."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import pytest

from detection.anomaly.claim_measures import Span
from detection.anomaly.entities import Entities, read_entities
from detection.anomaly.features import prepare
from detection.claims.tables import ClaimTables
from detection.compute import Compute, EngineName, Limits, open_compute
from models.anomaly_model import EntityKind
from models.policy import RecordsPolicy
from models.policy_anomaly_store import AnomalyStorePolicy
from tests.detection.anomaly.made_claims import province, tables

JANUARY, MARCH = date(2026, 1, 1), date(2026, 3, 1)


@pytest.fixture(scope="session")
def store_policy(records_policy: RecordsPolicy) -> AnomalyStorePolicy:
    """The policy with a smaller forest, and few decided cases needed."""
    small = {"trees": 40, "labels_min": 12, "bootstraps": 50, "folds": 3, "top_compared": 10, "isotonic_min": 200}
    return records_policy.anomaly.store.model_copy(update=small)


@pytest.fixture(scope="session")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(1_024, 2), tmp_path_factory.mktemp("duckdb")) as opened:
        yield opened


@dataclass(frozen=True)
class Province:
    """Three months of a made-up province, and the hospitals' features in them."""

    folder: Path
    tables: ClaimTables
    measures: ir.Table
    hospitals: Entities


@pytest.fixture(scope="session")
def made_province(compute: Compute, store_policy: AnomalyStorePolicy, tmp_path_factory: pytest.TempPathFactory) -> Province:
    folder = province(tmp_path_factory.mktemp("province"), months=3)
    read = tables(compute, folder)
    measures = prepare(compute, read, Span(JANUARY, MARCH), store_policy, "province")
    return Province(folder, read, measures, read_entities(EntityKind.HOSPITAL, compute, measures, store_policy))
