"""The route `POST /spending`: payments or contracts counted by what their suppliers are; nothing is stored."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.auth import require_scope
from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_work import FunctionTask
from api.web.content_negotiation import CSV, JSON, NDJSON
from api.web.request_body import JsonBody, missing_body, require_coding, require_media, whole_body
from db.core.engine import Connection, transaction
from db.needs.needs import awards_until
from db.suppliers.read import living_suppliers, payees_of
from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem
from domain.reference.taxonomy import Taxonomy
from domain.spending.payment import PaidInTable, Payee, Payment, PaymentLine
from domain.spending.spending import NOT_KNOWN, Rejected, Spending, SpendingFigures, count_spending
from domain.suppliers.source import RowError
from domain.text.bilingual import Language, Text, printed_euros, said_by
from domain.text.bilingual import day as day_in_words
from domain.text.labels import NO_KIND, SPENDING_FIGURES, SPENDING_INDICATORS
from matching.reference import Reference
from sources.file_types.csv_cells import Cell, csv_of
from sources.file_types.workbook import MOST_SHEETS, NOT_CSV, ODS, XLSX, Sheet, sheets_of
from sources.rows import UnreadableFile, lines
from sources.spending.payment_table import (
    MOST_LINES,
    PaymentSums,
    ReadPayments,
    SegmentReader,
    cents_of,
    payments_in_tables,
    read_number,
)

_SAID = said_by(__name__)
APART = {reason: _SAID[reason] for reason in ("in_table", "other_years", "no_siret", "no_amount")}
NOT_JSON = Text("Cette ligne n'est pas du JSON", "This line is no JSON")
FEW_BYTES = 16 << 10
"""A longer table is read and counted in another process."""


class SpendingLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payments or contracts to be counted."""

    lines: Annotated[tuple[PaymentLine, ...], msgspec.Meta(max_length=MOST_LINES)]
    """Of any years"""
    awards: bool | None = None
    """Count in the awards that the organisation recorded, as the parameter `awards` does"""


class SpendingQuery(msgspec.Struct, frozen=True):
    """The parameter of a count of spending."""

    awards: bool | None = None
    """Count in the awards that the organisation recorded here (scope `needs`); null: where the key has that scope"""


class PackedPayments(NamedTuple):
    """Payments as they pass between processes: encoded, their cents by segment, the numbers to look up.

    `paid`: by which awards are told from payments.
    """

    payments: bytes
    by_segment: dict[str, int]
    sirets: list[str]
    paid: PaidInTable
    rejected: Rejected
    awards: bool | None


LookedUp = tuple[list[Payment], dict[str, int], list[Payee], list[RowError]]
"""Awards as payments, the cents of all by segment, known payees, and the awards that are not added."""
_LINES, _LIST = JsonBody(SpendingLines), JsonBody(tuple[PaymentLine, ...])
_read_line = msgspec.json.Decoder(PaymentLine).decode
encode_packed = msgspec.msgpack.Encoder().encode
_read_payments = msgspec.msgpack.Decoder(list[Payment]).decode
_read_looked_up = msgspec.msgpack.Decoder(LookedUp).decode


@endpoint(
    "POST",
    "/spending",
    tag="Match",
    scope="match",
    answers={JSON: Spending, CSV: str},
    takes={JSON: SpendingLines, CSV: str, XLSX: bytes, ODS: bytes, NDJSON: PaymentLine},
    file="depenses",
    problems=("too-many-requests", "match-not-finished"),
)
async def get_spending(call: Call, query: SpendingQuery) -> Response[bytes]:
    """Count payments or contracts.

    Euros and shares by what each supplier is at the time of each line: of the social economy, of the handicap sector,
    an inclusion company, by kind, year and segment, and the indicators of a SPASER (L2111-3) and of the PNAD with their
    rule. An approval counts where it covers the day; one without dates counts, told in `undated_eur`. A supplier is
    found by its SIRET, else by other establishments of its SIREN, told in `by_siren_eur`. Whoever is not in the
    directory, or of whom it knows nothing, is unknown: never counted as outside of the social economy.

    Takes a table (CSV, `.xlsx`, `.ods`) whose columns are found by their French or English titles, or lines as JSON; at
    most 100,000 lines. Of a workbook the first sheet with payments is read, and those with its columns. A line with a
    fault is listed and stops no other; of a JSON array or object it is refused (422). Sums are made in whole cents.
    Awards that the organisation recorded are counted in, each once: those that the table may have, or of other years,
    are told in `awards_apart`. Nothing is stored. As CSV a row per figure.
    """
    media = require_media(call.headers, (CSV, XLSX, ODS, JSON, NDJSON))
    require_coding(call.headers, ("identity",))
    raw = await whole_body(call, call.services.settings.body_limit, call.share_of_body)
    if not raw.strip():
        raise missing_body()
    found = await spending_of(call, raw, media, awards=query.awards)
    if call.media_type == CSV:
        rows = figure_rows(found, call.services.reference.taxonomy, call.language)
        return Response(csv_of(FIGURE_COLUMNS, rows, call.csv), media_type=f"{CSV}; charset=utf-8")
    return Response(msgspec.json.encode(found), media_type=JSON)


