"""Random prompts that an attacker cannot know beforehand, and how far a session has followed them.

A standard challenge is: look straight, then two or three turns in random order with both sides among them, each ended by looking
straight again, then a random sequence of screen colours. The gentle one, for people who cannot turn their head, asks for blinks
after pauses of random length instead. Steps 0 .. P-1 are the prompts, steps P .. P+F-1 the colours, step P+F means done.

``progress`` is a pure function of the observations so far, so that any worker can go on with a session.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from verify.evidence import Reason
from verify.observation import Observation
from verify.pad.turning import PromptJudge, PromptState
from verify.policy import ChallengePolicy, FlashPolicy, VerificationPolicy
from verify.views import ChallengeKind, PromptName


@dataclass(frozen=True)
class Prompt:
    """One thing to do. hold_ms: how long a look_straight has to be held (a blink's random pause); 0 elsewhere."""

    name: PromptName
    hold_ms: int = 0


@dataclass(frozen=True)
class Challenge:
    """What one session asks for. colours are names of ``verification.flash.colours``. Times are aware UTC."""

    kind: ChallengeKind
    prompts: tuple[Prompt, ...]
    colours: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime

    @property
    def steps_total(self) -> int:
        """Number of steps; the step of this number means done."""
        return len(self.prompts) + len(self.colours)

    def prompt_at(self, step: int) -> Prompt:
        """The prompt of a step. Raises IndexError below 0."""
        if step < 0:
            raise IndexError(f"a step is not negative, got {step}")
        if step < len(self.prompts):
            return self.prompts[step]
        return Prompt(PromptName.WATCH_COLOURS if step < self.steps_total else PromptName.DONE)

    def colour_at(self, step: int) -> str | None:
        """Name of the colour of a step, None while a prompt is on show or all is done."""
        index = step - len(self.prompts)
        return self.colours[index] if 0 <= index < len(self.colours) else None

    def expired(self, now: datetime) -> bool:
        """True from the moment of expiry on."""
        return now >= self.expires_at

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return {
            "kind": self.kind.value,
            "prompts": [{"name": prompt.name.value, "hold_ms": prompt.hold_ms} for prompt in self.prompts],
            "colours": list(self.colours),
            "issued_at": self.issued_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Challenge:
        """Inverse of ``to_json``. Raises KeyError or ValueError on anything else."""
        return cls(
            kind=ChallengeKind(values["kind"]),
            prompts=tuple(Prompt(PromptName(prompt["name"]), int(prompt["hold_ms"])) for prompt in values["prompts"]),
            colours=tuple(values["colours"]),
            issued_at=datetime.fromisoformat(values["issued_at"]),
            expires_at=datetime.fromisoformat(values["expires_at"]),
        )


@dataclass(frozen=True)
class Progress:
    """Where a session stands.

    step: the step on show now; prompt and colour: what it shows. steps_done of steps_total; fraction in [0, 1] counts a step half
    done as half. hints: what would help now, most useful first. failed: why this attempt cannot succeed any more, or None.
    judged: state of every prompt seen so far, by step.
    """

    step: int
    satisfied: bool
    prompt: PromptName
    colour: str | None
    fraction: float
    hints: tuple[Reason, ...]
    failed: Reason | None
    judged: tuple[PromptState, ...]


def draw_challenge(
    rng: random.Random, policy: VerificationPolicy, kind: ChallengeKind = ChallengeKind.STANDARD, *, now: datetime
) -> Challenge:
    """Draw a challenge. rng: ``random.SystemRandom`` in production, a seeded ``random.Random`` in tests. now: aware UTC."""
    if now.tzinfo is None:
        raise ValueError("now must be aware, in UTC")
    rules = policy.challenge
    prompts = _gentle_prompts(rng, rules) if kind is ChallengeKind.GENTLE else _turn_prompts(rng, rules)
    return Challenge(kind, prompts, _colours(rng, policy.flash), now, now + timedelta(seconds=rules.ttl_s))


def _turn_prompts(rng: random.Random, rules: ChallengePolicy) -> tuple[Prompt, ...]:
    count = rng.randint(rules.turns_min, rules.turns_max)
    sides = (PromptName.TURN_LEFT, PromptName.TURN_RIGHT)
    while True:  # every sequence with both sides is equally likely
        turns = [rng.choice(sides) for _ in range(count)]
        if len(set(turns)) == 2:
            return (Prompt(PromptName.LOOK_STRAIGHT), *(Prompt(turn) for turn in turns))


def _gentle_prompts(rng: random.Random, rules: ChallengePolicy) -> tuple[Prompt, ...]:
    prompts: list[Prompt] = []
    for _ in range(rng.randint(rules.gentle_blinks_min, rules.gentle_blinks_max)):
        pause_ms = rng.randint(rules.gentle_pause_ms_min, rules.gentle_pause_ms_max)
        prompts += [Prompt(PromptName.LOOK_STRAIGHT, pause_ms), Prompt(PromptName.BLINK)]
    return tuple(prompts)


def _colours(rng: random.Random, rules: FlashPolicy) -> tuple[str, ...]:
    """A random sequence in which no colour follows itself: only a change can be measured."""
    if not rules.shown:
        return ()
    names = sorted(rules.colours)
    sequence: list[str] = []
    for _ in range(rules.changes):
        sequence.append(rng.choice([name for name in names if not sequence or name != sequence[-1]]))
    return tuple(sequence)


def progress(challenge: Challenge, observations: Sequence[Observation], policy: VerificationPolicy) -> Progress:
    """How far the observations (in order of seq) have followed the challenge.

    A frame counts for the step that was on show when it was taken; frames of an earlier step that were still on their way when it
    was satisfied are not counted. A frame of a later step than the one reached is not counted either (``pad.integrity`` flags it).
    """
    judge = PromptJudge(policy)
    step = 0
    started_ms: int | None = None
    colour_frames: list[Observation] = []
    failed: Reason | None = None
    for observation in observations:
        if step >= challenge.steps_total or failed is not None:
            break
        judge.see(observation)
        if observation.step != step:
            continue
        if started_ms is None:
            started_ms = observation.captured_at_ms
            if step < len(challenge.prompts):
                judge.begin(challenge.prompt_at(step).name, challenge.prompt_at(step).hold_ms, started_ms)
        if step < len(challenge.prompts):
            done = judge.feed(observation)
            failed = judge.failure
            limit_ms = policy.active.prompt_limit_ms + challenge.prompt_at(step).hold_ms
        else:
            if observation.box is not None and observation.colour == challenge.colour_at(step):
                colour_frames.append(observation)
            done = _colour_seen(colour_frames, policy.flash)
            limit_ms = policy.flash.limit_ms
        if not done and failed is None and observation.captured_at_ms - started_ms > limit_ms:
            failed = Reason.PROMPT_NOT_FOLLOWED
        if done and failed is None:
            if step < len(challenge.prompts):
                judge.finish()
            step, started_ms, colour_frames = step + 1, None, []
    within = judge.fraction if step < len(challenge.prompts) and started_ms is not None else 0.0
    return Progress(
        step=step,
        satisfied=step >= challenge.steps_total,
        prompt=challenge.prompt_at(step).name,
        colour=challenge.colour_at(step),
        fraction=min(1.0, (step + within) / challenge.steps_total) if step < challenge.steps_total else 1.0,
        hints=judge.hints if step < len(challenge.prompts) and started_ms is not None else (),
        failed=failed,
        judged=judge.states,
    )


def _colour_seen(frames: list[Observation], rules: FlashPolicy) -> bool:
    if len(frames) < rules.frames_per_colour:
        return False
    return frames[-1].captured_at_ms - frames[0].captured_at_ms >= rules.hold_ms
