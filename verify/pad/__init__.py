"""Presentation-attack detection (ISO/IEC 30107-3).

Each kind of evidence has one function of observations, challenge (or None) and policy.
"""
