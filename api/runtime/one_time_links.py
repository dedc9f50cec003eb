"""Links that sign in once, for ten minutes, kept in the memory of the process that made them."""

import time
from collections.abc import Callable
from secrets import token_urlsafe

LINK_SECONDS = 600.0


class OneTimeLinks:
    """Keys by the tokens of links that open a session with them. `monotonic`: seconds that only grow."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._keys: dict[str, tuple[str, float]] = {}

    def issue(self, key: str) -> str:
        """The token of a new link that signs in with `key`."""
        token = token_urlsafe(24)
        self._keys[token] = (key, self._monotonic() + LINK_SECONDS)
        return token

    def redeem(self, token: str) -> str | None:
        """The key of the link, which opens no more; None where there is none, or it was used or is too old."""
        key, until = self._keys.pop(token, (None, 0.0))
        return key if self._monotonic() < until else None
