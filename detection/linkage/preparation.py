"""Cleaning: each mapped column in one comparable form, in SQL of DuckDB whichever engine works on the pairs later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detection.linkage.engines import DuckDbEngine
from detection.linkage.feature_columns import FeatureColumn, FeatureKind
from detection.linkage.mapping import ColumnKind, Mapping

ROW = "unique_id"
SAMPLE_ROWS = 200_000

MACROS = (
    # lower case, no accents, one blank for whatever is neither a letter nor a digit of any script
    r"CREATE OR REPLACE MACRO fold(x) AS nullif(trim(regexp_replace(lower(strip_accents(x)), '[^\p{L}\p{N}\p{M}]+', ' ', 'g')), '')",
    "CREATE OR REPLACE MACRO told(x) AS "
    "CASE WHEN lower(x) IN ('null', 'none', 'nan', 'n/a', '<na>', 'unknown', 'nat') THEN NULL ELSE x END",
    r"CREATE OR REPLACE MACRO packed(x) AS nullif(upper(regexp_replace(strip_accents(x), '[^\p{L}\p{N}]+', '', 'g')), '')",
    "CREATE OR REPLACE MACRO two(x) AS lpad(x, 2, '0')",
    r"CREATE OR REPLACE MACRO numbers_of(x) AS regexp_extract_all(x, '\d+')",
    # consonants by how they sound, without doubles and vowels, after the first letter (a Soundex that keeps all of the word)
    "CREATE OR REPLACE MACRO classes(x) AS translate(x, 'bfpvcgjkqsxzdtlmnraeiouyhw ''', '111122222222334556')",
    "CREATE OR REPLACE MACRO undoubled(x) AS "
    "replace(replace(replace(replace(replace(replace(x, '11', '1'), '22', '2'), '33', '3'), '44', '4'), '55', '5'), '66', '6')",
    "CREATE OR REPLACE MACRO sound(x) AS "
    "translate(substr(replace(x, 'ph', 'f'), 1, 1), 'ckqzyv', 'kkksif') || undoubled(classes(substr(x, 2)))",
)


@dataclass(frozen=True)
class ColumnFacts:
    """What a cleaned column looks like, on a sample. collision: probability that two records that have a value have the same one.

    filled: share of records that have a value. distinct_share: distinct values by filled records. latin: share of values in a-z and digits.
    """

    name: str
    variable: str
    kind: ColumnKind
    filled: float
    distinct: int
    distinct_share: float
    collision: float
    mean_length: float
    mean_tokens: float
    latin: float
    digits: float


def variables(mapping: Mapping) -> dict[str, str]:
    """Name in the mapping -> name of the cleaned column, safe in SQL of any kind."""
    own = {item.name for item in mapping.mapped if item.kind is not ColumnKind.EXACT and item.name.isidentifier() and item.name.isascii()}
    return {item.name: f"v{place}_{item.name.lower()}" if item.name in own else f"v{place}" for place, item in enumerate(mapping.mapped)}


def clean(duck: DuckDbEngine, mapping: Mapping, extra: Sequence[FeatureColumn] = (), *, append: bool = False) -> None:
    """Make the table ``cleaned`` of ``raw``, or append to it.

    raw has unique_id, source, one text column for each name of the mapping and the extra columns, which are taken as they are.
    """
    for macro in MACROS:
        duck.connection.execute(macro)
    names = variables(mapping)
    selected, parts = [], []
    for item in mapping.mapped:
        raw = f'told("{item.name.replace(chr(34), chr(34) * 2)}")'
        variable = names[item.name]
        if item.kind is ColumnKind.DATE:
            parts += [f"numbers_of({raw}) AS p_{variable}", f"{_month_word(raw)} AS w_{variable}"]
            selected.append(f"{_date(duck, raw, variable)} AS {variable}")
        else:
            selected.append(f"{_cleaned(raw, item.kind)} AS {variable}")
    for feature in extra:
        if feature.kind is FeatureKind.ALTERNATIVE_DATE:
            selected.append(f"replace({feature.name}, '-', '') AS {feature.name}")
        elif feature.hashed:
            selected.append(f"CASE WHEN {feature.name} IS NOT NULL THEN CAST(hash({feature.name}) >> 1 AS BIGINT) END AS {feature.name}")
        else:
            selected.append(feature.name)
    source = f"(SELECT *, {', '.join(parts)} FROM raw)" if parts else "raw"
    query = f"SELECT {ROW}, source, {', '.join(selected)} FROM {source}"
    if append:
        duck.connection.execute(f"INSERT INTO cleaned {query}")
    else:
        duck.create("cleaned", query)


def facts_of(duck: DuckDbEngine, mapping: Mapping) -> list[ColumnFacts]:
    """What the columns of ``cleaned`` look like, by their order in the mapping."""
    names = variables(mapping)
    return [_facts(duck, item.name, names[item.name], item.kind) for item in mapping.mapped]


def _cleaned(raw: str, kind: ColumnKind) -> str:
    if kind in {ColumnKind.IDENTIFIER, ColumnKind.POSTCODE, ColumnKind.REGION}:
        return f"packed({raw})"
    if kind is ColumnKind.EMAIL:
        return f"nullif(lower(trim({raw})), '')"
    if kind is ColumnKind.SEX:
        return (
            f"CASE WHEN lower({raw}) IN ('m', 'male', 'man', 'boy', '男', '男性', '1') THEN 'm' "
            f"WHEN lower({raw}) IN ('f', 'female', 'woman', 'girl', 'w', '女', '女性', '2') THEN 'f' ELSE fold({raw}) END"
        )
    if kind is ColumnKind.NUMBER:
        return f"try_cast(nullif(regexp_replace({raw}, '[^0-9.eE+-]', '', 'g'), '') AS DOUBLE)"
    if kind is ColumnKind.FULL_NAME:
        # "Smith, John": the surname comes before a comma
        return (
            f"fold(CASE WHEN regexp_matches({raw}, '^\\s*[^\\s,]+\\s*,\\s*[^\\s,]') "
            f"THEN regexp_replace({raw}, '^\\s*([^\\s,]+)\\s*,\\s*(.*)$', '\\2 \\1') ELSE {raw} END)"
        )
    return f"fold({raw})"


def _date(duck: DuckDbEngine, raw: str, variable: str) -> str:
    # eight digits, YYYYMMDD; parts that are not told are 00; days that do not exist are kept, they are slips to be compared
    first, second = duck.rows(
        f"SELECT coalesce(sum(CAST(p[1] AS INT) > 12), 0), coalesce(sum(CAST(p[2] AS INT) > 12), 0) FROM "
        f"(SELECT numbers_of({raw}) AS p FROM raw WHERE regexp_matches({raw}, '^\\s*\\d{{1,2}}\\D+\\d{{1,2}}\\D+\\d{{4}}') LIMIT 20000)"
    )[0]
    month, day = ("1", "2") if second > first else ("2", "1")
    cases = (
        ("len(p) = 1 AND length(p[1]) = 8 AND p[1][1:2] BETWEEN '10' AND '21'", "p[1]"),
        ("len(p) = 1 AND length(p[1]) = 8", "p[1][5:8] || p[1][3:4] || p[1][1:2]"),
        ("len(p) = 1 AND length(p[1]) = 6 AND p[1][1:2] BETWEEN '17' AND '21'", "p[1] || '00'"),
        ("len(p) = 1 AND length(p[1]) = 4", "p[1] || '0000'"),
        ("len(p) = 2 AND length(p[1]) = 4 AND length(p[2]) <= 2", "p[1] || two(p[2]) || '00'"),
        ("len(p) >= 3 AND length(p[1]) = 4 AND length(p[2]) <= 2 AND length(p[3]) <= 2", "p[1] || two(p[2]) || two(p[3])"),
        ("len(p) >= 3 AND length(p[3]) = 4 AND length(p[1]) <= 2 AND length(p[2]) <= 2", f"p[3] || two(p[{month}]) || two(p[{day}])"),
        ("len(p) = 2 AND length(p[2]) = 4 AND length(p[1]) <= 2 AND w IS NOT NULL", "p[2] || w || two(p[1])"),
    )
    whens = " ".join(f"WHEN {when} THEN {then}" for when, then in cases)
    return (
        f"CASE {whens} END".replace("p[", f"p_{variable}[")
        .replace("len(p)", f"len(p_{variable})")
        .replace("w IS", f"w_{variable} IS")
        .replace("|| w ||", f"|| w_{variable} ||")
    )


def _month_word(raw: str) -> str:
    months = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    whens = " ".join(f"WHEN '{word}' THEN '{place:02}'" for place, word in enumerate(months, start=1))
    return f"CASE regexp_extract(lower({raw}), '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)', 1) {whens} END"


def sample_clause(total: int, rows: int = SAMPLE_ROWS) -> str:
    """A condition that keeps about that many rows, the same ones each time."""
    return "TRUE" if total <= rows else f"hash({ROW}) % 1000000 < {int(1_000_000 * rows / total)}"


def _facts(duck: DuckDbEngine, name: str, variable: str, kind: ColumnKind) -> ColumnFacts:
    total = duck.rows("SELECT count(*) FROM cleaned")[0][0]
    kept = sample_clause(total)
    text = f"CAST({variable} AS VARCHAR)"
    rows, filled, length, tokens, latin, digits = duck.rows(
        f"SELECT count(*), count({variable}), avg(length({text})), avg(len(str_split({text}, ' '))), "
        f"avg(CAST(regexp_full_match({text}, '[A-Za-z0-9 ]+') AS INT)), avg(CAST(regexp_full_match({text}, '[0-9]+') AS INT)) "
        f"FROM cleaned WHERE {kept}"
    )[0]
    distinct, same = duck.rows(
        f"SELECT count(*), coalesce(sum(n * (n - 1)), 0) FROM (SELECT count(*) AS n FROM cleaned WHERE {kept} AND {variable} IS NOT NULL "
        f"GROUP BY {variable})"
    )[0]
    return ColumnFacts(
        name=name,
        variable=variable,
        kind=kind,
        filled=filled / rows if rows else 0.0,
        distinct=distinct,
        distinct_share=distinct / filled if filled else 0.0,
        collision=float(same) / (filled * (filled - 1)) if filled > 1 else 1.0,
        mean_length=float(length or 0),
        mean_tokens=float(tokens or 0),
        latin=float(latin or 0),
        digits=float(digits or 0),
    )
