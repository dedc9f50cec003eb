"""The search page that portals frame: words and a place, and the suppliers that a match finds for them.

It sets no cookie and knows no session: the token in its address is all. Only the origin that the token names may frame
it. Self-employed persons, whose name is personal data, are not in it, nor are addresses and telephone numbers.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.desk.answer_pages import ground_of
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_form import read_need_form
from api.desk.need.territory_field import territories_of_name
from api.desk.need.understood_need import UnderstoodNeed, understand_in_worker
from api.embed.routes import Ticket, open_ticket
from api.match import answer_match
from api.runtime.auth import NOT_STORED, admit
from api.runtime.rate_limits import EMBEDDED_SEARCHES, caller_of
from api.web.problems import Refusal, refusal_of
from db.api_keys import find_client_of_key
from db.core.engine import transaction
from db.suppliers.sources import all_settings
from domain.errors import InvalidContent, NotFound, require_found
from domain.organisation import Client
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.source import LICENCES, REACHES_SOMEBODY, SELF_EMPLOYED, open_licence
from domain.text.bilingual import Text, said_by
from matching.engine import match_json

WORDS = "lot-1-objet"
FIELDS = (WORDS, "lieu", "territoire")
MOST_SHOWN, MOST_CHOSEN = 20, 8
ENDED = said_by(__name__)["ended"]
NO_SEARCH = Text("Aucune recherche à cette adresse", "There is no search at this address")


@page("GET", "/embed/search/{token}", scope=None)
async def show_embedded_search(visit: Visit, token: str) -> Response[bytes]:
    """The form of a search and what it finds; 404 once the token has ended."""
    visit.new_token = None
    services = visit.services
    ticket = require_found(open_ticket(token, services.embed_key), NO_SEARCH)
    try:
        if (client := await _bearer_of(visit, ticket)) is None:
            raise NotFound(ENDED)
        services.limits.take(EMBEDDED_SEARCHES, caller_of(visit.call.scope))
        await admit(visit.call, client, services.limits, ("match",))
        with services.request_slot(client):
            answer = await _search(visit, ticket)
    except (Refusal, NotFound, InvalidContent) as failure:  # shown where the portal shows the page
        refusal = refusal_of(failure)
        answer = visit.page("embed/refusal.html", refusal.kind.status, ticket=ticket, refusal=refusal)
        answer.headers.update(refusal.headers)
    answer.headers.update(_headers(ticket.origin))
    return answer


def _headers(origin: str) -> Mapping[str, str]:
    return {
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; form-action 'self'; "
            f"base-uri 'none'; frame-ancestors {origin}"
        ),
        "cross-origin-resource-policy": "cross-origin",
        "referrer-policy": "no-referrer",
    }


async def _bearer_of(visit: Visit, ticket: Ticket) -> Client | None:
    """The bearer of the key that the search was opened with; None where that, the search or its origin has ended."""
    services, now = visit.services, visit.services.now()
    if ticket.until <= now.timestamp() or ticket.origin not in services.settings.embed_origins:
        return None
    if ticket.key_id == NOT_STORED:
        return await services.keys.client(services.settings.admin_key or "")
    async with transaction(services.database) as connection:
        return await find_client_of_key(connection, ticket.key_id, now)


async def _search(visit: Visit, ticket: Ticket) -> Response[bytes]:
    """The page with what the words in the query find; with the form alone where there are none, or none understood."""
    form = read_need_form({name: visit.fields[name][:MOST_CHOSEN] for name in FIELDS if name in visit.fields})
    shown: dict[str, Any] = {"ticket": ticket, "form": form, "place_typed": form.place, "where": None, "lot": None}
    if not visit.text(WORDS):
        return visit.page("embed/search.html", **shown)
    understood = await understand_in_worker(visit, form)
    shown |= {"form": understood.form, "place_typed": _place_to_type(visit, understood), "where": understood.where}
    if understood.need is None:
        return visit.page("embed/search.html", mistakes=understood.mistakes, **shown)
    need = msgspec.structs.replace(understood.need.matched, limit=MOST_SHOWN, near_misses=0)
    answer = await answer_match(visit.call, need, match_json, index=visit.services.directory.index)
    (lot,) = msgspec.json.decode(answer, type=Shortlist).lots
    async with transaction(visit.services.database) as connection:
        sources = [(each, open_licence(each.licence)) for each in await all_settings(connection)]
    found = [each for each in lot.candidates if not set(SELF_EMPLOYED) & set(each.supplier.kinds)]
    shown |= {"lot": lot, "found": found, "sources": sources, "licences": LICENCES}
    return visit.page("embed/search.html", reaches_somebody=REACHES_SOMEBODY.search, ground_of=ground_of, **shown)


def _place_to_type(visit: Visit, understood: UnderstoodNeed) -> str:
    """The text by which the place field means what it was understood as: a name where that suffices, else a code."""
    areas = understood.where.areas
    if understood.form.place or len(areas) != 1:
        return understood.form.place
    return areas[0].label if territories_of_name(areas[0].label, visit.reference) == areas else areas[0].id
