"""Measurements: ratios against a peer or a physical limit in one run. Run them by hand; no test depends on a time."""
