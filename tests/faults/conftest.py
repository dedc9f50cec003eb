"""Real processes that fail: PostgreSQL with a standby, servers of two workers, PgBouncer.

Slow, so only `make test-all` runs them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.embedded.home import find_binaries, prepare_home
from tests.api.commands.conftest import Server
from tests.conftest import open_folder
from tests.faults.postgres import Cluster, program_folder

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests of this folder in quick runs."""
    if config.getoption("--hypothesis-profile") != "full":
        quick = pytest.mark.skip(reason="failing machines are tried in `make test-all`")
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(quick)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A running primary; skipped where its programs cannot make a standby."""
    with open_folder() as folder:
        home = prepare_home(folder)
        programs = find_binaries(program_folder(), home.account).folder
        if not (programs / "pg_basebackup").exists():
            pytest.skip(f"{programs} has no pg_basebackup")
        if not Path("/proc/self/cwd").exists():
            pytest.skip("without /proc the processes of a server cannot be found")
        cluster = Cluster(home, programs)
        try:
            cluster.start_primary()
            yield cluster
        finally:
            cluster.end()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Starts servers, each as if on a machine of its own."""
    with open_folder() as folder:
        started: list[Server] = []

        def start(*arguments: str, **more: str) -> Server:
            home = folder / str(len(started))
            home.mkdir()
            started.append(Server(home, *arguments, **more))
            return started[-1]

        yield start
        for server in started:
            server.close()
