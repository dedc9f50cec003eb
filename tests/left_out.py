"""Which tests a run leaves out; `--left-out` runs those of the run before, and fails for what is left out again.

What no package brings stays left out: real data files that are not beside this checkout, mounts that cannot be made.
"""

import pytest

KEY = "vivier/left_out"
EXCUSED = ("the real data files are not beside this checkout", "no mount can be made here")


def is_excused(reason: str) -> bool:
    return any(words in reason for words in EXCUSED)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--left-out", action="store_true", help="run what the last run skipped, and skip none of it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that the last run left out, if they are asked for."""
    if config.getoption("--left-out"):
        wanted = {name for name, reason in config.cache.get(KEY, {}).items() if not is_excused(reason)}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
        items[:] = [item for item in items if item.nodeid in wanted]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail for what was left out where all were to run, else note it; the report says why it was."""
    config = session.config
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput") or terminal is None:
        return
    skipped = {report.nodeid: str(report.longrepr[2]) for report in terminal.stats.get("skipped", ())}
    if config.getoption("--left-out"):
        if not all(map(is_excused, skipped.values())):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif hasattr(config, "cache"):  # not with `-p no:cacheprovider`
        config.cache.set(KEY, skipped)
