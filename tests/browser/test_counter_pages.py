"""The counter's own camera: a reference picture is checked before it is saved, and a prompted session is recorded."""

from __future__ import annotations

import csv
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from api.rights import RoleName
from models.consent import ConsentPurpose
from tests.browser.conftest import Service, Watch, sign_in

pytestmark = pytest.mark.timeout(120)


def test_a_picture_of_the_counters_camera_is_checked_before_it_is_saved(open_page: Callable[..., Page], service: Service) -> None:
    service.context.verification.references.give_consent(
        service.second,
        purpose=ConsentPurpose.FACE_VERIFICATION,
        text_version=service.context.policy.consent.text_versions[ConsentPurpose.FACE_VERIFICATION],
        language="zh",
        channel="counter",
    )
    page = open_page(width=1440)
    sign_in(page)
    page.goto(f"/counter/person/{service.second}/reference")
    page.click("#use-camera")
    page.wait_for_selector("#take:visible")
    page.click("#take")
    page.wait_for_selector("#quality .quality")  # the camera's test picture shows no face
    assert page.get_attribute(".quality", "data-acceptable") == "no"
    assert page.locator("#chosen").is_visible()
    assert page.input_value("[name=source]") == "camera"
    page.click("#save")
    page.wait_for_selector("#quality .quality")
    assert service.context.verification.references.active(service.second) is None


def test_a_prompted_session_is_recorded_with_its_label_and_prompts(open_page: Callable[..., Page], service: Service, watch: Watch) -> None:
    page = open_page()
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/harness")
    page.check("[value=attack]")
    page.fill("#species", "test_picture")
    page.check("#consent")
    page.click("#record")
    page.locator("#stage").wait_for()
    page.wait_for_timeout(2500)
    page.click("#stop")
    folder = service.context.settings.recording_dir
    assert folder is not None
    with (folder / "attempts.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) >= 5
    assert {(row["label"], row["species"], row["prompt"]) for row in rows} == {("attack", "test_picture", "look_straight")}
    assert all((folder / row["file"]).read_bytes().startswith(b"\xff\xd8\xff") for row in rows)
    assert watch.complaints == []
