"""What the rules H1 to H17 find and what they leave alone: cases with rows, some at the very boundary."""

from __future__ import annotations

from tests.detection.claims.claim_rows import OTHER_REGION, Case, case, claim, evidence, identity_check, institution, line, point, stay

CASES: dict[str, list[Case]] = {
    "H1": [
        case(
            "readmitted a week later with the same diagnosis group",
            stay(11, "2025-10-01", "2025-10-05", "J18.000"),
            stay(12, "2025-10-12", "2025-10-20", "j18.900x001"),
            finds={
                "key": "H1:12",
                "person": 1,
                "gap_days": 7,
                "same_institution": True,
                "confidence": 0.7,
                "amount": 8_000,
                "claim": [12],
                "other": [11],
                "completed": "2025-10-20",
                "diagnosis": "J18",
                "severity": "warning",
            },
        ),
        case("eight days later is not", stay(11, "2025-10-01", "2025-10-05"), stay(12, "2025-10-13", "2025-10-20")),
        case(
            "on the day of the discharge, elsewhere, less surely",
            stay(11, "2025-09-28", "2025-10-05", at=1),
            stay(12, "2025-10-05", "2025-10-09", at=2),
            finds={"gap_days": 0, "same_institution": False, "confidence": 0.4, "first": "2025-09", "months": 2},
        ),
        case(
            "another diagnosis group is another stay",
            stay(11, "2025-10-01", "2025-10-05", "J18.9"),
            stay(12, "2025-10-06", "2025-10-09", "J15.9"),
        ),
        case("without a diagnosis nobody knows", stay(11, "2025-10-01", "2025-10-05", None), stay(12, "2025-10-06", "2025-10-09", None)),
        case("stays that overlap are H3's", stay(11, "2025-10-01", "2025-10-08"), stay(12, "2025-10-06", "2025-10-12", at=2)),
        case(
            "chemotherapy comes in cycles",
            stay(11, "2025-10-01", "2025-10-05", "C34.1", diagnoses=["Z51.1"]),
            stay(12, "2025-10-08", "2025-10-12", "C34.1", diagnoses=["I10", "Z51.100x002"]),
        ),
        case(
            "radiotherapy by its procedure",
            stay(11, "2025-10-01", "2025-10-05", "C34.1"),
            stay(12, "2025-10-08", "2025-10-12", "C34.1", procedures=["92.2400"]),
        ),
        case(
            "dialysis",
            stay(11, "2025-10-01", "2025-10-05", "I12.0"),
            stay(12, "2025-10-08", "2025-10-12", "I12.0", diagnoses=["Z49.1"]),
        ),
        case("a chronic disease of the list", stay(11, "2025-10-01", "2025-10-05", "F20.0"), stay(12, "2025-10-08", "2025-10-12", "F20.0")),
        case(
            "a transfer to another hospital",
            stay(11, "2025-10-01", "2025-10-05", discharge_way="transfer"),
            stay(12, "2025-10-05", "2025-10-12", at=2),
        ),
        case(
            "a transfer that only the second tells",
            stay(11, "2025-10-01", "2025-10-05", discharge_way="home"),
            stay(12, "2025-10-05", "2025-10-12", at=2, transferred_in=True),
        ),
        case(
            "two stays before are one finding",
            stay(11, "2025-10-01", "2025-10-03"),
            stay(12, "2025-10-03", "2025-10-04", at=2),
            stay(13, "2025-10-08", "2025-10-10"),
            finds=[
                {"key": "H1:12", "other": [11], "same_institution": False},
                {"key": "H1:13", "other": [11, 12], "gap_days": 4, "same_institution": True, "amount": 8_000},
            ],
        ),
        case("another person", stay(11, "2025-10-01", "2025-10-05"), stay(12, "2025-10-06", "2025-10-09", of=2)),
    ],
    "H3": [
        case(
            "two hospitals at once",
            stay(11, "2025-10-01", "2025-10-10", at=1, fund_fen=5_000),
            stay(12, "2025-10-08", "2025-10-15", at=2, fund_fen=7_000),
            finds={
                "key": "H3:11:12",
                "overlap_days": 2,
                "overlap_from": "2025-10-08",
                "overlap_to": "2025-10-10",
                "amount": 5_000,
                "claim": [11, 12],
                "completed": "2025-10-15",
                "severity": "violation",
            },
        ),
        case("the day of a transfer is allowed", stay(11, "2025-10-01", "2025-10-08", at=1), stay(12, "2025-10-08", "2025-10-15", at=2)),
        case(
            "one day more is not",
            stay(11, "2025-10-01", "2025-10-09", at=1),
            stay(12, "2025-10-08", "2025-10-15", at=2),
            finds={"overlap_days": 1},
        ),
        case(
            "a stay inside another, known in the other order",
            stay(12, "2025-10-01", "2025-10-20", at=1),
            stay(11, "2025-10-03", "2025-10-05", at=2),
            finds={"key": "H3:11:12", "overlap_days": 2, "completed": "2025-10-20"},
        ),
        case("the same hospital is another matter", stay(11, "2025-10-01", "2025-10-10"), stay(12, "2025-10-08", "2025-10-15")),
        case("an outpatient visit is no stay", stay(11, "2025-10-01", "2025-10-10"), claim(12, "2025-10-03", "2025-10-08", at=2)),
    ],
    "H4": [
        case(
            "four on one day",
            [claim(10 + n, "2025-10-03", at=n % 2 + 1, fund_fen=100 * n) for n in range(1, 6)],
            finds={
                "key": "H4:day:1:2025-10-03",
                "visits": 5,
                "limit": 4,
                "institutions": 2,
                "amount": 900,
                "claim": [11, 12, 13, 14, 15],
                "of_day": True,
                "of_year": False,
            },
        ),
        case("three are not", [claim(10 + n, "2025-10-03") for n in range(3)], claim(20, "2025-10-04")),
        case(
            "twenty in a month",
            [claim(10 + n, f"2025-10-{n + 1:02}") for n in range(20)],
            finds={"key": "H4:month:1:2025-10-01", "visits": 20, "amount": 8_000, "completed": "2025-10-20", "last_on": "2025-10-20"},
        ),
        case("nineteen and one in the next", [claim(10 + n, f"2025-10-{n + 11:02}") for n in range(19)], claim(40, "2025-11-01")),
        case(
            "pharmacies and stays do not count", [claim(10 + n, "2025-10-03", setting=("pharmacy", "inpatient")[n % 2]) for n in range(6)]
        ),
        case(
            "dialysis brings people often",
            [claim(10 + n, "2025-10-03", principal_diagnosis="I10", diagnoses=["N18.500"]) for n in range(3)],
            [claim(20 + n, "2025-10-03") for n in range(3)],
        ),
        case(
            "a hundred in a year",
            [claim(100 + n, f"2025-{n // 10 + 1:02}-{n % 10 * 2 + 1:02}") for n in range(100)],
            finds={"key": "H4:year:1:2025-01-01", "visits": 100, "first": "2025-01", "months": 10, "of_year": True},
        ),
        case(
            "ninety-nine are not",
            [claim(100 + n, f"2025-{n // 10 + 1:02}-{n % 10 * 2 + 1:02}") for n in range(99)],
            claim(300, "2024-12-31"),
        ),
    ],
    "H2": [
        case(
            "visits a clinic from the bed",
            stay(11, "2025-10-01", "2025-10-10"),
            claim(12, "2025-10-05", at=2),
            claim(13, "2025-10-06", at=1, setting="chronic"),
            finds={
                "key": "H2:visits:11",
                "visits": 2,
                "claim": [11],
                "other": [12, 13],
                "amount": 8_000,
                "completed": "2025-10-10",
                "confidence": 0.5,
                "idle_days": None,
            },
        ),
        case(
            "on the days of admission and discharge, or a pharmacy",
            stay(11, "2025-10-01", "2025-10-10"),
            claim(12, "2025-10-01", at=2),
            claim(13, "2025-10-10", at=2),
            claim(14, "2025-10-05", at=2, setting="pharmacy"),
            claim(15, "2025-09-30", "2025-10-02", at=2),
        ),
        case(
            "three empty days",
            stay(11, "2025-10-01", "2025-10-06"),
            [line(21 + n, 11, "BED", f"2025-10-{n + 1:02}", category="bed") for n in range(5)],
            line(31, 11, "DRUG", "2025-10-01"),
            line(32, 11, "CT", "2025-10-03", category="examination"),
            finds={"key": "H2:idle:11", "idle_days": 3, "amount": 3_000, "confidence": 0.4, "whole": False, "claim": [11]},
        ),
        case(
            "two empty days are not",
            stay(11, "2025-10-01", "2025-10-06"),
            [line(21 + n, 11, "BED", f"2025-10-{n + 1:02}", category="bed") for n in range(5)],
            [line(31 + n, 11, "DRUG", f"2025-10-{n + 1:02}") for n in range(3)],
        ),
        case(
            "a drug for several days covers them",
            stay(11, "2025-10-01", "2025-10-06"),
            [line(21 + n, 11, "BED", f"2025-10-{n + 1:02}", category="bed") for n in range(5)],
            line(31, 11, "DRUG", "2025-10-01", days=3),
        ),
        case(
            "nothing but the bed, in one sum",
            stay(11, "2025-10-01", "2025-10-04"),
            line(21, 11, "BED", "2025-10-04", category="bed", quantity=3),
            line(22, 11, "NURSE", "2025-10-04", category="nursing", quantity=3),
            finds={"key": "H2:idle:11", "whole": True, "confidence": 0.8, "amount": 8_000, "idle_days": 3},
        ),
        case(
            "charged in one sum with treatment",
            stay(11, "2025-10-01", "2025-10-09"),
            line(21, 11, "BED", "2025-10-09", category="bed", quantity=8),
            line(22, 11, "DRUG", "2025-10-09"),
        ),
        case(
            "two nights, or a claim without lines",
            stay(11, "2025-10-01", "2025-10-03"),
            line(21, 11, "BED", "2025-10-03", category="bed"),
            stay(12, "2025-11-01", "2025-11-20", "K29"),
        ),
    ],
    "H5": [
        case(
            "over the daily limit",
            point(91, "XN05CFZ045A001010100901", period="day", quantity_max=2.0),
            point(92, "XN05CFZ045A001010100901", period="day", quantity_max=3.0),
            claim(11, "2025-10-03"),
            line(21, 11, "XN05CFZ045A001010100901", "2025-10-03", quantity=20, days=7),
            finds={
                "key": "H5:limit:21",
                "limit": 2.0,
                "days": 7,
                "amount": 300,
                "line": [21],
                "claim": [11],
                "confidence": 0.9,
                "point": "KP91",
            },
        ),
        case(
            "at the limit, or where the point is not in force, of another period, or needs a person",
            point(91, "XN05CFZ045A001010100902", period="day", quantity_max=2.0),
            point(92, "XN05CFZ045A001010100902", period="day", quantity_max=1.0, effective_until="2025-10-02"),
            point(93, "XN05CFZ045A001010100902", period="stay", quantity_max=1.0),
            point(94, "XN05CFZ045A001010100902", period="day", quantity_max=1.0, by_hand=True),
            claim(11, "2025-10-03"),
            line(21, 11, "XN05CFZ045A001010100902", "2025-10-03", quantity=14, days=7),
            line(22, 11, "XN05CFZ045A001010100902", "2025-10-03", quantity=99),
        ),
        case(
            "supplied again with more than three tenths left, by another maker",
            claim(11, "2025-10-01"),
            claim(12, "2025-10-21", at=2, setting="pharmacy"),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=30),
            line(22, 12, "XC09AAK001A001020200777", "2025-10-21", days=30),
            line(23, 12, "XC09AAK001A001020200777", "2025-10-21", days=14),
            finds={
                "key": "H5:early:12:XC09AAK001A001",
                "left_days": 10,
                "last_days": 30,
                "line": [22, 23],
                "claim": [12],
                "other": [11],
                "amount": 2_000,
                "confidence": 0.5,
                "last_on": "2025-10-01",
            },
        ),
        case(
            "with three tenths left it is not early",
            claim(11, "2025-10-01"),
            claim(12, "2025-10-22"),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=30),
            line(22, 12, "XC09AAK001A001010100901", "2025-10-22", days=30),
        ),
        case(
            "in hospital, of another form, or short",
            claim(11, "2025-10-01"),
            stay(12, "2025-10-02", "2025-10-09"),
            claim(13, "2025-10-03"),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=30),
            line(22, 12, "XC09AAK001A001010100901", "2025-10-02", days=30),
            line(23, 13, "XC09AAK001B001010100901", "2025-10-03", days=30),
            line(24, 13, "XC09AAK001A001010100901", "2025-10-03", days=3),
        ),
    ],
    "H6": [
        case(
            "from three places in half a year",
            [claim(11 + n, f"2025-{n + 5:02}-10", at=n + 1) for n in range(3)],
            [line(21 + n, 11 + n, f"XN02AAM022A0010101{n}0901", f"2025-{n + 5:02}-10") for n in range(3)],
            finds={
                "key": "H6:1:XN02AAM022A001:2025-07",
                "institutions": 3,
                "claim": [11, 12, 13],
                "line": [21, 22, 23],
                "amount": 3_000,
                "confidence": 0.3,
                "first": "2025-05",
            },
        ),
        case(
            "more days than passed is surer",
            [claim(11 + n, f"2025-07-{n + 5:02}", at=n + 1, setting="pharmacy") for n in range(4)],
            [line(21 + n, 11 + n, "XN02AAM022A001010100901", f"2025-07-{n + 5:02}", days=30) for n in range(4)],
            finds={"institutions": 4, "supplied_days": 120, "passed_days": 33, "confidence": 0.7, "completed": "2025-07-08"},
        ),
        case(
            "the first of three lies 183 days back",
            [claim(11 + n, on, at=n + 1) for n, on in enumerate(("2025-01-10", "2025-05-10", "2025-07-12"))],
            [line(21 + n, 11 + n, "XN02AAM022A001010100901", on) for n, on in enumerate(("2025-01-10", "2025-05-10", "2025-07-12"))],
        ),
        case(
            "one day less",
            [claim(11 + n, on, at=n + 1) for n, on in enumerate(("2025-01-11", "2025-05-10", "2025-07-12"))],
            [
                line(21 + n, 11 + n, "ZA01BAX05100101012345"[:20], on, category="patent_drug")
                for n, on in enumerate(("2025-01-11", "2025-05-10", "2025-07-12"))
            ],
            finds={"key": "H6:1:ZA01BAX0510:2025-07", "institutions": 3},
        ),
        case(
            "two places, herbs, services and hospital",
            [claim(11 + n, f"2025-07-{n + 5:02}", at=n % 2 + 1) for n in range(4)],
            [line(21 + n, 11 + n, "XN02AAM022A001010100901", f"2025-07-{n + 5:02}") for n in range(4)],
            [claim(31 + n, f"2025-07-{n + 5:02}", at=n + 1) for n in range(3)],
            [line(41 + n, 31 + n, "T001700123", f"2025-07-{n + 5:02}", category="herb") for n in range(3)],
            [line(51 + n, 31 + n, "001102000050000", f"2025-07-{n + 5:02}", category="consultation") for n in range(3)],
            stay(61, "2025-07-20", "2025-07-25", at=5),
            line(62, 61, "XN02AAM022A001010100901", "2025-07-20"),
        ),
    ],
    "H7": [
        case(
            "two forms of one ingredient",
            claim(11, "2025-10-01"),
            claim(12, "2025-10-10", at=2),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=14),
            line(22, 12, "XC09AAK001E001010100777", "2025-10-10", days=14),
            finds={
                "key": "H7:12:XC09AAK001",
                "overlap_days": 5,
                "claim": [12],
                "other": [11],
                "line": [21, 22],
                "amount": 1_000,
                "ingredient": "XC09AAK001",
            },
        ),
        case(
            "three days are enough, two are not",
            claim(11, "2025-10-01"),
            claim(12, "2025-10-05"),
            claim(13, "2025-10-10"),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=7),
            line(22, 12, "XC09AAK001E001010100777", "2025-10-05", days=7),
            line(23, 13, "XC09AAK001A001010100901", "2025-10-10", days=7),
            finds={"key": "H7:12:XC09AAK001", "overlap_days": 3},
        ),
        case(
            "another ingredient, the same code, a second pack, a solution",
            claim(11, "2025-10-01"),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=14),
            line(22, 11, "XC09AAK002A001010100901", "2025-10-01", days=14),
            line(23, 11, "XC09AAK001A001020100901", "2025-10-01", days=14),
            claim(12, "2025-10-02"),
            line(24, 12, "XC09AAK002A001010100901", "2025-10-02", days=14),
            line(25, 11, "XB05XAL212B002010100901", "2025-10-01", days=14),
            line(26, 12, "XB05XAL212B002020100901", "2025-10-02", days=14),
        ),
        case(
            "two forms on one claim",
            claim(11, "2025-10-01"),
            line(21, 11, "XC09AAK001A001010100901", "2025-10-01", days=14),
            line(22, 11, "XC09AAK001E001010100901", "2025-10-01", days=14),
            finds={"key": "H7:11:XC09AAK001", "overlap_days": 14, "amount": 1_000},
        ),
    ],
    "H12": [
        case(
            "six bed days in a stay of four nights",
            stay(11, "2025-10-01", "2025-10-05"),
            line(21, 11, "001109000010000", "2025-10-05", category="bed", quantity=6, fund_fen=6_000),
            finds={"key": "H12:11", "quantity": 6.0, "most": 5, "days": 5, "amount": 1_000, "line": [21], "hours": None, "several": False},
        ),
        case(
            "both ends may be charged",
            stay(11, "2025-10-01", "2025-10-05"),
            line(21, 11, "001109000010000", "2025-10-05", category="bed", quantity=5),
            line(22, 11, "001109000020000", "2025-10-05", category="bed", quantity=2),
        ),
        case(
            "nursing by the day, two items at once",
            stay(11, "2025-10-01", "2025-10-03"),
            [line(21 + n, 11, "001201000030000", f"2025-10-0{n + 1}", category="nursing", quantity=2) for n in range(3)],
            line(31, 11, "001201000040000", "2025-10-01", category="nursing", quantity=4),
            finds={
                "items": 2,
                "several": True,
                "item": "001201000030000",
                "quantity": 6.0,
                "most": 3,
                "amount": 1_750,
                "line": [21, 22, 23, 31],
            },
        ),
        case(
            "more than 24 hours on one of two days",
            stay(11, "2025-10-01", "2025-10-05"),
            line(21, 11, "001203000010000", "2025-10-01", category="treatment", quantity=30, fund_fen=3_000),
            line(22, 11, "001203000010000", "2025-10-02", category="treatment", quantity=24, fund_fen=2_400),
            finds={"hours": 30.0, "worst_on": "2025-10-01", "amount": 600, "most": 120},
        ),
        case(
            "24 hours a day, or in one sum",
            stay(11, "2025-10-01", "2025-10-02"),
            line(21, 11, "001203000010000", "2025-10-01", category="treatment", quantity=24),
            line(22, 11, "001203000010000", "2025-10-02", category="treatment", quantity=24),
            line(23, 11, "003106030010000", "2025-10-02", category="treatment", quantity=48),
        ),
        case(
            "hours of an outpatient visit",
            claim(11, "2025-10-01"),
            line(21, 11, "003107010220000", "2025-10-01", category="treatment", quantity=25),
            finds={"most": 24, "hours": None, "amount": 40},
        ),
        case(
            "an item of which there may be several a day",
            stay(11, "2025-10-01", "2025-10-02"),
            line(21, 11, "001204000010000", "2025-10-01", category="treatment", quantity=9),
        ),
    ],
    "H13": [
        case(
            "two institutions within half an hour",
            claim(11, "2025-10-03", at=1, settled_at="2025-10-03T01:00:00"),
            claim(12, "2025-10-03", at=2, settled_at="2025-10-03T01:30:00"),
            finds={
                "key": "H13:near:12",
                "minutes": 30,
                "claim": [12],
                "other": [11],
                "confidence": 0.5,
                "severity": "suspicion",
                "far": False,
            },
        ),
        case(
            "a second more, the same institution, and days without a time",
            claim(11, "2025-10-03", at=1, settled_at="2025-10-03T01:00:00"),
            claim(12, "2025-10-03", at=2, settled_at="2025-10-03T01:30:01"),
            claim(13, "2025-10-03", at=2, settled_at="2025-10-03T01:40:00"),
            claim(14, "2025-10-04", at=1, settled_at="2025-10-04T04:00:00"),
            claim(15, "2025-10-04", at=2, settled_at="2025-10-04T04:00:00"),
            stay(16, "2025-10-01", "2025-10-06", at=3, settled_at="2025-10-06T01:00:00"),
            claim(17, "2025-10-06", at=2, settled_at="2025-10-06T01:00:00", setting="outpatient"),
            claim(18, "2025-10-07", at=2),
        ),
        case(
            "in another county, and at the pharmacy",
            institution(1),
            institution(2, region=OTHER_REGION),
            institution(3, kind="pharmacy"),
            claim(11, "2025-10-03", at=1, settled_at="2025-10-03T01:00:00"),
            claim(12, "2025-10-03", at=2, settled_at="2025-10-03T01:00:00"),
            claim(13, "2025-10-05", at=1, settled_at="2025-10-05T01:00:00"),
            claim(14, "2025-10-05", at=3, settled_at="2025-10-05T01:10:00", setting="pharmacy"),
            finds=[
                {"key": "H13:near:12", "far": True, "confidence": 0.8, "severity": "warning", "minutes": 0},
                {"key": "H13:near:14", "far": False, "confidence": 0.2},
            ],
        ),
        case(
            "the institution's check failed or was skipped",
            claim(11, "2025-10-03", identity_check="failed"),
            claim(12, "2025-10-04", identity_check="skipped"),
            claim(13, "2025-10-05", identity_check="passed"),
            finds=[
                {"key": "H13:check:11", "check": "failed", "severity": "warning", "confidence": 0.7},
                {"key": "H13:check:12", "check": "skipped", "severity": "suspicion", "confidence": 0.2},
            ],
        ),
        case(
            "another face during the stay",
            stay(11, "2025-10-03", "2025-10-06"),
            identity_check(71, "2025-10-02T16:30:00", "no_match"),
            identity_check(72, "2025-10-04T02:00:00", "match"),
            identity_check(73, "2025-10-04T02:00:00", "no_match", institution=2),
            identity_check(74, "2025-10-06T16:30:00", "no_match"),
            finds={"key": "H13:face:11", "checked_on": "2025-10-03", "check": [71], "amount": 8_000},
        ),
        case(
            "after the death",
            evidence(81, "death_record", "2025-10-03", "indicative"),
            evidence(82, "death_record", "2025-10-05"),
            evidence(83, "death_record", "2025-10-07", "supporting"),
            claim(11, "2025-10-05"),
            claim(12, "2025-10-06"),
            finds={
                "key": "H13:death:12",
                "died_on": "2025-10-05",
                "severity": "violation",
                "confidence": 0.95,
                "amount": 8_000,
                "death": [82],
            },
        ),
        case(
            "a stay settled after the death, with charges of the next day",
            evidence(81, "death_record", "2025-10-05"),
            stay(11, "2025-10-01", "2025-10-06", discharge_way="died", settled_at="2025-11-20T01:00:00"),
            line(21, 11, "DRUG", "2025-10-05"),
            line(22, 11, "BED", "2025-10-06", category="bed"),
        ),
        case(
            "charges two days after the death",
            evidence(81, "death_record", "2025-10-05", "supporting"),
            stay(11, "2025-10-01", "2025-10-09"),
            line(21, 11, "DRUG", "2025-10-06"),
            line(22, 11, "DRUG", "2025-10-07"),
            line(23, 11, "BED", "2025-10-08", category="bed"),
            finds={"key": "H13:after_death:11", "charges_after": 2, "amount": 2_000, "line": [22, 23], "confidence": 0.7},
        ),
        case(
            "in custody",
            evidence(81, "custody", "2025-10-01", "supporting", ends_on="2025-12-31"),
            evidence(82, "custody", "2025-10-02"),
            evidence(83, "custody", "2025-09-01", "indicative"),
            claim(11, "2025-10-01"),
            claim(12, "2025-10-02"),
            claim(13, "2025-12-31", of=2),
            claim(14, "2026-05-01"),
            finds=[
                {"key": "H13:custody:12", "confidence": 0.5, "custody_from": "2025-10-01", "custody": [81]},
                {"key": "H13:custody:14", "confidence": 0.8, "custody_from": "2025-10-02", "custody": [82]},
            ],
        ),
        case(
            "a journey during the stay",
            stay(11, "2025-10-01", "2025-10-06"),
            evidence(81, "data_match", "2025-10-04", "supporting", trace="travel"),
            evidence(82, "counter", "2025-10-03"),
            evidence(83, "data_match", "2025-10-05", trace="medical_visit"),
            evidence(84, "data_match", "2025-10-06", trace="travel"),
            finds={"key": "H13:trace:11", "traces": 2, "trace_on": "2025-10-03", "trace": [81, 82], "severity": "warning"},
        ),
    ],
    "H14": [
        case(
            "ten times the usual",
            [stay(100 + n, "2025-10-01", "2025-10-05", "K80.1", of=100 + n, total_fen=1_000_000 + n * 1_000) for n in range(30)],
            stay(11, "2025-10-02", "2025-10-09", "K80.2", total_fen=10_000_000, fund_fen=8_000_000),
            finds={
                "key": "H14:11",
                "subject": "I1",
                "person": None,
                "peers": 31,
                "cost": 100_000,
                "median": 10_150,
                "diagnosis": "K80",
                "z": 22.9,
                "amount": 6_661_238,
            },
        ),
        case(
            "too few peers, of another level",
            institution(1, level="tertiary"),
            [stay(100 + n, "2025-10-01", "2025-10-05", "K35.1", of=100 + n, total_fen=1_000_000, at=1 + n % 2) for n in range(50)],
            stay(11, "2025-10-02", "2025-10-09", "K35.2", total_fen=10_000_000, fund_fen=8_000_000),
        ),
        case(
            "half as dear again, or cheap",
            institution(1, level="primary"),
            [stay(100 + n, "2025-10-01", "2025-10-05", "K25.1", of=100 + n, total_fen=1_000_000) for n in range(30)],
            stay(11, "2025-10-02", "2025-10-09", "K25.2", total_fen=1_500_000),
            stay(12, "2025-10-02", "2025-10-09", "K25.2", total_fen=1_000),
        ),
    ],
    "H15": [
        case(
            "more than was carried out",
            claim(11, "2025-10-03"),
            line(21, 11, "A", "2025-10-03", quantity=4, executed_quantity=3.0, fund_fen=None, amount_fen=2_000),
            line(22, 11, "B", "2025-10-03", quantity=2, executed_quantity=0.0),
            line(23, 11, "C", "2025-10-03", quantity=2, executed_quantity=2.0),
            line(24, 11, "D", "2025-10-03", quantity=2),
            finds={
                "key": "H15:11",
                "lines": 2,
                "item": "B",
                "quantity": 2.0,
                "executed": 0.0,
                "amount": 1_500,
                "line": [21, 22],
                "severity": "violation",
            },
        ),
        case("rounding", claim(11, "2025-10-03"), line(21, 11, "A", "2025-10-03", quantity=0.334, executed_quantity=0.333)),
    ],
    "H16": [
        case(
            "the claim that crosses",
            [claim(11 + n, f"2025-0{n + 1}-10", fund_fen=10_000_000) for n in range(6)],
            finds={
                "key": "H16:1:employee_medical:2025",
                "completed": "2025-05-10",
                "claims": 5,
                "spent": 500_000,
                "cap": 500_000,
                "claim": [15],
                "other": [11, 12, 13, 14],
                "amount": 50_000_000,
            },
        ),
        case("just at the line", claim(11, "2025-01-01", fund_fen=47_500_000), finds={"claim": [11], "amount": 47_500_000}),
        case(
            "a fen less, and the rest in the next year",
            claim(11, "2025-01-01", fund_fen=47_499_999),
            claim(12, "2026-01-01", fund_fen=20_000_000),
        ),
        case(
            "another scheme has another cap",
            claim(11, "2025-01-01", fund_fen=24_000_000, scheme="resident_medical"),
            finds={"cap": 250_000},
        ),
        case("work injury has none", claim(11, "2025-01-01", fund_fen=90_000_000, scheme="work_injury")),
    ],
    "H17": [
        case(
            "four together four times",
            [
                claim(100 + 10 * day + who, f"2025-10-{day:02}", of=who, at=1, department=f"D{who}")
                for day in range(1, 5)
                for who in range(1, 5)
            ],
            [claim(300 + day, f"2025-10-{day:02}", of=9, at=1) for day in (1, 2, 3, 20)],
            finds={
                "key": "H17:1:1",
                "subject": "companions:I1:1",
                "persons": 4,
                "times": 4,
                "amount": 16 * 8_000,
                "claim": [100 + 10 * day + who for day in range(1, 5) for who in range(1, 5)],
                "completed": "2025-10-04",
                "institution": "I10001",
            },
        ),
        case(
            "three times are not", [claim(100 + 10 * day + who, f"2025-10-{day:02}", of=who) for day in range(1, 4) for who in range(1, 4)]
        ),
        case("a couple is not", [claim(100 + 10 * day + who, f"2025-10-{day:02}", of=who) for day in range(1, 9) for who in range(1, 3)]),
        case(
            "each two of them often, all three seldom",
            [
                claim(100 + 10 * day + who, f"2025-10-{day:02}", of=who)
                for day in range(1, 13)
                for who in range(1, 4)
                if who != (day - 1) // 4 + 1
            ],
        ),
        case(
            "the shift of a dialysis unit",
            [
                claim(100 + 10 * day + who, f"2025-10-{day:02}", of=who, principal_diagnosis="N18.5")
                for day in range(1, 9)
                for who in range(1, 4)
            ],
        ),
        case(
            "in bed together",
            [
                stay(100 + 10 * month + who, f"2025-0{month}-01", f"2025-0{month}-0{5 + (who == 4)}", of=who)
                for month in range(1, 5)
                for who in range(1, 5)
            ],
            finds={"persons": 3, "times": 4, "first": "2025-01", "months": 4},
        ),
        case(
            "in a crowd the doctor tells",
            [
                claim(1000 + 100 * day + who, f"2025-10-{day:02}", of=who, doctor="A" if who < 4 else f"B{who % 40}")
                for day in range(1, 5)
                for who in range(1, 71)
            ],
            finds={"persons": 3},
        ),
    ],
}
