"""Codes of diagnoses and procedures: what they are, and whether they fit the person, each other and the lines."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.charges import charges
from detection.knowledge.families.codes import coding, of
from detection.knowledge.families.family import Family, claim_record, told
from detection.knowledge.families.row_tests import MARK, begins
from detection.knowledge.hits import DIAGNOSIS_ALONE, all_codes, hits
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
Diagnoses and procedures of a claim are looked at beside the person and each other. Diagnoses and procedures of one sex (ICD-10 and
ICD-9-CM-3: female and male organs, pregnancy and birth) do not fit the other; diagnoses of childbirth, of newborn children and of old age
do not fit other ages; obstetrical procedures need such a diagnosis. A newborn may be settled with the mother. Knowledge points add to
this.

A code that has not the form of ICD-10 or ICD-9-CM-3 is named, and a stay that bills an operation without a procedure. Where a point says
which services a diagnosis needs, a claim with the diagnosis and none of them is named. The money at risk is what the fund paid for the
claim where code and person, or diagnosis and procedure, do not fit; else none.
"""

CHINESE = """
将就诊的诊断和手术操作编码与参保人、与彼此对照。区分性别的诊断和手术操作(ICD-10、ICD-9-CM-3：男女性器官、妊娠和分娩)与性别不符；分娩、新生儿、
老年性诊断与年龄不符；产科操作没有相应诊断。新生儿可随母亲结算。知识点可以补充。

不符合ICD-10或ICD-9-CM-3格式的编码，以及收取手术费而没有手术操作编码的住院，予以提示。知识点规定某诊断应有相应项目，而就诊中没有任何相应项目的，
予以提示。编码与参保人不符、诊断与手术操作不符的，涉及金额为该次就诊的基金支付金额；其他为零。
"""

SENTENCES = (
    Sentence("{r_claim}: code {value}.", "{r_claim}：编码{value}。", when="value"),
    Sentence("The person: {limit}.", "参保人：{limit}。", when="limit"),
    Sentence("Knowledge point {point}.", "知识点{point}。", when="point"),
)

DIAGNOSIS, PROCEDURE = DIAGNOSIS_ALONE, "GZ10000201004000"
PROCEDURE_SEX, PROCEDURE_DIAGNOSIS = "GZ10000201005000", "GZ10000201006000"
DIAGNOSIS_SEX, DIAGNOSIS_AGE = "GZ10000204006000", "GZ10000204007000"
CODES = (DIAGNOSIS, PROCEDURE, PROCEDURE_SEX, PROCEDURE_DIAGNOSIS, DIAGNOSIS_SEX, DIAGNOSIS_AGE)

SEX, AGE, FORM, RELATED, WANTED, CARE = "sex", "age", "form", "related", "wanted", "care"
"""What a code is looked at for."""
_ASKED = {DIAGNOSIS: CARE, PROCEDURE_SEX: SEX, PROCEDURE_DIAGNOSIS: WANTED, DIAGNOSIS_SEX: SEX, DIAGNOSIS_AGE: AGE}
"""Rules with points of their own -> what those ask."""
_OF_PROCEDURES = (PROCEDURE_SEX, PROCEDURE_DIAGNOSIS)
_WITHOUT_MONEY = (DIAGNOSIS, PROCEDURE)

