"""A referred camera check, from the person before the camera to their own page's answer; the review in both languages and themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from api.rights import RoleName
from api.settings import EngineChoice, Settings
from models.consent import ConsentPurpose
from sample_data.captures import draw, jpeg
from tests.browser import conftest as pages
from tests.browser.conftest import FLAGS, PATIENCE_MS, Service, Watch, _serve, seed_for, sign_in, until_js
from tests.browser.fake_camera import clip_frames, left_then_right, write_stream
from tests.browser.test_every_page import findings, look_at, sound
from tests.browser.test_whole_verification import REFERENCE_FRAME, enrol, prove
from tests.conftest import CHROMIUM
from tests.verify.referrals import FRAMES, store_referral
from verify.engines.scripted import Scene
from verify.errors import WeightsError
from verify.views import PromptName

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(scope="module")
def strict_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With the real engine, under a policy to which no likeness is clear enough: a person always looks."""
    from api.policy import load_policy

    home = tmp_path_factory.mktemp("strict")
    policy = home / "policy.toml"
    text = Settings().policy_file.read_text(encoding="utf-8")
    engine = "[verification.matching.provisional.onnx] # cosine\naccept = 0.50\n"
    assert engine in text
    policy.write_text(text.replace(engine, engine.replace("0.50", "0.999")), encoding="utf-8")
    seed = seed_for(load_policy(policy).verification, (PromptName.LOOK_STRAIGHT, PromptName.TURN_LEFT, PromptName.TURN_RIGHT))
    try:
        yield from _serve(home, EngineChoice.ONNX, challenge_seed=seed, policy_file=policy)
    except WeightsError as error:
        pytest.skip(f"the ONNX weights are not here: {error}")


@pytest.fixture(scope="module")
def browser_with_her(playwright: Playwright, data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium whose camera shows her turning as the challenge asks."""
    stream = write_stream(tmp_path_factory.mktemp("camera") / "her.y4m", clip_frames(data_folder), left_then_right())
    flags = [*FLAGS, "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={stream}"]
    running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
    yield running
    running.close()
    stream.unlink()


def opened(browser: Browser, service: Service, *, width: int, language: str = "en") -> Page:
    context = browser.new_context(base_url=service.address, viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": "lifecert_language", "value": language, "url": service.address}])
    return context.new_page()


def test_a_referred_check_is_decided_in_one_screen_and_the_person_sees_the_answer(
    browser_with_her: Browser, strict_service: Service, data_folder: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "reference.jpg"
    cv2.imwrite(str(picture), clip_frames(data_folder)[REFERENCE_FRAME], [cv2.IMWRITE_JPEG_QUALITY, 95])
    her = opened(browser_with_her, strict_service, width=390)
    enrol(her, strict_service.person, picture)
    attempt = prove(her, strict_service, pages.NAME, pages.RESIDENT_ID)
    assert her.inner_text("h1") == "A person will look at it"
    assert "at the latest" in her.inner_text("main")

    desk = opened(browser_with_her, strict_service, width=1440)
    sign_in(desk, RoleName.REVIEWER)
    clicks = 0
    desk.goto(f"/desk/review/{attempt.verification_id}")
    assert desk.locator("main img.review__face").count() == 0
    desk.keyboard.press("u")  # show the pictures
    desk.wait_for_selector("img.review__face")
    until_js(desk, "document.querySelector('#viewer-image').naturalWidth > 0")
    desk.keyboard.press("f")  # the frames; the arrows go through them
    first = desk.inner_text("#viewer-title")
    desk.keyboard.press("ArrowRight")
    expect(desk.locator("#viewer-title")).not_to_have_text(first)
    likenesses = {desk.locator("#viewer-rows tr").first.locator("td").first.inner_text()}
    for _ in range(desk.locator(".figures--frames tbody tr").count()):  # which frames were compared depends on the machine's speed
        desk.keyboard.press("ArrowRight")
        likenesses.add(desk.locator("#viewer-rows tr").first.locator("td").first.inner_text())
    assert any(value.startswith("0.") for value in likenesses)  # the real engine's likeness to the reference
    desk.click("label.verdict--certified")
    desk.click("#decide button[type=submit]")
    clicks += 2
    desk.wait_for_selector(".notice--success")
    assert clicks < 6
    assert desk.locator("#decide").count() == 0
    assert desk.locator("main img").count() == 1  # no face: the empty image of the viewer
    assert desk.locator("main img:visible").count() == 0

    her.reload()
    assert her.inner_text("h1") == "Done: your pension is confirmed"
    assert her.locator(".certificate").count() == 1
    with her.expect_download() as download:
        her.click("text=Save the certificate (PDF)")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    her.goto("/status")
    assert "A member of our staff has looked at your camera check" in her.inner_text("main")
    for page in (her, desk):
        page.context.close()


@pytest.fixture(scope="module")
def referred(service: Service) -> str:
    context = service.context
    references = context.verification.references
    references.give_consent(
        service.second, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="2026-01", language="zh", channel="counter"
    )
    references.enrol(service.second, jpeg(draw(Scene(height=180), noise_seed=1)), source="counter", actor="clerk")
    return store_referral(
        context.database,
        context.keyring,
        service.second,
        engine=context.engine,
        policy=context.policy,
        verification=context.policy.verification,
        policy_hash=context.policy.hash,
        now=context.clock(),
    )


@pytest.mark.parametrize(
    ("language", "tag", "width", "theme"),
    [("zh", "zh-CN", 390, "dark"), ("en", "en", 768, "light"), ("zh", "zh-CN", 1440, "light"), ("en", "en", 1440, "dark")],
)
def test_covered_and_uncovered_in_both_languages_and_themes(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, referred: str
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.REVIEWER)
    wrong: dict[str, list[str]] = {}
    look_at(page, f"/desk/review/{referred}", tag, wrong)
    page.click("summary")
    assert page.locator(".figures--frames tbody tr").count() == FRAMES
    page.click("button[value=uncover]")
    page.wait_for_selector("img.review__face")
    page.wait_for_load_state()  # its width is not asked for before the style sheets are there
    assert page.locator(".strip__picture").count() == FRAMES
    assert wrong == {}
    assert sound(page, tag) + findings(page) == []
    page.click("label.verdict--suspected")
    assert page.locator("#reason").evaluate("field => field.required")
    page.click("label.verdict--certified")
    assert not page.locator("#reason").evaluate("field => field.required")
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []
