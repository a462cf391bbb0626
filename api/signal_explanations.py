"""What a signal says in sentences, and the published explanation of its rule, in one of the two languages.

The rules over enrolments, benefits and payments tell it themselves (``detection.rules``); linkage and the search for faces are told here.
Their modules are imported when a page first needs them: they bring the engine of expressions along, which takes a second or two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import LazyString, force_locale, get_locale, lazy_gettext, ngettext
from flask_babel import gettext as _

from api.claim_words import MODELS, claim_title
from api.i18n import LOCALES
from api.pages.timeline_words import ALERT_CODES, month, yuan
from models.alert import AlertSeverity
from models.detection import DetectionKind, Signal

if TYPE_CHECKING:
    from detection.rules.telling import Sentences
    from models.repositories.claim_names import Names

PAIR_FLAGS: dict[str, LazyString] = {
    "twins_on_record": lazy_gettext("They are twins on record."),
    "may_be_twins": lazy_gettext("They may be twins: same surname and city, born on the same days. Nothing is on record."),
    "relatives_on_record": lazy_gettext("They are relatives on record."),
    "same_picture": lazy_gettext("One and the same picture is enrolled twice: a mistake at the counter, or a copy."),
    "other_sex": lazy_gettext("The records say different sexes."),
    "sex_unknown": lazy_gettext("The sex of one of them is not known."),
}
_LINKAGE = lazy_gettext(
    "Records are compared with each other: identity card number, name, birth date, region, telephone, account and address, with the slips"
    " that such records have. How often each likeness is seen among records of one person and among any two records gives its weight; all"
    " weights together give the probability that both are one human being.\n\nThe money at risk is the lesser of what the two were paid,"
    " over the months in which both were. Nothing is merged by the machine: people hold both records side by side and decide."
)
_FACES = lazy_gettext(
    "Enrolled faces are compared with each other, only while a recorded legal basis holds. A pair whose likeness is above the threshold may"
    " be one human being under two identities, or twins, or relatives, or a picture that was enrolled for the wrong person.\n\nThe money at"
    " risk is what the less paid of the two received. Nothing is decided by it: people compare the faces and the papers."
)
OWN_TEXTS: dict[str, tuple[DetectionKind, AlertSeverity, LazyString]] = {
    "D3": (DetectionKind.DUPLICATES, AlertSeverity.SUSPICION, _LINKAGE),
    "P8": (DetectionKind.FACES, AlertSeverity.SUSPICION, _FACES),
}


@dataclass(frozen=True)
class RuleText:
    """One rule as it is published. explanation: paragraphs with an empty line between. official: codes of the national rule base."""

    code: str
    kind: DetectionKind
    severity: AlertSeverity
    explanation: str
    official: tuple[str, ...] = ()


def rule_texts(language: str) -> list[RuleText]:
    """Every rule, by code."""
    from detection.anomaly import model_texts
    from detection.claims.catalogue import CLAIM_RULES
    from detection.rules.catalogue import RULES

    found = [RuleText(rule.code, rule.kind, rule.severity, rule.explanation(language)) for rule in RULES]
    found += [RuleText(rule.code, DetectionKind.CLAIMS, rule.severity, rule.explanation(language), rule.official) for rule in CLAIM_RULES]
    found += [RuleText(code, DetectionKind.CLAIMS, AlertSeverity.SUSPICION, model_texts.explanation(language)) for code in MODELS]
    with force_locale(LOCALES[language]):
        found += [RuleText(code, kind, severity, str(text)) for code, (kind, severity, text) in OWN_TEXTS.items()]
    return sorted(found, key=lambda text: text.code)


def rule_codes() -> frozenset[str]:
    """Codes of every published rule and model."""
    from detection.claims.catalogue import CLAIM_RULES
    from detection.rules.catalogue import RULES

    return frozenset({*(rule.code for rule in RULES), *(rule.code for rule in CLAIM_RULES), *MODELS, *OWN_TEXTS})


def title_of(code: str, language: str) -> str:
    """Name of what was found, without its code; a code without words of its own stands for itself."""
    words = ALERT_CODES.get(code)
    if words is None:
        return claim_title(code, language) or code
    with force_locale(LOCALES[language]):
        return str(words)


def explanation_of(code: str, language: str) -> str | None:
    """Explanation of the rule with this code; None for what is no rule."""
    if code in OWN_TEXTS:
        with force_locale(LOCALES[language]):
            return str(OWN_TEXTS[code][2])
    if code in MODELS:
        from detection.anomaly import model_texts

        return model_texts.explanation(language)
    if claim_title(code, language) is not None:
        from detection.claims import catalogue as over_claims

        of_claims = over_claims.BY_CODE.get(code)
        return None if of_claims is None else of_claims.explanation(language)
    from detection.rules.catalogue import BY_CODE

    rule = BY_CODE.get(code)
    return None if rule is None else _brackets(rule.explanation(language), language)


def sentences_of(signal: Signal, language: str, names: Names | None = None) -> tuple[str, ...]:
    """Sentences that name the records and values of the finding. names: what claims and lines in the reader's reach are called."""
    own = _OWN_SENTENCES.get(signal.code)
    if own is None:
        told = _told_by_rule(signal, names).of(language)
        if told:
            return tuple(_brackets(sentence[:1].upper() + sentence[1:], language) for sentence in told)
    with force_locale(LOCALES[language]):
        return tuple((own or _plain)(signal))


