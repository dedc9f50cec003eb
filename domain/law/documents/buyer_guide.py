"""The buyer's guide, `docs/achat.md`: rules in the order of a purchase, each with its article and its confidence."""

import re
import textwrap
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files

import msgspec

from domain.law.findings import days
from domain.law.rules import RuleRow, Rules
from domain.shortlists.shortlist import Confidence
from domain.text.bilingual import long_date

WIDTH = 124
SOON = timedelta(days=366)
"""How long before its first day a known change is announced."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_UNBROKEN = re.compile(r"(?<=«) | (?=[;:?!»€%])|(?<=\d) (?=\d{3}\b)")
"""The spaces at which French does not end a line."""
MARKS: dict[Confidence, str] = {"high": "●", "medium": "◐", "low": "○"}


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of a purchase. `paragraphs`: a lead of a few words, and the ids of the rules that follow it."""

    title: str
    introduction: str
    paragraphs: tuple[tuple[str, str], ...]


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A purchase told with the figures that Vivier gives for it, in Markdown as it is printed."""

    title: str
    text: str


class Guide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `buyer_guide.toml`. `not_covered`: the questions for which no sure source was found."""

    introduction: str
    not_covered: tuple[str, ...]
    allotting: str
    step: tuple[Step, ...]
    example: tuple[Example, ...]


def load() -> Guide:
    """The order of the guide, from `domain/data/buyer_guide.toml`."""
    return msgspec.toml.decode((files("domain") / "data" / "buyer_guide.toml").read_bytes(), type=Guide)


def page(rules: Rules) -> str:
    """The guide in the state of the law on the day it was last read through; raises NotFound on an unknown rule."""
    guide, day = load(), rules.vintage
    blocks = ["# Guide de l'acheteur public", guide.introduction.format(day=long_date(day).fr).strip()]
    for number, step in enumerate(guide.step, start=1):
        blocks += [f"## {number}. {step.title}", step.introduction]
        blocks += [text for lead, ids in step.paragraphs if (text := _paragraph(lead, ids.split(), rules, day))]
    blocks += ["## De l'offre aux lots : deux exemples", guide.allotting.strip()]
    examples = [f"### {example.title}\n\n{example.text.strip()}" for example in guide.example]
    questions = [
        "## Ce qui n'est pas traité",
        "Pour ces questions aucune source assez sûre n'a été trouvée, ou elles sortent de ce que Vivier examine :",
        "\n".join(f"- {question} ;" for question in guide.not_covered).removesuffix(" ;") + ".",
    ]
    return "\n\n".join((*map(_wrapped, blocks), *examples, *map(_wrapped, questions))) + "\n"


def _paragraph(lead: str, ids: list[str], rules: Rules, day: date) -> str:
    """The statements of these rules in a row; nothing where none is in force."""
    statements = [statement for rule_id in ids for statement in _statements(rules.history(rule_id), day)]
    stop = "" if lead.endswith("?") else "."
    return f"**{lead}{stop}** {' '.join(statements)}" if statements else ""


def _statements(history: tuple[RuleRow, ...], day: date) -> Iterator[str]:
    """The rule's statement on that day, then any that it is known to make from a day within a year."""
    row, *later = (row for row in history if row.valid_until is None or day <= row.valid_until)
    if row.status == "in_force":
        yield _marked(row)
    for change in later:
        if change.status == "in_force" and change.valid_from is not None and change.valid_from <= day + SOON:
            yield f"À partir du {days(change.valid_from).fr} : {_marked(change)}"


def _marked(row: RuleRow) -> str:
    return f"{_UNBROKEN.sub(_NO_BREAK, row.message.fr)}{_NO_BREAK}{MARKS[row.confidence]}."


def _wrapped(block: str) -> str:
    """A block of Markdown in lines of the width of the other guides; an item of a list goes on indented."""
    return "\n".join(
        textwrap.fill(
            line,
            WIDTH,
            subsequent_indent="  " if line.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in block.splitlines()
    )
