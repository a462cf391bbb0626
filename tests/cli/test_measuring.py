"""`verify`, `evaluate` and `calibrate`: the JSON that other programs read, and what is said of wrong input."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.evaluate import engine_for
from api.settings import Settings
from models.database import Database
from models.face import ReferenceSource
from models.keys import FileKeyRing
from models.repositories import references
from sample_data.captures import Actor, draw, jpeg
from tests.cli.conftest import Command, one_line, portrait
from tests.models.people import NOW, add_person
from tests.verify.real_data import data_file
from tests.verify.real_data import engine as real_engine
from verify.engines.scripted import Scene, ScriptedEngine, scripted_embedding
from verify.template import seal_template
from verify.weights import WeightsProblem, WeightsUnavailableError, WrongHashError, pinned_weights

VERIFICATION_KEYS = {
    "engine", "engine_version", "pairs", "genuine", "impostor", "fta", "accuracy", "eer", "auc", "fnmr_at_fmr", "operating_point",
    "images_per_cpu_s", "groups",
}  # fmt: skip
CALIBRATION_KEYS = {"engine", "images", "fta", "impostor_pairs", "threshold", "fmr_by_group", "normalisation"}
LIVENESS_KEYS = {"attempts", "bpcer", "bpcer_ci95", "apcer_worst", "species", "auc", "eer", "fta", "reasons"}


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Path]:
    """A table of 4 genuine and 4 impostor pairs of drawn people, and the folder of their pictures."""
    images = tmp_path / "images"
    lines = ["reference,probe,same,group"]
    for identity in range(4):
        portrait(images / f"{identity}_a.png", identity)
        portrait(images / f"{identity}_b.png", identity, seed=1, likeness=14)
        lines.append(f"{identity}_a.png,{identity}_b.png,1,even" if identity % 2 == 0 else f"{identity}_a.png,{identity}_b.png,1,odd")
        lines.append(f"{identity}_a.png,{(identity + 2) % 4}_b.png,0,{'even' if identity % 2 == 0 else 'odd'}")
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(lines))
    return table, images


def people_of(folder: Path, number: int) -> tuple[Path, Path]:
    """One picture a person, all of one group."""
    lines = ["file,sex,age_band"]
    for identity in range(number):
        portrait(folder / "images" / f"{identity}.png", identity)
        lines.append(f"{identity}.png,female,70-79")
    (folder / "people.csv").write_text("\n".join(lines))
    return folder / "people.csv", folder / "images"


def test_evaluate_verification_keeps_its_contract(command: Command, pairs: tuple[Path, Path]) -> None:
    table, images = pairs
    result = command("evaluate", "verification", "--pairs", table, "--images", images, "--json")
    assert result.code == 0
    figures = result.json
    assert set(figures) >= VERIFICATION_KEYS
    assert (figures["pairs"], figures["genuine"], figures["impostor"], figures["fta"]) == (8, 4, 4, 0.0)
    assert figures["accuracy"] == 1.0
    assert figures["eer"] == 0.0
    assert set(figures["fnmr_at_fmr"]) >= {"0.01", "0.001"}
    assert set(figures["operating_point"]) >= {"threshold", "fmr", "fmr_ci95", "fnmr", "fnmr_ci95"}
    assert set(figures["groups"]) == {"even", "odd"}


def test_a_calibration_from_files_is_used_by_the_evaluation(command: Command, pairs: tuple[Path, Path], tmp_path: Path) -> None:
    table, images = pairs
    people, pictures = people_of(tmp_path / "own", 46)
    out = tmp_path / "own.json"
    result = command("calibrate", "--images", pictures, "--people", people, "--out", out, "--json")
    assert result.code == 0
    assert set(result.json) >= CALIBRATION_KEYS
    assert result.json["impostor_pairs"] == 46 * 45 // 2
    assert set(result.json["threshold"]) >= {"0.01", "0.001"}
    for group in result.json["fmr_by_group"].values():
        assert set(group) >= {"0.001", "pairs"}
    assert (out.with_name("own.json.key").stat().st_mode & 0o777) == 0o600
    used = command(
        "evaluate", "verification", "--pairs", table, "--images", images, "--calibration", out, "--threshold-fmr", "0.01", "--json"
    )
    assert used.code == 0
    assert used.json["operating_point"]["threshold"] == pytest.approx(result.json["threshold"]["0.01"], abs=0.3)
    plain = command("evaluate", "verification", "--pairs", table, "--images", images, "--json")
    assert used.json["operating_point"] != plain.json["operating_point"]


def test_evaluate_liveness_keeps_its_contract(command: Command, tmp_path: Path) -> None:
    lines = ["attempt,file,at_ms,label,species"]
    media = tmp_path / "media"
    media.mkdir()
    for attempt, (label, species, passive) in enumerate([("bona_fide", "", 245), ("attack", "print", 20)]):
        for frame in range(8):
            scene = Scene(identity=attempt, passive=passive, blink=8 if frame == 4 else 1, yaw=frame % 3)
            (media / f"{attempt}_{frame}.jpg").write_bytes(jpeg(draw(scene, noise_seed=frame)))
            lines.append(f"{attempt},{attempt}_{frame}.jpg,{frame * 100},{label},{species}")
    (tmp_path / "attempts.csv").write_text("\n".join(lines))
    words = ("evaluate", "liveness", "--attempts", tmp_path / "attempts.csv", "--media", media, "--evidence", "passive", "--json")
    result = command(*words)
    assert result.code == 0
    assert set(result.json) >= LIVENESS_KEYS
    assert result.json["attempts"] == 2
    assert (result.json["bpcer"], result.json["apcer_worst"]) == (0.0, 0.0)
    assert set(result.json["species"]) == {"print"}
    assert set(result.json["species"]["print"]) >= {"attempts", "apcer", "apcer_ci95"}
    assert len(result.json["bpcer_ci95"]) == 2


@pytest.mark.parametrize(
    ("words", "table", "content", "says"),
    [
        (("evaluate", "verification", "--images", ".", "--pairs"), "pairs.csv", "reference,probe\na,b\n", "column same missing"),
        (("evaluate", "verification", "--images", ".", "--pairs"), "pairs.csv", "reference,probe,same\na.png,b.png,1\n", "not a file in"),
        (("calibrate", "--images", ".", "--people"), "people.csv", "file,sex\na,b\n", "column age_band missing"),
        (("evaluate", "liveness", "--media", ".", "--attempts"), "attempts.csv", "attempt,file\n1,a.png\n", "column at_ms, label, species"),
        (
            ("evaluate", "liveness", "--media", ".", "--attempts"),
            "attempts.csv",
            "attempt,file,at_ms,label,species\n1,a.png,0,alive,\n",
            "label",
        ),
    ],
)
def test_a_wrong_table_is_exit_2_and_names_row_and_column(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], table: str, content: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / table).write_text(content)
    result = command(*words, table, "--json")
    assert result.code == 2
    assert result.out == ""
    assert says in one_line(result)
    assert table in result.err


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of frames of a drawn person who turns as prompts.json says."""
    folder = tmp_path_factory.mktemp("recording")
    actor = Actor(Scene(identity=1), seed=3)
    rows = []
    for index, prompt in enumerate(["look_straight"] * 6 + ["turn_left"] * 18 + ["turn_right"] * 18):
        frame = actor.follow(prompt)
        name = f"{index:03d}.jpg"
        (folder / name).write_bytes(frame.data)
        rows.append({"file": name, "at_ms": frame.at_ms, "prompt": prompt})
    (folder / "prompts.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def plain_frames(recording: Path, tmp_path: Path) -> Path:
    """A few frames of the recording, without prompts."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in sorted(path.name for path in recording.glob("*.jpg"))[:12]:
        shutil.copy(recording / name, folder / name)
    return folder


def test_verify_shows_every_measured_value_of_a_decision(command: Command, tmp_path: Path, plain_frames: Path) -> None:
    reference = portrait(tmp_path / "me.png", 1)
    result = command("verify", "--reference", reference, "--frames", plain_frames, "--json")
    assert result.code == 0
    assert set(result.json) == {"engine", "engine_version", "frames", "outcome", "reasons", "evidence"}
    assert result.json["frames"] == 12
    assert result.json["outcome"] != "certified", "frames without prompts cannot show that a live person answered them"
    match = result.json["evidence"]["match"]
    assert match["state"] == "passed"
    for measure in match["measures"].values():
        assert set(measure) == {"value", "threshold", "unit"}


def test_verify_refuses_another_face(command: Command, tmp_path: Path, plain_frames: Path) -> None:
    reference = portrait(tmp_path / "other.png", 900)
    result = command("verify", "--reference", reference, "--frames", plain_frames, "--json")
    assert result.json["outcome"] == "refused"
    assert result.json["evidence"]["match"]["state"] == "contradicted"


def test_verify_uses_the_prompts_that_were_shown(command: Command, tmp_path: Path, recording: Path) -> None:
    reference = portrait(tmp_path / "me.png", 1)
    result = command("verify", "--reference", reference, "--frames", recording, "--json")
    assert result.json["evidence"]["active"]["state"] == "passed"
    assert result.json["outcome"] == "certified"


def test_verify_names_the_picture_that_cannot_be_used(command: Command, tmp_path: Path, plain_frames: Path) -> None:
    frames = plain_frames
    (frames / "003.jpg").write_bytes((frames / "003.jpg").read_bytes()[:2000])
    result = command("verify", "--reference", portrait(tmp_path / "me.png", 1), "--frames", frames)
    assert result.code == 2
    assert "003.jpg" in result.err
    (tmp_path / "empty").mkdir()
    result = command("verify", "--reference", tmp_path / "me.png", "--frames", tmp_path / "empty")
    assert result.code == 2
    assert "holds no JPEG, PNG or WebP frames" in one_line(result)
    (tmp_path / "bad.jpg").write_text("no picture")
    result = command("verify", "--reference", tmp_path / "bad.jpg", "--frames", frames)
    assert result.code == 2
    assert "bad.jpg" in one_line(result)


def test_verify_names_what_is_wrong_with_the_prompts(command: Command, tmp_path: Path, plain_frames: Path) -> None:
    frames = plain_frames
    for content in ("{", "[]", '[{"file": "000.jpg"}]', '[{"file": "000.jpg", "at_ms": 0, "prompt": "dance"}]'):
        (frames / "prompts.json").write_text(content)
        result = command("verify", "--reference", portrait(tmp_path / "me.png", 1), "--frames", frames)
        assert result.code == 2
        assert "prompts.json" in one_line(result)


def test_real_photographs_through_verify_and_evaluate(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECERT_ENGINE", real_engine("onnx").name)
    images = data_file("faces", "images")
    lines = data_file("faces", "pairs.csv").read_text().splitlines()
    same = [line for line in lines[1:] if line.endswith(",1")][:4]
    other = [line for line in lines[1:] if line.endswith(",0")][:4]
    (tmp_path / "pairs.csv").write_text("\n".join([lines[0], *same, *other]))
    result = command("evaluate", "verification", "--pairs", tmp_path / "pairs.csv", "--images", images, "--json")
    assert result.json["accuracy"] == 1.0
    left, right, _ = same[0].split(",")
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        shutil.copy(images / right, frames / f"{index}.jpg")
    result = command("verify", "--reference", images / left, "--frames", frames, "--json")
    assert result.code == 0
    assert result.json["engine"] == "onnx"
    assert result.json["outcome"] != "certified", "one picture three times is no live person"


def test_attacks_name_the_file_that_cannot_be_used(command: Command, tmp_path: Path) -> None:
    (tmp_path / "clip.gif").write_text("no picture")
    words = ("evaluate", "attacks", "--clip", tmp_path / "clip.gif", "--photographs")
    (tmp_path / "empty").mkdir()
    result = command(*words, tmp_path / "empty")
    assert result.code == 2
    assert "holds no photographs" in one_line(result)
    portrait(tmp_path / "photos" / "a.png", 1)
    result = command(*words, tmp_path / "photos")
    assert result.code == 2
    assert "clip.gif is not a picture" in one_line(result)


# calibration in the store ----------------------------------------------------------------------------------------------------


@pytest.fixture
def enrolled(home: Path) -> Database:
    """Forty persons with reference faces of the scripted engine."""
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    keyring = FileKeyRing.open(home / "keys.json")
    rng = random.Random(5)
    with database.session_scope() as session:
        for index in range(40):
            person = add_person(session, keyring, sequence=100 + index)
            embedding = scripted_embedding(Scene(identity=rng.randrange(60_000)))
            sealed = seal_template(keyring, embedding, person.public_id, ScriptedEngine.name, ScriptedEngine.version)
            new = references.NewReference(
                person_id=person.id,
                engine_name=ScriptedEngine.name,
                engine_version=ScriptedEngine.version,
                template=sealed.sealed,
                source=ReferenceSource.IMPORT,
                quality={"overall": 80, "components": {}},
                image=None,
            )
            references.enrol(session, new, by="test", now=NOW)
    return database


def test_a_calibration_is_computed_listed_and_put_into_force_by_a_person(
    command: Command, enrolled: Database, policy_with: Callable[..., Path]
) -> None:
    policy_with(("references_min = 1000", "references_min = 30"))
    assert command("calibrate", "--list", "--json").json == []
    computed = command("calibrate", "--store", "--json")
    assert computed.code == 0
    assert computed.json["references"] == 40
    assert (computed.json["in_force"], computed.json["provisional"]) == (False, False)
    assert 0 < computed.json["pairs"] <= 40 * 39 // 2
    promoted = command("calibrate", "--promote", computed.json["id"], "--by", "Wang Fang")
    assert promoted.code == 0
    listed = command("calibrate", "--list", "--json").json
    assert len(listed) == 1
    assert (listed[0]["promoted_by"], listed[0]["in_force"]) == ("Wang Fang", True)
    assert f"id {computed.json['id']}" in command("calibrate", "--list").out
    newer = command("calibrate", "--store", "--json").json
    assert command("calibrate", "--promote", newer["id"], "--by", "Li Na").code == 0
    assert [(row["id"], row["in_force"]) for row in command("calibrate", "--list", "--json").json] == [
        (newer["id"], True),
        (computed.json["id"], False),
    ]
    retired = command("calibrate", "--promote", computed.json["id"])
    assert retired.code == 1
    assert "was retired" in one_line(retired)
    unknown = command("calibrate", "--promote", 999)
    assert unknown.code == 1
    assert "there is no calibration 999" in one_line(unknown)


def test_a_calibration_without_references_is_refused_with_its_reason(command: Command, home: Path) -> None:
    result = command("calibrate", "--store")
    assert result.code == 1
    assert one_line(result).startswith("lifecert: ")
    assert "reference" in result.err or "pair" in result.err


def test_a_measurement_fetches_missing_weights_first_and_without_them_says_which_engine_it_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Path] = []

    def no_line(settings: Settings) -> None:
        asked.append(settings.weights_dir)
        raise WeightsUnavailableError(WeightsProblem.DOWNLOAD_FAILED, "no line")

    monkeypatch.setattr("api.cli.evaluate.fetch_weights", no_line)
    monkeypatch.setenv("LIFECERT_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("LIFECERT_ENGINE", "auto")
    _, measured = engine_for(None)
    assert asked == [tmp_path]
    assert measured.name == "dlib"
    assert "no line" in (err := capsys.readouterr().err)
    assert "the dlib engine runs" in err
    with pytest.raises(WeightsUnavailableError, match="missing"):
        engine_for("onnx")


def test_a_changed_weight_is_not_mended_by_a_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / pinned_weights()[0].cached_name).write_bytes(b"changed")
    monkeypatch.setattr("api.cli.evaluate.fetch_weights", lambda _settings: pytest.fail("fetched"))
    monkeypatch.setenv("LIFECERT_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("LIFECERT_ENGINE", "auto")
    with pytest.raises(WrongHashError):
        engine_for(None)
