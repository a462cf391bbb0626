"""What happens to the record of a person when it is written down again: each kind of error, and how often they come together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from random import Random

import opencc
from lunar_python import Solar
from pypinyin import lazy_pinyin

from models.identifiers import check_character


@dataclass(frozen=True)
class Record:
    """One record. Texts as a clerk wrote them; None where the field is empty."""

    resident_id: str | None
    full_name: str | None
    sex: str | None
    birth_date: str | None
    region_code: str | None
    phone: str | None
    bank_account: str | None
    address: str | None


ID_ERRORS = (
    ("id_same", 8),
    ("id_written", 10),
    ("id_legacy", 15),
    ("id_typo", 22),
    ("id_transposed", 12),
    ("id_two_typos", 6),
    ("id_digit_lost", 4),
    ("id_missing", 8),
    ("id_rounded", 3),
    ("id_birth_corrected", 5),
    ("id_issued_anew", 3),
)
NAME_ERRORS = (
    ("name_same", 52),
    ("name_homophone", 12),
    ("name_fuzzy_homophone", 6),
    ("name_unwritable", 6),
    ("name_pinyin", 3),
    ("name_traditional", 4),
    ("name_character_wrong", 6),
    ("name_character_lost", 3),
    ("name_blank", 3),
    ("name_all_pinyin", 2),
    ("name_changed", 3),
)
MINORITY_ERRORS = (("name_dot", 35), ("name_no_dot", 25), ("name_cut", 25), ("name_order", 15))
BIRTH_ERRORS = (
    ("birth_same", 70),
    ("birth_lunar", 9),
    ("birth_swapped", 5),
    ("birth_typo", 6),
    ("birth_year_off", 4),
    ("birth_written", 4),
    ("birth_missing", 2),
)
PHONE_ERRORS = (("phone_same", 48), ("phone_written", 10), ("phone_typo", 7), ("phone_changed", 23), ("phone_missing", 12))
ACCOUNT_ERRORS = (("account_same", 45), ("account_written", 8), ("account_typo", 4), ("account_changed", 28), ("account_missing", 15))
ADDRESS_ERRORS = (("address_same", 20), ("address_written", 55), ("address_changed", 17), ("address_missing", 8))
REGION_ERRORS = (("region_same", 85), ("region_changed", 13), ("region_missing", 2))
SEX_ERRORS = (("sex_same", 98), ("sex_wrong", 1), ("sex_missing", 1))

HAN_DIGITS = "零一二三四五六七八九"
MISTAKEN = {"0": "968", "1": "74", "2": "37", "3": "82", "4": "19", "5": "63", "6": "05", "7": "12", "8": "36", "9": "04"}
FUZZY = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("l", "n"), ("z", "zh"), ("c", "ch"), ("s", "sh"))
FUZZY_ENDS = (("ing", "in"), ("eng", "en"), ("ang", "an"), ("in", "ing"), ("en", "eng"), ("an", "ang"))


@cache
def common_characters() -> dict[str, str]:
    """Syllable -> the characters of GB 2312's first level that have it."""
    by_sound: dict[str, str] = {}
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            try:
                character = bytes((row, cell)).decode("gb2312")
            except UnicodeDecodeError:
                continue
            sound = lazy_pinyin(character)[0]
            by_sound[sound] = by_sound.get(sound, "") + character
    return by_sound


@cache
def _traditional() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


def _one_of(choices: tuple[tuple[str, int], ...], random: Random) -> str:
    return random.choices([name for name, _ in choices], [weight for _, weight in choices])[0]


