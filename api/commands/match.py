"""`vivier match`, `allot` and `supply`, searched in this process among the suppliers in the database; `vivier words`.

The needs in a file are a body of POST /match, a notice in XML, or records of the BOAMP API; told by their content.
"""

import argparse
import asyncio
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from api.commands.answers import allotment_parts, shortlist_parts, supply_parts, title_parts
from api.commands.command import CommandFailed, attached_database, own_organisation
from api.commands.console import Col, Headline, Part, Remarks, Rows, console, show_answer, write_parts
from api.runtime.index.index_files import IndexFiles
from api.runtime.index.live_index import IndexLoader
from api.settings import Settings
from api.web.problems import Refusal
from api.web.request_body import JsonBody
from db.core.engine import engine, transaction
from db.suppliers.notes import noted_suppliers
from domain.allotment.allotment import AllotmentNeed
from domain.errors import InvalidContent
from domain.needs.need import Need, NeedAndProcedure, TerritoryRequest
from domain.reference import taxonomy, territory
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.record_check import unknown_segment
from domain.text.bilingual import PARIS, Language
from matching.allotment.allot import allot
from matching.engine import match
from matching.index.live_index import LiveIndex
from matching.inspection.supply import SupplySearch
from matching.inspection.trace import LotTrace, Value, trace
from matching.reference import Reference, load_reference
from matching.words import word_model
from matching.words.title_reader import TitleReader
from sources.notices import boamp
from sources.notices.element import MalformedNotice
from sources.notices.need_of_notice import need_in_xml, need_of
from sources.notices.notice import Unread

LANGUAGE: Language = "fr"
GZIP, BYTE_ORDER_MARK = b"\x1f\x8b", b"\xef\xbb\xbf"
XML_BEGINNINGS = (b"<", b"\xff\xfe<", b"\xfe\xff\x00<")
"""With the marks of UTF-16, too."""
MOST_BYTES = 256 << 20
"""A file that is longer, once decompressed, is none of notices."""
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_POSITION = re.compile(r"\[\d+\]$")


class NeedOfFile(NamedTuple):
    """A need read from a file; `name`: the file's, and its position there; `unread`: the parts of a notice not read."""

    name: str
    need: NeedAndProcedure
    unread: tuple[Unread, ...]


def match_needs(options: argparse.Namespace, settings: Settings) -> int:
    """Match the needs of a file: print what of a notice was not read, then the shortlist or the trace of the match."""
    index, reference = load_index(settings, options.organisation)
    needs = list(read_needs(options.need, reference))
    failed = [each for each in needs if isinstance(each, CommandFailed)]
    for number, read in enumerate(needs):
        if isinstance(read, CommandFailed):
            continue
        if number and not options.json:
            console().print()
        need, on = read.need.matched, evaluation_day(options, read.need)
        with faults_as_failure(read.name):
            result = (trace if options.explain else match)(need, index, reference, on, LANGUAGE)
        # what is piped on is the answer alone
        write_parts(_unread_parts(read), console(stderr=options.json))
        told = shortlist_parts(need, result, reference) if isinstance(result, Shortlist) else _trace_parts(result)
        show_answer(result, told, as_json=options.json)
    if failed:
        raise CommandFailed("\n".join(map(str, failed)))
    return 0


def _trace_parts(lots: Iterable[LotTrace]) -> Iterator[Part]:
    """The trace of each lot's match, in English: what was read and from where, whom each gate refused, who is left."""
    for lot in lots:
        yield Headline(f"Lot {lot.id} · {lot.territory}", is_part=True)
        read = [
            f"{each.segment} ({each.role}, confidence {each.confidence:.2f}) from {', '.join(each.sources)}"
            for each in lot.wanted
        ]
        read += [f"nothing, from cpv:{code}: no segment covers it" for code in lot.unmapped]
        read += [f"nothing, from keyword:{words}: not recognised" for words in lot.unknown]
        yield Remarks("Read as:", read)
        yield f"{lot.considered} suppliers considered: they offer what is asked, or something near it."
        gates = []
        for gate in lot.gates:
            more = [f"and {gate.count - len(gate.nearest)} more"] if gate.count > len(gate.nearest) else []
            gates.append((gate.gate, str(gate.count), gate.rule, "; ".join((*gate.nearest, *more))))
        columns = Col("gate"), Col("refused", is_number=True), Col("who passes", 1), Col("the nearest refused", 1)
        yield Rows(columns, gates)
        order = [f"{number}. {each.name}: {each.rule}" for number, each in enumerate(lot.order, 1)]
        passed = f"{lot.passed} candidates; of the first {len(lot.candidates)}, by each criterion in turn:"
        yield Remarks(passed, [*order, "then a draw, the same each time for the same need."])
        criteria = (Col(each.name.replace("_", "\n")) for each in lot.order)
        rows = ((str(each.rank), each.name, *map(_value_in_words, each.values)) for each in lot.candidates)
        yield Rows((Col("n°", is_number=True), Col("supplier", 1), *criteria), rows)


