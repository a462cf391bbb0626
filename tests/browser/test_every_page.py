"""What holds for every page, in both languages: axe finds nothing, the document is sound, nothing outside is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from api.evidence import evidence_service
from models.life_evidence import EvidenceKind
from tests.browser.conftest import Service, Watch, agree, identify, sign_in
from verify.evidence_rules import TypedEvidence

pytestmark = pytest.mark.timeout(180)

OPEN_PAGES = ("/", "/identify", "/other-ways", "/privacy", "/helper", "/login", "/c/abc", "/p/nothing", "/no-such-page")
PERSON_PAGES = ("/certify/consent", "/certify/how", "/certify/how?way=gentle", "/certify/camera", "/status", "/consent/withdraw")
STAFF_PAGES = ("/counter", "/counter/found", "/about-engine", "/harness")
PERSON_AT_COUNTER = ("", "/reference", "/visit", "/consent", "/camera")
TRIED_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOUR_RULES = ("color-contrast", "link-in-text-block")
"""What a theme changes: nothing else in a page depends on it."""


def sound(page: Page, tag: str) -> list[str]:
    """What is wrong with the document itself. Pages for staff are denser; nothing on them is below 14 px, nor a target below 24."""
    staff = page.evaluate("document.body.classList.contains('staff')")
    text, target, main = (14, 24, 40) if staff else (18, 44, 60)
    facts = page.evaluate(
        """([text, target, main]) => {
        const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        return {
            lang: document.documentElement.lang,
            headings: [...document.querySelectorAll('h1')].filter((h) => h.checkVisibility()).map((h) => h.innerText.trim()),
            title: document.title,
            ids: [...document.querySelectorAll('[id]')].map((e) => e.id),
            inline: document.querySelectorAll('[style], style, script:not([src]):not([type="application/json"])').length,
            wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            small: [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && hasText(e))
                .filter((e) => parseFloat(getComputedStyle(e).fontSize) < text).map((e) => e.outerHTML.slice(0, 80)),
            tight: [...document.querySelectorAll('button, a.btn, .tap, summary')].filter((e) => e.checkVisibility())
                .map((e) => [e.getBoundingClientRect(), e]).filter(([r]) => r.width > 0 && (r.height < target || r.width < target))
                .map(([r, e]) => `${Math.round(r.width)}x${Math.round(r.height)} ${e.outerHTML.slice(0, 60)}`),
            main: [...document.querySelectorAll('.btn-main')].filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < main)
                .map((e) => e.outerHTML.slice(0, 80)),
            lines: parseFloat(getComputedStyle(document.body).lineHeight) / parseFloat(getComputedStyle(document.body).fontSize),
            human: [...document.querySelectorAll('a')].some((a) => a.pathname === '/other-ways'),
        }; }""",
        [text, target, main],
    )
    wrong = []
    if facts["lang"] != tag:
        wrong.append(f"lang is {facts['lang']}")
    if len(facts["headings"]) != 1 or not facts["title"].startswith(facts["headings"][0]):
        wrong.append(f"h1 {facts['headings']} and title {facts['title']!r} do not fit")
    if len(set(facts["ids"])) != len(facts["ids"]):
        wrong.append(f"ids twice: {sorted({i for i in facts['ids'] if facts['ids'].count(i) > 1})}")
    if facts["inline"]:
        wrong.append(f"{facts['inline']} inline scripts or styles")
    if facts["wide"] > 0:
        wrong.append(f"{facts['wide']} px too wide")
    wrong += [f"under {text} px: {each}" for each in facts["small"]]
    wrong += [f"under {target} px: {each}" for each in facts["tight"]]
    wrong += [f"main button under {main} px: {each}" for each in facts["main"]]
    if facts["lines"] < 1.5:
        wrong.append(f"line height {facts['lines']}")
    return wrong


def findings(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds. rules: only these, in a page that was looked at already; every rule of TRIED_RULES by default."""
    # what is told of rules that hold is most of the answer, and what takes time: only those that do not hold are asked for
    options = {"resultTypes": ["violations"], "preload": False, "iframes": False}
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TRIED_RULES}
    if not rules:
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(
        "(options) => axe.run(document, options).then((told) => told.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`))",
        {**options, "runOnly": only},
    )
    return found


