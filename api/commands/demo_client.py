"""Demo client, run in a thread against the started server."""

import os
import signal
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02


class DemoClient:
    """Runs a function beside the server; where it fails, stops the server and keeps the reason in `failure`."""

    def __init__(self) -> None:
        self.failure: str | None = None

    def start(self, show: Callable[[], None]) -> None:
        """Run `show` in a thread that does not keep the process alive."""
        threading.Thread(target=self._run, args=(show,), daemon=True).start()

    def _run(self, show: Callable[[], None]) -> None:
        try:
            show()
        except BrokenPipeError:
            self.failure = "nobody reads the output"
        except BaseException as failure:  # noqa: BLE001 - reported by the main thread
            self.failure = f"the demonstration failed: {failure!r}"
        if self.failure:
            os.kill(os.getpid(), signal.SIGTERM)


def match(where: str, key: str, need: bytes) -> bytes:
    """The server's answer to a need, once it is ready. Raises ConnectionError where it refuses or takes too long."""
    connection = HTTPConnection(urlsplit(where).netloc, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept-Language": "fr"}
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection.request("POST", "/match", need, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == HTTPStatus.OK:
            return body
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > limit:
            raise ConnectionError(f"POST {where}/match answered {answer.status}: {body.decode(errors='replace')}")
        time.sleep(POLL_SECONDS)