def _value_in_words(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None else str(value)


def evaluation_day(options: argparse.Namespace, need: Need) -> date:
    """The day of evaluation: that of the options, else that of the need, else today in Paris."""
    return options.on or need.on or today()


def today() -> date:
    """The day that it is in Paris."""
    return datetime.now(UTC).astimezone(PARIS).date()


def allot_need(options: argparse.Namespace, settings: Settings) -> int:
    """Find proposals of lots for the need, and print them beside the lots as given."""
    with faults_as_failure(options.need):
        need = JsonBody(AllotmentNeed).decode(file_bytes(options.need))
    index, reference = load_index(settings, options.organisation)
    with faults_as_failure(options.need):
        found = allot(need, index, reference, evaluation_day(options, need), LANGUAGE)
    show_answer(found, allotment_parts(need, found), as_json=options.json)
    return 0


def show_supply(options: argparse.Namespace, settings: Settings) -> int:
    """Print the supply of the union of the territories, as a table or as the JSON of GET /supply."""
    live, reference = load_index(settings, options.organisation)
    taxonomy = reference.taxonomy
    segments = tuple(taxonomy.segments if options.segments is None else dict.fromkeys(options.segments.split(",")))
    if wrong := [unknown_segment(code, taxonomy).en for code in segments if not taxonomy.known(code)]:
        raise CommandFailed("\n".join(wrong))
    try:
        territory = reference.geography.territory(TerritoryRequest(codes=tuple(options.territory)))
    except InvalidContent as invalid:
        raise CommandFailed("\n".join(problem.detail.en for problem in invalid.problems)) from None
    on = options.on or today()
    found = SupplySearch(live, territory, on, reference.rules).supply(segments, taxonomy, LANGUAGE)
    show_answer(found, supply_parts(found, taxonomy), as_json=options.json)
    return 0


def explain_title(options: argparse.Namespace, _: Settings) -> int:
    """Print how a title is read: words set aside, phrases recognised, segments meant; returns 1 where none is."""
    trades, need = taxonomy.load(), options.need or ""
    reader = TitleReader(trades, territory.load(), word_model.load())
    explained = reader.explain(options.title, need)
    write_parts(title_parts(explained, trades, reader, f"{need} {options.title}"), console())
    return 0 if explained.given else 1


def load_index(settings: Settings, organisation: str | None = None) -> tuple[LiveIndex, Reference]:
    """The index of all suppliers in the database, and the reference data, which load while the database starts.

    `organisation`: the name or id of one, whose notes on suppliers are laid over it. Raises CommandFailed.
    """
    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as background:
            loading = background.submit(load_reference, settings.rules)
            url = stack.enter_context(attached_database(settings))
        reference = loading.result()
        files = IndexFiles(settings.index_folder, reference)
        return asyncio.run(_load_with_notes(url, files, organisation)), reference


async def _load_with_notes(url: str, files: IndexFiles, organisation: str | None) -> LiveIndex:
    database = engine(url, pool_size=0)
    index = await IndexLoader(url, database, files).load_first()
    if organisation is None:
        return index
    async with transaction(database) as connection:
        owner = (await own_organisation(connection, organisation)).id
        return index.with_notes((await noted_suppliers(connection, [owner]))[owner])


def read_needs(name: str, reference: Reference) -> Iterator[NeedOfFile | CommandFailed]:
    """Yield each need of a file (plain or gzip; `-`: standard input) or, for a faulty one, what is wrong with it.

    Raises CommandFailed where the file cannot be read, or has one need only, which is wrong.
    """
    raw = file_bytes(name)
    if raw.lstrip()[:4].startswith(XML_BEGINNINGS):
        with faults_as_failure(name):
            yield NeedOfFile(name, *need_in_xml(raw, reference))
        return
    try:
        document = msgspec.json.decode(raw)
    except NOT_JSON:
        try:  # or one on each line
            document = [msgspec.json.decode(line) for line in raw.splitlines() if line.strip()]
        except NOT_JSON:
            document = None
    notices = list(boamp.records_in(document))
    if not notices:
        with faults_as_failure(name):
            yield NeedOfFile(name, JsonBody(NeedAndProcedure).decode(raw), ())
    for at, notice in notices:
        where = f"{name}{at}" if len(notices) > 1 else name
        try:
            with faults_as_failure(where):
                read = NeedOfFile(where, *need_of(boamp.read(notice, at), reference))
        except CommandFailed as failed:
            if len(notices) == 1:
                raise
            yield failed
        else:
            yield read


@contextmanager
def faults_as_failure(name: str) -> Iterator[None]:
    """Turn faults found in the block into CommandFailed: a line for each fault, with the file's name."""
    try:
        yield
    except InvalidContent as invalid:
        lines = (f"{name}: {problem.pointer or '/'}: {problem.detail.en}" for problem in invalid.problems)
        raise CommandFailed("\n".join(lines)) from None
    except (Refusal, MalformedNotice) as refusal:
        raise CommandFailed(f"{name}: {refusal.detail.en}") from None


def file_bytes(name: str) -> bytes:
    """The bytes of a file, or of standard input for `-`, decompressed. Raises CommandFailed."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandFailed(f"cannot read {name}: {error.strerror}") from None
    if raw.startswith(GZIP):
        member = zlib.decompressobj(wbits=31)
        try:
            raw = member.decompress(raw, MOST_BYTES)
        except zlib.error:
            raise CommandFailed(f"{name}: the gzip compression is broken") from None
        if not member.eof:
            wrong = f"larger than {MOST_BYTES >> 20} MiB" if len(raw) == MOST_BYTES else "cut short"
            raise CommandFailed(f"{name}: the compressed file is {wrong}")
    return raw.removeprefix(BYTE_ORDER_MARK)


def _unread_parts(read: NeedOfFile) -> Iterator[Part]:
    """The unread parts of a notice as printed parts, in French; none where the need was read from no notice.

    What matters to the need is told in sentences, the rest by names; the answer of POST /notices has every path.
    """
    if not read.unread:
        return
    yield Headline(f"Avis lu : {read.name}")
    if noted := [f"{each.detail.fr} ({each.path})" for each in read.unread if not each.expected]:
        yield Remarks("À vérifier, lu autrement ou pas lu :", noted)
    others = (_POSITION.sub("", each.path.rpartition("/")[2]) for each in read.unread if each.expected)
    if names := ", ".join(dict.fromkeys(others)):
        yield f"Sans place dans un besoin : {names}"
    yield ""
