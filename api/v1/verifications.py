"""Verifications: start, frames, state, finish, abandon."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from api import limits
from api.callers import Caller
from api.context import current
from api.device_class import device_class
from api.limits import Limited, client_address
from api.problems import Problem
from api.rights import Right
from api.v1 import examples
from api.v1.door import Door, Picture, blueprint, door
from api.v1.schemas import FrameAnswered, FrameQuery, StartedAnswer, StartRequest, VerificationAnswer
from verify.views import Channel, FrameAnswer, VerificationView

FRAMES_SHARE = 30  # frames that a worker takes from the limit together: the store is asked every few seconds, not at every frame


@blueprint.post("/verifications")
@door(
    Door(
        summary="Start a verification",
        right=Right.START_VERIFICATION,
        body=StartRequest,
        body_example=examples.START,
        answer=StartedAnswer,
        example=examples.STARTED,
        status=201,
        idempotent=True,
        problems=(
            "channel_not_allowed",
            "person_unknown",
            "person_deceased",
            "consent_missing",
            "reference_missing",
            "verification_open",
            "tries_used_up",
            "too_many_requests",
        ),
    )
)
def start_verification(caller: Caller, body: StartRequest) -> tuple[Any, int, dict[str, str]]:
    """Start a verification

    Draws a random challenge. The answer holds the session's token, once: it goes into the header Lifecert-Session of every later call.
    """
    if caller.beside is not None and body.channel in (Channel.SELF, Channel.HELPER):
        caller = caller.beside  # the pensioner's page speaks, in a browser that staff are signed in with too
    person = caller.reach(body.person_id)
    channel = _channel(caller, body.channel)
    if not caller.is_staff:
        limits.check(Limited.VERIFICATIONS_FROM_ADDRESS, client_address())
    limits.check(Limited.VERIFICATIONS_OF_PERSON, person.person_id)
    started = current().verification.start(
        person.person_id,
        kind=body.kind,
        channel=channel,
        camera_label=body.camera_label,
        device=device_class(request.user_agent.string),
        actor=caller.actor,
    )
    return started, 201, {"Location": url_for("v1.read_verification", verification_id=started.verification_id)}


def _channel(caller: Caller, asked: Channel | None) -> Channel:
    """Staff stand at the counter; pensioners use their own or a helper's device."""
    if asked is None:
        return Channel.COUNTER if caller.is_staff else Channel.SELF
    if caller.is_staff != (asked is Channel.COUNTER):
        raise Problem("channel_not_allowed", f"The channel {asked.value} is not yours.")
    return asked


@blueprint.post("/verifications/<public_id:verification_id>/frames")
@door(
    Door(
        summary="Send one frame",
        session_token=True,
        query=FrameQuery,
        picture=Picture.FRAME,
        answer=FrameAnswered,
        example=examples.FRAME,
        problems=("verification_closed", "frame_duplicate", "too_many_frames", "too_many_requests"),
    )
)
def add_frame(verification_id: str, token: str, query: FrameQuery, data: bytes) -> FrameAnswer:
    """Send one frame

    The body is the picture. The same seq with the same bytes gets the same answer, so a frame may be sent again. No picture is kept
    unless policy keeps those of referred sessions, sealed.
    """
    service = current().verification
    service.require(verification_id, token)  # what nobody started takes no place among the limits
    limits.check(Limited.FRAMES_OF_VERIFICATION, verification_id, share=FRAMES_SHARE)
    return service.add_frame(verification_id, token, seq=query.seq, captured_at_ms=query.captured_at_ms, step_token=query.step, data=data)


@blueprint.get("/verifications/<public_id:verification_id>")
@door(Door(summary="Read the state", session_token=True, answer=VerificationAnswer, example=examples.VERIFICATION))
def read_verification(verification_id: str, token: str) -> VerificationView:
    """Read the state"""
    return current().verification.state(verification_id, token)


@blueprint.post("/verifications/<public_id:verification_id>/finish")
@door(
    Door(
        summary="Finish and decide",
        session_token=True,
        answer=VerificationAnswer,
        example=examples.VERIFICATION,
        problems=("verification_closed", "verification_state"),
    )
)
def finish_verification(verification_id: str, token: str) -> VerificationView:
    """Finish and decide

    Puts all evidence together and decides, once: every later call gets the same answer.
    """
    return current().verification.finish(verification_id, token)


@blueprint.post("/verifications/<public_id:verification_id>/abandon")
@door(Door(summary="Abandon", session_token=True, problems=("verification_closed",)))
def abandon_verification(verification_id: str, token: str) -> Response:
    """Abandon

    Ends the session without a decision. Nothing is held against the person.
    """
    current().verification.abandon(verification_id, token)
    return Response(status=204)
