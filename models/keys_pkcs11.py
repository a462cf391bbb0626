"""A key service over PKCS#11 (OASIS, version 2.40 and 3.0): a hardware module, or SoftHSM, keeps the keys that everything hangs on.

Sealing keys are wrapped by an AES-256 key of the token (AES-GCM, bound to the key's id) and stand wrapped in the key file; the token's own
key never leaves it. Signing keys (Ed25519) are made in the token and sign there; where it has no Ed25519 they are wrapped like sealing
keys. The root of derived secrets is a generic secret of the token, which computes HMAC-SHA256 with it.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.key_ciphers import NONCE_BYTES
from models.key_custody import SECRET_BYTES, public_of
from models.key_errors import KeyServiceUnavailableError, KeyStateError

if TYPE_CHECKING:
    from pkcs11 import Session

PKCS11 = "pkcs11"
WRAPPING_LABEL = "lifecert-wrapping"
ROOT_LABEL = "lifecert-derivation"
SIGNING_LABEL = "lifecert-signing-"
HANDLE_BYTES = 16
"""Length of CKA_ID of signing keys, which the key file keeps: labels alone could be of an installation before this one."""
ED25519_PARAMETERS = bytes.fromhex("130c656477617264733235353139")  # PrintableString "edwards25519", PKCS#11 3.0 section 2.3.5
T = TypeVar("T")


@dataclass(frozen=True)
class TokenAccess:
    """Which token, and how to get in. module: the vendor's library. The PIN is never shown."""

    module: Path
    token: str
    pin: str = field(repr=False)


class Pkcs11Custody:
    """Keeps keys in one token. One session, used by one thread at a time; opened again after a fork and after the token was away.

    The token's wrapping key and root are made when they are first needed and not there.
    """

    name = PKCS11

    def __init__(self, access: TokenAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._opened: tuple[int, Session] | None = None

    def keep(self, key_id: str, secret: bytes) -> bytes:
        """See Custody: nonce and wrapped key."""
        nonce = os.urandom(NONCE_BYTES)

        def wrap(session: Session) -> bytes:
            key = _wrapping_key(session, make=True)
            return bytes(key.encrypt(secret, **_gcm(nonce, key_id)))

        return nonce + self._run(wrap)

    def reveal(self, key_id: str, kept: bytes) -> bytes:
        """See Custody. A key that was wrapped under another id does not open."""
        return self._run(
            lambda session: bytes(_wrapping_key(session, make=False).decrypt(kept[NONCE_BYTES:], **_gcm(kept[:NONCE_BYTES], key_id)))
        )

    def new_signer(self, key_id: str) -> tuple[bytes, bytes]:
        """See Custody: what the token finds the key by when it makes it itself, else the wrapped secret."""
        handle = os.urandom(HANDLE_BYTES)
        public = self._run(lambda session: _make_signer(session, key_id, handle))
        if public is not None:
            return handle, public
        secret = os.urandom(SECRET_BYTES)
        return self.keep(key_id, secret), public_of(secret)

    def sign(self, key_id: str, kept: bytes, message: bytes) -> bytes:
        """See Custody."""
        if len(kept) != HANDLE_BYTES:
            return Ed25519PrivateKey.from_private_bytes(self.reveal(key_id, kept)).sign(message)
        return self._run(lambda session: _sign(session, kept, message))

    def drop_signer(self, kept: bytes) -> None:
        """See Custody."""
        if len(kept) == HANDLE_BYTES:
            self._run(lambda session: _drop_signer(session, kept))

    def keep_root(self, root: bytes | None) -> bytes:
        """See Custody: nothing is kept. A root that the token has already stays, unless another one is to be brought in."""
        self._run(lambda session: _make_root(session, root))
        return b""

    def expand(self, kept: bytes, message: bytes) -> bytes:  # noqa: ARG002
        """See Custody."""
        return self._run(lambda session: _expand(session, message))

    def ping(self) -> None:
        """Return when the token answers and has the wrapping key. Raises KeyServiceUnavailableError."""
        self._run(lambda session: _wrapping_key(session, make=False))

    def _run(self, work: Callable[[Session], T]) -> T:
        from pkcs11.exceptions import PKCS11Error

        with self._lock:
            try:
                return work(self._session(anew=False))
            except PKCS11Error:
                self._opened = None  # the token may have been away, or put in after the library looked for tokens
            try:
                return work(self._session(anew=True))
            except PKCS11Error as error:
                self._opened = None
                raise _unavailable(error) from None  # the library's error may repeat what it was given

    def _session(self, *, anew: bool) -> Session:
        import pkcs11
        from pkcs11.exceptions import UserAlreadyLoggedIn

        process = os.getpid()
        if self._opened is not None and self._opened[0] == process:
            return self._opened[1]
        library = pkcs11.lib(str(self._access.module))
        if anew or self._opened is not None:  # of the process that this one was forked from: PKCS#11 2.40 section 2.5 asks for a new start
            library.reinitialize()
        token = library.get_token(token_label=self._access.token)
        try:
            session = token.open(rw=True, user_pin=self._access.pin)
        except UserAlreadyLoggedIn:  # the login is the process's, whoever opened the first session
            session = token.open(rw=True)
        self._opened = (process, session)
        return session


def _gcm(nonce: bytes, key_id: str) -> dict[str, Any]:
    from pkcs11 import GCMParams, Mechanism

    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, f"lifecert/key/{key_id}".encode())}


