"""Every word of the pages exists in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api.i18n import LOCALES, TRANSLATIONS_DIR, translate, translate_count
from api.pages.trouble_words import TROUBLES
from api.pages.words import HINTS, PROMPTS, RESULTS, STAFF_REASONS, STAFF_STANDINGS, STANDINGS
from models.certification_state import CertificationState
from verify.evidence import Outcome, Reason
from verify.views import PromptName

API = Path(__file__).parents[2] / "api"
TEMPLATES = sorted((API / "templates").rglob("*.html"))
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\(\w+\)s")
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "translate_count": (1, 2)}

Message = str | tuple[str, ...]
"""Words, or the words for one and for several."""


def messages() -> set[Message]:
    """Every message id in code and templates; of one that has a plural: both."""
    found = extract_from_dir(API, METHODS, keywords=KEYWORDS)
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


def chinese() -> dict[Message, str]:
    """Every translation by its message; Chinese has one form for every number."""
    with (TRANSLATIONS_DIR / LOCALES["zh"] / "LC_MESSAGES" / "messages.po").open("rb") as stream:
        read = [message for message in read_po(stream) if message.id and not message.fuzzy]
    return {message.id: message.string if isinstance(message.id, str) else message.string[0] for message in read}


def placeholders(message: Message) -> list[list[str]]:
    return [sorted(PLACEHOLDER.findall(form)) for form in ((message,) if isinstance(message, str) else message)]


def test_every_message_has_a_chinese_translation_with_the_same_placeholders() -> None:
    catalogue, wanted = chinese(), messages()
    assert len(wanted) > 300
    assert {message for message in wanted if not catalogue.get(message)} == set()
    differing = {m for m in wanted if any(form != placeholders(catalogue[m])[0] for form in placeholders(m))}
    assert differing == set()
    worded = {
        message for message in wanted if re.search(r"[A-Za-z]", PLACEHOLDER.sub("", message if isinstance(message, str) else message[0]))
    }
    assert {message for message in worded if not re.search(r"[\u4e00-\u9fff]", catalogue[message])} == set()
    assert {
        message for message in wanted - worded if re.search(r"[:;,()]", PLACEHOLDER.sub("", catalogue[message]))
    } == set()  # wide marks in Chinese


def test_no_message_leaves_the_number_of_things_open() -> None:
    assert {message for message in messages() if isinstance(message, str) and re.search(r"\w\(s\)", PLACEHOLDER.sub("", message))} == set()


def test_one_thing_and_several_have_their_own_words() -> None:
    one, many = "%(count)s day", "%(count)s days"
    said = [translate_count(one, many, count, "en", count=count) for count in (0, 1, 2)]
    assert said == ["0 days", "1 day", "2 days"]
    assert translate_count(one, many, 1, "zh", count=1) == translate_count(one, many, 2, "zh", count=1) == "1 天"


def test_the_compiled_catalogue_is_the_one_of_the_source() -> None:
    assert translate("Another way instead", "zh") == "用其他办法"
    assert translate("Another way instead", "en") == "Another way instead"
    assert translate("Never certified", "zh") == "从未认证"


class _Text(HTMLParser):
    """Collects the text and the spoken attributes of a template whose Jinja parts are taken out."""

    SPOKEN = {"alt", "title", "placeholder", "aria-label"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in self.SPOKEN and value]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_words_outside_gettext(template: Path) -> None:
    source = re.sub(r"\{% block body_class %\}[\w -]*\{% endblock %\}", "", template.read_text(encoding="utf-8"))
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", source, flags=re.DOTALL)
    parser = _Text()
    parser.feed(bare)
    assert [text.strip() for text in parser.found if re.search(r"[A-Za-z\u4e00-\u9fff]", text)] == []


def test_every_code_of_the_service_has_words() -> None:
    assert set(PROMPTS) == set(PromptName)
    assert set(RESULTS) == set(Outcome)
    assert set(STANDINGS) == {state.value for state in CertificationState} == set(STAFF_STANDINGS)
    assert set(STAFF_REASONS) == set(Reason)
    assert set(HINTS) <= set(Reason)


def test_no_word_for_pensioners_says_failed() -> None:
    words = [
        *HINTS.values(),
        *(w for r in RESULTS.values() for w in (r.title, r.detail)),
        *(w for t in TROUBLES for w in (t.title, t.detail)),
    ]
    ids = [str(word._args[0]) for word in words]  # the message behind the lazy text
    for language in LOCALES:
        said = " ".join(translate(message, language) for message in ids).lower()
        assert "fail" not in said
        assert "失败" not in said
