"""`vivier match`: needs, or notices read as needs, matched in this process against the suppliers in the database."""

import argparse
import sys
from datetime import UTC, date, datetime

import msgspec

from api.commands.console import console
from api.commands.errors import CommandFailed
from api.commands.explain_table import write_trail
from api.commands.need_files import ReadNeed, faulty, needs_in
from api.commands.shortlist_table import ShortlistReport
from api.commands.supplier_index import load_index
from api.commands.unread_list import write_unread
from api.settings import Settings
from domain.errors import InvalidContent
from domain.needs.need import Need
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language
from domain.text.typography import PARIS
from matching.engine import match
from matching.index import LiveIndex
from matching.reference import Reference
from matching.trace import trail

LANGUAGE: Language = "fr"


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Match the needs of a file: write what of a notice was not read, then the shortlist or the trail to it."""
    needs = list(needs_in(options.need))
    index, reference = load_index(settings)
    failed = [each for each in needs if isinstance(each, CommandFailed)]
    for number, read in enumerate(needs):
        if isinstance(read, ReadNeed):
            if number and not options.json:
                console().print()
            try:
                _write(options, read, index, reference, evaluation_day(options, read.need))
            except InvalidContent as invalid:
                raise faulty(read.name, invalid) from None
    if failed:
        raise CommandFailed("\n".join(map(str, failed)))
    return 0


def evaluation_day(options: argparse.Namespace, need: Need) -> date:
    """The day that the options name, else the need, else today in Paris."""
    return options.on or need.on or datetime.now(UTC).astimezone(PARIS).date()


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
