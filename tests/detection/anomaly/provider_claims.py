"""Claims of made-up hospitals, some of which bill as frauds were seen to: long stays, dear days, patients again and again, one pattern."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

HEAD = (
    "ClaimID,Provider,BeneID,AdmissionDt,DischargeDt,InscClaimAmtReimbursed,DeductibleAmtPaid,AttendingPhysician,DiagnosisGroupCode,"
    "ClmDiagnosisCode_1,ClmDiagnosisCode_2,ClmProcedureCode_1"
)


def write_claims(path: Path, *, hospitals: int = 160, bad_every: int = 4, seed: int = 3) -> dict[str, bool]:
    """A CSV file with the columns of the shipped mapping; provider -> bad."""
    random = np.random.default_rng(seed)
    bad = {f"H{place:03}": place % bad_every == 0 for place in range(hospitals)}
    rows, number = [HEAD], 0
    for place, (hospital, is_bad) in enumerate(bad.items()):
        for _ in range(int(random.integers(8, 25)) + (8 if is_bad else 0)):
            number += 1
            nights = int(random.geometric(0.2)) + (20 if is_bad and random.random() < 0.15 else 0)
            amount = int(nights * random.gamma(4, 250) * (1.5 if is_bad else 1.0))
            person = place * 1000 + int(random.integers(0, 15 if is_bad else 600))
            code = "4019" if is_bad and random.random() < 0.2 else str(int(random.integers(1000, 1400)))
            start = date(2009, 1, 1) + timedelta(days=int(random.integers(0, 330)))
            rows.append(
                f"C{number},{hospital},B{person},{start},{start + timedelta(days=nights)},{amount},1068,D{place * 10 + number % 4},"
                f"{code[:3]},{code},{random.integers(1000, 1400)},NA"
            )
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return bad


def write_labels(path: Path, labels: dict[str, bool]) -> Path:
    """A CSV file provider,fraud."""
    path.write_text("provider,fraud\n" + "".join(f"{name},{int(fraud)}\n" for name, fraud in labels.items()), encoding="utf-8")
    return path