def look_at(page: Page, address: str, tag: str, wrong: dict[str, list[str]]) -> None:
    page.goto(address)
    found = sound(page, tag) + findings(page)
    if found:
        wrong[address] = found


def look_at_both_themes(page: Page, address: str, tag: str, wrong: dict[str, list[str]]) -> None:
    """The same, and then in the other theme what a theme changes, at the other widths what a width changes: without loading it again."""
    look_at(page, address, tag, wrong)
    size = page.viewport_size or {"width": 390, "height": 844}
    found = []
    for width in {390, 768, 1440} - {size["width"]}:
        page.set_viewport_size({"width": width, "height": size["height"]})
        found += [f"at {width} px: {line}" for line in sound(page, tag)]
    page.set_viewport_size(size)  # type: ignore[arg-type]
    other = page.evaluate(
        "document.documentElement.dataset.bsTheme = document.documentElement.dataset.bsTheme === 'dark' ? 'light' : 'dark'"
    )
    found += [f"{other}: {line}" for line in findings(page, COLOUR_RULES)]
    if found:
        wrong.setdefault(address, []).extend(found)


@pytest.mark.parametrize(("language", "tag", "width"), [("zh", "zh-CN", 320), ("en", "en", 320)])
def test_pages_for_pensioners(language: str, tag: str, width: int, open_page: Callable[..., Page], watch: Watch, service: Service) -> None:
    page = open_page(language=language, width=width)
    wrong: dict[str, list[str]] = {}
    for address in OPEN_PAGES:
        look_at(page, address, tag, wrong)
    identify(page)
    agree(page)
    for address in PERSON_PAGES:
        look_at(page, address, tag, wrong)
    for panel in page.goto("/certify/camera") and page.eval_on_selector_all("[data-trouble]", "all => all.map((e) => e.dataset.trouble)"):
        page.evaluate(
            """(code) => { document.querySelector('#before').hidden = true;
                document.querySelectorAll('[data-trouble]').forEach((e) => { e.hidden = e.dataset.trouble !== code; }); }""",
            panel,
        )
        found = [line for line in sound(page, tag) if not line.startswith("h1")]
        if found:
            wrong[f"camera: {panel}"] = found
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert [line for line in watch.complaints if "404" not in line] == []


@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_pages_for_staff(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service
) -> None:
    today = service.context.policy.certification.today(service.context.clock())
    evidence_service(service.context).record(service.second, TypedEvidence(EvidenceKind.COUNTER, today), actor="test")
    page = open_page(language=language, width=width, reduced_motion="reduce")
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page)
    page.goto(f"/counter/person/{service.second}/consent")
    if page.locator("button[value=yes]").count():
        page.click("button[value=yes]")
    page.goto("/counter")
    page.fill("#text", "李")
    page.click("main form button")
    page.wait_for_url("**/counter/person/*")
    wrong: dict[str, list[str]] = {}
    for address in (*STAFF_PAGES, *(f"/counter/person/{service.second}{part}" for part in PERSON_AT_COUNTER)):
        look_at_both_themes(page, address, tag, wrong)
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []


def test_every_page_has_a_way_to_a_person(open_page: Callable[..., Page]) -> None:
    page = open_page()
    identify(page)
    agree(page)
    without = []
    for address in (*OPEN_PAGES, *PERSON_PAGES):
        if address == "/login":
            continue
        page.goto(address)
        if page.locator("a[href='/other-ways']:visible").count() == 0 and address != "/other-ways":
            without.append(address)
    assert without == []


def test_text_at_200_percent_needs_no_sideways_scrolling(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390)
    identify(page)
    agree(page)
    wide = {}
    for address in (*OPEN_PAGES, *PERSON_PAGES):
        page.goto(address)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide[address] = over
    assert wide == {}