async def spending_of(call: Call, raw: bytes, media: str, *, awards: bool | None) -> Spending:
    """The spending that the lines of a body make, with the organisation's awards, unless they are to be left out.

    Raises Refusal (400, 403, 429, 503), and InvalidContent (422) for what cannot be read.
    """
    if awards:
        require_scope(call.bearer, "needs")
    services, organisation, is_much = call.services, call.bearer.organisation_id, len(raw) > FEW_BYTES
    run, key = services.match_work.run, str(organisation)
    reading = FunctionTask(read_body, (raw, media, call.language), is_much)
    packed = await run(reading, key, call.wait_for_disconnect)
    asked = packed.awards if awards is None else awards
    if asked:
        require_scope(call.bearer, "needs")
    owner = organisation if asked or (asked is None and call.bearer.may("needs")) else None
    async with transaction(services.database) as connection:
        found = await look_up_payees(connection, packed, owner, call.language)
    counting = packed, encode_packed(found), services.today(), call.language
    return await run(FunctionTask(count_packed, counting, is_much), key, call.wait_for_disconnect)


async def look_up_payees(
    connection: Connection, packed: PackedPayments, organisation_id: UUID | None, language: Language
) -> LookedUp:
    """The awards of an organisation (None: of none), each counted once, and all known payees; see `LookedUp`."""
    added, payees, by_segment, apart = list[Payment](), list[Payee](), Counter(packed.by_segment), list[RowError]()
    if organisation_id is not None:
        recorded = await awards_until(connection, organisation_id, date.max)
        living = await living_suppliers(connection, {each.supplier_id for each in recorded})
        for place, award in enumerate(recorded, 1):
            winner = living.get(award.supplier_id)
            number, is_sound = read_number(award.supplier_siret or (winner.siret if winner else "") or "")
            if not number and winner is not None:
                number = str(winner.id)
                payees.append(Payee(number, winner.approvals, winner.legal_form, winner.ess))
            cents, day = cents_of(award.value_eur or 0), award.awarded_on
            reason = "no_amount" if award.value_eur is None else packed.paid.reason_apart(number, cents, day)
            if reason:
                euros = printed_euros(cents / 100, language)
                named = APART[reason].filled(supplier=award.supplier_name, on=day_in_words(day, language), euros=euros)
                apart.append(RowError(place, str(award.id), "", reason, named.to(language)))
                continue
            by_segment[next(iter(award.segments), NOT_KNOWN)] += cents
            added.append(Payment(0, None, award.supplier_name, number, is_sound, day, day, bool(award.reserved), cents))
    sirets = (*packed.sirets, *(each.number for each in added))
    sirens = (*packed.paid.sirens, *(each.siren for each in added if each.siren))
    return added, by_segment, [*payees, *await payees_of(connection, sirets, sirens)], apart


def read_body(reference: Reference, raw: bytes, media: str, language: Language) -> PackedPayments:
    """The payments in a body. Raises Refusal (400) and InvalidContent (422)."""
    segments = SegmentReader(reference.taxonomy, reference.cpv, reference.interpreter)
    wants_awards: bool | None = None
    if media == JSON:
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        path: tuple[str, ...] = ("lines",)
        if raw.lstrip().startswith(b"["):
            items, path = _LIST.decode(raw), ()
        else:
            body = _LINES.decode(raw)
            items, wants_awards = body.lines, body.awards
        sums = PaymentSums(language)
        for at, each in enumerate(items):
            sums.add_line(at + 1, each, (*path, at))
        read = sums.result(segments)
    elif media == NDJSON:
        read = _payments_in_lines(raw, segments, language)
    else:
        is_book = media != CSV or raw.startswith(NOT_CSV)
        sheets = sheets_of(raw, MOST_SHEETS) if is_book else [Sheet(raw, "", ())]
        read = payments_in_tables(sheets, segments, language)
    sirets = {each.number for each in read.payments if each.number}
    payments, paid = encode_packed(read.payments), PaidInTable.by(read.payments)
    return PackedPayments(payments, read.by_segment, sorted(sirets), paid, read.rejected, wants_awards)


