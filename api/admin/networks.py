"""Networks and facilitators: whom to call about a territory and a reservation; the operator keeps the table."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Annotated

import msgspec
from litestar import Response

from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, etag_response, require_if_match
from api.web.query_string import invalid_query
from db import networks as stored
from db.core.engine import Connection
from db.journal.entries import write_entry
from domain.decoding.requests import explain
from domain.errors import Problem, pointer, require_no_problem
from domain.journal import Actor
from domain.needs.need import Reserved
from domain.networks import Network, NetworkTable, networks_to_call, problems_of_networks
from domain.reference.territory import Area, Territories, UnknownTerritory
from domain.text.bilingual import Text, said_by
from domain.text.normalise import fold
from sources.file_types.csv_table import FaultyRow, read_table
from sources.file_types.workbook import NOT_CSV, first_sheet

COLUMNS = {
    "name": ("nom", "reseau", "organisation"),
    "kind": ("genre", "type"),
    "territories": ("territoires", "territoire"),
    "reserved": ("reservations", "reservation"),
    "email": ("courriel", "e mail", "mail"),
    "phone": ("telephone", "tel"),
    "url": ("site", "adresse web", "page"),
}
"""The other titles of each column of a table of networks, folded."""
SEVERAL = {"territories", "reserved"}
_TITLES = {title: name for name, titles in COLUMNS.items() for title in (name, *titles)}
_NO_COLUMN = said_by(__name__)["no_column"]


class NetworkQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The place and the reservations that a buyer asks about."""

    territory: Annotated[tuple[str, ...], msgspec.Meta(max_length=50)] | None = None
    """Codes of territories, a part of which the network covers"""
    reserved: tuple[Reserved, ...] | None = None
    """Reservations, one of which the network knows about"""


@endpoint(
    "GET",
    "/networks",
    tag="Reference",
    scope=("match", "needs", "read", "admin"),
    answers=NetworkTable,
    status=(200, 304),
    headers=IF_NONE_MATCH,
    problems=("unknown-territory",),
)
async def list_networks(call: Call, query: NetworkQuery, connection: Connection) -> Response[bytes]:
    """Networks and facilitators to call about a territory and a reservation.

    Those that cover a part of the territory and know one of the reservations, the smallest territory first; without a
    filter, all.
    """
    found = await networks_for(
        connection, call.services.reference.territories, query.territory or (), query.reserved or ()
    )
    return conditional_get(call, NetworkTable(found))


@endpoint(
    "PUT",
    "/networks",
    tag="Reference",
    scope="platform",
    answers=NetworkTable,
    headers=IF_MATCH,
    problems=("unknown-territory", "stale-version"),
)
async def put_networks(call: Call, body: NetworkTable, connection: Connection) -> Response[bytes]:
    """Replace the table of networks and facilitators. Contacts are those of organisations, never of persons.

    `If-Match`: the `ETag` of `GET /networks` without a filter.
    """
    territories, if_match = call.services.reference.territories, call.headers.get("if-match")
    actor, now = actor_of(call.bearer), call.services.now()
    return etag_response(await keep_networks(connection, territories, body.items, actor, now, if_match))


async def networks_for(
    connection: Connection, territories: Territories, codes: Sequence[str], reserved: Sequence[Reserved]
) -> tuple[Network, ...]:
    """The networks to call about these territories and reservations. Raises Refusal (422) for an unknown code."""
    areas: list[Area] = []
    for place, code in enumerate(codes):
        try:
            areas.append(territories.area(code))
        except UnknownTerritory as unknown:
            raise invalid_query(Problem(pointer("territory", place), unknown.code, unknown.detail)) from None
    return networks_to_call(await stored.all_networks(connection), areas, reserved, territories)


async def keep_networks(
    connection: Connection,
    territories: Territories,
    networks: Sequence[Network],
    actor: Actor,
    now: datetime,
    if_match: str | None = None,
) -> NetworkTable:
    """Store the networks in place of all others, with a journal entry; returns them as they are listed.

    Raises InvalidContent for unknown codes, and Refusal (412) where `if_match` does not name those before.
    """
    require_no_problem(tuple(problems_of_networks(networks, territories)))
    if if_match is not None:
        before = networks_to_call(await stored.networks_to_replace(connection), (), (), territories)
        require_if_match(if_match, etag_of(NetworkTable(before)))
    await stored.replace_networks(connection, networks)
    await write_entry(connection, actor, "networks.replaced", "networks", now, detail={"networks": len(networks)})
    return NetworkTable(networks_to_call(networks, (), (), territories))


def networks_in_table(content: bytes) -> tuple[Network, ...]:
    """The networks of a CSV table or workbook, a row for each; several territories or reservations stand between `|`.

    Raises UnreadableFile for what is no table, InvalidContent with everything wrong in it.
    """
    is_workbook = content.startswith(NOT_CSV)
    table = read_table(BytesIO(first_sheet(content).content if is_workbook else content))
    names = {title: _TITLES.get(fold(title)) for title in table.columns}
    problems = [Problem(pointer(title), "unknown_column", _NO_COLUMN) for title, name in names.items() if name is None]
    found: list[Network] = []
    for row in table.rows:
        if isinstance(row, FaultyRow):
            problems.append(row.problem)
            continue
        cells = {name: cell.strip() for title, cell in row.cells.items() if (name := names[title]) and cell.strip()}
        document = {
            name: [part.strip() for part in cell.split("|")] if name in SEVERAL else cell
            for name, cell in cells.items()
        }
        try:
            found.append(msgspec.convert(document, Network))
        except msgspec.ValidationError as error:
            why = explain(error, Network)
            told = Text(f"ligne {row.line} : {why.detail.fr}", f"line {row.line}: {why.detail.en}")
            problems.append(Problem(pointer("items", len(found)), why.code, told))
    require_no_problem(problems)
    return tuple(found)
