"""About the service itself: the engine that runs, and what each problem code means."""

from __future__ import annotations

from api.callers import Caller
from api.context import current
from api.problem_catalogue import CATALOGUE
from api.problems import Problem
from api.rights import Right
from api.v1 import examples
from api.v1.door import Door, blueprint, door
from api.v1.schemas import EngineAnswer, ProblemKindAnswer
from models.repositories import calibrations


@blueprint.get("/engine")
@door(Door(summary="Which face engine runs", right=Right.READ_ENGINE, answer=EngineAnswer, example=examples.ENGINE))
def read_engine(caller: Caller) -> EngineAnswer:  # noqa: ARG001 (admitted is all that matters)
    """Which face engine runs

    And whether its thresholds are calibrated on the own population or provisional.
    """
    context = current()
    with context.database.read_scope() as session:
        calibrated = calibrations.in_effect(session, context.engine.name, context.engine.version) is not None
    return EngineAnswer(
        name=context.engine.name,
        version=context.engine.version,
        note=context.engine_note,
        calibration="calibrated" if calibrated else "provisional",
    )


@blueprint.get("/problems/<public_id:code>")
@door(Door(summary="What a problem code means", answer=ProblemKindAnswer, example=examples.PROBLEM_KIND, problems=("problem_unknown",)))
def read_problem(code: str) -> ProblemKindAnswer:
    """What a problem code means

    The address that every problem's ``type`` names.
    """
    kind = CATALOGUE.get(code)
    if kind is None:
        raise Problem("problem_unknown", "No problem has this code.")
    return ProblemKindAnswer(code=code, status=kind.status, title=kind.title, remedy=kind.remedy)
