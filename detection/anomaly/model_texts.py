"""What findings of models say, in both languages: title, published explanation, and sentences that name values, peers and claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detection.anomaly.feature import Feature, Unit
from detection.anomaly.features import features_under
from detection.anomaly.model_findings import CODES
from detection.findings import Finding
from detection.rules.telling import Sentences
from models.anomaly_model import EntityKind
from models.detection import Signal
from models.policy_anomaly_store import FeaturePolicy

ENTITY_OF: Mapping[str, EntityKind] = {code: kind for kind, code in CODES.items()}
TITLES = {
    "M-HOSPITAL": ("Hospital unlike its peers", "机构与同类机构明显不同"),
    "M-DEPARTMENT": ("Department unlike its peers", "科室与同类科室明显不同"),
    "M-DOCTOR": ("Doctor unlike the peers", "医师与同类医师明显不同"),
    "M-PERSON": ("Insured person unlike the peers", "参保人与同类人群明显不同"),
}
EXPLANATION_EN = (
    "A model looks at the claims of one month: how many, for whom, how dear for the same cases, how long, when, with whom, in which"
    " amounts. Each number is compared with the peers of the same month (the same level and kind of institution, the same department, or"
    " the same age and sex). The percentile says how unusual all of it is among the months that the model was trained on.\n\n"
    "Unusual is not wrong. The finding names the numbers that stand out, what is usual among the peers, and the claims behind; the money"
    " at risk is what the fund paid of the claims that are named. A model opens findings only after a period in the shadow and after a"
    " second person let it. People decide."
)
EXPLANATION_ZH = (
    "模型逐月查看结算数据：笔数、人数、同类病例的费用、住院天数、时间、关联人员与金额特征，并与当月同类(同级别同类型机构、同科室，或同年龄段同性别)"
    "逐项比较。百分位表示其整体异常程度在训练月份中的位置。\n\n"
    "异常不等于违规。预警列出偏离较大的指标、同类的通常范围及相关结算；涉及金额为所列结算中基金支付的部分。模型须经过影子运行期并由第二人批准后，"
    "才会产生预警。最终由人决定。"
)
_NUMBERS_EN = {
    EntityKind.HOSPITAL: "hospitals",
    EntityKind.DEPARTMENT: "departments",
    EntityKind.DOCTOR: "doctors",
    EntityKind.PERSON: "persons",
}
_NUMBERS_ZH = {EntityKind.HOSPITAL: "家机构", EntityKind.DEPARTMENT: "个科室", EntityKind.DOCTOR: "名医师", EntityKind.PERSON: "名参保人"}
CLAIMS_NAMED = 6
# words do not depend on any parameter
_WORDS = FeaturePolicy(
    short_stay_days=0,
    readmission_days=1,
    round_fen=100,
    digits_claims_min=30,
    case_claims_min=3,
    alike_persons=2,
    night_from=0,
    night_until=0,
)
_FEATURES: dict[EntityKind, dict[str, Feature]] = {}


def features_by_name(kind: EntityKind) -> Mapping[str, Feature]:
    """The features of a kind of entity by their names, for their words."""
    if kind not in _FEATURES:
        _FEATURES[kind] = {feature.name: feature for feature in features_under(kind, _WORDS).features}
    return _FEATURES[kind]


def title(code: str, language: str) -> str:
    """Name of what was found. language: zh, or anything else for English. Raises KeyError for what is no code of a model."""
    return TITLES[code][language == "zh"]


def explanation(language: str) -> str:
    """The published explanation: paragraphs with an empty line between."""
    return EXPLANATION_ZH if language == "zh" else EXPLANATION_EN


def explain(signal: Signal | Finding) -> Sentences:
    """The sentences about a finding of a model; empty for what is none."""
    if signal.code not in ENTITY_OF:
        return Sentences((), ())
    return Sentences(tuple(_told(signal, "en")), tuple(_told(signal, "zh")))


def said(value: float, unit: str, language: str) -> str:
    """A value of a feature in its unit: yuan, per cent, days."""
    zh = language == "zh"
    if unit == Unit.FEN:
        return f"{value / 100:,.2f}{'元' if zh else ' yuan'}"
    if unit == Unit.SHARE:
        return f"{100 * value:.1f}%"
    if unit == Unit.DAYS:
        return f"{value:,.1f}{'天' if zh else ' days'}"
    if unit == Unit.COUNT:
        return f"{value:,.0f}"
    return f"{value:,.3f}" if unit == Unit.DEVIATION else f"{value:,.2f}"


def _told(signal: Signal | Finding, language: str) -> list[str]:
    kind, facts, zh = ENTITY_OF[signal.code], signal.facts, language == "zh"
    month = f"{signal.from_month:%Y-%m}" if signal.from_month else ""
    percent = f"{100 * float(facts.get('percentile', 0)):.2f}"
    peers = int(facts.get("peers", 0))
    amount = f"{signal.amount_fen / 100:,.2f}"
    if zh:
        about = f"科室：{facts['department']}。" if facts.get("department") else ""
        first = f"{about}{month}的结算整体异常程度高于训练样本的{percent}%，与{peers}{_NUMBERS_ZH[kind]}相比。"
        last = f"所列结算中基金支付共{amount}元。"
    else:
        about = f"Department {facts['department']}. " if facts.get("department") else ""
        among = f"compared with {peers} {_NUMBERS_EN[kind]}"
        first = f"{about}The claims of {month} are more unusual than {percent}% of those in training; {among}."
        last = f"The fund paid {amount} yuan of the claims that are named."
    probability = facts.get("probability")
    told = [first]
    if isinstance(probability, int | float):
        share = f"{100 * probability:.0f}%"
        told.append(
            f"据以往处理决定推断，被确认的概率约为{share}。"
            if zh
            else f"By what people decided before, it is confirmed with a probability of about {share}."
        )
    told += [_reason(kind, reason, language) for reason in facts.get("reasons") or ()]
    return [*told, last]


def _reason(kind: EntityKind, reason: Mapping[str, Any], language: str) -> str:
    feature = features_by_name(kind).get(str(reason.get("feature")))
    name = str(reason.get("feature")) if feature is None else feature.title(language)
    value, median, low, high = (said(float(reason[key]), str(reason["unit"]), language) for key in ("value", "median", "low", "high"))
    claims = [str(one) for one in reason.get("claims") or ()]
    if language == "zh":
        more = f"等{len(claims)}笔" if len(claims) > CLAIMS_NAMED else ""
        behind = f"，见结算{'、'.join(claims[:CLAIMS_NAMED])}{more}" if claims else ""
        return f"{name}为{value}，同类中位数{median}，通常在{low}至{high}之间{behind}。"
    more = f" and {len(claims) - CLAIMS_NAMED} more" if len(claims) > CLAIMS_NAMED else ""
    behind = f" (claims {', '.join(claims[:CLAIMS_NAMED])}{more})" if claims else ""
    return f"{name}: {value}; the peers' median is {median}, usual is {low} to {high}{behind}."
