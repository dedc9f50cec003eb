"""What refusals say on pages."""

import re

import pytest

from api.desk.refusal_words import REFUSALS
from api.web.problems import CATALOGUE


@pytest.mark.parametrize("slug", REFUSALS)
def test_a_refusal_is_said_without_what_only_programs_read(slug: str) -> None:
    """No header, route, setting or name of a field."""
    assert slug in CATALOGUE
    for sentence in REFUSALS[slug]:
        assert re.findall(r"[A-Z][a-z]+-[A-Z]|ETag|VIVIER_|[A-Z]{4}|/|`", sentence) == []
