"""Puts the pages together: blueprints, the local Bootstrap files, filters, what every template knows, error pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from babel.dates import format_skeleton
from flask_babel import format_date, get_locale
from flask_bootstrap import Bootstrap5

from api import accounts, i18n, oidc
from api.pages import (
    account,
    account_factors,
    alert_work,
    alerts,
    anomaly_models,
    assistance,
    audit_pages,
    case_page,
    case_papers,
    case_parts,
    case_steps,
    certificate,
    certify,
    check,
    counter,
    counter_reference,
    detection_runs,
    engine,
    errors,
    face_pairs,
    fairness,
    harness,
    health,
    helper,
    hospitals,
    imports,
    knowledge,
    mergers,
    my_status,
    notice_form,
    notices,
    outreach,
    oversight,
    oversight_kinds,
    oversight_report,
    payment_changes,
    privacy_desk,
    privacy_office,
    privacy_own,
    queue,
    record_evidence,
    review,
    rules,
    saved_views,
    scorecards,
    second_factor,
    session_person,
    staff_navigation,
    start,
    status,
    suppressions,
    timeline,
    webhooks,
)
from api.pages import accounts as account_administration
from api.pages.blueprints import counter_pages, face_pair_pages, pages
from api.pages.words import account as account_name

# importing these modules puts their views on the blueprints
PAGES = (
    account,
    account_administration,
    account_factors,
    second_factor,
    case_page,
    case_steps,
    case_parts,
    case_papers,
    queue,
    saved_views,
    suppressions,
    assistance,
    audit_pages,
    start,
    certify,
    certificate,
    status,
    helper,
    check,
    counter,
    counter_reference,
    record_evidence,
    timeline,
    mergers,
    alerts,
    anomaly_models,
    alert_work,
    review,
    detection_runs,
    rules,
    knowledge,
    face_pairs,
    outreach,
    payment_changes,
    imports,
    my_status,
    notices,
    notice_form,
    engine,
    harness,
    health,
    webhooks,
    scorecards,
    fairness,
    oversight,
    oversight_kinds,
    oversight_report,
    hospitals,
    privacy_own,
    privacy_desk,
    privacy_office,
)

if TYPE_CHECKING:
    from flask import Flask


def plain_date(day: date | datetime | None) -> str:
    """A date in the words of the page's language, e.g. 2026年11月21日."""
    return "" if day is None else format_date(day, "long")


def plain_month(day: date) -> str:
    """A month in the words of the page's language, e.g. 2026年11月. day: any day of it."""
    return str(format_skeleton("yMMMM", day, locale=get_locale()))


def register(app: Flask) -> None:
    """Register all pages."""
    i18n.register(app)
    case_papers.register(app)  # before the protection, which reads forms
    accounts.protection(app)
    app.config.setdefault("BOOTSTRAP_SERVE_LOCAL", True)
    if "bootstrap" not in app.extensions:
        Bootstrap5(app)
    app.jinja_env.filters["plain_date"] = plain_date
    app.jinja_env.filters["plain_month"] = plain_month
    app.jinja_env.filters["account"] = account_name
    app.jinja_env.filters["with_aside"] = i18n.with_aside
    app.jinja_env.filters["with_colon"] = i18n.with_colon
    app.context_processor(session_person.for_templates)
    app.context_processor(staff_navigation.for_templates)
    app.context_processor(notices.for_templates)
    health.register(app)
    app.register_blueprint(pages)
    app.register_blueprint(counter_pages)
    app.register_blueprint(face_pair_pages)
    oidc.register(app)
    errors.register(app)
