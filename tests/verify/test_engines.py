"""The engines behind one protocol, on real photographs and clips where they matter."""

from __future__ import annotations

import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from sample_data.captures import Actor, draw, jpeg
from tests.verify.real_data import data_file, engine
from verify import weights as weight_store
from verify.engines import engine_versions, load_engine
from verify.engines.alignment import ARCFACE_POINTS, align_face, enlarged_box, similarity_2d
from verify.engines.dlib import DlibEngine
from verify.engines.onnx import EmbedderConfig, OnnxEmbedder, read_embedder_config
from verify.engines.pose import head_pose, read_canonical_face
from verify.engines.protocol import Capability, Face
from verify.engines.scripted import Scene, decode_band, rotation
from verify.errors import EngineError
from verify.weights import WeightsUnavailableError, WrongHashError


def photograph(name: str = "Ana_Palacio_0006.jpg") -> np.ndarray:
    return cv2.imread(str(data_file("faces", "images", name)))


@pytest.fixture(scope="module")
def turning() -> list[np.ndarray]:
    with Image.open(data_file("clips", "head-pose-face-detection-female.gif")) as clip:
        return [cv2.cvtColor(np.array(frame.convert("RGB")), cv2.COLOR_RGB2BGR) for frame in ImageSequence.Iterator(clip)]


# the onnx engine -------------------------------------------------------------------------------------------------------


def test_the_same_person_is_more_alike_than_another_and_embeddings_have_unit_length():
    loaded = engine("onnx")
    embeddings = []
    for name in ("Ana_Palacio_0006.jpg", "Ana_Palacio_0008.jpg", "Bill_Gates_0001.jpg"):
        path = data_file("faces", "images").joinpath(name)
        image = cv2.imread(str(path if path.exists() else next(path.parent.glob("Bill_Gates*"))))
        embeddings.append(loaded.embed(image, loaded.detect(image)[0]))
    same, other = loaded.similarity(embeddings[0], np.stack(embeddings[1:]))[0]
    assert same > 0.5 > 0.35 > other
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx([1.0] * 3, abs=1e-5)
    assert embeddings[0].shape == (loaded.embedding_size,)
    assert embeddings[0].dtype == np.float32


def test_landmarks_are_image_left_first_and_inside_the_picture():
    image = photograph()
    face = engine("onnx").detect(image)[0]
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < left_mouth[1]


def test_a_mirrored_picture_has_the_opposite_yaw(turning):
    loaded = engine("onnx")
    for frame in (turning[2], turning[13]):
        mirrored = np.ascontiguousarray(frame[:, ::-1])
        yaw, back = (loaded.mesh(f, loaded.detect(f)[0]).yaw_deg for f in (frame, mirrored))
        assert abs(yaw) > 20
        assert yaw == pytest.approx(-back, abs=12)


def test_yaw_follows_the_turning_head_smoothly_from_side_to_side(turning):
    loaded = engine("onnx")
    yaws, noses, presence = [], [], []
    for frame in turning:
        face = loaded.detect(frame)[0]
        mesh = loaded.mesh(frame, face)
        yaws.append(mesh.yaw_deg)
        presence.append(mesh.presence)
        noses.append(float(face.landmarks[2, 0] - face.landmarks[:2, 0].mean()))
    assert min(yaws) < -25
    assert max(yaws) > 25
    assert max(abs(np.diff(yaws))) < 16
    assert min(presence) > 0.9
    assert np.corrcoef(yaws, noses)[0, 1] > 0.95  # positive: the nose moves to the picture's right


def test_a_live_selfie_and_two_printed_attacks_are_told_apart_by_the_passive_network():
    loaded = engine("onnx")
    scores = {}
    for name in ("image_T1", "image_F1", "image_F2"):
        image = cv2.imread(str(data_file("pad", f"{name}.jpg")))
        scores[name] = loaded.passive(image, loaded.detect(image)[0])
    assert scores["image_T1"] > 0.5
    assert max(scores["image_F1"], scores["image_F2"]) < 0.5


def test_threads_get_the_same_answers_as_one_thread(turning):
    loaded = engine("onnx")

    def measure(frame):
        face = loaded.detect(frame)[0]
        return np.concatenate([loaded.embed(frame, face)[:8], [loaded.passive(frame, face), loaded.mesh(frame, face).yaw_deg]])

    frames = turning[:6] + [cv2.resize(f, (360, 270)) for f in turning[6:12]]
    alone = [measure(frame) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(measure, frames))
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_loading_and_running_leaves_the_processors_number_format_alone():
    """The runtime can turn denormal numbers off for a whole thread; other code must not notice."""
    image = photograph()
    loaded = engine("onnx")
    loaded.passive(image, loaded.detect(image)[0])
    assert sys.float_info.min * 0.5 > 0
    seen = []
    thread = threading.Thread(target=lambda: (loaded.embed(image, loaded.detect(image)[0]), seen.append(sys.float_info.min * 0.5 > 0)))
    thread.start()
    thread.join()
    assert seen == [True]


