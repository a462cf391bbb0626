"""The signs of H13, one table each with the same columns. No rule of its own."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from detection import months
from detection.claims.rule import Window
from detection.claims.stays import charged, claim_entry, completed, day, line_entry, no_day, no_number, of_settings, stays, text
from detection.claims.tables import ClaimTables
from detection.rules.assembling import NO_RECORDS, by_strength, first_of_each, of_strength, rank_of_strength, record, records
from models.alert import AlertSeverity
from models.life_evidence import EvidenceKind, Strength
from models.policy_claim_rules import CardMisuse

FACTS: Mapping[str, ir.Value] = {
    "minutes": no_number(),
    "far": ibis.literal(None, type="boolean"),
    "check": text(),
    "checked_on": no_day(),
    "died_on": no_day(),
    "source": text(),
    "charges_after": no_number(),
    "custody_from": no_day(),
    "traces": no_number(),
    "trace_on": no_day(),
}
"""What a sign may tell; NULL where it does not."""
_BASE = ("sign", "claim_id", "person_id", "from_date", "to_date", "confidence", "severity", "amount_fen", "entries")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def _sign(
    table: ir.Table,
    name: str,
    severity: AlertSeverity | ir.StringValue,
    confidence: ir.FloatingValue | float,
    amount_fen: ir.IntegerValue,
    entries: ir.ArrayValue | None = None,
    **facts: ir.Value,
) -> ir.Table:
    told = {fact: facts.get(fact, none) for fact, none in FACTS.items()}
    return table.select(
        "claim_id",
        "person_id",
        "from_date",
        "to_date",
        sign=ibis.literal(name),
        confidence=ibis.literal(confidence) if isinstance(confidence, float) else confidence,
        severity=ibis.literal(severity.value) if isinstance(severity, AlertSeverity) else severity,
        amount_fen=amount_fen.cast("int64"),
        entries=ibis.literal([], type=NO_RECORDS) if entries is None else entries,
        **told,
    ).select(*_BASE, *FACTS)


def _claims(claim: ir.Table) -> ir.Table:
    return claim.select("person_id", "institution_id", "from_date", "to_date", "fund_fen", claim_id=claim.id)


def near(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """Settled at another institution within minutes of an earlier settlement."""
    reach = rule.minutes_max * _MINUTE
    claim = of_settings(tables.claim, rule.settings)
    claim = claim.select(
        "id", "person_id", "institution_id", "setting", "from_date", "to_date", "fund_fen", at=claim.settled_at.epoch_seconds()
    )
    noon = 12 * _HOUR - rule.utc_offset_h * _HOUR
    claim = claim.filter(claim["at"].notnull() & (claim["at"] % _DAY != noon % _DAY))
    # most people go to one institution: they are left out
    several = claim.group_by("person_id").aggregate(least=claim.institution_id.min(), most=claim.institution_id.max())
    claim = claim.semi_join(several.filter(several.least != several.most), "person_id")
    # people settle many times a year: only settlements of the same or the next stretch of minutes are compared
    later = completed(claim.view(), window)
    later = later.mutate(stretch=later["at"] // reach).rename(claim_id="id")
    earlier = claim.select(
        other_id="id",
        other_person="person_id",
        other_institution="institution_id",
        other_setting="setting",
        other_at=claim["at"],
        other_stretch=ibis.array([claim["at"] // reach, claim["at"] // reach + 1]).unnest(),
    )
    pairs = later.join(
        earlier,
        [
            later.person_id == earlier.other_person,
            later.stretch == earlier.other_stretch,
            later.institution_id != earlier.other_institution,
        ],
    )
    apart = pairs["at"] - pairs.other_at
    pairs = pairs.filter((apart <= reach) & ((apart > 0) | ((apart == 0) & (pairs.other_id < pairs.claim_id))))
    place = tables.institution.select("id", "region_code", "kind")
    both = pairs.left_join(place, [pairs.institution_id == place.id], rname="here_{name}")
    there = place.view()
    both = both.left_join(there, [both.other_institution == there.id], rname="there_{name}")
    shop = (both.kind == "pharmacy") | (both.there_kind == "pharmacy") | (both.setting == "pharmacy") | (both.other_setting == "pharmacy")
    far = both.region_code != both.there_region_code
    found = both.group_by("claim_id", "person_id", "from_date", "to_date", "fund_fen").aggregate(
        apart=(both["at"] - both.other_at).min(),
        far=far.fill_null(False).any(),
        shop=shop.fill_null(False).all(),
        entries=claim_entry(both.other_id, "other").collect(),
    )
    sure = ibis.cases((found.far, rule.far_confidence), (found.shop, rule.neighbours_confidence), else_=rule.near_confidence)
    severity = ibis.ifelse(found.far, AlertSeverity.WARNING.value, AlertSeverity.SUSPICION.value)
    return _sign(found, "near", severity, sure, found.fund_fen, found.entries, minutes=found.apart // _MINUTE, far=found.far)


def unchecked(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """The institution says that its identity check failed, or was skipped."""
    claim = completed(tables.claim, window)
    claim = claim.filter(claim.identity_check.isin(["failed", "skipped"]))
    found = claim.select("person_id", "institution_id", "from_date", "to_date", "fund_fen", claim_id=claim.id, check=claim.identity_check)
    failed = found.check == "failed"
    severity = ibis.ifelse(failed, AlertSeverity.WARNING.value, AlertSeverity.SUSPICION.value)
    sure = ibis.ifelse(failed, rule.failed_confidence, rule.skipped_confidence)
    return _sign(found, "check", severity, sure, found.fund_fen, check=found.check)


def other_face(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """The check of this service at that institution saw another face during the visit or stay."""
    check = tables.identity_check.filter(tables.identity_check.level == "no_match")
    local = check.checked_at.epoch_seconds() + rule.utc_offset_h * _HOUR
    check = check.select(checked_person="person_id", code="institution", check_id="id", on=local // _DAY)
    place = tables.institution.select("code", place_id="id")
    check = check.join(place, "code")
    claim = _claims(completed(tables.claim, window))
    both = claim.join(check, [claim.person_id == check.checked_person, claim.institution_id == check.place_id])
    both = both.filter(both.on.between(day(both.from_date), day(both.to_date)))
    found = both.group_by("claim_id", "person_id", "from_date", "to_date", "fund_fen").aggregate(
        first=both.on.min(), entries=record("identity_check", both.check_id, "check").collect()
    )
    on = (ibis.literal(_EPOCH, type="date") + found.first.as_interval("D")).cast("date")
    return _sign(found, "face", AlertSeverity.WARNING, rule.other_face_confidence, found.fund_fen, found.entries, checked_on=on)


def after_death(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """The visit or stay began after the person's death."""
    claim, death = _claims(completed(tables.claim, window)), _deaths(tables, rule.death)
    found = claim.join(death, "person_id").filter(lambda t: t.from_date > t.died_on)
    sure = by_strength(found.strength, rule.death)
    entries = records(record("life_evidence", found.evidence_id, "death"))
    return _sign(found, "death", AlertSeverity.VIOLATION, sure, found.fund_fen, entries, died_on=found.died_on, source=found.source)


