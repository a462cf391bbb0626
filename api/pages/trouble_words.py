"""What the camera page explains when there is no picture: what is the matter, and what to do, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _

from api.pages.words import Words


@dataclass(frozen=True)
class TroubleWords:
    """One panel of the camera page: what is the matter, and what to do about it, step by step."""

    code: str
    title: Words
    detail: Words
    steps: tuple[Words, ...]
    again: Words


_AGAIN = _("Try again")

TROUBLES: tuple[TroubleWords, ...] = (
    TroubleWords(
        "refused",
        _("The camera is not allowed yet"),
        _("The browser was told not to use the camera. This is how to allow it:"),
        (
            _("Press the small sign at the left of the address at the top of the screen (a lock or two sliders)."),
            _("Choose “Permissions” or “Website settings”, then “Camera”, then “Allow”."),
            _("Come back here and press “Try again”."),
        ),
        _AGAIN,
    ),
    TroubleWords(
        "missing",
        _("No camera was found"),
        _("This device has no camera, or it is not plugged in."),
        (
            _("If the camera has a plug, put it in. If it has a cover, slide it open."),
            _("Press “Try again”."),
            _("Or do it on a telephone with a camera, your own or a helper's."),
        ),
        _AGAIN,
    ),
    TroubleWords(
        "busy",
        _("Another app is using the camera"),
        _("Only one app at a time can use it. A video call may still be open."),
        (
            _("Close other apps, above all WeChat video calls and the camera app."),
            _("Press “Try again”."),
            _("If it stays like this, switch the phone off and on, and open this page again."),
        ),
        _AGAIN,
    ),
    TroubleWords(
        "insecure",
        _("This address is not protected"),
        _("Browsers open the camera only on protected pages. Nothing is wrong with your phone."),
        (
            _("Look at the address at the top: it must begin with https."),
            _("Open the page from the official website or message once more."),
        ),
        _AGAIN,
    ),
    TroubleWords(
        "unsupported",
        _("This browser cannot open the camera"),
        _("It is too old, or it is inside another app that does not pass the camera on."),
        (
            _("Press the three dots at the top and choose “Open in browser”."),
            _("Or open this page with the phone's own browser."),
        ),
        _AGAIN,
    ),
    TroubleWords(
        "paused",
        _("We have paused"),
        _("You left this page, or a call came in. Nothing is lost. When you are ready we begin again: it takes one minute."),
        (),
        _("Go on"),
    ),
    TroubleWords(
        "line",
        _("The line was interrupted"),
        _("The pictures do not get through. Nothing is lost."),
        (
            _("Go where the signal is better, or use Wi-Fi."),
            _("Press “Try again”."),
        ),
        _AGAIN,
    ),
    TroubleWords(
        "tries",
        _("Please wait a little"),
        _("There were several tries one after another. Take a rest; you can try again in a few minutes. A person can also do it with you."),
        (),
        _AGAIN,
    ),
    TroubleWords(
        "reference",
        _("We have no picture of you yet"),
        _("To compare, we need one picture. Have it taken once at any counter, or choose another way: both count the same."),
        (),
        _AGAIN,
    ),
    TroubleWords(
        "consent",
        _("Your agreement is missing"),
        _("We may use your face only if you have agreed. Go back and read the page on it once more."),
        (),
        _AGAIN,
    ),
    TroubleWords(
        "session",
        _("Please begin at the first page"),
        _("This page was open for a long time, so we no longer know for whom it is. Go back and give the name once more."),
        (),
        _AGAIN,
    ),
    TroubleWords(
        "counter",
        _("Please come to a counter"),
        _("Something in our records needs a person to look at it with you. Call 12333 or come to a counter."),
        (),
        _AGAIN,
    ),
    TroubleWords(
        "staff",
        _("A member of staff is signed in here"),
        _("In this browser, certify from the counter's page of the person. Or sign out first."),
        (),
        _AGAIN,
    ),
    TroubleWords(
        "service",
        _("It does not work just now"),
        _("The fault is ours, not yours. Please try again in a few minutes. Nothing is lost, and your pension is not affected."),
        (),
        _AGAIN,
    ),
)
