"""Examples of the doors of alerts and signals, of the same made-up person as the others. A test holds them against their schemas."""

from __future__ import annotations

from typing import Any

from api.v1.examples import PERSON_ID

ALERT_ID = "a7Lr5tC2mV9xB4nK6wQ8eH"
SIGNAL_ID = "s3Gd8kP1fJ6hY0uT5zR7oX"
ALERT: dict[str, Any] = {
    "alert_id": ALERT_ID,
    "code": "D1",
    "severity": "violation",
    "state": "open",
    "person_id": PERSON_ID,
    "region_code": "190100",
    "amount_fen": 480_000,
    "priority": 4.2,
    "signals": ["D1"],
    "opened_at": "2026-03-02T08:00:00Z",
    "updated_at": "2026-03-02T08:00:00Z",
}
ALERTS: dict[str, Any] = {"alerts": [ALERT], "next_cursor": "9G1K046CPJ6CPJ6D0000000000012"}
SIGNAL: dict[str, Any] = {
    "signal_id": SIGNAL_ID,
    "alert_id": ALERT_ID,
    "code": "D1",
    "title": {"en": "Employee and resident pension contributions at once", "zh": "同时缴纳职工养老和居民养老"},
    "severity": "violation",
    "confidence": 1.0,
    "subject_kind": "person",
    "person_id": PERSON_ID,
    "subject_ref": None,
    "region_code": "190100",
    "from_month": "2025-01-01",
    "to_month": "2025-03-01",
    "months": 3,
    "amount_fen": 480_000,
    "sentences": {"en": ["Enrolled in both from 2025-01 to 2025-03."], "zh": ["2025-01至2025-03同时参加两种养老保险。"]},
    "facts": {"one": "employee_pension", "other": "resident_pension"},
    "first_seen_at": "2026-03-02T08:00:00Z",
    "changed_at": "2026-03-02T08:00:00Z",
    "vanished_at": None,
    "vanished_reason": None,
}
RECORD: dict[str, Any] = {
    "kind": "enrolment",
    "role": "enrolment",
    "person_id": PERSON_ID,
    "code": None,
    "on": "2024-06-01",
    "until": "2025-03-01",
    "scheme": "employee_pension",
    "region_code": "190100",
    "amount_fen": None,
    "source": None,
    "strength": None,
}
WHOLE_ALERT: dict[str, Any] = {
    **ALERT,
    "closed_at": None,
    "findings": [
        {
            **SIGNAL,
            "explanation": {"en": "Nobody contributes to both pensions in one month.", "zh": "同一月份不得同时缴纳两种养老保险。"},
            "records": [RECORD],
            "records_elsewhere": 0,
        }
    ],
}
SIGNALS: dict[str, Any] = {"signals": [SIGNAL], "next_cursor": "9G2001IBVT29LG00000000000000A", "more": False}
PARAMETERS: dict[str, Any] = {
    "read_alerts.state": "open",
    "read_alerts.code": "D1",
    "read_alerts.cursor": ALERTS["next_cursor"],
    "read_signals.code": "D1",
    "read_signals.cursor": SIGNALS["next_cursor"],
    "alert_id": ALERT_ID,
    "severity": "violation",
    "region_code": "190100",
    "amount_fen_min": 100_000,
}
"""By parameter, or by operation and parameter where a name has another meaning elsewhere."""
