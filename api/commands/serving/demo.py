"""`vivier demo`: from nothing to a first shortlist, then a server to try."""

import argparse
import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from api.admin.issue_keys import KeyRequest, issue_key
from api.commands.answers import count_with_noun, shortlist_parts
from api.commands.command import CommandFailed, command_line_actor, signing_engine
from api.commands.console import Headline, console, write_parts
from api.commands.serving.serve import (
    end_on_signal,
    listen,
    prepared_server,
    require_started,
    run_supervised,
    web_address,
    with_address,
)
from api.commands.serving.server_process import application, serve_requests
from api.runtime.auth import LINK_SECONDS
from api.runtime.processes.forked_processes import forked_processes
from api.sample.generate import SAMPLE_SOURCE, load_sample
from api.settings import Settings
from db.api_keys import find_client
from db.core.engine import transaction
from db.suppliers.sources import list_sources
from domain.needs.need import Need
from domain.organisation import Scope
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import PARIS
from matching.reference import Reference

SHOWN = 5
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02
KEY_FILE, KEY_NAME = "demo-key", "Démonstration"
KEY_SCOPES: tuple[Scope, ...] = ("match", "needs", "read", "sync", "admin")
INTRODUCTION = (
    "Vivier cherche, pour chaque lot d'un achat public, les fournisseurs de l'économie sociale et solidaire qui "
    "peuvent répondre, et dit pourquoi. Il prépare d'abord une base de données et des exemples…\n"
)
TO_TRY = """\
Dans un navigateur, déjà connecté (une fois, pendant {minutes:.0f} minutes) :
{where}/connexion/{link}

Documentation  {where}/docs
Clé d'API      {key}
À essayer dans un autre terminal :

curl -s {where}/match -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{need}'

Toutes les commandes : {command} --help
Vivier sert l'API ; Ctrl-C arrête tout."""
NEED_TO_TRY = '{"territory":{"codes":["departement:35"]},"lots":[{"id":"1","keywords":["tonte de pelouses"]}]}'


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Load the sample pool, serve, show the shortlist of the sample need, and go on serving until Ctrl-C."""
    # the log would come between the lines of the shortlist
    settings = replace(with_address(options, settings), log_level="warning", log_format="console")
    return run_supervised(lambda on_start: _serve_and_show(settings, on_start, or_next=options.port is None), settings)


def _serve_and_show(settings: Settings, on_start: Callable[[], object], *, or_next: bool) -> int:
    """Serve the sample pool, show the sample need's shortlist; `or_next`: on the next free port if one is in use."""
    own_database, to = settings.database_url is None, console()
    failures: list[str] = []
    with end_on_signal(), ExitStack() as stack:
        bound = stack.enter_context(listen(settings.host, settings.port, or_next=or_next))
        where = web_address(bound)
        to.print(INTRODUCTION)
        settings, reference = stack.enter_context(prepared_server(settings))
        processes = stack.enter_context(forked_processes(reference))
        file, last = settings.home / KEY_FILE, ""
        with suppress(OSError, UnicodeDecodeError):
            last = file.read_text().strip()
        key, suppliers = asyncio.run(load_sample_pool(settings, reference, last, may_mix=own_database))
        if key != last:
            _write_key_file(file, key)
        write_parts(
            [f"{count_with_noun(suppliers, 'fournisseur fictif', 'fournisseurs fictifs')}, en Bretagne et autour."], to
        )
        to.print(f"Un besoin d'exemple est envoyé à l'API (POST {where}/match), qui répond :\n", soft_wrap=True)

        def show_shortlist() -> None:
            """Match the sample need at the running server, and say what to try; stop the server where that fails."""
            try:
                on_start()
                body = files("api.sample").joinpath("need.json").read_bytes()
                shortlist = msgspec.json.decode(_match_sample_need(where, key, body), type=Shortlist)
                need = msgspec.json.decode(body, type=Need)
                write_parts(shortlist_parts(need, shortlist, reference, SHOWN), to)
                write_parts([Headline("À vous", is_part=True)], to)
                link = app.state.services.sign_in_links.issue(key)
                values = {"where": where, "key": key, "link": link, "minutes": LINK_SECONDS / 60}
                to.print(TO_TRY.format(**values, need=NEED_TO_TRY, command=sys.argv[0]), soft_wrap=True)
            except BrokenPipeError:
                failures.append("nobody reads the output")
            except BaseException as failure:  # noqa: BLE001 - reported by the main thread
                failures.append(f"the demonstration failed: {failure!r}")
            if failures:
                os.kill(os.getpid(), signal.SIGTERM)

        app = application(settings, reference, processes)
        require_started(serve_requests(app, bound, threading.Thread(target=show_shortlist, daemon=True).start))
    if failures:
        raise CommandFailed(failures[0])
    return 0


def _write_key_file(file: Path, secret: str) -> None:
    """Write the key, which the database stores as a digest alone, to a file that nobody else can read."""
    with suppress(OSError):  # without a home to write to, the next run makes another key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as private:
            private.write(f"{secret}\n")


async def load_sample_pool(
    settings: Settings, reference: Reference, last_key: str, *, may_mix: bool
) -> tuple[str, int]:
    """Import the sample pool; returns a key and the number of suppliers. `may_mix`: beside other suppliers, too.

    The key is `last_key` where this database still knows it with all its scopes, else a new one. Raises CommandFailed.
    """
    database = signing_engine(settings, settings.database_url or "", pool_size=2)
    now = datetime.now(UTC)
    today = now.astimezone(PARIS).date()
    try:
        async with transaction(database) as connection:
            sources = await list_sources(connection, today)
        real = [source.name for source in sources if source.records and source.name != SAMPLE_SOURCE.name]
        if real and not may_mix:
            raise CommandFailed(
                f"the database of DATABASE_URL holds suppliers of {', '.join(real)}: the demonstration would mix "
                "invented ones with them. Unset DATABASE_URL, or use `vivier serve`"
            )
        pool = await load_sample(
            database, reference, today, lambda: datetime.now(UTC), await command_line_actor(database, now)
        )
        async with transaction(database) as connection:
            client = await find_client(connection, last_key, now) if last_key else None
            if client is None or not set(KEY_SCOPES) <= set(client.scopes):
                request = KeyRequest(KEY_NAME, KEY_SCOPES, sources=(SAMPLE_SOURCE.name,))
                last_key, _ = await issue_key(connection, request, KEY_NAME, now)
        return last_key, pool.received - pool.rejected
    finally:
        await database.dispose()


def _match_sample_need(address: str, key: str, need: bytes) -> bytes:
    """The JSON answer of the server at `address` to a need, once ready. Raises ConnectionError if there is none."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept-Language": "fr"}
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection.request("POST", "/match", need, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == HTTPStatus.OK:
            return body
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > limit:
            raise ConnectionError(f"POST {address}/match answered {answer.status}: {body.decode(errors='replace')}")
        time.sleep(POLL_SECONDS)
