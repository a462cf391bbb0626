"""A made-up province as Arrow tables: every value follows from a number and a seed, so that any part can be made by itself, in any order.

Persons are numbered from 1. One in ``Province.scattered_every`` lives in city 429900, so that its people are spread over all numbers;
the others live in cities 420100, 420200, ... in blocks of numbers, as files of a city would bring them in. The ledger is in waves
(certifications of before, last certifications, traces, ...), each in an order of its own: rows of one person stand apart, as in life.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.identifiers import check_character

AS_OF = date(2026, 3, 15)
CITY = 500_000
SCATTERED = "429900"
COUNTIES = 5
PART = 50_000
EPOCH = date(1970, 1, 1)
SEALED_HEX = "\\x02" + b"k1".hex() + "ab" * 46  # one sealed value for everybody: nothing here opens it
STAMP = "2026-03-14 16:00:00.000000"

PRIMES = (7_368_787, 6_700_417, 5_915_587, 4_999_999, 3_999_971, 2_999_999, 1_999_993, 999_983)

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643
CHECK_CHARACTERS = "10X98765432"

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Wave:
    """One kind of rows: the share of persons (in thousandths) that has one, and from how many days ago to how many."""

    name: str
    per_mille: int
    days_from: int
    days_to: int
    kinds: tuple[tuple[str, str | None, str], ...]  # (kind, trace, strength)


CHECKS = (("face", None, "conclusive"), ("counter", None, "conclusive"), ("video_call", None, "conclusive"))
MEDICAL = ("data_match", "medical_visit", "supporting")
TRAVEL = ("data_match", "travel", "indicative")
WAVES = (
    Wave("first", 900, 760, 1_100, CHECKS),
    Wave("before", 400, 430, 760, CHECKS),
    Wave("last", 900, 0, 420, CHECKS),
    Wave("traces", 600, 0, 400, (MEDICAL, MEDICAL, ("data_match", "vaccination", "supporting"), TRAVEL)),
    Wave("more traces", 185, 0, 400, (MEDICAL, TRAVEL, ("data_match", "other", "indicative"))),
    Wave("deaths", 15, 0, 600, (("death_record", None, "conclusive"), ("death_record", None, "indicative"))),
    Wave("custody", 2, 0, 600, (("custody", None, "conclusive"),)),
)


@dataclass(frozen=True)
class Province:
    """persons: how many. seed: of all values."""

    persons: int
    seed: int = 7

    @property
    def scattered_every(self) -> int:
        """One in so many lives in the scattered city."""
        return max(2, round(self.persons / CITY))

    @property
    def block(self) -> int:
        """Numbers to a city, such that 500,000 live there (half of everybody in a small province)."""
        every = self.scattered_every
        return max(1, min(self.persons, CITY * every // (every - 1)))

    @property
    def cities(self) -> int:
        """How many cities there are besides the scattered one."""
        return -(-self.persons // self.block)

    def region_codes(self) -> list[tuple[str, str, str | None]]:
        """(code, level, parent)."""
        rows: list[tuple[str, str, str | None]] = [("420000", "province", None)]
        cities = [f"42{number + 1:02d}00" for number in range(self.cities)] + [SCATTERED]
        rows += [(code, "city", "420000") for code in cities]
        rows += [(f"{code[:4]}{county + 1:02d}", "county", code) for code in cities for county in range(COUNTIES)]
        return rows

    def parts(self) -> Iterator[tuple[int, int]]:
        """Ranges of numbers, first and one past the last."""
        for first in range(1, self.persons + 1, PART):
            yield first, min(first + PART, self.persons + 1)


def resident_id(number: int) -> str:
    """Resident ID of the person with this number, of counties that do not exist; one in 1,000 has the unused sequence 000."""
    area, rest = divmod(number, 12_000_000)
    day, sequence = divmod(rest, 1_000)
    born = date.fromordinal(date(1930, 1, 1).toordinal() + day)
    first_17 = f"{429801 + area}{born:%Y%m%d}{sequence:03d}"
    return first_17 + check_character(first_17)


def _resident_ids(first: int, end: int) -> list[str]:
    """``resident_id`` of each number, faster: what a thousand numbers have in common is worked out once."""
    ids: list[str] = []
    for thousand in range(first // 1_000, (end - 1) // 1_000 + 1):
        start = resident_id(thousand * 1_000)[:14]
        weighed = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, start, strict=False))
        for number in range(max(first, thousand * 1_000), min(end, (thousand + 1) * 1_000)):
            sequence = number % 1_000
            a, b, c = sequence // 100, sequence // 10 % 10, sequence % 10
            check = CHECK_CHARACTERS[(weighed + WEIGHTS[14] * a + WEIGHTS[15] * b + WEIGHTS[16] * c) % 11]
            ids.append(f"{start}{sequence:03d}{check}")
    if ids[-1] != resident_id(end - 1):
        raise AssertionError("the two ways to a resident ID differ")
    return ids


def _hash(numbers: Numbers, *salts: int) -> NDArray[np.uint64]:
    """splitmix64 (Steele, Lea, Flood 2014) of each number."""
    value = numbers.astype(np.uint64)
    with np.errstate(over="ignore"):
        for salt in salts:
            value = value + np.uint64(0x9E3779B97F4A7C15) * np.uint64(salt + 1)
            value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            value = value ^ (value >> np.uint64(31))
    return value


def _draw(numbers: Numbers, below: int, *salts: int) -> Numbers:
    return (_hash(numbers, *salts) % np.uint64(below)).astype(np.int64)


def _days_ago(days: Numbers) -> pa.Array:
    return pa.array(((AS_OF - EPOCH).days - days).astype(np.int32), pa.date32())


def _regions(province: Province, numbers: Numbers) -> list[str]:
    city = (numbers - 1) // province.block + 1
    city[numbers % province.scattered_every == 0] = 99
    county = _draw(numbers, COUNTIES, province.seed, 1) + 1
    return [f"42{c:02d}{k:02d}" for c, k in zip(city.tolist(), county.tolist(), strict=True)]


def persons(province: Province, key: bytes, first: int, end: int) -> pa.Table:
    """Rows of ``person``. key: of the blind index of resident IDs."""
    numbers = np.arange(first, end, dtype=np.int64)
    ids = _resident_ids(first, end)
    merged = (numbers % 2_000 == 1_999) & (numbers > 1)
    constant = _constants(end - first)
    return pa.table(
        {
            "id": numbers,
            "public_id": [
                f"{value:016x}{number:06x}"[:22]
                for value, number in zip(_hash(numbers, province.seed, 2).tolist(), range(first, end), strict=True)
            ],
            "resident_id_index": ["\\x" + hmac.digest(key, each.encode("ascii"), hashlib.sha256).hex() for each in ids],
            "resident_id_sealed": constant(SEALED_HEX),
            "resident_id_masked": [f"{each[:2]}************{each[-4:]}" for each in ids],
            "name": [f"某{number % 1000}" for number in range(first, end)],
            "birth_date": [f"{each[6:10]}-{each[10:12]}-{each[12:14]}" for each in ids],
            "sex": ["male" if int(each[16]) % 2 else "female" for each in ids],
            "region_code": _regions(province, numbers),
            "merged_into_id": pa.array(np.where(merged, numbers - 1, 0), mask=~merged),
            "created_at": constant(STAMP),
            "updated_at": constant(STAMP),
        }
    )


def benefits(province: Province, first: int, end: int) -> pa.Table:
    """Rows of ``benefit``: one each, one in a hundred paused."""
    numbers = np.arange(first, end, dtype=np.int64)
    paused = _draw(numbers, 100, province.seed, 3) == 0
    month = _draw(numbers, 120, province.seed, 4)
    constant = _constants(end - first)
    return pa.table(
        {
            "id": numbers,
            "person_id": numbers,
            "scheme": np.where(_draw(numbers, 3, province.seed, 5) == 0, "resident_pension", "employee_pension").tolist(),
            "region_code": _regions(province, numbers),
            "monthly_fen": constant(300_000),
            "status": np.where(paused, "paused", "active").tolist(),
            "from_month": [f"{2010 + value // 12}-{value % 12 + 1:02d}-01" for value in month.tolist()],
            "paused_on": pa.array([date(2026, 1, 1) if each else None for each in paused.tolist()], pa.date32()),
        }
    )


def evidence(province: Province, wave: int, first: int, end: int) -> pa.Table:
    """Rows of ``life_evidence`` at places [first, end) of a wave; the places are in another order than the numbers of the persons."""
    how, count = WAVES[wave], province.persons
    places = np.arange(first, end, dtype=np.int64)
    step = next(prime for prime in PRIMES[wave:] + PRIMES[:wave] if count % prime)  # so the steps come to every number once
    numbers = (places * step + wave) % count + 1
    chosen = _draw(numbers, 1_000, province.seed, 10 + wave) < how.per_mille
    places, numbers = places[chosen], numbers[chosen]
    days = how.days_from + _draw(numbers, how.days_to - how.days_from, province.seed, 20 + wave)
    kind = _draw(numbers, len(how.kinds), province.seed, 30 + wave).tolist()
    source = _draw(numbers, 200, province.seed, 40 + wave).tolist()
    constant = _constants(len(numbers))
    return pa.table(
        {
            "id": wave * count + places + 1,
            "person_id": numbers,
            "kind": [how.kinds[each][0] for each in kind],
            "trace": pa.array([how.kinds[each][1] for each in kind], pa.string()),
            "occurred_on": _days_ago(days),
            "strength": [how.kinds[each][2] for each in kind],
            "source": [f"source {each}" for each in source],
            "recorded_by": constant("benchmark"),
            "recorded_at": constant(STAMP),
        }
    )


def _constants(length: int) -> Callable[[str | int], pa.Array]:
    return lambda value: pa.array([value] * length)
