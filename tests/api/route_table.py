"""Who may open which page: one row for each endpoint that is no JSON door (those are in tests/api/test_access.py).

A new page needs a row here; tests/api/test_every_route.py fails without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from api.rights import RoleName

COUNTER, CASEWORKER, REVIEWER, SUPERVISOR = RoleName.COUNTER, RoleName.CASEWORKER, RoleName.REVIEWER, RoleName.SUPERVISOR
AUDITOR, OFFICER, ADMINISTRATOR, PROGRAM = RoleName.AUDITOR, RoleName.SECURITY_OFFICER, RoleName.ADMINISTRATOR, RoleName.MACHINE_CLIENT

Roles = frozenset[RoleName]
EVERY_ROLE: Roles = frozenset(RoleName)
DESK: Roles = frozenset({COUNTER, CASEWORKER, SUPERVISOR})
CAMERA: Roles = DESK | {PROGRAM}
FINDERS: Roles = CAMERA | {REVIEWER}
READERS: Roles = FINDERS | {AUDITOR}
TIMELINE: Roles = DESK | {REVIEWER, AUDITOR}
ENROLLERS: Roles = frozenset({COUNTER, SUPERVISOR, PROGRAM})
REVOKERS: Roles = frozenset({COUNTER, SUPERVISOR})
ALERTS: Roles = frozenset({CASEWORKER, REVIEWER, SUPERVISOR, AUDITOR})
WORKERS: Roles = ALERTS - {AUDITOR}
MERGERS: Roles = frozenset({CASEWORKER, SUPERVISOR})
SIGNERS: Roles = frozenset({REVIEWER, SUPERVISOR})
OVERSIGHT: Roles = frozenset({SUPERVISOR, AUDITOR})
SUPERVISORS: Roles = frozenset({SUPERVISOR})
ADMINISTRATORS: Roles = frozenset({ADMINISTRATOR})
AUDIT_READERS: Roles = frozenset({AUDITOR, OFFICER})


@dataclass(frozen=True)
class Desk:
    """A page behind the sign-in. roles: who may. get, post: what those get; None: it has no such method. form: what is posted.

    bound: the address names something of a region, so that to staff of another one it is not there (404). For others the page shows what
    their own region has. posters: who may post, where not all may who look.
    """

    roles: Roles
    get: int | None = 200
    post: tuple[int, ...] | None = None
    bound: bool = False
    form: Mapping[str, str] = field(default_factory=dict)
    posters: Roles | None = None

    def who_may(self, method: str) -> Roles:
        """The roles that may come with a method."""
        return self.roles if method == "GET" or self.posters is None else self.posters


@dataclass(frozen=True)
class Open:
    """A page for everybody, staff or not. own: the answer to a pensioner who is known, where it is another."""

    get: int | None = 200
    post: int | None = None
    own: int | None = None
    own_post: int | None = None
    forged: bool = True  # posts without the page's token are refused


def of_person(roles: Roles, get: int | None = 200, post: tuple[int, ...] | None = None, **more: object) -> Desk:
    """A page about one person."""
    return Desk(roles, get, post, bound=True, **more)  # type: ignore[arg-type]


def action(roles: Roles, *post: int, bound: bool = True, **form: str) -> Desk:
    """A form without a page of its own."""
    return Desk(roles, None, post, bound=bound, form=MappingProxyType(form))


COUNTER_ROWS: dict[str, Desk] = {
    "counter.about_engine": Desk(EVERY_ROLE),
    "counter.home": Desk(FINDERS, post=(422,)),
    "counter.found": Desk(FINDERS),
    "counter.person": of_person(READERS),
    "counter.camera": of_person(CAMERA),
    "counter.result": of_person(CAMERA, 303),
    "counter.done": action(CAMERA, 400),
    "counter.consent": of_person(CAMERA, post=(303,)),
    "counter.reference": of_person(ENROLLERS, post=(422,)),
    "counter.reference_check": action(ENROLLERS, 422),
    "counter.reference_revoke": action(REVOKERS, 400),
    "counter.certificate": of_person(READERS),
    "counter.certificate_code": of_person(READERS),
    "counter.status_code": of_person(DESK, 303, (200,)),
    "counter.timeline": of_person(TIMELINE),
    "counter.visit": of_person(DESK, post=(422,)),
    "counter.record_evidence": of_person(DESK, post=(422,)),
    "counter.person_data": of_person(DESK, post=(422,)),
    "counter.correct_evidence": of_person(MERGERS, post=(422,)),
    "counter.merge": of_person(MERGERS, post=(422,)),
    "counter.compare_records": of_person(MERGERS, post=(422,)),
    "counter.split": action(MERGERS, 404),
    "counter.assistance": Desk(DESK),
    "counter.assistance_ask": of_person(DESK, post=(422,)),
    "counter.assistance_request": Desk(DESK, bound=True),
    "counter.assistance_person": action(DESK, 200),
    "counter.assistance_step": Desk(DESK, 200, (409,), bound=True),
    "counter.outreach": Desk(DESK),
    "counter.outreach_one": Desk(DESK, bound=True),
    "counter.outreach_attempt": action(DESK, 422),
    "counter.outreach_number": action(DESK, 200),
    "counter.outreach_propose": action(MERGERS, 422),
    "counter.harness": Desk(ENROLLERS, 404),  # off unless a folder for recordings is set
    "counter.harness_start": action(ENROLLERS, 404, bound=False),
    "counter.harness_frame": action(ENROLLERS, 404, bound=False),
    "counter.imports": Desk(ALERTS),
    "counter.import_batch": Desk(ALERTS, bound=True),
    "counter.import_report": Desk(ALERTS, 404, bound=True),  # the files of the batches were deleted in time
    "counter.import_rejected": Desk(ALERTS, 404, bound=True),
}

CASE_ROWS: dict[str, Desk] = {
    "counter.desk": Desk(EVERY_ROLE, 303),
    "counter.alerts": Desk(ALERTS),
    "counter.alert": Desk(ALERTS, post=(303, 409), bound=True, form={"what": "take"}, posters=WORKERS),
    "counter.cases": Desk(ALERTS),
    "counter.case": Desk(ALERTS, bound=True),
    "counter.case_beside": Desk(ALERTS, bound=True),
    "counter.case_claims": Desk(ALERTS, bound=True),
    "counter.case_claims_chart": Desk(ALERTS, bound=True),
    "counter.case_signals": Desk(ALERTS, bound=True),
    "counter.case_timeline": Desk(TIMELINE, bound=True),
    "counter.case_paper": Desk(ALERTS, bound=True),
    "counter.case_paper_add": action(WORKERS, 422),
    "counter.case_step": action(WORKERS, 303, 409, 422, what="note", note="seen"),
    "counter.case_views": Desk(ALERTS),
    "counter.save_view": action(ALERTS, 422, bound=False),
    "counter.change_view": action(ALERTS, 404, bound=False, what="delete"),
    "counter.take_next": action(WORKERS, 303, bound=False),
    "counter.suppressions": Desk(ALERTS),
    "counter.end_suppression": action(WORKERS, 303, 409, reason="known"),
    "counter.review": Desk(WORKERS, bound=True),
    "counter.decide_review": action(WORKERS, 409, 422, what="decide", decision="nothing"),
    "counter.claim": Desk(ALERTS, bound=True),
    "counter.hospital": Desk(ALERTS, bound=True),
    "counter.hospital_chart": Desk(ALERTS, bound=True),
    "counter.detection_runs": Desk(ALERTS, post=(422,), posters=SUPERVISORS),
    "counter.detection_run": Desk(ALERTS, bound=True),
    "counter.rules": Desk(ALERTS),
    "counter.knowledge": Desk(ALERTS),
    "counter.knowledge_rule": Desk(ALERTS),
    "counter.anomaly_models": Desk(ALERTS),
    "counter.anomaly_model": Desk(ALERTS),
    "counter.notices": Desk(ALERTS),
    "counter.read_notices": action(ALERTS, 400, bound=False),
    "counter.new_subscription": Desk(ALERTS),
    "counter.subscribe": action(ALERTS, 422, bound=False),
    "counter.end_subscription": action(ALERTS, 404, bound=False),  # of somebody else
    "counter.test_subscription": action(ALERTS, 404, bound=False),
    "counter.payment_changes": Desk(WORKERS),
    "counter.payment_change": Desk(WORKERS, bound=True),
    "counter.payment_change_decide": action(SIGNERS, 422),
    "counter.payment_change_withdraw": action(MERGERS, 303, 403),  # who proposed it may
    "counter.payment_list_make": action(SIGNERS, 400, bound=False),
    "counter.payment_list_file": Desk(SIGNERS, bound=True),
    "counter.payment_list_signature": Desk(SIGNERS, bound=True),
    "face_pairs.show": Desk(ALERTS, bound=True),
    "face_pairs.uncover": action(WORKERS, 200),
}

OVERSIGHT_ROWS: dict[str, Desk] = {
    "counter.oversight": Desk(OVERSIGHT),
    "counter.oversight_refresh": action(SUPERVISORS, 303, bound=False),
    "counter.oversight_chart": Desk(OVERSIGHT),
    "counter.oversight_csv": Desk(OVERSIGHT),
    "counter.oversight_workbook": Desk(OVERSIGHT),
    "counter.oversight_report": Desk(OVERSIGHT),
    "counter.oversight_kind": Desk(OVERSIGHT),
    "counter.oversight_kind_chart": Desk(OVERSIGHT),
    "counter.scorecards": Desk(OVERSIGHT),
    "counter.scorecard": Desk(OVERSIGHT),
    "counter.scorecard_trend": Desk(OVERSIGHT),
    "counter.change_rule_mode": action(SUPERVISORS, 422, bound=False),
    "counter.fairness": Desk(OVERSIGHT),
    "counter.fairness_chart": Desk(OVERSIGHT, 404),  # nobody of this group was counted
    "counter.webhooks": Desk(ADMINISTRATORS),
    "counter.audit_list": Desk(AUDIT_READERS, post=(200,)),
    "counter.audit_entry": Desk(AUDIT_READERS, bound=True),
    "counter.health": Desk(frozenset({ADMINISTRATOR, OFFICER})),
    "counter.retry_webhook": action(ADMINISTRATORS, 404, bound=False),
}

OPEN_ROWS: dict[str, Open] = {
    # for who is half signed in; everybody else is sent where they belong
    "counter.second_factor": Open(303),
    "counter.second_factor_give": Open(None, 303),
    "counter.second_factor_key": Open(None, 403),
    "counter.second_factor_leave": Open(None, 303),
    "counter.password_new": Open(303),
    "counter.password_choose": Open(None, 303),
    "counter.factor_new": Open(303),
    "counter.factor_qr": Open(404),
    "counter.factor_code": Open(None, 303),
    "counter.factor_key": Open(None, 303),
    "counter.factor_key_options": Open(None, 403),
    "pages.start": Open(),
    "pages.privacy": Open(),
    "pages.other_ways": Open(),
    "pages.helper": Open(),
    "pages.helper_start": Open(None, 303),
    "pages.helper_end": Open(None, 303),
    "pages.choose_language": Open(None, 303),
    "counter.choose_theme": Open(None, 303),
    "pages.identify": Open(200, 422),
    "pages.personal_link": Open(404),  # the link is nobody's
    "pages.check_certificate": Open(404),
    "pages.certify": Open(303, None, 303),
    "pages.consent": Open(303, None, 200),
    "pages.consent_answer": Open(None, 303),
    "pages.how": Open(303, None, 200),
    "pages.camera": Open(303, None, 200),
    "pages.done": Open(None, 303, own_post=400),
    "pages.result": Open(303),
    "pages.status": Open(303, None, 200),
    "pages.certificate_pdf": Open(303, None, 404),  # there is none yet
    "pages.certificate_qr": Open(303, None, 404),
    "pages.withdraw": Open(303, 303, 200),
    "pages.leave": Open(None, 303),
    "pages.my_status": Open(200, 422),
    "pages.my_status_code": Open(303, 303),
    "pages.my_status_open": Open(303),
    "pages.my_status_certificate": Open(303),
    "pages.my_status_close": Open(None, 303),
    "pages.my_data": Open(303),
    "pages.my_data_copy": Open(None, 303),
    "pages.my_data_ask": Open(None, 303),
    "pages.my_data_withdraw": Open(None, 303),
    "pages.my_data_consent": Open(None, 303),
    "docs.read": Open(),
    "docs.start": Open(),
    "docs.swagger_ui": Open(),
    "openapi.spec": Open(),
    "healthz": Open(),
    "readyz": Open(),
    "oauth.token": Open(None, 400, forged=False),
    "oauth.revoke": Open(None, 401, forged=False),
    "static": Open(404),
    "bootstrap.static": Open(404),
    "security.static": Open(404),
}

PRIVACY_ROWS: dict[str, Desk] = {
    "counter.privacy_requests": Desk(frozenset({CASEWORKER, REVIEWER, SUPERVISOR})),
    "counter.privacy_request": Desk(frozenset({CASEWORKER, REVIEWER, SUPERVISOR}), bound=True),
    "counter.privacy_request_wish": action(frozenset({CASEWORKER, REVIEWER, SUPERVISOR}), 200),
    "counter.privacy_request_answer": action(MERGERS, 422),
    "counter.privacy_request_sign": action(SIGNERS, 422),
    "counter.privacy": Desk(frozenset({AUDITOR, OFFICER})),
    "counter.privacy_pack": Desk(frozenset({AUDITOR, OFFICER})),
    "counter.retention": Desk(frozenset({AUDITOR, OFFICER})),
}

ACCOUNT_READERS: Roles = frozenset({AUDITOR, OFFICER, ADMINISTRATOR})
ACCOUNT_ROWS: dict[str, Desk] = {
    "counter.account": Desk(EVERY_ROLE),
    "counter.account_session_end": action(EVERY_ROLE, 303, bound=False),
    "counter.account_sessions_end": action(EVERY_ROLE, 303, bound=False),
    "counter.account_password": action(EVERY_ROLE, 403, bound=False),  # a token does not change how its account signs in
    "counter.prove_again": action(EVERY_ROLE, 303, bound=False),
    "counter.account_factor_add": Desk(EVERY_ROLE, 303),
    "counter.account_codes": action(EVERY_ROLE, 403, bound=False),
    "counter.account_factor_remove": action(EVERY_ROLE, 403, bound=False),
    "counter.accounts": Desk(ACCOUNT_READERS),
    "counter.account_add": action(ADMINISTRATORS, 422, bound=False),
    "counter.account_of_staff": Desk(ACCOUNT_READERS, bound=True),
    "counter.account_change": action(ADMINISTRATORS, 303, what="unlock"),
}

DESK_ROWS: dict[str, Desk] = COUNTER_ROWS | CASE_ROWS | OVERSIGHT_ROWS | PRIVACY_ROWS | ACCOUNT_ROWS
# Their answers depend on who is signed in already, and how far: tests/api/test_accounts.py, test_second_factor.py.
SIGNING_IN = frozenset(
    {
        "security.login",
        "security.logout",
        "counter.second_factor",
        "counter.second_factor_give",
        "counter.second_factor_key",
        "counter.second_factor_leave",
        "counter.password_new",
        "counter.password_choose",
        "counter.factor_new",
        "counter.factor_qr",
        "counter.factor_code",
        "counter.factor_key",
        "counter.factor_key_options",
    }
)
