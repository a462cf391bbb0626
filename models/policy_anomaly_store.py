"""The section [anomaly.store] of policy.toml: anomaly models over the store's claims, month by month."""

from __future__ import annotations

from pydantic import Field, model_validator

from models.policy_section import Section


class FeaturePolicy(Section):
    """What features count. short_stay_days: a stay of at most so many. round_fen: a total that this divides is round.

    digits_claims_min: fewer claims tell nothing by their first digits. case_claims_min: fewer claims of a diagnosis group make no median
    of their own. alike_persons: so many admitted and discharged together with one diagnosis are a batch. night_from, night_until: hours of
    the policy's time zone.
    """

    short_stay_days: int = Field(ge=0, le=10)
    readmission_days: int = Field(ge=1, le=90)
    round_fen: int = Field(ge=100)
    digits_claims_min: int = Field(ge=30)
    case_claims_min: int = Field(ge=3)
    alike_persons: int = Field(ge=2)
    night_from: int = Field(ge=0, le=23)
    night_until: int = Field(ge=0, le=23)


class OfEntity(Section):
    """A number for each kind of entity."""

    person: float
    doctor: float
    department: float
    hospital: float


class AnomalyStorePolicy(Section):
    """claims_min: entities with fewer claims in a month are not looked at. peers_min: fewer peers are none; wider ones are taken then.
    share_spread_min, log_spread_min: robust deviation below which peers are taken as so far apart, of shares and of logarithms.
    forest_weight: of the forest beside the sum of deviations. trees, tree_rows: of the forest. z_clip: a feature says no more than so many
    robust deviations. alert_percentile: above it a live model opens a finding, for findings_most entities of a month at most. confidence:
    of a finding of a model without labels. kept_percentile: scores below it are not written down; reasons_percentile: they are without
    reasons below it. train_months: whole months that a training takes when no others are named. features_told: of an entity; claims_named:
    behind each of them. rows_most: entity-months that a training draws at most. shadow_months: months after its training that a model must
    have scored before it may go live. top_compared: length of the lists whose overlap with the live model is shown. labels_min: decided
    entities of either outcome below which nothing is trained with labels. folds: of the cross-validation. isotonic_min: labels from which
    on calibration is isotonic. bootstraps: for intervals. drift_watch, drift_alarm: population stability index of a feature.
    """

    features: FeaturePolicy
    claims_min: OfEntity
    alert_percentile: OfEntity
    peers_min: int = Field(ge=3)
    share_spread_min: float = Field(gt=0.0, le=1.0)
    log_spread_min: float = Field(gt=0.0, le=1.0)
    forest_weight: float = Field(gt=0.0, lt=1.0)
    trees: int = Field(ge=10, le=1_000)
    tree_rows: int = Field(ge=32, le=4_096)
    z_clip: float = Field(ge=2.0, le=100.0)
    findings_most: int = Field(ge=1)
    confidence: float = Field(gt=0.0, le=1.0)
    kept_percentile: OfEntity
    reasons_percentile: float = Field(ge=0.0, le=1.0)
    train_months: int = Field(ge=1, le=36)
    features_told: int = Field(ge=1, le=20)
    claims_named: int = Field(ge=1, le=100)
    rows_most: int = Field(ge=1_000)
    shadow_months: int = Field(ge=1, le=24)
    top_compared: int = Field(ge=5)
    labels_min: int = Field(ge=5)
    folds: int = Field(ge=2, le=20)
    isotonic_min: int = Field(ge=50)
    bootstraps: int = Field(ge=50, le=5_000)
    drift_watch: float = Field(gt=0.0)
    drift_alarm: float = Field(gt=0.0)

    @model_validator(mode="after")
    def _sensible(self) -> AnomalyStorePolicy:
        if any(not 0.0 <= share < 1.0 for share in vars(self.kept_percentile).values()):
            raise ValueError("kept_percentile: must be from 0 to below 1")
        if any(not 0.5 <= share < 1.0 for share in vars(self.alert_percentile).values()):
            raise ValueError("alert_percentile: must be from 0.5 to below 1")
        if any(least < 1 for least in vars(self.claims_min).values()):
            raise ValueError("claims_min: must be 1 or more")
        if self.drift_alarm <= self.drift_watch:
            raise ValueError("drift_alarm must be above drift_watch")
        return self
