"""Bytes to pictures: what is refused, why, and that it is refused before decoding."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage

from tests.verify.observations import POLICY
from verify.capture import decode, inspect
from verify.errors import CaptureError, CaptureProblem

FRAME, STILL = POLICY.capture.frame, POLICY.capture.still


def scene(width: int = 320, height: int = 240) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.dstack([x, y, 255 - x]).astype(np.uint8)


def encoded(extension: str, image: np.ndarray | None = None, *parameters: int) -> bytes:
    return cv2.imencode(extension, scene() if image is None else image, list(parameters))[1].tobytes()


def pil_bytes(image: PilImage.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def problem(data: bytes, **options: object) -> CaptureProblem:
    with pytest.raises(CaptureError) as caught:
        decode(data, options.pop("limits", FRAME), **options)  # type: ignore[arg-type]
    assert str(caught.value)
    return caught.value.problem


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_each_accepted_type_gives_the_picture_in_bgr(extension: str) -> None:
    image = decode(encoded(extension), FRAME)
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - scene()).mean() < 6


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + b"\0" * 40,
        b"BM" + b"\0" * 60,
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0" * 500,
        b"II*\0" + b"\0" * 99,
    ],
)
def test_other_types_are_refused_by_content(data: bytes) -> None:
    assert problem(data) is CaptureProblem.UNSUPPORTED_TYPE


def test_no_bytes_are_named_as_such() -> None:
    assert problem(b"") is CaptureProblem.EMPTY


def test_too_many_bytes() -> None:
    small = FRAME.model_copy(update={"max_bytes": 1000})
    assert problem(encoded(".png"), limits=small) is CaptureProblem.TOO_MANY_BYTES


def test_a_picture_below_the_smallest_side() -> None:
    assert problem(encoded(".png", scene(300, FRAME.min_side_px - 1))) is CaptureProblem.TOO_SMALL


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_every_cut_of_a_file_is_noticed(extension: str) -> None:
    data = encoded(extension)
    for kept in (len(data) - 1, len(data) - 2, len(data) // 2, 60, 20):
        assert problem(data[:kept]) in {CaptureProblem.TRUNCATED, CaptureProblem.NOT_AN_IMAGE}, kept


def test_a_cut_progressive_jpeg_is_noticed() -> None:
    data = encoded(".jpg", None, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert decode(data, FRAME).shape == (240, 320, 3)
    assert problem(data[: len(data) * 3 // 4]) is CaptureProblem.TRUNCATED


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def promised_png(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 3_000_000)) + png_chunk(b"IEND", b"")


def promised_jpeg(width: int, height: int) -> bytes:
    data = bytearray(encoded(".jpg"))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


@pytest.mark.parametrize("data", [promised_png(20_000, 10_000), promised_jpeg(20_000, 10_000), promised_png(60_000, 200)])
def test_a_promise_of_200_megapixels_is_refused_cheaply(data: bytes) -> None:
    tracemalloc.start()
    started = time.perf_counter()
    try:
        assert problem(data, limits=STILL) is CaptureProblem.TOO_MANY_PIXELS
        assert time.perf_counter() - started < 0.05
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_animation_is_refused() -> None:
    frames = [PilImage.fromarray(scene(200 + i, 200)[:, :200]) for i in range(3)]
    for kind in ("PNG", "WEBP"):
        data = pil_bytes(frames[0], kind, save_all=True, append_images=[f.rotate(90 * i) for i, f in enumerate(frames[1:], 1)], duration=50)
        assert problem(data) is CaptureProblem.UNSUPPORTED_TYPE


def test_a_second_file_behind_a_frame_is_refused_and_ignored_behind_a_still() -> None:
    data = encoded(".jpg")
    polyglot = data + b"PK\x03\x04" + b"<script>" * 40
    assert problem(polyglot) is CaptureProblem.NOT_AN_IMAGE
    assert np.array_equal(decode(polyglot, STILL), decode(data, STILL))


@pytest.mark.parametrize(
    ("mode", "kind", "expected"),
    [
        ("L", "JPEG", (100, 100, 100)),
        ("L", "PNG", (100, 100, 100)),
        ("RGBA", "PNG", (30, 20, 10)),
        ("RGBA", "WEBP", (30, 20, 10)),
        ("CMYK", "JPEG", (30, 20, 10)),
        ("I;16", "PNG", (100, 100, 100)),
        ("P", "PNG", (30, 20, 10)),
    ],
)
def test_every_pixel_format_comes_out_as_eight_bit_bgr(mode: str, kind: str, expected: tuple[int, int, int]) -> None:
    if mode == "I;16":
        picture = PilImage.fromarray(np.full((200, 200), 100 * 257, np.uint16))
    elif mode == "L":
        picture = PilImage.new("L", (200, 200), 100)
    else:
        picture = PilImage.new("RGB", (200, 200), (10, 20, 30))
        picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    image = decode(pil_bytes(picture, kind, **({"lossless": True} if kind == "WEBP" else {})), FRAME)
    assert image.shape == (200, 200, 3)
    assert np.abs(image[100, 100].astype(int) - expected).max() <= 4


def test_exif_orientation_is_applied_to_stills_only_when_asked() -> None:
    exif = PilImage.Exif()
    exif[0x0112] = 6
    data = pil_bytes(PilImage.fromarray(scene()), "JPEG", exif=exif)
    assert decode(data, STILL).shape == (240, 320, 3)
    assert decode(data, STILL, exif_orientation=True).shape == (320, 240, 3)


def test_damaged_pixels_are_an_error_and_not_a_crash() -> None:
    data = bytearray(encoded(".png"))
    data[200:260] = bytes(60)
    assert problem(bytes(data)) is CaptureProblem.NOT_AN_IMAGE


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP", b"\xff\xd8\xff\xe0\0\x10"])
)
def test_whatever_the_bytes_only_capture_errors_come_out(tail: bytes, head: bytes) -> None:
    with pytest.raises(CaptureError):
        decode(head + tail, FRAME)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_never_crashes(position: int, value: int) -> None:
    data = bytearray(encoded(".jpg"))
    data[position % len(data)] = value
    try:
        image = decode(bytes(data), FRAME)
    except CaptureError:
        return
    assert image.ndim == 3


def test_a_frame_of_a_session_decodes_within_a_frames_time() -> None:
    rng = np.random.default_rng(0)
    data = encoded(".jpg", cv2.GaussianBlur(rng.integers(0, 255, (480, 640, 3), dtype=np.uint8), (0, 0), 2), cv2.IMWRITE_JPEG_QUALITY, 85)
    assert inspect(data, FRAME).width_px == 640
    started = time.process_time()
    for _ in range(20):
        decode(data, FRAME)
    assert (time.process_time() - started) / 20 < 0.012  # 2-3 ms alone; the bound leaves room for a busy machine
