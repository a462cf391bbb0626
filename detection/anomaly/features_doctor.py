"""Features of a doctor of an institution in a month. Peers: doctors of the same department at institutions of the same level, else all
doctors of that level.
"""

from __future__ import annotations

from detection.anomaly import features_common as common
from detection.anomaly import features_network as network
from detection.anomaly.feature import Direction, EntityFeatures, Feature, FeatureGroup, Unit
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import FeaturePolicy

CLAIMS_A_DAY = Feature(
    "claims_a_day", FeatureGroup.VOLUME, Unit.INDEX, Direction.HIGH, "Claims a working day", "日均结算笔数",
    "Claims divided by the different days on which one began.", "结算笔数除以有结算开始的不同天数。",
    lambda rows: common.share(rows.id.count(), rows.from_date.nunique()), common.dearest, spread=True,
)  # fmt: skip


def doctor_features(policy: FeaturePolicy) -> EntityFeatures:
    """The features under a policy."""
    return EntityFeatures(
        EntityKind.DOCTOR,
        (
            common.CLAIMS,
            common.PATIENTS,
            common.CLAIMS_PER_PATIENT,
            CLAIMS_A_DAY,
            common.TOTAL,
            common.FUND_SHARE,
            common.COST_PER_CLAIM,
            common.COST_INDEX,
            common.STAY_DAYS,
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
        keys=("institution_id", "doctor"),
        ref=lambda rows: rows.institution.max() + "/" + rows.doctor.max(),
        narrow=lambda rows: rows.department.fill_null("?").max() + "|" + rows.level.max(),
        wide=lambda rows: rows.level.max(),
        joined=(network.shared_patients, network.diagnosis_concentration),
    )
