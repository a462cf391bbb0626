"""Lists for the paying system: made once under the next number, signed, and given again byte by byte at any time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.database import Database
from models.errors import NotFoundError
from models.keys import KeyRing, Sealed, UnsealError
from models.payment_change import PaymentChangeKind, PaymentList
from models.policy_store import PausePolicy
from models.region import Region
from models.repositories import audit, payment_lists, persons
from models.repositories.payment_lists import NewList, Unlisted
from verify.errors import InputFileError, VerifyError
from verify.payment_list import ListLine

ALGORITHM = "Ed25519"


class ListChanged(VerifyError):
    """The lines in the database no longer give what was signed: somebody or something changed them."""

    code = "list_changed"


class SignatureState(StrEnum):
    """What a check of a file comes to."""

    VALID = "valid"
    FORGED = "forged"
    UNKNOWN = "unknown"  # signed with our key, but no such list is recorded here


@dataclass(frozen=True)
class ListView:
    """One list, without its lines."""

    public_id: str
    kind: PaymentChangeKind
    number: int
    region_code: str
    row_count: int
    content_sha256: str
    key_id: str
    signature: str
    made_by: str
    made_at: datetime

    def signature_file(self) -> bytes:
        """Content of the file beside the list: the detached signature over the list's bytes (RFC 8032), in base64."""
        content = {
            "algorithm": ALGORITHM,
            "key_id": self.key_id,
            "signature": self.signature,
            "sha256": self.content_sha256,
            "kind": self.kind.value,
            "number": self.number,
        }
        return (json.dumps(content, indent=2) + "\n").encode("ascii")


@dataclass(frozen=True)
class MadeList:
    """A list with its bytes. waiting: how many more signed changes the next list will have."""

    view: ListView
    content: bytes
    waiting: int


class PaymentListService:
    """Makes, repeats and checks lists. Every time a list is opened leaves an audit entry: it holds full resident IDs."""

    def __init__(self, database: Database, keyring: KeyRing, policy: PausePolicy, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._clock = clock

    def make(self, kind: PaymentChangeKind, region_code: str, *, actor: str) -> MadeList | None:
        """Put every signed change of a region and all inside it that is on no list yet on the next one; None when there is none.

        Number, lines, signature and audit entry are one transaction: of two at once the second gets what is left, under the next number.
        Raises NotFoundError for a region that is not there.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            if session.get(Region, region_code) is None:
                raise NotFoundError(f"there is no region {region_code}: give a code of six digits that is in the store")
            payment_lists.lock_numbers(session)
            found = payment_lists.unlisted(session, kind, region_code, self._policy.list_rows_max)
            if not found:
                return None
            number = payment_lists.next_number(session, kind)
            written = [self._line(number, position, each) for position, each in enumerate(found, 1)]
            content = b"".join(written)
            key_id, signature = self._keyring.sign(content)
            new = NewList(
                kind=kind,
                number=number,
                region_code=region_code,
                content_sha256=hashlib.sha256(content).digest(),
                key_id=key_id,
                signature=signature,
                lines=[
                    (each.change.id, self._keyring.seal(line, payment_lists.sealed_for(each.change.public_id)))
                    for each, line in zip(found, written, strict=True)
                ],
            )
            row = payment_lists.add(session, new, by=actor, now=now)
            details = {"kind": kind.value, "number": number, "rows": len(found), "sha256": new.content_sha256.hex()}
            audit.record(session, actor=actor, action="payment_list.made", now=now, object=row.public_id, details=details)
            return MadeList(_view(row), content, payment_lists.count_unlisted(session, kind, region_code))

    def _line(self, number: int, position: int, each: Unlisted) -> bytes:
        return ListLine(
            list_number=number,
            position=position,
            resident_id=persons.open_resident_id(each.person, self._keyring),
            name=each.person.name,
            scheme=each.benefit.scheme.value,
            region=each.benefit.region_code,
            effective_month=each.change.effective_month,
            monthly_fen=each.benefit.monthly_fen,
            arrears_fen=each.change.arrears_fen,
            reason=each.change.reason_code.value,
            change_id=each.change.public_id,
        ).as_bytes()

    def find(self, public_id: str) -> ListView:
        """One list without its lines. Raises NotFoundError."""
        with self._database.read_scope() as session:
            return _view(payment_lists.by_public_id(session, public_id))

    def again(self, kind: PaymentChangeKind, number: int, *, actor: str) -> MadeList:
        """A list as it was made, byte by byte, held against its hash and its signature.

        Raises:
            NotFoundError: there is no such list.
            ListChanged: the lines are not those that were signed.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            row = payment_lists.get(session, kind, number)
            content = b"".join(self._open(public_id, line) for public_id, line in payment_lists.lines(session, row.id))
            whole = hashlib.sha256(content).digest() == bytes(row.content_sha256)
            if not whole or not self._keyring.verify_signature(row.key_id, content, bytes(row.signature)):
                raise _changed()
            details = {"kind": kind.value, "number": number, "rows": row.row_count}
            audit.record(session, actor=actor, action="payment_list.read", now=now, object=row.public_id, details=details)
            return MadeList(_view(row), content, 0)

    def _open(self, public_id: str, line: Sealed | None) -> bytes:
        try:
            return b"" if line is None else self._keyring.unseal(line, payment_lists.sealed_for(public_id))
        except UnsealError as error:
            raise _changed() from error

    def lists(self, *, region_code: str | None = None, kind: PaymentChangeKind | None = None, limit: int = 100) -> list[ListView]:
        """Lists without their lines, newest first."""
        with self._database.read_scope() as session:
            return [_view(row) for row in payment_lists.listing(session, region_code=region_code, kind=kind, limit=limit)]

    def waiting(self, kind: PaymentChangeKind, region_code: str) -> int:
        """How many signed changes the next list of a region would have."""
        with self._database.read_scope() as session:
            return payment_lists.count_unlisted(session, kind, region_code)

    def check(self, content: bytes, signature_file: bytes) -> tuple[SignatureState, ListView | None]:
        """Whether a file is a list of ours, and which. Raises InputFileError when the signature file cannot be read."""
        try:
            given = json.loads(signature_file)
            key_id, signature = given["key_id"], base64.b64decode(given["signature"], validate=True)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise InputFileError(
                "the signature file cannot be read: it is JSON with key_id and signature, as the export wrote it"
            ) from error
        if not isinstance(key_id, str) or not self._keyring.verify_signature(key_id, content, signature):
            return SignatureState.FORGED, None
        with self._database.read_scope() as session:
            row = payment_lists.by_digest(session, hashlib.sha256(content).digest())
            return (SignatureState.UNKNOWN, None) if row is None else (SignatureState.VALID, _view(row))


def _changed() -> ListChanged:
    return ListChanged(
        "the lines in the database are not those that were signed: restore them from the backup, and look into who changed them"
    )


def _view(row: PaymentList) -> ListView:
    return ListView(
        public_id=row.public_id,
        kind=row.kind,
        number=row.number,
        region_code=row.region_code,
        row_count=row.row_count,
        content_sha256=bytes(row.content_sha256).hex(),
        key_id=row.key_id,
        signature=base64.b64encode(bytes(row.signature)).decode("ascii"),
        made_by=row.made_by,
        made_at=row.made_at,
    )
