"""What the tests of notices share: the reference data, and notices read as needs."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.reference import cpv, territory
from sources.notices.need_of_notice import NoticeNeed, need_in_record, need_in_xml

ReadXml = Callable[[bytes], NoticeNeed]
ReadRecord = Callable[[dict[str, Any]], NoticeNeed]


@pytest.fixture(scope="session")
def read_xml() -> ReadXml:
    return lambda raw: need_in_xml(raw, territory.load(), cpv.load())


@pytest.fixture(scope="session")
def read_record() -> ReadRecord:
    return lambda document: need_in_record(document, territory.load(), cpv.load())


def noted(read: NoticeNeed) -> list[str]:
    """What was said of the notice, besides what a need has no place for, in French."""
    return [each.detail.fr for each in read.unread if not each.expected]
