"""Places that each key, or each organisation, has so many of in this process, for what goes on at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from api.runtime.rate_limits import require_within
from api.web.problems import Refusal
from domain.organisation import Client


class KeyPlaces:
    """Counts what goes on, by key; `most`: of one key at once; `retry_after`: seconds after which to try again."""

    def __init__(self, most: int, retry_after: float) -> None:
        self._most, self._retry_after = most, retry_after
        # by number: a UUID computes its hash in Python, and each request asks
        self._taken: dict[int, int] = {}

    def take(self, key: UUID) -> None:
        """Take a place of a key, to be given back. Raises Refusal (429) where it has no more."""
        taken = self._taken.get(key.int, 0)
        if taken >= self._most:
            require_within(self._retry_after)
        self._taken[key.int] = taken + 1

    def give_back(self, key: UUID) -> None:
        """Give a place of a key back."""
        left = self._taken.pop(key.int) - 1
        if left:
            self._taken[key.int] = left

    @contextmanager
    def place(self, key: UUID) -> Iterator[None]:
        """A place of a key during the block. Raises as `take`."""
        self.take(key)
        try:
            yield
        finally:
            self.give_back(key)


class RequestPlaces:
    """Places for requests under way: those of a key, within those of its organisation, which may have many keys."""

    def __init__(self, of_key: int, of_organisation: int, retry_after: float) -> None:
        self._of_key, self._of_organisation = KeyPlaces(of_key, retry_after), KeyPlaces(of_organisation, retry_after)

    def take(self, client: Client) -> None:
        """Take a place, to be given back. Raises Refusal (429) where the key, or its organisation, has no more."""
        self._of_key.take(client.id)
        try:
            self._of_organisation.take(client.organisation_id)
        except Refusal:
            self._of_key.give_back(client.id)
            raise

    def give_back(self, client: Client) -> None:
        """Give a place back."""
        self._of_key.give_back(client.id)
        self._of_organisation.give_back(client.organisation_id)
