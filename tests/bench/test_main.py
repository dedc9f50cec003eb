"""The command measures a small pool on a real server, and keeps what it found."""

from pathlib import Path

import msgspec
import pytest

from bench.__main__ import main


def test_a_small_pool_is_measured_on_a_real_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--sizes", "200", "--only", "law,changes,search", "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    result = msgspec.json.decode(path.read_bytes())
    assert result["commit"]
    assert result["machine"]["cores"] > 0
    found = result["sizes"]["200"]
    search = found["search"]
    assert found["import"]["suppliers"] == 200
    assert found["changes"]["changes"] > 1
    assert search["warm"]["requests"] == 20
    assert search["warm"]["mean_bytes"] > 5_000
    assert search["load"]["mean_bytes"] == pytest.approx(search["ready_bytes"]["mean_bytes"], rel=0.01)
    assert 0 < search["share_of_ready_bytes"] < 2
    assert search["memory_mb"]["server"] > 50
    assert search["memory_mb"]["postgresql"] > 5
    assert min(each["together"] for each in result["law"]["us_a_lot"].values()) > 1
    assert path.with_suffix(".md").read_text() in capsys.readouterr().out


def test_it_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "searches"])
    assert "unknown: searches" in capsys.readouterr().err
