"""The table of records that pairs are made of and compared on: cleaned columns, what is derived of them, weighted words."""

from __future__ import annotations

from detection.linkage.engines import DuckDbEngine
from detection.linkage.plan import TOKEN_FACTOR, Plan
from detection.linkage.preparation import ROW

RARE_WORDS = 8
"""Words of a text that it is blocked on: its rarest."""
WORDS_MOST = 40
"""Words of a text that count: its rarest."""


def make_records(duck: DuckDbEngine, plan: Plan) -> None:
    """Make the table ``records`` of ``cleaned``: one row each, with the plan's derived columns, arrays of words."""
    joins, columns = [], []
    for variable, words in plan.token_columns.items():
        _words(duck, variable, words)
        joins.append(f"LEFT JOIN words_{variable} ON words_{variable}.{ROW} = base.{ROW}")
        columns += [f"words_{variable}.{variable}_tokens", f"words_{variable}.{variable}_rare", f"words_{variable}.{variable}_weight"]
    derived = ", ".join(f"{sql} AS {name}" for name, sql in plan.derived.items() if sql != name)
    same = ", ".join(name for name, sql in plan.derived.items() if sql == name)
    # in two steps, because a derived column may be derived from a derived one
    listed = ", ".join(part for part in (same, derived) if part)
    # without words there is nothing to be worked out that is worth a second copy of all records
    make = (
        duck.create if plan.token_columns or len(plan.derived) > sum(_plain(name, sql) for name, sql in plan.derived.items()) else duck.view
    )
    make(
        "records",
        f"SELECT base.*{''.join(', ' + column for column in columns)} FROM "
        f"(SELECT {ROW}, source{', ' + listed if listed else ''} FROM cleaned) AS base "
        f"{' '.join(joins)}",
    )
    for variable in plan.token_columns:
        duck.drop(f"words_{variable}")
    if make is duck.create:
        duck.drop("cleaned")


def _plain(name: str, sql: str) -> bool:
    return sql in {name, f"replace({name}, '-', '')"}


def _words(duck: DuckDbEngine, variable: str, words: str) -> None:
    duck.create("word_rows", f"SELECT {ROW}, unnest({words}) AS word FROM cleaned WHERE {variable} IS NOT NULL")
    # weight: the logarithm of how rare the word is; the number tells words of equal weight apart
    duck.create(
        "word_codes",
        "SELECT word, CAST(round(1000 * (0.2 + ln((SELECT count(*) FROM cleaned) / n))) AS BIGINT) * "
        f"{TOKEN_FACTOR} + row_number() OVER (ORDER BY word) AS code FROM "
        "(SELECT word, count(*) AS n FROM word_rows WHERE word <> '' GROUP BY word)",
    )
    duck.create(
        f"words_{variable}",
        f"SELECT {ROW}, codes AS {variable}_tokens, codes[1:{RARE_WORDS}] AS {variable}_rare, "
        f"CAST(list_sum(codes) / {1000 * TOKEN_FACTOR}.0 AS DOUBLE) AS {variable}_weight FROM "
        f"(SELECT {ROW}, list_sort(list(code), 'DESC')[1:{WORDS_MOST}] AS codes "
        f"FROM word_rows JOIN word_codes USING (word) GROUP BY {ROW})",
    )
    duck.drop("word_rows")
    duck.drop("word_codes")
