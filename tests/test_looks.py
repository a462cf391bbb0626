"""Whatever opens a full number, a phone or a picture of somebody leaves an audit entry: where that is done, and what the entry is called.

A place in the code that is not in the table fails: say what its entry is, or why nobody looks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.audit_actions import PACKAGES
from tests.conftest import ROOT

OPENERS = {"open_resident_id", "open_social_security_number", "open_phone", "open_address", "open_bank_account", "open_account"}
PICTURES = {"image_data", "frame_data"}  # what binds a sealed picture: whoever names it seals or opens one

# module -> action of the entry, or why there is none, in brackets
LOOKS = {
    "api/demo.py": "(made-up people, printed by the command that made them)",
    "api/message_dispatch.py": "(a message goes to its own person)",
    "api/pages/alert_work.py": "resident_id_opened",
    "api/pages/outreach.py": "phone_seen",
    "verify/assistance_service.py": "assistance.person_opened",
    "verify/payment_list_service.py": "payment_list.read",
    "verify/reference_service.py": "reference.reissue",
    "verify/review_service.py": "review_faces_seen",
    "verify/service.py": "(seals the picture that just came in)",
    "verify/status_code_service.py": "status_page.asked",
    "verify/frames.py": "(numbers of a frame, no picture)",
    "verify/privacy_service.py": "privacy.export",
}
# modules that show pictures which another one opened, and whose entry tells it
SHOWN = {
    "api/pages/face_pairs.py": "face_pair_faces_seen",
    "api/pages/review.py": "(verify/review_service.py tells it)",
    "api/pages/face_pictures.py": "(makes the picture smaller)",
}


def _calls(names: set[str]) -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            if where.startswith("models/"):
                continue  # makes these functions; a session is opened above it
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if name in names:
                        yield where


@pytest.mark.parametrize("table", [LOOKS, SHOWN], ids=["opened", "shown"])
def test_each_place_writes_the_entry_that_it_says(table: dict[str, str]) -> None:
    for where, action in table.items():
        text = (ROOT / where).read_text(encoding="utf-8")
        assert action.startswith("(") or f'"{action}"' in text, f"{where} no longer writes {action}"


def test_every_place_that_opens_a_number_or_a_picture_is_in_the_table() -> None:
    assert sorted(set(_calls(OPENERS | PICTURES)) - set(LOOKS)) == []


def test_every_page_that_shows_a_face_is_in_the_table() -> None:
    shows = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "api").rglob("*.py")
        if "face_pictures" in path.read_text(encoding="utf-8") or "data:image/jpeg" in path.read_text(encoding="utf-8")
    }
    assert shows - set(SHOWN) - {"api/pages/setup.py"} == set()
