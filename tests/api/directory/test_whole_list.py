"""The whole list as a file: whoever is slow to receive it."""

from datetime import date
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from api.directory import whole_list as module
from api.directory.search import Find
from api.runtime.concurrency_limit import ConcurrencyLimit
from api.web.content_negotiation import GEOJSON


async def test_who_is_slow_to_receive_a_file_takes_a_place_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "feature", lambda supplier: supplier)
    exports, organisation = ConcurrencyLimit(at_once=1, of_one=1, most=5), UUID(int=1)

    async def find(after: UUID | None, limit: int) -> Any:
        return ([1], UUID(int=2) if after is None else None)

    services = SimpleNamespace(exports=exports, today=lambda: date(2026, 11, 24))
    bearer = SimpleNamespace(organisation_id=organisation)
    call = cast("Any", SimpleNamespace(services=services, bearer=bearer, media_type=GEOJSON, csv=None))
    parts = cast("Any", (await module.whole_list(call, cast("Find", find), None)).iterator)
    assert await anext(parts) == b'{"type":"FeatureCollection","features":[1'
    assert (exports._all.locked(), exports.present) == (False, {str(organisation): 1})
    assert [part async for part in parts] == [b",1", b"]}"]
    assert exports.present == {}
