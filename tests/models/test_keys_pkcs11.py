"""The key service over PKCS#11, against SoftHSM: what leaves the token, what happens without it, and moving there from a file."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models import keys_pkcs11
from models.key_ciphers import Cipher
from models.key_custody import FileCustody
from models.keys import FileKeyRing, KeyCaching, KeyFileError, KeyServiceUnavailableError, KeyStateError
from models.keys_pkcs11 import Pkcs11Custody
from tests.softhsm import Token, make_token

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    """A token for this module's tests; each test has a key file of its own, and the root of derived secrets is the token's."""
    return make_token(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture
def custody(token: Token) -> Pkcs11Custody:
    return Pkcs11Custody(token.access)


class Away(Pkcs11Custody):
    """A token that can be pulled out: the session is gone and no new one is to be had, as the library says it."""

    away = False

    def _session(self, *, anew: bool) -> Any:
        from pkcs11.exceptions import TokenNotPresent

        if self.away:
            raise TokenNotPresent("pulled out, with the PIN 271828")
        return super()._session(anew=anew)


def test_values_sealed_under_a_token_open_again_and_the_key_file_alone_opens_nothing(custody: Pkcs11Custody, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.open(path, custody=custody, caching=KeyCaching(60, 1000))
    sealed = ring.seal(b"value", b"x")
    again = FileKeyRing.open(path, custody=custody, caching=KeyCaching(60, 1000))
    assert again.unseal(sealed, b"x") == b"value"
    assert len(ring.keys().sealing["k1"].kept) == 12 + 32 + 16  # wrapped: nonce, key, tag
    with pytest.raises(KeyFileError, match="LIFECERT_KEY_SERVICE=pkcs11"):
        FileKeyRing.open(path)


def test_keys_of_the_token_are_never_given_out(custody: Pkcs11Custody) -> None:
    from pkcs11 import Attribute, ObjectClass
    from pkcs11.exceptions import AttributeSensitive

    custody.keep("k1", bytes(32))
    custody.keep_root(None)
    labels = set()
    for key in custody._session(anew=False).get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY}):
        labels.add(key[Attribute.LABEL])
        assert key[Attribute.EXTRACTABLE] is False
        with pytest.raises(AttributeSensitive):
            key[Attribute.VALUE]
    assert labels == {keys_pkcs11.WRAPPING_LABEL, keys_pkcs11.ROOT_LABEL}


def test_a_wrapped_key_opens_under_its_own_name_only(custody: Pkcs11Custody) -> None:
    wrapped = custody.keep("k1", bytes(32))
    assert custody.reveal("k1", wrapped) == bytes(32)
    with pytest.raises(KeyServiceUnavailableError):
        custody.reveal("k2", wrapped)


@pytest.mark.parametrize("without_ed25519", [False, True])
def test_signatures_are_made_by_the_token_or_by_a_key_that_it_wraps(
    custody: Pkcs11Custody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_ed25519: bool
) -> None:
    if without_ed25519:
        monkeypatch.setattr(keys_pkcs11, "_make_signer", lambda *_: None)
    ring = FileKeyRing.open(tmp_path / "keys.json", custody=custody)
    ring.rotate_signing(NOW)
    key_id, signature = ring.sign(b"certificate")
    assert ring.verify_signature(key_id, b"certificate", signature)
    assert not ring.verify_signature(key_id, b"another", signature)
    kept = ring.keys().signing[key_id].kept
    assert (len(kept) == keys_pkcs11.HANDLE_BYTES) is not without_ed25519
    ring.rotate_signing(NOW)
    assert ring.verify_signature(key_id, b"certificate", signature)
    if not without_ed25519:
        with pytest.raises(KeyServiceUnavailableError):
            custody.sign(key_id, kept, b"certificate")  # destroyed in the token as well


def test_a_service_that_is_away_is_missed_only_when_the_cached_key_s_time_is_over(token: Token, tmp_path: Path) -> None:
    custody, clock = Away(token.access), Clock()
    ring = FileKeyRing.open(tmp_path / "keys.json", custody=custody, caching=KeyCaching(60, 1000), clock=clock)
    sealed = ring.seal(b"value", b"")
    custody.away = True
    clock.now = 59
    assert ring.unseal(sealed, b"") == b"value"
    clock.now = 60
    for work in (lambda: ring.unseal(sealed, b""), lambda: ring.seal(b"more", b""), lambda: ring.sign(b""), lambda: ring.derive("x")):
        with pytest.raises(KeyServiceUnavailableError) as caught:
            work()
        assert "271828" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    with pytest.raises(KeyServiceUnavailableError):
        ring.rotate_sealing(NOW)
    assert ring.keys().sealing_current == "k1"
    custody.away = False
    assert ring.unseal(sealed, b"") == b"value"


def test_a_cached_key_is_asked_for_again_after_so_many_values(token: Token, tmp_path: Path) -> None:
    custody = Away(token.access)
    ring = FileKeyRing.open(tmp_path / "keys.json", custody=custody, caching=KeyCaching(3600, 3))
    for _ in range(3):
        ring.seal(b"value", b"")
    custody.away = True
    with pytest.raises(KeyServiceUnavailableError):
        ring.seal(b"value", b"")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library ends its search on the dead session, too late
def test_a_session_that_the_token_dropped_is_opened_again_by_itself(custody: Pkcs11Custody, tmp_path: Path) -> None:
    ring = FileKeyRing.open(tmp_path / "keys.json", custody=custody, caching=KeyCaching(0, 1))
    sealed = ring.seal(b"value", b"")
    custody._session(anew=False).close()
    assert ring.unseal(sealed, b"") == b"value"


def test_a_forked_worker_opens_its_own_way_to_the_token(custody: Pkcs11Custody, tmp_path: Path) -> None:
    ring = FileKeyRing.open(tmp_path / "keys.json", custody=custody, caching=KeyCaching(0, 1))
    sealed = ring.seal(b"value", b"")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if ring.unseal(sealed, b"") == b"value" and len(ring.sign(b"x")[1]) == 64 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ring.unseal(sealed, b"") == b"value"


def test_wrong_ways_in_are_clear_and_show_no_pin(token: Token) -> None:
    for access in (replace(token.access, token="another"), replace(token.access, module=Path("/nowhere/lib.so"))):
        with pytest.raises(KeyServiceUnavailableError, match="token") as caught:
            Pkcs11Custody(access).keep("k1", bytes(32))
        assert token.access.pin not in str(caught.value)
    assert token.access.pin not in repr(token.access)


def test_a_service_that_moves_from_the_file_to_a_token_keeps_what_it_sealed_and_derived(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, token: Token
) -> None:
    from tests.softhsm import add_token

    add_token("moved")
    custody = Pkcs11Custody(replace(token.access, token="moved"))
    path = tmp_path / "keys.json"
    before = FileKeyRing.open(path)
    sealed, derived = before.seal(b"value", b""), before.derive("blind index")
    moving = FileKeyRing.open(path, cipher=Cipher.SM4_GCM, custody=custody, caching=KeyCaching(60, 10))
    assert (moving.unseal(sealed, b""), moving.derive("blind index")) == (b"value", derived)
    moving.rotate_sealing(NOW)
    assert moving.keys().root == b""
    assert moving.derive("blind index") == derived
    assert moving.unseal(moving.seal(b"new", b""), b"") == b"new"
    assert moving.unseal(sealed, b"") == b"value"
    # the token of one installation is not overwritten by another one's root
    other = FileKeyRing.open(tmp_path / "other.json", custody=FileCustody())
    with pytest.raises(KeyStateError, match="another installation"):
        FileKeyRing.open(tmp_path / "other.json", custody=custody).rotate_sealing(NOW)
    assert other.keys().sealing_current == "k1"