def _payments_in_lines(raw: bytes, segments: SegmentReader, language: Language) -> ReadPayments:
    """The payments in lines of JSON; a line that is none, or that has a fault, is rejected."""
    sums = PaymentSums(language)
    for line in lines(BytesIO(raw)):
        if line.data is not None and not line.data.strip():
            continue
        try:
            sums.add_line(line.number, _read_line(line.data or b"{"))
        except UnreadableFile:
            raise
        except (InvalidContent, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            sums.reject(line.number, problems_of_line(error))
    return sums.result(segments)


def count_packed(
    reference: Reference, packed: PackedPayments, looked_up: bytes, today: date, language: Language
) -> Spending:
    """The spending that packed payments make with what was looked up for them, encoded; see `count_spending`."""
    awards, by_segment, payees, apart = _read_looked_up(looked_up)
    euros, in_table = sum(each.cents for each in awards) / 100, sum(e.code in ("in_table", "no_siret") for e in apart)
    counted = {"awards": len(awards), "awards_eur": euros, "awards_in_table": in_table, "awards_apart": tuple(apart)}
    rejected = msgspec.structs.replace(packed.rejected, **counted)
    every = [*_read_payments(packed.payments), *awards]
    return count_spending(every, by_segment, payees, rejected, reference.rules, today, language)


def problems_of_line(error: Exception) -> tuple[Problem, ...]:
    """The problems of a line of JSON that could not be taken."""
    if isinstance(error, InvalidContent):
        return error.problems
    if isinstance(error, msgspec.ValidationError):
        return (explain(error, PaymentLine),)
    return (Problem("", "malformed_json", NOT_JSON),)


FIGURE_COLUMNS = ("figure", "year", "label", "value_eur", "lines", "share", "target", "article")
EUROS = tuple(each.removesuffix("_eur") for each in SpendingFigures.__struct_fields__ if each.endswith("_eur"))
"""The names of the sums in euros, without their ending."""


def figure_rows(found: Spending, taxonomy: Taxonomy, language: Language) -> Iterator[Sequence[Cell]]:
    """The figures of a spending as rows of a table, in the columns FIGURE_COLUMNS; first those of all years."""
    for year, figures in (("", found), *((each.year, each) for each in found.years)):
        for figure, words, euros in _sums(figures, taxonomy, language):
            share = round(euros / figures.total_eur, 4) if figures.total_eur > 0 else None
            yield figure, year, words, euros, None, share, None, None
        if figures is found and found.awards:
            words = SPENDING_FIGURES["awards"].to(language)
            yield "awards_eur", year, words, found.awards_eur, found.awards, None, None, None
        for name in ("lines", "lines_unknown"):
            yield name, year, SPENDING_FIGURES[name].to(language), None, getattr(figures, name), None, None, None
        for each in figures.indicators:
            told = (each.value, None) if each.unit == "eur" else (None, each.value)
            words = SPENDING_INDICATORS[each.code].to(language)
            yield f"indicators.{each.code}", year, words, *told, each.share, each.target, each.article


def _sums(figures: SpendingFigures, taxonomy: Taxonomy, language: Language) -> Iterator[tuple[str, str, float]]:
    """The sums of some payments: the dotted path of each, its words, and its euros."""
    for name in EUROS:
        yield f"{name}_eur", SPENDING_FIGURES[name].to(language), getattr(figures, f"{name}_eur")
    for kind, euros in figures.by_kind.items():
        yield f"by_kind.{kind}", NO_KIND[kind].to(language) if kind in NO_KIND else kind, euros
    if isinstance(figures, Spending):
        for segment, euros in figures.by_segment.items():
            words = NO_KIND[segment].to(language) if segment in NO_KIND else taxonomy.label(segment)
            yield f"by_segment.{segment}", words, euros
