"""Reports are measured in each of their forms."""

from bench.serving.reports import measure
from tests.factories import reference


def test_each_form_has_its_time_and_size() -> None:
    (found,) = measure(reference(), (2,)).values()
    assert found["pdf"]["kb"] > found["data"]["kb"] > 0
    assert found["page"]["s"] > 0
