"""Rows of imports against the store: looked up and written thousands at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import Column, LargeBinary, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from models.benefit import Benefit, BenefitStatus, Payment, RetirementKind
from models.enrolment import Enrolment, Scheme
from models.errors import ModelsError
from models.identity_check import BlacklistedCard, BlacklistReason
from models.keys import Sealed
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.person import Person
from models.region import Region, RegionLevel
from models.types import SealedValue

SQLITE_CACHE_KIB = 128 * 1024
LOOKED_UP_AT_ONCE = 10_000
"""Values of one IN list: PostgreSQL takes 65,535 parameters a statement, SQLite 32,766."""


class RowsCollidedError(ModelsError):
    """Another writer put a row there in between; nothing was written. Looking again and deciding anew mends it."""

    code = "rows_collided"


class StoredPerson(NamedTuple):
    """A person as rows are compared with. The digests are those of the blind index."""

    id: int
    public_id: str
    name: str
    region_code: str
    birth_date: date
    digest: bytes
    social_security_digest: bytes | None
    phone_sealed: Sealed | None
    address_sealed: Sealed | None


class StoredEnrolment(NamedTuple):
    """An enrolment."""

    id: int
    person_id: int
    scheme: Scheme
    region_code: str
    from_month: date
    to_month: date | None


class StoredBenefit(NamedTuple):
    """A benefit."""

    id: int
    person_id: int
    scheme: Scheme
    region_code: str
    from_month: date
    to_month: date | None
    monthly_fen: int
    status: BenefitStatus
    account_index: bytes | None = None
    approved_birth_date: date | None = None
    retirement_kind: RetirementKind | None = None


class StoredEvidence(NamedTuple):
    """A row of the ledger. counts: not corrected by another, and not void."""

    id: int | None
    person_id: int
    occurred_on: date
    ends_on: date | None
    trace: Trace | None
    source: str
    reference: str | None
    counts: bool


class StoredCard(NamedTuple):
    """An entry of the blacklist."""

    id: int
    card_index: bytes
    source: str
    from_on: date
    until_on: date | None
    reason: BlacklistReason


def parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Lists of values that fit into one statement each."""
    whole = list(values)
    return (whole[start : start + LOOKED_UP_AT_ONCE] for start in range(0, len(whole), LOOKED_UP_AT_ONCE))


def persons_by(session: Session, column: str, digests: Collection[bytes]) -> dict[bytes, StoredPerson]:
    """Digest -> person. column: resident_id or social_security_number."""
    index = Person.resident_id_index if column == "resident_id" else Person.social_security_number_index
    query = select(
        Person.id,
        Person.public_id,
        Person.name,
        Person.region_code,
        Person.birth_date,
        Person.resident_id_index,
        Person.social_security_number_index,
        Person.phone_sealed,
        Person.address_sealed,
    )
    found = {}
    for part in parts(_present(session, index.key, digests)):
        for row in session.execute(query.where(index.in_(part))):
            person = StoredPerson(*row)
            key = person.digest if column == "resident_id" else person.social_security_digest
            assert key is not None  # noqa: S101 - it was just found by it
            found[bytes(key)] = person
    return found


def _present(session: Session, column: str, digests: Collection[bytes]) -> list[bytes]:
    # in a first file of persons nobody is known: asking so costs a tenth of building an IN list that is typed
    connection, present = session.connection(), []
    for part in parts(digests):
        if connection.dialect.name == "postgresql":
            rows = connection.exec_driver_sql(f"SELECT {column} FROM person WHERE {column} = ANY(%s)", (part,))  # noqa: S608 - our own names
        else:
            marks = ",".join("?" * len(part))
            rows = connection.exec_driver_sql(f"SELECT {column} FROM person WHERE {column} IN ({marks})", tuple(part))  # noqa: S608
        present += [bytes(row[0]) for row in rows]
    return present


def enrolments_of(session: Session, person_ids: Collection[int]) -> list[StoredEnrolment]:
    """Every enrolment of these persons."""
    table = Enrolment
    query = select(table.id, table.person_id, table.scheme, table.region_code, table.from_month, table.to_month)
    return [StoredEnrolment(*row) for part in parts(person_ids) for row in session.execute(query.where(table.person_id.in_(part)))]


def benefits_of(session: Session, person_ids: Collection[int]) -> list[StoredBenefit]:
    """Every benefit of these persons."""
    table = Benefit
    query = select(
        table.id,
        table.person_id,
        table.scheme,
        table.region_code,
        table.from_month,
        table.to_month,
        table.monthly_fen,
        table.status,
        table.account_index,
        table.approved_birth_date,
        table.retirement_kind,
    )
    return [StoredBenefit(*row) for part in parts(person_ids) for row in session.execute(query.where(table.person_id.in_(part)))]


