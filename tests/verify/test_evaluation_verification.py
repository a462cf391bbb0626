"""`evaluate verification` and `calibrate` on files: the figures, and what is said of files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sample_data.captures import draw
from tests.verify.real_data import data_file, engine
from verify.engines.scripted import Scene, ScriptedEngine
from verify.errors import CalibrationError
from verify.evaluation_files import acquire, read_picture
from verify.evaluation_verification import run_calibrate, run_evaluate
from verify.policy import load_verification_policy
from verify.still import find_still_face
from verify.tables import TableError

POLICY = load_verification_policy(Path(__file__).parents[2] / "policy.toml")
DOUBLE = ScriptedEngine(allow_test_double=True)


def picture(path: Path, scene: Scene) -> None:
    path.write_bytes(cv2.imencode(".png", draw(scene))[1].tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twelve drawn persons with two pictures each, one blank picture, one that is no picture."""
    root = tmp_path_factory.mktemp("images")
    for identity in range(12):
        picture(root / f"{identity}_a.png", Scene(identity=identity))
        picture(root / f"{identity}_b.png", Scene(identity=identity, likeness=13))
    blank = np.full((200, 200, 3), 128, np.uint8)
    (root / "blank.png").write_bytes(cv2.imencode(".png", blank)[1].tobytes())
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (root / "张三.png").write_bytes((root / "0_a.png").read_bytes())
    return root


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def pairs(tmp_path: Path, extra: str = "", header: str = "reference,probe,same,group") -> Path:
    rows = [f"{i}_a.png,{i}_b.png,1,{'north' if i < 6 else 'south'}" for i in range(12)]
    rows += [f"{i}_a.png,{(i + 1) % 12}_b.png,0,{'north' if i < 6 else 'south'}" for i in range(12)]
    return table(tmp_path / "pairs.csv", "\n".join([header, *rows]) + "\n" + extra)


def test_the_result_has_the_keys_of_the_contract_and_is_json(folder, tmp_path):
    result = run_evaluate(pairs(tmp_path), folder, DOUBLE, policy=POLICY)
    expected = {
        "engine", "engine_version", "pairs", "genuine", "impostor", "fta", "accuracy", "eer", "auc", "fnmr_at_fmr", "operating_point",
        "images_per_cpu_s", "groups",
    }  # fmt: skip
    assert expected <= set(result)
    assert set(result["fnmr_at_fmr"]) == {"0.01", "0.001"}
    assert {"threshold", "fmr", "fmr_ci95", "fnmr", "fnmr_ci95"} <= set(result["operating_point"])
    json.dumps(result, allow_nan=False)


def test_separable_pairs_are_separated(folder, tmp_path):
    result = run_evaluate(pairs(tmp_path), folder, DOUBLE, policy=POLICY)
    assert (result["pairs"], result["genuine"], result["impostor"], result["fta"]) == (24, 12, 12, 0.0)
    assert (result["accuracy"], result["eer"], result["auc"]) == (1.0, 0.0, 1.0)
    assert result["fnmr_at_fmr"] == {"0.01": 0.0, "0.001": 0.0}
    assert result["operating_point"]["threshold"] == 0.5
    assert result["groups"]["north"]["pairs"] == 12
    assert result["images_per_cpu_s"] > 0


def test_pictures_without_a_face_are_failures_to_acquire_and_left_out_of_the_rates(folder, tmp_path):
    path = pairs(tmp_path, "0_a.png,blank.png,1,north\n0_a.png,broken.jpg,0,north\n")
    result = run_evaluate(path, folder, DOUBLE, policy=POLICY)
    assert result["fta_images"] == 2
    assert result["fta"] == pytest.approx(2 / 26)
    assert result["fta_files"] == {"blank.png": "no face found", "broken.jpg": "not a readable picture"}
    assert (result["pairs"], result["pairs_compared"]) == (26, 24)
    assert result["operating_point"]["fnmr"] == 0.0
    assert result["generalised"] == {"gfar": 0.0, "gfrr": pytest.approx(1 / 13)}


def test_only_one_kind_of_pairs_leaves_the_curve_figures_empty(folder, tmp_path):
    path = table(tmp_path / "p.csv", "reference,probe,same\n0_a.png,0_b.png,1\n")
    result = run_evaluate(path, folder, DOUBLE, policy=POLICY)
    assert (result["eer"], result["auc"], result["fnmr_at_fmr"]["0.01"]) == (None, None, None)
    assert result["operating_point"]["fmr"] is None
    assert result["operating_point"]["fnmr"] == 0.0


def test_a_pictures_are_embedded_once(folder):
    acquired = acquire(DOUBLE, folder, ["0_a.png", "0_a.png", "1_a.png"], None)
    assert acquired.images == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_tables_are_read_in_the_encodings_that_offices_use(folder, tmp_path, encoding):
    path = table(tmp_path / "p.csv", "reference,probe,same,group\r\n张三.png,0_b.png,1,荆州\r\n", encoding)
    result = run_evaluate(path, folder, DOUBLE, policy=POLICY)
    assert list(result["groups"]) == ["荆州"]
    assert result["fta"] == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reference,probe\na,b\n", "row 1: column same missing"),
        ("", "row 1: column reference, probe, same missing"),
        ("reference,probe,same\n", "no rows"),
        ("reference,probe,same\n0_a.png,0_b.png,maybe\n", "row 2: same is 'maybe'"),
        ("reference,probe,same\n0_a.png,0_b.png,1\n0_a.png,gone.png,1\n", "row 3: probe 'gone.png' is not a file"),
        ("reference,probe,same\n,0_b.png,1\n", "row 2: reference is empty"),
        ("reference,probe,same\n0_a.png,0_b.png\n", "row 2 has 2 fields instead of 3"),
    ],
)
def test_a_wrong_table_is_explained_by_row(folder, tmp_path, text, message):
    with pytest.raises(TableError, match=message):
        run_evaluate(table(tmp_path / "p.csv", text), folder, DOUBLE, policy=POLICY)


