"""Text messages: one interface for senders, and the sender that writes to a file, for a gateway to pick up.

The network of the service has no way out by itself. What carries the messages to phones reads the file, or a sender of the province's own
takes the place of ``FileSmsSender`` behind ``SmsSender``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from api.context import Context
from api.settings import SmsChoice
from models.types import opaque_id

FOLDER = "outgoing"
FILE = "sms.jsonl"
TEXT_MAX = 500  # characters; networks cut a message into parts of about 67 Chinese characters
PHONE_MAX = 30


class SmsError(Exception):
    """A message did not leave. permanent: trying again will not help. The message names neither phone nor text."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.permanent = permanent


class SmsSender(Protocol):
    """Sends text messages. Implementations are thread-safe."""

    def send(self, phone: str, text: str, reference: str) -> str:
        """Hand over one message; the provider's id of it.

        reference: the same for every try of one message, so that a provider can leave out what it has already. Raises SmsError.
        """
        ...


class FileSmsSender:
    """Appends each message as one JSON line, synced to the disk before the call returns. Only the owner can read the file."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock

    def send(self, phone: str, text: str, reference: str) -> str:
        """See SmsSender. A line that an earlier process died in the middle of is ended first; readers leave out what is not JSON."""
        if not phone.strip() or len(phone) > PHONE_MAX:
            raise SmsError("the phone number is empty or too long: correct the person's record", permanent=True)
        if not text or len(text) > TEXT_MAX:
            raise SmsError(f"the text is empty or longer than {TEXT_MAX} characters", permanent=True)
        message_id = opaque_id()
        line = {"id": message_id, "at": self._clock().isoformat(), "phone": phone, "text": text, "reference": reference}
        try:
            self._append(json.dumps(line, ensure_ascii=False).encode("utf-8") + b"\n")
        except OSError as error:
            raise SmsError(f"the file of outgoing messages cannot be written ({error.strerror})", permanent=False) from error
        return message_id

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = self._locked()
        try:
            end = os.fstat(descriptor).st_size
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            content = b"\n" + line if torn else line
            if os.write(descriptor, content) != len(content):
                os.ftruncate(descriptor, end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _locked(self) -> int:
        """Descriptor of the file under its exclusive lock, which closing lets go."""
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # a gateway that moved the file away while this waited for the lock has read it to its end: a line in it would be lost
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(descriptor), self._path.stat()):
                        return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


def sms_sender(context: Context) -> SmsSender:
    """The sender that LIFECERT_SMS asks for."""
    match context.settings.sms:
        case SmsChoice.FILE:
            return FileSmsSender(context.settings.home / FOLDER / FILE, context.clock)
