"""What subscribers read in letters, and what webhooks carry: kind, region, money, where to look. No name, no number of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.pages.timeline_words import alert_title_in, yuan
from models.oversight import AlertSubscription, Cadence
from models.repositories.subscriptions import News

OPENED = "alerts.opened"
DIGEST = "alerts.digest"
TEST = "webhook.test"

SUBJECTS = {
    "zh": {
        "one": "【Lifecert】新预警：{title}",
        "at_once": "【Lifecert】{count}条新预警，涉及{amount}元",
        "daily": "【Lifecert】每日汇总：{count}条新预警，涉及{amount}元",
        "weekly": "【Lifecert】每周汇总：{count}条新预警，涉及{amount}元",
        "test": "【Lifecert】测试通知",
    },
    "en": {
        "one": "Lifecert: new alert: {title}",
        "at_once": "Lifecert: {count} new alerts, {amount} yuan at risk",
        "daily": "Lifecert, daily digest: {count} new alerts, {amount} yuan at risk",
        "weekly": "Lifecert, weekly digest: {count} new alerts, {amount} yuan at risk",
        "test": "Lifecert: test notice",
    },
}
WORDS = {
    "zh": {
        "total": "未关闭的新预警：{count}条，涉及金额{amount}元。",
        "by_kind": "按类型：",
        "kind": "{title}：{count}条，{amount}元",
        "first": "最紧急的{number}条：",
        "all": "预警：",
        "alert": "{title}，地区{region}，{amount}元",
        "more": "其余{number}条见预警列表：{url}",
        "manage": "通知的设置和退订：{url}",
        "test": "这是一条测试通知。您订阅的预警会发送到这个邮箱。",
    },
    "en": {
        "total": "New alerts that are not closed: {count}, {amount} yuan at risk.",
        "by_kind": "By kind:",
        "kind": "{title}: {count}, {amount} yuan",
        "first": "The {number} most urgent:",
        "all": "Alerts:",
        "alert": "{title}, region {region}, {amount} yuan",
        "more": "{number} more are in the list of alerts: {url}",
        "manage": "Change or end these notices: {url}",
        "test": "This is a test. Alerts that you subscribe to will be sent to this address.",
    },
}


def payload_of(row: AlertSubscription, news: News, *, now: datetime) -> dict[str, Any]:
    """What is kept for sending: plain values, so that a letter is the same on every try."""
    return {
        "subscription": row.public_id,
        "cadence": row.cadence.value,
        "at": now.isoformat(),
        "count": news.count,
        "amount_fen": news.amount_fen,
        "by_code": [{"code": each.code, "count": each.count, "amount_fen": each.amount_fen} for each in news.by_code],
        "alerts": [
            {
                "alert_id": each.public_id,
                "code": each.code,
                "region_code": each.region_code,
                "amount_fen": each.amount_fen,
                "opened_at": each.opened_at.isoformat(),
            }
            for each in news.alerts
        ],
    }


def trial_payload(row: AlertSubscription, *, now: datetime) -> dict[str, Any]:
    """A message that tells of nothing."""
    return {"subscription": row.public_id, "test": True, "at": now.isoformat()}


def webhook_body(payload: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The body for a webhook, as docs/notices.md has it."""
    data = {"subscription": payload["subscription"]}
    if payload.get("test"):
        return {"type": TEST, "timestamp": payload["at"], "data": data}
    alerts = [{**alert, "url": _alert_url(base_url, alert["alert_id"])} for alert in payload["alerts"]]
    figures = {name: payload[name] for name in ("count", "amount_fen", "by_code")}
    kind = OPENED if payload["cadence"] == Cadence.AT_ONCE else DIGEST
    return {"type": kind, "timestamp": payload["at"], "data": {**data, **figures, "alerts": alerts}}


def subject_of(payload: Mapping[str, Any], language: str) -> str:
    """Subject of a letter."""
    subjects = SUBJECTS[language]
    if payload.get("test"):
        return subjects["test"]
    cadence = str(payload["cadence"])
    if cadence == Cadence.AT_ONCE and payload["count"] == 1:
        return subjects["one"].format(title=alert_title_in(payload["alerts"][0]["code"], language))
    return subjects[cadence].format(count=f"{payload['count']:,}", amount=yuan(payload["amount_fen"]))


def text_of(payload: Mapping[str, Any], language: str, base_url: str) -> str:
    """Text of a letter, in lines that any mail program shows as they are."""
    words = WORDS[language]
    manage = words["manage"].format(url=f"{base_url}/desk/notices")
    if payload.get("test"):
        return "\n".join((words["test"], "", manage, ""))
    lines = [words["total"].format(count=f"{payload['count']:,}", amount=yuan(payload["amount_fen"]))]
    if len(payload["by_code"]) > 1:
        lines += ["", words["by_kind"], *(f"- {_line(words['kind'], each, language)}" for each in payload["by_code"])]
    lines += ["", *_named(payload["alerts"], payload["count"], language, base_url), "", manage, ""]
    return "\n".join(lines)


def _named(alerts: Sequence[Mapping[str, Any]], count: int, language: str, base_url: str) -> list[str]:
    words, left = WORDS[language], count - len(alerts)
    lines = [words["first"].format(number=len(alerts)) if left > 0 else words["all"]]
    for number, alert in enumerate(alerts, 1):
        lines += [f"{number}. {_line(words['alert'], alert, language)}", f"   {_alert_url(base_url, alert['alert_id'])}"]
    if left > 0:
        lines += ["", words["more"].format(number=f"{left:,}", url=f"{base_url}/desk/alerts")]
    return lines


def _line(pattern: str, each: Mapping[str, Any], language: str) -> str:
    values = {"region": each.get("region_code", ""), "count": f"{each.get('count', 1):,}", "amount": yuan(each["amount_fen"])}
    return pattern.format(title=alert_title_in(each["code"], language), **values)


def _alert_url(base_url: str, alert_id: str) -> str:
    return f"{base_url}/desk/alerts/{alert_id}"
