"""A person's own copy: everything that is held about them, as a ZIP with a page to read, the same as JSON, and the pictures."""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from api import audit_journal
from api.context import Context
from api.privacy_words import column_words, words
from models.account import Account
from models.identifiers import mask_name
from models.privacy_holdings import HOLDINGS, WITHHELD, Withheld
from models.repositories import persons, privacy_rows
from models.repositories.privacy_rows import NotReadable, Picture

VERSION = 1
ACTORS = frozenset({"actor", "owner", "by", "first_staff", "second_staff"})
"""Columns that name staff, beside those that end in _by: in the copy there are roles, not names."""

STYLE = (
    "body{font:16px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    ".wide{overflow-x:auto}caption{text-align:left;font-weight:bold;padding:.25rem 0}"
)


@dataclass(frozen=True)
class Export:
    """What was written: rows by table, pictures, values that did not open."""

    rows: dict[str, int]
    pictures: int
    broken: int


class _Roles:
    """Actors as roles: names of staff are not the person's data."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, str] = {}

    def of(self, actor: str) -> str:
        if actor not in self._known:
            self._known[actor] = self._find(actor)
        return self._known[actor]

    def _find(self, actor: str) -> str:
        kind, _, name = actor.partition(":")
        if kind == "person":
            return "you"
        if kind in {"system", "job"}:
            return "automatic"
        if kind == "client":
            return "connected system"
        if kind != "staff":
            return "operator"
        query = select(Account).where(Account.username == name).options(selectinload(Account.roles))
        account = self._session.scalar(query)
        roles = [] if account is None else sorted(role.name for role in account.roles)
        return f"staff ({', '.join(roles)})" if roles else "staff"


def export(context: Context, person_id: str, target: BinaryIO, *, language: str) -> Export:
    """Write the ZIP. language: zh or en. The caller records it (``PrivacyService.note_export``) first.

    Raises NotFoundError: nobody has this public id.
    """
    counts: dict[str, int] = {}
    tables: list[tuple[str, str, list[dict[str, Any]]]] = []
    seen = {"pictures": 0, "broken": 0}
    audit_journal.take_in(context)
    with context.database.read_scope() as session, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        person = persons.get(session, person_id)
        members = persons.records_of(session, person.id)
        roles = _Roles(session)
        for holding in HOLDINGS:
            found = []
            for number, row in enumerate(privacy_rows.rows(session, holding, members, context.keyring), 1):
                for name, value in row.items():
                    if isinstance(value, Picture):
                        path = f"pictures/{holding.table}-{number}-{name}{_suffix(value.data)}"
                        archive.writestr(path, value.data)
                        row[name] = path
                        seen["pictures"] += 1
                    elif isinstance(value, NotReadable):
                        seen["broken"] += value.broken
                        row[name] = "cannot be opened" if value.broken else f"held, sealed, {value.size} bytes"
                    elif isinstance(value, str) and (name in ACTORS or name.endswith("_by")) and name != "accept_by":
                        row[name] = roles.of(value)
                    else:
                        row[name] = _plain(value)
                found.append(row)
            counts[holding.table] = len(found)
            tables.append((holding.table, holding.purpose.value, found))
        made = context.policy.certification.local(context.clock())
        document = {
            "version": VERSION,
            "made_at": made.isoformat(timespec="seconds"),
            "person": person.public_id,
            "tables": {table: found for table, _, found in tables},
            "withheld": {table: why.value for table, why in sorted(WITHHELD.items())},
        }
        archive.writestr("data.json", json.dumps(document, ensure_ascii=False, indent=1))
        archive.writestr("index.html", _page(tables, made, mask_name(person.name), language))
    return Export({table: rows for table, rows in counts.items() if rows}, seen["pictures"], seen["broken"])


def export_bytes(context: Context, person_id: str, *, language: str) -> tuple[bytes, Export]:
    """The same in memory: one person's data is small but for pictures, and those are deleted after days."""
    target = io.BytesIO()
    done = export(context, person_id, target, language=language)
    return target.getvalue(), done


def _suffix(data: bytes) -> str:
    return ".png" if data.startswith(b"\x89PNG") else ".jpg"


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


_TEXT = {
    "title": ("Everything that we hold about you", "我们保存的关于您的全部信息"),
    "lead": (
        "Made on {day}. The same is in data.json for programs, pictures are in the folder pictures. Keep it where nobody else finds it.",
        "生成于{day}。data.json是供程序读取的相同内容；图片在pictures文件夹中。请妥善保管此文件。",
    ),
    "none": ("Nothing is held.", "没有保存任何内容。"),
    "withheld": ("What is not in this copy", "本副本未包含的内容"),
    "inspection": (
        "Notes, papers and facts of inspections, and inspections that are not closed: telling would hinder a public duty "
        "(personal-information law, articles 18 and 35).",
        "核查的记录、材料和事实，以及未办结的核查：告知会妨碍国家机关履行法定职责（《个人信息保护法》第十八条、第三十五条）。",
    ),
    "of_the_service": ("Queues and digests by which the service works.", "系统运行所用的队列和摘要。"),
    "staff": ("Staff are named by their role only.", "工作人员只显示角色。"),
}


def _page(tables: list[tuple[str, str, list[dict[str, Any]]]], made: datetime, name: str, language: str) -> str:
    def say(code: str) -> str:
        return html.escape(_TEXT[code][0 if language == "en" else 1])

    parts = [
        f'<!doctype html><html lang="{"zh-Hans" if language == "zh" else "en"}"><head><meta charset="utf-8"><title>{say("title")}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><h1>{say("title")}</h1>',
        f"<p>{html.escape(name)}</p><p>{say('lead').format(day=made.strftime('%Y-%m-%d %H:%M'))}</p><p>{say('staff')}</p>",
    ]
    heading = ""
    for table, purpose, found in tables:
        if purpose != heading:
            heading = purpose
            parts.append(f"<h2>{html.escape(words('purposes', purpose, language))}</h2>")
        title = html.escape(words("tables", table, language))
        if not found:
            parts.append(f"<h3>{title}</h3><p>{say('none')}</p>")
            continue
        head = "".join(f'<th scope="col">{html.escape(column_words(column, language))}</th>' for column in found[0])
        body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row.values()) + "</tr>" for row in found)
        parts.append(
            f'<div class="wide"><table><caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )
    reasons = "".join(f"<li>{say(why.value)}</li>" for why in Withheld)
    parts.append(f"<h2>{say('withheld')}</h2><ul>{reasons}</ul></body></html>")
    return "".join(parts)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        return html.escape(json.dumps(value, ensure_ascii=False))
    text = html.escape(str(value))
    return f'<a href="{text}">{text}</a>' if text.startswith("pictures/") else text
