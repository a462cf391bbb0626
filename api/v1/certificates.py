"""Certificates: read by those who may, checked by anyone."""

from __future__ import annotations

from flask import Response, url_for

from api import limits
from api.callers import Caller, Reached
from api.certificate_pdf import certificate_pdf
from api.context import current
from api.limits import Limited, client_address
from api.problems import Problem
from api.rights import Right
from api.v1 import examples
from api.v1.door import Door, blueprint, door
from api.v1.looks import record_look
from api.v1.schemas import CertificateAnswer, CertificateCheckAnswer
from models.certificates import CertificateCheck
from verify.service_errors import CertificateUnknown
from verify.views import CertificateView


def _readable(certificate_id: str, caller: Caller) -> tuple[CertificateView, Reached]:
    """The certificate, when its person is in the caller's reach; otherwise it is as if there were none."""
    try:
        view = current().verification.certificates.read(certificate_id)
        return view, caller.reach(view.person_id)
    except (CertificateUnknown, Problem):
        raise Problem("certificate_unknown", "No certificate with this number in your reach.") from None


@blueprint.get("/certificates/<public_id:certificate_id>")
@door(
    Door(
        summary="Read a certificate",
        right=Right.READ_CERTIFICATE,
        answer=CertificateAnswer,
        example=examples.CERTIFICATE,
        problems=("certificate_unknown",),
    )
)
def read_certificate(certificate_id: str, caller: Caller) -> CertificateView:
    """Read a certificate"""
    view, person = _readable(certificate_id, caller)
    record_look(caller, person, "certificate_read", seen=certificate_id)
    return view


@blueprint.get("/certificates/<public_id:certificate_id>/pdf")
@door(
    Door(
        summary="Get a certificate as PDF",
        right=Right.READ_CERTIFICATE,
        file_type="application/pdf",
        problems=("certificate_unknown",),
    )
)
def read_certificate_pdf(certificate_id: str, caller: Caller) -> Response:
    """Get a certificate as PDF

    One page in Chinese and English, with a square code that leads to the public check.
    """
    view, person = _readable(certificate_id, caller)
    record_look(caller, person, "certificate_printed", seen=certificate_id)
    paper = certificate_pdf(view, current().settings.base_url + url_for("pages.check_certificate", token=view.check_token))
    name = f"lifecert-{certificate_id}.pdf"
    return Response(paper, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/certificate-checks/<check_token:token>")
@door(
    Door(
        summary="Check a certificate",
        answer=CertificateCheckAnswer,
        example=examples.CERTIFICATE_CHECK,
        problems=("not_found", "too_many_requests"),
    )
)
def check_certificate(token: str) -> CertificateCheck:
    """Check a certificate

    For anyone with the code from the paper. Tells the masked name and the validity, nothing else; a code that never was is ``unknown``
    or ``forged``, not an error.
    """
    limits.check(Limited.CERTIFICATE_CHECKS_FROM_ADDRESS, client_address())
    return current().verification.certificates.check(token)
