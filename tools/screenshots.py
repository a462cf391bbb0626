"""Pictures of every page at the widths of a phone, a tablet and a desk, in both languages, those for staff in both themes: to be looked at.

    python -m tools.screenshots build/screenshots [--only notices] [--width 390] [--language zh] [--theme dark]

Works on a made-up store that is filled for it, in a browser without a screen (/usr/bin/chromium). Prints each page that is wider than its
window; ends with 1 when there is one.
"""

# ruff: noqa: T201 - what it made is told to who called it

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from api.rights import RoleName
from tests.browser.conftest import FLAGS, agree, identify, sign_in
from tests.browser.filled_service import SEEN_BY, FilledService, running
from tests.browser.test_every_page import OPEN_PAGES, PERSON_PAGES
from tests.conftest import CHROMIUM

WIDTHS = (390, 768, 1440)
LANGUAGES = ("zh", "en")
THEMES = ("light", "dark")
HEIGHT = 900
# Pictures below the window are fetched when somebody scrolls there; one from top to bottom shows them all.
IMAGES_LOADED = """() => Promise.all(
    [...document.images].map((image) => { image.loading = 'eager'; return image.decode().catch(() => null); }))"""
FOR_STAFF = (RoleName.SUPERVISOR, *sorted(set(SEEN_BY.values())))


def name_of(path: str) -> str:
    """A file name of an address."""
    return path.strip("/").split("?")[0].replace("/", "-") or "start"


def picture(page: Page, path: str, file: Path, wide: list[str]) -> None:
    """One page from top to bottom."""
    page.goto(path)
    page.wait_for_load_state("networkidle")  # parts of a page that are fetched after it
    page.evaluate(IMAGES_LOADED)
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if over > 0:
        wide.append(f"{file.name}: {over} px too wide")
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(file), full_page=True)


def of_staff(browser: Browser, service: FilledService, asked: argparse.Namespace, wide: list[str]) -> int:
    """Pages of the desk; how many pictures."""
    number = 0
    folder, only = asked.folder, asked.only
    for role in FOR_STAFF:
        pages = [(name, path) for name, path in service.pages(role) if only in name]
        if not pages:
            continue
        context = browser.new_context(base_url=service.address, viewport={"width": WIDTHS[0], "height": HEIGHT})
        context.set_default_timeout(60_000)
        page = context.new_page()
        sign_in(page, role)
        for language in asked.language or LANGUAGES:
            for theme in asked.theme or THEMES:
                values = {"lifecert_language": language, "lifecert_theme": theme}
                context.add_cookies([{"name": name, "value": value, "url": service.address} for name, value in values.items()])
                for width in asked.width or WIDTHS:
                    page.set_viewport_size({"width": width, "height": HEIGHT})
                    for name, path in pages:
                        file = folder / "staff" / f"{name.split('.')[1]}-{width}-{language}-{theme}.png"
                        picture(page, path, file, wide)
                        number += 1
                    print(f"{role.value}, {language}, {theme}, {width} px", file=sys.stderr)
        context.close()
    return number


def of_pensioners(browser: Browser, service: FilledService, asked: argparse.Namespace, wide: list[str]) -> int:
    """Pages for everybody and for one who is identified; how many pictures."""
    number = 0
    folder, only = asked.folder, asked.only
    if not any(only in path for path in (*OPEN_PAGES, *PERSON_PAGES)):
        return 0
    for language in asked.language or LANGUAGES:
        for width in asked.width or WIDTHS:
            context = browser.new_context(base_url=service.address, viewport={"width": width, "height": HEIGHT})
            context.set_default_timeout(60_000)
            context.add_cookies([{"name": "lifecert_language", "value": language, "url": service.address}])
            page = context.new_page()
            for group in (OPEN_PAGES, PERSON_PAGES):
                if group is PERSON_PAGES:
                    identify(page)
                    agree(page)
                for path in group:
                    if only in path:
                        picture(page, path, folder / "pensioner" / f"{name_of(path)}-{width}-{language}.png", wide)
                        number += 1
            print(f"pensioners, {language}, {width} px", file=sys.stderr)
            context.close()
    return number


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--only", default="", help="only pages whose name has this in it, e.g. notices")
    parser.add_argument("--width", type=int, action="append", help="only windows of this width, in px; may be given again")
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="only this language")
    parser.add_argument("--theme", choices=THEMES, action="append", help="only this theme, for staff")
    asked = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    wide: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="lifecert-screenshots-") as home,
        running(Path(home)) as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        number = of_staff(browser, service, asked, wide)
        number += of_pensioners(browser, service, asked, wide)
        browser.close()
    print(f"{number} pictures in {asked.folder}")
    print("\n".join(wide))
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
