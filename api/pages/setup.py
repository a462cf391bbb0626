"""Puts the pages together: blueprints, the local Bootstrap files, filters, what every template knows, error pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from babel.dates import format_skeleton
from flask_babel import format_date, get_locale
from flask_bootstrap import Bootstrap5

from api import accounts, i18n
from api.pages import (
    alert_work,
    alerts,
    assistance,
    certificate,
    certify,
    check,
    counter,
    counter_reference,
    detection_runs,
    engine,
    errors,
    face_pairs,
    harness,
    helper,
    imports,
    mergers,
    my_status,
    outreach,
    payment_changes,
    record_evidence,
    rules,
    session_person,
    staff_navigation,
    start,
    status,
    timeline,
    webhooks,
)
from api.pages.blueprints import counter_pages, face_pair_pages, pages
from api.pages.words import account

# importing these modules puts their views on the blueprints
PAGES = (
    assistance,
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
    alert_work,
    detection_runs,
    rules,
    face_pairs,
    outreach,
    payment_changes,
    imports,
    my_status,
    engine,
    harness,
    webhooks,
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
    accounts.protection(app)
    app.config.setdefault("BOOTSTRAP_SERVE_LOCAL", True)
    if "bootstrap" not in app.extensions:
        Bootstrap5(app)
    app.jinja_env.filters["plain_date"] = plain_date
    app.jinja_env.filters["plain_month"] = plain_month
    app.jinja_env.filters["account"] = account
    app.context_processor(session_person.for_templates)
    app.context_processor(staff_navigation.for_templates)
    app.register_blueprint(pages)
    app.register_blueprint(counter_pages)
    app.register_blueprint(face_pair_pages)
    errors.register(app)
