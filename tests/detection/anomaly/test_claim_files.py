"""Files of claims with any headings: what is mapped, what is missing, what is refused and how it is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from detection.anomaly.provider_labels import read_provider_labels
from detection.claims.claim_files import read_claim_files
from detection.claims.claim_mapping import ClaimFilesError, ClaimMapping, load_claim_mapping, shipped
from detection.claims.tables import SCHEMAS

HEAD = "ClaimID,Provider,BeneID,AdmissionDt,ClaimStartDt,DischargeDt,ClaimEndDt,InscClaimAmtReimbursed,DeductibleAmtPaid"
GOOD = "C1,P1,B1,2009-01-02,2009-01-02,2009-01-05,2009-01-05,1000,1068"


def _file(folder: Path, *rows: str, head: str = HEAD, name: str = "claims.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def us() -> ClaimMapping:
    return load_claim_mapping("us_inpatient")


def test_a_shipped_mapping_is_found_by_its_name_with_or_without_the_ending() -> None:
    assert "us_inpatient" in shipped()
    assert load_claim_mapping("us_inpatient.toml") == load_claim_mapping("us_inpatient")


def test_claims_come_in_the_shape_of_the_rules(tmp_path: Path, us: ClaimMapping) -> None:
    head = f"{HEAD},ClmDiagnosisCode_1,ClmDiagnosisCode_3,ClmProcedureCode_1"
    read = read_claim_files([_file(tmp_path, f"{GOOD},4019,v5789,NA", head=head)], us)
    assert read.claim.schema == SCHEMAS["claim"]
    row = read.claim.to_pylist()[0]
    assert (row["from_date"], row["to_date"]) == (date(2009, 1, 2), date(2009, 1, 5))
    assert (row["fund_fen"], row["own_fen"], row["total_fen"]) == (100_000, 106_800, 206_800)
    assert (row["diagnoses"], row["procedures"], row["principal_diagnosis"]) == (["4019", "V5789"], [], "4019")
    assert row["setting"] == "inpatient"
    assert row["doctor"] is None


def test_the_setting_follows_which_column_is_filled(tmp_path: Path, us: ClaimMapping) -> None:
    read = read_claim_files([_file(tmp_path, GOOD, "C2,P1,B1,NA,2009-03-02,NA,2009-03-02,80,0")], us)
    assert sorted(read.claim["setting"].to_pylist()) == ["inpatient", "outpatient"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("NA,P1,B1,2009-01-02,,2009-01-05,,1000,0", "claim: empty"),
        ("C2,,B1,2009-01-02,,2009-01-05,,1000,0", "provider: empty"),
        ("C2,P1,B1,NA,,2009-01-05,,1000,0", "from_date: empty"),
        ("C2,P1,B1,2009-13-02,,2009-01-05,,1000,0", "from_date: no date"),
        ("C2,P1,B1,2009-02-31,,2009-04-05,,1000,0", "from_date: no date"),
        ("C2,P1,B1,2009-01-06,,2009-01-05,,1000,0", "to_date: before from_date"),
        ("C2,P1,B1,2009-01-02,,2009-01-05,,much,0", "fund: no amount"),
        ("C2,P1,B1,2009-01-02,,2009-01-05,,-5,0", "fund: below zero"),
        ("C2,P1,B1,2009-01-02,,2009-01-05,,NA,0", "fund: empty"),
        (GOOD, "claim: read already"),
    ],
)
def test_a_row_that_is_no_good_is_left_out_and_counted(tmp_path: Path, us: ClaimMapping, row: str, reason: str) -> None:
    read = read_claim_files([_file(tmp_path, GOOD, row)], us)
    assert read.claim.num_rows == 1
    assert read.rejected == {reason: 1}
    assert read.rows == 2
    if reason != "claim: read already":
        assert read.first[reason] == "claims.csv, row 3"


def test_a_missing_person_is_a_person_of_its_own(tmp_path: Path, us: ClaimMapping) -> None:
    rows = [f"C{number},P1,NA,2009-01-02,,2009-01-05,,1000,0" for number in range(3)]
    assert len(set(read_claim_files([_file(tmp_path, *rows)], us).claim["person_id"].to_pylist())) == 3


def test_a_file_without_optional_columns_is_read_and_says_what_is_absent(tmp_path: Path, us: ClaimMapping) -> None:
    head = "ClaimID,Provider,ClaimStartDt,ClaimEndDt,InscClaimAmtReimbursed"
    read = read_claim_files([_file(tmp_path, 'C1,P1,2009-01-02,2009-01-05,"1,000.50"', head=head)], us)
    assert read.claim["total_fen"].to_pylist() == [100_050]
    assert {"doctor", "drg", "person", "diagnoses"} <= set(read.absent) | {"diagnoses"}
    assert "claim.doctor" not in read.present()


def test_a_file_without_a_needed_column_names_it_and_what_there_is(tmp_path: Path, us: ClaimMapping) -> None:
    with pytest.raises(ClaimFilesError, match=r"no column 'Provider' \(for provider\); the file has 'ClaimID'"):
        read_claim_files([_file(tmp_path, "C1,2009-01-02", head="ClaimID,ClaimStartDt")], us)


def test_a_file_of_which_nothing_can_be_used_says_why_and_where(tmp_path: Path, us: ClaimMapping) -> None:
    with pytest.raises(ClaimFilesError, match=r"none of its 1 rows .* fund: no amount \(first in row 2\)"):
        read_claim_files([_file(tmp_path, "C1,P1,B1,2009-01-02,,2009-01-05,,x,0")], us)


def test_parquet_and_excel_are_read_like_csv(tmp_path: Path, us: ClaimMapping) -> None:
    csv_file = _file(tmp_path, GOOD, "C2,P2,B1,2009-02-02,,2009-02-05,,1500,0")
    frame = pd.read_csv(csv_file)
    for name in ("AdmissionDt", "DischargeDt"):
        frame[name] = pd.to_datetime(frame[name])
    frame.to_parquet(tmp_path / "claims.parquet")
    frame.to_excel(tmp_path / "claims.xlsx", index=False, engine="xlsxwriter")
    expected = read_claim_files([csv_file], us).claim.to_pylist()
    for name in ("claims.parquet", "claims.xlsx"):
        assert read_claim_files([tmp_path / name], us).claim.to_pylist() == expected


def test_the_order_of_the_rows_changes_no_number(tmp_path: Path, us: ClaimMapping) -> None:
    other = "C2,P0,B0,2009-02-02,,2009-02-05,,1500,0"
    one = read_claim_files([_file(tmp_path, GOOD, other)], us)
    two = read_claim_files([_file(tmp_path, other, GOOD, name="b.csv")], us)
    pairs = [{(row["reference"], row["person_id"], row["institution_id"]) for row in read.claim.to_pylist()} for read in (one, two)]
    assert pairs[0] == pairs[1]
    assert one.providers == ["P0", "P1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns = 3", "columns"),
        ("[columns]\nclaim = 'a'\n", "'provider' is missing"),
        ("[columns]\nclaim='a'\nprovider='b'\nfrom_date='c'\nto_date='d'\n", "an amount is missing"),
        ("[columns]\nclaim='a'\nprovider='b'\nfrom_date='c'\nto_date='d'\nfund='e'\nwrong='f'\n", "'wrong' is not known"),
        ("[columns", "no TOML file"),
    ],
)
def test_a_mapping_that_is_wrong_says_what_is(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(ClaimFilesError, match=message):
        load_claim_mapping(str(path))


def test_an_unknown_mapping_names_those_there_are() -> None:
    with pytest.raises(ClaimFilesError, match="us_inpatient"):
        load_claim_mapping("nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hospital,fraud\nP1,1\n", "no column 'provider'"),
        ("provider,fraud\nP1,perhaps\n", "row 2, column 'fraud'"),
        ("provider,fraud\nP1,1\n,0\n", "row 3, column 'provider'"),
        ("provider,fraud\nP1,1\nP1,0\n", "two different labels"),
    ],
)
def test_labels_that_are_wrong_say_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(ClaimFilesError, match=message):
        read_provider_labels(path)
