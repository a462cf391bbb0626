"""A real person's head turn as pictures that are ready to be sent: 20 cameras must not take the processor from the service.

Each picture is encoded once for each size and quality that the camera page may ask for, in a few takes with noise of their own. What is
sent gets a comment of its own in its header, so that no two pictures are the same bytes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fire.pace import LEVELS
from verify.attack_media import camera, lit_by_screen
from verify.attack_session import Cue, LivePerson, PosedFrame, TurnClip
from verify.policy import VerificationPolicy

TAKES = 6
SIGMA = 1.5  # like a phone's sensor in good light
LIGHT = 0.12  # of a screen on a face, as in the simulated attacks
LIT_POSES = 3  # nearest to straight: that is how a person looks at colours
WIDTH, HEIGHT = 640, 480


def write_film(clip: TurnClip, policy: VerificationPolicy, folder: Path, *, seed: int = 1) -> Path:
    """Encode every picture of the clip, straight ones also in each colour of the screen. Returns the folder."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    straight = sorted(range(len(clip.frames)), key=lambda index: abs(clip.frames[index].yaw_deg))[:LIT_POSES]
    for index, frame in enumerate(clip.frames):
        lights = {"": frame.image}
        if index in straight:
            lights |= {name: lit_by_screen(frame.image, frame.box, rgb, LIGHT) for name, rgb in policy.flash.colours.items()}
        for name, image in lights.items():
            for take in range(TAKES):
                shot = camera(image, rng, SIGMA)
                for level, setting in enumerate(LEVELS):
                    scale = setting.side_px / WIDTH
                    sized = shot if scale == 1 else cv2.resize(shot, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                    done = cv2.imencode(".jpg", sized, [cv2.IMWRITE_JPEG_QUALITY, round(setting.quality * 100)])[1]
                    (folder / _name(index, name, level, take)).write_bytes(done.tobytes())
    facts = {"yaws": [frame.yaw_deg for frame in clip.frames], "sweeps": [list(sweep) for sweep in clip.sweeps], "straight": straight}
    (folder / "film.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def _name(index: int, colour: str, level: int, take: int) -> str:
    return f"{index}-{colour}-{level}-{take}.jpg"


@dataclass(frozen=True)
class Film:
    """The pictures in memory. clip: its poses; the image of each is its number. straight: poses that there are in colours too."""

    pictures: dict[str, bytes]
    clip: TurnClip
    straight: frozenset[int]


def read_film(folder: Path) -> Film:
    """What ``write_film`` wrote."""
    facts = json.loads((folder / "film.json").read_text(encoding="utf-8"))
    frames = tuple(PosedFrame(np.array([index]), yaw, np.zeros(4)) for index, yaw in enumerate(facts["yaws"]))
    pictures = {path.name: path.read_bytes() for path in folder.glob("*.jpg")}
    return Film(pictures, TurnClip(frames, tuple(tuple(sweep) for sweep in facts["sweeps"])), frozenset(facts["straight"]))


class FilmedPerson:
    """Follows the prompts as the person of the clip did, one picture of the film after the other."""

    def __init__(self, film: Film, policy: VerificationPolicy, seed: int) -> None:
        self._film, self._rng = film, random.Random(seed)
        sweep = self._rng.randrange(len(film.clip.sweeps))
        self._person = LivePerson(film.clip, np.random.default_rng(seed), policy, sweep=sweep)
        self._take = 0

    def picture(self, cue: Cue, level: int) -> bytes:
        """The next picture, at one of the camera page's levels."""
        index = int(self._person.image(replace(cue, colour=None))[0])
        self._take = self._rng.choice([take for take in range(TAKES) if take != self._take])
        colour = cue.colour if cue.colour and index in self._film.straight else ""
        return own_bytes(self._film.pictures[_name(index, colour, level, self._take)], self._rng)


def own_bytes(jpeg: bytes, rng: random.Random) -> bytes:
    """The same JPEG with a comment in its header that no other has."""
    return jpeg[:2] + b"\xff\xfe\x00\x12" + rng.randbytes(16) + jpeg[2:]
