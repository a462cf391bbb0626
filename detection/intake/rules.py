"""The rules of data quality: a stable code, a class, and the reason in both languages. A row is rejected by the first rule it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RuleClass(StrEnum):
    """What kind of fault it is."""

    DUPLICATE = "duplicate"
    MISSING = "missing"
    CODE = "code"
    LOGIC = "logic"
    DAMAGE = "damage"


@dataclass(frozen=True)
class Rule:
    """One rule. zh, en: the reason as the sender of the file reads it."""

    code: str
    rule_class: RuleClass
    zh: str
    en: str

    def reason(self, language: str) -> str:
        """The reason in ``zh``, ``en`` or ``both``."""
        return {"zh": self.zh, "en": self.en}.get(language, f"{self.zh} / {self.en}")


RULES: dict[str, Rule] = {}


def _rule(code: str, rule_class: RuleClass, zh: str, en: str) -> Rule:
    RULES[code] = Rule(code, rule_class, zh, en)
    return RULES[code]


_D, _M, _C, _L, _X = RuleClass.DUPLICATE, RuleClass.MISSING, RuleClass.CODE, RuleClass.LOGIC, RuleClass.DAMAGE

# damage
FIELD_COUNT = _rule("FIELD_COUNT", _X, "列数与表头不一致", "The row does not have as many fields as the header.")
NUL_BYTE = _rule("NUL_BYTE", _X, "含有空字节(NUL),文件已损坏", "The row holds a NUL byte: the file is damaged here.")
QUOTES_UNBALANCED = _rule("QUOTES_UNBALANCED", _X, "引号不成对", "A quotation mark is opened and not closed, or stands in the wrong place.")
ENCODING_DAMAGED = _rule(
    "ENCODING_DAMAGED", _X, "该行字符编码与文件不一致或已损坏", "The row is not in the file's encoding, or characters were lost."
)
EXCEL_PRECISION_LOST = _rule(
    "EXCEL_PRECISION_LOST",
    _X,
    "号码被 Excel 当作数字保存，末尾数字已丢失；请将该列设为“文本”后重新导出",
    "Excel kept the number as a figure and lost its last digits: format the column as text and export again.",
)
EXCEL_LEADING_ZERO_LOST = _rule(
    "EXCEL_LEADING_ZERO_LOST",
    _X,
    "位数不足，开头的 0 可能被 Excel 去掉；请将该列设为“文本”后重新导出",
    "Too few digits: Excel drops leading zeros. Format the column as text and export again.",
)
EXCEL_DATE_NUMBER = _rule(
    "EXCEL_DATE_NUMBER",
    _X,
    "日期被 Excel 变成了序号；请将该列设为日期格式后重新导出",
    "Excel turned the date into a serial number: format the column as a date and export again.",
)
EXCEL_ERROR_VALUE = _rule("EXCEL_ERROR_VALUE", _X, "单元格是 Excel 的错误值", "The cell holds an error value of Excel.")
EXCEL_COLUMN_TOO_NARROW = _rule(
    "EXCEL_COLUMN_TOO_NARROW",
    _X,
    "列宽不足，导出成了井号；请加宽该列后重新导出",
    "The column was too narrow and was exported as number signs: widen it and export again.",
)
# missing
VALUE_MISSING = _rule("VALUE_MISSING", _M, "必填项为空", "A value is required here.")
# code errors
ID_LENGTH = _rule("ID_LENGTH", _C, "身份证号码位数不对（应为18位或15位）", "A resident ID has 18 characters, or 15 in the old form.")
ID_CHARACTERS = _rule("ID_CHARACTERS", _C, "身份证号码含有不允许的字符", "A resident ID holds digits only, and X in the last place.")
ID_REGION = _rule("ID_REGION", _C, "身份证号码的省级代码不存在", "The resident ID does not begin with the code of a province.")
ID_BIRTH_DATE = _rule("ID_BIRTH_DATE", _L, "身份证号码中的出生日期不存在", "The resident ID holds a birth date that does not exist.")
ID_SEQUENCE = _rule("ID_SEQUENCE", _C, "身份证号码顺序码为000", "The resident ID has the sequence 000, which is never given out.")
ID_CHECK_DIGIT = _rule("ID_CHECK_DIGIT", _L, "身份证号码校验码不对", "The check digit of the resident ID does not fit: mistyped.")
SSN_INVALID = _rule("SSN_INVALID", _C, "社会保障号码格式不对", "A social-security number has 9 to 18 letters and digits.")
PHONE_INVALID = _rule("PHONE_INVALID", _C, "电话号码格式不对", "A phone number has 5 to 20 digits, with + - ( ) between.")
NAME_INVALID = _rule("NAME_INVALID", _C, "姓名格式不对", "A name has 1 to 100 characters: letters, no digits, no signs.")
TEXT_TOO_LONG = _rule("TEXT_TOO_LONG", _C, "内容太长", "The text is too long for this field.")
SEX_UNKNOWN = _rule("SEX_UNKNOWN", _C, "性别代码不认识", "The sex is not one of 1, 2, 男, 女, M, F.")
SCHEME_UNKNOWN = _rule("SCHEME_UNKNOWN", _C, "险种不认识", "The scheme is not one that is known.")
STATUS_UNKNOWN = _rule("STATUS_UNKNOWN", _C, "待遇状态不认识", "The benefit's status is not active, paused or ended.")
ACCOUNT_INVALID = _rule("ACCOUNT_INVALID", _C, "银行账号格式不对", "A bank account has 8 to 30 digits and nothing else.")
RETIREMENT_KIND_UNKNOWN = _rule(
    "RETIREMENT_KIND_UNKNOWN", _C, "退休类别不认识", "The kind of retirement is not normal, special work or disability."
)
RELATION_UNKNOWN = _rule("RELATION_UNKNOWN", _C, "人员关系不认识", "The relation is not one that is known.")
GRANT_UNKNOWN = _rule("GRANT_UNKNOWN", _C, "一次性待遇类别不认识", "The grant is neither for a funeral nor for survivors.")
TRACE_UNKNOWN = _rule("TRACE_UNKNOWN", _C, "线索类型不认识", "The kind of trace is not one that is known.")
REASON_UNKNOWN = _rule("REASON_UNKNOWN", _C, "列入黑名单的原因不认识", "The reason of the blacklist entry is not one that is known.")
DATE_INVALID = _rule("DATE_INVALID", _C, "日期不存在或格式不认识", "The date does not exist, or is not written in a known way.")
MONTH_INVALID = _rule("MONTH_INVALID", _C, "年月不存在或格式不认识", "The month does not exist, or is not written in a known way.")
AMOUNT_INVALID = _rule("AMOUNT_INVALID", _C, "金额格式不对", "The amount is not a number of zero or more with whole fen.")
REGION_UNKNOWN = _rule("REGION_UNKNOWN", _C, "行政区划代码不存在", "There is no such region code.")
REGION_RETIRED = _rule(
    "REGION_RETIRED",
    _C,
    "行政区划代码已撤销，且无法确定由哪个区划承继",
    "The region code is retired, and no single successor is known.",
)
REGION_NOT_YOURS = _rule("REGION_NOT_YOURS", _C, "不在报送单位的管辖地区内", "The person is outside the sender's region.")
PERSON_UNKNOWN = _rule("PERSON_UNKNOWN", _C, "库中没有此人，请先导入人员", "No such person is recorded: import the person first.")
BENEFIT_UNKNOWN = _rule(
    "BENEFIT_UNKNOWN", _C, "此人没有该项待遇，请先导入待遇", "The person has no such benefit: import the benefit first."
)
BENEFIT_AMBIGUOUS = _rule(
    "BENEFIT_AMBIGUOUS", _C, "此人有多项待遇，需注明险种和统筹区", "The person has several benefits: say the scheme and the region."
)
INSTITUTION_UNKNOWN = _rule(
    "INSTITUTION_UNKNOWN", _C, "库中没有该医药机构，请先导入机构", "No such institution is recorded: import the institution first."
)
CLAIM_UNKNOWN = _rule("CLAIM_UNKNOWN", _C, "库中没有该结算单，请先导入结算单", "No such claim is recorded: import the claim first.")
CODE_INVALID = _rule("CODE_INVALID", _C, "编码格式不对", "A code has letters, digits and - . _ / # only, without spaces.")
DIAGNOSIS_INVALID = _rule("DIAGNOSIS_INVALID", _C, "诊断编码不是ICD-10格式", "The diagnosis is not a code of ICD-10, like I10 or K29.500.")
PROCEDURE_INVALID = _rule(
    "PROCEDURE_INVALID", _C, "手术操作编码不是ICD-9-CM-3格式", "The procedure is not a code of ICD-9-CM-3, like 47.0 or 38.9301."
)
SETTING_UNKNOWN = _rule("SETTING_UNKNOWN", _C, "就医方式不认识", "The care setting is not one that is known.")
SCHEME_NOT_OF_CARE = _rule("SCHEME_NOT_OF_CARE", _C, "该险种不支付医疗费用", "This scheme pays for no treatment.")
CATEGORY_UNKNOWN = _rule("CATEGORY_UNKNOWN", _C, "收费类别不认识", "The category of the charge is not one of the settlement list.")
LEVEL_UNKNOWN = _rule("LEVEL_UNKNOWN", _C, "医疗机构级别不认识", "The level of the institution is not one that is known.")
INSTITUTION_KIND_UNKNOWN = _rule("INSTITUTION_KIND_UNKNOWN", _C, "医药机构类别不认识", "The kind of institution is not one that is known.")
DISCHARGE_WAY_UNKNOWN = _rule("DISCHARGE_WAY_UNKNOWN", _C, "离院方式不认识", "The way of discharge is not one that is known.")
ADMISSION_WAY_UNKNOWN = _rule("ADMISSION_WAY_UNKNOWN", _C, "入院途径不认识", "The way of admission is not one that is known.")
IDENTITY_CHECK_UNKNOWN = _rule(
    "IDENTITY_CHECK_UNKNOWN", _C, "身份核验结果不认识", "The outcome of the identity check is not passed, failed or skipped."
)
YES_NO_UNKNOWN = _rule("YES_NO_UNKNOWN", _C, "应为是或否", "The value is neither yes nor no.")
MOMENT_INVALID = _rule(
    "MOMENT_INVALID", _C, "时间不存在或格式不认识", "The date and time does not exist, or is not written in a known way."
)
COUNT_INVALID = _rule("COUNT_INVALID", _C, "不是整数或超出范围", "The value is not a whole number, or out of range.")
QUANTITY_INVALID = _rule("QUANTITY_INVALID", _C, "数量不是大于零的数", "The quantity is not a number greater than zero.")
# logic errors
BIRTH_DATE_MISMATCH = _rule("BIRTH_DATE_MISMATCH", _L, "出生日期与身份证号码不一致", "The birth date does not fit the resident ID.")
SEX_MISMATCH = _rule("SEX_MISMATCH", _L, "性别与身份证号码不一致", "The sex does not fit the resident ID.")
NAME_MISMATCH = _rule("NAME_MISMATCH", _L, "姓名与库中登记的不一致", "The name is not the one that is recorded for this number.")
AGE_IMPLAUSIBLE = _rule("AGE_IMPLAUSIBLE", _L, "年龄超出合理范围", "Nobody is as old as this.")
DATE_IN_FUTURE = _rule("DATE_IN_FUTURE", _L, "日期在将来", "The date is in the future.")
END_BEFORE_START = _rule("END_BEFORE_START", _L, "结束早于开始", "The end is before the start.")
DEATH_BEFORE_BIRTH = _rule("DEATH_BEFORE_BIRTH", _L, "死亡日期早于出生日期", "The death is before the birth.")
DATE_BEFORE_BIRTH = _rule("DATE_BEFORE_BIRTH", _L, "日期早于出生日期", "The date is before the birth.")
BENEFIT_BEFORE_ENROLLED = _rule("BENEFIT_BEFORE_ENROLLED", _L, "待遇开始早于参保", "The benefit begins before the enrolment in its scheme.")
PAID_BEFORE_ENROLLED = _rule("PAID_BEFORE_ENROLLED", _L, "发放月份早于参保", "Paid before the enrolment in the scheme began.")
PAID_BEFORE_BENEFIT = _rule("PAID_BEFORE_BENEFIT", _L, "发放月份早于待遇开始", "Paid before the benefit began.")
RELATION_WITH_ONESELF = _rule("RELATION_WITH_ONESELF", _L, "两个号码是同一个人", "Both numbers are of one person.")
PAUSE_NOT_SIGNED = _rule(
    "PAUSE_NOT_SIGNED",
    _L,
    "已登记待遇的暂停和恢复须经复核签批，不能由文件改变",
    "A recorded benefit is paused and resumed by a signed decision, never by a file.",
)
RECORD_CORRECTED = _rule(
    "RECORD_CORRECTED",
    _L,
    "同一来源的这条记录已被更正，不能由旧文件恢复",
    "This record of the same source was corrected since: an old file does not bring it back.",
)
SETTLED_BEFORE_END = _rule(
    "SETTLED_BEFORE_END", _L, "结算时间早于就诊或出院结束日期", "It was settled over a day before the stay or visit ended."
)
FUND_OVER_TOTAL = _rule("FUND_OVER_TOTAL", _L, "基金支付大于总费用", "The fund pays more than the whole amount.")
AMOUNT_NOT_PRICE = _rule("AMOUNT_NOT_PRICE", _L, "金额不等于数量乘单价", "The amount is not the quantity times the unit price.")
# warnings: the row is taken over
CLAIM_CORRECTED = _rule(
    "CLAIM_CORRECTED", _L, "已更正此前导入的结算单", "It corrected a claim that was recorded before; the fields are named."
)
LINE_CORRECTED = _rule("LINE_CORRECTED", _L, "已更正此前导入的明细", "It corrected a line that was recorded before; the fields are named.")
LINES_OVER_TOTAL = _rule(
    "LINES_OVER_TOTAL",
    _L,
    "明细金额合计大于结算单总费用；已照录，请核对",
    "The lines of the claim come to more than its total: taken over as it is, please look at it.",
)
ACCOUNT_CHECK_DIGIT = _rule(
    "ACCOUNT_CHECK_DIGIT",
    _L,
    "银行卡号校验位不对，可能输错；已照录，请核对",
    "The check digit of the bank card does not fit, it may be mistyped: taken over as it is, please look at it.",
)
# duplicates
DUPLICATE_IN_FILE = _rule("DUPLICATE_IN_FILE", _D, "文件中有完全相同的一行", "The same row came earlier in this file.")
DUPLICATE_CONTRADICTS = _rule(
    "DUPLICATE_CONTRADICTS", _D, "与文件中前面的一行或库中的记录矛盾", "It contradicts an earlier row of this file, or what is recorded."
)
SSN_TAKEN = _rule("SSN_TAKEN", _D, "社会保障号码属于另一个人", "The social-security number belongs to another person.")


class RowRejected(Exception):
    """A row breaks a rule. field: canonical name, empty for the whole row. shown: the value, masked."""

    def __init__(self, rule: Rule, field: str = "", shown: str = "") -> None:
        super().__init__(rule.code)
        self.rule = rule
        self.field = field
        self.shown = shown
