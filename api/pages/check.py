"""The public check of a certificate: validity and a masked name, nothing else."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from api import limits
from api.context import current
from api.limits import Limited, client_address
from api.pages.blueprints import pages
from api.pages.words import CHECKS


@pages.get("/c/<token>")
def check_certificate(token: str) -> ResponseReturnValue:
    """Anyone with the code may ask."""
    limits.check(Limited.CERTIFICATE_CHECKS_FROM_ADDRESS, client_address())
    check = current().verification.certificates.check(token)
    state = str(check.state)
    answer = render_template("pages/check.html", check=check, words=CHECKS[state])
    return answer, 404 if state in {"unknown", "forged"} else 200
