"""`vivier programme`: a table of planned purchases answered in this process, among the suppliers in the database."""

import argparse
import sys
from collections.abc import Iterator

from api.commands.answers import count_with_noun
from api.commands.command import CommandFailed
from api.commands.console import Col, Facts, Headline, Part, Remarks, Rows, show_answer, step_bars
from api.commands.match import LANGUAGE, faults_as_failure, file_bytes, load_index, today
from api.desk.frame.layout import CODE_WORDS
from api.programme import BODY, AnsweredLines, answered_lines, programme_of, table_of
from api.settings import Settings
from domain.needs.need import Buyer
from domain.programme.programme import Programme
from domain.reference.territory import UnknownTerritory
from domain.text.bilingual import known_count, whole
from matching.inspection.programme_lines import LINES_AT_ONCE, match_lines, need_of_lines
from matching.reference import Reference
from sources.programmes.programme_file import PlannedProgramme, read_programme_file, read_programme_request


def run(options: argparse.Namespace, settings: Settings) -> int:
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
        show_answer(programme, programme_parts(programme), as_json=options.json)
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


def programme_parts(programme: Programme) -> Iterator[Part]:
    """The answer to a programme as printed parts, in French."""
    summary = programme.summary
    lines = count_with_noun(summary.lines, "ligne")
    yield Headline(f"Programmation : {lines}, {whole(summary.value_eur).fr} € HT dont le montant est connu")
    words = CODE_WORDS["planned_actions"]
    yield Facts([(words[code].fr.capitalize(), whole(count).fr) for code, count in summary.by_action.items()])
    columns = (Col("ligne", is_number=True), Col("objet", 2), Col("montant", is_number=True), Col("candidats"))
    rows = (
        (
            str(each.line),
            each.title,
            "?" if each.read.value_eur is None else whole(each.read.value_eur).fr,
            known_count(each.eligible, each.unknown).fr,
            each.action.message,
        )
        for each in programme.items
    )
    yield Rows((*columns, Col("proposition", 2)), rows)
    if programme.errors:
        faults = [
            f"{f'{each.sheet}, ' if each.sheet else ''}ligne {each.line} : {each.detail}" for each in programme.errors
        ]
        yield Remarks("Lignes en erreur :", faults)
