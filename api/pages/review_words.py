"""The words of a review: what each piece of evidence is about, what each measured value says, and what was decided."""

from __future__ import annotations

import re

from flask_babel import LazyString, format_decimal, lazy_gettext
from flask_babel import gettext as _

from api.pages.words import COMPONENTS, PROMPTS, STAFF_REASONS
from models.casework import ReviewDecision
from models.verification import VerificationOutcome, VerificationState
from verify.evidence import EvidenceKind, EvidenceState, Reason
from verify.review import Attempt, Frame, Limit, Piece, Value
from verify.views import ChallengeKind, Channel, PromptName

CHANNELS: dict[Channel, LazyString] = {
    Channel.SELF: lazy_gettext("The person's own device"),
    Channel.HELPER: lazy_gettext("A helper's device"),
    Channel.COUNTER: lazy_gettext("The camera of a counter"),
}
WAYS: dict[ChallengeKind, LazyString] = {
    ChallengeKind.STANDARD: lazy_gettext("Turning the head"),
    ChallengeKind.GENTLE: lazy_gettext("The gentle way, without turning"),
}
DECISIONS: dict[ReviewDecision, LazyString] = {
    ReviewDecision.CERTIFIED: lazy_gettext("Certified: it is this person, alive before the camera"),
    ReviewDecision.TRY_AGAIN: lazy_gettext("Once more, or another way: the pictures do not settle it"),
    ReviewDecision.SUSPECTED: lazy_gettext("Suspected: somebody else, or a picture held up"),
}
DECISION_NOTES: dict[ReviewDecision, LazyString] = {
    ReviewDecision.CERTIFIED: lazy_gettext("A certificate is issued and the person is told at once."),
    ReviewDecision.TRY_AGAIN: lazy_gettext("The person may try at once, or come to a counter. Nothing is held against them."),
    ReviewDecision.SUSPECTED: lazy_gettext("A second person decides on it. The person is only asked to try again or to come another way."),
}
OUTCOMES: dict[VerificationOutcome, LazyString] = {
    VerificationOutcome.CERTIFIED: lazy_gettext("Certified"),
    VerificationOutcome.REFER: lazy_gettext("Given to a person"),
    VerificationOutcome.RETRY: lazy_gettext("Once more"),
    VerificationOutcome.REFUSED: lazy_gettext("Not confirmed"),
}
UNDECIDED: dict[VerificationState, LazyString] = {
    VerificationState.OPEN: lazy_gettext("Going on"),
    VerificationState.DECIDING: lazy_gettext("Being decided"),
    VerificationState.DECIDED: lazy_gettext("Decided"),
    VerificationState.EXPIRED: lazy_gettext("Not finished"),
    VerificationState.ABANDONED: lazy_gettext("Not finished"),
}
KINDS: dict[EvidenceKind, tuple[LazyString, LazyString]] = {
    EvidenceKind.MATCH: (lazy_gettext("Same face"), lazy_gettext("How alike the face before the camera and the reference are.")),
    EvidenceKind.ACTIVE: (lazy_gettext("Prompts followed"), lazy_gettext("Whether the person did what was asked, in the order asked.")),
    EvidenceKind.PASSIVE: (
        lazy_gettext("Living skin"),
        lazy_gettext("Whether the pictures look like skin rather than paper or a display."),
    ),
    EvidenceKind.FLASH: (
        lazy_gettext("Answer to the colours"),
        lazy_gettext("Whether the face took on the colours that the screen showed."),
    ),
    EvidenceKind.DEPTH: (
        lazy_gettext("Depth"),
        lazy_gettext("Whether nearer parts of the face moved further than the rest when it turned."),
    ),
    EvidenceKind.SCREEN: (lazy_gettext("No display"), lazy_gettext("Whether the stripes show that a camera sees of a display.")),
    EvidenceKind.CONTINUITY: (lazy_gettext("One take of one face"), lazy_gettext("Whether it is one uncut take of one and the same face.")),
    EvidenceKind.INTEGRITY: (
        lazy_gettext("Fresh frames"),
        lazy_gettext("Whether the frames are of this session, in order and not seen before."),
    ),
    EvidenceKind.QUALITY: (lazy_gettext("Good pictures"), lazy_gettext("Whether there are enough pictures that are good to compare.")),
    EvidenceKind.NOISE: (lazy_gettext("Noise"), lazy_gettext("Whether the pictures are clear enough for the other measurements.")),
}
STATES: dict[EvidenceState, LazyString] = {
    EvidenceState.CONTRADICTED: lazy_gettext("speaks against it"),
    EvidenceState.INSUFFICIENT: lazy_gettext("not enough"),
    EvidenceState.BORDERLINE: lazy_gettext("not sure"),
    EvidenceState.PASSED: lazy_gettext("as asked"),
    EvidenceState.ABSENT: lazy_gettext("not measured"),
}
FIGURES: dict[str, LazyString] = {
    "score": lazy_gettext("Likeness to the reference"),
    "refer_from": lazy_gettext("From here on a person looks"),
    "similarity": lazy_gettext("Likeness to the reference"),
    "fmr_level": lazy_gettext("Share of strangers who would be as alike"),
    "own_population": lazy_gettext("Limits set from our own references (1 yes, 0 no)"),
    "prompts_followed": lazy_gettext("Prompts followed"),
    "blink_rise": lazy_gettext("Rise of the blink"),
    "motion": lazy_gettext("Movement of the face"),
    "correlation": lazy_gettext("Colours shown and colours seen go together"),
    "p_value": lazy_gettext("Probability that this is chance"),
    "frames": lazy_gettext("Frames"),
    "foreign_frames": lazy_gettext("Frames of another session"),
    "disordered_frames": lazy_gettext("Frames out of order"),
    "late_share": lazy_gettext("Share of late frames"),
    "ahead_of_clock": lazy_gettext("Ahead of our clock"),
    "frames_repeated_later": lazy_gettext("Frames that come again later"),
    "repeated_share": lazy_gettext("Share of frames like the one before"),
    "replayed_share": lazy_gettext("Share of frames seen in an earlier session"),
    "moire_share": lazy_gettext("Share of frames with the stripes of a display"),
    "moire_median": lazy_gettext("Stripes of a display"),
    "moire": lazy_gettext("Stripes of a display"),
    "relief": lazy_gettext("Relief of the face"),
    "pairs": lazy_gettext("Pairs of frames compared"),
    "live_median": lazy_gettext("Looks like living skin"),
    "live": lazy_gettext("Looks like living skin"),
    "noise_sigma": lazy_gettext("Noise of the camera"),
    "frames_with_face": lazy_gettext("Frames with a face"),
    "lowest_similarity": lazy_gettext("Least likeness from one frame to the next"),
    "lowest_track_share": lazy_gettext("Least share of points followed from one frame to the next"),
    "frames_with_second_face": lazy_gettext("Frames with a second face"),
    "virtual_camera": lazy_gettext("A program in place of a camera (1 yes, 0 no)"),
    "good_frames": lazy_gettext("Good frames"),
    "quality": lazy_gettext("Weakest point of the picture"),
    "yaw": lazy_gettext("Turned to the person's left (right: below zero)"),
    "pitch": lazy_gettext("Tilted"),
    "blink": lazy_gettext("Eyes closed (0 open, 1 closed)"),
    "faces": lazy_gettext("Faces in the picture"),
    "face_width": lazy_gettext("Width of the face"),
}
UNITS: dict[str, LazyString] = {
    "deg": lazy_gettext("degrees"),
    "ms": lazy_gettext("milliseconds"),
    "px": lazy_gettext("pixels"),
    "standard deviations": lazy_gettext("deviations"),
    "points": lazy_gettext("of 100"),
    "grey levels": lazy_gettext("grey levels"),
    "face widths": lazy_gettext("face widths"),
}
# why an attempt was not clear, said of the attempt; the words for the person say what to change
WHY: dict[Reason, LazyString] = {
    Reason.NO_FACE: lazy_gettext("In many frames no face was seen"),
    Reason.MOVE_CLOSER: lazy_gettext("The face was too small in the picture"),
    Reason.MOVE_BACK: lazy_gettext("The face was too close to the camera"),
    Reason.CENTRE_FACE: lazy_gettext("The face was at the edge of the picture"),
    Reason.TOO_DARK: lazy_gettext("It was too dark"),
    Reason.TOO_BRIGHT: lazy_gettext("It was too bright"),
    Reason.UNEVEN_LIGHT: lazy_gettext("One side of the face was dark"),
    Reason.BLURRED: lazy_gettext("The pictures were blurred"),
    Reason.NOISY_PICTURE: lazy_gettext("The pictures were grainy"),
    Reason.LOOK_STRAIGHT: lazy_gettext("The person did not look straight into the camera"),
    Reason.OPEN_EYES: lazy_gettext("The eyes were closed"),
    Reason.CLOSE_MOUTH: lazy_gettext("The mouth was open"),
    Reason.FACE_COVERED: lazy_gettext("Part of the face was covered"),
    Reason.BUSY_BACKGROUND: lazy_gettext("There was much behind the face"),
    Reason.HOLD_STILL: lazy_gettext("The face moved too much"),
    Reason.TURN_SLOWER: lazy_gettext("The head turned too fast"),
    Reason.TURN_FURTHER: lazy_gettext("The head did not turn far enough"),
    Reason.TOO_FEW_FRAMES: lazy_gettext("There were too few frames"),
    Reason.PROMPT_NOT_FOLLOWED: lazy_gettext("The person did not do all that was asked"),
    Reason.SESSION_EXPIRED: lazy_gettext("It took too long"),
    Reason.TWO_FACES: lazy_gettext("A second face was in the picture"),
    Reason.FACE_CHANGED: lazy_gettext("The face changed during the take"),
    Reason.REPEATED_FRAMES: lazy_gettext("The same picture came again and again"),
    Reason.CUT: lazy_gettext("The take was interrupted"),
    Reason.FLASH_NOT_ANSWERED: lazy_gettext("The face did not take on the colours of the screen"),
    Reason.FRAMES_OUT_OF_ORDER: lazy_gettext("Frames came out of order"),
    Reason.FRAMES_LATE: lazy_gettext("Many frames came late"),
    Reason.MATCH_UNSURE: lazy_gettext("The face is like the reference, but not clearly enough"),
}
_TURN = re.compile(r"turn_\d+_(\w+)")


