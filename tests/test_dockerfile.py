"""The image, as far as its recipe tells."""

import json
import re
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser

from tests.conftest import ROOT

Step = dict[str, Any]


@pytest.fixture(scope="module")
def stages() -> list[list[Step]]:
    """The instructions of each stage, in order."""
    stages: list[list[Step]] = []
    for step in DockerfileParser(str(ROOT / "Dockerfile")).structure:
        if step["instruction"] == "FROM":
            stages.append([])
        if stages and step["instruction"] != "COMMENT":
            stages[-1].append(step)
    return stages


def values(stage: list[Step], instruction: str) -> list[str]:
    return [step["value"] for step in stage if step["instruction"] == instruction]


def test_every_stage_starts_from_the_same_numbered_python(stages: list[list[Step]]) -> None:
    """By its digest, with the tag in sight; an operator may name another."""
    bases = {values(stage, "FROM")[0].split()[0] for stage in stages}
    assert len(stages) > 1
    assert bases == {"${BASE}"}
    (usual,) = (
        step["value"] for step in DockerfileParser(str(ROOT / "Dockerfile")).structure if step["instruction"] == "ARG"
    )
    assert re.fullmatch(r"BASE=python:3\.\d+-slim@sha256:[0-9a-f]{64}", usual)


def test_it_runs_vivier_as_a_user_without_rights(stages: list[list[Step]]) -> None:
    final = stages[-1]
    user, group = values(final, "USER")[-1].split(":")
    assert int(user) >= 10_000
    assert int(group) >= 10_000
    assert json.loads(values(final, "ENTRYPOINT")[-1]) == ["vivier"]
    after_user = [step["instruction"] for step in final[[step["instruction"] for step in final].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after_user)


def test_its_health_is_whether_it_is_ready_on_the_port_it_serves(stages: list[list[Step]]) -> None:
    final = stages[-1]
    (check,) = values(final, "HEALTHCHECK")
    (port,) = values(final, "EXPOSE")
    served = json.loads(values(final, "CMD")[-1])
    assert served[served.index("--port") + 1] == port
    assert f"'127.0.0.1', {port}" in check
    assert "/health/ready" in check
    compile(json.loads(check[check.index("[") :])[2], "HEALTHCHECK", "exec")


def test_it_is_built_from_the_lock_and_holds_no_database(stages: list[list[Step]]) -> None:
    building = " ".join(values(stages[0], "RUN"))
    assert "--require-hashes" in building
    assert "--no-index" in building
    everything = " ".join(step["content"] for stage in stages for step in stage)
    assert "embedded" not in everything
    assert "http" not in everything.replace("http.client", "")


def test_what_it_copies_exists_and_is_sent_to_the_builder(stages: list[list[Step]]) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for stage in stages:
        for copy in values(stage, "COPY"):
            sources = copy.split()[:-1]
            if not sources[0].startswith("--from="):
                assert all((ROOT / source).exists() for source in sources), copy
                assert all(f"!{source}" in ignored for source in sources), copy
