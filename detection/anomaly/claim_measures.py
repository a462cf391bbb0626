"""One row a claim with everything that features count, computed once for all kinds of entities.

Claims belong to the month of their last day. What needs the person's earlier claims (readmission, overlap, gap) looks back as far as
``FeaturePolicy.readmission_days``; the tables have to reach so far back. What is compared with other claims (the expected cost) is
compared within the month. A transferred patient's admission is neither a readmission nor an overlap on the day of the transfer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir

from detection import months
from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from detection.knowledge.charges import charges
from models.claim import ChargeCategory
from models.policy_anomaly_store import FeaturePolicy

DRUGS = (ChargeCategory.WESTERN_DRUG, ChargeCategory.HERB, ChargeCategory.PATENT_DRUG)
EXAMINATIONS = (ChargeCategory.EXAMINATION, ChargeCategory.LABORATORY)
MATERIALS = (ChargeCategory.MATERIAL,)
SHORTEST_CODE = 3  # of a diagnosis: the ICD-10 category


@dataclass(frozen=True)
class Span:
    """Months, both first days, inclusive. utc_offset_s: of the policy's time zone, for hours of the night."""

    from_month: date
    to_month: date
    utc_offset_s: int = 8 * 3_600

    @property
    def from_date(self) -> date:
        """The first day."""
        return self.from_month

    @property
    def to_date(self) -> date:
        """The last day."""
        return months.month_after(self.to_month) - timedelta(days=1)


def claim_measures(compute: Compute, tables: ClaimTables, span: Span, policy: FeaturePolicy, name: str) -> ir.Table:
    """The claims of the span, one row each: whose, where, when, and what features count of it. Flags are 0 or 1, at_night NULL if unknown.

    Computed once and written down as ``name``. What claims are compared by is looked up in a narrow table of its own.
    """
    cases = _cases(tables, span)
    history = compute.keep(f"{name}_history", _history(tables, span, policy))
    claims = _with_people(_with_place(tables, _with_history(tables, history, span, policy)))
    claims = _with_alike(_with_lines(tables, claims, span), cases, policy)
    return compute.keep(name, _with_expected_cost(claims, cases, policy))


def _of_span(claim: ir.Table, span: Span) -> ir.Table:
    return claim.filter(claim.to_date >= span.from_date, claim.to_date <= span.to_date)


def _diagnosis(claim: ir.Table) -> ir.StringValue:
    return claim.principal_diagnosis.substr(0, SHORTEST_CODE)


def _case(claim: ir.Table) -> ir.StringValue:
    """The diagnosis-related group, else the category of the principal diagnosis."""
    return ibis.coalesce(claim.drg, _diagnosis(claim))


def _cases(tables: ClaimTables, span: Span) -> ir.Table:
    """What claims are compared by: where, when, which case, and the total."""
    claim = tables.claim
    claim = _of_span(claim, span).select(
        "id",
        "institution_id",
        "setting",
        "from_date",
        "to_date",
        "total_fen",
        month=months.first_of(claim.to_date),
        diagnosis=_diagnosis(claim),
        case=_case(claim),
    )
    place = tables.institution.select("level", institution_key="id")
    return claim.join(place, [("institution_id", "institution_key")]).drop("institution_key")


