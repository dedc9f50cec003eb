"""The limits of a match, and the refusals beyond them: the seconds that it may take, the bytes of its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.runtime.processes.forked_processes import ProcessEnded
from api.settings import MIB
from api.web.problems import Refusal
from domain.errors import InvalidContent, Problem
from domain.needs.need import Need
from domain.text.bilingual import Text

MOST_SECONDS = 30
"""The time that much may take, its wait included: half of what most proxies wait, ten times that of a large need."""
ANSWER_LIMIT = 32 * MIB
"""The largest answer: 200 lots of two segments still pass, with 100 candidates and 50 near misses each."""


@asynccontextmanager
async def limit_seconds() -> AsyncIterator[None]:
    """Give the block up after MOST_SECONDS. Raises Refusal (503) then, and where its process ended."""
    try:
        async with asyncio.timeout(MOST_SECONDS):
            yield
    except (TimeoutError, ProcessEnded):
        raise Refusal("match-not-finished", headers={"retry-after": "30"}) from None


def require_short_answer(need: Need, size: int) -> None:
    """Raises InvalidContent where an answer to a need, of `size` bytes, is larger than ANSWER_LIMIT."""
    limit, count = ANSWER_LIMIT, len(need.lots)
    if size <= limit:
        return
    expected, most, at_once = round(size / MIB), limit // MIB, max(1, limit * count // size)
    detail = Text(
        f"La réponse ferait environ {expected} Mio ; {most} au plus : demander les lots en plusieurs fois, "
        f"{at_once} à la fois, ou moins de lignes (« limit », « near_misses »)",
        f"The answer would be about {expected} MiB; at most {most}: ask for the lots in several needs, "
        f"{at_once} at a time, or for fewer rows (“limit”, “near_misses”)",
    )
    raise InvalidContent((Problem("/lots", "answer_too_large", detail),))
