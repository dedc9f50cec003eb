"""`vivier match`: a need matched in this process against the suppliers in the database."""

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from api.commands.console import console
from api.commands.errors import CommandFailed
from api.commands.explain_table import write_trail
from api.commands.shortlist_table import ShortlistReport
from api.commands.supplier_index import load_index
from api.settings import Settings
from api.web.problems import Refusal
from api.web.request_body import JsonBody
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
AnyNeed = TypeVar("AnyNeed", bound=Need)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Match the need and write its shortlist, or the trail that leads to it."""
    need = read_need(options.need, Need)
    index, reference = load_index(settings)
    try:
        _write(options, need, index, reference, evaluation_day(options, need))
    except InvalidContent as invalid:
        raise faulty(options.need, invalid) from None
    return 0


def evaluation_day(options: argparse.Namespace, need: Need) -> date:
    """The day that the options name, else the need, else today in Paris."""
    return options.on or need.on or datetime.now(UTC).astimezone(PARIS).date()


def read_need(name: str, kind: type[AnyNeed]) -> AnyNeed:
    """The need in a file, or on standard input for `-`; raises CommandFailed where it is none."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return JsonBody(kind).decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise CommandFailed(f"cannot read {name}: {error.strerror}") from None
    except InvalidContent as invalid:
        raise faulty(name, invalid) from None
    except Refusal as refusal:
        raise CommandFailed(f"{name}: {refusal.detail.en}") from None


def _write(options: argparse.Namespace, need: Need, index: LiveIndex, reference: Reference, on: date) -> None:
    result = (trail if options.explain else match)(need, index, reference, on, LANGUAGE)
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    elif isinstance(result, Shortlist):
        ShortlistReport(need, reference.territories, console()).write(result)
    else:
        write_trail(result, console())


def faulty(name: str, invalid: InvalidContent) -> CommandFailed:
    """The failure of a command whose need is wrong, with the place of each fault."""
    return CommandFailed("\n".join(f"{name}: {p.pointer or '/'}: {p.detail.en}" for p in invalid.problems))
