"""Rows of a table of planned purchases read as lines: the object, amount, date, duration, place and terms of each.

Places are named by cells, titles and buyers; they become codes that `POST /match` takes.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files

from domain.needs.lot_words import terms_in
from domain.needs.need import RESERVED_TYPES, Buyer, Nature, Reserved, ValueCovers
from domain.programme.planned_values import Duration, FaultyCell, read_amount, read_duration, read_period, read_renewal
from domain.programme.programme import PlaceSource, PlannedLine, ProgrammeError
from domain.reference.territory import Area, UnknownTerritory
from domain.text.bilingual import Language, Text, said_by
from domain.text.normalise import fold
from matching.reference import Reference
from sources.file_types.columns import ColumnFinder, Columns, is_sum
from sources.postal_addresses import departement_of, with_first_zero

Codes = tuple[str, ...]
MOST_FOUND = 8
_OF_A_DEPARTEMENT = ("19", "22", "25", "26", "27", "28")
"""The beginnings of the SIREN of schools, departements, joint bodies, hospitals, housing offices and fire services."""
_NUMBER = re.compile(r"(?:d[ée]p(?:artement)?\.?\s*)?\(?(2[ABab](?![a-z])|9[78]\d|0?\d{1,2})\)?(?!\d)")
_FULL_CODE = re.compile(r"(?:country|region|departement|epci|commune|nuts):\w+")
_SEPARATORS = re.compile(r"\s*(?:[;|/+]|,|\set\s|\sand\s)\s*")
_NUTS = re.compile(r"FR[A-Z]\d{0,2}")
_POSTAL = re.compile(r"\b(\d{5})\b")


class PlaceReader:
    """Reads the places of planned purchases; remembers what it looked up."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._communes = reference.interpreter.titles.communes
        self._known: dict[tuple[str, Codes], Codes] = {}

    def areas_of(self, codes: Codes) -> list[Area]:
        """The areas of these codes. Raises UnknownTerritory."""
        return [self._reference.territories.area(code) for code in codes]

    def of_cell(self, cell: str, inside: Codes) -> Codes:
        """The territories that a cell names, of several of one name those `inside`; empty if it names none surely."""
        if (found := self._known.get((cell, inside))) is None:
            found = self._known[cell, inside] = self._read_cell(cell, inside)
        return found

    def _read_cell(self, cell: str, inside: Codes) -> Codes:
        if whole := self._area_of_words(cell.strip(), inside):
            return whole
        parts = [part for part in _SEPARATORS.split(cell) if part]
        if len(parts) > 1 and all(found := [self._area_of_words(part.strip(), inside) for part in parts]):
            return tuple(dict.fromkeys(code for codes in found for code in codes))
        return tuple(area.id for area in self._communes.named_areas(cell))

    def _area_of_words(self, words: str, inside: Codes) -> Codes:
        """The one territory that words name, by a code, a postal code or a name."""
        if _FULL_CODE.fullmatch(words):
            return self._existing(words)
        if postal := _POSTAL.search(words):
            inside = self._existing(f"departement:{departement_of(postal[1])}") or inside
            if not (words := _POSTAL.sub(" ", words).strip(" ,;-()")):
                return inside
        bare = re.sub(r"\s*\((?:\d{2,3}|2[AB])\)$", "", words)
        if bare != words:
            inside = self.departements_of(words[len(bare) :].strip(" ()")) or inside
        bare = re.sub(r"(?i)^(?:ville|commune|mairie|d[ée]partement) (?:de |du |des |d['’])(?:la |l['’])?", "", bare)
        named = self._reference.gazetteer.search(bare, None, MOST_FOUND, near=False)
        found = [area for area in named if area.kind != "nuts"]
        exact = [area for area in found if fold(bare) in {fold(area.label), fold(area.name)}]
        if len(exact) > 1 and inside:
            exact = [area for area in exact if self._is_inside(area, inside)] or exact
        kinds = {area.kind for area in exact}
        if len(exact) == 1 or len(kinds) == len(exact):
            # a region and a departement, or a departement and a commune, of one name: the larger
            return (
                (exact[-1].id if len(exact) == 1 else max(exact, key=lambda each: len(each.communes)).id,)
                if exact
                else ()
            )
        return ()

    def departements_of(self, cell: str) -> Codes:
        """The departements whose numbers or names a cell gives, or smaller places of it; empty where one is none."""
        codes = dict[str, None]()
        for part in filter(None, map(str.strip, _SEPARATORS.split(cell))):
            if number := _NUMBER.match(part):
                written = number[1].upper()
                bare = written[-2:].zfill(2) if len(written) < 3 or written[0] == "0" else written
                found = self._existing(f"departement:{bare}")
            elif _NUTS.fullmatch(part.upper()):
                found = self._existing(f"nuts:{part.upper()}")
            else:
                found = self.of_cell(part, ())
            if not found:
                return ()
            codes |= dict.fromkeys(found)
        return tuple(codes)

    def of_title(self, title: str, inside: Codes) -> Codes:
        """The territories that a title names; where some are known already, only those among them."""
        found = self._communes.named_areas(title)
        return tuple(area.id for area in found if not inside or self._is_inside(area, inside))

    def of_buyer(self, buyer: Buyer | None) -> Codes:
        """The territory that a buyer's SIREN or name tells; empty where they tell none."""
        if buyer is None:
            return ()
        siren = (buyer.siret or "")[:9]
        if (commune := self._communes.commune_of_siren(siren)) is not None:
            return (f"commune:{self._reference.territories.communes[commune].code}",)
        if siren and (found := self._existing(f"epci:{siren}")):
            return found
        if siren.startswith((*_OF_A_DEPARTEMENT, "23")):
            found = self._existing(f"departement:{siren[2:5] if siren[2:4] == '97' else siren[2:4]}")
            if found and siren.startswith("23"):
                parents = self._reference.territories.parents(self.areas_of(found)[0])
                found = tuple(area.id for area in parents if area.kind == "region")
            if found:
                return found
        return self.of_cell(buyer.name, ()) if buyer.name else ()

    def _existing(self, code: str) -> Codes:
        try:
            return (self._reference.territories.area(code, suggest=False).id,)
        except UnknownTerritory:
            return ()

    def _is_inside(self, area: Area, codes: Sequence[str]) -> bool:
        """Whether an area shares ground with one of these territories."""
        communes = set(area.communes)
        return any(not communes.isdisjoint(each.communes) for each in self.areas_of(tuple(codes)))


