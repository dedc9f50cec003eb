"""A real browser on a real socket; tests that need one are skipped, and say so, where none is installed."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

PATIENCE_SECONDS = 60
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


def installed() -> tuple[str, str]:
    """Where the browser is, and the program that drives it. Nothing is ever downloaded."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium with its chromedriver is installed")
    return browser, driver


@contextmanager
def browsing(folder: Path, width: int, *, scripts: bool) -> Iterator[Chrome]:
    """A window so many pixels wide, with its own empty profile; with JavaScript or without."""
    browser, driver = installed()
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={folder}", f"--window-size={max(width, 500)},900"):
        options.add_argument(flag)
    # taps that the driver makes up never end in a browser without a screen: clicks do
    metrics = {"width": width, "height": 900, "touch": False}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    window = Chrome(options=options, service=ChromeService(executable_path=driver))
    assert not isinstance(window.command_executor, str)
    window.command_executor.client_config.timeout = PATIENCE_SECONDS
    try:
        yield window
    finally:
        window.quit()


@asynccontextmanager
async def on_a_socket(app: Any) -> AsyncIterator[str]:
    """The address at which a running application is served meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, ws="none"))
        serving = asyncio.create_task(server.serve([bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
