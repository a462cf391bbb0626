"""Liveness figures from files: the table, the classification, the figures, and real clips through the real engine."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT, embedding, frame, play
from tests.verify.real_data import data_file, engine
from verify.attack_media import Display, camera, on_display
from verify.attack_session import challenge_of, jpeg
from verify.evaluation_liveness import AttemptResult, Classification, _figures, classify, parse_evidence, run_evaluate
from verify.evaluation_media import AttemptWriter, MediaAttempt, challenge_for, read_attempts
from verify.evidence import EvidenceKind, Reason
from verify.observation import Observation
from verify.tables import TableError

HEADER = "attempt,file,at_ms,label,species\n"


def table(folder: Path, text: str) -> Path:
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(jpeg(np.zeros((20, 20, 3), np.uint8)))
    (folder / "v.mp4").write_bytes(b"no video")
    path = folder / "attempts.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("x,a.jpg,0,live,\n", "row 2: label is 'live'"),
        ("x,a.jpg,0,attack,\n", "row 2: species is empty"),
        ("x,a.jpg,soon,bona_fide,\n", "row 2: at_ms is 'soon'"),
        ("x,a.jpg,nan,bona_fide,\n", "row 2: at_ms is 'nan'"),
        ("x,a.jpg,-5,bona_fide,\n", "row 2: at_ms is '-5'"),
        (",a.jpg,0,bona_fide,\n", "row 2: attempt is empty"),
        ("x,a.jpg,0,bona_fide,\nx,c.jpg,9,bona_fide,\n", "row 3: file 'c.jpg' is not a file"),
        ("x,a.jpg,9,bona_fide,\nx,b.jpg,0,bona_fide,\n", "row 3: at_ms 0 is before row 2"),
        ("x,a.jpg,0,bona_fide,\nx,b.jpg,9,attack,print\n", "row 3: label differs from row 2"),
        ("x,a.jpg,0,attack,print\nx,b.jpg,9,attack,screen\n", "row 3: species differs from row 2"),
        ("x,a.jpg,0,bona_fide,\nx,v.mp4,9,bona_fide,\n", "row 3: a video must be the only row"),
    ],
)
def test_a_mistake_in_the_table_is_named_by_its_row(tmp_path: Path, rows: str, expected: str) -> None:
    with pytest.raises(TableError, match=expected):
        read_attempts(table(tmp_path, HEADER + rows), tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="species"):
        read_attempts(table(tmp_path, "attempt,file,at_ms,label\nx,a.jpg,0,bona_fide\n"), tmp_path)


def test_a_prompt_that_does_not_exist_and_a_step_that_is_missing_are_named(tmp_path: Path) -> None:
    header = "attempt,file,at_ms,label,species,step,prompt,colour\n"
    with pytest.raises(TableError, match=r"row 2: prompt is 'jump'.*row 3: step is ''"):
        read_attempts(table(tmp_path, f"{header}x,a.jpg,0,bona_fide,,0,jump,\nx,b.jpg,1,bona_fide,,,turn_left,\n"), tmp_path)


def test_a_video_that_is_none_is_named_by_its_row(tmp_path: Path) -> None:
    attempts = read_attempts(table(tmp_path, HEADER + "x,v.mp4,,bona_fide,\n"), tmp_path)
    with pytest.raises(TableError, match=r"row 2: v\.mp4"):
        list(attempts[0].frames(10))


def test_evidence_that_does_not_exist_is_named() -> None:
    assert parse_evidence(None) is None
    assert parse_evidence(["passive", "depth", "passive"]) == (EvidenceKind.PASSIVE, EvidenceKind.DEPTH)
    for names in (["aura"], ["match"], []):
        with pytest.raises(TableError, match="--evidence"):
            parse_evidence(names)


def attempt(label: str = "bona_fide", species: str = "") -> MediaAttempt:
    return MediaAttempt("x", label, species, (), Path())


def classified(observations: list[Observation], *kinds: EvidenceKind) -> AttemptResult:
    return classify(attempt(), observations, POLICY, kinds or None)


@pytest.mark.parametrize(
    ("observations", "classification"),
    [
        ([frame(i) for i in range(5)], Classification.BONA_FIDE),
        ([frame(i, passive=0.1) for i in range(8)], Classification.ATTACK),
        ([frame(i, moire=50.0) for i in range(8)], Classification.ATTACK),
        ([frame(i, embedding=embedding(i // 4, seed=i)) for i in range(8)], Classification.ATTACK),
        ([replace(frame(0), seq=i) for i in range(8)], Classification.ATTACK),
        ([frame(i, noise_sigma=9.0, passive=0.1) for i in range(8)], Classification.NON_RESPONSE),
        ([frame(i) for i in range(3)], Classification.NON_RESPONSE),
        ([frame(i, box=None, passive=None, embedding=None, moire=None, noise_sigma=None) for i in range(8)], Classification.NON_RESPONSE),
        ([], Classification.NON_RESPONSE),
    ],
)
def test_attempts_without_prompts_are_classified(observations: list[Observation], classification: Classification) -> None:
    assert classified(observations).classification is classification


def test_asking_for_active_wants_a_turn_to_both_sides() -> None:
    turning = play(challenge_of(LEFT, RIGHT))
    one_sided = [o for o in turning if (o.yaw_deg or 0) > -5]
    assert classified(turning, EvidenceKind.ACTIVE).classification is Classification.BONA_FIDE
    result = classified(one_sided, EvidenceKind.ACTIVE)
    assert (result.classification, result.reasons) == (Classification.ATTACK, (Reason.TURN_FURTHER,))


def results(label: str, *classifications: Classification, fused: float = 0.5, species: str = "") -> list[AttemptResult]:
    return [AttemptResult(f"{label}{i}", label, species, c, (), fused, True, 9) for i, c in enumerate(classifications)]


def test_the_figures_are_those_of_iso_30107() -> None:
    bona_fide, called, silent = Classification.BONA_FIDE, Classification.ATTACK, Classification.NON_RESPONSE
    figures = _figures(
        [
            *results("bona_fide", bona_fide, bona_fide, called, silent, fused=0.9),
            *results("attack", called, called, bona_fide, called, fused=0.1, species="print"),
            *results("attack", called, silent, fused=0.2, species="screen"),
        ]
    )
    assert (figures["attempts"], figures["bona_fide"], figures["attacks"]) == (10, 4, 6)
    assert (figures["bpcer"], figures["bpnrr"]) == (0.25, 0.25)
    assert figures["species"]["print"]["apcer"] == 0.25
    assert figures["species"]["screen"] == {"attempts": 2, "apcer": 0.0, "apcer_ci95": pytest.approx([0.0, 0.842], abs=1e-3), "apnrr": 0.5}
    assert figures["apcer_worst"] == 0.25
    assert (figures["auc"], figures["eer"], figures["scored"]) == (1.0, 0.0, 8)
    low, high = figures["bpcer_ci95"]
    assert 0 < low < 0.25 < high < 1


def test_one_kind_of_attempt_alone_gives_no_curve() -> None:
    figures = _figures(results("bona_fide", Classification.BONA_FIDE))
    assert (figures["auc"], figures["eer"], figures["apcer_worst"], figures["species"]) == (None, None, None, {})
    json.dumps(figures, allow_nan=False)


def write_frames(folder: Path, name: str) -> None:
    writer = AttemptWriter(folder)
    for index in range(8):
        writer.append(
            name, jpeg(np.full((30, 30, 3), index, np.uint8)), at_ms=index * 100, label="bona_fide", step=index // 4, prompt="look_straight"
        )


def test_several_processes_write_one_table_without_mixing_rows(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=write_frames, args=(tmp_path, f"session-{i}")) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    attempts = read_attempts(tmp_path / "attempts.csv", tmp_path)
    assert sorted(a.name for a in attempts) == [f"session-{i}" for i in range(4)]
    for one in attempts:
        assert [int(f.image[0, 0, 0]) for f in one.frames(40) if f.image is not None] == list(range(8))


@pytest.mark.parametrize(
    "bad",
    [{"attempt": "../x"}, {"attempt": ""}, {"label": "live"}, {"label": "attack"}, {"species": "print"}, {"suffix": ".exe"}],
)
def test_the_writer_refuses_what_it_could_not_read_again(tmp_path: Path, bad: dict[str, str]) -> None:
    values = {"attempt": "x", "label": "bona_fide", **bad}
    with pytest.raises(ValueError, match=r"attempt|label"):
        AttemptWriter(tmp_path).append(values.pop("attempt"), b"", at_ms=0, **values)  # type: ignore[arg-type]
    assert not (tmp_path / "attempts.csv").exists()


def test_a_recorded_session_knows_its_challenge(tmp_path: Path) -> None:
    writer = AttemptWriter(tmp_path)
    shown = [
        (0, "look_straight", ""),
        (1, "turn_left", ""),
        (2, "turn_right", ""),
        (3, "watch_colours", "blue"),
        (4, "watch_colours", "white"),
    ]
    for step, prompt, colour in shown:
        writer.append(
            "s1", jpeg(np.zeros((20, 20, 3), np.uint8)), at_ms=step * 1000, label="bona_fide", step=step, prompt=prompt, colour=colour
        )
    challenge = challenge_for(read_attempts(writer.table, tmp_path)[0])
    assert challenge is not None
    assert [p.name.value for p in challenge.prompts] == ["look_straight", "turn_left", "turn_right"]
    assert challenge.colours == ("blue", "white")


def test_real_clips_of_signing_people_and_simulated_displays(tmp_path: Path) -> None:
    clips = [data_file("clips", f"asl-{name}.mkv") for name in ("milk", "sorry", "no")]
    gif = data_file("clips", "head-pose-face-detection-female.gif")
    onnx = engine("onnx")
    rows = [HEADER]
    for clip in (*clips, gif):
        shutil.copy(clip, tmp_path / clip.name)
        rows.append(f"{clip.stem},{clip.name},0,bona_fide,\n")
    capture = cv2.VideoCapture(str(clips[0]))
    for index in range(8):
        _, image = capture.read()
        shown = camera(on_display(image, Display(1.6, 2.0, 0.3)), np.random.default_rng(index))
        (tmp_path / f"{index}.jpg").write_bytes(jpeg(shown))
        rows.append(f"display,{index}.jpg,{index * 100},attack,screen\n")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xffno picture")
    rows.append("display,broken.jpg,900,attack,screen\n")
    (tmp_path / "attempts.csv").write_text("".join(rows))
    seen: list[tuple[str, int, int]] = []
    report = run_evaluate(tmp_path / "attempts.csv", tmp_path, onnx, policy=POLICY, frames_max=10, progress=lambda *args: seen.append(args))
    assert report["attempts"] == 5
    assert report["bpcer"] == 0.0
    assert report["bpnrr"] == 0.0
    assert report["species"]["screen"]["apcer"] == 0.0
    assert report["unreadable_files"] == ["broken.jpg"]
    assert report["reasons"]["screen"] == 1
    assert report["auc"] == 1.0
    assert [number for _, number, _ in seen] == [1, 2, 3, 4, 5]
    json.dumps(report, allow_nan=False)


def test_real_printed_photographs_are_called_attacks(tmp_path: Path) -> None:
    onnx = engine("onnx")
    rows = [HEADER]
    for name, label, species in (("image_F1", "attack", "print"), ("image_F2", "attack", "print"), ("image_T1", "bona_fide", "")):
        image = cv2.imread(str(data_file("pad", f"{name}.jpg")))
        for index in range(6):
            (tmp_path / f"{name}{index}.jpg").write_bytes(jpeg(camera(image, np.random.default_rng(index))))
            rows.append(f"{name},{name}{index}.jpg,{index * 120},{label},{species}\n")
    (tmp_path / "attempts.csv").write_text("".join(rows))
    report = run_evaluate(tmp_path / "attempts.csv", tmp_path, onnx, policy=POLICY, evidence=["passive"])
    assert (report["bpcer"], report["apcer_worst"], report["evidence"]) == (0.0, 0.0, ["passive"])
