"""Headers of a request as the server gives them, names in lower case: read without the framework's mapping of them.

That is made anew for each request, and costs as much as all checks of a key, a type and a length that look into it.
"""

from collections.abc import Iterator

from litestar.types import Scope


def first_values(scope: Scope) -> dict[str, str]:
    """The headers by their names in lower case; of a header sent several times, the first value."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed([*scope["headers"]])}


def values_of(scope: Scope, wanted: bytes) -> Iterator[str]:
    """All values of the header of a name in lower case."""
    return (value.decode("latin-1") for name, value in scope["headers"] if name == wanted)
