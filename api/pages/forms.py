"""The forms of the pages. Every one is protected against forged requests by the application."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from models.identifiers import IdentifierError, parse_resident_id


def _stripped(value: str | None) -> str | None:
    return value.strip() if isinstance(value, str) else value


class IdentifyForm(FlaskForm):  # type: ignore[misc]
    """Name and resident ID. Typing slips are pointed out; whether the person exists is not."""

    full_name = StringField(filters=[_stripped], validators=[InputRequired(_("Please write the name.")), Length(max=100)])
    resident_id = StringField(filters=[_stripped], validators=[InputRequired(_("Please write the identity card number.")), Length(max=24)])

    def compact_id(self) -> str:
        """The number without spaces."""
        return "".join((self.resident_id.data or "").split()).upper()

    def validate(self, extra_validators: object = None) -> bool:
        """True when both are there and the number can be one."""
        if not super().validate(extra_validators):
            return False
        try:
            parse_resident_id(self.compact_id())
        except IdentifierError:
            self.resident_id.errors = [_("There is a slip in the number. Compare each digit with the card.")]
            return False
        return True


class FindForm(FlaskForm):  # type: ignore[misc]
    """One field for staff: name, resident ID or social-security number."""

    text = StringField(filters=[_stripped], validators=[InputRequired(_("Write a name or a number.")), Length(max=100)])


class PictureForm(FlaskForm):  # type: ignore[misc]
    """A picture from a file. The camera of the counter posts the same form."""

    picture = FileField(validators=[FileRequired(_("Choose a picture first."))])
    source = SelectField(choices=[SelectChoice("file"), SelectChoice("camera")], default="file")


REVOKE_REASONS = {
    "wrong_person": _("It shows another person"),
    "poor_quality": _("The quality is too poor"),
    "compromised": _("It may be in wrong hands"),
    "withdrawn_by_person": _("The person has withdrawn it"),
    "deceased": _("The person has died"),
    "other": _("Another reason"),
}


class RevokeForm(FlaskForm):  # type: ignore[misc]
    """Why a reference is taken out of use."""

    reason = SelectField(choices=[SelectChoice(code, words) for code, words in REVOKE_REASONS.items()], validators=[InputRequired()])


class HarnessForm(FlaskForm):  # type: ignore[misc]
    """What is recorded."""

    label = RadioField(
        choices=[SelectChoice("bona_fide", _("A living person")), SelectChoice("attack", _("An attack"))], default="bona_fide"
    )
    species = StringField(filters=[_stripped], default="", validators=[Length(max=40)])
    consent = BooleanField(validators=[InputRequired(_("Without consent nothing is recorded."))])
