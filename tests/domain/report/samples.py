"""Facts as small as can be, and the report made of them."""

from datetime import UTC, datetime
from typing import Any

from domain.law import rules
from domain.meetings.meeting import FollowUp, Participant
from domain.needs.status import StoredNeed
from domain.reference import territory
from domain.report.build import ReportFacts, ReportWriter
from domain.report.model import Report
from domain.shortlists.version import FrozenShortlist
from domain.text.bilingual import Language
from tests.domain.equal_treatment.samples import NEED, frozen, meeting
from tests.domain.exchanges.samples import NOW, supplier

MADE = datetime(2026, 11, 24, 15, tzinfo=UTC)
MET = meeting(
    2,
    "AB",
    participants=(
        Participant("buyer", name="Anne Le Goff", organisation="Mairie", invited_at=NOW),
        Participant("supplier", supplier("A")),
    ),
    minutes="Anne Le Goff a tout noté",
    follow_ups=(FollowUp("Rappeler Mme Le Goff", "Anne Le Goff"),),
    status="held",
)


def facts(version: FrozenShortlist | None = None, **fields: Any) -> ReportFacts:
    version = version or frozen({"1": "ABC"}, ())
    need = StoredNeed(
        id=NEED, status="sourcing", version=1, content=version.need, shortlists=2, created_at=NOW, updated_at=NOW
    )
    usual = {"exchanges": (), "meetings": (), "awards": (), "earlier": (), "directory": {}, "organisation": "Mairie"}
    return ReportFacts(need=need, version=version, **usual | fields)


def made(known: ReportFacts, *, redacted: bool = False, language: Language = "fr") -> Report:
    return ReportWriter(known, territory.load(), language, redacted=redacted).report(rules.load(), MADE)
