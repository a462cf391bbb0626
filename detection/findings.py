"""Findings, by the name under which rules know them; they live beside the store, which opens some of them as rows come in."""

from __future__ import annotations

from models.finding import Finding, Record

__all__ = ["Finding", "Record"]