def _wrapping_key(session: Session, *, make: bool) -> Any:
    from pkcs11 import Attribute, KeyType, ObjectClass
    from pkcs11.exceptions import NoSuchKey

    try:
        return session.get_key(object_class=ObjectClass.SECRET_KEY, label=WRAPPING_LABEL)
    except NoSuchKey:
        if not make:
            raise
    never_out = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True, Attribute.ENCRYPT: True, Attribute.DECRYPT: True}
    return session.generate_key(KeyType.AES, 256, label=WRAPPING_LABEL, store=True, template=never_out)


def _make_signer(session: Session, key_id: str, handle: bytes) -> bytes | None:
    """Raw public key of a new key pair of the token, None when it has no Ed25519."""
    from asn1crypto.core import OctetString
    from pkcs11 import Attribute, KeyType, Mechanism
    from pkcs11.exceptions import AttributeTypeInvalid, AttributeValueInvalid, DomainParamsInvalid, MechanismInvalid

    if Mechanism.EC_EDWARDS_KEY_PAIR_GEN not in session.token.slot.get_mechanisms():
        return None
    try:
        parameters = session.create_domain_parameters(KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: ED25519_PARAMETERS}, local=True)
        public, _private = parameters.generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            store=True,
            id=handle,
            label=SIGNING_LABEL + key_id,
            private_template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
        )
    except (MechanismInvalid, AttributeTypeInvalid, AttributeValueInvalid, DomainParamsInvalid):
        return None
    point = bytes(public[Attribute.EC_POINT])
    return point if len(point) == SECRET_BYTES else bytes(OctetString.load(point).native)


def _sign(session: Session, handle: bytes, message: bytes) -> bytes:
    from pkcs11 import Mechanism, ObjectClass

    key: Any = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=handle)
    return bytes(key.sign(message, mechanism=Mechanism.EDDSA))


def _drop_signer(session: Session, handle: bytes) -> None:
    from pkcs11 import Attribute, ObjectClass

    for key in list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: handle})):
        key.destroy()


def _make_root(session: Session, root: bytes | None) -> None:
    from pkcs11 import Attribute, KeyType, ObjectClass

    if any(True for _ in session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: ROOT_LABEL})):
        probe = b"lifecert/root"
        if root is None or hmac.compare_digest(_expand(session, probe), hmac.digest(root, probe, "sha256")):
            return
        raise KeyStateError(
            f"the token holds the key {ROOT_LABEL} of another installation: take a token of its own; replacing it would make that one's "
            "numbers impossible to find"
        )
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.LABEL: ROOT_LABEL,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.SIGN: True,
            Attribute.VALUE: os.urandom(SECRET_BYTES) if root is None else root,
        }
    )


def _expand(session: Session, message: bytes) -> bytes:
    from pkcs11 import Mechanism, ObjectClass

    root: Any = session.get_key(object_class=ObjectClass.SECRET_KEY, label=ROOT_LABEL)
    return bytes(root.sign(message, mechanism=Mechanism.SHA256_HMAC))


def _unavailable(error: Exception) -> KeyServiceUnavailableError:
    return KeyServiceUnavailableError(
        f"the key service does not do what it was asked to ({type(error).__name__}): check that the token is there, "
        "its label, PIN and library, and that it is the one that holds this service's keys; nothing that is sealed is lost"
    )
