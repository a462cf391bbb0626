"""The made-up county: its regions, names, schemes and how its people live. No value here is of a real person.

The region codes 4298xx are assigned to no place, now or in any yearly list since 1980 (a test looks); so no resident ID built on them
can belong to anybody. Phone numbers begin with 100, which no mobile number does.
"""

from __future__ import annotations

from dataclasses import dataclass

PROVINCE = ("420000", "湖北省")
CITY = ("429800", "云泽市")


@dataclass(frozen=True)
class County:
    """One county with its share of the people, in per cent."""

    code: str
    name: str
    share: int


COUNTIES = (
    County("429802", "东湖区", 28),
    County("429821", "青溪县", 45),
    County("429822", "白石县", 27),
)

STREETS = (
    "和平路",
    "人民路",
    "解放路",
    "建设路",
    "新华路",
    "中山路",
    "东湖路",
    "青年路",
    "文化路",
    "胜利街",
    "幸福街",
    "工农街",
    "朝阳街",
    "南门街",
    "河滨路",
    "长乐街",
)

# The most common surnames with rough weights; two double ones, so that longer names are seen.
_COMMON_SURNAMES = tuple(
    (name, weight)
    for weight, names in (
        (70, "王李张刘陈"),
        (30, "杨黄赵吴周徐孙马朱胡"),
        (14, "郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董"),
        (
            6,
            "袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤",
        ),
    )
    for name in names
)
SURNAMES = (*_COMMON_SURNAMES, ("欧阳", 3), ("上官", 1))

# Given-name characters by sex and the years in which they were common: (last birth year, one-character share in per cent, characters).
GIVEN = {
    "male": (
        (1959, 25, "国建华德明志文玉金福生春贵祥林荣海庆学云山树永忠成富长厚清安"),
        (1984, 35, "建国军伟强勇明平志刚华斌辉涛波林海峰鹏杰俊东红卫新兵"),
        (2030, 15, "子浩宇轩博文俊杰泽涛天佑思远嘉明睿诚一晨航毅家豪梓"),
    ),
    "female": (
        (1959, 30, "秀英桂兰玉珍淑芳凤翠香金梅莲春素菊云花琴银娥芝惠"),
        (1984, 35, "丽敏静红艳燕芳霞萍玲娟梅英华秀琴小莉琼云娜"),
        (2030, 15, "雨欣子涵梓萱诗思琪佳怡梦洁可馨依欣妍婷嘉宁若"),
    ),
}

# (first age, last age, share in per mille). 350 per mille are 60 to 95, so that 2,000 people have about 700 pensioners.
AGES = (
    (0, 17, 130),
    (18, 29, 120),
    (30, 44, 180),
    (45, 59, 220),
    (60, 64, 100),
    (65, 69, 95),
    (70, 74, 68),
    (75, 79, 42),
    (80, 84, 26),
    (85, 89, 13),
    (90, 95, 6),
)

RETIREMENT_AGE = 60

# Monthly pensions in fen: (least, mode, most), triangular.
PENSIONS_FEN = {
    "employee_pension": (180_000, 310_000, 720_000),
    "resident_pension": (13_500, 18_500, 42_000),
}

# What the pensioners' last certifications look like, in per mille.
FATES = (
    ("certified", 660),
    ("due_soon", 120),
    ("overdue", 95),
    ("never_certified", 40),
    ("paused", 25),
    ("deceased", 45),
    ("wrong_death_record", 5),
    ("corrected", 10),
)

# Kinds of certifying evidence in per mille with their source, under 80 and from 80 on.
EVIDENCE = {
    "younger": (("face", 520, "self-service"), ("data_match", 270, "medical visits"), ("counter", 130, "service hall"),
                ("assisted", 50, "other province"), ("video_call", 30, "video desk")),
    "older": (("home_visit", 330, "township staff"), ("data_match", 300, "medical visits"), ("face", 230, "helper's phone"),
              ("counter", 90, "service hall"), ("video_call", 50, "video desk")),
}  # fmt: skip

# Traces of life by kind: (strength in the ledger, sources).
TRACES = {
    "medical_visit": ("supporting", ("identity check/First Hospital", "identity check/Township Clinic")),
    "vaccination": ("supporting", ("vaccination register",)),
    "travel": ("indicative", ("railway tickets", "coach tickets")),
    "other": ("indicative", ("library cards",)),
}

# Why cards are on the blacklist, in per mille.
CARD_REASONS = (("lost", 700), ("stolen", 200), ("misused", 100))