def test_a_picture_without_a_face_has_none():
    assert engine("onnx").detect(np.full((480, 640, 3), 127, np.uint8)) == ()


def test_the_version_names_the_weights():
    version = engine("onnx").version
    pinned = {w.name: w.sha256[:12] for w in weight_store.pinned_weights()}
    assert pinned["fr_feature"] in version
    assert pinned["yunet"] in version
    assert "arcface112" in version


def test_missing_weights_say_so_and_changed_ones_refuse_to_start(tmp_path):
    with pytest.raises(WeightsUnavailableError, match="weights fetch"):
        load_engine("onnx", weights_dir=tmp_path)
    for weight in weight_store.pinned_weights():
        (tmp_path / weight.cached_name).write_bytes(b"not it")
    with pytest.raises(WrongHashError):
        load_engine("onnx", weights_dir=tmp_path)
    with pytest.raises(WrongHashError):
        load_engine("dlib", weights_dir=tmp_path)


# another embedder by configuration ---------------------------------------------------------------------------------------


def _configuration(path: Path, **changes: object) -> Path:
    stock = next(w for w in weight_store.pinned_weights() if w.name == "fr_feature")
    values = {
        "name": "own",
        "path": "own.onnx",
        "sha256": stock.sha256,
        "colour_order": "BGR",
        "mean": 127.5,
        "scale": 0.0078125,
        **changes,
    }
    lines = [f"{key} = {f'{value}' if isinstance(value, float | int) else chr(34) + str(value) + chr(34)}" for key, value in values.items()]
    path.write_text("[embedder]\n" + "\n".join(lines), encoding="utf-8")
    return path


def test_an_embedder_from_a_configuration_gives_the_same_templates(tmp_path):
    stock = engine("onnx")
    located = weight_store.locate().require()["fr_feature"]
    shutil.copy(located.path, tmp_path / "own.onnx")
    own = load_engine("onnx", embedder_config=_configuration(tmp_path / "own.toml"))
    image = photograph()
    face = stock.detect(image)[0]
    np.testing.assert_allclose(own.embed(image, face), stock.embed(image, face), atol=1e-6)
    assert own.name == "onnx:own"
    rgb = load_engine("onnx", embedder_config=_configuration(tmp_path / "rgb.toml", colour_order="RGB"))
    assert rgb.version != own.version
    assert not np.allclose(rgb.embed(image, face), own.embed(image, face), atol=1e-3)


def _flattening_network(path: Path, layout: str) -> str:
    """An ONNX file, written byte by byte, that flattens its (1, 3, 32, 32) or (1, 32, 32, 3) input: its output shows what went in."""
    shape = (1, 3, 32, 32) if layout == "NCHW" else (1, 32, 32, 3)

    def varint(value: int) -> bytes:
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])

    def field(number: int, value: bytes | int) -> bytes:
        if isinstance(value, int):
            return varint(number << 3) + varint(value)
        return varint(number << 3 | 2) + varint(len(value)) + value

    def tensor(name: bytes, dims: tuple[int, ...]) -> bytes:
        dim = b"".join(field(1, field(1, d)) for d in dims)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dim)))

    node = field(1, b"x") + field(2, b"y") + field(4, b"Flatten")
    graph = field(1, node) + field(2, b"g") + field(11, tensor(b"x", shape)) + field(12, tensor(b"y", (1, 3 * 32 * 32)))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 13)))
    return weight_store.sha256_of(path)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("colour_order", ["BGR", "RGB"])
def test_layout_colour_order_mean_and_scale_reach_the_network(tmp_path, layout, colour_order):
    path = tmp_path / "flat.onnx"
    config = EmbedderConfig(
        name="flat", path=path, sha256=_flattening_network(path, layout), input_px=32, layout=layout, colour_order=colour_order,
        mean=(10.0, 20.0, 30.0), scale=(0.5, 0.25, 0.125),
    )  # fmt: skip
    embedder = OnnxEmbedder(config)
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    landmarks = (ARCFACE_POINTS * 0.5).astype(np.float32)
    face = Face(np.array([4, 4, 50, 50], np.float32), landmarks, 1.0)
    crop = align_face(image, landmarks, 32).astype(np.float64)
    values = ((crop if colour_order == "BGR" else crop[:, :, ::-1]) - (10, 20, 30)) * (0.5, 0.25, 0.125)
    expected = (values.transpose(2, 0, 1) if layout == "NCHW" else values).ravel()
    np.testing.assert_allclose(embedder(image, face), expected / np.linalg.norm(expected), atol=1e-6)


