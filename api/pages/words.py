"""The words for every code that the service answers with, in one place. Message ids are English; the catalogue has the Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from models.repositories.signals import TRIAGE
from verify.evidence import Outcome, Reason
from verify.views import ChallengeKind, PromptName

Words: TypeAlias = LazyString | str

PROMPTS: dict[PromptName, Words] = {
    PromptName.LOOK_STRAIGHT: _("Look straight into the camera"),
    PromptName.TURN_LEFT: _("Turn your head slowly to your left"),
    PromptName.TURN_RIGHT: _("Turn your head slowly to your right"),
    PromptName.BLINK: _("Close your eyes and open them again"),
    PromptName.WATCH_COLOURS: _("Keep looking; the edge changes its colour"),
    PromptName.DONE: _("Thank you. One moment, please"),
}

# What the person can change, as said while the camera runs and again on the result page.
HINTS: dict[Reason, Words] = {
    Reason.NO_FACE: _("Bring your face into the oval"),
    Reason.MOVE_CLOSER: _("Move a little closer"),
    Reason.MOVE_BACK: _("Move back a little"),
    Reason.CENTRE_FACE: _("Bring your face to the middle"),
    Reason.TOO_DARK: _("It is too dark: switch on a light, or turn to the window"),
    Reason.TOO_BRIGHT: _("It is too bright: turn away from the strong light"),
    Reason.UNEVEN_LIGHT: _("One side is dark: turn to the window or lamp"),
    Reason.BLURRED: _("Hold the phone still, and wipe the lens"),
    Reason.NOISY_PICTURE: _("The picture is grainy: more light helps"),
    Reason.LOOK_STRAIGHT: _("Look straight into the camera"),
    Reason.OPEN_EYES: _("Open your eyes"),
    Reason.CLOSE_MOUTH: _("Close your mouth"),
    Reason.FACE_COVERED: _("Take off hat, mask or sunglasses"),
    Reason.BUSY_BACKGROUND: _("Sit before a plain wall"),
    Reason.HOLD_STILL: _("Hold still for a moment"),
    Reason.TURN_SLOWER: _("Turn your head more slowly"),
    Reason.TURN_FURTHER: _("Turn your head a little further"),
    Reason.TOO_FEW_FRAMES: _("Stay before the camera until it says “Thank you”"),
    Reason.PROMPT_NOT_FOLLOWED: _("Follow each step as it is said"),
    Reason.SESSION_EXPIRED: _("It took too long. You can begin again at once"),
    Reason.TWO_FACES: _("Only one person in the picture, please"),
    Reason.FACE_CHANGED: _("Stay in the picture from beginning to end"),
    Reason.REPEATED_FRAMES: _("The picture stood still. Close other apps that use the camera"),
    Reason.CUT: _("Stay in the picture from beginning to end"),
    Reason.FLASH_NOT_ANSWERED: _("Turn the brightness of the screen up, and sit in a less bright place"),
    Reason.FRAMES_OUT_OF_ORDER: _("The line was poor. Try where the signal is better"),
    Reason.FRAMES_LATE: _("The line was poor. Try where the signal is better"),
    Reason.MATCH_UNSURE: _("More light on your face helps; take off glasses if you can"),
}

# For the staff only: what a reference picture lacks, and why an attempt came out as it did.
STAFF_REASONS: dict[Reason, Words] = {
    **HINTS,
    Reason.PHOTOGRAPH: _("Looks like a photograph"),
    Reason.PHOTOGRAPH_MOVED: _("Looks like a photograph that is moved"),
    Reason.SCREEN: _("Looks like a screen"),
    Reason.REPLAY: _("Pictures of an earlier session"),
    Reason.WRONG_PROMPT_ORDER: _("The steps came in another order than asked"),
    Reason.FOREIGN_FRAME: _("A picture of another session"),
    Reason.VIRTUAL_CAMERA: _("The camera may be a program, not a device"),
    Reason.FACE_NOT_MATCHING: _("The face does not match the reference"),
    Reason.NO_REFERENCE: _("No reference face is enrolled"),
    Reason.EVIDENCE_NOT_MEASURED: _("Part of the evidence could not be measured"),
    Reason.TRIES_USED_UP: _("The tries are used up"),
    Reason.GENTLE_NEEDS_PERSON: _("The gentle way always needs a person to look"),
}

COMPONENTS: dict[str, Words] = {
    "sharpness": _("Sharpness"),
    "under_exposure_prevention": _("Not too dark"),
    "over_exposure_prevention": _("Not too bright"),
    "illumination_uniformity": _("Even light"),
    "background_uniformity": _("Plain background"),
    "inter_eye_distance": _("Size of the face"),
    "head_pose_yaw": _("Not turned sideways"),
    "head_pose_pitch": _("Not tilted up or down"),
    "head_pose_roll": _("Not leaning"),
    "eyes_open": _("Eyes open"),
    "mouth_closed": _("Mouth closed"),
    "face_occlusion_prevention": _("Face not covered"),
}


@dataclass(frozen=True)
class PageWords:
    """Heading, text and look of one outcome. tone: good, care or plain; icon: a symbol of the icon file."""

    title: Words
    detail: Words
    tone: str
    icon: str


RESULTS: dict[Outcome, PageWords] = {
    Outcome.CERTIFIED: PageWords(_("Done: your pension is confirmed"), _("You need not do anything more."), "good", "done"),
    Outcome.RETRY: PageWords(
        _("Almost there: please try once more"),
        _("Nothing is lost, and your pension is not affected. Changing this will help:"),
        "care",
        "again",
    ),
    Outcome.REFER: PageWords(
        _("A person will look at it"),
        _("A member of our staff looks at it, and we send you a message. Your pension goes on."),
        "plain",
        "person",
    ),
    Outcome.REFUSED: PageWords(
        _("We could not confirm this time"),
        _("This does not affect your pension. A person can look at it with you: choose what suits you."),
        "plain",
        "ask",
    ),
}

UNFINISHED = PageWords(
    _("It was not finished"), _("Nothing is lost, and your pension is not affected. You can begin again at any time."), "care", "again"
)

DECIDING = PageWords(_("One moment, please"), _("The result is being worked out. This page looks again by itself."), "plain", "clock")

# The third time a person is offered before another try.
RETRY_WITH_PERSON = PageWords(
    _("Let a person help"), _("The camera and the light do not agree today. That happens. Choose what suits you:"), "plain", "person"
)

STANDINGS: dict[str, PageWords] = {
    "certified": PageWords(_("All is well: you are confirmed"), _("You need not do anything now."), "good", "done"),
    "due_soon": PageWords(
        _("Please confirm again soon"), _("You are still confirmed. Please do it before the date below."), "care", "calendar"
    ),
    "overdue": PageWords(
        _("Please confirm now"), _("The date has passed. Confirm by camera or another way, and all is well again."), "care", "calendar"
    ),
    "never_certified": PageWords(_("Not confirmed yet"), _("You can confirm now by camera, or another way."), "care", "calendar"),
    "paused": PageWords(
        _("The payment is paused"), _("Please call 12333 or come to a counter: a person puts it right with you."), "plain", "person"
    ),
    "deceased": PageWords(
        _("Please come to a counter"),
        _("Something in our records needs a person to look at it with you. Call 12333 or come to a counter."),
        "plain",
        "person",
    ),
}

# The same for the staff, who look at somebody else's status.
STAFF_STANDINGS: dict[str, Words] = {
    "certified": _("Certified"),
    "due_soon": _("Certified, due soon"),
    "overdue": _("Overdue"),
    "never_certified": _("Never certified"),
    "paused": _("Payment paused"),
    "deceased": _("A death record stands against this person"),
}

CHECKS: dict[str, PageWords] = {
    "valid": PageWords(_("This certificate is valid"), _("It was issued by this office and has not expired."), "good", "done"),
    "expired": PageWords(
        _("This certificate has expired"),
        _("It was issued by this office. The person can be certified again at any time."),
        "care",
        "clock",
    ),
    "revoked": PageWords(_("This certificate is no longer valid"), _("This office has withdrawn it."), "plain", "ask"),
    "unknown": PageWords(
        _("No such certificate"), _("This code is not in our register. Check that it was read completely."), "plain", "ask"
    ),
    "forged": PageWords(
        _("This is not our certificate"),
        _("The code does not carry our signature. It may be damaged or forged: call 12333."),
        "plain",
        "ask",
    ),
}


ERRORS: dict[int, PageWords] = {
    400: PageWords(
        _("Please begin again"),
        _("The page was open for too long, or was sent incompletely. Begin once more at the first page."),
        "care",
        "again",
    ),
    403: PageWords(
        _("This page is not for this account"), _("Sign in with another account, or ask a colleague who may open it."), "care", "ask"
    ),
    404: PageWords(_("This page does not exist"), _("The address may be mistyped, or the page has moved."), "care", "ask"),
    405: PageWords(_("Please begin again"), _("This page cannot be opened directly. Begin once more at the first page."), "care", "again"),
    413: PageWords(_("The picture is too large"), _("Choose a smaller one, or take a new picture with the camera."), "care", "ask"),
    429: PageWords(
        _("Please wait a little"),
        _("There were many tries in a short time. Nothing is lost: wait, then go on where you were."),
        "care",
        "clock",
    ),
    500: PageWords(_("It does not work just now"), _("The fault is ours, not yours. Please try again in a few minutes."), "care", "ask"),
    503: PageWords(
        _("We will be back in a moment"),
        _("The service is busy or being looked after. Please try again in a few minutes."),
        "care",
        "clock",
    ),
}


def camera_words() -> dict[str, object]:
    """What the camera page's script says, in the language of the request."""
    return {
        "prompts": {prompt.value: str(words) for prompt, words in PROMPTS.items()},
        "hints": {reason.value: str(words) for reason, words in HINTS.items()},
        "opening": str(_("The camera is opening. If the phone asks, press “Allow”")),
        "line_lost": str(_("The line is interrupted. We keep trying; please wait")),
        "soon_over": str(_("Half a minute is left. You can begin again at any time")),
    }


def advice_of(reasons: tuple[Reason, ...], kind: ChallengeKind, *, at_most: int = 3) -> list[str]:
    """What to change, most useful first, each once. Reasons that nobody can act on are left out."""
    lines: list[str] = []
    for reason in reasons:
        words = str(HINTS.get(reason, ""))
        if words and words not in lines:
            lines.append(words)
    if not lines:
        lines = [str(HINTS[Reason.HOLD_STILL])] if kind is ChallengeKind.GENTLE else [str(HINTS[Reason.PROMPT_NOT_FOLLOWED])]
    return lines[:at_most]


def account(actor: str) -> str:
    """Name of the account behind an actor of the records: "li" of "staff:li"; the service itself in words; others as recorded."""
    if actor == TRIAGE:
        return gettext("detection")
    if actor == "system":
        return gettext("the system")
    if actor == "person":
        return gettext("the person")
    if actor.startswith("job:"):
        return gettext("background job %(name)s", name=actor.removeprefix("job:"))
    return actor.removeprefix("staff:")
