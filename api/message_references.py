"""What a message is called towards those who carry it: the same for every try, and it tells nobody how many messages there are."""

from __future__ import annotations

import hashlib
import hmac

from api.context import Context

REFERENCE_CHARACTERS = 32


def reference_of(context: Context, purpose: str, message_id: int) -> str:
    """Reference of a message of the outbox. purpose: of the key; the same message has another reference for each."""
    key = context.keyring.derive(purpose)
    return hmac.new(key, str(message_id).encode("ascii"), hashlib.sha256).hexdigest()[:REFERENCE_CHARACTERS]