def test_a_euclidean_embedder_is_compared_by_distance(tmp_path):
    path = tmp_path / "flat.onnx"
    config = EmbedderConfig(name="flat", path=path, sha256=_flattening_network(path, "NCHW"), input_px=32, metric="euclidean")
    a, b = np.eye(2, 5, dtype=np.float32)
    np.testing.assert_allclose(OnnxEmbedder(config).similarity(a, np.stack([a, b])), [[1.0, 1 - np.sqrt(2)]], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour_order": "GBR"}, "colour_order"),
        ({"sha256": "abc"}, "sha256"),
        ({"surprise": 1}, "surprise"),
        ({"alignment": "none"}, "alignment"),
    ],
)
def test_a_wrong_embedder_configuration_names_the_field(tmp_path, changes, message):
    with pytest.raises(EngineError, match=message):
        read_embedder_config(_configuration(tmp_path / "x.toml", **changes))


def test_an_embedder_file_that_is_another_one_or_missing_or_no_network_is_refused(tmp_path):
    path = tmp_path / "own.onnx"
    config = EmbedderConfig(name="own", path=path, sha256="0" * 64)
    with pytest.raises(EngineError, match="does not exist"):
        OnnxEmbedder(config)
    path.write_bytes(b"not a network")
    with pytest.raises(WrongHashError, match="not the network that was approved"):
        OnnxEmbedder(config)
    with pytest.raises(EngineError, match="cannot be loaded"):
        OnnxEmbedder(config.model_copy(update={"sha256": weight_store.sha256_of(path)}))


# dlib ------------------------------------------------------------------------------------------------------------------


def test_dlib_works_without_any_fetched_weight(tmp_path):
    loaded = load_engine("dlib", weights_dir=tmp_path)
    assert loaded.capabilities == frozenset()
    first, second = photograph(), photograph("Ana_Palacio_0008.jpg")
    face = loaded.detect(first)[0]
    assert face.landmarks[0, 0] < face.landmarks[2, 0] < face.landmarks[1, 0]
    embeddings = [loaded.embed(image, loaded.detect(image)[0]) for image in (first, second)]
    assert embeddings[0].shape == (128,)
    similarity = loaded.similarity(*embeddings)
    assert similarity[0, 0] == pytest.approx(1 - np.linalg.norm(embeddings[0] - embeddings[1]), abs=1e-5)
    assert similarity[0, 0] > 0.4
    for call in (loaded.passive, loaded.mesh):
        with pytest.raises(EngineError, match="engine dlib has no"):
            call(first, face)


def test_dlibs_landmarks_lie_near_those_of_the_other_detector():
    image = photograph()
    expected = engine("onnx").detect(image)[0]
    found = DlibEngine().detect(image)[0]
    assert np.abs(found.landmarks - expected.landmarks).max() < 0.3 * expected.inter_eye_px


# the test double -------------------------------------------------------------------------------------------------------


def test_the_test_double_does_not_load_unless_it_is_allowed():
    with pytest.raises(EngineError, match="production"):
        load_engine("scripted")
    assert load_engine("scripted", allow_test_double=True).capabilities == {Capability.PASSIVE, Capability.MESH}


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1280, 960), (480, 360)])
@pytest.mark.parametrize("tint", [None, (255, 170, 60), (80, 130, 255)])
def test_a_scripted_scene_survives_jpeg_resizing_and_a_colour_cast(size, tint):
    rng = np.random.default_rng(3)
    for index in range(6):
        scene = Scene(
            identity=int(rng.integers(65536)),
            yaw=int(rng.integers(-60, 61)), pitch=int(rng.integers(-30, 31)), blink=int(rng.integers(16)),
            passive=int(rng.integers(256)), likeness=int(rng.integers(16)), faces=index % 3,
        )  # fmt: skip
        picture = cv2.resize(draw(scene, tint_rgb=tint, noise_seed=index), size, interpolation=cv2.INTER_AREA)
        assert decode_band(cv2.imdecode(np.frombuffer(jpeg(picture, 70), np.uint8), cv2.IMREAD_COLOR)) == scene


def test_a_damaged_band_is_no_face():
    picture = draw(Scene())
    picture[440:450, 100:300] = 255
    assert load_engine("scripted", allow_test_double=True).detect(picture) == ()


