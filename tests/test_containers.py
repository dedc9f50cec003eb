"""The tests' own database comes from a container where Docker answers: tried with a stand-in for its engine."""

import asyncpg
import pytest

from tests.conftest import container, docker_answers, open_folder
from tests.docker_engine import ID, docker_engine


async def test_a_database_in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by its socket, started, reached by the address that testcontainers tells, and removed at the end."""
    with open_folder() as folder, docker_engine(folder) as engine:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        monkeypatch.setattr("testcontainers.core.config.testcontainers_config.ryuk_disabled", True)
        assert docker_answers()
        with container() as url:
            connection = await asyncpg.connect(url)
            assert await connection.fetchrow("SELECT current_user, current_database()") == ("test", "test")
            await connection.close()
        assert [each for each in engine.asked if each.startswith(("POST /containers", "DELETE"))] == [
            "POST /containers/create",
            f"POST /containers/{ID}/start",
            f"POST /containers/{ID}/exec",
            f"DELETE /containers/{ID}",
        ]
