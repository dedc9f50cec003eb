"""What is measured is what it is called, and the needs it is measured on are varied, valid and never sent twice."""

from collections import Counter
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from bench.__main__ import main
from bench.matching import postgis
from bench.matching.allotment import LOTS, cases
from bench.needs import DENSE, KINDS, bodies, needs, other_segments
from bench.server import home, serving
from bench.serving import imports, purchases, reports
from bench.suppliers import PoolFile
from domain.allotment.allotment import AllotmentNeed
from domain.needs.need import Need
from tests.factories import reference

ROTATION = 200


def test_they_are_valid_and_of_all_kinds() -> None:
    asked = needs(ROTATION, 7, reference())
    assert Counter(each.kind for each in asked) == {kind: 10 * count for kind, count in Counter(KINDS).items()}
    for body in islice(bodies(asked), ROTATION):
        reference().reader.read(msgspec.json.decode(body, type=Need))
    segments = {segment for each in asked for lot in each.segments for segment in lot}
    assert segments == set(reference().taxonomy.segments)
    assert reference().reader.read(msgspec.json.decode(DENSE, type=Need))


def test_a_seed_says_which_and_no_body_is_sent_twice() -> None:
    asked = needs(20, 7, reference())
    assert asked == needs(20, 7, reference()) != needs(20, 8, reference())
    sent = [*islice(bodies(asked), 40), *islice(bodies(asked), 40)]
    assert len(set(sent)) == 80
    assert {msgspec.json.decode(body, type=Need).reference for body in sent[:20]} != {None}


def test_other_segments_leave_the_rest_as_it_is() -> None:
    asked = needs(20, 7, reference())
    others = other_segments(asked, 9, reference())
    assert [each.content["territory"] for each in others] == [each.content["territory"] for each in asked]
    assert [each.segments for each in others] != [each.segments for each in asked]


def test_each_need_has_twenty_lots_over_a_region() -> None:
    named = dict(cases(reference()))
    assert len(named) == 6
    for need in named.values():
        assert len(need.lots) == LOTS == 20
        assert need.territory is not None
        assert need.territory.codes == ("region:53",)
        assert msgspec.json.decode(msgspec.json.encode(need), type=AllotmentNeed) == need


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    found = postgis.measure(tmp_path / "nowhere", 10, needs(20, 7, reference()), 1, reference(), 0.0)
    assert "nowhere" in found["not_measured"]


def test_both_searches_find_suppliers_for_needs_of_every_kind() -> None:
    if not postgis.DEBIAN.is_dir():
        pytest.skip(f"no PostgreSQL 17 in {postgis.DEBIAN}")
    found = postgis.measure(None, 500, needs(len(KINDS), 7, reference()), 10, reference(), 0.0)
    if "not_measured" in found:
        pytest.skip(found["not_measured"])
    for search in ("plain", "lemarche"):
        assert found[search]["needs"] == len(KINDS)
        assert found[search]["rows_of_a_lot"]["max"] > 0


def test_each_import_takes_every_row(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.serving.imports.embedded.serve", lambda _: nullcontext(database_url))
    pool = PoolFile(tmp_path, 300, reference())
    found = imports.measure(pool.of(100), reference())
    assert {
        name: found[name]["rows"] for name in ("raw_copy", "new", "unchanged", "of_known_suppliers")
    } == dict.fromkeys(("raw_copy", "new", "unchanged", "of_known_suppliers"), 100)
    assert found["new"]["added"] == 100
    assert found["unchanged"]["added"] == 0
    assert found["share_of_raw_copy"] > 0


def test_each_form_has_its_time_and_size() -> None:
    (found,) = reports.measure(reference(), (2,)).values()
    assert found["pdf"]["kb"] > found["data"]["kb"] > 0
    assert found["page"]["s"] > 0


def test_a_small_pool_is_measured_on_a_real_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one for all that is measured, where a whole run has three; then a year of purchases, line by line."""
    with home() as folder, serving(folder) as server:
        for module in ("bench.__main__", "bench.serving.purchases"):
            monkeypatch.setattr(f"{module}.load_reference", reference)
            monkeypatch.setattr(f"{module}.home", lambda: nullcontext(folder))
            monkeypatch.setattr(f"{module}.serving", lambda *_, **__: nullcontext(server))
        assert main(["--quick", "--sizes", "200", "--only", "law,changes,search", "--out", str(tmp_path)]) == 0
        (path,) = tmp_path.glob("*.json")
        assert path.with_suffix(".md").read_text() in capsys.readouterr().out
        purchases.main(200, planned=20, payments=60)
    result = msgspec.json.decode(path.read_bytes())
    assert result["commit"]
    assert result["machine"]["cores"] > 0
    found = result["sizes"]["200"]
    search = found["search"]
    assert found["import"]["suppliers"] == 200
    assert found["changes"]["changes"] > 0
    assert search["warm"]["requests"] == 20
    assert search["warm"]["mean_bytes"] > 5_000
    assert search["load"]["mean_bytes"] == pytest.approx(search["ready_bytes"]["mean_bytes"], rel=0.01)
    assert search["share_of_ready_bytes"] > 0
    assert search["memory_mb"]["server"] > 50
    assert search["memory_mb"]["postgresql"] > 5
    assert min(each["together"] for each in result["law"]["us_a_lot"].values()) > 1
    told = capsys.readouterr().out
    assert "programme: 20 lines, 0 faulty" in told
    assert "spending: 60 lines, 0 faulty" in told
    assert "pool.zip: " in told


def test_it_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "searches"])
    assert "unknown: searches" in capsys.readouterr().err
