"""Which encoding a text file is in, found by looking at every line of it, and what its lines say. Nothing is ever garbled in silence."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detection.intake.errors import FileUnusableError

BLOCK = 1 << 20
LONGEST_LINE = 1 << 20
DAMAGED = "\udcff"
"""A lone surrogate: marks a line that is not in the file's encoding. No decoder makes one from sound bytes."""

_CJK = re.compile(r"[\u4e00-\u9fff]")
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
GB2312_SHARE_MIN = 0.6
"""Of the characters beyond ASCII; names with rarer ones are few, and Big5 or a double-encoded file read as GB18030 has mostly those."""


@dataclass(frozen=True)
class TextFile:
    """encoding: a Python codec. bare_cr: lines end with CR alone. lines: how many there are, about."""

    encoding: str
    bare_cr: bool
    lines: int


def file_digest(path: Path) -> tuple[bytes, int]:
    """(SHA-256, length in bytes)."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            size += len(block)
    return digest.digest(), size


def examine(path: Path, encoding: str | None = None) -> TextFile:
    """Find encoding and line ends. encoding: what the sender says it is; then it is not guessed.

    Raises:
        FileUnusableError: empty, binary, an unknown encoding, or neither UTF-8, UTF-16 with a byte order mark nor GB18030.
    """
    with path.open("rb") as stream:
        head = stream.read(BLOCK)
    if not head.strip(b"\x00\t\r\n \xef\xbb\xbf"):
        raise FileUnusableError(f"{path.name}: the file is empty")
    bare_cr = b"\n" not in head and b"\r" in head
    if encoding is not None:
        return TextFile(_named(path, encoding), bare_cr and not encoding.lower().startswith("utf-16"), 0)
    for mark, codec in _UTF16.items():
        if head.startswith(mark):
            return TextFile(codec, False, 0)
    if head.count(b"\x00") > len(head) // 10:
        side = "le" if head[1::2].count(0) >= head[0::2].count(0) else "be"
        raise FileUnusableError(
            f"{path.name}: looks like UTF-16 without a byte order mark: save it as UTF-8, or give --encoding utf-16-{side}"
        )
    return _guess(path, bare_cr)


def _named(path: Path, encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise FileUnusableError(f"{path.name}: the encoding {encoding!r} is not known: give utf-8, gb18030 or utf-16") from error
    return {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030"}.get(name, name)


def _utf8_lines(path: Path, bare_cr: bool) -> int | None:
    # lines of a file that is UTF-8 throughout, found without looking at each of them; None when it is not
    decoder, lines, last = codecs.getincrementaldecoder("utf-8")(), 0, b""
    end = b"\r" if bare_cr else b"\n"
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return None
            lines, last = lines + block.count(end), block[-1:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return lines + (last != end)


def _guess(path: Path, bare_cr: bool) -> TextFile:
    sound = _utf8_lines(path, bare_cr)
    if sound is not None:
        return TextFile("utf-8", bare_cr, sound)
    lines = beyond_ascii = utf8 = gb18030 = chinese_utf8 = common = characters = 0
    first_bad = 0
    for raw in raw_lines(path, bare_cr):
        lines += 1
        if raw.isascii():
            continue
        beyond_ascii += 1
        text = _decoded(raw, "utf-8")
        if text is not None:
            utf8 += 1
            chinese_utf8 += bool(_CJK.search(text))
        other = _decoded(raw, "gb18030")
        gb18030 += other is not None
        if text is None:
            first_bad = first_bad or lines
            if other is not None and characters < 200_000:
                foreign = [character for character in other if ord(character) > 127]
                characters += len(foreign)
                common += sum(_in_gb2312(character) for character in foreign)
    if utf8 == beyond_ascii:
        return TextFile("utf-8", bare_cr, lines)
    if utf8 and utf8 >= 4 * (beyond_ascii - utf8):
        return TextFile("utf-8", bare_cr, lines)  # the others are damaged, and come back row by row
    if gb18030 - chinese_utf8 > 4 * (beyond_ascii - gb18030 + chinese_utf8) and common >= GB2312_SHARE_MIN * characters:
        return TextFile("gb18030", bare_cr, lines)
    raise FileUnusableError(
        f"{path.name}, row {first_bad}: the characters are neither UTF-8 nor GB18030, or the file mixes both: "
        "save it anew as UTF-8, or say what it is with --encoding"
    )


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def raw_lines(path: Path, bare_cr: bool) -> Iterator[bytes]:
    """Lines as bytes, without their ends; longer ones than LONGEST_LINE are cut there."""
    with path.open("rb") as stream:
        if not bare_cr:
            first = True
            while line := stream.readline(LONGEST_LINE):
                yield (line.removeprefix(codecs.BOM_UTF8) if first else line).rstrip(b"\r\n")
                first = False
            return
        rest = b""
        while block := stream.read(BLOCK):
            *whole, rest = (rest + block).split(b"\r")
            yield from whole
        if rest:
            yield rest


def text_lines(path: Path, file: TextFile) -> Iterator[str]:
    """Lines as text, without their ends. A line that is not in the file's encoding begins with DAMAGED."""
    if file.encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        with path.open(encoding=file.encoding, errors="replace", newline=None) as stream:
            for line in stream:
                whole = line.rstrip("\r\n").removeprefix("\ufeff")
                yield DAMAGED + whole if "\ufffd" in whole else whole
        return
    chinese = file.encoding == "gb18030"
    for raw in raw_lines(path, file.bare_cr):
        if raw.isascii():
            yield raw.decode("ascii")
            continue
        text: str | None = _decoded(raw, file.encoding)
        other = _decoded(raw, "utf-8") if chinese else None
        if other is not None and _CJK.search(other):
            text = None  # a line of UTF-8 in a GB18030 file would read as other, rare characters
        if text is not None and "\ufffd" in text:
            text = None  # characters were lost before the file came here
        yield DAMAGED + raw.decode("latin-1") if text is None else text.removeprefix("\ufeff")
