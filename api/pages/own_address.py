"""Where a small form of the layout goes back to: an address of our own pages, never one of somebody else's."""

from __future__ import annotations


def own_address(wanted: str, otherwise: str) -> str:
    """The wanted path when it is one on this server, else the other one. Browsers read ``//host`` and ``/\\host`` as another server."""
    return wanted if wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted else otherwise