def figure(name: str) -> str:
    """What a measured value is called; names without words stand for themselves."""
    turned = _TURN.fullmatch(name)
    if turned is not None and turned[1] in set(PromptName):
        return str(PROMPTS[PromptName(turned[1])])
    return str(FIGURES.get(name, name))


def number(value: float | None, unit: str = "") -> str:
    """A value with its unit; a dash for none."""
    if value is None:
        return "–"
    digits = "#,##0" if float(value).is_integer() and abs(value) >= 2 else ("#,##0.#" if abs(value) >= 10 else "0.###")
    if 0 < abs(value) < 0.001:
        digits = "0.#E0"
    shown = format_decimal(value, format=digits)
    return _("%(number)s %(unit)s", number=shown, unit=UNITS[unit]) if unit in UNITS else shown


def asked(value: Value) -> str:
    """What a value was held against."""
    if value.threshold is None:
        return "–"
    limit = number(value.threshold, value.unit)
    if value.limit is Limit.AT_LEAST:
        return _("at least %(value)s", value=limit)
    return _("at most %(value)s", value=limit) if value.limit is Limit.AT_MOST else _("below %(value)s", value=limit)


def fits(value: Value) -> str:
    """What that means."""
    if value.value is None:
        return _("not measured")
    if value.fits is None:
        return _("only reported")
    return _("as asked") if value.fits else _("not as asked")


def reason(one: Reason) -> str:
    """A reason in words for staff."""
    return str(WHY.get(one, STAFF_REASONS[one]))


def meaning(piece: Piece) -> str:
    """What a piece of evidence says: its state, and why where it is not as asked."""
    return " · ".join([str(STATES[piece.state]), *map(reason, piece.reasons)])


def prompt(frame: Frame) -> str:
    """What was asked when a frame was taken."""
    return str(PROMPTS[frame.prompt])


def quality(frame: Frame) -> str:
    """The weakest point of a frame's picture; empty without a face."""
    return "" if frame.worst_component is None else str(COMPONENTS.get(frame.worst_component, frame.worst_component))


def seconds(at_ms: int) -> str:
    """When a frame was taken, from the session's start."""
    return _("%(seconds)s s", seconds=format_decimal(at_ms / 1000, format="0.0"))


def outcome(attempt: Attempt) -> str:
    """What an attempt came to, and what a person made of it."""
    said = str(UNDECIDED[attempt.state] if attempt.outcome is None else OUTCOMES[attempt.outcome])
    return said if attempt.decision is None else f"{said} → {DECISIONS[attempt.decision]}"
