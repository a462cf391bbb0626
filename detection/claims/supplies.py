"""Drugs as they were handed out: the lines of drugs with their person and claim, and what the national code of a drug says.

The code of a western drug has 23 characters: X, the ATC class (5), the ingredient within it (4), the form (4), strength (2), pack (2) and
maker (5); that of a Chinese patent drug 20: Z, the class (5), the name (4), the form (1), and the same end. Source: the rules of
classification and coding of 医保药品 (国家医疗保障局).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.stays import charged, day
from detection.claims.tables import ClaimTables
from models.claim import CareSetting, ChargeCategory

DRUGS = (ChargeCategory.WESTERN_DRUG.value, ChargeCategory.PATENT_DRUG.value)
"""Herbs are left out: one herb stands in many prescriptions."""
_IN_BED = (CareSetting.INPATIENT.value, CareSetting.DAY_CASE.value)
_WESTERN, _PATENT, _END = 23, 20, 9
_INGREDIENT = 10


def is_western(item_code: ir.StringValue) -> ir.BooleanValue:
    """Whether a code is the national one of a western drug."""
    return item_code.startswith("X") & (item_code.length() == _WESTERN)


def stem(item_code: ir.StringValue) -> ir.StringValue:
    """The drug and its form, whatever its strength, pack and maker; a code that is not a national one stands for itself."""
    patent = item_code.startswith("Z") & (item_code.length() == _PATENT)
    return ibis.ifelse(is_western(item_code) | patent, item_code.substr(0, item_code.length() - _END), item_code)


def ingredient(item_code: ir.StringValue) -> ir.StringValue:
    """ATC class and ingredient of a western drug; NULL of other codes."""
    return ibis.ifelse(is_western(item_code), item_code.substr(0, _INGREDIENT), ibis.literal(None, type="string"))


def handed_out(tables: ClaimTables) -> ir.Table:
    """The claims at which drugs are handed out to take home: claim_id, person_id, institution_id, to_date."""
    claim = tables.claim.filter(~tables.claim.setting.isin(_IN_BED))
    return claim.select("person_id", "institution_id", "to_date", claim_id=claim.id)


def drug_lines(tables: ClaimTables) -> ir.Table:
    """Lines of drugs: claim_id, line_id, item_code, item_name, on (number of the day), days (NULL unknown), quantity, charged_fen."""
    line = tables.line.filter(tables.line.category.isin(DRUGS) & (tables.line.item_code != ""))
    return line.select(
        "claim_id",
        "item_code",
        "item_name",
        "days",
        "quantity",
        "charged_on",
        line_id=line.id,
        on=day(line.charged_on),
        charged_fen=charged(line),
    )
