"""Every code that an API error can carry, with its status, its title and what the caller can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from verify.errors import CaptureProblem


@dataclass(frozen=True)
class Kind:
    """One kind of problem. status: HTTP. remedy: what to do, for the page at the problem's type address."""

    status: int
    title: str
    remedy: str


CATALOGUE: dict[str, Kind] = {
    # the request itself
    "bad_request": Kind(400, "The request cannot be read", "Compare the request with /openapi.json."),
    "malformed_json": Kind(400, "The body is not JSON", "Send one JSON object in UTF-8."),
    "csrf_failed": Kind(
        400, "The page's token is missing or wrong", "Reload the page; programs use Authentication-Token instead of a cookie."
    ),
    "idempotency_key_malformed": Kind(400, "The Idempotency-Key is not usable", "Send 1 to 255 visible ASCII characters, quoted or not."),
    "method_not_allowed": Kind(405, "This address does not take that method", "See the header Allow."),
    "not_acceptable": Kind(406, "No such representation", "Accept application/json."),
    "too_large": Kind(413, "The body is too large", "Send a smaller picture; the limit is in the policy."),
    "unsupported_media_type": Kind(
        415, "The body's type is not taken here", "JSON doors take application/json, picture doors JPEG, PNG or WebP."
    ),
    "validation_failed": Kind(422, "Some fields break a rule", "Mend the fields listed in errors."),
    "idempotency_key_reused": Kind(422, "The Idempotency-Key was used for another request", "Use a fresh key for a new request."),
    "idempotency_key_in_use": Kind(
        409, "The first request with this Idempotency-Key is still running", "Wait, then send the same request again."
    ),
    # who asks
    "authentication_required": Kind(
        401, "Sign in first", "Staff: sign in or send Authentication-Token. Pensioners: start at the first page."
    ),
    "session_token_required": Kind(
        401, "The session's token is missing", "Send the token that the start answered with in the header Lifecert-Session."
    ),
    "not_permitted": Kind(403, "Your role does not allow this", "Ask somebody with the role, or your administrator."),
    "sign_in_too_old": Kind(403, "This needs a fresh sign-in", "Sign in again, or get a new Authentication-Token, and send it once more."),
    "channel_not_allowed": Kind(403, "Not through this channel", "Pensioners: self or helper. Staff: counter."),
    # what is asked for
    "not_found": Kind(
        404, "There is no such thing here", "Check the address; people of another region look like people who are not there."
    ),
    "person_unknown": Kind(404, "There is no such person here", "Check name and resident ID against the card."),
    "institution_unknown": Kind(
        404, "There is no such institution here", "Check its code; a client screens claims of institutions in its own region."
    ),
    "verification_unknown": Kind(404, "There is no such verification for this token", "Start a new one."),
    "certificate_unknown": Kind(404, "There is no such certificate", "Check the number."),
    "reference_unknown": Kind(404, "No reference face is enrolled", "Enrol one at the counter."),
    "consent_unknown": Kind(404, "No consent is in force", "There is nothing to withdraw."),
    "assistance_unknown": Kind(404, "No such request is shared with you", "Check the id; only the installations of both regions see it."),
    "peer_unknown": Kind(
        404, "You are not an installation that is known here", "Ask the operator to register your client with its regions."
    ),
    "webhook_unknown": Kind(404, "There is no such webhook", "List the webhooks of this client."),
    "import_unknown": Kind(404, "There is no such import of this client", "Check the id that the answer to the file gave."),
    "alert_unknown": Kind(404, "There is no such alert here", "Read the list of alerts; those of other regions look like none."),
    "problem_unknown": Kind(404, "There is no such kind of problem", "See docs/api.md."),
    "gone": Kind(410, "This is no longer here", "Start again."),
    # the course of things
    "conflict": Kind(409, "Something else was faster", "Read the present state and decide again."),
    "webhooks_used_up": Kind(409, "The client has as many webhooks as it may have", "Delete one that is no longer needed."),
    "verification_open": Kind(409, "Another verification of this person is open", "Finish it, abandon it, or wait until it expires."),
    "verification_state": Kind(409, "The verification moved on meanwhile", "Read its state."),
    "active_reference_exists": Kind(409, "A reference face was enrolled meanwhile", "Read the active one and decide again."),
    "person_deceased": Kind(
        409, "A death record stands in the way", "Come to the counter: people look into it, nothing is decided by this."
    ),
    "consent_missing": Kind(
        409, "Face recognition needs a consent that is in force", "Give consent first, or use another way: counter or home visit."
    ),
    "reference_missing": Kind(409, "No reference face is enrolled", "Enrol one at the counter, or use another way."),
    "verification_closed": Kind(409, "The verification takes no more frames", "Read its state; start a new one if it was not decided."),
    "frame_duplicate": Kind(409, "This sequence number was used for another picture", "Count on."),
    "too_many_frames": Kind(409, "The verification has as many frames as policy allows", "Call finish."),
    "reference_rejected": Kind(422, "The picture is not good enough for a reference", "Mend what errors lists and take another picture."),
    "file_unusable": Kind(422, "The file as a whole cannot be used", "Mend what detail says and send it again."),
    "picture_unusable": Kind(422, "The body is not one acceptable still picture", "Send one whole JPEG, PNG or WebP of the allowed size."),
    "check_reference_reused": Kind(
        409, "This reference was used for another identity check", "Give each check a number of its own; repeat a check with the same body."
    ),
    "assistance_state": Kind(409, "The request was taken on meanwhile", "Read its present state, or send the same document again."),
    "tries_used_up": Kind(429, "Too many tries", "Wait for Retry-After seconds, or use another way: counter, video call or home visit."),
    "too_many_requests": Kind(429, "Too many requests", "Wait for Retry-After seconds."),
    # ours
    "internal_error": Kind(500, "Something went wrong here", "Report the request id."),
    "privacy_refused": Kind(409, "Not possible for this request about personal information", "Read the detail: it says what is lacking."),
    "unavailable": Kind(503, "Not available just now", "Try again after Retry-After seconds."),
}

_BY_STATUS = {
    400: "bad_request",
    401: "authentication_required",
    403: "not_permitted",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "too_many_requests",
    503: "unavailable",
}

_BY_CAPTURE = {
    CaptureProblem.TOO_MANY_BYTES: "too_large",
    CaptureProblem.UNSUPPORTED_TYPE: "unsupported_media_type",
}


def kind_of_status(status: int) -> str:
    """Code for an error that only has a status: the general one of its status."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "bad_request" if status < 500 else "internal_error"


def kind_of_capture(problem: CaptureProblem) -> str:
    """Code for bytes that did not become a frame."""
    return _BY_CAPTURE.get(problem, "picture_unusable")
