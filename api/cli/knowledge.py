"""`lifecert knowledge`: the national rule base and its knowledge points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.operator import operator_name
from api.cli.progress import progress_bar

if TYPE_CHECKING:
    from detection.knowledge.coverage import Coverage
    from detection.knowledge.knowledge_service import KnowledgeImport

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REJECTED_SHOWN = 20


@click.group("knowledge")
def knowledge_group() -> None:
    """The national rule base (88 rules) and its knowledge points: bring them in, see what is carried out.

    \b
    Examples:
      lifecert knowledge import rule_catalog_2025_88.json all_records.json
      lifecert knowledge coverage
      lifecert knowledge show GZ10000101012000
    """


@knowledge_group.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def import_(files: tuple[Path, ...], as_json: bool) -> None:
    """Bring published rules and knowledge points in, or a province's own points. All files or none.

    JSON files: a catalogue of rules ("rules" or "rules_flat") or a list of points; docs/knowledge.md shows the shapes. The same file twice
    changes nothing; a changed point becomes a new version, and the old one ends the day before. Rows that cannot be used are listed with
    their reason and do not make the command fail.

    \b
    Examples:
      lifecert knowledge import rule_catalog_2025_88.json official_rules_catalog.json all_records.json
      lifecert knowledge import our_points.json --json
    """
    from api.cli.errors import BadInputError
    from api.context import open_context
    from api.settings import load_settings
    from detection.knowledge.knowledge_service import KnowledgeService
    from detection.knowledge.published import KnowledgeFileError

    context = open_context(load_settings())
    service = KnowledgeService(context.database, context.policy.knowledge, clock=context.clock, today=context.policy.certification.today)
    try:
        with progress_bar() as report:
            report("knowledge", 0, 0)
            results = service.import_files(files, by=f"cli:{operator_name()}")
    except KnowledgeFileError as error:
        raise BadInputError(str(error)) from error
    if as_json:
        click.echo(json.dumps([result.as_json() for result in results], ensure_ascii=False))
        return
    for result in results:
        _say(result)


def _say(result: KnowledgeImport) -> None:
    click.echo(
        f"{result.file}: {result.rows} {result.kind.value}, {result.loaded} loaded, {result.unchanged} unchanged"
        f"{f' ({result.reread} read anew)' if result.reread else ''}, {len(result.rejected)} rejected"
    )
    for one in result.rejected[:REJECTED_SHOWN]:
        click.echo(f"  row {one.row}{f' ({one.id})' if one.id else ''}: {f'{one.field}: ' if one.field else ''}{one.reason}")
    if len(result.rejected) > REJECTED_SHOWN:
        click.echo(f"  and {len(result.rejected) - REJECTED_SHOWN} more; --json lists them all")


@knowledge_group.command("coverage")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def coverage(as_json: bool) -> None:
    """Which of the 88 national rules are carried out, what the others lack, and how much of the points a claim can show.

    \b
    Examples:
      lifecert knowledge coverage
      lifecert knowledge coverage --json
    """
    from api.context import open_context
    from api.settings import load_settings
    from detection.knowledge.coverage_service import coverage_of_store

    context = open_context(load_settings())
    found = coverage_of_store(context.database, context.policy.certification.today(context.clock()))
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False))
        return
    _table(found)


def _table(found: Coverage) -> None:
    click.echo(f"{len(found.rules)} rules, {found.implemented} carried out, {len(found.missing)} not")
    click.echo(f"knowledge points: {found.loaded} loaded, {found.in_force} in force, {found.rejected} rejected\n")
    click.echo("   # code              rule")
    for rule in found.rules:
        others = ", ".join(one for one in rule.engine_rules if one != rule.code)
        engine = (
            f"carried out{f' by {others}' if others else ''}" if rule.implemented else f"missing: {rule.needs.en if rule.needs else '-'}"
        )
        points = f"; points {rule.points}: full {rule.full}, part {rule.part}, by hand {rule.by_hand}" if rule.points else ""
        click.echo(f"{rule.sequence:>4} {rule.code:<17} {rule.name_zh} ({rule.name_en})")
        click.echo(f"     {engine}{points}")


@knowledge_group.command("show")
@click.argument("code", metavar="CODE")
@click.option("--limit", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Points to list.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def show(code: str, limit: int, as_json: bool) -> None:
    """One national rule: its definition, what carries it out, and its points in force with the parameters that rules read.

    \b
    Examples:
      lifecert knowledge show GZ10000101012000
      lifecert knowledge show NB2025-31 --limit 100 --json
    """
    from api.cli.errors import BadInputError
    from api.context import open_context
    from api.settings import load_settings
    from detection.knowledge.coverage_service import coverage_of_store, definition_and_points
    from detection.knowledge.rule_base import by_any_code

    known = by_any_code().get(code)
    if known is None:
        raise BadInputError(f"{code}: no rule of the edition of 2025 has this code; `lifecert knowledge coverage` lists all 88")
    context = open_context(load_settings())
    day = context.policy.certification.today(context.clock())
    rule = next(one for one in coverage_of_store(context.database, day).rules if one.code == known.code)
    definition, points, total = definition_and_points(context.database, known.code, day, limit=limit)
    if as_json:
        told: dict[str, Any] = {**rule.as_json(), "definition": definition, "points_in_force": total, "listed": points}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{rule.code}  {rule.name_zh}\n{rule.name_en}\n{rule.tier1} / {rule.tier2}")
    if definition:
        click.echo(definition)
    click.echo(
        f"carried out by: {', '.join(rule.engine_rules)}"
        if rule.implemented
        else f"not carried out, missing: {rule.needs.en if rule.needs else '-'}"
    )
    click.echo(f"points in force: {total}" + (f" (full {rule.full}, part {rule.part}, by hand {rule.by_hand})" if total else ""))
    for point in points:
        click.echo(f"  {point['point_id']}  {point['item_name']}  ({point['codes']} codes, from {point['effective_from']})")
        click.echo(f"    {point['limit_text']}")
        click.echo(f"    {json.dumps(point['parameters'], ensure_ascii=False)}")
