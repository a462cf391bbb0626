"""The words of a person's line: lanes, what each entry says, and what contradicts what."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import LazyString, format_date, lazy_gettext, ngettext
from flask_babel import gettext as _

from api.claim_words import claim_codes, claim_title
from api.i18n import current_language, in_language
from api.pages.evidence_words import KINDS, SILENT, STRENGTHS, TOLD_BY, TRACES
from api.pages.words import account
from models.claim import CareSetting
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, Trace
from models.repositories.timeline import Entry, Lane
from verify.evidence_rules import SEEN_SOURCES, ToldBy
from verify.silent import Explained, explain, is_silent
from verify.timeline_conflicts import Conflict, ConflictCode

LANES: dict[Lane, LazyString] = {
    Lane.EVIDENCE: lazy_gettext("Life evidence"),
    Lane.CHECK: lazy_gettext("Checks"),
    Lane.BENEFIT: lazy_gettext("Benefits"),
    Lane.PAUSE: lazy_gettext("Pauses"),
    Lane.PAYMENT: lazy_gettext("Payments"),
    Lane.PAYMENT_CHANGE: lazy_gettext("Changes of payment"),
    Lane.CLAIM: lazy_gettext("Hospital claims"),
    Lane.ENROLMENT: lazy_gettext("Enrolments"),
    Lane.OUTREACH: lazy_gettext("Attempts to reach"),
    Lane.ASSISTANCE: lazy_gettext("Assistance between regions"),
    Lane.ALERT: lazy_gettext("Alerts"),
    Lane.CASE: lazy_gettext("Cases"),
    Lane.MERGER: lazy_gettext("Mergers of records"),
}
SCHEMES: dict[Scheme, LazyString] = {
    Scheme.EMPLOYEE_PENSION: lazy_gettext("Employee pension"),
    Scheme.RESIDENT_PENSION: lazy_gettext("Resident pension"),
    Scheme.EMPLOYEE_MEDICAL: lazy_gettext("Employee medical"),
    Scheme.RESIDENT_MEDICAL: lazy_gettext("Resident medical"),
    Scheme.UNEMPLOYMENT: lazy_gettext("Unemployment"),
    Scheme.WORK_INJURY: lazy_gettext("Work injury"),
    Scheme.MATERNITY: lazy_gettext("Maternity"),
}
TITLES: dict[tuple[Lane, str], LazyString] = {
    (Lane.CHECK, "verification.certified"): lazy_gettext("Camera check: certified"),
    (Lane.CHECK, "verification.refer"): lazy_gettext("Camera check: a person looks"),
    (Lane.CHECK, "verification.retry"): lazy_gettext("Camera check: once more"),
    (Lane.CHECK, "verification.refused"): lazy_gettext("Camera check: not confirmed"),
    (Lane.CHECK, "verification.open"): lazy_gettext("Camera check: open"),
    (Lane.CHECK, "verification.deciding"): lazy_gettext("Camera check: being decided"),
    (Lane.CHECK, "verification.expired"): lazy_gettext("Camera check: not finished"),
    (Lane.CHECK, "verification.abandoned"): lazy_gettext("Camera check: not finished"),
    (Lane.CHECK, "identity.match"): lazy_gettext("Identity check at treatment: fits"),
    (Lane.CHECK, "identity.uncertain"): lazy_gettext("Identity check at treatment: unsure"),
    (Lane.CHECK, "identity.no_match"): lazy_gettext("Identity check at treatment: does not fit"),
    (Lane.CHECK, "identity.not_compared"): lazy_gettext("Identity check at treatment: not compared"),
    (Lane.PAUSE, "pause"): lazy_gettext("Payment paused"),
    (Lane.PAYMENT_CHANGE, "pause"): lazy_gettext("Pause of a payment"),
    (Lane.PAYMENT_CHANGE, "resume"): lazy_gettext("Resumption of a payment"),
    (Lane.OUTREACH, "sms"): lazy_gettext("Text message"),
    (Lane.OUTREACH, "phone"): lazy_gettext("Telephone call"),
    (Lane.OUTREACH, "visit"): lazy_gettext("Visit to reach the person"),
    (Lane.ASSISTANCE, "requested"): lazy_gettext("Another region was asked for help"),
    (Lane.ASSISTANCE, "accepted"): lazy_gettext("Another region has accepted to help"),
    (Lane.ASSISTANCE, "carried_out"): lazy_gettext("Another region has helped"),
    (Lane.ASSISTANCE, "returned"): lazy_gettext("Another region gave the request back"),
    (Lane.ASSISTANCE, "refused"): lazy_gettext("Another region has refused"),
    (Lane.ASSISTANCE, "withdrawn"): lazy_gettext("The request for help was withdrawn"),
    (Lane.CASE, "case"): lazy_gettext("Case"),
    (Lane.MERGER, "merged"): lazy_gettext("Records merged"),
    (Lane.MERGER, "split"): lazy_gettext("Records split again"),
}
SETTINGS: dict[CareSetting, LazyString] = {
    CareSetting.OUTPATIENT: lazy_gettext("Outpatient visit"),
    CareSetting.EMERGENCY: lazy_gettext("Emergency visit"),
    CareSetting.CHRONIC: lazy_gettext("Visit for a listed chronic disease"),
    CareSetting.INPATIENT: lazy_gettext("Stay in hospital"),
    CareSetting.DAY_CASE: lazy_gettext("Day case"),
    CareSetting.HOME: lazy_gettext("Home care"),
    CareSetting.PHARMACY: lazy_gettext("Pharmacy purchase"),
    CareSetting.INTERNET: lazy_gettext("Internet consultation"),
}
ALERT_CODES: dict[str, LazyString] = {
    "P1": lazy_gettext("Paid after death"),
    "P2": lazy_gettext("Death dates that contradict each other"),
    "P3": lazy_gettext("Paid during custody"),
    "P4": lazy_gettext("Overdue and still paid"),
    "P5": lazy_gettext("One bank account for several persons"),
    "P6": lazy_gettext("Retirement age contradicts the identity card"),
    "P7": lazy_gettext("Life after a death record"),
    "P8": lazy_gettext("One face under two identities"),
    "D1": lazy_gettext("Employee and resident pension contributions at once"),
    "D2": lazy_gettext("One scheme in several regions at once"),
    "D3": lazy_gettext("One human being under two numbers"),
    "D4": lazy_gettext("Employee and resident medical cover at once"),
    "D5": lazy_gettext("Contributions after death or during custody"),
    "B1": lazy_gettext("Employee and resident pension paid at once"),
    "B2": lazy_gettext("Two pensions paid at once"),
    "B3": lazy_gettext("Unemployment benefit beside work or a pension"),
    "B4": lazy_gettext("A grant paid twice for one death"),
    "death_reported": lazy_gettext("A death was told, and is not confirmed"),
    "verification_referred": lazy_gettext("A camera check that a person has to look at"),
    "assistance_late": lazy_gettext("A request between regions is late"),
    "assistance_says_died": lazy_gettext("Another region heard that the person has died"),
    "assistance_conflict": lazy_gettext("Two installations say different things about a request"),
    "assistance_peer_silent": lazy_gettext("Another installation does not answer"),
    "fairness_gap": lazy_gettext("A group of people fares worse with the camera check"),
}
STATES: dict[str, LazyString] = {
    "proposed": lazy_gettext("proposed"),
    "approved": lazy_gettext("approved"),
    "rejected": lazy_gettext("rejected"),
    "withdrawn": lazy_gettext("withdrawn"),
    "open": lazy_gettext("open"),
    "in_case": lazy_gettext("in a case"),
    "closed": lazy_gettext("closed"),
    "sent": lazy_gettext("sent"),
    "reached": lazy_gettext("reached"),
    "not_reached": lazy_gettext("not reached"),
    "wrong_contact": lazy_gettext("wrong number or address"),
    "needs_help": lazy_gettext("needs help"),
    "failed": lazy_gettext("did not go out"),
    "confirmed": lazy_gettext("confirmed"),
    "unfounded": lazy_gettext("unfounded"),
    "data_error": lazy_gettext("an error in the data"),
    "referred": lazy_gettext("handed on"),
    "violation": lazy_gettext("violation"),
    "warning": lazy_gettext("warning"),
    "suspicion": lazy_gettext("suspicion"),
}


def yuan(fen: int) -> str:
    """An amount in yuan with two places."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def day(value: date | None) -> str:
    """A day in the page's language; a dash for none."""
    return "–" if value is None or value == date.max else format_date(value, "long")


