"""What the consent page says, with the version and the retention that are in force."""

from __future__ import annotations

from flask_babel import gettext as _

from api.context import current
from api.i18n import current_language
from models.consent import ConsentPurpose


def consented_to_this_text(person_id: str) -> bool:
    """True while a consent to the text in force stands; one to an earlier text is asked for anew before a face is used again."""
    context = current()
    version = context.policy.consent.text_versions[ConsentPurpose.FACE_VERIFICATION]
    return context.verification.references.has_consent(person_id, text_version=version)


def consent_text() -> dict[str, str]:
    """text_version and retention_words for the templates that show the text."""
    policy = current().policy
    kept = policy.retention
    words = [
        _(
            "The pictures, and what was measured in them, are deleted after %(hours)s hours at the latest.",
            hours=kept.frame_observation_hours,
        )
    ]
    if kept.keep_pictures_of_referred:
        words.append(
            _(
                "Only if a person has to look, encrypted pictures are kept for at most %(days)s days.",
                days=kept.referred_picture_days,
            )
        )
    return {
        "text_version": policy.consent.text_versions[ConsentPurpose.FACE_VERIFICATION],
        "retention_words": ("" if current_language() == "zh" else " ").join(words),
    }
