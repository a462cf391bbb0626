"""The pages: for pensioners and those who help them, for staff at the counter, and for anyone who checks a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def register(app: Flask) -> None:
    """Register every page, its languages, its forms' protection and its security headers with the application."""
    from api.pages.setup import register as register_pages  # here, so that doors may take words from a page's module

    register_pages(app)
