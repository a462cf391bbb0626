"""The words of a hospital and of a claim, as the settlement list has them."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

from models.claim import ChargeCategory, ClaimIdentityCheck, DischargeWay, InstitutionKind, InstitutionLevel

LEVELS: dict[InstitutionLevel, LazyString] = {
    InstitutionLevel.UNGRADED: lazy_gettext("without a level"),
    InstitutionLevel.PRIMARY: lazy_gettext("primary"),
    InstitutionLevel.SECONDARY: lazy_gettext("secondary"),
    InstitutionLevel.TERTIARY: lazy_gettext("tertiary"),
}
INSTITUTIONS: dict[InstitutionKind, LazyString] = {
    InstitutionKind.HOSPITAL: lazy_gettext("Hospital"),
    InstitutionKind.COMMUNITY: lazy_gettext("Community health centre"),
    InstitutionKind.CLINIC: lazy_gettext("Clinic"),
    InstitutionKind.PHARMACY: lazy_gettext("Pharmacy"),
    InstitutionKind.INTERNET: lazy_gettext("Internet hospital"),
    InstitutionKind.OTHER: lazy_gettext("Another institution"),
}
CATEGORIES: dict[ChargeCategory, LazyString] = {
    ChargeCategory.BED: lazy_gettext("Bed"),
    ChargeCategory.CONSULTATION: lazy_gettext("Consultation"),
    ChargeCategory.EXAMINATION: lazy_gettext("Examination"),
    ChargeCategory.LABORATORY: lazy_gettext("Laboratory"),
    ChargeCategory.TREATMENT: lazy_gettext("Treatment"),
    ChargeCategory.SURGERY: lazy_gettext("Surgery"),
    ChargeCategory.NURSING: lazy_gettext("Nursing"),
    ChargeCategory.MATERIAL: lazy_gettext("Material"),
    ChargeCategory.WESTERN_DRUG: lazy_gettext("Western drug"),
    ChargeCategory.HERB: lazy_gettext("Herb"),
    ChargeCategory.PATENT_DRUG: lazy_gettext("Chinese patent drug"),
    ChargeCategory.GENERAL_CONSULTATION: lazy_gettext("General consultation"),
    ChargeCategory.REGISTRATION: lazy_gettext("Registration"),
    ChargeCategory.OTHER: lazy_gettext("Other charge"),
}
DISCHARGES: dict[DischargeWay, LazyString] = {
    DischargeWay.HOME: lazy_gettext("home, on the doctor's advice"),
    DischargeWay.TRANSFER: lazy_gettext("to another hospital"),
    DischargeWay.COMMUNITY: lazy_gettext("to community care"),
    DischargeWay.AGAINST_ADVICE: lazy_gettext("against the doctor's advice"),
    DischargeWay.DIED: lazy_gettext("died"),
    DischargeWay.OTHER: lazy_gettext("in another way"),
}
IDENTITY_CHECKS: dict[ClaimIdentityCheck, LazyString] = {
    ClaimIdentityCheck.PASSED: lazy_gettext("passed"),
    ClaimIdentityCheck.FAILED: lazy_gettext("not passed"),
    ClaimIdentityCheck.SKIPPED: lazy_gettext("left out"),
}
