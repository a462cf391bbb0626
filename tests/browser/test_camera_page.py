"""The camera page when things go wrong: refused, missing, busy, paused, a slow or broken line; and the way round it by keyboard."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import CDPSession, Page, Request, Route, expect

from models.consent import ConsentPurpose
from tests.browser.conftest import CANNED_ID, GUIDE, NAME, RESIDENT_ID, Service, agree, identify, until, until_js

pytestmark = pytest.mark.timeout(120)

START, FRAMES, FINISH = "**/api/v1/verifications", "**/api/v1/verifications/*/frames?*", "**/api/v1/verifications/*/finish"
STARTED = {
    "verification_id": CANNED_ID,
    "token": "t" * 43,
    "kind": "standard",
    "expires_at": "2099-01-01T00:00:00Z",
    "tries_left": 3,
    "guide": GUIDE,
}


def to_camera(page: Page) -> None:
    identify(page)
    agree(page)
    page.goto("/certify/camera")


def reject(page: Page, name: str) -> None:
    """The next opening of the camera ends in this error."""
    page.add_init_script(f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{name}'));")


class Server:
    """Stands in for the JSON doors where a test needs an answer that the real ones give only to a real face."""

    def __init__(self, page: Page, *, guides: list[dict[str, object]] | None = None, delay_s: float = 0.0) -> None:
        self.frames: list[dict[str, object]] = []
        self.guides = guides or [GUIDE]
        self.delay_s = delay_s
        self.down = False
        self.open = 0
        self.most_open = 0
        page.route(START, lambda route: route.fulfill(status=201, json=STARTED))
        page.route(FRAMES, self._frame)
        page.route(FINISH, lambda route: route.fulfill(json={}))

    def _frame(self, route: Route) -> None:
        if self.down:
            route.abort("internetdisconnected")
            return
        query = parse_qs(urlsplit(route.request.url).query)
        body = route.request.post_data_buffer or b""
        self.frames.append({name: query[name][0] for name in ("seq", "captured_at_ms", "step")} | {"body": body, "at": time.monotonic()})
        guide = self.guides[min(len(self.frames), len(self.guides)) - 1]
        answer = {"seq": int(query["seq"][0]), "accepted": True, "hints": [], "guide": guide, "complete": False, "frames": len(self.frames)}
        route.fulfill(body=json.dumps(answer), content_type="application/json")


@pytest.mark.parametrize(
    ("error", "panel", "word"),
    [("NotAllowedError", "refused", "允许"), ("NotFoundError", "missing", "没有找到摄像头"), ("NotReadableError", "busy", "微信视频通话")],
)
def test_a_camera_that_does_not_open_is_explained_with_steps_and_other_ways(
    error: str, panel: str, word: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    reject(page, error)
    to_camera(page)
    page.click("#open")
    shown = page.locator(f"[data-trouble={panel}]")
    shown.wait_for()
    assert word in shown.inner_text()
    assert shown.locator("ol li").count() >= 2
    assert shown.locator("a[href='/other-ways']").is_visible()
    assert page.evaluate("document.activeElement.dataset.trouble") == panel
    assert "失败" not in page.inner_text("body")


def test_a_real_refusal_of_the_permission_is_explained(open_page: Callable[..., Page]) -> None:
    page = open_page(camera=False)
    to_camera(page)
    page.click("#open")
    page.locator("[data-trouble=refused]").wait_for()


def test_an_unprotected_address_is_explained(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
    to_camera(page)
    page.click("#open")
    assert "https" in page.locator("[data-trouble=insecure]").inner_text()


def test_without_javascript_the_page_says_what_to_do(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    to_camera(page)
    assert page.locator("noscript").inner_text().count("JavaScript") >= 1
    assert not page.locator("#open").is_visible()
    assert page.locator("main a[href='/other-ways']").first.is_visible()


def test_without_a_reference_the_real_service_leads_to_the_panel_about_it(open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_camera(page)
    page.click("#open")
    page.locator("[data-trouble=reference]").wait_for()


def test_frames_carry_their_step_and_are_never_more_than_two_at_a_time(open_page: Callable[..., Page]) -> None:
    page = open_page()
    left = {**GUIDE, "prompt": "turn_left", "step_token": "second", "progress": 0.3}
    to_camera(page)
    server = Server(page, guides=[GUIDE, GUIDE, GUIDE, left])
    page.click("#open")
    expect(page.locator("#prompt")).to_contain_text("左")
    until(page, lambda: server.frames[-1]["step"] == "second" and page.get_attribute("#progress", "value") == "30")
    assert [int(frame["seq"]) for frame in server.frames] == list(range(len(server.frames)))  # type: ignore[call-overload]
    assert server.frames[0]["step"] == "first"
    assert server.frames[-1]["step"] == "second"
    assert all(bytes(frame["body"]).startswith(b"\xff\xd8\xff") for frame in server.frames)  # type: ignore[call-overload]
    assert len({bytes(frame["body"]) for frame in server.frames}) == len(server.frames)  # type: ignore[call-overload]
    assert page.get_attribute("#progress", "value") == "30"


def test_colours_change_at_most_twice_a_second(open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_camera(page)
    colours = ["#ffffff", "#ffaa3c", "#46e678", "#5082ff"]
    guides = [{**GUIDE, "prompt": "watch_colours", "step_token": f"s{n}", "colour": colours[n % 4]} for n in range(200)]
    Server(page, guides=guides)
    page.evaluate(
        """() => {
            const stage = document.querySelector('#stage');
            window.changes = [];
            const note = () => window.changes.push([performance.now(), stage.style.backgroundColor]);
            new MutationObserver(note).observe(stage, { attributeFilter: ['style'] });
        }"""
    )
    page.click("#open")
    until_js(page, "new Set(window.changes.map(([, colour]) => colour)).size >= 3")
    changes = page.evaluate("window.changes")
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(changes)]
    assert min(gaps) >= 490  # milliseconds; a timer's clock is this exact


def test_a_line_that_breaks_is_told_and_the_same_frame_is_sent_again(open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_camera(page)
    server = Server(page)
    page.click("#open")
    page.locator("#stage").wait_for()
    until(page, lambda: len(server.frames) >= 3)
    server.down = True
    expect(page.locator("#hint")).to_contain_text("网络")
    before = len(server.frames)
    server.down = False
    until(page, lambda: len(server.frames) > before + 2)
    seqs = [int(frame["seq"]) for frame in server.frames]  # type: ignore[call-overload]
    assert sorted(seqs) == list(range(len(seqs)))


def test_a_slow_line_gets_smaller_and_fewer_pictures(open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_camera(page)
    sent: list[tuple[float, int]] = []

    def note(request: Request) -> None:
        if "/frames?" in request.url:
            sent.append((time.monotonic(), len(request.post_data_buffer or b"")))

    page.on("request", note)
    page.route(START, lambda route: route.fulfill(status=201, json=STARTED))
    line = page.context.new_cdp_session(page)
    throttle(line, kilobytes_a_second=40, latency_ms=600)
    page.click("#open")
    page.locator("#stage").wait_for()
    until(page, lambda: len(sent) > 4 and sent[-4][1] < sent[0][1] * 0.8 and pace(sent[-4:]) <= 4.6)


def pace(sent: list[tuple[float, int]]) -> float:
    """Frames a second."""
    return (len(sent) - 1) / (sent[-1][0] - sent[0][0])


def throttle(line: CDPSession, *, kilobytes_a_second: int, latency_ms: int) -> None:
    rate = kilobytes_a_second * 1024
    conditions = {"offline": False, "latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate}
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", conditions)


def test_leaving_the_page_pauses_and_going_on_begins_again(open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_camera(page)
    Server(page)
    abandoned: list[str] = []
    page.on("request", lambda request: abandoned.append(request.url) if request.url.endswith("/abandon") else None)
    page.route("**/abandon", lambda route: route.fulfill(status=204))
    page.click("#open")
    expect(page.locator("#prompt")).not_to_be_empty()
    page.evaluate(
        """() => {
            Object.defineProperty(document, 'hidden', { value: true, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }"""
    )
    panel = page.locator("[data-trouble=paused]")
    panel.wait_for()
    assert page.evaluate("document.querySelector('#preview').srcObject") is None  # the camera's lamp is off
    page.evaluate("Object.defineProperty(document, 'hidden', { value: false, configurable: true })")
    panel.locator("[data-again]").click()
    page.locator("#stage").wait_for()
    assert len(abandoned) == 1


def test_the_gentle_way_is_one_press_away(open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_camera(page)
    Server(page)
    page.route("**/abandon", lambda route: route.fulfill(status=204))
    page.click("#open")
    page.click("#gentle")
    page.wait_for_url("**/certify/how?way=gentle")
    page.click("a.btn-main")
    assert page.get_attribute("#camera", "data-kind") == "gentle"


def test_by_keyboard_alone_from_the_first_page_to_the_open_camera(open_page: Callable[..., Page], service: Service) -> None:
    service.context.verification.references.withdraw_consent(service.person, actor="test")
    page = open_page()
    page.goto("/")
    tab_to(page, "a.choice--main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/identify")
    tab_to(page, "#full_name")
    page.keyboard.type(NAME)
    tab_to(page, "#resident_id")
    page.keyboard.type(RESIDENT_ID)
    page.keyboard.press("Enter")
    page.wait_for_url("**/certify/consent")
    tab_to(page, "button[value=yes]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/certify/how")
    tab_to(page, "a.btn-main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/certify/camera")
    Server(page)
    tab_to(page, "#open")
    page.keyboard.press("Enter")
    page.locator("#stage").wait_for()
    tab_to(page, "#stop")
    page.keyboard.press("Enter")
    expect(page.locator("#open")).to_be_focused()
    with service.context.database.read_scope():
        assert service.context.verification.references.has_consent(service.person, purpose=ConsentPurpose.FACE_VERIFICATION)


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, and see that the focus shows."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_a_helpers_phone_keeps_nothing_between_two_people(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/helper")
    page.click("main form button")
    page.wait_for_url("**/identify")
    page.fill("#full_name", NAME)
    page.fill("#resident_id", RESIDENT_ID)
    page.click("main form.one-form button[type=submit]")
    page.wait_for_url("**/certify/consent")  # asked anew on a helper's phone
    assert "王*国" in page.inner_text(".whoami")
    assert NAME not in page.content()
    page.click(".whoami button")
    page.wait_for_url("**/identify")
    assert "王*国" not in page.content()
    page.goto("/status")
    page.wait_for_url("**/identify")
    assert page.input_value("#full_name") == ""
