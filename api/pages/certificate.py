"""The newest certificate of the person: as PDF, and its square code as a picture."""

from __future__ import annotations

import io

import segno
from flask import Response, abort
from flask.typing import ResponseReturnValue

from api.certificate_pdf import certificate_pdf as make_pdf
from api.context import Context, current
from api.pages.blueprints import pages
from api.pages.people import PersonCard
from api.pages.session_person import person_needed
from verify.views import CertificateView


def check_address(context: Context, certificate: CertificateView) -> str:
    """Where anyone can check the certificate."""
    return f"{context.settings.base_url}/c/{certificate.check_token}"


def newest(context: Context, person_id: str) -> CertificateView | None:
    """The person's newest certificate that was not revoked."""
    standing = [c for c in context.verification.certificates.of_person(person_id) if c.revoked_at is None]
    return max(standing, key=lambda c: c.issued_at, default=None)


def pdf_answer(context: Context, certificate: CertificateView) -> Response:
    """The PDF as a download. Its name tells the day and nothing about the person."""
    answer = Response(make_pdf(certificate, check_address(context, certificate)), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="lifecert-{certificate.certified_on:%Y%m%d}.pdf"'
    return answer


@pages.get("/certify/certificate.pdf")
@person_needed("status")
def certificate_pdf(card: PersonCard) -> ResponseReturnValue:
    """Download."""
    context = current()
    certificate = newest(context, card.person_id)
    if certificate is None:
        abort(404)
    return pdf_answer(context, certificate)


@pages.get("/certify/certificate.png")
@person_needed("status")
def certificate_qr(card: PersonCard) -> ResponseReturnValue:
    """The square code."""
    context = current()
    certificate = newest(context, card.person_id)
    if certificate is None:
        abort(404)
    return qr_answer(context, certificate)


def qr_answer(context: Context, certificate: CertificateView) -> Response:
    """The square code as PNG."""
    picture = io.BytesIO()
    segno.make(check_address(context, certificate), error="m", micro=False).save(picture, kind="png", scale=6, border=2)
    return Response(picture.getvalue(), mimetype="image/png")
