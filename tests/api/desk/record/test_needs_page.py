"""A need takes from its form what that says otherwise, and keeps what no field of it says."""

from typing import Any

import msgspec
import pytest

from api.desk.need.need_form import NeedForm, form_of_need
from api.desk.need.understood_need import understand
from api.desk.record.needs_page import taken_over
from api.needs.edit_need import NeedChange, NeedDocument, need_document
from domain.needs.need import NeedAndProcedure, PlannedNeed
from matching.reference import Reference
from tests.api.desk.need.test_need_form import NEED
from tests.domain.needs.test_status import need


@pytest.fixture
def stored() -> NeedDocument:
    """A need with a limit, a description and words, of which the form has no field."""
    said: dict[str, Any] = NEED | {"limit": 37, "description": "Les parcs", "planned_publication_on": "2027-03-01"}
    return need_document(need("draft", msgspec.convert(said, PlannedNeed)))


def saved(stored: NeedDocument, form: NeedForm, reference: Reference) -> NeedChange:
    said = understand(form, reference).need
    assert isinstance(said, NeedAndProcedure)
    return taken_over(stored, said, reference)


def test_a_form_sent_as_it_was_shown_changes_nothing(stored: NeedDocument, reference: Reference) -> None:
    after = saved(stored, form_of_need(stored, keep_ids=True), reference)
    assert msgspec.to_builtins(after) == msgspec.to_builtins(stored)


def test_one_field_that_is_said_otherwise_is_another(stored: NeedDocument, reference: Reference) -> None:
    form = form_of_need(stored, keep_ids=True)
    after = saved(stored, msgspec.structs.replace(form, title="Parcs et jardins"), reference)
    expected = msgspec.structs.replace(stored, title="Parcs et jardins")
    assert msgspec.to_builtins(after) == msgspec.to_builtins(expected)
    assert (after.limit, after.description) == (37, "Les parcs")
