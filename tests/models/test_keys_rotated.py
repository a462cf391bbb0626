"""Rotation within the key file: ciphers, running processes, and a file that never loses a key."""

from __future__ import annotations

import json
import multiprocessing
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models import key_file
from models.key_ciphers import OVERHEAD_BYTES, Cipher, Sm4Gcm, aead
from models.keys import FileKeyRing, KeyFileError, KeyStateError, UnsealError

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)


def test_sm4_gcm_is_that_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    associated = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex("".join(letter * 16 for letter in "ABCDEFEA"))
    sealed = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
    assert Sm4Gcm(key).encrypt(nonce, plain, associated) == sealed
    assert Sm4Gcm(key).decrypt(nonce, sealed, associated) == plain
    with pytest.raises(InvalidTag):
        Sm4Gcm(key).decrypt(nonce, sealed, b"other")


def test_aes_256_gcm_is_that_of_the_mode_s_authors() -> None:
    # McGrew and Viega, The Galois/Counter Mode of Operation, test case 16
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = aead(Cipher.AES_256_GCM, key).encrypt(bytes.fromhex("cafebabefacedbaddecaf888"), plain, associated)
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"
    assert sealed[:8].hex() == "522dc1f099567d07"


def test_what_was_sealed_before_a_change_of_cipher_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path)
    first = ring.seal(b"value", b"x")
    national = FileKeyRing.open(path, cipher=Cipher.SM4_GCM)
    key_id = national.rotate_sealing(NOW)
    second = national.seal(b"value", b"x")
    assert second.key_id == key_id != first.key_id
    assert national.keys().sealing[key_id].cipher is Cipher.SM4_GCM
    assert len(second.blob) == len(first.blob) == len(b"value") + OVERHEAD_BYTES
    back = FileKeyRing.open(path)
    assert [back.unseal(each, b"x") for each in (first, second)] == [b"value", b"value"]


def test_a_running_process_takes_the_new_key_for_its_next_value_and_opens_what_others_sealed_with_it(tmp_path: Path) -> None:
    running, other = (FileKeyRing.open(tmp_path / "keys.json") for _ in range(2))
    before = running.seal(b"value", b"")
    key_id = other.rotate_sealing(NOW)
    assert running.unseal(other.seal(b"new", b""), b"") == b"new"
    assert running.seal(b"value", b"").key_id == key_id
    assert running.unseal(before, b"") == b"value"


def test_a_key_file_that_is_gone_or_damaged_for_a_moment_leaves_the_held_keys_in_force(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path)
    content = path.read_bytes()
    path.unlink()
    assert ring.unseal(ring.seal(b"value", b""), b"") == b"value"
    path.touch(0o600)
    assert ring.seal(b"value", b"").key_id == "k1"
    path.write_bytes(content)
    assert ring.rotate_sealing(NOW) == ring.seal(b"value", b"").key_id


def test_a_destroyed_key_opens_nothing_more_and_its_bytes_are_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path)
    sealed = ring.seal(b"value", b"")
    material = json.loads(path.read_text(encoding="utf-8"))["sealing"]["keys"]["k1"]["kept"]
    with pytest.raises(KeyStateError, match="current"):
        ring.destroy_sealing("k1", NOW)
    ring.rotate_sealing(NOW)
    ring.destroy_sealing("k1", NOW)
    assert material not in path.read_text(encoding="utf-8")
    with pytest.raises(UnsealError):
        ring.unseal(sealed, b"")
    with pytest.raises(KeyStateError, match="no key k1"):
        ring.destroy_sealing("k1", NOW)
    assert ring.rotate_sealing(NOW).startswith("k3-")  # a destroyed key's name is not given again


def test_signatures_of_an_older_key_still_hold_although_its_secret_is_destroyed(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path)
    key_id, signature = ring.sign(b"certificate")
    newer = ring.rotate_signing(NOW)
    assert ring.sign(b"certificate")[0] == newer
    again = FileKeyRing.open(path)
    assert again.verify_signature(key_id, b"certificate", signature)
    assert again.keys().signing[key_id].kept == b""


def test_derived_secrets_are_hkdf_of_the_first_key_files_and_survive_rotations(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.touch(0o600)
    secret = bytes(range(32))
    first = {"current": "k1", "keys": {"k1": key_file._b64(bytes(32))}}
    signing = {"current": "s1", "keys": {"s1": key_file._b64(bytes(32))}}
    path.write_text(json.dumps({"sealing": first, "signing": signing, "derivation": key_file._b64(secret)}), encoding="utf-8")
    ring = FileKeyRing.open(path)
    expected = HKDF(SHA256(), 32, salt=None, info=b"session-cookie").derive(secret)
    assert ring.derive("session-cookie") == expected
    sealed = ring.seal(b"value", b"")
    ring.rotate_sealing(NOW)
    ring.rotate_signing(NOW)
    again = FileKeyRing.open(path)
    assert again.derive("session-cookie") == expected
    assert again.unseal(sealed, b"") == b"value"


def _rotate(path: str, times: int) -> None:
    ring = FileKeyRing.open(Path(path))
    for _ in range(times):
        ring.rotate_sealing(NOW)


def test_processes_that_rotate_together_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path)
    sealed = ring.seal(b"value", b"")
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=_rotate, args=(str(path), 5)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(ring.keys().sealing) == 16
    assert ring.unseal(sealed, b"") == b"value"
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


def test_a_change_that_would_lose_a_key_is_refused_and_a_crash_while_writing_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path)
    ring.rotate_sealing(NOW)
    before = path.read_bytes()

    def forget(keys: key_file.Keys) -> key_file.Keys:
        kept = {name: key for name, key in keys.sealing.items() if name != "k1"}
        return key_file.Keys(kept, keys.sealing_current, keys.signing, keys.signing_current, keys.root)

    with pytest.raises(KeyFileError, match="k1"):
        key_file.change(path, forget)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        ring.rotate_sealing(NOW)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


def test_a_link_to_the_key_file_stays_one_and_the_file_stays_its_owners(tmp_path: Path) -> None:
    real = tmp_path / "real" / "keys.json"
    FileKeyRing.open(real)
    link = tmp_path / "keys.json"
    link.symlink_to(real)
    key_id = FileKeyRing.open(link).rotate_sealing(NOW)
    assert link.is_symlink()
    assert FileKeyRing.open(real).keys().sealing_current == key_id
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    FileKeyRing.open(folder / "keys.json")
    folder.chmod(0o777)
    with pytest.raises(KeyFileError, match="chmod o-w"):
        FileKeyRing.open(folder / "keys.json")


def test_keys_do_not_show_in_what_is_printed_of_them(keyring: FileKeyRing) -> None:
    shown = repr(keyring.keys())
    assert "kept" not in shown
    assert "root=" not in shown