_SAID = said_by(__name__)

PURCHASES = ColumnFinder(
    files("domain") / "data" / "programme_columns.toml",
    {"title": Text("un objet", "an object"), "amount": Text("un montant", "an amount")},
)
LONGEST_TITLE = 400
YEAR = 12
NATURES: dict[str, Nature] = {
    "t": "works", "travaux": "works", "works": "works", "travail": "works",
    "f": "supplies", "fournitures": "supplies", "fourniture": "supplies", "supplies": "supplies", "fcs": "supplies",
    "s": "services", "services": "services", "service": "services", "prestations": "services", "prestation": "services",
    "pi": "services", "prestations intellectuelles": "services", "tic": "services", "maitrise": "services",
}  # fmt: skip
_YEAR_IN_HEAD = re.compile(r"\b20\d\d\b")
_CPV = re.compile(r"(?<!\d)(\d{7,8})(?:\s?-\s?\d)?(?!\d)")
_IN_ALL = re.compile(r"total|global|toutes|reconductions? (?:comprises?|incluses?)|maximum|maxi?\b", re.IGNORECASE)
_PART_OF_YEAR = {"trimestre", "trim", "quarter"}
_OF_A_NOTE = {"source", "sources", "nb", "note", "notes", "nota", "legende", "edition", "edite"}


def _group_name(words: str) -> str:
    """The words of a group of lines or of a sheet, folded, without the year: “Travaux 2027” is one of works."""
    return fold(words).rstrip(" 0123456789")


