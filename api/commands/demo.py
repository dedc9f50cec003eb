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
from api.commands.demo_client import DemoClient, match
from api.commands.demo_key import demo_key
from api.commands.errors import CommandFailed
from api.commands.listen_socket import address, listen
from api.commands.serve import check_started, prepared, stopped_by_signal, with_address
from api.commands.server_process import application, serve_requests
from api.commands.shortlist_table import ShortlistReport, count
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
    own_database = settings.database_url is None
    to = console()
    client = DemoClient()
    with stopped_by_signal(), ExitStack() as stack:
        bound = stack.enter_context(listen(settings.host, settings.port, or_next=options.port is None))
        where = address(bound)
        to.print(INTRODUCTION)
        settings, reference = stack.enter_context(prepared(settings))
        processes = stack.enter_context(import_processes(reference))
        key, suppliers = asyncio.run(_fill(settings, reference, own_database=own_database))
        to.print(f"{count(suppliers, 'fournisseur fictif', 'fournisseurs fictifs')}, en Bretagne et autour.")
        to.print(f"Un besoin d'exemple est envoyé à l'API (POST {where}/match), qui répond :\n", soft_wrap=True)

        def show() -> None:
            body = files("api.sample").joinpath("need.json").read_bytes()
            shortlist = msgspec.json.decode(match(where, key, body), type=Shortlist)
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
        check_started(serve_requests(app, bound, lambda: client.start(show)))
    if client.failure:
        raise CommandFailed(client.failure)
    return 0


def curl_line(where: str, key: str) -> str:
    """A request to paste into a shell."""
    headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    return f"curl -s {where}/match {headers} -d '{TRY}'"


async def _fill(settings: Settings, reference: Reference, *, own_database: bool) -> tuple[str, int]:
    """Load the sample pool; returns a key, and the number of suppliers. Refuses a given database that is in use."""
    database = engine(settings.database_url or "", pool_size=2)
    now = datetime.now(UTC)
    try:
        today = now.astimezone(PARIS).date()
        if not own_database:
            await _refuse_real_suppliers(database, today)
        pool = await load_sample(database, reference, today, lambda: datetime.now(UTC))
        return await demo_key(database, settings.home, now), pool.received - pool.rejected
    finally:
        await database.dispose()


async def _refuse_real_suppliers(database: Engine, on: date) -> None:
    async with transaction(database) as connection:
        sources = await list_sources(connection, on)
    if real := [source.name for source in sources if source.records and source.name != SAMPLE_SOURCE.name]:
        raise CommandFailed(
            f"the database of DATABASE_URL holds suppliers of {', '.join(real)}: the demonstration would mix invented "
            "ones with them. Unset DATABASE_URL, or use `vivier serve`"
        )
