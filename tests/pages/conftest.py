"""The application around a real store, as the tests of the JSON doors have it."""

from tests.api.conftest import world  # noqa: F401