_WIDE = str.maketrans("()", "（）")


def _brackets(text: str, language: str) -> str:
    """Brackets as wide as the characters around them; the rules keep plain ones."""
    return text.translate(_WIDE) if language == "zh" else text


def _told_by_rule(signal: Signal, names: Names | None) -> Sentences:
    if signal.code in MODELS:
        from detection.anomaly import model_texts

        return model_texts.explain(signal)
    if claim_title(signal.code, "en") is not None:
        from detection.claims import telling as over_claims

        return over_claims.explain(signal, names=names)
    from detection.rules import telling

    return telling.explain(signal)


def _plain(signal: Signal) -> Iterator[str]:
    """Months and money: what every signal has."""
    locale = get_locale()
    of_claims = claim_title(signal.code, "en" if locale is None else locale.language)
    title = str(ALERT_CODES.get(signal.code) or of_claims or signal.code)
    amount = yuan(signal.amount_fen)
    if signal.from_month is None or signal.to_month is None:
        yield _("%(title)s. At risk: %(amount)s yuan.", title=title, amount=amount)
        return
    first, last = month(signal.from_month), month(signal.to_month)
    words = {"title": title, "first": first, "last": last, "count": str(signal.months), "amount": amount}
    yield ngettext(
        "%(title)s, %(first)s to %(last)s, %(count)s month. At risk: %(amount)s yuan.",
        "%(title)s, %(first)s to %(last)s, %(count)s months. At risk: %(amount)s yuan.",
        signal.months,
        **words,
    )


def _linked(signal: Signal) -> Iterator[str]:
    probability, weight = _number(signal.facts, "probability"), _number(signal.facts, "weight")
    if probability is not None and weight is not None:
        words = {"percent": certain(probability), "weight": f"{weight:.1f}"}
        yield _("Two records may be one human being: probability %(percent)s, match weight %(weight)s.", **words)
    yield from _flags(signal.facts)
    yield from _money(signal)


def _alike(signal: Signal) -> Iterator[str]:
    similarity, threshold = _number(signal.facts, "similarity"), _number(signal.facts, "threshold")
    if similarity is not None and threshold is not None:
        yield _("Two faces are alike: similarity %(similarity)s, threshold %(threshold)s.", similarity=similarity, threshold=threshold)
    fmr = _number(signal.facts, "fmr")
    if fmr:
        yield _("The threshold lets about one of %(pairs)s pairs of different people through.", pairs=f"{round(1 / fmr):,}")
    yield from _flags(signal.facts)
    yield from _money(signal)


def _flags(facts: Mapping[str, Any]) -> Iterator[str]:
    for flag in facts.get("flags") or ():
        if flag in PAIR_FLAGS:
            yield str(PAIR_FLAGS[flag])


def _money(signal: Signal) -> Iterator[str]:
    if signal.from_month is not None and signal.to_month is not None and signal.amount_fen:
        words = {"first": month(signal.from_month), "last": month(signal.to_month), "count": str(signal.months)}
        yield ngettext(
            "Paid to both from %(first)s to %(last)s, %(count)s month: %(amount)s yuan at risk.",
            "Paid to both from %(first)s to %(last)s, %(count)s months: %(amount)s yuan at risk.",
            signal.months,
            amount=yuan(signal.amount_fen),
            **words,
        )


def certain(probability: float) -> str:
    """A probability in per cent, never rounded up to certainty."""
    return _("over %(percent)s", percent="99.99%") if probability >= 0.9999 else f"{100 * probability:.2f}%"


def _number(facts: Mapping[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_OWN_SENTENCES: dict[str, Callable[[Signal], Iterator[str]]] = {"D3": _linked, "P8": _alike}
