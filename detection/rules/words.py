"""The words of codes in sentences about findings, in both languages. Codes that are not here stand for themselves."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # strength
    "indicative": ("indicative", "参考性"),
    "supporting": ("supporting", "佐证性"),
    "conclusive": ("conclusive", "结论性"),
    # schemes
    "employee_pension": ("employee pension", "职工养老"),
    "resident_pension": ("resident pension", "居民养老"),
    "employee_medical": ("employee medical insurance", "职工医保"),
    "resident_medical": ("resident medical insurance", "居民医保"),
    "unemployment": ("unemployment insurance", "失业保险"),
    "work_injury": ("work injury insurance", "工伤保险"),
    "maternity": ("maternity insurance", "生育保险"),
    # certification
    "overdue": ("overdue", "已逾期"),
    "never_certified": ("never certified", "从未认证"),
    # retirement
    "normal": ("normal retirement", "正常退休"),
    "special_work": ("special work", "特殊工种"),
    "disability": ("disability", "病退"),
    "male": ("men", "男性"),
    "female": ("women", "女性"),
    # grants
    "funeral": ("Funeral grant", "丧葬补助金"),
    "survivor": ("Survivors' grant", "抚恤金"),
    # what to do about life after a death record
    "correct_death_record": ("the date of the death record cannot be right: correct it", "死亡日期不可能正确，请更正死亡记录"),
    "check_death_record": (
        "ask the source of the death record first, and see the person before anything else",
        "先向死亡记录来源核实，并在采取其他措施前先见到本人",
    ),
    "check_late_booking": ("see whether the trace was only booked late", "核实该线索是否只是补录"),
    "check_use_of_identity": (
        "several sources report the death: find out who uses the identity",
        "多个来源报告死亡，请查明何人使用该身份",
    ),
    "check_both": ("compare the papers of the death record and of the trace", "核对死亡记录与生存线索的凭证"),
    "unspecified": ("not named", "未注明"),
    # identity checks at hospitals
    "failed": ("failed", "未通过"),
    "skipped": ("skipped", "被跳过"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
}

KINDS: dict[str, tuple[str, str]] = {
    "life_evidence": ("evidence", "生存证据"),
    "payment": ("payment", "发放"),
    "benefit": ("benefit", "待遇"),
    "enrolment": ("enrolment", "参保关系"),
    "grant_payment": ("grant", "补助金"),
    "person_relation": ("relation", "关系"),
    "claim": ("claim", "结算单"),
    "claim_line": ("line", "明细"),
    "identity_check": ("identity check", "身份核验"),
}


def word(code: str, language: str) -> str:
    """The word of a code."""
    known = WORDS.get(code)
    return code if known is None else known[language == "zh"]


def kind_word(kind: str, language: str) -> str:
    """What a record of a table is called."""
    known = KINDS.get(kind)
    return kind if known is None else known[language == "zh"]
