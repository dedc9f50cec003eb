"""`vivier allot`: lots proposed for a need, in this process, by the suppliers in the database."""

import argparse
import sys

import msgspec

from api.commands.allotment_table import AllotmentReport
from api.commands.console import console
from api.commands.match import LANGUAGE, evaluation_day
from api.commands.need_files import faulty, read_need
from api.commands.supplier_index import load_index
from api.settings import Settings
from domain.allotment.allotment import AllotmentNeed
from domain.errors import InvalidContent
from matching.allotment.allot import allot


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Find proposals for the need, and write them beside its lots as they are given."""
    need = read_need(options.need, AllotmentNeed)
    index, reference = load_index(settings)
    try:
        found = allot(need, index, reference, evaluation_day(options, need), LANGUAGE)
    except InvalidContent as invalid:
        raise faulty(options.need, invalid) from None
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        AllotmentReport(need, console()).write(found)
    return 0
