"""The words of the messages to phones, in both languages. They name nobody and no number: a phone may be in other hands."""

from __future__ import annotations

from models.repositories.outreach import REMINDER
from verify.resumption_service import RESUMED

TEXTS: dict[str, dict[str, str]] = {
    "verification.certified": {
        "zh": "【养老资格认证】您本次资格认证已通过，有效期至{due_on}，无需再办其他手续。如有疑问请拨打12333。",
        "en": "Lifecert: your pension certification is done and valid until {due_on}. Nothing more is needed. Questions: call 12333.",
    },
    "person.certified": {
        "zh": "【养老资格认证】工作人员已为您办理资格认证，有效期至{due_on}，无需再办其他手续。如有疑问请拨打12333。",
        "en": "Lifecert: our staff have certified you; it is valid until {due_on}. Nothing more is needed. Questions: call 12333.",
    },
    "verification.refer": {
        "zh": "【养老资格认证】您的认证已收到，将由工作人员核对，结果会另行通知。期间待遇照常发放。如有疑问请拨打12333。",
        "en": "Lifecert: your certification has come in and a member of staff will look at it. Your payments go on meanwhile. Call 12333.",
    },
    "verification.reviewed.certified": {
        "zh": "【养老资格认证】工作人员已核对您的认证，本次资格认证通过，有效期至{due_on}，无需再办其他手续。如有疑问请拨打12333。",
        "en": "Lifecert: our staff looked at your camera check; you are certified until {due_on}. Nothing more is needed. Call 12333.",
    },
    "verification.reviewed.try_again": {
        "zh": "【养老资格认证】工作人员已核对，仅凭照片未能确认。请再试一次，或到社保窗口、视频、预约上门办理。待遇照常发放。咨询12333。",
        "en": "Lifecert: the pictures did not settle it. Please try again, or by counter, video or visit. Payments go on. Call 12333.",
    },
    "person.certified_silently": {
        "zh": "【养老资格认证】系统已通过数据比对为您完成资格认证，有效期至{due_on}，您无需再办理任何手续。如有疑问请拨打12333。",
        "en": "Lifecert: your certification was made by data match and is valid until {due_on}. Nothing more is needed. Call 12333.",
    },
    "person.assisted": {
        "zh": "【养老资格认证】外地经办机构已协助您完成资格认证，有效期至{due_on}，无需再办其他手续。如有疑问请拨打12333。",
        "en": "Lifecert: an office of another region has certified you; it is valid until {due_on}. Nothing more is needed. Call 12333.",
    },
    REMINDER: {
        "zh": "【养老资格认证】您的领取待遇资格认证已到期。请用手机办理，或到就近社保窗口；行动不便可拨打12333预约上门，均不收费。",
        "en": "Lifecert: your pension certification is overdue. Certify by phone, at any counter, or call 12333 for a visit; it is free.",
    },
    RESUMED: {
        "zh": "【养老资格认证】您的待遇将从{month}起恢复发放，应补发的部分一并发放。如有疑问请拨打12333。",
        "en": "Lifecert: your payments start again from {month}, with what is owed for the time between. Questions: call 12333.",
    },
}
"""By kind of outbox message and language. Kinds that are not here are another sender's."""

DATED = frozenset(kind for kind, texts in TEXTS.items() if "{due_on}" in texts["zh"])
"""Kinds whose text says until when the certification counts."""


def text_of(kind: str, language: str, values: dict[str, str]) -> str:
    """The message in ``zh`` or ``en``, Chinese for any other. Raises KeyError for an unknown kind or a value that is missing."""
    texts = TEXTS[kind]
    return texts.get(language, texts["zh"]).format(**values)
