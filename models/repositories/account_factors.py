"""Second factors of staff as rows: secrets sealed, codes taken once, keys with their counters."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session

from models.account_access import AccountFactor, AccountRecoveryCode, FactorKind
from models.keys import KeyRing
from models.types import opaque_id

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that looks like something else
CODE_GROUPS, CODE_GROUP = 4, 4  # 16 of 31 characters: 79 bits


def sealed_for(public_id: str) -> bytes:
    """What the secret of a factor is bound to."""
    return f"account_factor.secret_sealed:{public_id}".encode()


def of_account(session: Session, account_id: int, *, confirmed: bool = True) -> Sequence[AccountFactor]:
    """The factors of an account, oldest first. confirmed: only those that its owner has shown to work."""
    query = select(AccountFactor).where(AccountFactor.account_id == account_id).order_by(AccountFactor.created_at, AccountFactor.id)
    return session.scalars(query.where(AccountFactor.confirmed_at.is_not(None)) if confirmed else query).all()


def add_totp(session: Session, account_id: int, secret: str, *, keyring: KeyRing, now: datetime) -> AccountFactor:
    """A secret that waits for its first code; one that waited before is forgotten. secret: base32."""
    waiting = AccountFactor.account_id == account_id, AccountFactor.kind == FactorKind.TOTP, AccountFactor.confirmed_at.is_(None)
    session.execute(delete(AccountFactor).where(*waiting))
    public_id = opaque_id()
    sealed = keyring.seal(secret.encode("ascii"), sealed_for(public_id))
    row = AccountFactor(
        public_id=public_id, account_id=account_id, kind=FactorKind.TOTP, name="", secret_sealed=sealed, last_counter=0, created_at=now
    )
    session.add(row)
    session.flush()
    return row


def waiting_totp(session: Session, account_id: int) -> AccountFactor | None:
    """The secret that waits for its first code."""
    waiting = AccountFactor.account_id == account_id, AccountFactor.kind == FactorKind.TOTP, AccountFactor.confirmed_at.is_(None)
    return session.scalar(select(AccountFactor).where(*waiting).limit(1))


def secret_of(factor: AccountFactor, keyring: KeyRing) -> str:
    """The opened secret in base32. Raises UnsealError."""
    if factor.secret_sealed is None:
        raise ValueError("this factor has no secret: it is a key")
    return keyring.unseal(factor.secret_sealed, sealed_for(factor.public_id)).decode("ascii")


def take_counter(session: Session, factor: AccountFactor, counter: int, *, now: datetime) -> bool:
    """Use the code of a time step up: False when it, or a later one, was used before, also by somebody at the same moment."""
    unused = AccountFactor.id == factor.id, or_(AccountFactor.last_counter.is_(None), AccountFactor.last_counter < counter)
    done = session.execute(
        update(AccountFactor).where(*unused).values(last_counter=counter, last_used_at=now).execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", done).rowcount == 1


def confirm_totp(session: Session, factor: AccountFactor, *, now: datetime) -> None:
    """The first code was right: it takes the place of the one that the account had."""
    old = AccountFactor.account_id == factor.account_id, AccountFactor.kind == FactorKind.TOTP, AccountFactor.id != factor.id
    session.execute(delete(AccountFactor).where(*old))
    factor.confirmed_at = now


def add_key(
    session: Session,
    account_id: int,
    *,
    name: str,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    transports: list[str],
    now: datetime,
) -> AccountFactor:
    """A key that has just registered."""
    row = AccountFactor(
        account_id=account_id,
        kind=FactorKind.SECURITY_KEY,
        name=name,
        credential_id=credential_id,
        public_key=public_key,
        sign_count=sign_count,
        transports=transports,
        created_at=now,
        confirmed_at=now,
    )
    session.add(row)
    session.flush()
    return row


def key_known(session: Session, credential_id: bytes) -> bool:
    """True when a key is registered already, by whomever."""
    return session.scalar(select(AccountFactor.id).where(AccountFactor.credential_id == credential_id)) is not None


def remove(session: Session, account_id: int, public_id: str) -> bool:
    """Remove one factor; False when the account has none of this id."""
    wanted = AccountFactor.account_id == account_id, AccountFactor.public_id == public_id
    return cast("CursorResult[Any]", session.execute(delete(AccountFactor).where(*wanted))).rowcount == 1


def reset(session: Session, account_id: int) -> None:
    """Remove every factor and recovery code of an account."""
    session.execute(delete(AccountFactor).where(AccountFactor.account_id == account_id))
    session.execute(delete(AccountRecoveryCode).where(AccountRecoveryCode.account_id == account_id))


def new_recovery_codes(session: Session, account_id: int, number: int, *, keyring: KeyRing, now: datetime) -> list[str]:
    """Fresh codes in place of all former ones. They are returned this once; what is stored cannot be turned back into them."""
    session.execute(delete(AccountRecoveryCode).where(AccountRecoveryCode.account_id == account_id))
    codes = []
    for _ in range(number):
        letters = [secrets.choice(CODE_ALPHABET) for _ in range(CODE_GROUPS * CODE_GROUP)]
        codes.append("-".join("".join(letters[at : at + CODE_GROUP]) for at in range(0, len(letters), CODE_GROUP)))
    session.add_all(AccountRecoveryCode(account_id=account_id, digest=_digest(code, keyring), created_at=now) for code in codes)
    session.flush()
    return codes


def take_recovery_code(session: Session, account_id: int, code: str, *, keyring: KeyRing, now: datetime) -> bool:
    """Use a code up: False when it is none of the account's, or was used before."""
    mine = AccountRecoveryCode.account_id == account_id, AccountRecoveryCode.digest == _digest(code, keyring)
    done = session.execute(update(AccountRecoveryCode).where(*mine, AccountRecoveryCode.used_at.is_(None)).values(used_at=now))
    return cast("CursorResult[Any]", done).rowcount == 1


def codes_left(session: Session, account_id: int) -> int:
    """How many recovery codes are unused."""
    mine = AccountRecoveryCode.account_id == account_id, AccountRecoveryCode.used_at.is_(None)
    return session.scalar(select(func.count()).select_from(AccountRecoveryCode).where(*mine)) or 0


def _digest(code: str, keyring: KeyRing) -> bytes:
    plain = "".join(code.upper().split()).replace("-", "")
    return hmac.new(keyring.derive("recovery-code"), plain.encode(), hashlib.sha256).digest()