def month(value: date) -> str:
    """Year and month."""
    return f"{value:%Y-%m}"


def alert_title(code: str) -> str:
    """What an alert is about; codes without words of their own stand for themselves."""
    words = ALERT_CODES.get(code) or claim_title(code, current_language())
    return with_code(None if words is None else str(words), code, current_language())


def alert_title_in(code: str, language: str) -> str:
    """The same in a stated language, for what is written outside a page."""
    return with_code(in_language(ALERT_CODES[code], language) if code in ALERT_CODES else claim_title(code, language), code, language)


def with_code(words: str | None, code: str, language: str) -> str:
    """Codes of rules are known by people and stand beside the words; names of what was noticed otherwise are for programs."""
    if words is None:
        return code
    if code.islower():
        return words
    return f"{words}（{code}）" if language == "zh" else f"{words} ({code})"


def known_codes() -> list[str]:
    """Every code of an alert that this version has words for, sorted."""
    return sorted({*ALERT_CODES, *claim_codes()})


def title(entry: Entry) -> str:
    """What it is, in one line."""
    if entry.lane is Lane.EVIDENCE:
        if entry.facts["silent"]:
            return str(SILENT)
        trace: Trace | None = entry.facts["trace"]
        return str(KINDS[EvidenceKind(entry.code)] if trace is None else TRACES[trace])
    if entry.lane in {Lane.BENEFIT, Lane.ENROLMENT}:
        words = SCHEMES[entry.facts["scheme"]]
        return _("Benefit: %(scheme)s", scheme=words) if entry.lane is Lane.BENEFIT else _("Enrolled: %(scheme)s", scheme=words)
    if entry.lane is Lane.PAYMENT:
        return _("Paid: %(scheme)s", scheme=SCHEMES[entry.facts["scheme"]])
    if entry.lane is Lane.CLAIM:
        return _("%(setting)s at %(institution)s", setting=SETTINGS[CareSetting(entry.code)], institution=entry.facts["institution"])
    if entry.lane is Lane.ALERT:
        return alert_title(entry.code)
    return str(TITLES.get((entry.lane, entry.code), entry.code))


