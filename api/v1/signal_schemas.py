"""What goes in and out of the doors of alerts and signals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from api.v1.schemas import Answer, Count, Request
from models.alert import AlertSeverity, AlertState
from models.detection import SubjectKind
from models.enrolment import Scheme

Cursor = Annotated[str, Field(pattern=r"^[0-9A-V]{1,64}$", description="opaque; as an answer gave it")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$", description="of a rule, such as D1, or the name of what was noticed")]
FEN_MAX = 10**15


class AlertsQuery(Request):
    """Which alerts, and from where on."""

    state: AlertState | None = Field(None, description="without it those that are not closed")
    code: Code | None = Field(None, description="of the alert, or of a standing signal behind it")
    severity: AlertSeverity | None = Field(None, description="of the worst signal")
    region_code: str | None = Field(None, pattern=r"^[0-9]{6}$", description="this region and all inside it")
    amount_fen_min: int = Field(0, ge=0, le=FEN_MAX, description="money at risk, at least")
    cursor: Cursor | None = Field(None, description="next_cursor of the last answer")
    limit: int = Field(100, ge=1, le=1000, description="a page")


class SignalsQuery(Request):
    """Which signals, and from where on."""

    code: Code | None = Field(None, description="of one rule only")
    cursor: Cursor | None = Field(None, description="next_cursor of the last answer; without it from the first signal on")
    limit: int = Field(500, ge=1, le=1000, description="a page")


class Bilingual(Answer):
    """A text in both languages."""

    en: str
    zh: str


class SentencesAnswer(Answer):
    """Sentences in both languages."""

    en: tuple[str, ...]
    zh: tuple[str, ...]


class AlertAnswer(Answer):
    """One alert. person_id: null for what is about no person. signals: codes of the standing signals behind it.

    priority: higher is to be looked at sooner; null for an alert without signals.
    """

    alert_id: str
    code: str
    severity: AlertSeverity
    state: AlertState
    person_id: str | None
    region_code: str
    amount_fen: Count | None
    priority: float | None
    signals: tuple[str, ...]
    opened_at: datetime
    updated_at: datetime | None


class AlertsAnswer(Answer):
    """One page, the highest priority first. next_cursor: null on the last page."""

    alerts: tuple[AlertAnswer, ...]
    next_cursor: str | None


class SignalAnswer(Answer):
    """One signal as it is now. from_month, to_month: first days, inclusive; months: how many of them count. confidence: 0 to 1.

    sentences: they name the records and values. facts: the same as data. vanished_at: when a run no longer found it.
    """

    signal_id: str
    alert_id: str | None
    code: str
    title: Bilingual
    severity: AlertSeverity
    confidence: float = Field(ge=0, le=1)
    subject_kind: SubjectKind
    person_id: str | None
    subject_ref: str | None
    region_code: str
    from_month: date | None
    to_month: date | None
    months: Count
    amount_fen: Count
    sentences: SentencesAnswer
    facts: dict[str, Any]
    first_seen_at: datetime
    changed_at: datetime
    vanished_at: datetime | None
    vanished_reason: str | None


class SignalRecordAnswer(Answer):
    """One record that led to a signal. kind: what it is; role: in the finding. on, until: first and last day or month."""

    kind: str
    role: str
    person_id: str
    code: str | None
    on: date | None
    until: date | None
    scheme: Scheme | None
    region_code: str | None
    amount_fen: Count | None
    source: str | None
    strength: str | None


class SignalWithRecordsAnswer(SignalAnswer):
    """One signal with the records behind it. records_elsewhere: of persons out of the caller's region, or beyond the first 300."""

    explanation: Bilingual | None
    records: tuple[SignalRecordAnswer, ...]
    records_elsewhere: Count


class WholeAlertAnswer(AlertAnswer):
    """One alert with every signal behind it, vanished ones too."""

    closed_at: datetime | None
    findings: tuple[SignalWithRecordsAnswer, ...]


class SignalsAnswer(Answer):
    """One page, in the order of the last change. more: ask again at once; otherwise later, with the same next_cursor."""

    signals: tuple[SignalAnswer, ...]
    next_cursor: str
    more: bool
