"""The section [privacy] of the policy: who handles the data, by when people are answered, when the filing is due."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class PrivacyPolicy(Section):
    """Rules for people's rights over their own data.

    handler, officer, officer_contact: of the agency that runs the installation, for the papers; empty ones are printed as not stated.
    answer_days: calendar days in which a request is answered. copies_a_day: of a person's own data. wish_characters: of what somebody
    wants corrected. filing_people: people whose faces are held from which the authority is told, within filing_weekdays, Monday to
    Friday. retention_gap_days: if more days than this lie between two runs of deletion, the clock is not believed and nothing is deleted
    until an operator confirms the day. run_days_kept: reports of runs of deletion. requests_days_kept: answered requests, after the answer.
    """

    handler: str = Field(max_length=200)
    officer: str = Field(max_length=200)
    officer_contact: str = Field(max_length=200)
    answer_days: int = Field(ge=1, le=30)
    copies_a_day: int = Field(ge=1, le=100)
    wish_characters: int = Field(ge=50, le=2000)
    filing_people: int = Field(ge=1)
    filing_weekdays: int = Field(ge=1, le=30)
    retention_gap_days: int = Field(ge=1, le=60)
    run_days_kept: int = Field(ge=180)
    requests_days_kept: int = Field(ge=180)
