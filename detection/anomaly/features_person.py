"""Features of an insured person in a month. Peers: persons of the same age band and sex, else of the same age band."""

from __future__ import annotations

from detection.anomaly import features_common as common
from detection.anomaly.feature import Direction, EntityFeatures, Feature, FeatureGroup, Unit
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import FeaturePolicy

INSTITUTIONS = Feature(
    "institutions", FeatureGroup.NETWORK, Unit.COUNT, Direction.HIGH, "Institutions", "就诊机构数",
    "Different institutions in the month.", "当月就诊的不同机构数。",
    lambda rows: rows.institution_id.nunique(), common.dearest, spread=True,
)  # fmt: skip
SAME_DAY_SHARE = Feature(
    "same_day_share", FeatureGroup.VOLUME, Unit.SHARE, Direction.HIGH, "Several claims on a day", "同日多次就诊占比",
    "Claims that began on the day of an earlier one.", "与前一笔结算同日开始的结算占比。",
    lambda rows: (rows.gap_days == 0).ifelse(1.0, 0.0).mean(), lambda rows: (rows.gap_days == 0).ifelse(rows.total_fen + 1, 0),
)  # fmt: skip
GAP_DAYS = Feature(
    "gap_days", FeatureGroup.VOLUME, Unit.DAYS, Direction.LOW, "Days between claims", "就诊间隔天数",
    "Mean days since the claim before.", "与前一笔结算间隔的平均天数。",
    lambda rows: rows.gap_days.cast("float64").mean(), lambda rows: (rows.gap_days <= 1).ifelse(rows.total_fen + 1, 0), spread=True,
)  # fmt: skip
DAYS_IN_HOSPITAL = Feature(
    "days_in_hospital", FeatureGroup.STAY, Unit.DAYS, Direction.HIGH, "Days in hospital", "住院天数",
    "Days of all stays that ended in the month.", "当月出院的全部住院天数之和。",
    lambda rows: rows.stay_days.fill_null(0).sum(), common.flagged("inpatient"), spread=True,
)  # fmt: skip
READMISSIONS = Feature(
    "readmissions", FeatureGroup.STAY, Unit.COUNT, Direction.HIGH, "Readmissions", "再入院次数",
    "Stays that began soon after another stay, transfers apart.", "出院后短期内再次入院(转院除外)的次数。",
    lambda rows: rows.readmitted.sum(), common.flagged("readmitted"), spread=True,
)  # fmt: skip
DRUG_TOTAL = Feature(
    "drug_total", FeatureGroup.MIX, Unit.FEN, Direction.HIGH, "Drugs", "药品费用",
    "Sum of drugs and herbs.", "药品及饮片费用之和。",
    lambda rows: rows.drug_fen.fill_null(0).sum(), lambda rows: rows.drug_fen, spread=True,
)  # fmt: skip


def person_features(_policy: FeaturePolicy) -> EntityFeatures:
    """The features under a policy."""
    return EntityFeatures(
        EntityKind.PERSON,
        (
            common.CLAIMS,
            common.TOTAL,
            common.FUND_SHARE,
            common.COST_INDEX,
            INSTITUTIONS,
            SAME_DAY_SHARE,
            GAP_DAYS,
            DAYS_IN_HOSPITAL,
            READMISSIONS,
            common.OVERLAP_SHARE,
            common.BATCH_SHARE,
            common.AWAY_SHARE,
            common.NIGHT_SHARE,
            DRUG_TOTAL,
            common.DRUG_SHARE,
            common.COPIED_SHARE,
            common.FAILED_SHARE,
            common.AFTER_DEATH,
        ),
        keys=("person_id",),
        ref=lambda rows: rows.person_id.max().cast("string"),
        narrow=lambda rows: rows.age_band.max() + "|" + rows.sex.max(),
        wide=lambda rows: rows.age_band.max(),
    )
