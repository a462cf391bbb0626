"""The quality report of a batch: one HTML page that needs nothing else, with charts, each beside the table that says the same."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from detection.intake.rules import RULES, RuleClass
from detection.intake.tally import NO_CITY, Tally
from models.import_batch import ImportKind

WORDS: dict[str, tuple[str, str]] = {
    "title": ("数据导入质量报告", "Import quality report"),
    "file": ("文件", "File"),
    "kind": ("类别", "Kind"),
    "batch": ("批次", "Batch"),
    "encoding": ("编码", "Encoding"),
    "began": ("开始", "Began"),
    "ended": ("结束", "Ended"),
    "rows": ("行数", "Rows"),
    "accepted": ("已入库", "Accepted"),
    "unchanged": ("无变化", "Unchanged"),
    "rejected": ("被退回", "Rejected"),
    "share": ("退回率", "Share rejected"),
    "rule": ("规则", "Rule"),
    "class": ("类型", "Class"),
    "reason": ("原因", "Reason"),
    "results": ("总体结果", "Outcome"),
    "by_class": ("按类型", "By class"),
    "by_rule": ("按规则", "By rule"),
    "by_city": ("按市州", "By city"),
    "city": ("市州", "City"),
    "unknown": ("地区不明", "Region not known"),
    "none": ("没有退回的行。", "No row was rejected."),
    "chart": ("图:", "Chart: "),
    "duplicate": ("重复", "duplicate"),
    "missing": ("缺项", "missing"),
    "code": ("代码错误", "code error"),
    "logic": ("逻辑错误", "logic error"),
    "damage": ("文件损坏", "damage"),
    "persons": ("人员", "persons"),
    "enrolments": ("参保关系", "enrolments"),
    "benefits": ("待遇", "benefits"),
    "payments": ("发放", "payments"),
    "deaths": ("死亡", "deaths"),
    "custody": ("羁押", "custody"),
    "traces": ("生存线索", "traces of life"),
    "blacklist": ("卡黑名单", "card blacklist"),
    "relations": ("人员关系", "relations"),
    "grants": ("一次性待遇", "grants"),
    "institutions": ("医药机构", "institutions"),
    "claims": ("医保结算单", "claims"),
    "claim_lines": ("结算明细", "lines of claims"),
    "to_look_at": ("已入库但需核对", "Accepted, to look at"),
}
STYLE = """
:root{color-scheme:light dark}
body{font:18px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{border:1px solid #767676;padding:.35rem .6rem;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0;background:#fff;color:#000;overflow-x:auto}
svg{max-width:100%;height:auto}
"""
COLOURS = {"accepted": "#1b7f4b", "unchanged": "#6b7280", "rejected": "#b42318"}
CITIES_IN_CHART = 30


@dataclass(frozen=True)
class BatchReport:
    """What a report tells. region_names: code -> name."""

    batch: str
    kind: ImportKind
    file_name: str
    encoding: str
    began_at: datetime
    ended_at: datetime
    tally: Tally
    region_names: Mapping[str, str]


def write_report(path: Path, facts: BatchReport, language: str) -> None:
    """Write the page: whole, or not at all. language: zh, en or both. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    try:
        unfinished.write_text(render(facts, language), encoding="utf-8")
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def render(facts: BatchReport, language: str) -> str:
    """The page as text."""
    tally = facts.tally

    def say(key: str) -> str:
        chinese, english = WORDS[key]
        return {"zh": chinese, "en": english}.get(language, f"{chinese} {english}")

    title = f"{say('title')} · {say(facts.kind.value)}"
    by_rule = sorted(tally.by_rule.items(), key=lambda one: (-one[1], one[0]))
    by_class: dict[RuleClass, int] = {}
    for code, count in by_rule:
        by_class[RULES[code].rule_class] = by_class.get(RULES[code].rule_class, 0) + count
    cities = sorted(tally.by_region.items(), key=lambda one: -int(one[1]["rows"]))

    def city(code: str) -> str:
        return say("unknown") if code == NO_CITY else f"{code} {facts.region_names.get(code, '')}".strip()

    facts_rows = [
        (say("file"), facts.file_name),
        (say("kind"), say(facts.kind.value)),
        (say("batch"), facts.batch),
        *([(say("encoding"), facts.encoding)] if facts.encoding else []),
        (say("began"), f"{facts.began_at:%Y-%m-%d %H:%M:%S} UTC"),
        (say("ended"), f"{facts.ended_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    outcomes = ("accepted", "unchanged", "rejected")
    counts = [(say(key), getattr(tally, key)) for key in outcomes]
    parts = [
        f"<h1>{escape(title)}</h1>",
        _table([], facts_rows),
        f"<h2>{escape(say('results'))}</h2>",
        _table(
            [say("rows"), *(say(key) for key in outcomes), say("share")],
            [(tally.rows, tally.accepted, tally.unchanged, tally.rejected, _share(tally.rejected, tally.rows))],
        ),
        _figure(
            say("chart") + say("results"),
            [name for name, _ in counts],
            [("", [n for _, n in counts], "")],
            [COLOURS[key] for key in outcomes],
        ),
    ]
    if by_rule:
        parts += [
            f"<h2>{escape(say('by_class'))}</h2>",
            _table([say("class"), say("rejected")], [(say(name.value), count) for name, count in by_class.items()]),
            f"<h2>{escape(say('by_rule'))}</h2>",
            _table(
                [say("rule"), say("class"), say("rejected"), say("reason")],
                [(code, say(RULES[code].rule_class.value), count, RULES[code].reason(language)) for code, count in by_rule],
            ),
            _figure(
                say("chart") + say("by_rule"),
                [code for code, _ in by_rule],
                [("", [count for _, count in by_rule], COLOURS["rejected"])],
            ),
        ]
    else:
        parts.append(f"<p>{escape(say('none'))}</p>")
    if tally.by_warning:
        warned = [(code, count, RULES[code].reason(language)) for code, count in sorted(tally.by_warning.items())]
        parts += [f"<h2>{escape(say('to_look_at'))}</h2>", _table([say("rule"), say("rows"), say("reason")], warned)]
    parts += [
        f"<h2>{escape(say('by_city'))}</h2>",
        _table(
            [say("city"), say("rows"), *(say(key) for key in outcomes), say("share"), say("by_rule")],
            [_city_row(city(code), one) for code, one in cities],
        ),
        _figure(
            say("chart") + say("by_city"),
            [city(code) for code, _ in cities[:CITIES_IN_CHART]],
            [(say(key), [int(one[key]) for _, one in cities[:CITIES_IN_CHART]], COLOURS[key]) for key in outcomes],
        ),
    ]
    lang = "en" if language == "en" else "zh-CN"
    view = '<meta name="viewport" content="width=device-width,initial-scale=1">'
    head = f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">{view}'
    head += f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
    return f"{head}<body><main>{''.join(parts)}</main></body></html>\n"


def _city_row(name: str, one: Mapping[str, Any]) -> tuple[Any, ...]:
    rules = ", ".join(f"{code} {count}" for code, count in sorted(one["by_rule"].items(), key=lambda pair: -pair[1]))
    return name, one["rows"], one["accepted"], one["unchanged"], one["rejected"], _share(one["rejected"], one["rows"]), rules


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "0.00%"


def _table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = []
    for row in rows:
        cells = "".join(
            f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>" for value in row[1:]
        )
        first = f"{row[0]:,}" if isinstance(row[0], int) else escape(str(row[0]))
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>' if not isinstance(row[0], int) else f"<tr><td>{first}</td>{cells}</tr>")
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{''.join(body)}</tbody></table>"


def _figure(
    caption: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[int], str]], colours: Sequence[str] | None = None
) -> str:
    """Horizontal bars, stacked where there are several series of (name, values, colour)."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": caption, "font.size": 11}), warnings.catch_warnings():
        # the page's own fonts draw the characters; the library only misses them for measuring
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(9, 0.8 + 0.38 * max(len(labels), 1)), layout="constrained")
        axes = figure.subplots()
        places = list(range(len(labels)))[::-1]
        left = [0] * len(labels)
        for name, values, colour in series:
            axes.barh(places, values, left=left, color=colours or colour, label=name or None)
            left = [before + value for before, value in zip(left, values, strict=True)]
        axes.set_yticks(places, labels=list(labels))
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
        for place, total in zip(places, left, strict=True):
            axes.annotate(f"{total:,}", (total, place), xytext=(4, 0), textcoords="offset points", va="center")
        if len(series) > 1:
            axes.legend(loc="lower right")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{escape(caption)}"', 1)
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
