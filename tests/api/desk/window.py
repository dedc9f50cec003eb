"""What is done in windows of a real browser."""

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from api.desk.frame.visit import COOKIE
from tests.api.conftest import ADMIN_KEY
from tests.api.exchanges.test_reply_page import assert_fits, text_of
from tests.browser import Windows, log, waiting

__all__ = ["Windows", "assert_fits", "log", "text_of", "waiting"]


def refused(window: Chrome) -> list[str]:
    """What the policy of the pages refused."""
    return [message for message in log(window) if "Content Security Policy" in message]


def appears(window: Chrome, selector: str) -> WebElement:
    """The first element of a selector, once there is one."""
    return waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, selector))[0]


def arrive(window: Chrome, address: str) -> None:
    waiting(window).until(lambda page: address in page.current_url and page.find_elements(By.TAG_NAME, "h1"))


def says(window: Chrome, selector: str, *words: str) -> None:
    """Wait until the first element of a selector says these words."""
    waiting(window).until(lambda _: all(each in text_of(window, selector) for each in words), f"{selector}: {words}")


def hit(window: Chrome, selector: str, *keys: str) -> None:
    """Press a button or follow a link by the keyboard, once it is there; or these keys in a field."""

    def is_hit(page: Chrome) -> bool:
        page.find_element(By.CSS_SELECTOR, selector).send_keys(*keys or (Keys.ENTER,))
        return True

    waiting(window).until(is_hit)


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
    hit(window, f"[id='{field}']", *text)


def value(window: Chrome, field: str) -> str:
    """The text of a field, at once: the page may be another one in between; empty where there is none."""
    return str(window.execute_script("return document.getElementById(arguments[0])?.value ?? ''", field))


def enter(window: Chrome, address: str, session: str | None) -> Chrome:
    """The window, without cookies but that of a session of the desk; with none where nobody is signed in."""
    window.execute_cdp_cmd("Network.clearBrowserCookies", {})
    if session:
        window.execute_cdp_cmd("Network.setCookie", {"name": COOKIE, "value": session, "url": address})
    return window


def sign_in(window: Chrome, address: str, key: str = ADMIN_KEY) -> None:
    """Sign in with a key on the way to a page."""
    window.get(address)
    type_into(window, "cle", key)
    press(window, "main button[type=submit]")
