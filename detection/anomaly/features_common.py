"""Features that several kinds of entities share, over the rows of ``claim_measures`` of one entity and month."""

from __future__ import annotations

import math

import ibis
import ibis.expr.types as ir

from detection.anomaly.feature import Behind, Direction, Feature, FeatureGroup, Measure, Unit

HIGH, LOW, EITHER = Direction.HIGH, Direction.LOW, Direction.EITHER
BENFORD = {str(digit): math.log10(1 + 1 / digit) for digit in range(1, 10)}
"""Expected shares of first digits (Benford 1938)."""


def share(part: ir.NumericValue, whole: ir.NumericValue) -> ir.FloatingValue:
    """Part of the whole; NULL when there is no whole."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def of_claims(flag: str) -> Measure:
    """Share of the claims that have the flag."""
    return lambda rows: rows[flag].cast("float64").mean()


def of_stays(flag: str) -> Measure:
    """Share of the stays that have the flag; NULL without stays."""
    return lambda rows: share(rows[flag].sum(), rows.inpatient.sum())


def of_lines(sum_name: str) -> Measure:
    """Share of the charges; NULL where there are no lines."""
    return lambda rows: share(rows[sum_name].sum(), rows.line_fen.sum())


def flagged(flag: str) -> Behind:
    """The claims with the flag, the dearest first."""
    return lambda rows: rows[flag] * (rows.total_fen + 1)


def dearest(rows: ir.Table) -> ir.Value:
    """The dearest claims."""
    return rows.total_fen


def _over_expected(rows: ir.Table) -> ir.Value:
    return rows.total_fen - rows.expected_fen


def digits_deviation(claims_min: int) -> Measure:
    """Mean absolute deviation of the shares of first digits from Benford's; NULL below so many claims."""

    def measure(rows: ir.Table) -> ir.Value:
        counted = rows.digit.count()
        apart = [((rows.digit == digit).ifelse(1, 0).sum() / counted.nullif(0) - expected).abs() for digit, expected in BENFORD.items()]
        total = apart[0]
        for one in apart[1:]:
            total = total + one
        return (counted >= claims_min).ifelse(total / len(apart), ibis.literal(None, type="float64"))

    return measure