def duplicate(record: Record, resident_id: str, counties: int, random: Random) -> tuple[Record, set[str]]:
    """A second record of the person, and what is wrong with it. resident_id: the true one, 18 characters. counties: how many there are."""
    assert record.full_name is not None
    assert record.birth_date is not None
    minority = "·" in record.full_name
    kinds = {
        "resident_id": _one_of(ID_ERRORS, random),
        "full_name": _one_of(MINORITY_ERRORS if minority and random.random() < 0.5 else NAME_ERRORS, random),
        "birth_date": _one_of(BIRTH_ERRORS, random),
        "phone": _one_of(PHONE_ERRORS, random),
        "bank_account": _one_of(ACCOUNT_ERRORS, random),
        "address": _one_of(ADDRESS_ERRORS, random),
        "region_code": _one_of(REGION_ERRORS, random),
        "sex": _one_of(SEX_ERRORS, random),
    }
    if kinds["resident_id"] == "id_legacy" and resident_id[6:8] != "19":
        kinds["resident_id"] = "id_written"
    made = replace(
        record,
        resident_id=id_error(kinds["resident_id"], resident_id, counties, random),
        full_name=name_error(kinds["full_name"], record.full_name, random),
        birth_date=birth_error(kinds["birth_date"], record.birth_date, random),
        phone=_number_error(kinds["phone"], record.phone, random, _write_phone),
        bank_account=_number_error(kinds["bank_account"], record.bank_account, random, _write_account),
        address=address_error(kinds["address"], record.address, random),
        region_code=record.region_code,
    )
    if kinds["resident_id"] == "id_birth_corrected" and made.resident_id is not None and kinds["birth_date"] == "birth_same":
        made = replace(made, birth_date=f"{made.resident_id[6:10]}-{made.resident_id[10:12]}-{made.resident_id[12:14]}")
    if kinds["region_code"] != "region_same":
        made = replace(made, region_code=None if kinds["region_code"] == "region_missing" else f"4298{random.randrange(counties):02d}")
    if kinds["sex"] != "sex_same":
        made = replace(made, sex=None if kinds["sex"] == "sex_missing" else "女" if record.sex == "男" else "男")
    changed = {kind for field, kind in kinds.items() if getattr(made, field) != getattr(record, field)}
    return made, changed


def id_error(kind: str, number: str, counties: int, random: Random) -> str | None:
    """A resident ID written with an error of that kind."""
    if kind == "id_same":
        return number
    if kind == "id_missing":
        return None
    if kind == "id_written":
        return random.choice(
            (
                number.lower(),
                f" {number[:6]} {number[6:14]} {number[14:]}",
                "".join(chr(ord(each) + 0xFEE0) for each in number),
                number.replace("0", "O"),
                number[:17],
                f"'{number}",
            )
        )
    if kind == "id_legacy":
        return number[:6] + number[8:17]
    if kind == "id_rounded":
        return number[:15] + "000"
    if kind == "id_digit_lost":
        place = random.randrange(17)
        return number[:place] + number[place + 1 :]
    if kind == "id_transposed":
        places = [place for place in range(6, 17) if number[place] != number[place + 1] and number[place + 1] != "X"]
        place = random.choice(places)
        return number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if kind in {"id_typo", "id_two_typos"}:
        for place in random.sample(range(17), 1 if kind == "id_typo" else 2):
            number = number[:place] + _mistaken(number[place], random) + number[place + 1 :]
        return number
    born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    if kind == "id_birth_corrected":
        born = max(date(1920, 1, 1), born + timedelta(days=random.choice((-1, 1)) * random.choice((1, 10, 30, 31, 365, 366, 730, 3653))))
        region = number[:6]
    else:
        region = f"4298{random.randrange(counties):02d}"
    first_17 = f"{region}{born:%Y%m%d}{random.randrange(1, 497) * 2 + int(number[16]) % 2:03d}"
    return first_17 + check_character(first_17)


def _mistaken(digit: str, random: Random) -> str:
    if random.random() < 0.6:
        return random.choice(MISTAKEN[digit])
    return random.choice([each for each in "0123456789" if each != digit])


def name_error(kind: str, name: str, random: Random) -> str:
    """A name written with an error of that kind; as it was where the kind does not apply."""
    if kind == "name_traditional":
        return str(_traditional().convert(name))
    if kind == "name_blank":
        return " ".join(name) if random.random() < 0.5 else name[0] + "　" + name[1:]
    if kind == "name_all_pinyin":
        sounds = lazy_pinyin(name.replace("·", ""))
        return random.choice((" ".join(sounds), "".join(sounds).upper(), sounds[0].title() + " " + "".join(sounds[1:]).title()))
    if kind == "name_dot":
        return name.replace("·", random.choice("•．.・‧ "))
    if kind == "name_no_dot":
        return name.replace("·", "")
    if kind == "name_cut":
        return name[: random.randrange(5, 8)].rstrip("·")
    if kind == "name_order":
        return "·".join(reversed(name.split("·")))
    place = random.randrange(1, len(name))
    if name[place] == "·":
        place += 1
    character = name[place]
    if kind == "name_character_lost":
        return name[:place] + name[place + 1 :] if len(name) > 2 else name
    if kind == "name_changed":
        return name[0] + "".join(random.choice(random.choice(list(common_characters().values()))) for _ in name[1:])
    put = {
        "name_homophone": lambda: _sounding(lazy_pinyin(character)[0], character, random),
        "name_fuzzy_homophone": lambda: _sounding(_fuzzy(lazy_pinyin(character)[0], random), character, random),
        "name_unwritable": lambda: random.choice("??？□■*〓"),
        "name_pinyin": lambda: random.choice((lazy_pinyin(character)[0], lazy_pinyin(character)[0].upper())),
        "name_character_wrong": lambda: random.choice(random.choice(list(common_characters().values()))),
    }.get(kind)
    return name[:place] + put() + name[place + 1 :] if put else name


