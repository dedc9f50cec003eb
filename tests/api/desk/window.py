"""Windows of a real browser that the tests of the desk share, and what is done in them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.api.conftest import ADMIN_KEY
from tests.api.exchanges.test_reply_page import assert_fits, text_of
from tests.browser import PATIENCE_SECONDS, browsing

__all__ = ["assert_fits", "text_of"]


class Windows:
    """Browsers, each started once for its width, with scripts or without; what is opened is always a new tab."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._browsers = folder, ExitStack()
        self._started: dict[tuple[int, bool], Chrome] = {}

    def open(self, width: int = 1280, *, scripts: bool = True) -> Chrome:
        """An empty tab so many pixels wide, without cookies and with nothing kept of the tab before."""
        if (width, scripts) not in self._started:
            folder = self._folder / f"{width}-{scripts}"
            self._started[width, scripts] = self._browsers.enter_context(browsing(folder, width, scripts=scripts))
        window = self._started[width, scripts]
        before = window.current_window_handle
        window.switch_to.new_window("tab")
        after = window.current_window_handle
        window.switch_to.window(before)
        window.close()
        window.switch_to.window(after)
        window.execute_cdp_cmd("Network.clearBrowserCookies", {})
        log(window)
        return window

    def close(self) -> None:
        self._browsers.close()


def log(window: Chrome) -> list[str]:
    """What the browser had to say since it was asked last."""
    entries: list[dict[str, Any]] = window.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries]


def refused(window: Chrome) -> list[str]:
    """What the policy of the pages refused."""
    return [message for message in log(window) if "Content Security Policy" in message]


def waiting(window: Chrome) -> WebDriverWait[Chrome]:
    """For what comes of an act."""
    return WebDriverWait(window, PATIENCE_SECONDS, 0.1)


def appears(window: Chrome, selector: str) -> WebElement:
    """The first element of a selector, once there is one."""
    waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, selector))
    return window.find_element(By.CSS_SELECTOR, selector)


def arrive(window: Chrome, address: str) -> None:
    waiting(window).until(lambda page: address in page.current_url and page.find_elements(By.TAG_NAME, "h1"))


def hit(window: Chrome, selector: str) -> None:
    """Press a button or follow a link by the keyboard."""
    window.find_element(By.CSS_SELECTOR, selector).send_keys(Keys.ENTER)


def press(window: Chrome, selector: str) -> None:
    """Press a button or follow a link by the keyboard, and wait until another page has come."""
    before = window.find_element(By.TAG_NAME, "html")
    hit(window, selector)
    waiting(window).until(lambda _: is_gone(before))
    waiting(window).until(lambda page: page.execute_script("return document.readyState") == "complete")
    assert_fits(window)


def is_gone(page: WebElement) -> bool:
    try:
        page.is_enabled()
    except Exception:  # noqa: BLE001 - drivers say in several ways that the page is another one
        return True
    return False


def type_into(window: Chrome, field: str, *text: str) -> None:
    window.find_element(By.ID, field).send_keys(*text)


def value(window: Chrome, field: str) -> str:
    """The text of a field, at once: the page may be another one in between; empty where there is none."""
    return str(window.execute_script("return document.getElementById(arguments[0])?.value ?? ''", field))


def sign_in(window: Chrome, address: str, key: str = ADMIN_KEY) -> None:
    """Sign in with a key on the way to a page."""
    window.get(address)
    type_into(window, "cle", key)
    press(window, "main button[type=submit]")
