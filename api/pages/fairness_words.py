"""The words of fairness: dimensions, groups, measures, and a gap in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.pages.scorecard_words import percent
from detection.fairness.comparing import Compared, Verdict
from models.fairness import Dimension, Measure
from models.person import Sex
from models.repositories.figures.kinds import UNDER, Route
from models.verification import VerificationChannel

DIMENSIONS: dict[Dimension, LazyString] = {
    Dimension.AGE: lazy_gettext("By age"),
    Dimension.SEX: lazy_gettext("By sex"),
    Dimension.DEVICE: lazy_gettext("By device"),
    Dimension.ROUTE: lazy_gettext("By who is beside the person"),
    Dimension.REGION: lazy_gettext("By city or county"),
}
MEASURES: dict[Measure, LazyString] = {
    Measure.COMPLETION: lazy_gettext("Certified"),
    Measure.RETRY: lazy_gettext("Asked to try once more"),
    Measure.REFUSAL: lazy_gettext("Refused"),
}
GROUPS: dict[tuple[Dimension, str], LazyString] = {
    (Dimension.AGE, UNDER): lazy_gettext("under 60"),
    (Dimension.AGE, "60-69"): lazy_gettext("60 to 69"),
    (Dimension.AGE, "70-79"): lazy_gettext("70 to 79"),
    (Dimension.AGE, "80+"): lazy_gettext("80 and older"),
    (Dimension.SEX, Sex.FEMALE.value): lazy_gettext("women"),
    (Dimension.SEX, Sex.MALE.value): lazy_gettext("men"),
    (Dimension.DEVICE, "phone"): lazy_gettext("telephone"),
    (Dimension.DEVICE, "tablet"): lazy_gettext("tablet"),
    (Dimension.DEVICE, "computer"): lazy_gettext("computer"),
    (Dimension.DEVICE, "other"): lazy_gettext("not known"),
    (Dimension.ROUTE, VerificationChannel.SELF.value): lazy_gettext("alone"),
    (Dimension.ROUTE, VerificationChannel.HELPER.value): lazy_gettext("with a helper"),
    (Dimension.ROUTE, VerificationChannel.COUNTER.value): lazy_gettext("at a counter"),
}
ROUTES: dict[Route, LazyString] = {
    Route.FACE: lazy_gettext("Face, by camera"),
    Route.COUNTER: lazy_gettext("In person, at a counter"),
    Route.HOME_VISIT: lazy_gettext("In person, at home"),
    Route.VIDEO_CALL: lazy_gettext("Video call"),
    Route.ASSISTED: lazy_gettext("With the help of another office"),
    Route.DATA_MATCH: lazy_gettext("From official records"),
}


def group_words(dimension: Dimension, group: str, names: Mapping[str, str]) -> str:
    """Name of a group. names: of regions, by code."""
    return str(GROUPS.get((dimension, group)) or names.get(group) or group)


def verdict_words(one: Compared) -> str:
    """What the numbers of a group say in one measure."""
    if one.others.of == 0:
        return _("nobody to compare with")
    if one.verdict is Verdict.TOO_FEW or one.worse is None:
        return _("too few to judge")
    if one.verdict is Verdict.ALIKE:
        return _("within policy")
    return _(
        "worse than everybody else by %(points)s, at least %(least)s; policy allows %(limit)s",
        points=points(one.worse.value),
        least=points(one.worse.low),
        limit=points(one.limit),
    )


def points(share: float) -> str:
    """A difference of shares in percentage points with one place."""
    return _("%(number)s percentage points", number=f"{100 * share:.1f}")


def gap_sentence(details: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    """What an alert of fairness says, from its details; None for details of another kind. names: of regions, by code."""
    try:
        dimension, measure = Dimension(details["dimension"]), Measure(details["measure"])
        value, least, _most = details["worse"]
        return _(
            "Camera checks, %(dimension)s, %(group)s: %(measure)s %(share)s of %(of)s attempts, everybody else %(others)s of %(others_of)s."
            " That is worse by %(points)s, with confidence by at least %(least)s; policy allows %(limit)s.",
            dimension=DIMENSIONS[dimension],
            group=group_words(dimension, str(details["group"]), names),
            measure=MEASURES[measure],
            share=percent(details["share"]),
            of=f"{details['of']:,}",
            others=percent(details["others_share"]),
            others_of=f"{details['others_of']:,}",
            points=points(value),
            least=points(least),
            limit=points(details["limit"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def duration(seconds: float | None) -> str:
    """A time in the unit that suits it; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return _("%(number)s s", number=f"{seconds:.0f}")
    if seconds < 90 * 60:
        return _("%(number)s min", number=f"{seconds / 60:.0f}")
    if seconds < 48 * 3600:
        return _("%(number)s h", number=f"{seconds / 3600:.1f}")
    return _("%(number)s days", number=f"{seconds / 86400:.1f}")