def payments_of(session: Session, benefit_ids: Collection[int], months: Collection[date]) -> dict[tuple[int, date], int]:
    """(benefit, month) -> fen, of these benefits between the first and last of these months."""
    query = select(Payment.benefit_id, Payment.month, Payment.amount_fen)
    if not months:
        return {}
    query = query.where(Payment.month.between(min(months), max(months)))
    return {
        (row.benefit_id, row.month): row.amount_fen
        for part in parts(benefit_ids)
        for row in session.execute(query.where(Payment.benefit_id.in_(part)))
    }


def evidence_of(
    session: Session, kind: EvidenceKind, person_ids: Collection[int], days: tuple[date, date] | None = None
) -> list[StoredEvidence]:
    """Every row of a kind about these persons, corrected ones too, in order. days: first and last that matter."""
    row = LifeEvidence
    correction = aliased(LifeEvidence)
    corrected = select(correction.id).where(correction.corrects_id == row.id).exists()
    query = select(
        row.id, row.person_id, row.occurred_on, row.ends_on, row.trace, row.source, row.reference, row.strength, corrected
    ).where(row.kind == kind, row.based_on_id.is_(None))
    if days is not None:
        query = query.where(row.occurred_on.between(*days))
    return [
        StoredEvidence(*found[:7], found[7] is not Strength.VOID and not found[8])
        for part in parts(person_ids)
        for found in session.execute(query.where(row.person_id.in_(part)).order_by(row.id))
    ]


def cards_of(session: Session, digests: Collection[bytes]) -> list[StoredCard]:
    """Every entry of these cards."""
    card = BlacklistedCard
    query = select(card.id, card.card_index, card.source, card.from_on, card.until_on, card.reason)
    return [StoredCard(*row) for part in parts(digests) for row in session.execute(query.where(card.card_index.in_(part)))]


def region_codes(session: Session) -> frozenset[str]:
    """Codes of the store's table of regions."""
    return frozenset(session.scalars(select(Region.code)))


def region_names(session: Session) -> dict[str, str]:
    """Code -> name of the store's table of regions."""
    return {row.code: row.name for row in session.execute(select(Region.code, Region.name))}


def ensure_regions(session: Session, regions: Sequence[tuple[str, str]]) -> None:
    """Add regions that are missing: (code, name), the wider before the narrower. Safe for racing writers."""
    known = {code for code, _ in regions}
    for code, name in regions:
        if code.endswith("0000"):
            level, parent = RegionLevel.PROVINCE, None
        elif code.endswith("00"):
            level, parent = RegionLevel.CITY, f"{code[:2]}0000"
        else:
            level = RegionLevel.COUNTY
            city = f"{code[:4]}00"
            parent = city if city in known or session.get(Region, city) is not None else f"{code[:2]}0000"
        values = {"code": code, "name": name, "level": level, "parent_code": parent}
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(Region).values(values).on_conflict_do_nothing())


def add_rows(session: Session, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same keys: by COPY on PostgreSQL, one prepared statement on SQLite.

    Raises:
        RowsCollidedError: a unique index knows one of them already.
    """
    if not rows:
        return
    target: Table = table.__table__
    columns: list[Column[Any]] = [target.c[name] for name in rows[0]]
    connection = session.connection()
    session.flush()
    values = list(zip(*(_bound(column, [row[column.name] for row in rows], connection.dialect) for column in columns), strict=True))
    driver = connection.connection.driver_connection
    try:
        if isinstance(driver, psycopg.Connection):
            names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(target.name), names)
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for one in values:
                    copy.write_row(one)
            return
        names_text, marks = ", ".join(column.name for column in columns), ", ".join("?" * len(columns))
        statement_text = f"INSERT INTO {target.name} ({names_text}) VALUES ({marks})"  # noqa: S608 - names of our own tables
        connection.exec_driver_sql(statement_text, values)
    except (psycopg.errors.UniqueViolation, IntegrityError) as error:
        raise RowsCollidedError(f"{target.name}: another writer was faster") from error


def widen_cache(session: Session) -> None:
    """Let SQLite keep the pages of the large indexes in memory while rows come in; PostgreSQL has its own."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")


def _bound(column: Column[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    # a column at a time: text and bytes go to both drivers as they are, and of days, times and coded values there are few different ones
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    if process is None or isinstance(column.type, LargeBinary):
        return values
    if isinstance(column.type, SealedValue):
        return [None if value is None else process(value) for value in values]
    done: dict[Any, Any] = {None: None}
    result = []
    for value in values:
        try:
            result.append(done[value])
        except KeyError:
            result.append(done.setdefault(value, process(value)))
        except TypeError:  # not hashable (JSON)
            result.append(process(value))
    return result


def change_rows(session: Session, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows by their id: each has ``id`` and the columns to set."""
    target: Table = table.__table__
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        names = tuple(name for name in row if name != "id")
        by_columns.setdefault(names, []).append({"key": row["id"], **{f"new_{name}": row[name] for name in names}})
    for names, values in by_columns.items():
        statement = update(target).where(target.c.id == bindparam("key")).values({name: bindparam(f"new_{name}") for name in names})
        session.connection().execute(statement, values)
