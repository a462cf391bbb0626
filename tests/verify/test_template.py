"""Sealed templates open for their person and engine only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.keys import FileKeyRing, Sealed
from verify.errors import TemplateError
from verify.template import open_template, seal_template

EMBEDDING = np.random.default_rng(1).standard_normal(512).astype(np.float32)


@pytest.fixture
def sealed(keyring):
    return seal_template(keyring, EMBEDDING, "person-a", "onnx", "v1")


def test_a_template_opens_to_the_same_values(keyring, sealed):
    opened = open_template(keyring, sealed, "person-a")
    assert opened.dtype == np.float32
    np.testing.assert_array_equal(opened, EMBEDDING)


def test_the_blob_holds_nothing_of_the_embedding_in_the_clear(sealed):
    assert EMBEDDING.tobytes()[:16] not in sealed.blob
    assert sealed.size == 512


def test_two_seals_of_one_embedding_differ(keyring, sealed):
    assert seal_template(keyring, EMBEDDING, "person-a", "onnx", "v1").blob != sealed.blob


@pytest.mark.parametrize(
    "change",
    [
        {"engine_name": "dlib"},
        {"engine_version": "v2"},
        {"size": 511},
    ],
)
def test_another_engine_does_not_open_it(keyring, sealed, change):
    with pytest.raises(TemplateError, match="does not open"):
        open_template(keyring, replace(sealed, **change), "person-a")


def test_another_person_does_not_open_it(keyring, sealed):
    with pytest.raises(TemplateError, match="does not open"):
        open_template(keyring, sealed, "person-b")


@pytest.mark.parametrize("position", [0, 20, -1])
def test_altered_bytes_do_not_open(keyring, sealed, position):
    blob = bytearray(sealed.blob)
    blob[position] ^= 1
    with pytest.raises(TemplateError):
        open_template(keyring, replace(sealed, sealed=Sealed(sealed.key_id, bytes(blob))), "person-a")


def test_another_key_ring_does_not_open_it(sealed, tmp_path):
    with pytest.raises(TemplateError):
        open_template(FileKeyRing.open(tmp_path / "other.json"), sealed, "person-a")


def test_names_cannot_be_shifted_between_person_and_engine(keyring):
    sealed = seal_template(keyring, EMBEDDING, 'a", "onnx', "x", "v")
    with pytest.raises(TemplateError):
        open_template(keyring, replace(sealed, engine_name='onnx", "x'), "a")


@pytest.mark.parametrize("broken", [np.full(8, np.nan, np.float32), np.ones((2, 4), np.float32), np.empty(0, np.float32)])
def test_what_is_not_a_template_is_refused(keyring, broken):
    with pytest.raises(TemplateError, match="one row of finite numbers"):
        seal_template(keyring, broken, "person-a", "onnx", "v1")
