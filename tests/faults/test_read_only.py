"""A server without any right of the system, on a file system that it cannot write but for /tmp, as in `deploy/`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.api.commands.conftest import ADMIN_KEY, KEPT, VIVIER, until
from tests.conftest import ROOT
from tests.faults.postgres import Cluster, free_port

CONFINED = """
mount --make-rprivate / && mount -t tmpfs -o size=256m tmpfs /tmp && mount -o remount,ro,bind / /
! touch /usr/written 2>/dev/null || exit 9
cd / && exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
"""


@pytest.fixture
def port(cluster: Cluster) -> Iterator[int]:
    """The port of such a server."""
    confined = [*("unshare", "--mount", "sh", "-ec"), CONFINED, "sh"]
    if not (shutil.which("unshare") and shutil.which("setpriv") and os.geteuid() == 0):
        pytest.skip("nothing can be confined here: it takes root, unshare and setpriv")
    if subprocess.run([*confined, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount can be made here")
    if Path(sys.prefix).is_relative_to("/tmp"):
        pytest.skip("this checkout is in /tmp, which the server sees empty")
    port = free_port()
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    settings = {"VIVIER_HOME": "/tmp/vivier", "VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": cluster.url()}
    process = subprocess.Popen(
        [*confined, VIVIER, "serve", "--port", str(port), "--workers", "2"], env=kept | settings, cwd=ROOT
    )
    yield port
    process.terminate()
    assert process.wait(30) == 0


def test_it_serves(port: int) -> None:
    """It migrates, builds its index, takes an import and answers."""

    def ask(method: str, path: str, body: bytes | None = None, media: str = "application/json") -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": media})
            return connection.getresponse().status
        except OSError:  # not yet
            return 0
        finally:
            connection.close()

    until(lambda: ask("GET", "/health/ready") == 200)
    row = b'{"external_id":"1","name":"Atelier","offers":[{"segments":["pr-locaux"]}]}'
    assert ask("POST", "/sources/a/imports", row, "application/x-ndjson") == 200
    need = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","segments":["pr-locaux"]}]}'
    assert ask("POST", "/match", need) == 200
    assert ask("GET", "/metrics") == 200
