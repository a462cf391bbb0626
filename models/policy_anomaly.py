"""The section [anomaly] of policy.toml: what the anomaly models over claims go by."""

from __future__ import annotations

from pydantic import Field

from models.policy_anomaly_providers import AnomalyProvidersPolicy
from models.policy_anomaly_store import AnomalyStorePolicy
from models.policy_section import Section


class AnomalyPolicy(Section):
    """random_seed: of everything that is drawn, so that a training can be repeated. store: models over the store, month by month.
    providers: hospitals ranked from files.
    """

    random_seed: int = Field(ge=0)
    store: AnomalyStorePolicy
    providers: AnomalyProvidersPolicy
