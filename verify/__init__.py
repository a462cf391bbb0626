"""Proof of life: frames to evidence to decision. No web framework here."""
