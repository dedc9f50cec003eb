"""`vivier programme` and `spending`: a year of planned purchases, or of payments, answered in this process.

They answer what `POST /programme` and `POST /spending` answer, with the suppliers in the database.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

from api.commands.answers import count_with_noun
from api.commands.command import USAGE, CommandFailed, own_organisation, run_in_transaction
from api.commands.console import Col, Facts, Headline, Part, Remarks, Rows, show_answer, step_bars
from api.commands.imports import MEDIA_TYPES
from api.commands.match import LANGUAGE, faults_as_failure, file_bytes, load_index, today
from api.desk.frame.layout import CODE_WORDS
from api.programme import BODY, AnsweredLines, answered_lines, programme_of, table_of
from api.settings import Settings
from api.spending import (
    FIGURE_COLUMNS,
    LookedUp,
    PackedPayments,
    count_packed,
    encode_packed,
    figure_rows,
    look_up_payees,
    read_body,
)
from db.api_keys import list_organisations
from db.core.engine import Connection
from db.needs.needs import awards_until
from domain.needs.need import Buyer
from domain.programme.programme import Programme
from domain.reference.territory import UnknownTerritory
from domain.spending.spending import Spending
from domain.text.bilingual import known_count, printed_euros, whole
from domain.text.labels import NO_KIND, SPENDING_FIGURES, SPENDING_INDICATORS
from matching.inspection.programme_lines import LINES_AT_ONCE, match_lines, need_of_lines
from matching.reference import Reference, load_reference
from sources.file_types.csv_cells import csv_of
from sources.programmes.programme_file import PlannedProgramme, read_programme_file, read_programme_request

LISTED, MOST_ORGANISATIONS = 10, 1_000
SHARES = ("ess", "handicap", "iae", "not_ess", "unknown")


def answer_programme(options: argparse.Namespace, settings: Settings) -> int:
    """Answer a table line by line: print the lines in the order of what is worth doing, the table, or JSON."""
    content = file_bytes(options.file)
    index, reference = load_index(settings)
    with faults_as_failure(options.file):
        planned = _read(options, content, reference)
    on, answered = options.on or today(), list[AnsweredLines]()
    with step_bars() as move_bar:
        for start in range(0, len(planned.lines), LINES_AT_ONCE):
            move_bar("lines", start / len(planned.lines))
            lines = planned.lines[start : start + LINES_AT_ONCE]
            days = [each.planned_publication_on for each in lines]
            need = need_of_lines(lines, planned.buyer, on)
            found = match_lines(need, index, reference, on, LANGUAGE, planned=days)
            answered.append(answered_lines(lines, found, LANGUAGE))
    programme = programme_of(planned, answered, index, reference, on)
    if options.csv:
        sys.stdout.buffer.write(table_of(planned, programme, "plain"))
    else:
        show_answer(programme, _programme_parts(programme), as_json=options.json)
    return 0


def _read(options: argparse.Namespace, content: bytes, reference: Reference) -> PlannedProgramme:
    """The programme in a file. Raises InvalidContent, Refusal, and CommandFailed for an unknown territory."""
    for code in options.territory:
        try:
            reference.territories.area(code)
        except UnknownTerritory as unknown:
            raise CommandFailed(unknown.detail.en) from None
    asked = tuple(options.territory)
    buyer = Buyer(siret=options.siret, kind=options.kind) if options.siret or options.kind else None
    if content.lstrip()[:1] == b"{":
        return read_programme_request(reference, BODY.decode(content), asked, LANGUAGE)
    return read_programme_file(reference, content, asked, buyer, LANGUAGE)


def _programme_parts(programme: Programme) -> Iterator[Part]:
    """The answer to a programme as printed parts, in French."""
    summary = programme.summary
    lines = count_with_noun(summary.lines, "ligne")
    yield Headline(f"Programmation : {lines}, {whole(summary.value_eur).fr} € HT dont le montant est connu")
    words = CODE_WORDS["planned_actions"]
    yield Facts([(words[code].fr.capitalize(), whole(count).fr) for code, count in summary.by_action.items()])
    columns = (Col("ligne", is_number=True), Col("objet", 2), Col("montant", is_number=True), Col("fournisseurs"))
    rows = (
        (
            f"{each.sheet or ''} {each.line}".strip(),
            each.title,
            "?" if each.read.value_eur is None else whole(each.read.value_eur).fr,
            known_count(each.eligible, each.unknown).fr,
            each.action.message,
        )
        for each in programme.items
    )
    yield Rows((*columns, Col("proposition", 2)), rows)
    for each in summary.sheets:
        unread = [f"autres colonnes : {', '.join(each.others)}"] if each.others else []
        unread += [f"rangs laissés de côté : {', '.join(map(str, each.rows_left))}"] if each.rows_left else []
        unread += [] if each.columns else ["feuille masquée, ou sans tableau d'achats reconnu"]
        if unread:
            yield Remarks(f"{each.sheet or 'Tableau'}, non lu ou seulement à défaut :", unread)
    if programme.errors:
        faults = [f"{_place(each.sheet, each.line)} : {each.detail}" for each in programme.errors]
        yield Remarks("Lignes en erreur :", faults)


def count_spending(options: argparse.Namespace, settings: Settings) -> int:
    """Count the table in a file and print its figures, as a table, CSV or the JSON of POST /spending."""
    path = Path(options.file)
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise CommandFailed(f"the name of a table ends in {', '.join(MEDIA_TYPES)}: {path}", USAGE)
    reference = load_reference(settings.rules)
    with faults_as_failure(str(path)):
        packed = read_body(reference, file_bytes(options.file), media_type, LANGUAGE)
    looked_up = run_in_transaction(settings, lambda connection: _look_up(connection, packed, options))
    found = count_packed(reference, packed, encode_packed(looked_up), today(), LANGUAGE)
    if options.csv:
        sys.stdout.buffer.write(csv_of(FIGURE_COLUMNS, figure_rows(found, reference.taxonomy, LANGUAGE)))
    else:
        show_answer(found, _spending_parts(found), as_json=options.json)
    return 0


async def _look_up(connection: Connection, packed: PackedPayments, options: argparse.Namespace) -> LookedUp:
    """The awards of an organisation, and what `look_up_payees` finds. Raises CommandFailed where it is to be named."""
    owners = list[UUID]()
    if options.awards is not None:
        owners = [(await own_organisation(connection, options.awards)).id]
    elif not options.no_awards:
        all_of_them = await list_organisations(connection, None, None, MOST_ORGANISATIONS)
        owners = [each.id for each in all_of_them if await awards_until(connection, each.id, date.max)]
    if len(owners) > 1:
        raise CommandFailed("several organisations recorded awards: say which by --awards, or --no-awards", USAGE)
    return await look_up_payees(connection, packed, owners[0] if owners else None, LANGUAGE)


def _spending_parts(found: Spending) -> Iterator[Part]:
    """The figures of a spending as printed parts, in French: shares, kinds, years, indicators, what was left out."""
    yield Headline(f"Dépenses : {printed_euros(found.total_eur, LANGUAGE)}")
    yield f"{found.lines} lignes, {found.suppliers.total} fournisseurs"
    if found.awards:
        yield f"{SPENDING_FIGURES['awards'].fr} : {found.awards}, {printed_euros(found.awards_eur, LANGUAGE)}"
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
    if found.awards_apart:
        yield Remarks("Attributions notées ici qui ne sont pas ajoutées :", [e.detail for e in found.awards_apart])
    if found.not_sirets:
        listed = (f"{_place(e.sheet, e.line)} : {e.siret or 'rien'}" for e in found.not_sirets[:LISTED])
        yield Remarks("Lignes sans SIRET juste, comptées comme inconnues :", listed)
    if found.errors:
        listed = (f"{_place(e.external_id, e.line)} : {e.detail}" for e in found.errors[:LISTED])
        yield Remarks(f"Lignes qui ne sont pas comptées ({found.rejected}) :", listed)
    for what, left in (("Colonnes", found.columns_left), ("Feuilles", found.sheets_left)):
        if left:
            yield Remarks(f"{what} non lues :", left)


def _place(sheet: str | None, line: int) -> str:
    return f"{sheet}, ligne {line}" if sheet else f"ligne {line}"


def _amount(euros: float, whole: float) -> tuple[str, str]:
    return printed_euros(euros, LANGUAGE), _percent(euros / whole if whole > 0 else None)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %".replace(".", ",")