def _sounding(sound: str, character: str, random: Random) -> str:
    others = common_characters().get(sound, "").replace(character, "")
    return random.choice(others) if others else character


def _fuzzy(sound: str, random: Random) -> str:
    fronts = [to + sound[len(front) :] for front, to in FUZZY if sound.startswith(front)]
    ends = [sound[: -len(end)] + to for end, to in FUZZY_ENDS if sound.endswith(end)]
    known = [each for each in fronts + ends if each in common_characters()]
    return random.choice(known) if known else sound


def birth_error(kind: str, birth: str, random: Random) -> str | None:
    """A birth date (YYYY-MM-DD) written with an error of that kind."""
    day = date.fromisoformat(birth)
    if kind == "birth_missing":
        return None
    if kind == "birth_lunar":
        lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
        return f"{lunar.getYear()}-{abs(lunar.getMonth()):02d}-{lunar.getDay():02d}"
    if kind == "birth_swapped" and day.day <= 12:
        return f"{day.year}-{day.day:02d}-{day.month:02d}"
    if kind == "birth_year_off":
        return f"{day.year + random.choice((-10, -2, -1, 1, 2, 10))}-{birth[5:]}"
    if kind == "birth_written":
        return random.choice((birth.replace("-", ""), f"{day.year}/{day.month}/{day.day}", f"{day.year}年{day.month}月{day.day}日"))
    if kind == "birth_typo":
        month, number = day.month, day.day
        if random.random() < 0.4:
            month = random.randrange(1, 13)
        else:
            number = random.randrange(1, 29)
        return f"{day.year}-{month:02d}-{number:02d}"
    return birth


def _number_error(kind: str, number: str | None, random: Random, write: Callable[[str, Random], str]) -> str | None:
    if kind.endswith("missing") or number is None:
        return None if random.random() < 0.7 or kind.endswith("missing") else _changed("1" * 11, random)
    if kind.endswith("written"):
        return write(number, random)
    if kind.endswith("changed"):
        return _changed(number, random)
    if kind.endswith("typo"):
        place = random.randrange(4, len(number))
        return number[:place] + _mistaken(number[place], random) + number[place + 1 :]
    return number


def _changed(number: str, random: Random) -> str:
    return number[:4] + "".join(random.choice("0123456789") for _ in number[4:])


def _write_phone(number: str, random: Random) -> str:
    return random.choice(
        (
            f"+86{number}",
            f"86-{number}",
            f"{number[:3]} {number[3:7]} {number[7:]}",
            f"{number[:3]}-{number[3:7]}-{number[7:]}",
            f"0086{number}",
        )
    )


def _write_account(number: str, random: Random) -> str:
    return random.choice((" ".join(number[at : at + 4] for at in range(0, len(number), 4)), f"'{number}", f"{number[:6]}-{number[6:]}"))


def address_error(kind: str, address: str | None, random: Random) -> str | None:
    """An address written with an error of that kind."""
    if address is None or kind == "address_missing":
        return None
    if kind == "address_same":
        return address
    if kind == "address_changed":
        street = address[:9] + random.choice("东西南北") + random.choice("湖山门岭")
        return f"{street}路{random.randrange(1, 300)}号{random.randrange(1, 20)}栋{random.randrange(101, 3006)}"
    text = address
    for start in random.choice(((), ("湖北省",), ("湖北省云泽市",), (address[:9],))):
        text = text.removeprefix(start)
    if random.random() < 0.4:
        text = text.replace("栋", random.choice(("幢", "号楼", "-"))).replace("室", random.choice(("", "号", "房")))
    if random.random() < 0.25:
        text = "".join(HAN_DIGITS[int(each)] if each.isdigit() and not _beside_digit(text, at) else each for at, each in enumerate(text))
    if random.random() < 0.1:
        text = "".join(chr(ord(each) + 0xFEE0) if each.isascii() and each.isdigit() else each for each in text)
    return text


def _beside_digit(text: str, at: int) -> bool:
    return (at > 0 and text[at - 1].isdigit()) or (at + 1 < len(text) and text[at + 1].isdigit())
