"""The commune that a lot is supposed to be performed in: the one its words name, else its buyer's own.

A name counts where it can only mean one commune of the lot's territory. Streets ("route de Redon"), the country around
a commune ("pays de Redon", "Redon Agglomération") and patrons ("collège Saint-Martin") name no place of performance; a
commune that is called like a thing (Vitré) is read where it is written as a place ("à Vitré", "ville de vitré").
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.needs.need import Buyer, BuyerBody, BuyerKind
from domain.reference.territory import COUNTRY, Area, Territories, TerritoryKind
from domain.shortlists.shortlist import SupposedSiteSource
from domain.text.normalise import fold, stem
from matching.words.titles import LINKS, REMEMBERED, place_names

Bools = NDArray[np.bool_]

_FULL = {"st": "saint", "ste": "sainte"}
_PATRONS = frozenset(_FULL.values())
_PATRON_APART = re.compile(r"(?:[,;:(|–—]\s*|\s-\s*|[\t\n][^\S\t\n]*)s(?:ain)?te?\b", re.IGNORECASE)  # ", Saint-Malo"
# fmt: off
_NOT_AFTER = frozenset((
    "academie", "aeroports", "agglomeration", "allee", "arrondissement", "avenue", "bassin", "boulevard", "ca", "canal",
    "canton", "cc", "cdc", "chemin", "communaute", "faubourg", "grand", "hors", "impasse", "km", "lac", "metropole",
    "pays", "quai", "rocade", "route", "rue", "voie",
))
_NO_THINGS = {  # names that stand in small letters in the titles that words are known from
    "aurec", "bordeaux", "bouguenais", "caen", "chambery", "foix", "jouvent", "junien", "langres", "lo", "mans",
    "menneval", "nogent", "rouen", "strasbourg", "valdahon", "valence", "yssingeaux",
}
# fmt: on
_NOT_BEFORE = frozenset(("agglo", "agglomeration", "communaute", "europeenne", "metropole"))
_AROUND = frozenset(("agglomeration", "ca", "cc", "metropole", "pays"))  # before a commune: the communes around it
_COMMUNE = ("ville", "commune", "mairie")
# The words before the name of a place that is called like a thing.
_IN, _OF, _TOWNS, _WITHIN = (
    {"a", "au", "aux"},
    {"d", "de", "des", "du"},
    {"bourg", "ccas", "ch", "chu", "hospitalier", *_COMMUNE},
    {"dans", "en"},
)
# Before the name of a commune, which begins with a capital: "à Bourg-des-Comptes".
_NAMED_AFTER = re.compile(r"(?:\b(?i:[àa]|aux?|des?|du|pour|sur|commune)\s+|\b[Dd]['’])(?=[A-ZÀ-ÖØ-Þ])")
_A_NAME = "x1"  # as a word that nobody knows, which titles set aside
_SAINT, _LONGEST_NAME = re.compile(r"Sainte?(?:-[^\W_]+)+"), 12
_COUNTRY = re.compile(r"\b(?:france entiere|(?:toute la|ensemble de la) france|territoire national)\b")
_ARTICLES, _WORD, _POSTAL_CODE = {"l", "la", "le", "les"}, re.compile(r"[^\W_]+"), re.compile(r"\d{5}")
_GRAND_EST = re.compile(r"\bgrand[ -]est\b", re.IGNORECASE)  # “est” links words elsewhere: read as one word
_BETWEEN = _OF | _ARTICLES
# A commune's SIREN is 21, its departement, its number in four digits and a check digit; Corsica counts as 20, and in
# three departements the number is followed by 0 instead of preceded. In five (Aisne, Ardennes, Aube, Oise, Somme) it is
# a rank of its own, which tells no commune. Of 1,204 communes in the Sirene stock 1,192 are read right, 12 not at all.
_SIREN = re.compile(r"21(?:(19|23|87)(\d{3})0|(97\d)\d(\d\d)|(?!02|08|10|19|23|60|80|87|97)(\d\d)0(\d{3}))\d")
_NAME_OF_COMMUNE, _GROUP = re.compile(rf"(?:{'|'.join(_COMMUNE)}) "), "24"
_CORSICA, _CORSICAN = "20", ("2A", "2B")
_PARIS, _PARIS_CODE = "75001", "75056"

_Body = tuple[BuyerKind | None, BuyerBody | None]
_LARGER: tuple[TerritoryKind, ...] = ("departement", "region", "epci")
_ALSO_THINGS = {"lot", "nord", "centre", "manche", "loire", "cher", "var", "ain", "creuse", "landes", "aude"}
"""First words of territories that mean something else too: they count where they are written as a place."""
_PARTS = {"centre", "lot", "nord"}  # "dans le Lot 3", "dans le Nord de Rennes" name no territory

_AUTHORITY: _Body = ("local", "local_authority")
_BUYERS: dict[str, tuple[TerritoryKind | None, _Body]] = {
    **dict.fromkeys((*_COMMUNE, "ccas"), ("commune", _AUTHORITY)),
    **dict.fromkeys(("departement", "conseil departemental", "sdis"), ("departement", _AUTHORITY)),
    **dict.fromkeys(("region", "conseil regional"), ("region", _AUTHORITY)),
    **dict.fromkeys(("chu", "ch", "centre hospitalier", "hopital"), (None, ("local", "hospital"))),
    **dict.fromkeys(("college", "lycee"), (None, ("local", None))),
    **dict.fromkeys(("prefecture", "sous prefecture", "rectorat"), (None, ("state", "central_authority"))),
    "ehpad": (None, (None, None)),
}
"""Nouns of buyers, with the kind of territory that each is of, if only one is, and the kind and body that they are."""
_SITS = {"a", "au", "aux", "centre", "dans", "entre", "hors", "pres", "proximite", "sur", "territoire", "vers"}
"""Words after which a body is a place."""
_BUYS_FOR = {"acheteur", "compte", "pour", "profit"}
_BUYS = {"achete", "cherche", "consulte", "envisage", "lance", "prepare", "recherche", "renouvelle", "souhaite", "veut"}

_MOST_NAMESAKES = 3
"""Communes that may bear the name of a departement that a text names surely: Gers has three, Saint-Martin more."""


class NamedBuyer(NamedTuple):
    """A buyer as a text names it, with the kind and the body that its noun says; None where it says none."""

    name: str
    kind: BuyerKind | None
    body: BuyerBody | None


class NamedPlace(NamedTuple):
    """The communes that a name may mean, by ordinal, and one commune of each larger area that has the same name."""

    communes: tuple[int, ...]
    of_wider: tuple[int, ...]
    is_sure: bool  # by "commune", its postal code, or its departement's number where no other is named before it


class CommuneFinder:
    """Finds the communes that texts and SIREN name; built once and then only read, so that threads may share it."""

    def __init__(self, territories: Territories, known: Callable[[str], bool]) -> None:
        """`known`: whether a stem is a word for a thing."""
        self._territories, self._known = territories, known
        self.names = place_names(territories)
        self._places = functools.lru_cache(REMEMBERED)(self._places_uncached)

    def supposed_commune(
        self, said: Iterable[Iterable[str]], buyer: Buyer | None, ground: Bools
    ) -> tuple[int, SupposedSiteSource] | None:
        """The ordinal of the commune that the first texts with a place name, else the buyer's; None where not known.

        `said`: texts that count alike, then those that count less…; `ground`: by ordinal, whether a commune is of the
        territory. Texts that name several communes mean the one that they name surely, else none of them, nor the
        buyer's. The buyer's SIREN tells whether it is a commune; where it tells nothing, and is no group's, its name.
        """
        for texts in said:
            named = [place for text in texts if text for place in self._places(text)]
            sure = set(_communes_inside([place for place in named if place.is_sure], ground))
            if found := sure or set(_communes_inside(named, ground)):
                return (found.pop(), "title") if len(found) == 1 else None
        siren, name = ("", "") if buyer is None else ((buyer.siret or "")[:9], buyer.name or "")
        own = {self.commune_of_siren(siren)} - {None}
        if not own and not siren.startswith(_GROUP) and _NAME_OF_COMMUNE.match(fold(name)):
            own |= set(_communes_inside(self._places(name), ground))
        commune = own.pop() if len(own) == 1 else None
        return (commune, "buyer") if commune is not None and ground[commune] else None

    def commune_of_siren(self, siren: str) -> int | None:
        """The ordinal of the commune whose own number a SIREN is; None for any other SIREN."""
        if (read := _SIREN.fullmatch(siren)) is None:
            return None
        departement, number = filter(None, read.groups())
        parts = _CORSICAN if departement == _CORSICA else (departement,)
        codes = ((part + number).replace(_PARIS, _PARIS_CODE) for part in parts)
        found = {*map(self._territories.commune_ordinal, codes)} - {None}
        return found.pop() if len(found) == 1 else None

    def named_areas(self, text: str) -> tuple[Area, ...]:
        """The territories that a text names as places ("12 collèges du Finistère"); empty where it names none surely.

        Communes count outside of what it names that is larger, and where only one commune has that name.
        """
        text = _GRAND_EST.sub("Grandest", text)
        if _COUNTRY.search(folded := fold(text)):
            return (self._territories.area(f"country:{COUNTRY}"),)
        tokens = folded.replace("communaute de communes", "cc").replace("communaute d agglomeration", "ca").split()
        at = [place for place, word in enumerate(tokens) if word not in LINKS]
        words = tuple([stem(tokens[place]) for place in at])
        larger, namesakes = dict[str, Area](), list[Area]()
        for start, length, meant in self.names.spot(words):
            said, before, after = tokens[at[start]], tokens[: at[start]], at[start + length : start + length + 1]
            first = tokens[at[start - 1]] if start else ""
            is_around = first in _AROUND or any(tokens[place] in _NOT_BEFORE for place in after)
            areas = self._territories.epcis_called_after(meant) if is_around else meant
            if first in _NOT_AFTER and not is_around:
                continue
            is_thing = all(map(self._known, words[start : start + length])) or said in _ALSO_THINGS
            is_common = sum(area.kind == "commune" for area in meant) > _MOST_NAMESAKES and not is_around
            named = [area for area in areas if area.kind in _LARGER and not is_common]
            is_thing = is_thing and not (length > 1 and any(_is_spelt_out(text, area.name) for area in named))
            links = _OF if said in _PARTS else _OF | _WITHIN
            if named and (is_around or not is_thing or _is_written_as_a_place(text, said, before, links)):
                namesakes += areas if _WITHIN.intersection(before[-2:]) else ()  # "dans les Landes" is no commune
                largest = min(named, key=lambda area: _LARGER.index(area.kind))
                larger |= {largest.id: largest} if sum(area.kind == largest.kind for area in named) == 1 else {}
        within = {commune for area in (*larger.values(), *namesakes) for commune in area.communes}
        found = {place.communes for place in self._places(text) if within.isdisjoint(place.communes)}
        communes = self._territories.areas("commune")
        return (*larger.values(), *(communes[each[0]] for each in sorted(found) if len(each) == 1))

    def without_communes(self, text: str) -> str:
        """A text with _A_NAME for names of communes whose words say no trade: of several words, a saint's, "La X"."""
        for named in reversed(list(_NAMED_AFTER.finditer(text))):
            end = self._name_end(text, named.end())
            text = text[: named.end()] + _A_NAME + text[end:] if end else text
        return text

    def _name_end(self, text: str, start: int) -> int:
        """The end of the name of a commune that says no trade in a text; 0 where none starts here."""
        if saint := _SAINT.match(text, start):
            return saint.end()
        written = list(itertools.islice(_WORD.finditer(text, start), _LONGEST_NAME))
        tokens = [_FULL.get(word, word) for word in (fold(each[0]) for each in written)]
        at = [place for place, word in enumerate(tokens) if word not in LINKS]
        place = next(self.names.spot(tuple([stem(tokens[place]) for place in at])), None)
        if place is None or place.start:
            return 0
        size = at[place.length - 1] + 1
        names = (fold(area.name).split()[-size:] for area in place.meaning if area.kind == "commune")
        has_article = tokens[0] in _ARTICLES and written[0][0].istitle() and written[1][0].istitle()
        return written[size - 1].end() if tokens[:size] in names and (place.length > 1 or has_article) else 0

    def shared_name(self, text: str) -> str:
        """The first name in a text that several communes have, such as “Saint-Nazaire”; empty where there is none."""
        communes = self._territories.areas("commune")
        return next((communes[place.communes[0]].name for place in self._places(text) if len(place.communes) > 1), "")

    def named_buyer(self, text: str) -> NamedBuyer | None:
        """The public body that a text names with its place ("pour la commune de Fougères"); None where it names none.

        It is supposed to buy: one that only says where ("dans la ville de Redon") is none. A body without a noun
        ("Rennes Métropole") counts where the text says that it buys.
        """
        text = _GRAND_EST.sub("Grandest", text)
        written, tokens = list(_WORD.finditer(text)), fold(text).split()
        at = [place for place, word in enumerate(tokens) if word not in LINKS]
        if len(written) != len(tokens):
            return None
        for start, length, areas in self.names.spot(tuple([stem(tokens[place]) for place in at])):
            first, after = at[start], at[start + length - 1] + 1
            noun_end = first
            while noun_end and tokens[noun_end - 1] in _BETWEEN:
                noun_end -= 1
            size = next((size for size in (2, 1) if " ".join(tokens[max(0, noun_end - size) : noun_end]) in _BUYERS), 0)
            kind, body = _BUYERS.get(" ".join(tokens[noun_end - size : noun_end]), ("epci", _AUTHORITY))
            area = next((area for area in areas if kind in {None, area.kind}), None)
            before = ["", *(word for word in tokens[: noun_end - size] if word not in _BETWEEN)][-1]
            buys = before in _BUYS_FOR or not _BUYS.isdisjoint(tokens[after : after + 1])
            if area is None or before in _SITS or not (size or buys):
                continue
            head = text[written[noun_end - size].start() : written[first].start()] if size else ""
            return NamedBuyer((head[:1].upper() + head[1:] + area.name), *body)
        return None

    def _places_uncached(self, text: str) -> tuple[NamedPlace, ...]:
        tokens = [_FULL.get(word, word) for word in fold(text).replace("communaute de communes", "communaute").split()]
        at = [place for place, word in enumerate(tokens) if word not in LINKS]
        words = tuple([stem(tokens[place]) for place in at])
        if self.names.none_in(words):
            return ()
        found, leading, ended = list[NamedPlace](), 0, -1
        for start, length, areas in self.names.spot(words):
            said, end = [tokens[place] for place in at[start : start + length]], start + length
            before, first = tokens[at[start] - 1] if at[start] else "", tokens[at[start - 1]] if start else ""
            if before != "et" or ended != at[start] - 1:  # of places named together ("à Fougères et Vitré"), the first
                leading = at[start]
            ended = at[end - 1] + 1
            if first in _NOT_AFTER or (end < len(at) and tokens[at[end]] in _NOT_BEFORE):
                continue
            communes = [
                area.communes[0]
                for area in areas
                if area.kind == "commune" and (said[1:] or _is_called(area.name, said[0], before))
            ]
            wider = tuple(area.communes[0] for area in areas if len(area.communes) > 1)
            beside = {first if _POSTAL_CODE.fullmatch(first) else "", *tokens[ended : ended + 1]}
            read = ((each, self._territories.communes[each]) for each in communes if not wider)
            numbered = [each for each, one in read if not beside.isdisjoint((*one.postal_codes, one.departement))]
            is_patron = said[0] in _PATRONS and not said[2:] and before not in LINKS and before not in ("", *_COMMUNE)
            if not communes or (is_patron and not numbered and not _PATRON_APART.search(text)):
                continue
            is_name = (said[1:] and (said[0] in _PATRONS or before in _IN)) or not _NO_THINGS.isdisjoint(said)
            is_thing = not (numbered or is_name) and all(map(self._known, words[start:end]))
            if is_thing and not _is_written_as_a_place(text, said[0], tokens[:leading]):
                continue
            is_first = all(place.is_sure for place in found) or any(map(_POSTAL_CODE.fullmatch, beside))
            is_sure = first == "commune" or (bool(numbered) and is_first)
            found.append(NamedPlace(tuple(numbered or communes), wider, is_sure))
        return tuple(found)


