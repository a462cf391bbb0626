"""What a finding over claims says, in sentences that name its claims, lines and values, in both languages.

Claims and lines are called what reviewers know: number of the claim, number of the line, item, days and amount. To a hospital that has a
claim screened, claims of other institutions are told by their days alone.
"""

from __future__ import annotations

from detection.claims.catalogue import BY_CODE
from detection.claims.findings import CLAIM, LINE
from detection.claims.new_claim import NEW_CLAIM, NewClaim
from detection.findings import Finding
from detection.rules.telling import Sentences, told
from models.detection import Signal
from models.repositories.claim_names import ClaimName, LineName, Names


def explain(signal: Signal | Finding, screened: NewClaim | None = None, names: Names | None = None) -> Sentences:
    """The sentences about a signal or finding; none for what is no rule over claims. screened: the claim that the finding is about, which
    is called "this claim", and its lines by their numbers. names: of other claims and lines; what has none is called by its row.
    """
    rule = BY_CODE.get(signal.code)
    if rule is None:
        return Sentences((), ())

    def name(kind: str, number: int, language: str) -> str | None:
        chinese = language == "zh"
        if screened is not None:
            if kind == CLAIM and number == NEW_CLAIM:
                return "本次结算" if chinese else "this claim"
            line = screened.line(number) if kind == LINE else None
            if line is not None:
                values = _values(line.item_name, f"{line.charged_on}", line.amount_fen, chinese=chinese)
                return f"第{line.number}行{values}" if chinese else f"line {line.number} of it {values}"
        known = None if names is None else names.get((kind, number))
        if known is not None:
            return _called(known, chinese=chinese)
        if screened is not None and kind in (CLAIM, LINE):
            return _ELSEWHERE[kind][chinese]
        return None

    return Sentences(told(rule.sentences, signal, "en", name), told(rule.sentences, signal, "zh", name))


_ELSEWHERE = {
    CLAIM: ("a claim of another institution", "其他机构的结算单"),
    LINE: ("a line of another institution", "其他机构的明细"),
}
"""What a hospital is told of claims that are not its own: that they are there."""


def _called(known: ClaimName | LineName, *, chinese: bool) -> str:
    if isinstance(known, LineName):
        values = _values(known.item, f"{known.on}", known.amount_fen, chinese=chinese)
        if chinese:
            return f"结算单{known.reference}第{known.number}行{values}"
        return f"line {known.number} of claim {known.reference} {values}"
    days = f"{known.on}" if known.on == known.until else f"{known.on}{'至' if chinese else ' to '}{known.until}"
    values = _values("", days, known.amount_fen, chinese=chinese)
    return f"结算单{known.reference}{values}" if chinese else f"claim {known.reference} {values}"


def _values(item: str, days: str, amount_fen: int, *, chinese: bool) -> str:
    amount = f"{amount_fen / 100:,.2f}"
    listed = [one for one in (item, days, f"{amount}元" if chinese else f"{amount} yuan") if one]
    return f"[{'，'.join(listed)}]" if chinese else f"[{', '.join(listed)}]"
