"""The coarse class of a device, by the words of browsers; what figures of fairness tell apart."""

from __future__ import annotations

import pytest

from api.device_class import device_class
from models.verification import Verification
from tests.api.conftest import World, csrf
from tests.api.test_doors import ready

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1"
ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
ANDROID_TABLET = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
WECHAT = f"{ANDROID} MicroMessenger/8.0.49"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (IPHONE, "phone"),
        (ANDROID, "phone"),
        (WECHAT, "phone"),
        (ANDROID_TABLET, "tablet"),
        (IPAD, "tablet"),
        (WINDOWS, "computer"),
        (MAC, "computer"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "computer"),
        ("curl/8.5.0", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_the_class_follows_from_the_words_of_the_browser(words: str | None, expected: str) -> None:
    assert device_class(words) == expected


def test_an_attempt_keeps_the_class_and_nothing_else_of_the_device(world: World) -> None:
    ready(world)
    client = world.pensioner()
    headers = {**csrf(world, client), "User-Agent": ANDROID}
    answer = client.post("/api/v1/verifications", json={"person_id": world.at_home}, headers=headers)
    assert answer.status_code == 201, answer.get_json()
    with world.context.database.read_scope() as session:
        row = session.get(Verification, answer.get_json()["verification_id"])
        assert row is not None
        assert row.client == {"device": "phone"}
