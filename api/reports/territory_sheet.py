"""The état des lieux of a territory as a handout of at most four pages, set by typst.

Who is there by kind and trade, what is not known, what could be bought there, and whom to ask first.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from api.draw_maps_and_charts import Drawing
from api.reports.html_and_pdf import FONT, pdf_of, printable_text, with_glyphs
from domain.suppliers.known_trades import KindOrNone
from domain.suppliers.source import SourceSummary
from domain.suppliers.supplier import Kind
from domain.supply import SegmentSupply, Supply
from domain.text.bilingual import Language, Text, day, printed_count, typeset
from domain.text.labels import KINDS, TENSIONS
from sources.pool.manifest import published_files

TEMPLATE = (files("api.reports") / "territory.typ").read_text(encoding="utf-8")
MOST_TRADES, MOST_ASKED, MOST_ABSENT, MOST_SOURCES = 24, 36, 40, 12
"""Rows that leave the handout within four pages."""


class SupplierToAsk(NamedTuple):
    """A supplier of unknown trade, as the handout names it; `last`: to be asked after the others."""

    name: str
    kinds: tuple[Kind, ...]
    commune: str | None
    last: bool


class TerritorySheet(NamedTuple):
    """All that the handout of a territory says; `asked`: those named of the suppliers of unknown trade there."""

    supply: Supply
    map: Drawing | None
    asked: Sequence[SupplierToAsk]
    sources: Sequence[SourceSummary]
    made_at: datetime
    language: Language

    def say(self, french: str, english: str, *values: object) -> str:
        """A sentence in the language of the handout, with these values; numbers as they are printed."""
        shown = (printed_count(each, self.language) if isinstance(each, int) else each for each in values)
        return typeset(Text(french, english).to(self.language).format(*shown), self.language)

    def kind_words(self, kind: str) -> str:
        """A kind in words."""
        if kind in KINDS:
            return f"{kind}, {KINDS[kind].to(self.language)}"
        return self.say("Sans agrément connu", "No approval known")

    def percent(self, part: int, whole: int) -> str:
        """The share of a part, as printed; a dash of nothing."""
        return self.say("{} %", "{}%", round(100 * part / whole)) if whole else "–"

    def pdf(self) -> bytes:
        """The handout as PDF. Raises RuntimeError where it cannot be set."""
        supply, say = self.supply, self.say
        title = say("État des lieux : {}", "Supply: {}", supply.territory.label)
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "here": self._who_is_here,
            "unknown": self._what_is_not_known,
            "trades": self._what_could_be_bought,
            "ask": self._whom_to_ask,
            "sources": self._origins,
        }
        shown = {
            "title": title,
            "language": self.language,
            "about": say("Au {}, d'après l'annuaire de Vivier.", "On {}, by Vivier's directory.", self._day),
            "running": f"{title}, {self._day}",
            "figures": self._figures(),
            "map": self._printed_map(),
            **{name: make() for name, make in parts.items()},
        }
        drawn = shown["map"]
        page = printable({name: part for name, part in shown.items() if name != "map"}) | {"map": drawn}
        return pdf_of(TEMPLATE, msgspec.json.encode(page).decode(), int(self.made_at.timestamp()))

    @property
    def _day(self) -> str:
        return day(self.supply.on, self.language)

    def _figures(self) -> list[tuple[str, str, str]]:
        supply, say = self.supply, self.say
        present = [each for each in supply.items if each.suppliers]
        local = sum(bool(each.local) for each in present)
        then, now = supply.trades_before, supply.trades
        since = ""
        if then is not None and then.on < supply.on:
            share, on = self.percent(then.with_trade, then.suppliers), day(then.on, self.language)
            since = say("{} le {}", "{} on {}", share, on)
        return [
            (say("Structures implantées", "Suppliers that stand there"), say("{}", "{}", supply.totals.suppliers), ""),
            (
                say("Dont le métier est connu", "Of known trade"),
                self.percent(now.with_trade, now.suppliers),
                since or say("{} structures", "{} suppliers", now.with_trade),
            ),
            (
                say("Métiers proposés", "Trades on offer"),
                say("{}", "{}", len(present)),
                say("dont {} par une structure d'ici", "{} of them by one from here", local),
            ),
        ]

    def _who_is_here(self) -> dict[str, Any]:
        trades, say = self.supply.trades, self.say
        by_size = sorted(trades.by_kind, key=lambda each: -each.suppliers)
        employees = ""
        if self.supply.totals.employees_known:
            totals = self.supply.totals
            employees = say(
                "{} salariés sont connus, de {} structures.",
                "{} employees are known, of {} suppliers.",
                totals.employees,
                totals.employees_known,
            )
        return {
            "title": say("Structures implantées", "Who is here"),
            "text": employees,
            "heads": [
                say("Agrément ou convention", "Approval or agreement"),
                say("Structures", "Suppliers"),
                say("Métier connu", "Known trade"),
                "",
            ],
            "rows": [
                (
                    self.kind_words(each.kind),
                    say("{}", "{}", each.suppliers),
                    self.percent(each.with_trade, each.suppliers),
                    each.with_trade / each.suppliers,
                )
                for each in by_size
            ],
        }

    def _printed_map(self) -> dict[str, Any] | None:
        """The map as one SVG without links, with its legend; None where there is none."""
        if self.map is None or not self.map.parts:
            return None
        drawn = re.sub(r"<title>.*?</title>", "", self.map.parts[0])
        drawn = re.sub(r"<a [^>]*>", "<g>", drawn).replace("</a>", "</g>")
        drawn = drawn.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" font-family="{FONT}" ', 1)
        keys = ((re.search(r'fill="(#\w+)"', key.sign), key.text) for key in self.map.keys)
        alt = self.say("Nombre de structures implantées, par lieu", "Number of suppliers that stand there, by place")
        return {
            "svg": with_glyphs(drawn),
            "alt": alt,
            "keys": [{"colour": found[1], "text": with_glyphs(text)} for found, text in keys if found],
        }

    def _what_is_not_known(self) -> dict[str, Any]:
        supply, say = self.supply, self.say
        lacking: list[tuple[KindOrNone, int]] = [
            (each.kind, each.suppliers - each.with_trade)
            for each in supply.trades.by_kind
            if each.suppliers > each.with_trade
        ]
        unknown = supply.trades.suppliers - supply.trades.with_trade
        text = [
            say(
                "De {} structures d'ici sur {}, aucune source ne dit le métier, sinon qu'elles prêtent du personnel."
                " Elles manquent dans les comptes des métiers ci-dessous, et peuvent répondre.",
                "Of {} suppliers from here of {} no source says the trade, but that they lend staff. They are missing"
                " from the counts of trades below, and may answer.",
                unknown,
                supply.trades.suppliers,
            )
            if unknown
            else say("Le métier de chacune est connu.", "The trade of each is known.")
        ]
        missing = supply.totals.suppliers - supply.totals.employees_known
        if missing:
            text.append(say("De {}, on ne sait pas le nombre de salariés.", "Of {} the staff is not known.", missing))
        return {
            "title": say("Activités non renseignées", "What is not known"),
            "text": text,
            "heads": [say("Agrément ou convention", "Approval"), say("Métier inconnu", "Unknown trade")],
            "rows": [
                (self.kind_words(kind), say("{}", "{}", number))
                for kind, number in sorted(lacking, key=lambda each: -each[1])
            ],
        }

    def _what_could_be_bought(self) -> dict[str, Any]:
        supply, say = self.supply, self.say
        items = sorted(supply.items, key=lambda each: (-each.local, -each.suppliers, each.label))
        present = [each for each in items if each.suppliers]
        absent = [each.label for each in supply.items if not each.suppliers]
        lacking = ""
        if absent:
            lacking = say(
                "Sans structure connue ({}) : {}.", "Without a known supplier ({}): {}.", len(absent),
                _some(absent, MOST_ABSENT),
            )  # fmt: skip
        told = say(
            "Nombre de fournisseurs potentiels, métier par métier, sans et avec réservation.",
            "How many suppliers could answer here, trade by trade, and how many if the lot is reserved.",
        )
        if len(present) > MOST_TRADES:
            told += " " + say(
                "Les {} premiers métiers sur {}.", "The first {} trades of {}.", MOST_TRADES, len(present)
            )
        return {
            "title": say("Achats possibles", "What could be bought"),
            "text": told,
            "heads": [
                say("Métier", "Trade"),
                say("Fournisseurs potentiels", "Could answer"),
                say("D'ici", "From here"),
                say("Offre repérée", "Supply found"),
                say("Réservé aux EA et ESAT", "Reserved, disability"),
                say("Réservé aux SIAE", "Reserved, insertion"),
            ],
            "rows": [self._trade_row(each) for each in present[:MOST_TRADES]],
            "absent": lacking,
        }

    def _trade_row(self, each: SegmentSupply) -> tuple[str, ...]:
        def reserved(option: str) -> str:
            number: int = getattr(each.reserved, option)
            unknown = getattr(self.supply.unknown_reserved, option)
            return self.say("{}", "{}", number) if number or not unknown else self.say("inconnu", "unknown")

        tension = TENSIONS[each.tension].to(self.language)
        counts = (self.say("{}", "{}", number) for number in (each.suppliers, each.local))
        return (each.label, *counts, tension, reserved("handicap"), reserved("iae"))

    def _whom_to_ask(self) -> dict[str, Any]:
        say, unknown = self.say, self.supply.trades.suppliers - self.supply.trades.with_trade
        if not unknown:
            text = [say("Aucune : le métier de chaque structure est connu.", "Nobody: the trade of each is known.")]
        else:
            text = [
                say(
                    "Ces structures d'ici n'ont encore dit leur métier à personne. Deux minutes leur suffisent, sur"
                    " leur propre page.",
                    "These suppliers from here have told nobody their trade yet. Two minutes are enough, on a page of"
                    " their own.",
                )
            ]
            if unknown > len(self.asked):
                text.append(say("{} sur {}.", "{} of {}.", len(self.asked), unknown))
        rows = [(each.name, " · ".join(filter(None, (", ".join(each.kinds), each.commune)))) for each in self.asked]
        return {"title": say("Structures à contacter", "Whom to ask"), "text": text, "rows": rows}

    def _origins(self) -> dict[str, Any]:
        say = self.say
        published = {file.format: file.credit for file in published_files() if file.format}
        named = [
            say(
                "{} (reçu le {})",
                "{} (received on {})",
                each.label or published.get(each.name, each.name),
                day(each.last_received_at, self.language),
            )
            for each in self.sources
            if each.records and each.last_received_at
        ]
        text = [
            say("Annuaire : {}.", "Directory: {}.", _some(named, MOST_SOURCES, " ; ")),
            say(
                "Territoires : INSEE, IGN, DGCL (Licence Ouverte 2.0). Une structure est d'ici où est son point. Un"
                " métier est connu par elle, son réseau, un marché obtenu, un registre ou ses mots ; il reste à"
                " vérifier avec elle.",
                "Territories: INSEE, IGN, DGCL (Licence Ouverte 2.0). A supplier is from here where its point is. A"
                " trade is known by the supplier, its network, a contract won, a register or its words; it remains to"
                " be confirmed.",
            ),
        ]
        return {"title": say("Date et sources", "Date and sources"), "text": text}


def _some(words: Sequence[str], most: int, between: str = ", ") -> str:
    """The first of some words, joined; an ellipsis where there are more."""
    return between.join((*words[:most], *("…" for _ in words[most : most + 1])))


def printable(part: Any) -> Any:
    """A part of a document with each text as the fonts can print it."""
    if isinstance(part, str):
        return printable_text(part)
    if isinstance(part, dict):
        return {name: printable(each) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [printable(each) for each in part]
    return part


def first_to_ask(suppliers: Iterable[SupplierToAsk]) -> list[SupplierToAsk]:
    """The suppliers that the handout names, those with an approval first, by kind and name."""
    order = sorted(suppliers, key=lambda each: (each.last, not each.kinds, each.kinds, each.name.casefold()))
    return order[:MOST_ASKED]
