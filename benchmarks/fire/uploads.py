"""Malformed uploads from a seeded generator: pictures that are broken, too large or something else, files that are not what they say."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image

from benchmarks.fire import workbooks
from sample_data.captures import draw
from verify.engines.scripted import Scene

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True)
class Upload:
    """One thing to send. kind: what is wrong with it. encoding: Content-Encoding, where it has one."""

    kind: str
    data: bytes
    media_type: str
    encoding: str = ""


@cache
def _picture(ending: str) -> bytes:
    done = cv2.imencode(ending, draw(Scene()))[1]
    return done.tobytes()


def _real(rng: random.Random) -> tuple[bytes, str]:
    ending = rng.choice((".jpg", ".png", ".webp"))
    return _picture(ending), {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}[ending]


def _flipped(rng: random.Random) -> Upload:
    data, media_type = _real(rng)
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 3, 20, 200))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return Upload("bits flipped", bytes(damaged), media_type)


def _header_flipped(rng: random.Random) -> Upload:
    data, media_type = _real(rng)
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 2, 5))):
        damaged[rng.randrange(min(700, len(damaged)))] = rng.randrange(256)
    return Upload("header damaged", bytes(damaged), media_type)


def _cut(rng: random.Random) -> Upload:
    data, media_type = _real(rng)
    return Upload("cut off", data[: rng.randrange(len(data))], media_type)


def _length_lies(rng: random.Random) -> Upload:
    data, media_type = _real(rng)
    place = rng.randrange(2, min(len(data) - 4, 2_000))
    return Upload(
        "length that lies", data[:place] + struct.pack(">I", rng.choice((0, 1, 2**31, 2**32 - 1))) + data[place + 4 :], media_type
    )


def _png(width: int, height: int, body: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@cache
def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


def _pixel_bomb(rng: random.Random) -> Upload:
    width, height = rng.choice(((20_000, 12_000), (60_000, 4_000), (16_000, 16_000), (2**31 - 1, 2), (1_900, 1_000), (7_000, 7_000)))
    return Upload("picture of very many pixels", _png(width, height, _zeros(rng.choice((6, 60)))), "image/png")


def _jpeg_bomb(rng: random.Random) -> Upload:
    data = bytearray(_picture(".jpg"))
    place = data.find(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", *rng.choice(((65_500, 65_500), (20_000, 12_000), (1, 65_500), (0, 640))))
    return Upload("JPEG of another size than it says", bytes(data), "image/jpeg")


def _polyglot(rng: random.Random) -> Upload:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.js", "alert(1)")
    kinds = (
        (b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//", "image/jpeg"),
        (b"%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n" + archive.getvalue(), "image/png"),
        (_picture(".jpg") + archive.getvalue(), "image/jpeg"),
        (_picture(".png") + b"<script>alert(1)</script>" * 50, "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/webp"),
        (b"\xff\xd8\xff\xe0<?php system($_GET[0]); ?>" + _picture(".jpg")[20:], "image/jpeg"),
    )
    return Upload("two kinds in one", *rng.choice(kinds))


def _wrong_type(rng: random.Random) -> Upload:
    data, _ = _real(rng)
    return Upload(
        "wrong type", data, rng.choice(("image/gif", "text/html", "application/octet-stream", "image/jpeg;boundary=x", "", "image/png"))
    )


def _empty(rng: random.Random) -> Upload:
    return Upload("nothing", b"", rng.choice(("image/jpeg", "text/csv", XLSX, "application/json")))


def _noise(rng: random.Random) -> Upload:
    media_type = rng.choice(("image/jpeg", "image/webp", "text/csv", XLSX, PARQUET))
    start = rng.choice((b"", b"\xff\xd8\xff\xe0", b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"PK\x03\x04", b"PAR1"))
    return Upload("noise", start + rng.randbytes(rng.choice((3, 300, 30_000))), media_type)


def _odd_colours(rng: random.Random) -> Upload:
    made, mode = io.BytesIO(), rng.choice(("CMYK", "L", "1", "LA", "I;16"))
    picture = Image.fromarray(np.zeros((480, 640, 3), np.uint8)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.zeros((480, 640), np.uint16))
    ending = "JPEG" if mode == "CMYK" else "PNG"
    picture.save(made, ending)
    return Upload("colours that cameras do not have", made.getvalue(), f"image/{ending.lower()}")


def _animated(rng: random.Random) -> Upload:
    made, kind = io.BytesIO(), rng.choice(("PNG", "WEBP", "GIF"))
    pictures = [Image.new("RGB", (640, 480), (shade, 0, 0)) for shade in (0, 100, 200)]
    pictures[0].save(made, kind, save_all=True, append_images=pictures[1:])
    return Upload("animated", made.getvalue(), "image/webp" if kind == "WEBP" else "image/png")


def _metadata(rng: random.Random) -> Upload:
    data, segments = _picture(".jpg"), b""
    for _ in range(rng.choice((1, 25))):
        body = rng.choice((b"Exif\0\0II*\0" + b"\xff" * 60_000, b"Exif\0\0MM\0*" + bytes(40), b"ICC_PROFILE\0\x01\xff" + bytes(60_000)))
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return Upload("metadata that is too much", data[:2] + segments + data[2:], "image/jpeg")


def _too_long(rng: random.Random) -> Upload:
    return Upload("too long", _picture(".jpg") + bytes(rng.choice((2_000_001, 11_000_000, 25_000_000))), "image/jpeg")


def _squeezed(rng: random.Random) -> Upload:
    data, media_type = _real(rng)
    return Upload(
        "compressed on the way",
        gzip.compress(rng.choice((data, bytes(50_000_000)))),
        media_type,
        rng.choice(("gzip", "deflate", "br", "x")),
    )


def _deep(rng: random.Random) -> Upload:
    depth = rng.choice((100, 5_000, 100_000))
    kinds = (
        b"[" * depth + b"]" * depth,
        b'{"a":' * depth + b"1" + b"}" * depth,
        b'{"resident_id":' + b"9" * 5_000 + b"}",
        b'{"a":1e999999}',
        b'{"resident_id":"\\ud800"}',
        b'\xff\xfe{"a":1}',
        json.dumps({"picture": "A" * rng.choice((7, 30_001))}).encode(),
        b'{"a":1,"a":2',
    )
    return Upload("JSON that is deep or odd", rng.choice(kinds), "application/json")


def _table(rng: random.Random) -> Upload:
    kinds: tuple[tuple[bytes, str], ...] = (
        (b"resident_id,name,region_code\n" + b'"' * 100_000, "text/csv"),
        (b"resident_id,name,region_code\n" + b"\0" * 5_000, "text/csv"),
        (b"," * 200_000 + b"\n1\n", "text/csv"),
        (b"resident_id,name,region_code\n=cmd|' /C calc'!A0,x,y\n", "text/csv"),
        (b"<html><table><tr><td>1</td></tr></table>", "text/csv"),
        (b"\xff\xfer\0e\0", "text/csv"),
        (_picture(".png"), XLSX),
        (workbooks.far_corner(), XLSX),
        (workbooks.workbook("<row/>")[: rng.randrange(20, 600)], XLSX),
        (b"PAR1" + rng.randbytes(300) + b"PAR1", PARQUET),
        (workbooks.workbook("<row r='99999999999'><c r='A99999999999'><v>1</v></c></row>"), XLSX),
    )
    return Upload("table that is none", *rng.choice(kinds))


PICTURES: tuple[Callable[[random.Random], Upload], ...] = (
    _flipped,
    _flipped,
    _header_flipped,
    _header_flipped,
    _cut,
    _length_lies,
    _pixel_bomb,
    _jpeg_bomb,
    _polyglot,
    _wrong_type,
    _empty,
    _noise,
    _odd_colours,
    _animated,
    _metadata,
    _squeezed,
)
OTHERS: tuple[Callable[[random.Random], Upload], ...] = (
    _table,
    _table,
    _table,
    _table,
    _deep,
    _noise,
    _squeezed,
    _empty,
    _polyglot,
    _too_long,
)


def malformed(seed: int, count: int) -> Iterator[Upload]:
    """So many of them, the same ones for a seed. Three of four are pictures."""
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.choice(PICTURES if rng.random() < 0.75 else OTHERS)(rng)


def multipart(rng: random.Random, field: str, upload: Upload, csrf: str) -> tuple[bytes, str]:
    """(body, content type) of a form with the upload as a file; every third one is damaged as a form."""
    boundary = "fire" + rng.randbytes(8).hex()
    name = rng.choice(("a.jpg", "../../etc/passwd", "a\x00.pdf", "名" * 300, "a.pdf.exe", ""))
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{csrf}\r\n--{boundary}\r\n'
    head += f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {upload.media_type}\r\n\r\n'
    body = head.encode() + upload.data + f"\r\n--{boundary}--\r\n".encode()
    damage = rng.randrange(9)
    if damage == 0:
        body = body[: rng.randrange(len(body))]
    elif damage == 1:
        boundary += "x"
    elif damage == 2:
        body = body.replace(b"\r\n", b"\n", 4)
    return body, f"multipart/form-data; boundary={boundary}"
