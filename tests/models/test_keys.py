from __future__ import annotations

import base64
import json
import os
import threading
from pathlib import Path

import pytest

from models.keys import FileKeyRing, KeyFileError, Sealed, UnsealError


def test_a_sealed_value_opens_with_its_associated_data_only(keyring: FileKeyRing) -> None:
    sealed = keyring.seal(b"value", b"person:1")
    assert b"value" not in sealed.blob
    assert keyring.unseal(sealed, b"person:1") == b"value"
    with pytest.raises(UnsealError):
        keyring.unseal(sealed, b"person:2")


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_one_altered_bit_keeps_a_value_shut(keyring: FileKeyRing, place: int) -> None:
    sealed = keyring.seal(b"value", b"")
    blob = bytearray(sealed.blob)
    blob[place] ^= 1
    with pytest.raises(UnsealError):
        keyring.unseal(Sealed(sealed.key_id, bytes(blob)), b"")


@pytest.mark.parametrize("sealed", [Sealed("k9", b"x" * 40), Sealed("k1", b""), Sealed("k1", b"x" * 13)])
def test_unknown_keys_and_stumps_are_unseal_errors(keyring: FileKeyRing, sealed: Sealed) -> None:
    with pytest.raises(UnsealError):
        keyring.unseal(sealed, b"")


def test_the_same_value_is_never_sealed_the_same_way(keyring: FileKeyRing) -> None:
    assert len({keyring.seal(b"value", b"").blob for _ in range(50)}) == 50


def test_signatures_hold_for_their_message_and_key(keyring: FileKeyRing) -> None:
    key_id, signature = keyring.sign(b"message")
    assert keyring.verify_signature(key_id, b"message", signature)
    assert not keyring.verify_signature(key_id, b"massage", signature)
    assert not keyring.verify_signature("s9", b"message", signature)
    assert not keyring.verify_signature(key_id, b"message", b"short")


def test_keys_outlive_the_process_and_purposes_have_their_own(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    first = FileKeyRing.open(path)
    sealed = first.seal(b"value", b"")
    again = FileKeyRing.open(path)
    assert again.unseal(sealed, b"") == b"value"
    assert again.derive("a") == first.derive("a") != first.derive("b")
    assert len(first.derive("a")) == 32
    assert again.public_signing_key("s1") == first.public_signing_key("s1")


def test_an_older_key_still_opens_what_it_sealed(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    sealed = FileKeyRing.open(path).seal(b"value", b"")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["sealing"]["keys"]["k2"] = {**content["sealing"]["keys"]["k1"], "kept": base64.b64encode(bytes(32)).decode()}
    content["sealing"]["current"] = "k2"
    path.write_text(json.dumps(content), encoding="utf-8")
    rotated = FileKeyRing.open(path)
    assert rotated.unseal(sealed, b"") == b"value"
    assert rotated.seal(b"value", b"").key_id == "k2"


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    FileKeyRing.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    os.chmod(path, 0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        FileKeyRing.open(path)


@pytest.mark.parametrize("content", ["", "{}", '{"sealing": 1}', "not json"])
def test_a_damaged_key_file_is_explained_without_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KeyFileError, match="backup"):
        FileKeyRing.open(path)


def test_processes_that_start_together_end_up_with_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    barrier = threading.Barrier(8)
    derived: list[bytes] = []

    def start() -> None:
        barrier.wait()
        derived.append(FileKeyRing.open(path).derive("x"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(derived) == 8
    assert len(set(derived)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]