def test_the_test_double_observes_what_was_painted():
    double = load_engine("scripted", allow_test_double=True)
    scene = Scene(identity=9, yaw=25, pitch=-5, roll=3, blink=15, jaw_open=6, passive=51, faces=2, likeness=15)
    picture = draw(scene)
    faces = double.detect(picture)
    assert len(faces) == 2
    mesh = double.mesh(picture, faces[0])
    assert (mesh.yaw_deg, mesh.pitch_deg, mesh.roll_deg, mesh.blink, mesh.jaw_open) == (25, -5, 3, 1.0, 0.4)
    assert double.passive(picture, faces[0]) == pytest.approx(0.2)
    nose, eyes = faces[0].landmarks[2, 0], faces[0].landmarks[:2, 0].mean()
    assert nose > eyes  # turned to its own left: the nose moves to the picture's right
    same = double.embed(draw(Scene(identity=9)), faces[0])
    other = double.embed(draw(Scene(identity=10)), faces[0])
    assert double.similarity(same, double.embed(picture, faces[0]))[0, 0] == pytest.approx(1.0, abs=1e-5)
    assert abs(double.similarity(same, other)[0, 0]) < 0.35


def test_an_actor_turns_to_the_side_that_is_asked_for_and_back_at_a_natural_pace():
    for prompt, sign in (("turn_left", 1), ("turn_right", -1)):
        yaws = [Actor().follow("look_straight").scene.yaw]
        actor = Actor(seed=4)
        yaws = [actor.follow(prompt).scene.yaw for _ in range(20)]
        assert max(sign * y for y in yaws) >= 30
        assert abs(yaws[-1]) <= 15
        assert max(abs(np.diff(yaws))) <= 8


# geometry --------------------------------------------------------------------------------------------------------------


def test_the_alignment_recovers_a_known_similarity_and_never_mirrors():
    rng = np.random.default_rng(0)
    for _ in range(20):
        angle, scale, shift = rng.uniform(-3, 3), rng.uniform(0.2, 5), rng.uniform(-50, 50, 2)
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
        found = similarity_2d(ARCFACE_POINTS, ARCFACE_POINTS @ matrix.T + shift)
        np.testing.assert_allclose(found, np.column_stack([matrix, shift]), atol=1e-8)
    mirrored = similarity_2d(ARCFACE_POINTS * (-1, 1), ARCFACE_POINTS)
    assert np.linalg.det(mirrored[:, :2]) >= 0


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((100, 100, 40, 40), (66, 66, 174, 174)),  # room on every side
        ((0, 100, 40, 40), (0, 66, 108, 174)),  # shifted to the right
        ((270, 180, 40, 40), (211, 131, 319, 239)),  # shifted up and to the left
        ((100, 20, 100, 200), (80, 0, 219, 239)),  # shrunk to the picture's height
    ],
)
def test_the_passive_box_is_shifted_into_the_picture_and_never_padded(box, expected):
    found = enlarged_box(320, 240, np.array(box, np.float32), 2.7)
    assert np.abs(np.array(found) - expected).max() <= 12
    left, top, right, bottom = found
    assert 0 <= left < right <= 319
    assert 0 <= top < bottom <= 239


def test_the_pose_of_a_turned_canonical_face_is_recovered():
    import zipfile

    engine("onnx")
    located = weight_store.locate().require()["face_landmarker"]
    with zipfile.ZipFile(located.path) as bundle:
        canonical = read_canonical_face(bundle.read(located.weight.settings["inner"]["geometry"]))
    for yaw, pitch, roll in ((0, 0, 0), (35, 0, 0), (-35, 5, -10), (10, 20, 15), (0, -25, 0)):
        turned = canonical.points @ rotation(yaw, pitch, roll).T * 7.5
        image_points = (turned * (1, -1, -1) + (320, 240, 0)).astype(np.float32)
        pose = head_pose(image_points, canonical)
        assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((yaw, pitch, roll), abs=0.01)
        assert pose.residual == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("data", [b"", b"\x0a\xff", b"\x08\x01", b"\x0a\x05\x1d\x00"])
def test_a_broken_face_model_is_explained(data):
    with pytest.raises(EngineError, match="canonical face model"):
        read_canonical_face(data)


def test_unknown_engines_and_misplaced_configurations_are_refused(tmp_path):
    with pytest.raises(EngineError, match="choose one of onnx, dlib, scripted"):
        load_engine("arcface")
    with pytest.raises(EngineError, match="belongs to the onnx engine"):
        load_engine("dlib", embedder_config=tmp_path / "x.toml")


def test_library_versions_are_known():
    assert all(version != "missing" for version in engine_versions().values())
