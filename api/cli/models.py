"""`lifecert models`: train anomaly models, let them score months, look at their cards, let them go live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import Context, open_context
from api.settings import load_settings
from models.anomaly_model import EntityKind, ModelKind

if TYPE_CHECKING:
    from models.anomaly_model import AnomalyModel

ENTITIES = click.Choice([kind.value for kind in EntityKind])
KINDS = click.Choice([kind.value for kind in ModelKind])
MONTH = click.DateTime(["%Y-%m"])
FROM = click.option("--from", "from_month", type=MONTH, metavar="MONTH", help="First month of claims, YYYY-MM.")
TO = click.option("--to", "to_month", type=MONTH, metavar="MONTH", help="Last month of claims, YYYY-MM; last month when not given.")
ENGINE = click.option(
    "--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True, help="Where features are computed."
)
BY = click.option("--by", default=operator_name, metavar="USER", help="Who does it, for the record; this user when not given.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
DRIFTED_SHOWN = 5


@click.group("models")
def models_group() -> None:
    """Anomaly models over hospital claims, month by month. A new model is in the shadow: it scores and opens nothing. After some months
    a second person may let it go live; from then on lifecert detect claims opens what it finds.

    \b
    Examples:
      lifecert models train --entity hospital --from 2025-07 --to 2025-12
      lifecert models score --from 2026-01 --to 2026-02
      lifecert models promote PQ3x8mJk2LwZ1tYbC0aVfg --by "Wang Fang"
    """


@models_group.command("train")
@click.option("--entity", type=ENTITIES, default=EntityKind.HOSPITAL.value, show_default=True, help="Whose claims are looked at.")
@click.option(
    "--kind",
    type=KINDS,
    default=ModelKind.UNSUPERVISED.value,
    show_default=True,
    help="Without labels, or from what people decided (refused when they decided too few).",
)
@FROM
@TO
@ENGINE
@BY
@AS_JSON
def train(entity: str, kind: str, from_month: datetime | None, to_month: datetime | None, engine: str, by: str, as_json: bool) -> None:
    """Train a model on whole months of claims; it starts in the shadow. The same claims, policy and seed give the same model.

    \b
    Examples:
      lifecert models train
      lifecert models train --entity doctor --from 2025-07 --to 2025-12
      lifecert models train --entity hospital --kind supervised --json
    """
    from api.anomaly_models import models_service, open_claims

    by, context = _name(by), open_context(load_settings())
    service = models_service(context)
    first, last = _months(context, from_month, to_month)
    with _errors(), progress_bar() as report:
        public_id = service.train(
            EntityKind(entity), ModelKind(kind), service.span(first, last), open_claims(context, engine, report), by=by, progress=report
        )
    _show_one(context, public_id, as_json)
    if not as_json:
        click.echo("it is in the shadow: lifecert detect claims, or lifecert models score, lets it score further months", err=True)


@models_group.command("score")
@FROM
@TO
@ENGINE
@AS_JSON
def score(from_month: datetime | None, to_month: datetime | None, engine: str, as_json: bool) -> None:
    """Let every model in the shadow and every live one score months. Nothing is opened by it: lifecert detect claims does that.

    \b
    Examples:
      lifecert models score --from 2026-01 --to 2026-02
      lifecert models score --json
    """
    from api.anomaly_models import models_service, open_claims

    context = open_context(load_settings())
    service = models_service(context)
    first, last = _months(context, from_month or to_month, to_month)
    if from_month is None and to_month is None:
        first = last
    wanted = _each(first, last)
    with _errors(), progress_bar() as report:
        done = service.score(wanted, open_claims(context, engine, report), by=f"cli:{operator_name()}", progress=report)
    plain: list[dict[str, Any]] = [
        {
            "model": one.model,
            "entity": one.entity.value,
            "kind": one.kind.value,
            "state": one.state.value,
            "month": one.month.isoformat(),
            "entities": one.entities,
            "kept": one.kept,
            "drift": [moved.plain() for moved in one.drift],
        }
        for one in done
    ]
    if as_json:
        click.echo(json.dumps(plain))
        return
    for line in plain:
        click.echo(
            f"{line['model']}  {line['entity']:<10}  {line['kind']:<12}  {line['state']:<6}  {line['month'][:7]}  {line['entities']} scored"
        )
    if not plain:
        click.echo("no model is in the shadow or live: lifecert models train")


@models_group.command("show")
@click.argument("model_id", metavar="[ID]", required=False)
@AS_JSON
def show(model_id: str | None, as_json: bool) -> None:
    """List the models, or show one: its card, its drift month by month, and how it compares with the live one.

    \b
    Examples:
      lifecert models show
      lifecert models show PQ3x8mJk2LwZ1tYbC0aVfg --json
    """
    from models.repositories import anomaly_models

    context = open_context(load_settings())
    if model_id is not None:
        with _errors():
            _show_one(context, model_id, as_json)
        return
    with context.database.read_scope() as session:
        rows = [_line(row) for row in anomaly_models.listing(session)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(
            f"{row['id']}  {row['entity']:<10}  {row['kind']:<12}  v{row['version']:<3}  {row['state']:<7}  "
            f"{row['trained_from'][:7]} to {row['trained_to'][:7]}  trained by {row['trained_by']}"
        )
    if not rows:
        click.echo("no model has been trained: lifecert models train")


@models_group.command("promote")
@click.argument("model_id", metavar="ID")
@click.option("--by", required=True, metavar="USER", help="Who lets it go live: another person than the one who trained it.")
@AS_JSON
def promote(model_id: str, by: str, as_json: bool) -> None:
    """Let a model in the shadow go live, after it has scored as many months after its training as policy asks for. The live one before it
    retires. The comparison with it is shown and kept.

    \b
    Examples:
      lifecert models promote PQ3x8mJk2LwZ1tYbC0aVfg --by "Wang Fang"
    """
    from api.anomaly_models import models_service

    context = open_context(load_settings())
    with _errors():
        compared = models_service(context).promote(model_id, by=_name(by)).plain()
    if as_json:
        click.echo(json.dumps({"id": model_id, "state": "live", "comparison": compared}))
        return
    click.echo(f"{model_id} is live")
    _say_comparison(compared)


@models_group.command("retire")
@click.argument("model_id", metavar="ID")
@BY
def retire(model_id: str, by: str) -> None:
    """Take a model out of use. What it found vanishes with the next run over the same months.

    \b
    Examples:
      lifecert models retire PQ3x8mJk2LwZ1tYbC0aVfg
    """
    from api.anomaly_models import models_service

    context = open_context(load_settings())
    with _errors():
        models_service(context).retire(model_id, by=_name(by))
    click.echo(f"{model_id} is retired")


@contextmanager
def _errors() -> Iterator[None]:
    from detection.anomaly.training import TrainingRefusedError
    from detection.errors import DetectionError, EngineUnavailableError
    from models.errors import ConflictError, NotFoundError

    try:
        yield
    except (TrainingRefusedError, EngineUnavailableError, NotFoundError, ConflictError) as error:
        raise BadInputError(str(error)) from error
    except DetectionError as error:
        raise WorkFailedError(str(error)) from error


def _months(context: Context, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    """First days of the first and the last month; the whole months before today when none are named."""
    from detection import months

    today = context.policy.certification.today(context.clock())
    newest = months.first_day(months.month_number(today) - 1)
    end = newest if last is None else last.date()
    start = months.first_day(months.month_number(end) - context.policy.anomaly.store.train_months + 1) if first is None else first.date()
    if end > newest:
        raise BadInputError(f"--to {end:%Y-%m}: only whole months are taken, the last one is {newest:%Y-%m}")
    if start > end:
        raise BadInputError(f"--from {start:%Y-%m} lies after --to {end:%Y-%m}")
    return start, end


def _each(first: date, last: date) -> list[date]:
    from detection import months

    return [months.first_day(number) for number in range(months.month_number(first), months.month_number(last) + 1)]


def _name(by: str) -> str:
    if not 0 < len(by.strip()) <= 100:
        raise BadInputError("--by must have 1 to 100 characters")
    return by.strip()


def _line(row: AnomalyModel) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "entity": row.entity.value,
        "kind": row.kind.value,
        "version": row.version,
        "state": row.state.value,
        "trained_from": row.trained_from.isoformat(),
        "trained_to": row.trained_to.isoformat(),
        "trained_by": row.trained_by,
        "trained_at": row.trained_at.isoformat(),
        "promoted_by": row.promoted_by,
        "artefact_sha256": row.artefact_sha256,
        "data_sha256": row.data_sha256,
    }


def _show_one(context: Context, public_id: str, as_json: bool) -> None:
    from api.anomaly_models import models_service
    from models.repositories import anomaly_models

    compared = models_service(context).comparison(public_id).plain()
    with context.database.read_scope() as session:
        row = anomaly_models.get(session, public_id)
        plain = _line(row) | {"card": row.card, "drift": row.drift or {}, "comparison": row.comparison or compared}
    if as_json:
        click.echo(json.dumps(plain, ensure_ascii=False))
        return
    card = plain["card"]
    click.echo(f"{plain['id']}  {plain['entity']}, {plain['kind']}, version {plain['version']}, {plain['state']}")
    click.echo(f"purpose: {card['purpose']}")
    click.echo(f"method: {card['method']}")
    click.echo(f"data: {card['data']['entity_months']} rows, {card['data']['entities']} entities, {len(card['data']['months'])} month(s)")
    for name, figure in card["figures"].items():
        click.echo(f"{name}: {figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f}, n {figure['n']})")
    for limit in card["limits"]:
        click.echo(f"limit: {limit}")
    click.echo(f"artefact: sha256 {plain['artefact_sha256']}")
    for month, features in sorted(plain["drift"].items()):
        moved = [one for one in features if one["state"] != "stable"]
        told = ", ".join(f"{one['feature']} {one['stability_index']:.2f} ({one['state']})" for one in moved[:DRIFTED_SHOWN])
        click.echo(
            f"drift {month[:7]}: {told or 'none'}" + (f" and {len(moved) - DRIFTED_SHOWN} more" if len(moved) > DRIFTED_SHOWN else "")
        )
    _say_comparison(plain["comparison"])


def _say_comparison(compared: dict[str, Any]) -> None:
    lacks = f", {compared['lacks_months']} more needed" if compared["lacks_months"] else ""
    click.echo(f"scored {len(compared['months'])} month(s) after its training{lacks}; beside live model: {compared['live'] or 'none'}")
    for one in compared["by_month"]:
        correlation = "-" if one["rank_correlation"] is None else f"{one['rank_correlation']:.3f}"
        click.echo(
            f"{one['month'][:7]}: {100 * one['overlap']:.0f}% of the first {compared['top']} are the same, rank correlation {correlation}"
        )
    for name, precision in compared["precision"].items():
        if precision and precision["decided"]:
            click.echo(f"{name}: of {precision['decided']} decided among the first, {precision['confirmed']} confirmed")
