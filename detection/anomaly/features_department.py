"""Features of a department of an institution in a month. Peers: departments of the same name at institutions of the same level, else all
departments of that level.
"""

from __future__ import annotations

from detection.anomaly import features_common as common
from detection.anomaly import features_network as network
from detection.anomaly.feature import EntityFeatures
from detection.anomaly.features_hospital import DOCTOR_CLAIMS
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import FeaturePolicy


def department_features(policy: FeaturePolicy) -> EntityFeatures:
    """The features under a policy."""
    return EntityFeatures(
        EntityKind.DEPARTMENT,
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
            common.SHORT_SHARE,
            common.WEEKEND_SHARE,
            common.READMISSION_SHARE,
            common.OVERLAP_SHARE,
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
        keys=("institution_id", "department"),
        ref=lambda rows: rows.institution.max() + "/" + rows.department.max(),
        narrow=lambda rows: rows.department.max() + "|" + rows.level.max(),
        wide=lambda rows: rows.level.max(),
        joined=(network.diagnosis_concentration,),
    )
