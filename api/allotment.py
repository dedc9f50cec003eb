"""The route `POST /allotment`: proposals of lots for a need; nothing is stored."""

import msgspec

from api.match import MATCH_PROBLEMS
from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_processes import MatchTask
from domain.allotment.allotment import Allotment, AllotmentNeed
from matching.allotment.allot import allot_json, search_ms


@endpoint(
    "POST",
    "/allotment",
    tag="Match",
    scope="match",
    answers=Allotment,
    problems=("unknown-territory", "unknown-segment", "outside-france", *MATCH_PROBLEMS),
    example="allotment",
)
async def search_proposals(call: Call, body: AllotmentNeed) -> bytes:
    """Propose lots for a need.

    Each lot is something to be bought, that may be divided by segment, by departement or EPCI, and joined with others
    of the same family and terms. Answers the figures of the lots as they are given, and at most five proposals, each
    lot with the counts that `POST /match` gives for it. The order: fewer lots without supply; more lots with
    competition; more suppliers that answer a whole lot alone; more lots that can be reserved with competition; fewer
    lots; a draw. Where not every division was looked at, it says which.

    A reservation is proposed only where the law allows it and `min_candidates` stay eligible. Values are divided only
    where the buyer gave them by segment (`values_eur`). The procedure is that of the value of all lots, whatever they
    are (R2121-1). 422 where there is too much to divide; what takes long waits its turn, as in `POST /match`.
    """
    return await proposed(call, body)


async def proposed(call: Call, asked: AllotmentNeed) -> bytes:
    """The proposals of lots for a need, on the suppliers of now, as JSON.

    Raises InvalidContent for a need that is not in order or that has too much to divide, and Refusal: 429, 503.
    """
    services, work = call.services, call.services.match_work
    on = asked.on or services.today()
    # rows are not returned: how many the need asks for is of no account
    need = msgspec.structs.replace(asked, limit=1, near_misses=0)
    index = services.directory.index
    task = MatchTask(allot_json, need, index, on, call.language, besides_ms=search_ms(need, index.rows_end))
    return await work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)


ROUTES = (search_proposals,)