def _communes_inside(places: Iterable[NamedPlace], ground: Bools) -> Iterator[int]:
    """The communes of a territory that places name, without those of which it has several of that name."""
    for place in places:
        inside = [ordinal for ordinal in place.communes if ground[ordinal]]
        if len(inside) == 1 and not any(ground[ordinal] for ordinal in place.of_wider):
            yield inside[0]


def _is_called(name: str, said: str, before: str) -> bool:
    """Whether a commune's name is one folded word, after an article only if it has that ("l'ARS" is not Ars)."""
    *article, own = [word for word in fold(name).split() if word not in LINKS or word in _ARTICLES]
    return own == said and (before not in _ARTICLES or article == [before])


def _is_spelt_out(text: str, name: str) -> bool:
    """Whether a text has a name of several words with its capitals and accents: "Côte d'Or" is no "côte d'or"."""
    return f" {' '.join(_WORD.findall(name))} " in f" {' '.join(_WORD.findall(text))} "


def _is_written_as_a_place(text: str, name: str, before: list[str], of: set[str] = _OF) -> bool:
    """Whether a text writes a folded `name`, after the words `before`, as a place: "à Vitré", "tonte, Vitré".

    `of`: words after which it is one unless all is in capitals, as after "au". Only the first word of a name is given.
    """
    *_, first, last = "", "", *(word for word in before if word not in _ARTICLES)
    written = [word for word in _WORD.findall(text) if word[0].isupper() and fold(word) == name]
    is_name = bool(written) and last in ({"a"} if all(map(str.isupper, written)) else _IN | of)  # "AU PORT DE PECHE"
    is_name = is_name or any(
        re.search(rf"[,\t] *(?:[Ll][ae] )?{each}(?:[-'’]\w+)*\s*(?:[,;\t\n]|$)|{each}(?<!Lot) \d+[eè]", text)
        for each in written
        if each[1:].islower()
    )
    return is_name or (last in _OF and first in _TOWNS)
