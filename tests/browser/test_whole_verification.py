"""A whole verification over HTTP in Chromium, with a real face before the camera and the real engine: the counter enrols, she proves
that she is alive and herself, holds a certificate, and anyone can check it; against somebody else's reference she is not certified."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, Page, Playwright
from pypdf import PdfReader

from models.identifiers import mask_name
from tests.browser import conftest as pages
from tests.browser.conftest import FLAGS, PATIENCE_MS, Service
from tests.browser.fake_camera import clip_frames, left_then_right, write_stream
from tests.conftest import CHROMIUM
from verify.evidence import EvidenceKind, EvidenceState, Outcome
from verify.views import VerificationView

pytestmark = pytest.mark.timeout(480)

WHOLE_VERIFICATION_MS = 120_000
TRIES = 3
REFERENCE_FRAME = 18  # of the clip: she looks almost straight


@pytest.fixture(scope="module")
def real_service(real_service_of: Callable[[], Iterator[Service]]) -> Iterator[Service]:
    yield from real_service_of()


@pytest.fixture(scope="module")
def browser_with_her(playwright: Playwright, data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium whose camera shows her: straight, left and back, straight, right and back, straight."""
    stream = write_stream(tmp_path_factory.mktemp("camera") / "her.y4m", clip_frames(data_folder), left_then_right())
    flags = [*FLAGS, "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={stream}"]
    running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
    yield running
    running.close()
    stream.unlink()


@pytest.fixture
def page(browser_with_her: Browser, real_service: Service) -> Iterator[Page]:
    context = browser_with_her.new_context(base_url=real_service.address, viewport={"width": 390, "height": 844}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def enrol(page: Page, person_id: str, picture: Path) -> None:
    """The counter: sign in, record the consent, look at the quality, save."""
    pages.sign_in(page)
    page.goto(f"/counter/person/{person_id}/consent")
    page.click("button[value=yes]")
    page.goto(f"/counter/person/{person_id}/reference")
    page.set_input_files("#picture", picture)
    page.wait_for_selector(".quality[data-acceptable=yes]")
    assert page.locator(".bars tbody tr").count() >= 8
    page.click("#save")
    page.wait_for_url(f"**/counter/person/{person_id}")
    page.click("#sign-out")
    page.wait_for_url("**/")


def prove(page: Page, service: Service, name: str, number: str) -> VerificationView:
    """The pensioner's own way: who, what will happen, camera, result; once more when the page asks for it.

    The film before the camera does not wait for the prompts as a person does: a machine that is busy elsewhere may miss her turn.
    """
    person = {pages.RESIDENT_ID: service.person, pages.SECOND_RESIDENT_ID: service.second}[number]
    pages.identify(page, name, number)
    for _ in range(TRIES):
        page.wait_for_url("**/certify/how")
        page.click("a.btn-main")
        page.click("#open")
        page.wait_for_url("**/certify/result", timeout=WHOLE_VERIFICATION_MS)
        attempt = service.context.verification.latest_of(person)  # None: its time ran out
        if attempt is not None and turned_as_asked(attempt) and attempt.outcome is not Outcome.RETRY:
            return attempt
        page.click(".actions a[href$='/certify/how']")
    raise AssertionError(f"not finished in {TRIES} tries: {attempt}")


def turned_as_asked(attempt: VerificationView) -> bool:
    return {e.state for e in attempt.evidence if e.kind is EvidenceKind.ACTIVE} == {EvidenceState.PASSED}


def test_she_is_certified_against_her_own_reference_and_anyone_can_check_it(
    page: Page, real_service: Service, data_folder: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "reference.jpg"
    cv2.imwrite(str(picture), clip_frames(data_folder)[REFERENCE_FRAME], [cv2.IMWRITE_JPEG_QUALITY, 95])
    enrol(page, real_service.person, picture)

    page.context.add_cookies([{"name": "lifecert_language", "value": "en", "url": real_service.address}])
    prove(page, real_service, pages.NAME, pages.RESIDENT_ID)

    assert page.inner_text("h1") == "Done: your pension is confirmed"
    with page.expect_download() as download:
        page.click("text=Save the certificate (PDF)")
    paper = PdfReader(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert len(paper.pages) == 1
    assert pages.NAME in paper.pages[0].extract_text()
    [link] = [a.get_object()["/A"]["/URI"] for a in paper.pages[0]["/Annots"]]
    assert re.fullmatch(re.escape(real_service.address) + r"/c/[A-Za-z0-9_-]{100,}", link)

    anyone = page.context.browser.new_context()  # no cookie of hers
    check = anyone.new_page()
    check.goto(link)
    text = check.inner_text("main")
    assert "这份证明有效" in text
    assert mask_name(pages.NAME) in text
    assert pages.NAME not in check.content()
    assert pages.RESIDENT_ID not in check.content()
    anyone.close()


def test_she_is_not_certified_against_another_persons_reference(
    page: Page, real_service: Service, data_folder: Path, tmp_path: Path
) -> None:
    picture = somebody_else(real_service, data_folder, tmp_path)
    enrol(page, real_service.second, picture)

    attempt = prove(page, real_service, pages.SECOND_NAME, pages.SECOND_RESIDENT_ID)

    assert "您已通过认证" not in page.inner_text("main")
    assert real_service.context.verification.certificates.of_person(real_service.second) == []
    match = next(evidence for evidence in attempt.evidence if evidence.kind is EvidenceKind.MATCH)
    assert match.state is not EvidenceState.PASSED
    assert turned_as_asked(attempt)  # it was the face, not the turns
    assert page.locator(".certificate").count() == 0
    assert page.locator("main .ways, main .advice, main .outcome").count() >= 1


def somebody_else(service: Service, data_folder: Path, tmp_path: Path) -> Path:
    """The first photograph of another person that is good enough to be a reference."""
    for picture in sorted((data_folder / "faces" / "images").iterdir()):
        image = cv2.imread(str(picture))
        larger = cv2.resize(image, (750, 750), interpolation=cv2.INTER_CUBIC)
        path = tmp_path / "other.jpg"
        cv2.imwrite(str(path), larger, [cv2.IMWRITE_JPEG_QUALITY, 95])
        if service.context.verification.references.check(path.read_bytes()).acceptable:
            return path
    pytest.skip("no photograph of the test data can be a reference")
