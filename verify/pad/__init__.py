"""Presentation attack detection: one module a kind of evidence."""
