"""Bytes to one still picture: everything that can be refused is refused from the header, before a pixel is decoded.

OpenCV alone accepts cut-off JPEGs silently and decodes whatever size a header promises; both matter at a public door. So the
container is walked first (ITU-T T.81 for JPEG, ISO/IEC 15948 for PNG, RFC 9649 for WebP) and only its one image is decoded.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import cv2
import numpy as np

from verify.engines.protocol import Image
from verify.errors import CaptureError, CaptureProblem
from verify.policy import CaptureLimits

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Inside entropy-coded data FF is followed by 00 (stuffing), D0-D7 (restart) or FF (fill); anything else is a real marker.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_JPEG_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA


@dataclass(frozen=True)
class Header:
    """What a container says of its image. end: offset of the first byte after the image."""

    width_px: int
    height_px: int
    end: int


def decode(data: bytes, limits: CaptureLimits, *, exif_orientation: bool = False) -> Image:
    """Decode one JPEG, PNG or WebP still into (H, W, 3) uint8 BGR.

    Grey, palette, alpha (dropped), 16-bit and CMYK pictures come out as 8-bit BGR. The type is taken from the content, never from
    a name. exif_orientation: turn the picture upright by its EXIF tag, for enrolment photographs; camera frames carry none.

    Raises:
        CaptureError: with the CaptureProblem; the message names the limit and the value.
    """
    header = inspect(data, limits)
    flags = cv2.IMREAD_COLOR if exif_orientation else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8, count=header.end), flags)
    except cv2.error as error:
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the picture's data is damaged; take it again") from error
    if image is None or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the picture's data is damaged; take it again")
    if sorted(image.shape[:2]) != sorted((header.height_px, header.width_px)):
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the picture's header and its data disagree about its size; take it again")
    return image


def inspect(data: bytes, limits: CaptureLimits) -> Header:
    """Check bytes against the limits without decoding; costs microseconds whatever size the header promises.

    Raises:
        CaptureError: as ``decode``.
    """
    if not data:
        raise CaptureError(CaptureProblem.EMPTY, "the picture has no bytes; send it again")
    if len(data) > limits.max_bytes:
        raise CaptureError(
            CaptureProblem.TOO_MANY_BYTES, f"the picture has {len(data)} bytes; the limit is {limits.max_bytes}: send a smaller one"
        )
    try:
        header = _header(data)
    except (struct.error, IndexError) as error:
        raise CaptureError(CaptureProblem.TRUNCATED, "the picture ends inside its header; send it again") from error
    width, height = header.width_px, header.height_px
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise CaptureError(
            CaptureProblem.TOO_MANY_PIXELS,
            f"the picture is {width}x{height} px; the limit is {limits.max_pixels} pixels and {limits.max_side_px} px a side",
        )
    if min(width, height) < limits.min_side_px:
        raise CaptureError(
            CaptureProblem.TOO_SMALL, f"the picture is {width}x{height} px; each side must have at least {limits.min_side_px} px"
        )
    trailing = len(data) - header.end
    if trailing > limits.max_trailing_bytes:
        # A second file behind the image (a polyglot) is not what a camera page sends.
        raise CaptureError(
            CaptureProblem.NOT_AN_IMAGE, f"{trailing} bytes follow the end of the picture; the limit is {limits.max_trailing_bytes}"
        )
    return header


def _header(data: bytes) -> Header:
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(_PNG_SIGNATURE):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    raise CaptureError(CaptureProblem.UNSUPPORTED_TYPE, "the file is not a JPEG, PNG or WebP picture; send one of these")


def _jpeg(data: bytes) -> Header:
    size: tuple[int, int] | None = None
    position = 2
    while True:
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            raise CaptureError(CaptureProblem.TRUNCATED, "the JPEG has no end marker: it was cut off on the way; send it again")
        marker, position = data[found.end() - 1], found.end()
        if marker == _JPEG_END:
            break
        if marker == 0x01 or marker == 0xD8:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the JPEG has a segment of impossible length; take the picture again")
        if marker in _JPEG_FRAME_HEADERS and size is None:
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = (width, height)
        if marker == _JPEG_SCAN and size is None:
            raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the JPEG has a scan before its frame header; take the picture again")
        position += length
    if size is None or 0 in size:
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the JPEG holds no picture; take it again")
    return Header(*size, end=position)


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the PNG does not begin with its header; take the picture again")
    width, height = struct.unpack_from(">II", data, 16)
    position = len(_PNG_SIGNATURE)
    while True:
        if position + 12 > len(data):
            raise CaptureError(CaptureProblem.TRUNCATED, "the PNG has no end chunk: it was cut off on the way; send it again")
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        position += 12 + length
        if kind == b"acTL":
            raise CaptureError(CaptureProblem.UNSUPPORTED_TYPE, "the PNG is animated; send one still picture")
        if kind == b"IEND":
            break
    return Header(width, height, min(position, len(data)))


def _webp(data: bytes) -> Header:
    (riff_size,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff_size
    if end > len(data):
        raise CaptureError(CaptureProblem.TRUNCATED, "the WebP is shorter than its header says: it was cut off; send it again")
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & 0x02:
            raise CaptureError(CaptureProblem.UNSUPPORTED_TYPE, "the WebP is animated; send one still picture")
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8 ":
        if data[23:26] != b"\x9d\x01\x2a":
            raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the WebP's data is damaged; take the picture again")
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, "the WebP holds no picture; take it again")
    return Header(width, height, end)
