"""The recording harness: prompted sessions of people who agreed, as an attempts.csv that ``lifecert evaluate liveness`` reads."""

from __future__ import annotations

from flask import abort, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.forms import HarnessForm
from api.pages.recordings import Recorder, RecordingRefused
from api.pages.staff_only import staff_needed
from api.pages.trouble_words import TROUBLES
from api.pages.words import PROMPTS
from api.rights import Right
from verify.views import PromptName

# What is asked for, with seconds: the same prompts as a verification, always in this order, so that recordings can be compared.
SCRIPT: tuple[tuple[PromptName, float], ...] = (
    (PromptName.LOOK_STRAIGHT, 4.0),
    (PromptName.TURN_LEFT, 4.0),
    (PromptName.LOOK_STRAIGHT, 3.0),
    (PromptName.TURN_RIGHT, 4.0),
    (PromptName.LOOK_STRAIGHT, 3.0),
    (PromptName.BLINK, 4.0),
)


@counter_pages.app_context_processor
def _harness() -> dict[str, object]:
    return {"harness_on": current().settings.recording_dir is not None}


def _recorder() -> Recorder:
    folder = current().settings.recording_dir
    if folder is None:
        abort(404)
    return Recorder(folder, current().keyring.derive("recordings"))


@counter_pages.get("/harness")
@staff_needed(Right.ENROL_REFERENCE)
def harness(_caller: Caller) -> ResponseReturnValue:
    """Record one prompted session."""
    _recorder()
    script = [{"prompt": prompt.value, "words": str(PROMPTS[prompt]), "seconds": seconds} for prompt, seconds in SCRIPT]
    start_url = url_for("counter.harness_start")
    cameras = [trouble for trouble in TROUBLES if trouble.code in {"refused", "missing", "busy", "insecure", "unsupported", "service"}]
    return render_template("counter/harness.html", form=HarnessForm(), script=script, troubles=cameras, start_url=start_url)


@counter_pages.post("/harness/attempts")
@staff_needed(Right.ENROL_REFERENCE)
def harness_start(caller: Caller) -> ResponseReturnValue:
    """Open an attempt: label, species and consent are part of it."""
    recorder = _recorder()
    form = HarnessForm()
    if not form.validate():
        return jsonify(code="validation_failed", fields=sorted(form.errors)), 422
    try:
        token = recorder.start(label=form.label.data, species=form.species.data or "", actor=caller.actor, at=current().clock())
    except RecordingRefused as refused:
        return jsonify(code="validation_failed", fields=[refused.field]), 422
    return jsonify(frames_url=url_for("counter.harness_frame", token=token)), 201


@counter_pages.post("/harness/attempts/<token>/frames")
@staff_needed(Right.ENROL_REFERENCE)
def harness_frame(_caller: Caller, token: str) -> ResponseReturnValue:
    """Add one frame."""
    recorder = _recorder()
    try:
        at_ms, step = int(request.args.get("at_ms", "")), int(request.args.get("step", ""))
        prompt = SCRIPT[step][0] if step >= 0 else None
    except (ValueError, IndexError):
        abort(400)
    if prompt is None:
        abort(400)
    limits = current().policy.verification.capture.frame
    try:
        recorder.add(token, request.get_data(cache=False), at_ms=at_ms, step=step, prompt=prompt, limits=limits)
    except RecordingRefused as refused:
        return jsonify(code="validation_failed", fields=[refused.field]), 422
    return "", 204
