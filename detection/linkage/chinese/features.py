"""Adds to records what Chinese ones need to be linked: for each column that looks Chinese, forms that meet where the same is meant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detection.linkage.chinese.addresses import address_forms
from detection.linkage.chinese.dates import DateForms, date_forms
from detection.linkage.chinese.distinct import joined, or_null, text_column
from detection.linkage.chinese.names import NameForms, name_forms
from detection.linkage.chinese.numbers import (
    account_numbers,
    looks_like_chinese_phones,
    looks_like_region_codes,
    phone_numbers,
    regions_in_force,
)
from detection.linkage.chinese.resident_ids import ResidentIdForms, looks_like_resident_ids, resident_id_forms
from detection.linkage.feature_columns import FeatureColumn, FeatureKind

_HAN = r"\p{Han}"

LOOKED_AT = 50_000
"""Records by which a column is found to be Chinese."""

_EQUAL_OR_NOT = frozenset(
    {"full_name_shape", "full_name_parts", "full_name_start", "full_name_sound", "full_name_loose_sound", "address_numbers"}
)
"""Forms that the comparisons of Chinese records only ask whether they are equal."""


def _mostly_han(values: pa.Array) -> bool:
    if len(values) == values.null_count:
        return False
    return bool(pc.mean(pc.match_substring_regex(values, _HAN).cast(pa.int8())).as_py() > 0.5)


_LOOKS = {
    "full_name": _mostly_han,
    "surname": _mostly_han,
    "address": _mostly_han,
    "resident_id": looks_like_resident_ids,
    "phone": looks_like_chinese_phones,
    "region_code": looks_like_region_codes,
}


def chinese_columns(records: pa.Table, columns: Mapping[str, str]) -> frozenset[str]:
    """Canonical names of the columns that look Chinese; more than half of the values must, of some in equal steps."""
    there = {name: column for name, column in columns.items() if name in _LOOKS and column in records.column_names}
    seen = pa.array(np.arange(0, records.num_rows, max(1, records.num_rows // LOOKED_AT)))
    return frozenset(name for name, column in there.items() if _LOOKS[name](text_column(records.column(column).take(seen))))


def prepare(records: pa.Table, columns: Mapping[str, str], chinese: frozenset[str] | None = None) -> tuple[pa.Table, list[FeatureColumn]]:
    """The records with derived columns, and what each of those is good for.

    columns: canonical name (resident_id, full_name or given_name and surname, birth_date, region_code, phone, bank_account, address) ->
    column of the table. A column that does not look Chinese gets nothing; where none does, the table comes back as it was. What is derived
    depends on the row alone, and on nothing else in the table, once the columns are found to be Chinese. Columns of earlier preparation
    are replaced. chinese: what ``chinese_columns`` says of the whole table, where these records are a part of it.
    """
    if chinese is None:
        chinese = chinese_columns(records, columns)
    texts = {name: text_column(records.column(column)) for name, column in columns.items() if column in records.column_names}
    names = _names(texts, chinese)
    numbers = resident_id_forms(texts["resident_id"]) if "resident_id" in chinese else None
    if names is None and numbers is None and "address" not in chinese:
        return records, []
    made: dict[str, tuple[FeatureKind, str, pa.Array]] = {}
    phone = phone_numbers(texts["phone"]) if "phone" in chinese else None
    account = account_numbers(texts["bank_account"]) if "bank_account" in texts else None
    region = regions_in_force(texts["region_code"]) if "region_code" in chinese else None
    days = date_forms(texts["birth_date"]) if "birth_date" in texts else None
    if numbers is not None:
        made["resident_id_core"] = (FeatureKind.IDENTIFIER, "resident_id", numbers.core)
        made["resident_id_checked"] = (FeatureKind.VERIFIED, "resident_id", _proven(numbers, days).cast(pa.int64()))
    if names is not None:
        made["full_name_normal"] = (FeatureKind.NORMAL, "full_name", names.normal)
        made["full_name_pattern"] = (FeatureKind.PATTERN, "full_name", names.pattern)
        made["full_name_shape"] = (FeatureKind.NORMAL, "full_name", names.shape)
        made["full_name_parts"] = (FeatureKind.NORMAL, "full_name", names.parts)
        made["full_name_start"] = (FeatureKind.NORMAL, "full_name", names.start)
        made["full_name_sound"] = (FeatureKind.PHONETIC, "full_name", names.sound)
        made["full_name_loose_sound"] = (FeatureKind.PHONETIC, "full_name", names.loose)
    if days is not None:
        made["birth_date_day"] = (FeatureKind.NORMAL, "birth_date", days.day)
        made["birth_date_from_lunar"] = (FeatureKind.ALTERNATIVE_DATE, "birth_date", days.from_lunar)
        made["birth_date_swapped"] = (FeatureKind.ALTERNATIVE_DATE, "birth_date", days.swapped)
    if region is not None:
        made["region_code_in_force"] = (FeatureKind.CODE, "region_code", region)
    if phone is not None:
        made["phone_number"] = (FeatureKind.IDENTIFIER, "phone", phone)
    if account is not None:
        made["bank_account_number"] = (FeatureKind.IDENTIFIER, "bank_account", account)
    house = address = None
    if "address" in chinese:
        places = address_forms(texts["address"])
        house, address = places.numbers, places.normal
        made["address_normal"] = (FeatureKind.NORMAL, "address", places.normal)
        made["address_numbers"] = (FeatureKind.NORMAL, "address", places.numbers)
        if names is None and numbers is None:  # nothing else to go by: worth the room that lists take
            made["address_tokens"] = (FeatureKind.TOKENS, "address", places.tokens)
    keys = _keys(numbers, names, days, region, phone, house, address)
    # without keys other comparisons take the forms, and look into them
    found = [FeatureColumn(name, kind, of, hashed=bool(keys) and name in _EQUAL_OR_NOT) for name, (kind, of, _) in made.items()]
    values_of = {name: values for name, (_, _, values) in made.items()}
    for key, (about, values) in keys.items():
        found.append(FeatureColumn(f"key_{key}", FeatureKind.KEY, about[0], about[1:], hashed=True))
        values_of[f"key_{key}"] = values
    kept = records.drop_columns([name for name in values_of if name in records.column_names])
    for name, values in values_of.items():
        kept = kept.append_column(name, values)
    return kept, found


def _proven(numbers: ResidentIdForms, days: DateForms | None) -> pa.Array:
    """The numbers whose check character fits, and those of the old form, which has none, that tell the record's own birth date."""
    if days is None:
        return numbers.checked
    agreed = pc.and_(numbers.legacy, pc.equal(numbers.birth_date, days.day))
    return pc.coalesce(numbers.checked, or_null(numbers.core, agreed))


