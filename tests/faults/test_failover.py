"""The primary dies or hangs: nothing acknowledged is lost, nobody is answered 500, no server is restarted.

Also behind PgBouncer in transaction mode, with a connection of its own to listen on.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, NamedTuple

import pytest

from tests.api.commands.conftest import Answer, Server, decoded, until
from tests.conftest import open_folder
from tests.faults.postgres import Cluster, free_port, workers_of

Start = Callable[..., Server]
JOURNAL_KEY = "A" * 43 + "="
WRITERS_OF_A_SERVER = 3
OFFER = {"segments": ["pr-locaux"], "service_area": {"national": True}}
SUPPLIER = json.dumps({"name": "Atelier", "offers": [OFFER]}).encode()
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = 'postgres'"
NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","segments":["pr-locaux"]}]}'


class Writers:
    """Threads that write one record after the other, and what they were answered."""

    def __init__(self, servers: list[Server]) -> None:
        self._servers, self._numbers, self._stopping = servers, itertools.count(), threading.Event()
        self.acknowledged: list[str] = []
        self.refused: list[tuple[int, str | None]] = []
        self.failures: list[Exception] = []

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write as long as the block runs."""
        threads = [
            threading.Thread(target=self._write, args=(server, str(number)))
            for server in self._servers
            for number in range(WRITERS_OF_A_SERVER)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def _write(self, server: Server, writer: str) -> None:
        source = f"{server.home.name}-{writer}"
        while not self._stopping.is_set():
            external_id = str(next(self._numbers))
            try:
                answer = server.ask("PUT", f"/sources/{source}/suppliers/{external_id}", SUPPLIER)
            except (OSError, HTTPException) as failure:
                self.failures.append(failure)
                continue
            if answer.status < 300:
                self.acknowledged.append(f"/sources/{source}/suppliers/{external_id}")
            else:
                self.refused.append((answer.status, answer.headers.get("retry-after")))

    def more(self, count: int = 20) -> Callable[[], bool]:
        """A function that tells whether so many more have been acknowledged since now."""
        before = len(self.acknowledged)
        return lambda: len(self.acknowledged) >= before + count


def started(cluster: Cluster, start: Start, count: int = 2, **more: str) -> list[Server]:
    """Servers of two workers on the same cluster, ready."""
    usual = {"DATABASE_URL": cluster.url(), "VIVIER_JOURNAL_KEY": JOURNAL_KEY, "VIVIER_DATABASE_SECONDS": "2"}
    servers = [start("--workers", "2", **usual | more) for _ in range(count)]
    return [server.ready() for server in servers]


def check(writers: Writers, servers: list[Server]) -> None:
    """Nothing was lost, and whoever was refused was told to come back."""
    assert writers.failures == []
    assert {status for status, _ in writers.refused} <= {503}
    assert all(retry_after for _, retry_after in writers.refused)
    for path in writers.acknowledged:
        assert servers[0].ask("GET", path).status == 200, path
    newest = max(decoded(server.ask("GET", "/health/ready"))["data_version"] for server in servers)
    for server in servers:
        until(lambda server=server: data_version(server) >= newest)  # type: ignore[misc]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_a_standby_takes_over_from_a_primary_that_is_gone(cluster: Cluster, start: Start, end: signal.Signals) -> None:
    cluster.start_standby()
    servers = started(cluster, start)
    writers = Writers(servers)
    with writers.writing():
        until(writers.more())
        cluster.primary.signal(end)
        until(lambda: bool(writers.refused))
        assert [server.ask("POST", "/match", NEED).status for server in servers] == [200, 200]
        cluster.promote()
        until(writers.more())
        cluster.primary.signal(signal.SIGKILL)
    check(writers, servers)


def test_a_former_primary_that_comes_back_is_written_to_by_nobody(cluster: Cluster, start: Start) -> None:
    """Though it takes writes, and is named first: not by workers that start now, nor by a new server."""
    cluster.start_standby(every_commit_waits=False)
    address, former = cluster.url(), cluster.primary
    (server,) = started(cluster, start, 1)
    former.signal(signal.SIGKILL)
    cluster.promote()
    until(lambda: server.ask("PUT", "/sources/a/suppliers/1", SUPPLIER).status == 201)
    cluster.start_again(former)
    for worker in workers_of(server):
        os.kill(worker, signal.SIGKILL)
    server.ready()
    (other,) = started(cluster, start, 1, DATABASE_URL=address)
    for number, each in enumerate((server, other) * 4):
        until(lambda each=each, at=f"/sources/b/suppliers/{number}": each.ask("PUT", at, SUPPLIER).status < 300)  # type: ignore[misc]
    for node in cluster.nodes:
        written = cluster.sql(node, "SELECT count(*) FROM records WHERE source = 'b'")
        assert written == ("0" if node.port == former.port else "8")


def test_changes_that_a_standby_lacked_are_forgotten_by_all(cluster: Cluster, start: Start) -> None:
    """Neither servers that had matched them nor readers of the feed take other changes of the same numbers for them."""
    cluster.start_standby(every_commit_waits=False)
    servers = started(cluster, start)
    first = put(servers[0], "1", "avant")
    until(lambda: cluster.sql(cluster.standby, "SELECT version FROM directory_version") == str(first))
    cluster.standby.signal(signal.SIGKILL)
    lost = put(servers[0], "2", "perdu")
    for server in servers:
        until(lambda server=server: data_version(server) == lost)  # type: ignore[misc]
    cursor = decoded(servers[0].ask("GET", "/suppliers/changes"))["next_cursor"]
    cluster.primary.signal(signal.SIGKILL)
    cluster.start_again(cluster.standby)
    cluster.promote()
    until(lambda: servers[0].ask("GET", "/suppliers").status == 200)
    assert put(servers[0], "3", "après") == lost
    for server in servers:
        until(lambda server=server: matched_names(server) == ["après", "avant"])  # type: ignore[misc]
        refused = server.ask("GET", f"/suppliers/changes?cursor={cursor}")
        assert refused.status == 400
        assert [error["code"] for error in decoded(refused)["errors"]] == ["other_history"]


def test_indexes_are_read_from_a_standby_and_are_no_older_for_that(cluster: Cluster, start: Start) -> None:
    """It lags behind, then it is gone."""
    cluster.start_standby(every_commit_waits=False)
    (writer,) = started(cluster, start, 1)
    first = put(writer, "1", "avant")
    until(lambda: cluster.sql(cluster.standby, "SELECT version FROM directory_version") == str(first))
    cluster.sql(cluster.standby, "SELECT pg_wal_replay_pause()")
    put(writer, "2", "depuis")
    read_before = int(cluster.sql(cluster.standby, SESSIONS))
    copy = cluster.url(cluster.standby)
    assert matched_names(*started(cluster, start, 1, VIVIER_READ_URL=copy)) == ["avant", "depuis"]
    assert int(cluster.sql(cluster.standby, SESSIONS)) > read_before + 1  # psql's own
    cluster.standby.signal(signal.SIGKILL)
    assert matched_names(*started(cluster, start, 1, VIVIER_READ_URL=copy)) == ["avant", "depuis"]


def put(server: Server, external_id: str, name: str) -> int:
    """The version of the directory that holds a supplier of that name."""
    answer = server.ask("PUT", f"/sources/reseau/suppliers/{external_id}", SUPPLIER.replace(b"Atelier", name.encode()))
    assert answer.status == 201, answer.body
    version: int = decoded(answer)["data_version"]
    return version


def matched(server: Server) -> Any:
    """The answer to a need of one of the workers, each of which is ready when it has the directory, not before."""
    answers: list[Answer] = []

    def is_answered() -> bool:
        answers.append(server.ask("POST", "/match", NEED))
        return answers[-1].status == 200

    until(is_answered)
    return decoded(answers[-1])


def data_version(server: Server) -> int:
    """The version that the server, or one of its workers, matches."""
    version: int = matched(server)["stamp"]["data_version"]
    return version


def matched_names(server: Server) -> list[str]:
    """The names of the candidates; in a few requests each worker is asked."""
    found = [matched(server)["lots"][0]["candidates"] for _ in range(4)]
    return sorted({each["supplier"]["name"] for candidates in found for each in candidates})


def test_a_database_that_hangs_for_a_while_is_found_again(cluster: Cluster, start: Start) -> None:
    """Without another to take over: who writes is refused meanwhile, and who only matches notices nothing."""
    servers = started(cluster, start)
    writers = Writers(servers)
    with writers.writing():
        until(writers.more())
        cluster.primary.signal(signal.SIGSTOP)
        until(lambda: len(writers.refused) >= 2 * WRITERS_OF_A_SERVER)
        assert [server.ask("POST", "/match", NEED).status for server in servers] == [200, 200]
        until(lambda: [decoded(each.ask("GET", "/health/ready"))["database"] for each in servers] == ["away"] * 2)
        cluster.primary.signal(signal.SIGCONT)
        until(writers.more())
    check(writers, servers)


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


def behind(bouncer: Bouncer, cluster: Cluster, start: Start) -> Server:
    """A server that listens past PgBouncer, ready."""
    (server,) = started(cluster, start, 1, DATABASE_URL=bouncer.url, VIVIER_LISTEN_URL=cluster.url())
    return server


def test_everything_works_through_it_but_listening(cluster: Cluster, bouncer: Bouncer, start: Start) -> None:
    """Imports with their temporary tables, single records, needs, the feed, migrations: all in few sessions."""
    server = behind(bouncer, cluster, start)
    rows = b"\n".join(
        json.dumps({"external_id": str(number), "name": f"Atelier {number}", "offers": [OFFER]}).encode()
        for number in range(500)
    )
    ndjson = {"Content-Type": "application/x-ndjson"}
    done = server.ask("POST", "/sources/reseau/imports", rows, **ndjson)
    assert (done.status, decoded(done)["added"]) == (200, 500), done.body
    version = decoded(done)["data_version"]
    with ThreadPoolExecutor(16) as clients:
        found = clients.map(lambda number: server.ask("GET", f"/sources/reseau/suppliers/{number}").status, range(100))
        assert set(found) == {200}
        kept = list(clients.map(lambda _: server.ask("POST", "/needs", NEED), range(10)))
    assert {answer.status for answer in kept} == {201}
    until(lambda: decoded(server.ask("POST", "/match", NEED))["stamp"]["data_version"] == version)
    again = server.ask("POST", "/sources/reseau/imports?mode=snapshot", rows, **ndjson)
    assert decoded(again)["unchanged"] == 500
    need = decoded(kept[0])["need"]["id"]
    assert server.ask("GET", f"/needs/{need}/report").status == 200
    assert server.ask("GET", "/suppliers/changes?limit=200").status == 200
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    assert int(cluster.sql(cluster.primary, sessions)) <= 5 + 2


def test_one_that_hangs_is_an_absent_database(cluster: Cluster, bouncer: Bouncer, start: Start) -> None:
    """Though the database itself answers who listens."""
    server = behind(bouncer, cluster, start)
    assert server.ask("PUT", "/sources/reseau/suppliers/1", SUPPLIER).status == 201
    bouncer.process.send_signal(signal.SIGSTOP)
    refused = server.ask("PUT", "/sources/reseau/suppliers/2", SUPPLIER)
    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    assert server.ask("POST", "/match", NEED).status == 200
    bouncer.process.send_signal(signal.SIGCONT)
    until(lambda: server.ask("PUT", "/sources/reseau/suppliers/2", SUPPLIER).status == 201)
