"""Alerts, cases, signals and attempts over the made-up province, made by PostgreSQL itself: INSERT ... SELECT over generate_series.

Everything follows from a number by multiplication and remainder, so that two fillings are the same. Rows are right by construction:
triggers and foreign keys are left out while they go in.
"""
# ruff: noqa: S608 - names and numbers of our own

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from benchmarks.province_people import AS_OF, Province
from benchmarks.province_store import plain, timed, without_indexes

TABLES = ("alert", "case_file", "case_event", "signal", "verification")
CITIES = 17
"""As many as a large province has; those with people are among them."""
COUNTIES = 6
CODES = 60
YEARS = 3
"""Closed alerts were opened in as many years before the day."""
ATTEMPTS_PER_MILLE = 600
"""Attempts by camera in the year before the day, of a thousand persons."""

NOW = f"timestamptz '{AS_OF.isoformat()} 02:00:00+00'"


@dataclass(frozen=True)
class Work:
    """How many alerts there are. open: not closed, three in ten of them in a case. closed: eight in ten of them by a case."""

    open: int = 100_000
    closed: int = 1_000_000


def fill(url: str, province: Province, work: Work) -> dict[str, float]:
    """Add it all to a store that has its people; seconds of each step. Does nothing where there are alerts of this kind already."""
    steps: dict[str, float] = {}
    with psycopg.connect(plain(url), autocommit=True) as connection:
        if connection.execute("SELECT EXISTS (SELECT 1 FROM alert WHERE opened_by = 'benchmark oversight')").fetchone() == (True,):
            return steps
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET work_mem = '256MB'")
        _regions(connection)
        with without_indexes(connection, TABLES, steps):
            for name, statement in _statements(province, work).items():
                timed(steps, name, lambda statement=statement: connection.execute(statement))  # type: ignore[misc]
        for table in TABLES[:-1]:
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        timed(steps, "vacuum analyze", lambda: connection.execute("VACUUM ANALYZE"))
        connection.execute("CHECKPOINT")
    return steps


def _regions(connection: psycopg.Connection) -> None:
    rows = []
    for city in range(1, CITIES + 1):
        rows.append((f"42{city:02d}00", "city", "420000"))
        rows += [(f"42{city:02d}{county:02d}", "county", f"42{city:02d}00") for county in range(1, COUNTIES + 1)]
    connection.cursor().executemany(
        "INSERT INTO region (code, name, level, parent_code) VALUES (%s, 'region ' || %s, %s, %s) ON CONFLICT DO NOTHING",
        [(code, code, level, parent) for code, level, parent in rows],
    )


