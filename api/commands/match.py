"""`vivier match`: needs, or notices read as needs, matched in this process against the suppliers in the database."""

import argparse
import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime

import msgspec

from api.commands.console import console
from api.commands.database import attached
from api.commands.errors import CommandFailed
from api.commands.explain_table import write_trail
from api.commands.need_files import ReadNeed, faulty, needs_in
from api.commands.shortlist_table import ShortlistReport
from api.commands.unread_list import write_unread
from api.runtime.index_files import IndexFiles
from api.runtime.live_index import IndexLoader
from api.settings import Settings
from db.core.engine import engine
from domain.errors import InvalidContent
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language
from domain.text.typography import PARIS
from matching.engine import match
from matching.index import LiveIndex
from matching.reference import Reference, load_reference
from matching.trace import trail

LANGUAGE: Language = "fr"


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Match the needs of a file: write what of a notice was not read, then the shortlist or the trail to it."""
    needs = list(needs_in(options.need))
    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as background:
            loading = background.submit(load_reference, settings.rules)
            url = stack.enter_context(attached(settings))
        reference = loading.result()
        files = IndexFiles(settings.index_folder, reference)
        index = asyncio.run(IndexLoader(url, engine(url, pool_size=0), files).first())
    today = datetime.now(UTC).astimezone(PARIS).date()
    failed = [each for each in needs if isinstance(each, CommandFailed)]
    for number, read in enumerate(needs):
        if isinstance(read, ReadNeed):
            if number and not options.json:
                console().print()
            try:
                _write(options, read, index, reference, options.on or read.need.on or today)
            except InvalidContent as invalid:
                raise faulty(read.name, invalid) from None
    if failed:
        raise CommandFailed("\n".join(map(str, failed)))
    return 0


def _write(options: argparse.Namespace, read: ReadNeed, index: LiveIndex, reference: Reference, on: date) -> None:
    need = read.need.matched
    result = (trail if options.explain else match)(need, index, reference, on, LANGUAGE)
    # what is piped on is the answer alone
    write_unread(read, console(stderr=options.json))
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    elif isinstance(result, Shortlist):
        ShortlistReport(need, reference.territories, console()).write(result)
    else:
        write_trail(result, console())
