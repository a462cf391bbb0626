"""Every column that holds sealed values, with what its values are bound to: so that they can be opened and sealed again under another key.

A new column of type Sealed needs a line here; a test compares them with the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from sqlalchemy import Column, FromClause, Table

from models import templates
from models.key_ciphers import OVERHEAD_BYTES
from models.keys import Sealed
from models.repositories import assistance, case_papers, idempotency, payment_lists, peers, persons, subscriptions, webhooks
from models.tables import metadata
from models.types import SealedValue

FLOAT_BYTES = 4
FOLLOWING = {("face_reference", "template"): "key_id"}
"""Columns that name the key of a sealed value of their row."""


@dataclass(frozen=True)
class Bound:
    """What a column's values are bound to: ``data`` of the sealed value and of these columns of the row.

    columns: ``name``, or ``name.other`` for the column ``other`` of the row that the foreign key ``name`` leads to.
    """

    columns: tuple[str, ...]
    data: Callable[..., bytes]


def _by(columns: str, data: Callable[..., bytes]) -> Bound:
    """Bound to columns alone."""
    return Bound(tuple(columns.split()), lambda _sealed, *values: data(*values))


def _template(sealed: Sealed, person_id: str, engine_name: str, engine_version: str) -> bytes:
    return templates.template_data(person_id, engine_name, engine_version, (len(sealed.blob) - OVERHEAD_BYTES) // FLOAT_BYTES)


def _own(table: str, column: str) -> Bound:
    """Bound to table, column and public id: what new columns take."""
    return _by("public_id", lambda public_id: f"{table}.{column}:{public_id}".encode())


def _person(column: str) -> Callable[[str], bytes]:
    return partial(persons.associated_data, column=column)


def _frame(part: str) -> Bound:
    return _by("verification_id seq", partial(templates.frame_data, part=part))


CONTEXTS = {
    ("account_factor", "secret_sealed"): _own("account_factor", "secret_sealed"),
    ("alert_subscription", "secret_sealed"): _by("public_id", subscriptions.sealed_for),
    ("assistance_request", "contact_sealed"): _by("public_id", partial(assistance.associated_data, column="contact")),
    ("assistance_request", "name_sealed"): _by("public_id", partial(assistance.associated_data, column="name")),
    ("assistance_request", "resident_id_sealed"): _by("public_id", partial(assistance.associated_data, column="resident_id")),
    ("benefit", "account_sealed"): _by("person_id.public_id", _person("bank_account")),
    ("calibration", "payload"): _by("engine_name engine_version", templates.calibration_data),
    ("case_attachment", "content"): _by("case_id.public_id public_id", case_papers.sealed_for),
    ("face_reference", "image"): _by("person_id.public_id", templates.image_data),
    ("face_reference", "template"): Bound(("person_id.public_id", "engine_name", "engine_version"), _template),
    ("idempotency_key", "response_body"): _by("client key", idempotency.sealed_for),
    ("payment_change", "list_line"): _by("public_id", payment_lists.sealed_for),
    ("peer", "our_secret_sealed"): _by("public_id", peers.associated_data),
    ("person", "address_sealed"): _by("public_id", _person("address")),
    ("person", "phone_sealed"): _by("public_id", _person("phone")),
    ("person", "resident_id_sealed"): _by("public_id", _person("resident_id")),
    ("person", "social_security_number_sealed"): _by("public_id", _person("social_security_number")),
    ("privacy_request", "wish"): _own("privacy_request", "wish"),
    ("verification_frame", "observation"): _frame("observation"),
    ("verification_frame", "picture"): _frame("picture"),
    ("webhook_endpoint", "secret_sealed"): _by("public_id", webhooks.sealed_for),
}


@dataclass(frozen=True)
class SealedTable:
    """One table with sealed columns, as a walk reads it.

    source: the table joined with those that its values are bound to. columns: each sealed column with the places of what it is bound to
    among ``bound``.
    """

    table: Table
    primary_key: Column[object]
    source: FromClause
    bound: tuple[Column[object], ...]
    columns: tuple[tuple[Column[object], Bound, tuple[int, ...]], ...]


@cache
def sealed_tables() -> tuple[SealedTable, ...]:
    """Every table with sealed columns, by name. Raises LookupError for a column that has no line in ``CONTEXTS``."""
    found = []
    for table in sorted(metadata.tables.values(), key=lambda each: each.name):
        sealed = [column for column in table.columns if isinstance(column.type, SealedValue)]
        if sealed:
            found.append(_walk(table, sealed))
    return tuple(found)


def _walk(table: Table, sealed: list[Column[object]]) -> SealedTable:
    source: FromClause = table
    joined: dict[str, Table] = {}
    bound: list[Column[object]] = []
    columns = []
    for column in sealed:
        context = CONTEXTS.get((table.name, column.name))
        if context is None:
            raise LookupError(f"models/sealed_columns.py does not say what {table.name}.{column.name} is bound to")
        places = []
        for path in context.columns:
            name, _, other = path.partition(".")
            if other and name not in joined:
                key = next(iter(table.c[name].foreign_keys))
                joined[name] = key.column.table
                source = source.join(key.column.table, table.c[name] == key.column)
            wanted = joined[name].c[other] if other else table.c[name]
            if wanted not in bound:
                bound.append(wanted)
            places.append(bound.index(wanted))
        columns.append((column, context, tuple(places)))
    (primary_key,) = table.primary_key.columns
    return SealedTable(table, primary_key, source, tuple(bound), tuple(columns))
