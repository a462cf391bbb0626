"""The two languages of the pages: Chinese unless the person chooses English.

The choice lives in one cookie that says nothing about the person. Message ids are the English words.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from babel.support import NullTranslations, Translations
from flask import has_request_context, request
from flask_babel import Babel, LazyString, gettext

if TYPE_CHECKING:
    from flask import Flask

LANGUAGE_COOKIE = "lifecert_language"
DEFAULT_LANGUAGE = "zh"
TRANSLATIONS_DIR = Path(__file__).with_name("translations")

LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
"""Language of the switch -> locale of the catalogue (the full tag, so that the libraries' own catalogues are found too)."""

LANGUAGE_TAGS = {"zh": "zh-CN", "en": "en"}
"""Language of the switch -> value of the lang attribute, which chooses the browser's voice and its glyphs."""

NATIVE_NAMES = {"zh": "中文", "en": "English"}
"""Each language is offered in its own words."""


def current_language() -> str:
    """``zh`` or ``en``, from the cookie; Chinese outside a request and for any other value."""
    if not has_request_context():
        return DEFAULT_LANGUAGE
    chosen = request.cookies.get(LANGUAGE_COOKIE, DEFAULT_LANGUAGE)
    return chosen if chosen in LOCALES else DEFAULT_LANGUAGE


def register(app: Flask) -> None:
    """Start the translations and give every template the language of the page."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS_DIR))
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LOCALES[DEFAULT_LANGUAGE])
    if "babel" not in app.extensions:
        Babel(app, locale_selector=lambda: LOCALES[current_language()])

    @app.context_processor
    def _languages() -> dict[str, object]:
        language = current_language()
        return {
            "language": language,
            "language_tag": LANGUAGE_TAGS[language],
            "other_language": "en" if language == "zh" else "zh",
            "native_names": NATIVE_NAMES,
            "language_tags": LANGUAGE_TAGS,
        }


@cache
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(str(TRANSLATIONS_DIR), [LOCALES[language]])


def translate(message: str, language: str, **values: object) -> str:
    """The message in a stated language, whatever the request's is: for papers that carry both languages."""
    text: str = _catalogue(language).ugettext(message)
    return text % values if values else text


def translate_count(one: str, many: str, number: int, language: str, **values: object) -> str:
    """The message for so many in a stated language. one, many: its English words for one and for any other number."""
    text: str = _catalogue(language).ungettext(one, many, number)
    return text % values if values else text


def with_aside(words: object, inside: object) -> str:
    """Words and a remark in brackets, with the brackets of the page's language: full-width ones in Chinese (GB/T 15834)."""
    return str(gettext("%(words)s (%(inside)s)", words=words, inside=inside))


def with_colon(words: object, rest: object) -> str:
    """Words, a colon in the page's language, and what they lead to."""
    return str(gettext("%(words)s: %(rest)s", words=words, rest=rest))


def in_language(words: LazyString, language: str) -> str:
    """Words of a page in a stated language, outside any request too: for what jobs write."""
    return translate(words._args[0], language)