def charged_after_death(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """Charges of a stay that began in life and goes on after the death."""
    claim, death = _claims(completed(tables.claim, window)), _deaths(tables, rule.death)
    claim = claim.join(death, "person_id").filter(lambda t: (t.from_date <= t.died_on) & (t.to_date > t.died_on))
    line = tables.line
    line = line.select("charged_on", line_claim="claim_id", line_id="id", charged_fen=charged(line))
    lines = claim.join(line, [claim.claim_id == line.line_claim, line.charged_on > months.plus_days(claim.died_on, rule.after_death_days)])
    found = lines.group_by("claim_id", "person_id", "from_date", "to_date", "died_on", "strength", "source", "evidence_id").aggregate(
        charges_after=lines.count(), amount_fen=lines.charged_fen.sum(), lines=line_entry(lines.line_id).collect()
    )
    return _sign(
        found,
        "after_death",
        AlertSeverity.VIOLATION,
        by_strength(found.strength, rule.death),
        found.amount_fen,
        records(record("life_evidence", found.evidence_id, "death")).concat(found.lines),
        died_on=found.died_on,
        source=found.source,
        charges_after=found.charges_after,
    )


def in_custody(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """The visit or stay lies strictly inside a custody."""
    held = of_strength(tables.evidence.filter(tables.evidence.kind == EvidenceKind.CUSTODY.value), tuple(rule.custody))
    held = held.select(
        held_person="person_id", evidence_id="id", since="occurred_on", until=held.ends_on.fill_null(months.OPEN_END), strength="strength"
    )
    claim = _claims(completed(tables.claim, window))
    both = claim.join(held, [claim.person_id == held.held_person, claim.from_date > held.since, claim.to_date < held.until])
    found = both.group_by("claim_id", "person_id", "from_date", "to_date", "fund_fen").aggregate(
        since=both.since.min(),
        sure=by_strength(both.strength, rule.custody).max(),
        entries=record("life_evidence", both.evidence_id, "custody").collect(),
    )
    return _sign(found, "custody", AlertSeverity.VIOLATION, found.sure, found.fund_fen, found.entries, custody_from=found.since)


def elsewhere(tables: ClaimTables, rule: CardMisuse, window: Window) -> ir.Table:
    """A trace that nobody leaves from a hospital bed lies strictly inside a stay."""
    trace = tables.evidence
    left = trace.kind.isin([kind.value for kind in rule.kinds]) | trace.trace.isin([one.value for one in rule.traces]).fill_null(False)
    trace = trace.filter(left & (trace.kind != EvidenceKind.DEATH_RECORD.value))
    trace = trace.select(traced="person_id", evidence_id="id", trace_on="occurred_on")
    claim = _claims(completed(stays(tables.claim), window))
    both = claim.join(trace, [claim.person_id == trace.traced, trace.trace_on > claim.from_date, trace.trace_on < claim.to_date])
    found = both.group_by("claim_id", "person_id", "from_date", "to_date", "fund_fen").aggregate(
        traces=both.count(), trace_on=both.trace_on.min(), entries=record("life_evidence", both.evidence_id, "trace").collect()
    )
    return _sign(
        found,
        "trace",
        AlertSeverity.WARNING,
        rule.trace_confidence,
        found.fund_fen,
        found.entries,
        traces=found.traces,
        trace_on=found.trace_on,
    )


def _deaths(tables: ClaimTables, confidence: Mapping[Strength, float]) -> ir.Table:
    """The earliest death record of each person, of one day the strongest: person_id, died_on, strength, source, evidence_id."""
    rows = of_strength(tables.evidence.filter(tables.evidence.kind == EvidenceKind.DEATH_RECORD.value), tuple(confidence))
    first = first_of_each(rows, "person_id", [rows.occurred_on, rank_of_strength(rows.strength), rows.id])
    return first.select("person_id", "strength", "source", evidence_id=first.id, died_on=first.occurred_on)


_EPOCH = "1970-01-01"
SIGNS = (near, unchecked, other_face, after_death, charged_after_death, in_custody, elsewhere)
"""Every sign that the rule looks for."""
