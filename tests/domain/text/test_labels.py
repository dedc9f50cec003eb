"""Every code that people may read has its words."""

from typing import Any, get_args

import pytest

from domain.exchanges.exchange import Barrier, Channel
from domain.law.review import OPTIONS
from domain.law.rules import Theme
from domain.meetings.meeting import Format, MeetingStatus, Role
from domain.needs.need import ContractKind, Nature, PlannedNeed, Procedure, Reserved, Technique
from domain.needs.status import Status
from domain.report.model import Variant
from domain.report.recipients import Position
from domain.report.summary import Standing
from domain.shortlists.frozen import DecisionCode
from domain.shortlists.shortlist import Confidence, Gate, Outcome, Severity, TensionLevel
from domain.suppliers.supplier import Kind, LegalForm
from domain.text import labels


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (Barrier, labels.BARRIERS),
        (Channel, labels.CHANNELS),
        (Confidence, labels.CONFIDENCES),
        (ContractKind, labels.CONTRACTS),
        (Format, labels.FORMATS),
        (Gate, labels.GATES),
        (Gate, labels.REFUSED_BY),
        (Kind, labels.KINDS),
        (LegalForm, labels.LEGAL_FORMS),
        (MeetingStatus, labels.MEETING_STATUSES),
        (Nature, labels.NATURES),
        (Outcome, labels.OUTCOMES),
        (Position, labels.POSITIONS),
        (Procedure, labels.PROCEDURES),
        (Role, labels.ROLES),
        (Severity, labels.SEVERITIES),
        (Standing, labels.STANDINGS),
        (Status, labels.STATUSES),
        (Technique, labels.TECHNIQUES),
        (TensionLevel, labels.TENSIONS),
        (Theme, labels.THEMES),
        (Variant, labels.VARIANTS),
        (DecisionCode, labels.DECISIONS),
    ],
)
def test_every_code_has_its_words(codes: Any, table: dict[str, Any]) -> None:
    assert table.keys() == set(get_args(codes))


def test_every_reservation_has_its_names() -> None:
    assert {*get_args(Reserved), "handicap_iae"} == labels.RESERVED.keys()
    assert set(OPTIONS) - {"none"} <= labels.RESERVED.keys()


def test_every_field_of_a_need_that_may_change_has_its_name() -> None:
    assert labels.NEED_FIELDS.keys() == set(PlannedNeed.__struct_fields__)