CLAIMS = Feature(
    "claims", FeatureGroup.VOLUME, Unit.COUNT, HIGH, "Claims", "结算笔数",
    "Claims that ended in the month.", "当月结算(出院或就诊)的笔数。",
    lambda rows: rows.id.count(), dearest, spread=True,
)  # fmt: skip
PATIENTS = Feature(
    "patients", FeatureGroup.VOLUME, Unit.COUNT, HIGH, "Patients", "就诊人数",
    "Different persons with a claim.", "当月有结算的不同参保人数。",
    lambda rows: rows.person_id.nunique(), dearest, spread=True,
)  # fmt: skip
CLAIMS_PER_PATIENT = Feature(
    "claims_per_patient", FeatureGroup.VOLUME, Unit.INDEX, HIGH, "Claims per patient", "人均结算笔数",
    "Claims divided by patients.", "结算笔数除以就诊人数。",
    lambda rows: share(rows.id.count(), rows.person_id.nunique()), dearest,
)  # fmt: skip
TOTAL = Feature(
    "total", FeatureGroup.VOLUME, Unit.FEN, HIGH, "Total charged", "总费用",
    "Sum of all charges of the month.", "当月全部费用之和。",
    lambda rows: rows.total_fen.sum(), dearest, spread=True,
)  # fmt: skip
FUND_SHARE = Feature(
    "fund_share", FeatureGroup.COST, Unit.SHARE, HIGH, "Share paid by the fund", "基金支付比例",
    "Fund part of all charges.", "基金支付占总费用的比例。",
    lambda rows: share(rows.fund_fen.sum(), rows.total_fen.sum()), lambda rows: rows.fund_fen,
)  # fmt: skip
COST_PER_CLAIM = Feature(
    "cost_per_claim", FeatureGroup.COST, Unit.FEN, HIGH, "Charge per claim", "次均费用",
    "Mean total of a claim.", "每笔结算的平均总费用。",
    lambda rows: rows.total_fen.cast("float64").mean(), dearest, spread=True,
)  # fmt: skip
COST_INDEX = Feature(
    "cost_index", FeatureGroup.COST, Unit.INDEX, HIGH, "Case-mix adjusted cost", "病例组合校正费用指数",
    "All charges over what the same cases cost in the median at institutions of the same level.",
    "总费用与同级机构同类病例中位费用之和的比值。",
    lambda rows: share(rows.total_fen.sum(), rows.expected_fen.sum()), _over_expected, spread=True,
)  # fmt: skip
STAY_SHARE = Feature(
    "stay_share", FeatureGroup.STAY, Unit.SHARE, EITHER, "Share of stays", "住院占比",
    "Claims that are stays.", "住院结算占全部结算的比例。",
    of_claims("inpatient"), flagged("inpatient"),
)  # fmt: skip
STAY_DAYS = Feature(
    "stay_days", FeatureGroup.STAY, Unit.DAYS, EITHER, "Length of stay", "平均住院日",
    "Mean days from admission to discharge.", "入院至出院的平均天数。",
    lambda rows: rows.stay_days.cast("float64").mean(), lambda rows: rows.stay_days, spread=True,
)  # fmt: skip
SHORT_SHARE = Feature(
    "short_share", FeatureGroup.STAY, Unit.SHARE, HIGH, "Share of short stays", "短期住院占比",
    "Stays of very few days.", "住院天数很少的住院占比。",
    of_stays("short"), flagged("short"),
)  # fmt: skip
WEEKEND_SHARE = Feature(
    "weekend_share", FeatureGroup.STAY, Unit.SHARE, HIGH, "Admissions at weekends", "周末入院占比",
    "Stays that began on a Saturday or Sunday.", "周六、周日入院的住院占比。",
    of_stays("weekend"), flagged("weekend"),
)  # fmt: skip
READMISSION_SHARE = Feature(
    "readmission_share", FeatureGroup.STAY, Unit.SHARE, HIGH, "Readmissions", "再入院占比",
    "Stays that began soon after another stay of the same person, transfers apart.",
    "同一参保人出院后短期内再次入院(转院除外)的住院占比。",
    of_stays("readmitted"), flagged("readmitted"),
)  # fmt: skip
OVERLAP_SHARE = Feature(
    "overlap_share", FeatureGroup.STAY, Unit.SHARE, HIGH, "Claims during another stay", "与住院重叠占比",
    "Claims that began while the person was in hospital by another claim.", "开始时该参保人另有住院尚未结束的结算占比。",
    of_claims("overlapping"), flagged("overlapping"),
)  # fmt: skip
BATCH_SHARE = Feature(
    "batch_share", FeatureGroup.NETWORK, Unit.SHARE, HIGH, "Stays in batches", "成批住院占比",
    "Stays that several people began and ended together with one diagnosis.",
    "多人同日入院、同日出院且诊断相同的住院占比。",
    of_stays("batch"), flagged("batch"),
)  # fmt: skip
ROUND_SHARE = Feature(
    "round_share", FeatureGroup.DIGITS, Unit.SHARE, HIGH, "Round totals", "整额结算占比",
    "Claims whose total is a round sum.", "总费用为整额的结算占比。",
    of_claims("round_total"), flagged("round_total"),
)  # fmt: skip
COPIED_SHARE = Feature(
    "copied_share", FeatureGroup.DIGITS, Unit.SHARE, HIGH, "Repeated totals", "金额重复占比",
    "Claims with the same total and diagnosis as another claim of the institution in the month.",
    "与本机构当月另一笔结算金额及诊断均相同的结算占比。",
    of_claims("copied"), flagged("copied"),
)  # fmt: skip
DRUG_SHARE = Feature(
    "drug_share", FeatureGroup.MIX, Unit.SHARE, EITHER, "Share of drugs", "药占比",
    "Drugs and herbs of all charges.", "药品及饮片占全部收费的比例。",
    of_lines("drug_fen"), lambda rows: rows.drug_fen,
)  # fmt: skip
EXAMINATION_SHARE = Feature(
    "examination_share", FeatureGroup.MIX, Unit.SHARE, HIGH, "Share of examinations", "检查化验占比",
    "Examinations and laboratory of all charges.", "检查费与化验费占全部收费的比例。",
    of_lines("examination_fen"), lambda rows: rows.examination_fen,
)  # fmt: skip
MATERIAL_SHARE = Feature(
    "material_share", FeatureGroup.MIX, Unit.SHARE, HIGH, "Share of materials", "耗材占比",
    "Materials of all charges.", "卫生材料占全部收费的比例。",
    of_lines("material_fen"), lambda rows: rows.material_fen,
)  # fmt: skip
UNEXECUTED_SHARE = Feature(
    "unexecuted_share", FeatureGroup.MIX, Unit.SHARE, HIGH, "Billed over executed", "收费多于执行占比",
    "Lines billed for more than was executed, of those whose execution is known.",
    "在已知执行情况的明细中，收费数量多于执行数量的占比。",
    lambda rows: share(rows.unexecuted_lines.sum(), rows.told_lines.sum()), lambda rows: rows.unexecuted_lines,
)  # fmt: skip
FAILED_SHARE = Feature(
    "failed_share", FeatureGroup.IDENTITY, Unit.SHARE, HIGH, "Identity check failed or skipped", "身份核验未通过占比",
    "Of the claims that tell of an identity check, those where it failed or was skipped.",
    "在有身份核验信息的结算中，核验未通过或被跳过的占比。",
    lambda rows: share(rows.check_failed.sum(), rows.checked.sum()), flagged("check_failed"),
)  # fmt: skip
AFTER_DEATH = Feature(
    "after_death", FeatureGroup.IDENTITY, Unit.COUNT, HIGH, "Claims after death", "死亡后结算笔数",
    "Claims that began after the person's recorded day of death.", "开始日期晚于死亡记录日期的结算笔数。",
    lambda rows: rows.after_death.sum(), flagged("after_death"), spread=True,
)  # fmt: skip
AWAY_SHARE = Feature(
    "away_share", FeatureGroup.NETWORK, Unit.SHARE, HIGH, "Patients from elsewhere", "异地就医占比",
    "Claims of persons of another city.", "参保地为其他城市的结算占比。",
    of_claims("away"), flagged("away"),
)  # fmt: skip
NIGHT_SHARE = Feature(
    "night_share", FeatureGroup.DIGITS, Unit.SHARE, HIGH, "Settled at night", "夜间结算占比",
    "Claims that were settled at night, of those whose hour is known.", "在已知结算时间的结算中，夜间结算的占比。",
    lambda rows: rows.at_night.cast("float64").mean(), flagged("at_night"),
)  # fmt: skip
DIGITS_TITLE = ("First digits", "首位数字偏离")
DIGITS_TEXT = (
    "How far the first digits of totals are from Benford's law: mean absolute deviation, only where there are claims enough.",
    "总费用首位数字分布与本福特定律的平均绝对偏差，仅在笔数足够时计算。",
)


def digits(claims_min: int) -> Feature:
    """The first-digit feature for so many claims at least."""
    return Feature("digits", FeatureGroup.DIGITS, Unit.DEVIATION, HIGH, *DIGITS_TITLE, *DIGITS_TEXT, digits_deviation(claims_min), dearest)
