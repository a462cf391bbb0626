"""A thin Python client of Lifecert's doors for programs. Needs httpx and nothing else of this project.

from api.client import LifecertClient

with LifecertClient("https://lifecert.example.gov.cn", "CLIENT_ID", "SECRET") as lifecert:
    status = lifecert.status(resident_id="190102195203070019")
"""

from __future__ import annotations

from api.client.client import LifecertClient
from api.client.errors import LifecertError, NotAnsweredError, ProblemError, TokenError
from api.client.results import BatchLine, CardStatus, Change, Changes, IdentityCheck, Import, NewWebhook, Status, Webhook

__all__ = [
    "BatchLine",
    "CardStatus",
    "Change",
    "Changes",
    "IdentityCheck",
    "Import",
    "LifecertClient",
    "LifecertError",
    "NewWebhook",
    "NotAnsweredError",
    "ProblemError",
    "Status",
    "TokenError",
    "Webhook",
]
