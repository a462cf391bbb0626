"""The words for kinds and states of imports."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from models.import_batch import ImportKind, ImportState

KINDS = {
    ImportKind.PERSONS: _("Insured persons"),
    ImportKind.ENROLMENTS: _("Enrolments"),
    ImportKind.BENEFITS: _("Benefits"),
    ImportKind.PAYMENTS: _("Payments"),
    ImportKind.DEATHS: _("Deaths"),
    ImportKind.CUSTODY: _("Times in custody"),
    ImportKind.TRACES: _("Traces of life"),
    ImportKind.BLACKLIST: _("Blacklisted cards"),
    ImportKind.RELATIONS: _("Relations of persons"),
    ImportKind.GRANTS: _("Grants for the dead"),
    ImportKind.INSTITUTIONS: _("Medical institutions"),
    ImportKind.CLAIMS: _("Hospital claims"),
    ImportKind.CLAIM_LINES: _("Lines of claims"),
}
STATES = {
    ImportState.RUNNING: _("Not finished"),
    ImportState.DONE: _("Finished"),
    ImportState.FAILED: _("Not usable"),
}
