"""The citizen's status page apart from its pages: who asked and whose page is open, sealed in the cookie; limits; sending of codes.

The cookie is signed but can be read by whoever has it, so that what it holds is sealed, and looks the same for somebody and for nobody.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from flask import session

from api.context import Context
from api.log import logger
from api.messages import SmsError, SmsSender, sms_sender
from models.keys import KeyRing, UnsealError
from models.keys import Sealed as SealedValue
from verify.status_code_service import CodeToSend, StatusCodeService

log = logger("lifecert.status_page")


def status_code_service(context: Context) -> StatusCodeService:
    """On the running store under the policy in force."""
    policy = context.policy
    return StatusCodeService(
        context.database, context.keyring, certification=policy.certification, status_page=policy.status_page, clock=context.clock
    )


class SealedNote:
    """(person, moment) in the cookie session under a key, sealed for this purpose. None when it is missing, altered or too old."""

    def __init__(self, key: str, keyring: KeyRing, clock: Callable[[], datetime], lasts: timedelta) -> None:
        self._key = key
        self._keyring = keyring
        self._clock = clock
        self._lasts = lasts

    def put(self, who: str) -> None:
        """Keep it from now on."""
        content = json.dumps([who, int(self._clock().timestamp())]).encode("ascii")
        sealed = self._keyring.seal(content, self._key.encode("ascii"))
        session[self._key] = [sealed.key_id, base64.b64encode(sealed.blob).decode("ascii")]

    def who(self) -> str | None:
        """Whom it names, while it holds."""
        kept = session.get(self._key)
        if kept is None:
            return None
        try:
            key_id, blob = kept
            content = self._keyring.unseal(SealedValue(key_id, base64.b64decode(blob, validate=True)), self._key.encode("ascii"))
        except (TypeError, ValueError, binascii.Error, UnsealError):
            return None
        who, since = json.loads(content)
        over = datetime.fromtimestamp(since, UTC) + self._lasts <= self._clock()
        return None if over else str(who)

    def drop(self) -> None:
        """Forget it."""
        session.pop(self._key, None)


class CodeSending:
    """Sends codes beside the request: an answer that waited for the sender would tell that there is somebody to send to."""

    def __init__(self, context: Context) -> None:
        self._sender: SmsSender = sms_sender(context)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="status-codes")
        self._last: Future[None] | None = None

    def send(self, code: CodeToSend, text: str) -> None:
        """Hand the message over to a thread; a message that does not leave is logged without phone and text, and asked for again."""
        self._last = self._pool.submit(self._deliver, code, text)

    def wait(self, timeout_s: float) -> None:
        """Until the last message that was handed over is out."""
        if self._last is not None:
            self._last.result(timeout_s)

    def _deliver(self, code: CodeToSend, text: str) -> None:
        try:
            self._sender.send(code.phone, text, code.reference)
        except SmsError as error:
            log.warning("status_code_not_sent", permanent=error.permanent)
