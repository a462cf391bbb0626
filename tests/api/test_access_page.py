"""docs/access.md says what the code does: its table of rights is the code's, its limits are the policy's."""

from __future__ import annotations

import re
from pathlib import Path

from api.policy import load_policy
from api.rights import OWN_RIGHTS, RIGHTS, Right, RoleName
from models.policy_limits import LimitsPolicy
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "access.md"


def table_of_rights() -> str:
    """The table as the page has it. Print it with: python -m tests.api.test_access_page"""
    heads = ["right", "pensioner", *(role.value.replace("_", " ") for role in RoleName)]
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    for right in Right:
        held = ["own" if right in OWN_RIGHTS else "", *("yes" if right in RIGHTS[role] else "" for role in RoleName)]
        if any(held):
            lines.append(f"| `{right.value}` | " + " | ".join(held) + " |")
    return "\n".join(lines) + "\n"


def test_the_table_of_rights_is_that_of_the_code() -> None:
    assert table_of_rights() in PAGE.read_text(), "put what `python -m tests.api.test_access_page` prints into docs/access.md"


def test_every_limit_is_on_the_page_with_its_value() -> None:
    limits = load_policy(Path(ROOT / "policy.toml")).limits
    page = PAGE.read_text()
    told = {
        name: (int(most.replace(",", "")), int(per.replace(",", "")))
        for name, most, per in re.findall(r"`(\w+)` \| ([\d,]+) \| ([\d,]+) s", page)
    }
    assert told == {name: (getattr(limits, name).most, getattr(limits, name).per_s) for name in LimitsPolicy.model_fields}


if __name__ == "__main__":
    print(table_of_rights())  # noqa: T201
