"""What operators start from: its names are those that the program knows, and nothing gets more rights than it needs.

Programs that check such files are used where they are installed: haproxy, promtool, hadolint, kubernetes-validate,
check-jsonschema. The image is looked at as far as its recipe tells.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # read here only, as plain data
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dockerfile_parse import DockerfileParser

from api.app import ROUTES
from api.runtime.metrics import Metrics
from api.settings import VARIABLES
from matching.index.trade_groups import TradeGroup
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
MONITORING = (DEPLOY / "monitoring/alerts.yaml", DEPLOY / "monitoring/dashboard.json")
# read by uvicorn
OF_LIBRARIES = {"FORWARDED_ALLOW_IPS"}


def kubernetes(kind: str) -> list[Any]:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [each for file in files for each in yaml.safe_load_all(file.read_text()) if each["kind"] == kind]


def compose() -> Mapping[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"])


def ours() -> Iterator[Any]:
    """The pods of Kubernetes."""
    yield from (each["spec"]["template"]["spec"] for kind in ("Deployment", "Job") for each in kubernetes(kind))


def program(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"{name} is not installed")


def test_every_variable_is_a_setting() -> None:
    (settings,) = kubernetes("ConfigMap")
    servers = [service["environment"] for service in compose().values() if service["image"] == "vivier"]
    given = {name for each in (settings["data"], *servers) for name in each}
    assert given <= {*VARIABLES, *OF_LIBRARIES}
    assert given >= {"DATABASE_URL", "VIVIER_PUBLIC_URL", "VIVIER_JOURNAL_KEY"}


def test_what_is_probed_is_a_route() -> None:
    paths = {handler.opt["route"].path for handler in ROUTES if "route" in handler.opt}
    set_up = (item for pod in ours() for item in pod["containers"][0].items())
    probed = {probe["httpGet"]["path"] for name, probe in set_up if name.endswith("Probe")}
    checked = re.findall(r"httpchk GET (\S+)", (DEPLOY / "compose/haproxy.cfg").read_text())
    assert probed == {"/health/live", "/health/ready"}
    assert {*probed, *checked} <= paths


def test_nothing_of_ours_has_rights_or_writes_to_its_image() -> None:
    for pod in ours():
        (container,) = pod["containers"]
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert container["resources"]["limits"]["memory"]
    for name, service in compose().items():
        if name != "database":
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert not service.get("privileged"), name


def test_who_stops_has_the_time_to_end_its_requests() -> None:
    """The balancer is told first, then requests have their grace, and the rest of a server seven seconds at most."""
    (servers,), (settings,) = kubernetes("Deployment"), kubernetes("ConfigMap")
    pod = servers["spec"]["template"]["spec"]
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = int(settings["data"]["VIVIER_GRACE_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= before + grace + 7
    server = compose()["server-1"]
    assert int(server["stop_grace_period"].rstrip("s")) >= int(server["environment"]["VIVIER_GRACE_SECONDS"]) + 7


@pytest.mark.parametrize(
    ("checker", "words", "files"),
    [
        ("kubernetes-validate", "--strict", "deploy/kubernetes/*.yaml"),
        ("check-jsonschema", "--builtin-schema vendor.compose-spec", "deploy/compose/compose.yaml"),
        ("promtool", "check rules", "deploy/monitoring/alerts.yaml"),
        ("hadolint", "--failure-threshold warning", "Dockerfile"),
    ],
)
def test_files_are_as_their_schemas_and_rules_have_them(checker: str, words: str, files: str) -> None:
    command = [program(checker), *words.split(), *map(str, sorted(ROOT.glob(files)))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_and_the_budget_are_of_the_servers() -> None:
    (servers,), (service,), (budget,) = map(kubernetes, ("Deployment", "Service", "PodDisruptionBudget"))
    labels = servers["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert servers["spec"]["replicas"] > budget["spec"]["maxUnavailable"]


@pytest.mark.parametrize("file", MONITORING, ids=lambda path: path.name)
def test_every_metric_that_is_watched_is_exposed(file: Path) -> None:
    metrics = Metrics()
    metrics.count_request("GET", "/health/live", 200, 0.001)
    exposed = metrics.exposition({TradeGroup(("a",), ("ACI",), "register"): 1}).decode()
    watched = set(re.findall(r"\bvivier_[a-z_]+", file.read_text()))
    assert watched
    assert {name for name in watched if not re.search(rf"^{name}\b", exposed, re.MULTILINE)} == set()


def test_the_dashboards_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in json.loads(MONITORING[1].read_text())["panels"]]
    cells = [(at["x"] + x, at["y"] + y) for at in places for x in range(at["w"]) for y in range(at["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_proxy_reads_its_configuration(tmp_path: Path) -> None:
    proxy = program("haproxy")
    written = (DEPLOY / "compose/haproxy.cfg").read_text().replace("/usr/local/etc/haproxy", str(tmp_path))
    (tmp_path / "haproxy.cfg").write_text(written)
    (tmp_path / "certificate.pem").write_bytes(certificate())
    done = subprocess.run([proxy, "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def certificate() -> bytes:
    """One that nobody but this proxy knows, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    serial = x509.random_serial_number()
    made = x509.CertificateBuilder(name, name, key.public_key(), serial).not_valid_before(now)
    signed = made.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


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


def test_the_volumes_of_servers_belong_to_its_user(stages: list[list[Step]]) -> None:
    """A named volume takes the owner of the image's folder; without one it would be root's, and the index be lost."""
    (made,) = (value for value in values(stages[-1], "RUN") if "--owner=10001 --group=10001" in value)
    mounted = {
        volume.split(":")[1] for name, each in compose().items() if "server" in name for volume in each["volumes"]
    }
    assert mounted <= set(made.split())
    assert values(stages[-1], "USER") == ["10001:10001"]


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
