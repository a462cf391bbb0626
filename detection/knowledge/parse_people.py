"""Whom a limit allows: sex and age, read from its words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from detection.knowledge.parse_text import Reading, normalised
from models.person import Sex
from models.policy_knowledge import KnowledgePolicy

_FEMALE = re.compile(
    "女|妇|子宫|月经|经期|经前|经血|经水|行经|痛经|调经|闭经|经闭|绝经|妊娠|孕|产后|早产|流产|难产|小产|引产|催产|助产|接生|分娩|生产|胎|阴道|宫颈|宫腔|胞宫|宫寒|暖宫|"
    "卵巢|输卵管|排卵|外阴|带下|白带|止带|崩漏|恶露|乳汁|奶汁|下乳|通乳|催乳|生乳|盆腔炎|附件炎|更年期"
)
_MALE = re.compile("男|前列腺|精索|精子|精液|精囊|输精管|阳[痿萎]|遗精|滑精|早泄|勃起|睾丸|睾|附睾|阴囊|阴茎|包皮|龟头")
_WOMEN_ONLY = re.compile("女性|妇女|孕产|生产相关|月经|妊娠|子宫")
_MEN_ONLY = re.compile("男性|男子|前列腺|睾丸")


def sex_of(*texts: str) -> Sex | None:
    """The only sex that the words of an item and its limit go with; None where they name neither, or both alike."""
    joined = " ".join(normalised(text) for text in texts)
    female, male = bool(_FEMALE.search(joined)), bool(_MALE.search(joined))
    if female and male:
        female, male = bool(_WOMEN_ONLY.search(joined)), bool(_MEN_ONLY.search(joined))
    if female == male:
        return None
    return Sex.FEMALE if female else Sex.MALE


@dataclass(frozen=True)
class Ages:
    """Days of age, both ends inside; None where open."""

    min_days: int | None = None
    max_days: int | None = None

    def widened(self, other: Ages) -> Ages:
        """The ages that either allows."""
        lowest = None if self.min_days is None or other.min_days is None else min(self.min_days, other.min_days)
        highest = None if self.max_days is None or other.max_days is None else max(self.max_days, other.max_days)
        return Ages(lowest, highest)


def first_day_of_year(years: int) -> int:
    """The earliest day of age on which somebody can turn so many years old."""
    return years * 365 + years // 4


def last_day_before_year(years: int) -> int:
    """The last day of age on which somebody can still be younger than so many years."""
    return years * 365 + -(-years // 4) - 1


def first_day_of_month(months: int) -> int:
    """The earliest day of age on which somebody can turn so many months old."""
    return months * 30 + months // 3 - (1 if months >= 2 else 0)


_NUMBER = r"(?P<{}>\d{{1,2}})"
_YEAR, _OPEN = r"周?岁", r"(?:\(含\))?"
_SPAN = re.compile(
    rf"{_NUMBER.format('low')}(?P<low_unit>月龄|{_YEAR})?(?:至|到|[-~～—])[<≤]?{_NUMBER.format('high')}{_YEAR}(?:以下)?(?:患者|儿童|青少年|人群)?"
)
_FROM = [
    re.compile(rf"[≥>]{_NUMBER.format('low')}(?P<unit>{_YEAR})?(?=[{'岁周成儿青及患)人'}])(?:儿童)?"),
    re.compile(
        rf"{_NUMBER.format('low')}(?P<unit>个?月龄?|日龄|{_YEAR}|年)?(?:及|及其|或)?(?:\d+{_YEAR})?以上{_OPEN}(?:儿童|婴儿|青少年|患者|成人)*"
    ),
]
_BELOW = re.compile(rf"{_NUMBER.format('high')}{_YEAR}(?:及)?以下{_OPEN}")
_WORDS = re.compile("新生儿|初生小儿|初生儿|早产儿|婴幼儿|婴儿|幼儿|小儿|儿童|青少年|成年人?|成人|法定就业年龄段?")


def ages_of(reading: Reading, policy: KnowledgePolicy) -> Ages | None:
    """Take the ages that a text allows, None where it says nothing of age.

    A year that is named is inside (民法典 article 1259: 以上, 以下 include the number); a day on which a birthday may or may not have come
    is allowed. Several ages in one text: those that either allows.
    """
    found: list[Ages] = []
    for match in reading.take(_SPAN):
        low = int(match["low"])
        exact = "<" in match[0]
        months = match["low_unit"] == "月龄"
        high = int(match["high"]) + (0 if exact else 1)
        found.append(Ages(first_day_of_month(low) if months else first_day_of_year(low), last_day_before_year(high)))
    for pattern in _FROM:
        for match in reading.take(pattern):
            found.append(Ages(_lowest(int(match["low"]), match["unit"] or "岁"), None))
    found += [Ages(None, last_day_before_year(int(match["high"]) + 1)) for match in reading.take(_BELOW)]
    words = {match[0] for match in reading.take(_WORDS)}
    explicit = bool(found)
    for word in sorted(words):
        said = _of_word(word, policy)
        if not explicit or (word.startswith("成") and all(age.max_days is not None for age in found)):
            found.append(said)  # beside an age in numbers, 儿童 only says who is meant; 成人 adds those above a span
    if not found:
        return None
    allowed = found[0]
    for more in found[1:]:
        allowed = allowed.widened(more)
    return allowed


def _lowest(number: int, unit: str) -> int:
    if "月" in unit:
        return first_day_of_month(number)
    return number if "日" in unit else first_day_of_year(number)


def _of_word(word: str, policy: KnowledgePolicy) -> Ages:
    if word in {"新生儿", "初生小儿", "初生儿"}:
        return Ages(None, policy.newborn_days)
    if word == "婴儿":
        return Ages(None, last_day_before_year(policy.infant_under_years))
    if word in {"婴幼儿", "幼儿"}:
        return Ages(None, last_day_before_year(policy.toddler_under_years))
    if word.startswith("成"):
        return Ages(first_day_of_year(policy.adult_from_years), None)
    if word.startswith("法定"):
        return Ages(first_day_of_year(policy.working_age_min_years), last_day_before_year(policy.working_age_max_years + 1))
    return Ages(None, last_day_before_year(policy.child_under_years))
