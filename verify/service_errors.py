"""What can stand in the way of a use case of the verification service. Each has a stable code; the words live with the doors."""

from __future__ import annotations

from verify.errors import VerifyError
from verify.views import ReferenceCheck


class ServiceError(VerifyError):
    """Base of the service's refusals."""

    code = "service_error"


class PersonUnknown(ServiceError):
    """No such person."""

    code = "person_unknown"


class PersonDeceased(ServiceError):
    """A death record stands against this person: only people at the counter can go on."""

    code = "person_deceased"


class ConsentMissing(ServiceError):
    """Face recognition needs a consent that is in force."""

    code = "consent_missing"


class ReferenceMissing(ServiceError):
    """No reference face is enrolled for the engine in use."""

    code = "reference_missing"


class ReferenceRejected(ServiceError):
    """The picture is not good enough to be a reference; ``check`` says why."""

    code = "reference_rejected"

    def __init__(self, detail: str, check: ReferenceCheck) -> None:
        super().__init__(detail)
        self.check = check


class TriesUsedUp(ServiceError):
    """Too many failed tries; the next may start after ``retry_after_s`` seconds."""

    code = "tries_used_up"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class VerificationUnknown(ServiceError):
    """No such verification, or not with this token."""

    code = "verification_unknown"


class VerificationClosed(ServiceError):
    """The verification no longer takes frames."""

    code = "verification_closed"

    def __init__(self, detail: str, state: str) -> None:
        super().__init__(detail)
        self.state = state


class FrameDuplicate(ServiceError):
    """This sequence number was already used for other bytes."""

    code = "frame_duplicate"


class TooManyFrames(ServiceError):
    """The session has as many frames as policy allows."""

    code = "too_many_frames"


class CertificateUnknown(ServiceError):
    """No such certificate."""

    code = "certificate_unknown"
