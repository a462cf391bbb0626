"""Queries and conditional changes, one module a subject; functions take a session and never commit."""
