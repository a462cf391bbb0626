"""A trained model: what is compared and what each agreement is worth. Saved as JSON, so that a nightly run need not be trained anew."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detection.linkage.errors import LinkageInputError
from detection.linkage.plan import ComparisonPlan
from detection.linkage.training import Parameters

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """comparisons: name -> labels of its levels, closest first. threshold_weight: from which on pairs match."""

    comparisons: tuple[tuple[str, tuple[str, ...]], ...]
    parameters: Parameters
    threshold_weight: float

    def fits(self, comparisons: list[ComparisonPlan]) -> bool:
        """Whether the columns at hand give the comparisons that the model was trained for."""
        return self.comparisons == shape_of(comparisons)


def shape_of(comparisons: list[ComparisonPlan]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What identifies a set of comparisons."""
    return tuple((comparison.name, tuple(level.label for level in comparison.levels)) for comparison in comparisons)


def save_model(model: Model, path: Path) -> None:
    """Write the model; the file is there wholly or not at all."""
    content = {"format": FORMAT, **dataclasses.asdict(model)}
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_text(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8")
    draft.replace(path)


def load_model(path: Path) -> Model:
    """Read a saved model.

    Raises:
        LinkageInputError: not such a file, or of another version.
        OSError: the file cannot be read.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise LinkageInputError(f"{path.name}: a model of format {content['format']}, this version reads {FORMAT}: train it anew")
        given = content["parameters"]
        return Model(
            tuple((name, tuple(labels)) for name, labels in content["comparisons"]),
            Parameters(tuple(tuple(one) for one in given["m"]), tuple(tuple(one) for one in given["u"]), float(given["prior"])),
            float(content["threshold_weight"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LinkageInputError(f"{path.name}: not a saved model of linkage: {error}") from error