def _statements(province: Province, work: Work) -> dict[str, str]:
    """By name. g: the number of an alert, from 1; the first ``open`` of them are not closed."""
    number, attempts = work.open + work.closed, province.persons * ATTEMPTS_PER_MILLE // 1_000
    region = f"'42' || lpad((1 + g * 7 % {CITIES})::text, 2, '0') || lpad((1 + g * 11 % {COUNTIES})::text, 2, '0')"
    code = f"'R' || (1 + (g * 13 % {CODES}) * (g * 17 % {CODES}) / {CODES})"  # a few are frequent, many rare
    # of the last twenty weeks; closed ones of the years before the last month
    age_s = f"CASE WHEN g <= {work.open} THEN g * 7919 % 12096000 ELSE 30 * 86400 + g * 7919 % ({YEARS} * 31536000) END"
    opened = f"{NOW} - ({age_s}) * interval '1 second'"
    closed = f"{opened} + (3600 + g * 104729 % 2500000) * interval '1 second'"
    person = f"1 + g * 7907 % {province.persons}"
    base = "(SELECT coalesce(max(id), 0) FROM alert WHERE opened_by <> 'benchmark oversight')"
    series = f"generate_series(1::bigint, {number}) AS g"
    severity = "(ARRAY['violation', 'warning', 'suspicion'])[1 + g % 3]"
    outcome = "(ARRAY['confirmed', 'unfounded', 'unfounded', 'data_error', 'referred', 'confirmed'])[1 + g * 31 % 6]"
    worked_on = f"(g > {work.open} AND g % 10 < 8 OR g <= {work.open} AND g % 10 < 3)"
    shut = f"g > {work.open}"
    staff = "'staff:' || g % 300"
    nothing = "decode(repeat('00', 32), 'hex')"
    decided = "g % 9 <> 0 AND g % 11 <> 0"
    return {
        "alerts": f"""
            INSERT INTO alert (id, public_id, code, key, severity, state, person_id, region_code, amount_fen, priority, details,
                opened_by, opened_at, closed_by, closed_at, close_reason)
            SELECT {base} + g, 'o' || lpad(g::text, 21, '0'), {code}, 'benchmark:' || g, {severity},
                CASE WHEN {shut} THEN 'closed' WHEN g % 10 < 3 THEN 'in_case' ELSE 'open' END,
                {person}, {region}, g * 9973 % 5000000, (g * 65537 % 1000000) / 1000.0,
                jsonb_build_object('signals', jsonb_build_object({code}, 1), 'months', g % 36, 'note', repeat('x', 120)),
                'benchmark oversight', {opened}, CASE WHEN {shut} THEN {staff} END, CASE WHEN {shut} THEN {closed} END,
                CASE WHEN {shut} THEN 'unfounded' END
            FROM {series}""",
        "cases": f"""
            INSERT INTO case_file (id, public_id, alert_id, person_id, region_code, owner, opened_by, opened_at, due_on, worked_s,
                outcome, conclusion, found_fen, recovered_fen, signed_by, signed_at, closed_by, closed_at)
            SELECT g, 'k' || lpad(g::text, 21, '0'), {base} + g, {person}, {region}, {staff}, {staff},
                {opened} + interval '30 minutes', ({opened} + interval '20 days')::date, g * 37 % 5400,
                CASE WHEN {shut} THEN {outcome} END, CASE WHEN {shut} THEN repeat('y', 80) END,
                CASE WHEN {shut} AND g % 3 = 0 THEN g * 9973 % 5000000 END,
                CASE WHEN {shut} AND g % 12 = 0 THEN g * 9973 % 2500000 ELSE 0 END,
                CASE WHEN {shut} AND g % 3 = 0 THEN 'staff:signs' END, CASE WHEN {shut} AND g % 3 = 0 THEN {closed} END,
                CASE WHEN {shut} THEN {staff} END, CASE WHEN {shut} THEN {closed} END
            FROM {series} WHERE {worked_on}""",
        "steps": f"""
            INSERT INTO case_event (case_id, step, by, at, note, details)
            SELECT g, step, {staff}, at, NULL,
                CASE WHEN step <> 'recovered' THEN '{{}}'
                    ELSE jsonb_build_object('fen', g * 9973 % 2500000, 'on', to_char(at, 'YYYY-MM-DD')) END
            FROM {series},
                LATERAL (VALUES ('taken', {opened} + interval '30 minutes'), ('note', {opened} + interval '1 hour'),
                    ('closed', {closed}), ('recovered', {closed} + interval '9 days')) AS steps (step, at)
            WHERE {worked_on} AND ({shut} OR step IN ('taken', 'note')) AND (step <> 'recovered' OR g % 12 = 0)""",
        "signals": f"""
            INSERT INTO signal (public_id, code, key, alert_id, subject_kind, person_id, region_code, severity, confidence, from_month,
                to_month, months, amount_fen, facts, records, digest, policy_hash, first_seen_at, changed_at, triage_due)
            SELECT 's' || lpad(g::text, 21, '0'), {code}, 'benchmark:' || g, {base} + g, 'person', {person}, {region}, {severity},
                0.5 + g % 50 / 100.0, '2025-01-01', '2025-06-01', 6, g * 9973 % 5000000,
                jsonb_build_object('days', g % 400, 'months', 6),
                jsonb_build_array(jsonb_build_object('kind', 'payment', 'id', g, 'role', 'paid')),
                {nothing}, repeat('0', 64), {opened}, {opened}, false
            FROM {series}""",
        "attempts": f"""
            INSERT INTO verification (id, person_id, state, kind, channel, challenge, token_hash, started_at, expires_at, client,
                foreign_frames, outcome, reasons, evidence, decided_at)
            SELECT 'v' || lpad(g::text, 21, '0'), {person},
                CASE WHEN g % 9 = 0 THEN 'expired' WHEN g % 11 = 0 THEN 'abandoned' ELSE 'decided' END,
                'standard', (ARRAY['self', 'self', 'helper', 'counter'])[1 + g % 4], '{{}}', {nothing}, at, at + interval '10 minutes',
                jsonb_build_object('device', (ARRAY['phone', 'phone', 'tablet', 'computer'])[1 + g * 3 % 4]), 0,
                CASE WHEN {decided} THEN (ARRAY['certified', 'certified', 'certified', 'retry', 'refer', 'refused'])[1 + g % 6] END,
                '[]', jsonb_build_array(repeat('z', 600)), CASE WHEN {decided} THEN at + (20 + g % 200) * interval '1 second' END
            FROM generate_series(1::bigint, {attempts}) AS g,
                LATERAL (SELECT {NOW} - (g * 7919 % 31536000) * interval '1 second' AS at) AS began""",
    }
