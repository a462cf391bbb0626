"""Screening of a claim before it is paid, for the systems of hospitals and of the agency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app

from api.callers import Caller
from api.context import current
from api.problems import RETRY_SOON_S, FieldError, Problem
from api.request_id import current_request_id
from api.rights import Right
from api.v1.claim_schemas import ClaimDocument, ScreeningAnswer
from api.v1.door import Door, blueprint, door
from models.identifiers import IdentifierError
from models.repositories.status_lookup import Number

if TYPE_CHECKING:
    from detection.claims.screening_service import ScreeningService

SERVICE = "lifecert_claim_screening"
BODY_BYTES = 8 * 1024 * 1024
FIELDS = {Number.RESIDENT_ID: "resident_id", Number.SOCIAL_SECURITY_NUMBER: "social_security_number"}

EXAMPLE_REQUEST: dict[str, Any] = {
    "resident_id": "190102195203070019",
    "institution": "H19010200001",
    "reference": "2026-0315-000871",
    "setting": "inpatient",
    "scheme": "employee_medical",
    "from_date": "2026-03-12",
    "to_date": "2026-03-15",
    "principal_diagnosis": "I50.900",
    "total_fen": 412_600,
    "fund_fen": 330_080,
    "lines": [
        {
            "number": 1,
            "item_code": "001102000010000",
            "item_name": "三人间床位费",
            "category": "bed",
            "quantity": 3,
            "unit_price_fen": 4_000,
            "amount_fen": 12_000,
            "charged_on": "2026-03-12",
        }
    ],
}
EXAMPLE: dict[str, Any] = {
    "claim": "2026-0315-000871",
    "findings": [
        {
            "code": "H1",
            "official": ["GZ10000204001000"],
            "title": {"en": "Split stay", "zh": "分解住院"},
            "severity": "warning",
            "amount_fen": 330_080,
            "explanation": {
                "en": "Admitted on 2026-03-12, 3 day(s) after the discharge on 2026-03-09, with the same diagnosis group I50.",
                "zh": "2026-03-09出院后3天，于2026-03-12以同类诊断I50再次入院。",
            },
            "lines": [],
            "facts": {"admitted_on": "2026-03-12", "discharged_on": "2026-03-09", "gap_days": 3, "diagnosis": "I50"},
        }
    ],
    "history_claims": 14,
    "rules_run": 61,
    "ms": 96.4,
}


@blueprint.post("/claims:screen")
@door(
    Door(
        summary="Screen one claim",
        right=Right.SCREEN_CLAIMS,
        body=ClaimDocument,
        body_example=EXAMPLE_REQUEST,
        body_max_bytes=BODY_BYTES,
        answer=ScreeningAnswer,
        example=EXAMPLE,
        problems=("person_unknown", "institution_unknown"),
    )
)
def screen_claim(caller: Caller, body: ClaimDocument) -> ScreeningAnswer:
    """Screen one claim

    By the rules that one person's claims suffice for, together with the person's claims in the store of the days before. The claim need
    not be in the store, and is not kept. The institution has to lie in the client's region; the person may be of any region.
    """
    # brings the engine of expressions along
    from api.claim_screening import answer_of
    from detection.claims.screening_service import ClaimPersonUnknownError, InstitutionUnknownError, Screener, ScreeningBusyError

    context = current()
    if len(body.lines) > (most := context.policy.claims.lines_max):
        raise Problem("validation_failed", f"A claim has {most} lines at most.", (FieldError("lines", "too_long"),))
    number, given = body.whose()
    by = Screener(caller.actor, caller.covers, {"door": "api", "request_id": current_request_id()})
    try:
        screened = screening_of_process().screen(body.claim(), number, given, by)
    except IdentifierError as error:
        raise Problem("validation_failed", str(error), (FieldError(FIELDS[number], error.problem.value),)) from None
    except ClaimPersonUnknownError:
        raise Problem("person_unknown", "Nobody has this number.") from None
    except InstitutionUnknownError:
        raise Problem("institution_unknown", "No institution in your reach has this code.") from None
    except ScreeningBusyError as error:
        raise Problem("unavailable", str(error), headers={"Retry-After": str(RETRY_SOON_S)}) from None
    return answer_of(screened)


def screening_of_process() -> ScreeningService:
    """The one service of this process: it bounds how many claims are screened at once, and keeps the compiled rules."""
    from api.claim_screening import make_screening

    if SERVICE not in current_app.extensions:
        current_app.extensions.setdefault(SERVICE, make_screening(current()))  # of two threads, the first one's counts
    service: ScreeningService = current_app.extensions[SERVICE]
    return service
