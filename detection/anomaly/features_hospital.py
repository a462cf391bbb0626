"""Features of an institution in a month. Peers: institutions of the same level and kind, else of the same level."""

from __future__ import annotations

from detection.anomaly import features_common as common
from detection.anomaly import features_network as network
from detection.anomaly.feature import Direction, EntityFeatures, Feature, FeatureGroup, Unit
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import FeaturePolicy

DOCTOR_CLAIMS = Feature(
    "doctor_claims", FeatureGroup.VOLUME, Unit.INDEX, Direction.HIGH, "Claims per doctor", "每名医师结算笔数",
    "Claims divided by the different doctors that they name.", "结算笔数除以结算中出现的不同医师人数。",
    lambda rows: common.share(rows.id.count(), rows.doctor.nunique()), common.dearest, spread=True,
)  # fmt: skip
BED_DAYS = Feature(
    "bed_days", FeatureGroup.STAY, Unit.INDEX, Direction.HIGH, "Days of stay per bed", "每床住院天数",
    "Days of stay divided by the approved beds; unknown without them.", "住院天数之和除以核定床位数，床位未知时不计算。",
    lambda rows: common.share(rows.stay_days.sum(), rows.beds.max()), common.flagged("inpatient"), spread=True,
)  # fmt: skip


def hospital_features(policy: FeaturePolicy) -> EntityFeatures:
    """The features under a policy."""
    return EntityFeatures(
        EntityKind.HOSPITAL,
        (
            common.CLAIMS,
            common.PATIENTS,
            common.CLAIMS_PER_PATIENT,
            common.TOTAL,
            DOCTOR_CLAIMS,
            common.FUND_SHARE,
            common.COST_PER_CLAIM,
            common.COST_INDEX,
            common.STAY_SHARE,
            common.STAY_DAYS,
            BED_DAYS,
            common.SHORT_SHARE,
            common.WEEKEND_SHARE,
            common.READMISSION_SHARE,
            common.OVERLAP_SHARE,
            network.SHARED_SHARE,
            network.PARTNER_SHARE,
            common.BATCH_SHARE,
            common.AWAY_SHARE,
            common.ROUND_SHARE,
            common.COPIED_SHARE,
            common.NIGHT_SHARE,
            common.digits(policy.digits_claims_min),
            common.DRUG_SHARE,
            common.EXAMINATION_SHARE,
            common.MATERIAL_SHARE,
            common.UNEXECUTED_SHARE,
            network.DIAGNOSIS_CONCENTRATION,
            common.FAILED_SHARE,
            common.AFTER_DEATH,
        ),
        keys=("institution_id",),
        ref=lambda rows: rows.institution.max(),
        narrow=lambda rows: rows.level.max() + "|" + rows.kind.max(),
        wide=lambda rows: rows.level.max(),
        joined=(network.shared_patients, network.diagnosis_concentration),
    )