def lines(entry: Entry) -> list[str]:
    """What else there is to say about it."""
    facts = entry.facts
    found: list[str | None] = []
    match entry.lane:
        case Lane.EVIDENCE:
            found = _evidence_lines(entry)
        case Lane.BENEFIT:
            amount = _("%(amount)s yuan a month", amount=yuan(facts["monthly_fen"]))
            found = [_("Region %(code)s", code=facts["region"]), amount, _until(entry)]
        case Lane.ENROLMENT:
            found = [_("Region %(code)s", code=facts["region"]), _until(entry)]
        case Lane.PAUSE:
            paid_again = facts.get("resumed_on")
            found = [
                _("Paid again from %(day)s", day=day(paid_again)) if paid_again else _("It lasts"),
                _("Region %(code)s", code=facts["region"]),
            ]
        case Lane.PAYMENT_CHANGE:
            arrears = facts["arrears_fen"]
            found = [_state(facts["state"]), facts["reason"], _("Arrears: %(amount)s yuan", amount=yuan(arrears)) if arrears else None]
        case Lane.OUTREACH:
            found = [_state(facts["outcome"]), facts["note"], account(facts["by"])]
        case Lane.ASSISTANCE:
            found = [_("From region %(one)s to region %(other)s", one=facts["from"], other=facts["to"]), facts["reason"]]
        case Lane.ALERT:
            found = [_state(facts["severity"]), _state(facts["state"]), _state(facts["closed"])]
        case Lane.CASE:
            owner = _("Owner: %(name)s", name=account(facts["owner"])) if facts["owner"] else None  # a case may be nobody's for a while
            found = [owner, _state(facts["outcome"]), facts["conclusion"]]
        case Lane.MERGER:
            found = [facts["reason"], account(facts["by"])]
        case Lane.CHECK:
            routes = {"self": _("alone"), "helper": _("with a helper"), "counter": _("at a counter")}
            found = [facts.get("institution"), routes.get(str(facts.get("channel")), facts.get("channel"))]
        case Lane.CLAIM:
            money = _("%(total)s yuan, %(fund)s of it by the fund", total=yuan(facts["total_fen"]), fund=yuan(facts["fund_fen"]))
            diagnosis = _("Diagnosis %(code)s", code=facts["diagnosis"]) if facts["diagnosis"] else None
            found = [money, diagnosis, _("Region %(code)s", code=facts["region"]), _until(entry) if entry.until != entry.on else None]
        case Lane.PAYMENT:
            found = [_("%(amount)s yuan", amount=yuan(facts["fen"])), _("Region %(code)s", code=facts["region"])]
    return [line for line in found if line]