def test_many_mistakes_are_counted_and_a_few_shown(folder, tmp_path):
    path = table(tmp_path / "p.csv", "reference,probe,same\n" + "x.png,0_b.png,1\n" * 20)
    with pytest.raises(TableError, match=r"row 6.*and 15 more"):
        run_evaluate(path, folder, DOUBLE, policy=POLICY)


def test_a_table_that_is_not_text_is_explained(folder, tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(b"\xff\xff\xff\x80\x81")
    with pytest.raises(TableError, match="neither UTF-8 nor GB18030"):
        run_evaluate(path, folder, DOUBLE, policy=POLICY)


def _people(tmp_path: Path, folder: Path, count: int = 60) -> Path:
    rows = ["file,sex,age_band,group"]
    for identity in range(count):
        name = f"p{identity}.png"
        if not (folder / name).exists():
            picture(folder / name, Scene(identity=1000 + identity))
        rows.append(f"{name},{'F' if identity % 2 else 'M'},60-69,")
    return table(tmp_path / "people.csv", "\n".join(rows))


def test_a_calibration_file_serves_the_evaluation(folder, tmp_path):
    out = tmp_path / "own.json"
    result = run_calibrate(folder, _people(tmp_path, folder), DOUBLE, policy=POLICY, out=out)
    assert {"engine", "images", "fta", "impostor_pairs", "threshold", "fmr_by_group", "normalisation"} <= set(result)
    assert result["impostor_pairs"] == 2 * 30 * 29 // 2
    assert set(result["fmr_by_group"]) == {"f 60-69", "m 60-69"}
    assert {"0.01", "pairs"} <= set(result["fmr_by_group"]["f 60-69"])
    json.dumps(result, allow_nan=False)
    evaluated = run_evaluate(pairs(tmp_path), folder, DOUBLE, policy=POLICY, calibration=out, threshold_fmr=0.01)
    assert evaluated["operating_point"]["threshold"] == result["threshold"]["0.01"]
    with pytest.raises(CalibrationError, match=r"no threshold for a false match rate of 0\.0005"):
        run_evaluate(pairs(tmp_path), folder, DOUBLE, policy=POLICY, calibration=out, threshold_fmr=0.0005)


def test_one_picture_for_two_persons_is_refused(folder, tmp_path):
    path = table(tmp_path / "people.csv", "file,sex,age_band\n0_a.png,f,60\n0_a.png,m,60\n")
    with pytest.raises(TableError, match=r"row 3: '0_a\.png' is already in row 2"):
        run_calibrate(folder, path, DOUBLE, policy=POLICY)


def test_calibrating_without_any_face_is_explained(folder, tmp_path):
    path = table(tmp_path / "people.csv", "file,sex,age_band\nblank.png,f,60\nbroken.jpg,f,60\n")
    with pytest.raises(CalibrationError, match="2 pictures, 0 with a face"):
        run_calibrate(folder, path, DOUBLE, policy=POLICY)


def test_the_threshold_can_be_set_on_the_pairs_themselves(folder, tmp_path):
    result = run_evaluate(pairs(tmp_path), folder, DOUBLE, policy=POLICY, threshold_fmr=0.1)
    assert result["operating_point"]["fmr"] <= 0.1
    assert "these pairs" in result["operating_point"]["source"]


# real photographs ----------------------------------------------------------------------------------------------------


def test_real_pairs_are_told_apart():
    images = data_file("faces", "images")
    result = run_evaluate(data_file("faces", "pairs.csv"), images, engine("onnx"), policy=POLICY)
    assert result["fta"] == 0.0
    assert result["accuracy"] >= 0.99
    assert result["auc"] > 0.998
    assert result["operating_point"]["fmr"] == 0.0


@pytest.mark.parametrize("name", ["onnx", "dlib"])
def test_a_tightly_cropped_face_is_found_and_recognised(name):
    loaded = engine(name)
    image = read_picture(data_file("faces", "images", "Ana_Palacio_0006.jpg"))
    face = loaded.detect(image)[0]
    x, y, w, h = (round(float(v)) for v in face.box)
    crop = cv2.resize(image[y : y + h, x : x + w], (200, 200), interpolation=cv2.INTER_CUBIC)
    found = find_still_face(loaded, crop)
    assert found is not None
    alike = float(loaded.similarity(loaded.embed(image, face), loaded.embed(crop, found))[0, 0])
    assert alike > POLICY.matching.provisional_for(name).accept


def test_a_picture_without_a_face_gives_none():
    noise = np.random.default_rng(0).integers(0, 255, (240, 240, 3), dtype=np.uint8)
    assert find_still_face(engine("onnx"), noise) is None
