"""The people of a generated county in bulk, everything of theirs in order: retired or at work, couples that share an account, deaths after
which nothing was paid. Any signal about them is a false one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import linkage_people
from benchmarks.linkage_people import Numbers, People, Texts
from models.bank_account import mask_bank_account
from models.identifiers import mask_phone, mask_resident_id
from models.keys import KeyRing, Sealed
from models.repositories.persons import BlindIndex, associated_data
from sample_data.people import account_number

AS_OF = date(2026, 3, 15)
STAMP = "2026-03-14 16:00:00.000000"
PART = 50_000
RETIREMENT_MONTHS = 721
"""From the month of birth to the first month of a pension: everybody here retires at 60."""
RESIDENTS_BORN_FROM = 1950
"""The resident pension began in 2009."""
NEVER = 10**6
"""Number of a month that does not come."""
CUSTODY_DAYS_AGO, CUSTODY_ENDED_DAYS_AGO = 1_500, 800
"""When custody began at the latest, and when it ended: before the oldest payment that can be made, 24 months back."""

Flags = NDArray[np.bool_]


def month_number(day: date) -> int:
    """Months since the year 0."""
    return day.year * 12 + day.month - 1


def months_ago(days: Numbers) -> Numbers:
    """Numbers of the months in which so many days ago lie."""
    then = np.datetime64(AS_OF) - days.astype("timedelta64[D]")
    return then.astype("datetime64[M]").astype(np.int64) + 1970 * 12


def months_text(numbers: Numbers) -> list[str | None]:
    """First days; None for NEVER."""
    return [None if each == NEVER else f"{each // 12}-{each % 12 + 1:02d}-01" for each in numbers.tolist()]


def sealed_hex(sealed: Sealed) -> bytes:
    """As the column holds it."""
    key = sealed.key_id.encode("ascii")
    return bytes([len(key)]) + key + sealed.blob


@dataclass(frozen=True)
class Background:
    """One element for each person, who has the id of its place + 1. months: how many payments go back."""

    people: People
    names: Texts
    resident_ids: Texts
    addresses: Texts
    phones: Texts
    retired_from: Numbers
    died_days_ago: Numbers  # NEVER for the living
    certified_days_ago: Numbers
    resident_scheme: Flags
    account_of: Numbers  # place of the person whose account it is
    monthly_fen: Numbers
    draws: Numbers
    months: int

    @property
    def count(self) -> int:
        """Persons."""
        return len(self.names)

    @property
    def pensioner(self) -> Flags:
        """Who draws a pension, or drew one."""
        return self.retired_from <= month_number(AS_OF) - 1

    @property
    def died_in(self) -> Numbers:
        """Number of the month of death; NEVER for the living."""
        numbers = months_ago(np.where(self.died_days_ago == NEVER, 0, self.died_days_ago))
        return np.where(self.died_days_ago == NEVER, NEVER, numbers)

    def region(self, place: int) -> str:
        """Code of the county."""
        return f"4298{int(self.people.county[place]):02d}"


def draw(count: int, seed: int, months: int) -> Background:
    """So many persons."""
    random = np.random.default_rng([seed, 11])
    people = linkage_people.draw_people(count, random)
    names = linkage_people.draw_names(people, random)
    ids = linkage_people.draw_resident_ids(people, random)
    addresses, phones = linkage_people.draw_addresses(people, random), linkage_people.draw_phones(people, random)
    birth = people.birth.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    retired_from = birth + RETIREMENT_MONTHS
    pensioner = retired_from <= month_number(AS_OF) - 1
    long_retired = retired_from <= month_number(AS_OF) - 24
    died = long_retired & (random.random(count) < 0.025)
    died_days = np.where(died, random.integers(5, 400, count), NEVER)
    certified = random.integers(5, 300, count) + np.where(died, died_days, 0)
    # who has just retired was certified then
    certified = np.where(pensioner & ~long_retired, random.integers(3, 15, count), certified)
    years = people.birth.astype("datetime64[Y]").astype(np.int64) + 1970
    resident = (random.random(count) < 0.4) & (years >= RESIDENTS_BORN_FROM)
    places = np.arange(count)
    heads = np.flatnonzero(people.place == 0)[people.household]
    couples = (people.place == 1) & np.isin(people.kind, [1, 2])
    shares = couples & (random.random(count) < 0.10)
    fen = np.where(resident, random.integers(135, 420, count) * 100, random.integers(1_800, 7_200, count) * 100)
    return Background(
        people,
        names,
        ids,
        addresses,
        phones,
        retired_from,
        died_days,
        certified,
        resident,
        np.where(shares, heads, places),
        fen,
        random.integers(0, 1_000_000, count),
        months,
    )


def parts(background: Background) -> Iterator[tuple[int, int]]:
    """Places, first and one past the last."""
    for first in range(0, background.count, PART):
        yield first, min(first + PART, background.count)


def public_id(number: int) -> str:
    """Of a person."""
    return f"county-{number:09d}"


def tables(background: Background, keyring: KeyRing) -> Iterator[tuple[str, pa.Table]]:
    """(table, rows) of everybody, in parts; what refers comes after what it refers to."""
    index = BlindIndex(keyring)
    for first, end in parts(background):
        yield "person", _persons(background, keyring, index, first, end)
    for first, end in parts(background):
        yield "enrolment", _enrolments(background, first, end)
        yield "benefit", _benefits(background, keyring, index, first, end)
        yield "payment", _payments(background, first, end)
        yield "life_evidence", _evidence(background, first, end)
        yield "person_relation", _relations(background, first, end)


def _persons(background: Background, keyring: KeyRing, index: BlindIndex, first: int, end: int) -> pa.Table:
    ids, phones = background.resident_ids[first:end].tolist(), background.phones[first:end].tolist()
    addresses = background.addresses[first:end].tolist()
    public = [public_id(number) for number in range(first + 1, end + 1)]

    def sealed(column: str, values: list[str | None]) -> list[bytes | None]:
        return [
            None if value is None else sealed_hex(keyring.seal(value.encode(), associated_data(one, column)))
            for one, value in zip(public, values, strict=True)
        ]

    constant = pa.repeat(STAMP, end - first)
    return pa.table(
        {
            "id": np.arange(first + 1, end + 1),
            "public_id": public,
            "resident_id_index": pa.array([index.resident_id(each) for each in ids], pa.binary()),
            "resident_id_sealed": pa.array(sealed("resident_id", ids), pa.binary()),
            "resident_id_masked": [mask_resident_id(each) for each in ids],
            "name": background.names[first:end].tolist(),
            "birth_date": np.datetime_as_string(background.people.birth[first:end]).tolist(),
            "sex": np.where(background.people.male[first:end], "male", "female").tolist(),
            "region_code": [f"4298{county:02d}" for county in background.people.county[first:end].tolist()],
            "phone_sealed": pa.array(sealed("phone", phones), pa.binary()),
            "phone_masked": pa.array([None if each is None else mask_phone(each) for each in phones], pa.string()),
            "address_sealed": pa.array(sealed("address", addresses), pa.binary()),
            "created_at": constant,
            "updated_at": constant,
        }
    )


def _enrolments(background: Background, first: int, end: int) -> pa.Table:
    """Two each: the pension until retirement, the medical cover until death."""
    places = np.arange(first, end)
    resident, retired = background.resident_scheme[first:end], background.pensioner[first:end]
    pension = np.where(resident, "resident_pension", "employee_pension")
    medical = np.where(resident, "resident_medical", "employee_medical")
    began = np.where(resident, 2009 * 12 + 8, 1996 * 12)
    began = np.maximum(began, background.retired_from[first:end] - 500)  # in the twenties
    last = np.where(retired, background.retired_from[first:end] - 1, NEVER)
    began = np.minimum(began, last)  # who retired before the scheme began is on its lists for a month
    regions = [f"4298{county:02d}" for county in background.people.county[first:end].tolist()]
    return pa.table(
        {
            "id": np.concatenate([places * 2 + 1, places * 2 + 2]),
            "person_id": np.concatenate([places + 1, places + 1]),
            "scheme": np.concatenate([pension, medical]).tolist(),
            "region_code": regions * 2,
            "from_month": pa.array([*months_text(began), *months_text(began)], pa.string()),
            "to_month": pa.array([*months_text(last), *months_text(background.died_in[first:end])], pa.string()),
        }
    )


def _benefits(background: Background, keyring: KeyRing, index: BlindIndex, first: int, end: int) -> pa.Table:
    places = np.flatnonzero(background.pensioner[first:end]) + first
    accounts = [account_number(place) for place in background.account_of[places].tolist()]
    seal = [
        sealed_hex(keyring.seal(number.encode(), associated_data(public_id(place + 1), "bank_account")))
        for place, number in zip(places.tolist(), accounts, strict=True)
    ]
    died = background.died_in[places]
    return pa.table(
        {
            "id": places + 1,
            "person_id": places + 1,
            "scheme": np.where(background.resident_scheme[places], "resident_pension", "employee_pension").tolist(),
            "region_code": [background.region(place) for place in places.tolist()],
            "monthly_fen": background.monthly_fen[places],
            "status": np.where(died == NEVER, "active", "ended").tolist(),
            "from_month": pa.array(months_text(background.retired_from[places]), pa.string()),
            "to_month": pa.array(months_text(died), pa.string()),
            "account_index": pa.array([index.bank_account(each) for each in accounts], pa.binary()),
            "account_sealed": pa.array(seal, pa.binary()),
            "account_masked": [mask_bank_account(each) for each in accounts],
            "retirement_kind": ["normal"] * len(places),
        }
    )


def _payments(background: Background, first: int, end: int) -> pa.Table:
    places = np.flatnonzero(background.pensioner[first:end]) + first
    last = month_number(AS_OF) - 1
    window = np.arange(last - background.months + 1, last + 1)
    place, month = np.repeat(places, len(window)), np.tile(window, len(places))
    paid = (month >= background.retired_from[place]) & (month <= background.died_in[place])
    place, month = place[paid], month[paid]
    names = np.array(months_text(window), dtype=object)
    return pa.table(
        {
            "id": place * background.months + (month - window[0]) + 1,
            "benefit_id": place + 1,
            "month": pa.array(names[month - window[0]], pa.string()),
            "amount_fen": background.monthly_fen[place],
        }
    )


def _evidence(background: Background, first: int, end: int) -> pa.Table:
    """Waves, each with ids of its own: certification, death, its second source, a trace, a custody that ended years ago."""
    places = np.arange(first, end)
    retired, draws = background.pensioner[first:end], background.draws[first:end]
    died, certified = background.died_days_ago[first:end], background.certified_days_ago[first:end]
    gone = died != NEVER
    treated = retired & (draws % 10 < 3)
    held = CUSTODY_DAYS_AGO + draws // 1_000
    # nobody in custody was at work then: contributions in custody would be a finding, and a right one
    in_custody = retired & (draws % 1_000 == 7) & (background.retired_from[first:end] <= months_ago(held))
    waves = (
        (retired, certified, "face", None, "conclusive", "self-service", None),
        (gone, died, "death_record", None, "conclusive", "civil affairs", None),
        (gone & (draws % 5 < 2), died, "death_record", None, "conclusive", "hospital", None),
        (treated, np.where(gone, died, 0) + draws // 10 % 290 + 1, "data_match", "medical_visit", "supporting", "identity check", None),
        (in_custody, held, "custody", None, "conclusive", "prison administration", CUSTODY_ENDED_DAYS_AGO),
    )
    made = []
    for wave, (chosen, days, kind, trace, strength, source, until) in enumerate(waves):
        at = places[chosen]
        count = len(at)
        ends = [None] * count if until is None else [str(np.datetime64(AS_OF) - np.timedelta64(until, "D"))] * count
        made.append(
            pa.table(
                {
                    "id": wave * background.count + at + 1,
                    "person_id": at + 1,
                    "kind": [kind] * count,
                    "trace": pa.array([trace] * count, pa.string()),
                    "occurred_on": (np.datetime64(AS_OF) - days[chosen].astype("timedelta64[D]")).astype(str).tolist(),
                    "ends_on": pa.array(ends, pa.string()),
                    "strength": [strength] * count,
                    "source": [source] * count,
                    "recorded_by": ["benchmark"] * count,
                    "recorded_at": [STAMP] * count,
                }
            )
        )
    return pa.concat_tables(made, promote_options="permissive")


EVIDENCE_WAVES = 5


def _relations(background: Background, first: int, end: int) -> pa.Table:
    """Spouses: all who share an account and most others; twins: half of them."""
    people, draws = background.people, background.draws[first:end]
    places = np.arange(first, end)
    second = people.place[first:end] == 1
    kind = people.kind[first:end]
    shares = background.account_of[first:end] != places
    spouse = second & np.isin(kind, [1, 2]) & (shares | (draws % 10 < 6))
    twin = second & (kind == 4) & (draws % 10 < 5)
    chosen = places[spouse | twin]
    return pa.table(
        {
            "id": chosen + 1,
            "person_id": chosen,  # whose place is one less
            "other_id": chosen + 1,
            "kind": np.where(people.kind[chosen] == 4, "twin", "spouse").tolist(),
            "source": ["benchmark"] * len(chosen),
        }
    )
