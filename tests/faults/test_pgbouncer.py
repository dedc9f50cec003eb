"""Servers behind PgBouncer in transaction mode, with a connection of their own to listen on."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.api.commands.conftest import Server, decoded, until
from tests.conftest import open_folder
from tests.faults.postgres import Cluster, free_port

OFFERS = [{"segments": ["pr-locaux"]}]
ROWS = b"\n".join(
    json.dumps({"external_id": str(number), "name": f"Atelier {number}", "offers": OFFERS}).encode()
    for number in range(500)
)
NDJSON = {"Content-Type": "application/x-ndjson"}
NEED = {
    "territory": {"codes": ["departement:56"]},
    "lots": [{"id": "1", "segments": ["pr-locaux"]}],
    "reference": "PG",
}


class Bouncer(NamedTuple):
    """A running PgBouncer, and the address of the database through it."""

    url: str
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def bouncer(cluster: Cluster) -> Iterator[Bouncer]:
    """PgBouncer before the cluster's primary; its program is named by PGBOUNCER, or on the search path."""
    program = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not on the search path, nor named by PGBOUNCER")
    port = free_port()
    with open_folder() as folder:
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.primary.port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\nauth_type=any\n"
            f"pool_mode=transaction\n"
            "default_pool_size=5\nmax_prepared_statements=100\nlogfile=\npidfile=\n"
        )
        log = (folder / "log").open("wb")
        process = subprocess.Popen(
            [program, str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user="nobody" if os.geteuid() == 0 else None,
        )
        try:
            yield Bouncer(f"postgresql://postgres@127.0.0.1:{port}/postgres", process)
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            process.wait()
            log.close()


def behind(bouncer: Bouncer, cluster: Cluster, start: Callable[..., Server]) -> Server:
    """A server of two workers that listens past PgBouncer, ready."""
    more = {"DATABASE_URL": bouncer.url, "VIVIER_LISTEN_URL": cluster.url(), "VIVIER_JOURNAL_KEY": "A" * 43 + "="}
    return start("--workers", "2", VIVIER_DATABASE_SECONDS="2", **more).ready()


def test_everything_works_through_it_but_listening(
    cluster: Cluster, bouncer: Bouncer, start: Callable[..., Server]
) -> None:
    """Imports with their temporary tables, single records, needs, the feed, migrations: all in few sessions."""
    server = behind(bouncer, cluster, start)
    done = server.ask("POST", "/sources/reseau/imports", ROWS, **NDJSON)
    assert (done.status, decoded(done)["added"]) == (200, 500), done.body
    version = decoded(done)["data_version"]
    with ThreadPoolExecutor(16) as clients:
        found = clients.map(lambda number: server.ask("GET", f"/sources/reseau/suppliers/{number}").status, range(100))
        assert set(found) == {200}
        kept = list(clients.map(lambda _: server.ask("POST", "/needs", json.dumps(NEED).encode()), range(10)))
    assert {answer.status for answer in kept} == {201}
    until(lambda: decoded(server.ask("POST", "/match", json.dumps(NEED).encode()))["stamp"]["data_version"] == version)
    again = server.ask("POST", "/sources/reseau/imports?mode=snapshot", ROWS, **NDJSON)
    assert decoded(again)["unchanged"] == 500
    need = decoded(kept[0])["need"]["id"]
    assert server.ask("GET", f"/needs/{need}/report").status == 200
    assert server.ask("GET", "/suppliers/changes?limit=200").status == 200
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    assert int(cluster.sql(cluster.primary, sessions)) <= 5 + 2


def test_one_that_hangs_is_an_absent_database(cluster: Cluster, bouncer: Bouncer, start: Callable[..., Server]) -> None:
    """Though the database itself answers who listens."""
    server = behind(bouncer, cluster, start)
    record = b'{"name":"Atelier"}'
    assert server.ask("PUT", "/sources/reseau/suppliers/1", record).status == 201
    bouncer.process.send_signal(signal.SIGSTOP)
    refused = server.ask("PUT", "/sources/reseau/suppliers/2", record)
    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    assert server.ask("POST", "/match", json.dumps(NEED).encode()).status == 200
    bouncer.process.send_signal(signal.SIGCONT)
    until(lambda: server.ask("PUT", "/sources/reseau/suppliers/2", record).status == 201)
