"""`vivier spending`: a table of payments or contracts counted as `POST /spending` counts it, in this process."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from api.commands.command import USAGE, CommandFailed, run_in_transaction
from api.commands.console import Col, Headline, Part, Remarks, Rows, show_answer
from api.commands.imports import MEDIA_TYPES
from api.settings import Settings
from api.spending import (
    FIGURE_COLUMNS,
    PackedPayments,
    count_packed,
    encode_packed,
    figure_rows,
    look_up_payees,
    read_body,
)
from api.web.problems import Refusal
from db.api_keys import find_by_name_or_id
from db.core.engine import Connection
from domain.errors import InvalidContent
from domain.spending.payment import Payee, Payment
from domain.spending.spending import Spending
from domain.text.bilingual import PARIS, Language, printed_euros
from domain.text.labels import NO_KIND, SPENDING_FIGURES, SPENDING_INDICATORS
from matching.reference import load_reference
from sources.file_types.csv_cells import csv_of

LANGUAGE: Language = "fr"
LISTED = 10
SHARES = ("ess", "handicap", "iae", "not_ess", "unknown")


def count_file(options: argparse.Namespace, settings: Settings) -> int:
    """Count the table in a file and print its figures, as a table, CSV or the JSON of POST /spending."""
    path = Path(options.file)
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise CommandFailed(f"the name of a table ends in {', '.join(MEDIA_TYPES)}: {path}", USAGE)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
    reference = load_reference(settings.rules)
    try:
        packed = read_body(reference, raw, media_type, LANGUAGE)
    except InvalidContent as invalid:
        lines = (f"{path}: {problem.pointer or '/'}: {problem.detail.en}" for problem in invalid.problems)
        raise CommandFailed("\n".join(lines)) from None
    except Refusal as refusal:
        raise CommandFailed(f"{path}: {refusal.detail.en}") from None
    added, payees = run_in_transaction(settings, lambda connection: _look_up(connection, packed, options.awards))
    today = datetime.now(UTC).astimezone(PARIS).date()
    found = count_packed(reference, packed, encode_packed(added), encode_packed(payees), today, LANGUAGE)
    if options.csv:
        sys.stdout.buffer.write(csv_of(FIGURE_COLUMNS, figure_rows(found, reference.taxonomy, LANGUAGE)))
    else:
        show_answer(found, _spending_parts(found), as_json=options.json)
    return 0


async def _look_up(
    connection: Connection, packed: PackedPayments, organisation: str | None
) -> tuple[list[Payment], list[Payee]]:
    """The awards of the organisation of this name or id, None for none, and known payees. Raises CommandFailed."""
    if organisation is None:
        return await look_up_payees(connection, packed, None)
    known = await find_by_name_or_id(connection, organisation)
    if known is None:
        raise CommandFailed(f"there is no organisation {organisation[:100]}")
    return await look_up_payees(connection, packed, known.id)


def _spending_parts(found: Spending) -> Iterator[Part]:
    """The figures of a spending as printed parts, in French: shares, kinds, years, indicators, what was left out."""
    yield Headline(f"Dépenses : {printed_euros(found.total_eur, LANGUAGE)}")
    yield f"{found.lines} lignes, {found.suppliers.total} fournisseurs"
    amounts = Col("", 1), Col("Euros", is_number=True), Col("Part", is_number=True)
    whole = found.total_eur
    shares = ((SPENDING_FIGURES[name].fr, getattr(found, f"{name}_eur")) for name in SHARES)
    yield Rows(amounts, ((words, *_amount(euros, whole)) for words, euros in shares))
    kinds = ((NO_KIND[kind].fr if kind in NO_KIND else kind, euros) for kind, euros in found.by_kind.items())
    yield Headline("Par agrément, à la date de chaque ligne")
    yield Rows(amounts, ((words, *_amount(euros, whole)) for words, euros in kinds))
    yield Headline("Année par année")
    columns = (
        Col("Année"),
        *(Col(name, is_number=True) for name in ("Total", "ESS", "Handicap", "Insertion", "Inconnu")),
    )
    names = ("total", "ess", "handicap", "iae", "unknown")
    yield Rows(
        columns,
        ((e.year, *(printed_euros(getattr(e, f"{name}_eur"), LANGUAGE) for name in names)) for e in found.years),
    )
    yield Headline("Indicateurs du SPASER et du PNAD")
    yield Rows(
        (Col("Indicateur", 1), Col("Part", is_number=True), Col("Cible", is_number=True), Col("Article")),
        (
            (SPENDING_INDICATORS[e.code].fr, _percent(e.share), _percent(e.target), e.article or "")
            for e in found.indicators
        ),
    )
    if found.not_sirets:
        listed = (f"ligne {e.line} : {e.siret or 'rien'}" for e in found.not_sirets[:LISTED])
        yield Remarks("Lignes sans SIRET juste, comptées comme inconnues :", listed)
    if found.errors:
        listed = (f"ligne {each.line} : {each.detail}" for each in found.errors[:LISTED])
        yield Remarks(f"Lignes qui ne sont pas comptées ({found.rejected}) :", listed)


def _amount(euros: float, whole: float) -> tuple[str, str]:
    return printed_euros(euros, LANGUAGE), _percent(euros / whole if whole > 0 else None)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %".replace(".", ",")
