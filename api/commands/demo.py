"""`vivier demo`: from nothing to a first shortlist, then a server to try."""

import argparse
import asyncio
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files

import msgspec

from api.commands.console import console
from api.commands.demo_client import Tour, ask
from api.commands.demo_key import demo_key
from api.commands.errors import CommandFailed
from api.commands.french_format import count
from api.commands.listen_socket import address, listening
from api.commands.serve import prepared, stopped_by_signal, with_address
from api.commands.server_process import application, serve_requests
from api.commands.shortlist_table import ShortlistReport
from api.runtime.import_processes import import_processes
from api.sample.load import SAMPLE_SOURCE, load_sample
from api.settings import Settings
from api.web.dates import PARIS
from db.core.engine import Engine, engine, transaction
from db.suppliers.sources import list_sources
from domain.needs.need import Need
from domain.shortlists.shortlist import Shortlist
from matching.reference import Reference

SHOWN = 5
INTRODUCTION = (
    "Vivier cherche, pour chaque lot d'un achat public, les fournisseurs de l'économie sociale et solidaire qui "
    "peuvent répondre, et dit pourquoi. Il prépare d'abord une base de données et des exemples…\n"
)
TRY = '{"territory":{"codes":["departement:35"]},"lots":[{"id":"1","keywords":["tonte de pelouses"]}]}'


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Load the sample pool, serve, show the shortlist of the sample need, and go on serving until Ctrl-C."""
    # the log would come between the lines of the shortlist
    settings = replace(with_address(options, settings), log_level="warning", log_format="console")
    given = settings.database_url is not None
    to = console()
    tour = Tour()
    with stopped_by_signal(), ExitStack() as held:
        bound = held.enter_context(listening(settings.host, settings.port, or_next=options.port is None))
        where = address(bound)
        to.print(INTRODUCTION)
        settings, reference = held.enter_context(prepared(settings))
        processes = held.enter_context(import_processes(reference))
        key, suppliers = asyncio.run(_fill(settings, reference, given=given))
        to.print(f"{count(suppliers, 'fournisseur fictif', 'fournisseurs fictifs')}, en Bretagne et autour.")
        to.print(f"Un besoin d'exemple est envoyé à l'API (POST {where}/match), qui répond :\n", soft_wrap=True)

        def show() -> None:
            body = files("api.sample").joinpath("need.json").read_bytes()
            shortlist = msgspec.json.decode(ask(where, key, body), type=Shortlist)
            need = msgspec.json.decode(body, type=Need)
            ShortlistReport(need, reference.territories, to, SHOWN).write(shortlist)
            to.print()
            to.rule("À vous", align="left")
            to.print(f"Documentation  {where}/docs", soft_wrap=True)
            to.print(f"Clé d'API      {key}", soft_wrap=True)
            to.print("À essayer dans un autre terminal :\n")
            to.print(curl_line(where, key), soft_wrap=True)
            to.print(f"\nToutes les commandes : {sys.argv[0]} --help", soft_wrap=True)
            to.print("Vivier sert l'API ; Ctrl-C arrête tout.")

        app = application(settings, reference, processes)
        if not serve_requests(app, bound, lambda: tour.start(show)):
            raise CommandFailed("the server could not start; the log above says why")
    if tour.failure:
        raise CommandFailed(tour.failure)
    return 0


def curl_line(where: str, key: str) -> str:
    """A request to paste into a shell."""
    headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    return f"curl -s {where}/match {headers} -d '{TRY}'"


async def _fill(settings: Settings, reference: Reference, *, given: bool) -> tuple[str, int]:
    """A key, and how many suppliers the sample pool has in the database; refuses a `given` one that is in use."""
    attached = engine(settings.database_url or "", pool_size=2)
    now = datetime.now(UTC)
    try:
        today = now.astimezone(PARIS).date()
        if given:
            await _refuse_real_suppliers(attached, today)
        pool = await load_sample(attached, reference, today, lambda: datetime.now(UTC))
        return await demo_key(attached, settings.home, now), pool.received - pool.rejected
    finally:
        await attached.dispose()


async def _refuse_real_suppliers(attached: Engine, on: date) -> None:
    async with transaction(attached) as connection:
        sources = await list_sources(connection, on)
    if real := [source.name for source in sources if source.records and source.name != SAMPLE_SOURCE.name]:
        raise CommandFailed(
            f"the database of DATABASE_URL holds suppliers of {', '.join(real)}: the demonstration would mix invented "
            "ones with them. Unset DATABASE_URL, or use `vivier serve`"
        )
