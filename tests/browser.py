"""A real browser on a real socket; tests that need one are skipped, and say so, where none is installed."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE_SECONDS = 60
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--kiosk", "--animation-duration-scale=0"),  # nothing is drawn around the page
    "--js-flags=--no-opt --no-maglev",  # no page stays long enough for optimised scripts to pay
    "--disable-features=RenderDocument",  # nor for a frame of its own
)


def installed() -> tuple[str, str]:
    """Where the browser is, and the program that drives it. Nothing is ever downloaded."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium with its chromedriver is installed")
    return browser, driver


class Windows:
    """A browser with an empty profile in a folder, in which each window that is opened is a new tab."""

    def __init__(self, folder: Path) -> None:
        browser, driver = installed()
        options = ChromeOptions()
        options.binary_location = browser
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        self._chrome = Chrome(options=options, service=ChromeService(executable_path=driver))
        assert not isinstance(self._chrome.command_executor, str)
        self._chrome.command_executor.client_config.timeout = PATIENCE_SECONDS

    def open(self, width: int = 1280, *, scripts: bool = True, language: str | None = None) -> Chrome:
        """An empty tab so many pixels wide, without cookies and with nothing kept of the tab before.

        `language`: that of its pages; None: the browser's own.
        """
        window = self._chrome
        before = window.current_window_handle
        window.switch_to.new_window("tab")
        after = window.current_window_handle
        window.switch_to.window(before)
        window.close()
        window.switch_to.window(after)
        window.execute_cdp_cmd("Network.clearBrowserCookies", {})
        window.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        if language is not None:
            agent = window.execute_script("return navigator.userAgent")
            override = {"userAgent": agent, "acceptLanguage": language}
            window.execute_cdp_cmd("Emulation.setUserAgentOverride", override)
        show_at(window, width)
        log(window)
        return window

    def close(self) -> None:
        self._chrome.quit()


def show_at(window: Chrome, width: int) -> None:
    """Make the page so many pixels wide, as on a phone or a screen without scroll bars."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def waiting(window: Chrome) -> WebDriverWait[Chrome]:
    """For what comes of an act; a page that goes while it is looked at is looked at again."""
    return WebDriverWait(window, PATIENCE_SECONDS, 0.03, (StaleElementReferenceException,))


def log(window: Chrome) -> list[str]:
    """What the browser had to say since it was asked last."""
    entries: list[dict[str, Any]] = window.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries]


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
