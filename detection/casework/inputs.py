"""What people type and hand in for a case, checked: words, amounts, days, papers. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from enum import StrEnum

import puremagic

from detection.casework.views import Decision
from models.alert import CaseOutcome
from models.errors import ModelsError
from models.policy_casework import AttachmentPolicy, CaseworkPolicy

NOTE_MAX, CONCLUSION_MAX, REASON_MAX, NAME_MAX = 2000, 1000, 500, 120
FEN_MAX = 10**13  # a hundred thousand million yuan: more is a slip of the hand
DIARY_DAYS_MAX = 366
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]+')


class InputProblem(StrEnum):
    """What is wrong with what somebody gave."""

    TEXT_MISSING = "text_missing"
    TEXT_TOO_LONG = "text_too_long"
    AMOUNT_WRONG = "amount_wrong"
    AMOUNT_OVER_FOUND = "amount_over_found"  # more came back than was found
    REFERRAL_MISSING = "referral_missing"
    REFERRAL_NOT_FITTING = "referral_not_fitting"
    DAY_PAST = "day_past"
    DAY_TOO_FAR = "day_too_far"
    DAY_AHEAD = "day_ahead"
    RECEIVER_UNKNOWN = "receiver_unknown"
    ATTACHMENT_EMPTY = "attachment_empty"
    ATTACHMENT_TOO_LARGE = "attachment_too_large"
    ATTACHMENT_TYPE = "attachment_type"
    ATTACHMENTS_TOO_MANY = "attachments_too_many"


class CaseInputError(ModelsError):
    """What was given cannot be used; nothing was changed. limit: the number that is meant, where there is one."""

    code = "case_input"

    def __init__(self, reason: InputProblem, detail: str, limit: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.limit = limit


def words(text: str, limit: int, *, needed: bool = True) -> str:
    """The text without the space around it. Raises CaseInputError when it is empty although it is needed, or longer than ``limit``."""
    kept = text.strip().replace("\x00", "")
    if needed and not kept:
        raise CaseInputError(InputProblem.TEXT_MISSING, f"write why, in at most {limit} characters", limit)
    if len(kept) > limit:
        raise CaseInputError(InputProblem.TEXT_TOO_LONG, f"{len(kept)} characters are too many: write at most {limit}", limit)
    return kept


def decision(given: Decision) -> Decision:
    """The decision with its words tidied. Raises CaseInputError."""
    conclusion = words(given.conclusion, CONCLUSION_MAX)
    if given.found_fen is not None and not 0 <= given.found_fen <= FEN_MAX:
        raise CaseInputError(InputProblem.AMOUNT_WRONG, "the amount found is not negative, and at most a hundred thousand million yuan")
    if (given.outcome is CaseOutcome.REFERRED) != (given.referred_to is not None):
        if given.referred_to is None:
            raise CaseInputError(InputProblem.REFERRAL_MISSING, "choose to whom the case is handed on")
        raise CaseInputError(InputProblem.REFERRAL_NOT_FITTING, "only a case that is handed on names to whom")
    return Decision(given.outcome, conclusion, given.found_fen, given.referred_to)


def recovery(fen: int, on: date, today: date, recovered_fen: int, found_fen: int) -> int:
    """What came back altogether. Raises CaseInputError: not above zero, more than was found, or on a day that is yet to come."""
    if on > today:
        raise CaseInputError(InputProblem.DAY_AHEAD, "money that came back came back on a day that has been")
    if not 0 < fen <= FEN_MAX:
        raise CaseInputError(InputProblem.AMOUNT_WRONG, "give what came back, more than nothing")
    if recovered_fen + fen > found_fen:
        left = found_fen - recovered_fen
        raise CaseInputError(InputProblem.AMOUNT_OVER_FOUND, "more came back than was found: correct the amount", left)
    return recovered_fen + fen


def diary_day(day: date, today: date) -> date:
    """A day on which to look again. Raises CaseInputError: it is past, or over a year ahead."""
    return _ahead(day, today, DIARY_DAYS_MAX)


def suppression_day(day: date, today: date, policy: CaseworkPolicy) -> date:
    """The last day of a suppression. Raises CaseInputError: it is past, or further ahead than the policy allows."""
    return _ahead(day, today, policy.suppression_days_max)


def _ahead(day: date, today: date, most: int) -> date:
    if day < today:
        raise CaseInputError(InputProblem.DAY_PAST, f"{day} is past: give today or a later day")
    if day > today + timedelta(days=most):
        raise CaseInputError(InputProblem.DAY_TOO_FAR, f"{day} is too far ahead: at most {most} days from today", most)
    return day


def paper_name(name: str) -> str:
    """A file's name without folders and without characters that files, terminals or pages stumble over; never empty."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = _UNSAFE.sub("_", last).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) <= NAME_MAX:
        return kept or "paper"
    return f"{stem[: NAME_MAX - len(suffix) - 1]}.{suffix}" if dot and len(suffix) <= 10 else kept[:NAME_MAX]


def paper_type(data: bytes, present: int, policy: AttachmentPolicy) -> str:
    """The media type that the content shows, one of those the policy takes. present: papers that the case has already.

    Raises:
        CaseInputError: empty, too large, of another type, or one too many.
    """
    if present >= policy.of_a_case_max:
        most = policy.of_a_case_max
        raise CaseInputError(InputProblem.ATTACHMENTS_TOO_MANY, f"a case has at most {most} papers: remove one first", most)
    if not data:
        raise CaseInputError(InputProblem.ATTACHMENT_EMPTY, "the file is empty: choose another one")
    if len(data) > policy.bytes_max:
        most = policy.bytes_max
        raise CaseInputError(InputProblem.ATTACHMENT_TOO_LARGE, f"the file has {len(data)} bytes, more than {most}: hand in less", most)
    try:
        shown = {found.mime_type for found in puremagic.magic_string(data)}
    except (puremagic.PureError, ValueError):
        shown = set()
    # of the names that the signature may stand for, one that the policy takes
    taken = [media_type for media_type in policy.media_types if media_type in shown]
    if not taken:
        raise CaseInputError(InputProblem.ATTACHMENT_TYPE, f"the content is none of {', '.join(policy.media_types)}: convert it first")
    return taken[0]