def _with_history(tables: ClaimTables, history: ir.Table, span: Span, policy: FeaturePolicy) -> ir.Table:
    """Flags of the claim itself, and of the person's claims before it; with what is known of the person."""
    claim = tables.claim.join(history, [("id", "history_id")])
    claim = claim.mutate(inpatient=_flag(claim.setting == "inpatient"))
    after_stay = claim.from_date.delta(claim.stay_until, unit="day")
    came = claim.transferred_in.fill_null(False)
    hour = ((claim.settled_at.epoch_seconds().cast("int64") + span.utc_offset_s) // 3_600) % 24
    day = claim.from_date.day_of_week.index()
    stayed = claim.inpatient == 1
    return claim.select(
        "id",
        "person_id",
        "institution_id",
        "setting",
        "inpatient",
        "from_date",
        "to_date",
        "total_fen",
        "fund_fen",
        "sex",
        "birth_date",
        "home",
        "died_on",
        month=months.first_of(claim.to_date),
        department=claim.department,
        doctor=claim.doctor.substr(0, 59),
        diagnosis=_diagnosis(claim),
        case=_case(claim),
        stay_days=stayed.ifelse(claim.to_date.delta(claim.from_date, unit="day"), None).cast("int64"),
        short=_flag(stayed & (claim.to_date.delta(claim.from_date, unit="day") <= policy.short_stay_days)),
        weekend=_flag(stayed & (day >= 5)),
        readmitted=_flag(stayed & ~came & (after_stay >= 0) & (after_stay <= policy.readmission_days)),
        overlapping=_flag(claim.from_date < claim.stay_until),
        gap_days=claim.from_date.delta(claim.seen_on, unit="day").cast("int64"),
        round_total=_flag((claim.total_fen > 0) & (claim.total_fen % policy.round_fen == 0)),
        digit=(claim.total_fen > 0).ifelse(claim.total_fen.cast("string").substr(0, 1), None),
        checked=_flag(claim.identity_check.notnull()),
        check_failed=_flag(claim.identity_check.isin(["failed", "skipped"])),
        at_night=hour.isnull().ifelse(None, _flag((hour >= policy.night_from) | (hour < policy.night_until))).cast("int64"),
    )


def _history(tables: ClaimTables, span: Span, policy: FeaturePolicy) -> ir.Table:
    """Of each claim of the span: until when the person's earlier stays lasted, when an earlier claim last began, and the person.

    Apart from the claims, with few columns: a window, and a join with all persons, carry along every column that they are given.
    """
    since = span.from_date - timedelta(days=policy.readmission_days + 1)
    past = tables.claim.select("person_id", "from_date", "to_date", "setting", history_id="id")
    past = past.filter(past.to_date >= since, past.to_date <= span.to_date)
    past = past.mutate(stay_end=(past.setting == "inpatient").ifelse(past.to_date, None).cast("date"))
    before = ibis.window(group_by=past.person_id, order_by=[past.from_date, past.history_id], preceding=(None, 1))
    past = past.mutate(stay_until=past.stay_end.max().over(before), seen_on=past.from_date.max().over(before))
    past = past.filter(past.to_date >= span.from_date)
    patient = tables.patient.select("sex", "birth_date", patient_id="person_id", home="region_code")
    died = tables.evidence.filter(tables.evidence.kind == "death_record", tables.evidence.strength != "void")
    died = died.group_by(dead_id="person_id").aggregate(died_on=died.occurred_on.min())
    past = past.left_join(patient, [("person_id", "patient_id")]).left_join(died, [("person_id", "dead_id")])
    return past.select("history_id", "stay_until", "seen_on", "sex", "birth_date", "home", "died_on")


def _flag(condition: ir.BooleanValue) -> ir.IntegerValue:
    """1 where it holds, 0 where it does not, or where it cannot be said."""
    return ibis.coalesce(condition, False).ifelse(1, 0).cast("int64")


def _with_place(tables: ClaimTables, claims: ir.Table) -> ir.Table:
    place = tables.institution.select(
        "level",
        "kind",
        "beds",
        institution_key=tables.institution.id,
        institution=tables.institution.code,
        place=tables.institution.region_code,
    )
    return claims.join(place, [("institution_id", "institution_key")]).drop("institution_key")


def _with_people(claims: ir.Table) -> ir.Table:
    age = claims.from_date.year() - claims.birth_date.year()
    band = ibis.cases(
        (age < 18, "0-17"),
        (age < 45, "18-44"),
        (age < 60, "45-59"),
        (age < 70, "60-69"),
        (age < 80, "70-79"),
        (age >= 80, "80+"),
        else_="?",
    )
    return claims.mutate(
        age_band=band,
        sex=claims.sex.fill_null("?"),
        away=_flag(claims.home.substr(0, 4) != claims.place.substr(0, 4)),
        after_death=_flag(claims.from_date > claims.died_on),
    ).drop("birth_date", "died_on")


def _with_lines(tables: ClaimTables, claims: ir.Table, span: Span) -> ir.Table:
    """Sums of each claim's lines."""
    made = charges(tables, Window(span.from_date, span.to_date))

    def of(categories: tuple[ChargeCategory, ...]) -> ir.IntegerValue:
        return reduce(add, (made[f"{one.value}_fen"] for one in categories))

    sums = made.select(
        "claim_id",
        "told_lines",
        "unexecuted_lines",
        line_fen=made.lines_fen,
        drug_fen=of(DRUGS),
        examination_fen=of(EXAMINATIONS),
        material_fen=of(MATERIALS),
    )
    return claims.left_join(sums, [("id", "claim_id")]).drop("claim_id")


def _with_alike(claims: ir.Table, cases: ir.Table, policy: FeaturePolicy) -> ir.Table:
    """Stays of several people that began and ended together with one diagnosis; claims of one amount and diagnosis in a month."""
    stays = cases.filter(cases.setting == "inpatient", cases.diagnosis.notnull())
    stay_keys = ["institution_id", "from_date", "to_date", "diagnosis"]
    together = stays.group_by(stay_keys).aggregate(together=stays.id.count())
    together = together.filter(together.together >= policy.alike_persons)
    priced = cases.filter(cases.total_fen > 0, cases.diagnosis.notnull())
    price_keys = ["institution_id", "month", "diagnosis", "total_fen"]
    same = priced.group_by(price_keys).aggregate(same=priced.id.count())
    same = same.filter(same.same > 1)
    joined = claims.left_join(together, stay_keys, rname="stay_{name}").left_join(same, price_keys, rname="price_{name}")
    joined = joined.mutate(batch=_flag(joined.together.notnull() & (joined.inpatient == 1)), copied=_flag(joined.same.notnull()))
    return joined.drop("together", "same", *(f"stay_{name}" for name in stay_keys), *(f"price_{name}" for name in price_keys))


def _with_expected_cost(claims: ir.Table, cases: ir.Table, policy: FeaturePolicy) -> ir.Table:
    """expected_fen: median total of the month's claims of the same setting, case and level; without enough of them, of setting and level.

    case: of ``_case``.
    """
    narrow = cases.group_by("month", "setting", "level", "case").aggregate(
        narrow_fen=cases.total_fen.cast("float64").median(), narrow_claims=cases.id.count()
    )
    narrow = narrow.filter(narrow.narrow_claims >= policy.case_claims_min, narrow.case.notnull()).drop("narrow_claims")
    wide = cases.group_by("month", "setting", "level").aggregate(wide_fen=cases.total_fen.cast("float64").median())
    keys = ["month", "setting", "level"]
    joined = claims.left_join(wide, keys, rname="wide_{name}").left_join(narrow, [*keys, "case"], rname="narrow_{name}")
    joined = joined.drop(*(f"wide_{name}" for name in keys), *(f"narrow_{name}" for name in [*keys, "case"]))
    return joined.mutate(expected_fen=ibis.coalesce(joined.narrow_fen, joined.wide_fen)).drop("narrow_fen", "wide_fen")