def _names(texts: Mapping[str, pa.Array], chinese: frozenset[str]) -> NameForms | None:
    if "full_name" in chinese:
        return name_forms(texts["full_name"])
    if "full_name" not in texts and "surname" in chinese and "given_name" in texts:
        # not null_handling="skip": that drops rows in which all is null (pyarrow 26)
        whole = pc.binary_join_element_wise(texts["surname"].fill_null(""), texts["given_name"].fill_null(""), "")
        return name_forms(pc.if_else(pc.equal(whole, ""), pa.scalar(None, pa.string()), whole))
    return None


Key = tuple[tuple[str, ...], pa.Array]


def _keys(
    numbers: ResidentIdForms | None,
    names: NameForms | None,
    days: DateForms | None,
    region: pa.Array | None,
    phone: pa.Array | None,
    house: pa.Array | None,
    address: pa.Array | None,
) -> dict[str, Key]:
    """Keys to block on, each narrow, with the columns that they are made of: what is left when one or two things are wrong."""
    keys: dict[str, Key] = {}
    if numbers is not None:
        keys["id_without_region"] = (("resident_id",), numbers.birth_and_sequence)
        keys["id_without_year"] = (("resident_id",), numbers.without_year)
    if numbers is not None and names is None:
        keys["id_without_day"] = (("resident_id",), numbers.without_day)
    if names is None:
        return keys
    if numbers is not None:
        keys["id_without_sequence"] = (("resident_id", "full_name"), joined(numbers.without_sequence, names.surname))
        keys["id_transposed"] = (("resident_id", "full_name"), joined(numbers.region, numbers.ordered, names.surname))
    born = _born(numbers, days)
    told_by = "resident_id" if days is None else "birth_date"
    place = region if region is not None else None if numbers is None else numbers.region
    if born is not None and place is not None:
        about = ("full_name", told_by, "region_code" if region is not None else "resident_id")
        keys["name_and_year"] = (about, joined(names.loose, pc.utf8_slice_codeunits(born, 0, 4), place))
        keys["surname_and_birth"] = (about, joined(names.surname, born, place))
    elif born is not None:
        keys["surname_and_birth"] = (("full_name", told_by), joined(names.surname, born))
    if born is not None:
        keys["name_and_birth"] = (("full_name", told_by), joined(names.loose, born))
    if phone is not None and born is None:
        keys["name_and_phone"] = (("full_name", "phone"), joined(names.loose, pc.utf8_slice_codeunits(phone, -4, 11)))
    if house is not None:
        at = house if place is None else joined(house, place)
        keys["surname_and_house"] = (("full_name", "address"), joined(names.surname, at))
    if address is not None and house is not None and place is not None:  # of people who moved to another county's books
        keys["surname_and_address"] = (("full_name", "address"), or_null(joined(names.surname, address), pc.is_valid(house)))
    return keys


def _born(numbers: ResidentIdForms | None, days: DateForms | None) -> pa.Array | None:
    """The birth date, of the number where there is no other."""
    if numbers is None:
        return None if days is None else days.day
    return numbers.birth_date if days is None else pc.coalesce(days.day, numbers.birth_date)
