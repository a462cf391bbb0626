"""Comparing and scoring pairs with Splink, on either engine: the plan's comparisons as Splink settings, pairs from our own blocking."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.linkage.engines import Engine, EngineName
from detection.linkage.plan import ComparisonPlan
from detection.linkage.preparation import ROW
from detection.linkage.training import Parameters, Vectors

_OVERLAP = re.compile(r"\{overlap\(([^,{}]+), ([^,{}]+)\)\}")
NEAR_WEIGHT = 0.7
"""How far the frequency of a value counts where the other only resembles it."""
WHOLE = "compared_records"
"""View of what the comparisons look at of all records."""
_SIDE = re.compile(r"\b(\w+)_[lr]\b")


def condition_in(engine: Engine, condition: str) -> str:
    """A condition with the functions as the engine calls them."""
    sql = _OVERLAP.sub(lambda match: engine.functions["overlap"] % match.groups(), condition)
    for name in ("jaro_winkler", "edits", "any_common", "contains", "starts_with"):
        sql = sql.replace(f"{{{name}}}", engine.functions[name])
    return sql


def columns_in(condition: str) -> list[str]:
    """Columns of records that a condition on pairs looks at."""
    return list(dict.fromkeys(_SIDE.findall(condition)))


def columns_read(comparisons: Sequence[ComparisonPlan]) -> list[str]:
    """Columns of records that the comparisons look at."""
    found: dict[str, None] = {}
    for comparison in comparisons:
        for sql in (comparison.null, *(level.condition for level in comparison.levels)):
            found.update(dict.fromkeys(_SIDE.findall(sql)))
        found.update(dict.fromkeys(level.tf for level in comparison.levels if level.tf))
    return list(found)


def splink_settings(
    engine: Engine, comparisons: Sequence[ComparisonPlan], parameters: Parameters | None, *, with_frequencies: bool
) -> dict[str, Any]:
    """Settings as Splink reads them. Without parameters: only good for comparing."""
    described = []
    for place, comparison in enumerate(comparisons):
        levels: list[dict[str, Any]] = [
            {"sql_condition": condition_in(engine, comparison.null), "label_for_charts": "missing", "is_null_level": True}
        ]
        height = len(comparison.levels)
        for rank, level in enumerate(comparison.levels):
            entry: dict[str, Any] = {"sql_condition": condition_in(engine, level.condition), "label_for_charts": level.label}
            if level.tf and with_frequencies:
                entry |= {"tf_adjustment_column": level.tf, "tf_adjustment_weight": NEAR_WEIGHT if level.near else 1.0}
                entry["disable_tf_exact_match_detection"] = not level.near
            levels.append(entry | _probabilities(parameters, place, height - rank))
        levels.append({"sql_condition": "ELSE", "label_for_charts": "differs"} | _probabilities(parameters, place, 0))
        described.append({"output_column_name": comparison.name, "comparison_levels": levels, "comparison_description": comparison.feature})
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": ROW,
        "probability_two_random_records_match": parameters.prior if parameters else 0.0001,
        "comparisons": described,
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
    }


def _probabilities(parameters: Parameters | None, place: int, value: int) -> dict[str, float]:
    if parameters is None:
        # Splink gives the weight of a level, not which level it is: with these weights one is read off the other, a missing value's being 0
        return {"m_probability": 1e-5 * 2.0 ** ((value + 1) / 2), "u_probability": 1e-5}
    return {"m_probability": parameters.m[place][value], "u_probability": parameters.u[place][value]}


class Scorer:
    """Splink on the table ``records`` of an engine. Pairs are tables with l and r."""

    def __init__(self, engine: Engine, comparisons: Sequence[ComparisonPlan], identifying: frozenset[str] = frozenset()) -> None:
        self._engine = engine
        self._comparisons = comparisons
        self._api = engine.splink()
        self._api.debug_mode = False
        self._columns = ", ".join([ROW, *columns_read(comparisons)])
        self._identifying = identifying
        self._frequencies: dict[str, str] | None = None
        self._made = 0

    def _predict(self, settings: dict[str, Any], pairs: str, weight_min: float | None) -> Any:
        from splink import Linker

        self._made += 1
        blocked, compared = f"blocked_{self._made}", self._compared(pairs)
        self._engine.create(blocked, f"SELECT '0' AS match_key, l AS join_key_l, r AS join_key_r FROM {pairs}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            linker = Linker(self._api.register(compared), settings, log_level=None, validate_settings=False)
            if settings_have_frequencies(settings):
                for column, table in self._frequency_tables(settings).items():
                    linker.table_management.register_term_frequency_lookup(self._api.register(table), column)
            linker.table_management.register_blocked_pairs_for_predict(self._api.register(blocked))
            predicted = linker.inference.predict(threshold_match_weight=weight_min, warning_mode="never")
        self._engine.drop(blocked)
        if compared != WHOLE:
            self._engine.drop(compared)
        return predicted

    def _compared(self, pairs: str) -> str:
        """The records that Splink is given for these pairs. It copies all of them, except on DuckDB, where it takes those of the pairs."""
        if self._engine.name is EngineName.DUCKDB:
            self._engine.view(WHOLE, f"SELECT {self._columns} FROM records")
            return WHOLE
        table = f"compared_{self._made}"
        self._engine.create(
            table, f"SELECT {self._columns} FROM records WHERE {ROW} IN (SELECT l FROM {pairs} UNION SELECT r FROM {pairs})"
        )
        return table

    def _frequency_tables(self, settings: dict[str, Any]) -> dict[str, str]:
        """Table by column of how frequent each value is among all records. They are made once."""
        if self._frequencies is not None:
            return self._frequencies
        made: dict[str, str] = {}
        own = {(comparison.name, level.tf) for comparison in self._comparisons for level in comparison.levels[:1] if level.tf}
        for comparison, described in zip(self._comparisons, settings["comparisons"], strict=True):
            for level, entry in zip(comparison.levels, described["comparison_levels"][1:], strict=False):
                if not level.tf or level.near:
                    continue
                column = level.tf
                # a value that identifies is as rare as it gets however often one person is recorded: only frequent values say something
                least = 10 if column in self._identifying else 1
                table = f"frequency_{column}"
                self._engine.create(
                    table,
                    f"SELECT {column}, CAST(n AS DOUBLE) / (SELECT count({column}) FROM records) AS tf_{column} FROM "
                    f"(SELECT {column}, count(*) AS n FROM records WHERE {column} IS NOT NULL "
                    f"GROUP BY {column}) AS counted WHERE n >= {least}",
                )
                if (comparison.name, column) not in own:
                    # equal in another way than the column is: frequencies count against the mean of the column, not against the level
                    mean = float(self._engine.rows(f"SELECT coalesce(sum(tf_{column} * tf_{column}), 1.0) FROM {table}")[0][0])
                    scale = entry["u_probability"] / max(mean, 1e-12)
                    self._engine.create(f"{table}_scaled", f"SELECT {column}, tf_{column} * {scale!r} AS tf_{column} FROM {table}")
                    table = f"{table}_scaled"
                made[column] = table
        self._frequencies = made
        return made

    def vectors(self, samples: Sequence[str]) -> tuple[list[Vectors], NDArray[np.int64]]:
        """(comparison vectors of each sample of pairs, of the last one also the bits of the rules that found the pair).

        samples: tables of pairs, each pair at most once, that are small enough for memory; the last has the column found. All are compared
        in one go, since what Splink makes ready for it costs as much as some ten thousand pairs.
        """
        last = len(samples) - 1
        bits = ["CAST(0 AS BIGINT)"] * last + ["found"]
        union = " UNION ALL ".join(
            f"SELECT l, r, CAST({1 << place} AS BIGINT) AS samples, {bits[place]} AS found FROM {sample}"
            for place, sample in enumerate(samples)
        )
        pairs = "asked"
        self._engine.create(
            pairs, f"SELECT l, r, bit_or(samples) AS samples, bit_or(found) AS found FROM ({union}) AS sampled GROUP BY l, r"
        )
        settings = splink_settings(self._engine, self._comparisons, None, with_frequencies=False)
        predicted = self._predict(settings, pairs, None)
        listed = ", ".join(
            f"CAST(round(2 * mw_{comparison.name}) - 1 AS SMALLINT) AS g{place}" for place, comparison in enumerate(self._comparisons)
        )
        table = self._engine.arrow(
            f"SELECT {listed}, samples, found FROM {predicted.physical_name} JOIN {pairs} ON {ROW}_l = l AND {ROW}_r = r"
        )
        predicted.drop_table_from_database_and_remove_from_cache()
        self._engine.drop(pairs)
        stacked = np.column_stack(
            [table[f"g{place}"].to_numpy(zero_copy_only=False).astype(np.int8) for place in range(len(self._comparisons))]
        )
        of = table["samples"].to_numpy().astype(np.int64)
        found = table["found"].to_numpy().astype(np.int64)
        return [stacked[(of >> place) & 1 == 1] for place in range(len(samples))], found[(of >> last) & 1 == 1]

    def score(self, pairs: str, parameters: Parameters, into: str, *, weight_min: float) -> None:
        """Make the table ``into`` of the pairs whose weight is at least weight_min: l, r, weight.

        By comparison also w_* and t_*: its part of the weight, and the part of the value's frequency.
        """
        settings = splink_settings(self._engine, self._comparisons, parameters, with_frequencies=True)
        predicted = self._predict(settings, pairs, weight_min)
        parts = []
        for comparison in self._comparisons:
            parts.append(f"CAST(mw_{comparison.name} AS FLOAT) AS w_{comparison.name}")
            has_tf = any(level.tf for level in comparison.levels)
            parts.append(f"CAST({f'mw_tf_adj_{comparison.name}' if has_tf else '0'} AS FLOAT) AS t_{comparison.name}")
        self._engine.create(
            into, f"SELECT {ROW}_l AS l, {ROW}_r AS r, match_weight AS weight, {', '.join(parts)} FROM {predicted.physical_name}"
        )
        predicted.drop_table_from_database_and_remove_from_cache()


def settings_have_frequencies(settings: dict[str, Any]) -> bool:
    """Whether any level of the settings is weighed by how frequent the value is."""
    return any("tf_adjustment_column" in level for comparison in settings["comparisons"] for level in comparison["comparison_levels"])
