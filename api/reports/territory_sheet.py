"""The état des lieux of a territory as a handout of at most four pages, set by typst.

Who is there by kind and trade, what is not known, what could be bought there, and whom to ask first.
"""

import re
from collections.abc import Iterable, Sequence
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
from domain.text.bilingual import Language, day, printed_count, said_by, typeset
from domain.text.labels import KINDS, TENSIONS
from sources.pool.manifest import published_files

_SAID = said_by(__name__)
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

    def say(self, name: str, *values: object) -> str:
        """A sentence of `said.toml` in the language of the handout, with these values; numbers as they are printed."""
        shown = (self.printed(each) if isinstance(each, int) else each for each in values)
        return typeset(_SAID[name].to(self.language).format(*shown), self.language)

    def printed(self, number: int) -> str:
        """A number as it is printed."""
        return printed_count(number, self.language)

    def kind_words(self, kind: str) -> str:
        """A kind in words."""
        return f"{kind}, {KINDS[kind].to(self.language)}" if kind in KINDS else self.say("no_approval")

    def percent(self, part: int, whole: int) -> str:
        """The share of a part, as printed; a dash of nothing."""
        return self.say("percent", round(100 * part / whole)) if whole else "–"

    def pdf(self) -> bytes:
        """The handout as PDF. Raises RuntimeError where it cannot be set."""
        title = self.say("title", self.supply.territory.label)
        shown = {
            "title": title,
            "language": self.language,
            "about": self.say("about", self._day),
            "running": f"{title}, {self._day}",
            "figures": self._figures(),
            "here": self._who_is_here(),
            "unknown": self._what_is_not_known(),
            "trades": self._what_could_be_bought(),
            "ask": self._whom_to_ask(),
            "sources": self._origins(),
        }
        page = printable(shown) | {"map": self._printed_map()}
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
            since = say("since", self.percent(then.with_trade, then.suppliers), day(then.on, self.language))
        known = self.percent(now.with_trade, now.suppliers)
        return [
            (say("stand_there"), self.printed(supply.totals.suppliers), ""),
            (say("of_known_trade"), known, since or say("suppliers", now.with_trade)),
            (say("trades_on_offer"), self.printed(len(present)), say("by_one_from_here", local)),
        ]

    def _who_is_here(self) -> dict[str, Any]:
        trades, totals, say = self.supply.trades, self.supply.totals, self.say
        by_size = sorted(trades.by_kind, key=lambda each: -each.suppliers)
        employees = say("employees", totals.employees, totals.employees_known) if totals.employees_known else ""
        return {
            "title": say("who_is_here"),
            "text": employees,
            "heads": [*map(say, ("approval_or_agreement", "suppliers_head", "known_trade")), ""],
            "rows": [
                (
                    self.kind_words(each.kind),
                    self.printed(each.suppliers),
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
        return {
            "svg": with_glyphs(drawn),
            "alt": self.say("map"),
            "keys": [{"colour": found[1], "text": with_glyphs(text)} for found, text in keys if found],
        }

    def _what_is_not_known(self) -> dict[str, Any]:
        supply, trades, say = self.supply, self.supply.trades, self.say
        lacking: list[tuple[KindOrNone, int]] = [
            (each.kind, each.suppliers - each.with_trade) for each in trades.by_kind if each.suppliers > each.with_trade
        ]
        unknown = trades.suppliers - trades.with_trade
        text = [say("trade_not_known", unknown, trades.suppliers) if unknown else say("each_trade_known")]
        if missing := supply.totals.suppliers - supply.totals.employees_known:
            text.append(say("staff_not_known", missing))
        lacking.sort(key=lambda each: -each[1])
        return {
            "title": say("not_known"),
            "text": text,
            "heads": [say("approval"), say("unknown_trade")],
            "rows": [(self.kind_words(kind), self.printed(number)) for kind, number in lacking],
        }

    def _what_could_be_bought(self) -> dict[str, Any]:
        supply, say = self.supply, self.say
        items = sorted(supply.items, key=lambda each: (-each.local, -each.suppliers, each.label))
        present = [each for each in items if each.suppliers]
        absent = [each.label for each in supply.items if not each.suppliers]
        text = say("could_answer")
        if len(present) > MOST_TRADES:
            text += " " + say("first_trades", MOST_TRADES, len(present))
        return {
            "title": say("could_be_bought"),
            "text": text,
            "heads": [*map(say, ("trade", "candidates", "from_here", "supply_found", "for_handicap", "for_iae"))],
            "rows": [self._trade_row(each) for each in present[:MOST_TRADES]],
            "absent": say("absent", len(absent), _some(absent, MOST_ABSENT)) if absent else "",
        }

    def _trade_row(self, each: SegmentSupply) -> tuple[str, ...]:
        def reserved(option: str) -> str:
            number: int = getattr(each.reserved, option)
            unknown = getattr(self.supply.unknown_reserved, option)
            return self.printed(number) if number or not unknown else self.say("unknown")

        tension = TENSIONS[each.tension].to(self.language)
        counts = map(self.printed, (each.suppliers, each.local))
        return (each.label, *counts, tension, reserved("handicap"), reserved("iae"))

    def _whom_to_ask(self) -> dict[str, Any]:
        say, unknown = self.say, self.supply.trades.suppliers - self.supply.trades.with_trade
        text = [say("two_minutes") if unknown else say("nobody_to_ask")]
        if unknown > len(self.asked):
            text.append(say("some_of_all", len(self.asked), unknown))
        rows = [(each.name, " · ".join(filter(None, (", ".join(each.kinds), each.commune)))) for each in self.asked]
        return {"title": say("whom_to_ask"), "text": text, "rows": rows}

    def _origins(self) -> dict[str, Any]:
        published = {file.format: file.credit for file in published_files() if file.format}
        named = [
            self.say("received", each.label or published.get(each.name, each.name), day(received, self.language))
            for each in self.sources
            if each.records and (received := each.last_received_at)
        ]
        text = [self.say("directory", _some(named, MOST_SOURCES, " ; ")), self.say("territories")]
        return {"title": self.say("date_and_sources"), "text": text}


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