class LineReader:
    """Reads the rows of one table. `heading`: the words above it; `asked`: the territory of the request."""

    def __init__(  # noqa: PLR0913 - what is known besides the rows
        self,
        reference: Reference,
        columns: Columns,
        language: Language,
        *,
        sheet: str | None = None,
        heading: str = "",
        asked: Codes = (),
        buyer: Buyer | None = None,
        as_computed: bool = False,
        in_months: bool = False,
        places: PlaceReader | None = None,
    ) -> None:
        self._reference, self._columns, self._language, self._sheet = reference, columns, language, sheet
        self._as_computed, self._in_months = as_computed, in_months
        self._places = places or PlaceReader(reference)
        years = re.findall(r"\b20\d\d\b", heading)
        self._year = int(years[-1]) if len(set(years)) == 1 else None
        self._defaults: list[tuple[PlaceSource, Codes]] = [
            ("request", asked), ("heading", self._places.of_title(heading, asked)),
            ("buyer", self._places.of_buyer(buyer)),
        ]  # fmt: skip
        self._above, self._nature_above = "", NATURES.get(_group_name(sheet or ""))

    def read(self, line: int, cells: Sequence[str], codes: Codes = ()) -> PlannedLine | ProgrammeError | None:
        """A row as a line; the fault of one that cannot be taken; None for a heading, a total or a note in the table.

        `codes`: of its territory, where they are known already.
        """
        try:
            return self._read(line, cells, codes)
        except FaultyCell as faulty:
            head = self._columns.heads_read.get(faulty.field, faulty.field)
            where = "/" + head.replace("~", "~0").replace("/", "~1")
            return ProgrammeError(line, self._sheet, where, faulty.code, faulty.detail.to(self._language))

    def _read(self, line: int, cells: Sequence[str], codes: Codes) -> PlannedLine | None:
        title = self._title(cells)
        if title is None:
            return None
        notes = list[str]()
        terms = {str(term.kind): term.value for term in terms_in(title) if not term.is_question}
        duration = self._duration(cells, terms, notes)
        renewal_cell, head = self._cell("renewal", cells)
        renewal = read_renewal(renewal_cell, head, duration.months) if renewal_cell else None
        value, covers = self._value(cells, terms, duration.months, notes)
        planned, period = self._day(cells, notes)
        where, source = (codes, "place") if codes else self._territory(cells, title, notes)
        return PlannedLine(
            line=line,
            sheet=self._sheet,
            title=title[:LONGEST_TITLE],
            codes=where,
            territory_from=source,  # type: ignore[arg-type]
            value_eur=value,
            value_covers=covers,
            duration_months=duration.months,
            renewal_months=duration.renewal if renewal is None else renewal,
            planned_publication_on=planned,
            period=period,
            nature=self._nature(cells),
            cpv=self._cpv(cells, notes),
            reserved=self._reserved(cells, title, notes),
            notes=tuple(notes),
            cells=self._columns.cells_by_head(cells),
        )

    def _cell(self, field: str, cells: Sequence[str]) -> tuple[str, str]:
        """The first cell of a field that is not empty, and the head of its column; empty texts where there is none."""
        for place in self._columns.of_field.get(field, ()):
            if place < len(cells) and (cell := " ".join(cells[place].split())):
                return cell, self._columns.heads[place]
        return "", ""

    def _title(self, cells: Sequence[str]) -> str | None:
        """The object with its lot; None for a row that is no purchase. Raises FaultyCell where it has none."""
        title, lot = self._cell("title", cells)[0], self._cell("lot", cells)[0]
        filled = [cell for cell in cells if cell.strip()]
        if is_sum(title or filled[0]):
            return None
        if len(filled) == 1:
            self._nature_above = NATURES.get(_group_name(filled[0]), self._nature_above)
        if not title and lot and self._above and not lot.isdecimal():
            return f"{self._above} – {lot}"
        if not title:
            if len(filled) == 1 and "amount" in self._columns.of_field and not self._cell("amount", cells)[0]:
                return None
            raise FaultyCell("title", "missing_title", _SAID["no_title"])
        first = _group_name(title).split(" ", 1)[0]
        is_group = title.isupper() or _group_name(title) in NATURES or first in _OF_A_NOTE or title[0] in "(*"
        if len(filled) == 1 and len(cells) > 1 and is_group:
            return None
        self._above = title
        if not any(map(str.isalpha, title)):
            none = Text(f"Pas d'objet : « {title[:40]} »", f"No object: “{title[:40]}”")
            raise FaultyCell("title", "unreadable_title", none)
        return f"{title} – {lot}" if lot and any(map(str.isalpha, lot)) and fold(lot) not in fold(title) else title

    def _duration(self, cells: Sequence[str], terms: Mapping[str, str], notes: list[str]) -> Duration:
        cell, head = self._cell("duration", cells)
        if cell and not PURCHASES.is_unknown(cell):
            if (found := read_duration(cell, head, in_months=self._in_months)) is not None:
                return found
            notes.append(self._unread(head, cell))
        return Duration(*(int(terms[kind]) if kind in terms else None for kind in ("months", "renewal")))

    def _value(
        self, cells: Sequence[str], terms: Mapping[str, str], months: int | None, notes: list[str]
    ) -> tuple[float | None, ValueCovers]:
        """The amount in euros before tax, and whether it covers renewals. Raises FaultyCell."""
        if (by_year := self._value_of_years(cells, notes)) is not None:
            return by_year, "firm"
        cell, head = self._cell("amount", cells)
        if not cell or PURCHASES.is_unknown(cell):
            if cell:
                notes.append(self._unread(head, cell))
            return (float(terms["value"]), "firm") if "value" in terms and not cell else (None, "firm")
        found = read_amount(cell, head, as_computed=self._as_computed)
        if found is None:
            detail = Text(f"Montant illisible : « {cell[:40]} »", f"Unreadable amount: “{cell[:40]}”")
            raise FaultyCell("amount", "unreadable_amount", detail)
        if found.with_tax:
            taken_off = Text("Montant TTC ramené hors taxes au taux de 20 %", "VAT of 20 % taken off the amount")
            notes.append(taken_off.to(self._language))
        if found.is_yearly and months and months > YEAR:
            whole = Text("Montant annuel, pour toute la durée ferme", "Yearly amount, for the firm duration")
            notes.append(whole.to(self._language))
            return round(found.euros * months / YEAR, 2), "firm"
        if found.is_yearly and not months:
            notes.append(Text("Montant annuel, durée inconnue", "Yearly amount, duration unknown").to(self._language))
        return found.euros, "all" if _IN_ALL.search(head) and not found.is_yearly else "firm"

    def _value_of_years(self, cells: Sequence[str], notes: list[str]) -> float | None:
        """The sum of the amounts of several years, each in a column of its own; None where the first is of no year."""
        places, heads = self._columns.of_field.get("amount", ()), self._columns.heads
        kinds = [_YEAR_IN_HEAD.sub("", heads[place]) for place in places]
        alike = [each for each, kind in zip(places, kinds, strict=True) if kind == kinds[0] != heads[each]]
        try:
            read = [
                read_amount(each, head, as_computed=self._as_computed)
                for each, head in ((cells[at], heads[at]) for at in alike if at < len(cells))
            ]
        except FaultyCell:
            return None
        said = [each.euros for each in read if each is not None]
        if len(said) > 1:
            names = ", ".join(heads[each] for each in alike)
            notes.append(Text(f"Somme des colonnes {names}", f"Sum of the columns {names}").to(self._language))
        return round(sum(said), 2) if len(said) > 1 else None

    def _day(self, cells: Sequence[str], notes: list[str]) -> tuple[date | None, str | None]:
        cell, head = self._cell("date", cells)
        if not cell or PURCHASES.is_unknown(cell):
            return None, cell or None
        if cell.isdecimal() and len(cell) == 1 and not _PART_OF_YEAR.isdisjoint(fold(head).split()):
            cell = f"T{cell}"
        beside = (cells[place] for place in self._columns.of_field["date"][1:] if place < len(cells))
        found = read_period(cell, next((int(each) for each in beside if _YEAR_IN_HEAD.fullmatch(each)), self._year))
        if found is None:
            notes.append(self._unread(head, cell))
        return found and found[0], cell

    def _territory(self, cells: Sequence[str], title: str, notes: list[str]) -> tuple[Codes, PlaceSource]:
        """The territory of a line, and what names it. Raises FaultyCell where nothing does."""
        cell, _ = self._cell("department", cells)
        department = self._places.departements_of(cell) if cell else ()
        if cell and not department and any(map(str.isdigit, cell)):
            unknown = Text(f"Département inconnu : « {cell[:40]} »", f"Unknown departement: “{cell[:40]}”")
            raise FaultyCell("department", "unknown_code", unknown)
        around = next((codes for _, codes in self._defaults if codes), ())
        place, place_head = self._cell("place", cells)
        of_number = self._places.departements_of(place) if place[:1].isdigit() else ()
        if place and (found := self._places.of_cell(place, department or around) or of_number):
            return found, "place"
        if place and not PURCHASES.is_unknown(place):
            notes.append(self._unread(place_head, place))
        if department:
            return department, "department"
        if found := self._places.of_title(title, around):
            return found, "title"
        for source, codes in self._defaults:
            if codes:
                return codes, source
        raise FaultyCell("place", "no_place", _SAID["no_place"])

    def _nature(self, cells: Sequence[str]) -> Nature | None:
        folded = fold(self._cell("nature", cells)[0])
        return NATURES.get(folded) or NATURES.get(folded.partition(" ")[0]) or self._nature_above

    def _cpv(self, cells: Sequence[str], notes: list[str]) -> tuple[str, ...]:
        cell, head = self._cell("cpv", cells)
        codes = tuple(dict.fromkeys(with_first_zero(code, 8) for code in _CPV.findall(cell)))
        for code in codes:
            if not self._reference.cpv.exists(code):
                unknown = Text(f"Code CPV inconnu : {code}", f"Unknown CPV code: {code}")
                raise FaultyCell("cpv", "unknown_code", unknown)
        if cell and not codes and not PURCHASES.is_unknown(cell):
            notes.append(self._unread(head, cell))
        return codes

    def _reserved(self, cells: Sequence[str], title: str, notes: list[str]) -> tuple[Reserved, ...]:
        cell, head = self._cell("reserved", cells)
        words = f"réservé {cell}" if cell and not PURCHASES.is_unknown(cell) else title
        said = {term.value for term in terms_in(words) if term.kind == "reserved" and not term.is_question}
        if (
            cell
            and not said
            and fold(cell) not in {"non", "no", "n", "0", "false", "faux"}
            and not PURCHASES.is_unknown(cell)
        ):
            notes.append(self._unread(head, cell))
        return tuple(kind for kind in RESERVED_TYPES if kind in said)

    def _unread(self, head: str, cell: str) -> str:
        return Text(f"{head} : « {cell[:60]} » n'est pas lu", f"{head}: “{cell[:60]}” is not read").to(self._language)