def _evidence_lines(entry: Entry) -> list[str | None]:
    facts = entry.facts
    found: list[str | None] = [
        _("Worth: %(strength)s", strength=STRENGTHS[facts["strength"]]),
        _("Source: %(source)s", source=source_words(facts["source"])) if facts["source"] not in SEEN_SOURCES else None,
        _("Paper or note: %(reference)s", reference=facts["reference"]) if facts["reference"] else None,
        _until(entry) if entry.code == "custody" else None,
        _("Place: %(place)s", place=facts["place"]) if facts["place"] else None,
        _("Staff: %(names)s", names=" · ".join(facts["staff"])) if facts["staff"] else None,
        _("Position: %(position)s", position="{:.5f}, {:.5f}".format(*facts["position"])) if facts["position"] else None,
        _("Recorded by %(name)s on %(day)s", name=account(facts["recorded_by"]), day=day(facts["recorded_at"])),
    ]
    return found + list(_explained(facts["details"]) if is_silent(facts["details"]) else [])


def source_words(source: str) -> str:
    """Who told it in the page's words; other sources are names and stay as they are recorded."""
    return str(TOLD_BY[ToldBy(source)]) if source in set(ToldBy) else source


def _explained(details: dict[str, Any]) -> list[str]:
    """Why a silent certification was made."""
    found = []
    for line in explain(details):
        values = line.values
        if line.code is Explained.TRACE:
            words = {"trace": TRACES[values["trace"]], "source": values["source"], "day": day(values["on"]), "points": values["points"]}
            found.append(
                ngettext(
                    "Counted: %(trace)s, %(source)s, %(day)s: %(points)s point",
                    "Counted: %(trace)s, %(source)s, %(day)s: %(points)s points",
                    values["points"],
                    **words,
                )
            )
        elif line.code is Explained.ENOUGH:
            found.append(
                ngettext(
                    "Together %(points)s point; %(needed)s are needed",
                    "Together %(points)s points; %(needed)s are needed",
                    values["points"],
                    points=values["points"],
                    needed=values["needed"],
                )
            )
        else:
            found.append(_("Judged as of %(day)s, policy %(policy)s", day=day(values["as_of"]), policy=str(values["policy"])[:16]))
    return found


def _until(entry: Entry) -> str:
    return _("It lasts") if entry.until is None else _("Until %(day)s", day=day(entry.until))


def _state(code: str | None) -> str | None:
    return None if code is None else str(STATES.get(code, code))


def conflict_words(conflict: Conflict) -> str:
    """What contradicts what, in words."""
    facts = conflict.facts
    match conflict.code:
        case ConflictCode.LIFE_AFTER_DEATH:
            return _(
                "A sign of life on %(life)s, after the recorded death on %(death)s: look for a wrong death record first.",
                life=day(facts["life"]),
                death=day(facts["death"]),
            )
        case ConflictCode.DEATH_DATES_DIFFER:
            return _(
                "Two death records with different days: %(first)s and %(other)s.", first=day(facts["first"]), other=day(facts["other"])
            )
        case ConflictCode.PAID_AFTER_DEATH:
            return _("Paid after the month of death (%(death)s): %(paid)s.", death=day(facts["death"]), paid=_paid(facts))
        case ConflictCode.PAID_IN_CUSTODY:
            return _(
                "Paid during the custody from %(start)s to %(end)s: %(paid)s.",
                start=day(facts["start"]),
                end=day(facts["end"]),
                paid=_paid(facts),
            )
        case ConflictCode.PAID_WHILE_PAUSED:
            return _("Paid while the benefit was paused from %(start)s: %(paid)s.", start=day(facts["start"]), paid=_paid(facts))
        case ConflictCode.PAID_OUTSIDE_BENEFIT:
            return _("Paid outside the months of the benefit: %(paid)s.", paid=_paid(facts))
        case ConflictCode.SAME_SCHEME_TWO_REGIONS:
            one, other = facts["regions"]
            words = {"scheme": SCHEMES[facts["scheme"]], "one": one, "other": other, "start": month(facts["start"])}
            return _("%(scheme)s in two regions at once, %(one)s and %(other)s, from %(start)s.", **words)
        case ConflictCode.SEEN_IN_CUSTODY:
            return _(
                "Seen in person on %(seen)s, during a custody that began on %(start)s.", seen=day(facts["seen"]), start=day(facts["start"])
            )
        case ConflictCode.BEFORE_BIRTH:
            return _("Recorded for %(on)s, before the birth on %(born)s.", on=day(facts["on"]), born=day(facts["born"]))


def _paid(facts: dict[str, Any]) -> str:
    words = {"count": facts["months"], "first": month(facts["first"]), "last": month(facts["last"]), "amount": yuan(facts["fen"])}
    return ngettext(
        "%(count)s month, %(first)s to %(last)s, %(amount)s yuan together",
        "%(count)s months, %(first)s to %(last)s, %(amount)s yuan together",
        facts["months"],
        **words,
    )