_ICD_10 = "^[A-Z][0-9][0-9A-Z]"
_ICD_9_CM_3 = "^[0-9][0-9]"
_DAYS_A_YEAR = 365.25
_LAST_YEAR = 200
_MOTHER_DAYS = (int(12 * _DAYS_A_YEAR), int(55 * _DAYS_A_YEAR))
_NONE = ibis.literal(None, type="string")
_BOUNDS = {
    "rule_code": "string",
    "asked": "string",
    "point": "int64",
    "point_id": "string",
    "only": "string",
    "lowest": "int64",
    "highest": "int64",
    "mothers": "boolean",
    "first_only": "boolean",
    "related": "int64",
    "wanted": "array<string>",
    "effective_from": "date",
    "effective_until": "date",
}
"""What a code may ask of its claim. only: the sex; lowest, highest: days of age; related: which of ``Coding.related``."""


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim, rule and point; without a point one a claim and rule."""
    every = _every(tables)
    # there are few different codes: each is looked at once, however many claims have it
    words = every.select("written", "procedure").distinct().mutate(code=lambda t: t.written.replace(".", ""))
    bounds = _built_in(words).union(_of_points(tables, words), distinct=False)
    t = every.join(bounds, ["written", "procedure"])
    t = t.filter(~t.first_only | t.principal)
    t = _with_claim(tables, t, window)
    wrong = t.filter(_wrong(t).fill_null(False))
    found = wrong.group_by("rule_code", "claim_id", subject=wrong.point_id.fill_null("code")).aggregate(
        point=wrong.point_id.max(),
        value=wrong.written.min(),
        limit=ibis.cases((wrong.asked == SEX, wrong.sex), (wrong.asked == AGE, _years(wrong.age_days)), else_=_NONE).max(),
        person_id=wrong.person_id.max(),
        completed_on=wrong.to_date.max(),
        fund_fen=wrong.fund_fen.max(),
    )
    found = found.union(_unnamed(tables).select(*found.columns), distinct=False)
    found = found.mutate(
        amount_fen=found.rule_code.isin(_WITHOUT_MONEY).ifelse(0, found.fund_fen),
        by_hand=ibis.literal(False),
        records=ibis.array([claim_record(found)]),
    )
    return told(found, CODES, policy, window)


def _every(tables: ClaimTables) -> ir.Table:
    """One row a code of a claim: claim_id, written, procedure, principal."""
    claim = tables.claim
    yes, no = ibis.literal(True), ibis.literal(False)
    first = claim.select(claim_id="id", written="principal_diagnosis", procedure=no, principal=yes)
    more = claim.select(claim_id="id", written=claim.diagnoses.unnest(), procedure=no, principal=no)
    done = claim.select(claim_id="id", written=claim.procedures.unnest(), procedure=yes, principal=no)
    return first.filter(first.written.notnull()).union(more, done, distinct=False)


def _built_in(words: ir.Table) -> ir.Table:
    """What ``coding.toml`` and the form of a code say: one row a code and rule."""
    known = coding()
    code, done = words.code, words.procedure
    ages = [(~done & of(code, one.codes), one) for one in known.ages]
    empty = ibis.literal(None, type="int64")
    age_struct = {
        "lowest": ibis.cases(*((own, int((one.min_years or 0) * _DAYS_A_YEAR)) for own, one in ages), else_=empty),
        "highest": ibis.cases(*((own, int((one.max_years or _LAST_YEAR) * _DAYS_A_YEAR)) for own, one in ages), else_=empty),
        "mothers": ibis.cases(*((own, one.mothers) for own, one in ages), else_=False),
        "first_only": ibis.cases(*((own, one.principal) for own, one in ages), else_=False),
    }
    related = ibis.cases(*((done & of(code, one.procedures), place) for place, one in enumerate(known.related)), else_=empty)
    female = ibis.cases((done, of(code, known.female_procedures)), else_=of(code, known.female))
    male = ibis.cases((done, of(code, known.male_procedures)), else_=of(code, known.male))
    formed = ibis.cases((done, code.re_search(_ICD_9_CM_3)), else_=code.re_search(_ICD_10))
    entries = ibis.array(
        [
            _entry(female | male, done.ifelse(PROCEDURE_SEX, DIAGNOSIS_SEX), SEX, only=female.ifelse("female", "male")),
            _entry(age_struct["lowest"].notnull(), ibis.literal(DIAGNOSIS_AGE), AGE, **age_struct),
            _entry(~formed, done.ifelse(PROCEDURE, DIAGNOSIS), FORM),
            _entry(related.notnull(), ibis.literal(PROCEDURE_DIAGNOSIS), RELATED, related=related),
        ]
    )
    each = words.select("written", "procedure", entry=entries.unnest())
    each = each.filter(each.entry["so"])
    fields = {name: each.entry[name] for name in _STRUCT if name != "so"}
    return _bounds(each.select("written", "procedure", **fields))


_STRUCT = {
    "so": "boolean",
    "rule_code": "string",
    "asked": "string",
    "only": "string",
    "lowest": "int64",
    "highest": "int64",
    "mothers": "boolean",
    "first_only": "boolean",
    "related": "int64",
}


def _entry(so: ir.BooleanValue, rule_code: ir.StringValue, asked: str, **more: ir.Value) -> ir.StructValue:
    values = {
        "so": so,
        "rule_code": rule_code,
        "asked": ibis.literal(asked),
        "mothers": ibis.literal(False),
        "first_only": ibis.literal(False),
    }
    values |= more
    return ibis.struct({name: values.get(name, ibis.literal(None)).cast(kind) for name, kind in _STRUCT.items()})


def _bounds(t: ir.Table) -> ir.Table:
    shown = {name: (t[name] if name in t.columns else ibis.literal(None)).cast(kind) for name, kind in _BOUNDS.items()}
    return t.select("written", "procedure", **shown)


def _of_points(tables: ClaimTables, words: ir.Table) -> ir.Table:
    """What points about no item say: one row a code and point."""
    point = tables.point.filter(tables.point.rule_code.isin(list(_ASKED)))
    done = point.rule_code.isin(_OF_PROCEDURES)
    rows = point.select(
        "rule_code",
        "point_id",
        "effective_from",
        "effective_until",
        point="id",
        only="sex",
        lowest="age_min_days",
        highest="age_max_days",
        wanted="diagnoses",
        of_procedures=done,
        asked=ibis.cases(*((point.rule_code == code, asked) for code, asked in _ASKED.items()), else_=_NONE),
        beginning=done.ifelse(point.procedures, point.diagnoses).unnest(),
        mothers=ibis.literal(False),
        first_only=ibis.literal(False),
    )
    rows = rows.mutate(letter=rows.beginning.substr(0, 1))
    words = words.mutate(first_letter=words.code.substr(0, 1))
    both = words.join(rows, [words.first_letter == rows.letter, words.procedure == rows.of_procedures])
    return _bounds(both.filter(both.code.startswith(both.beginning))).distinct()


def _with_claim(tables: ClaimTables, t: ir.Table, window: Window) -> ir.Table:
    """The rows with claim and person, of points that are in force, and whether the claim has lines and the items that a point wants."""
    claim = tables.claim.select("person_id", "from_date", "to_date", "fund_fen", "principal_diagnosis", "diagnoses", of_claim="id").filter(
        lambda c: c.to_date.between(window.from_date, window.to_date)
    )
    patient = tables.patient.select("sex", "birth_date", patient="person_id")
    lined = charges(tables).select(lined_claim="claim_id")
    cared = hits(tables)
    cared = cared.filter((cared.rule_code == DIAGNOSIS) & (cared.role == "other"))
    cared = cared.select(cared_claim="claim_id", cared_point="point").distinct()
    t = t.join(claim, t.claim_id == claim.of_claim)
    t = t.filter(
        (t.effective_from.isnull() | (t.to_date >= t.effective_from)) & (t.effective_until.isnull() | (t.to_date <= t.effective_until))
    )
    t = t.left_join(patient, t.person_id == patient.patient)
    t = t.left_join(lined, t.claim_id == lined.lined_claim)
    t = t.left_join(cared, [t.claim_id == cared.cared_claim, t.point == cared.cared_point])
    return t.mutate(age_days=t.from_date.delta(t.birth_date, unit="day"), codes=all_codes(t))


def _wrong(t: ir.Table) -> ir.BooleanValue:
    """Whether claim and person are not as the code asks."""
    mother = t.mothers & (t.sex == "female") & t.age_days.between(*_MOTHER_DAYS)
    outside = (t.age_days < t.lowest).fill_null(False) | (t.age_days > t.highest).fill_null(False)
    belongs = ibis.literal(False)
    for place, one in enumerate(coding().related):
        has = ibis.literal(False)
        for beginning in one.diagnoses:
            has = has | t.codes.contains(MARK + beginning)
        belongs = belongs | ((t.related == place) & has)
    return ibis.cases(
        (t.asked == FORM, ibis.literal(True)),
        (t.asked == SEX, t.sex.isin(["male", "female"]) & (t.sex != t.only)),
        (t.asked == AGE, outside & ~mother.fill_null(False)),
        (t.asked == RELATED, (t.codes != "") & ~belongs),
        (t.asked == WANTED, t.wanted.notnull() & (t.codes != "") & ~begins(t.codes, t.wanted)),
        (t.asked == CARE, t.lined_claim.notnull() & t.cared_claim.isnull()),
        else_=False,
    )


def _years(days: ir.IntegerValue) -> ir.StringValue:
    return (days.cast("float64") / _DAYS_A_YEAR).floor().cast("int64").cast("string")


def _unnamed(tables: ClaimTables) -> ir.Table:
    """Stays that bill an operation and name none."""
    sums = charges(tables)
    operated = sums.filter(sums.surgery_fen > 0).select(operated_claim="claim_id")
    claim = tables.claim.filter(tables.claim.setting.isin(["inpatient", "day_case"]) & (tables.claim.procedures.length() == 0))
    claim = claim.semi_join(operated, claim.id == operated.operated_claim)
    return claim.select(
        "person_id",
        "fund_fen",
        rule_code=ibis.literal(PROCEDURE),
        claim_id="id",
        subject=ibis.literal("operation"),
        point=_NONE,
        value=ibis.literal("-"),
        limit=_NONE,
        completed_on="to_date",
    )


FAMILY = Family("coded", CODES, ENGLISH, CHINESE, SENTENCES, find, needs=("claim.principal_diagnosis",))
