"""`lifecert report`: writes the paper of a month, whole or not at all, and refuses what it cannot make."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from models.audit import AuditEntry
from models.database import Database
from models.region import Region, RegionLevel
from tests.cli.conftest import Command
from tests.cli.test_certify_silently import store  # noqa: F401 - a fixture

REGION = "429700"


def test_the_paper_is_written_and_the_same_twice_and_what_cannot_be_is_said(store: Database, command: Command, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "month.pdf"
    with store.session_scope() as session:
        session.add(Region(code=REGION, name="试验市", level=RegionLevel.CITY, parent_code=None))
    early = command("report", "2026-02", "--region", REGION, "--out", str(out))
    assert (early.code, out.exists()) == (2, False)
    assert "lifecert figures --as-of 2026-02-28" in early.err
    assert command("figures", "--as-of", "2026-02-28").code == 0
    done = command("report", "2026-02", "--region", REGION, "--out", str(out), "--json")
    assert (done.code, done.json["as_of"], done.json["bytes"]) == (0, "2026-02-28", out.stat().st_size)
    first = out.read_bytes()
    assert first.startswith(b"%PDF")
    assert command("report", "2026-02", "--region", REGION, "--out", str(out)).code == 0
    assert out.read_bytes() == first
    assert command("report", "2026-02", "--region", REGION, "--out", str(out), "--language", "en").code == 0
    assert out.read_bytes() != first
    for wrong in (("2026-13", REGION, out), ("2026-02", "999999", out), ("2026-02", REGION, tmp_path / "no" / "where.pdf")):
        assert command("report", wrong[0], "--region", wrong[1], "--out", str(wrong[2])).code == 2
    assert sorted(path.name for path in tmp_path.glob("*.p*")) == ["month.pdf"]
    with store.read_scope() as session:
        told = session.scalars(select(AuditEntry.details).where(AuditEntry.action == "figures.exported")).all()
    assert [one["what"] for one in told] == ["report.pdf"] * 3
