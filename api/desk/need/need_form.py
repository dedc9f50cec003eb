"""The form of a need, as it is filled in: texts as they were typed, which nothing that is wrong with them removes."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast, get_args
from urllib.parse import urlencode

import msgspec

from api.web.forms import Fields, fields_in
from domain.needs.need import RESERVED_TYPES, BuyerKind
from domain.text.bilingual import Text

LOTS_AT_ONCE, LINES_AT_ONCE, MOST_DIGITS = 10, 200, 4


class SomeLots(NamedTuple):
    """The lots that one page shows, of a need that may have 200.

    `first`: the place of the first, from 1; `before`, `after`: that of the first on the pages beside, if any.
    """

    lots: Sequence[Any]
    first: int
    total: int
    before: int | None
    after: int | None


def lots_from(lots: Sequence[Any], place: str, lines: Callable[[Any], int] = lambda _: 1) -> SomeLots:
    """The page of lots on which the lot of that place is; the first page, where there is none.

    `lines`: the number of lines that a lot takes. A page has at most ten lots and 200 lines, or one lot.
    """
    wanted = int(place) if place.isascii() and place.isdecimal() and len(place) < MOST_DIGITS else 1
    at = wanted - 1 if 1 <= wanted <= len(lots) else 0
    starts, used = [0], 0
    for index, lot in enumerate(lots):
        used += lines(lot)
        if index > starts[-1] and (index - starts[-1] == LOTS_AT_ONCE or used > LINES_AT_ONCE):
            starts.append(index)
            used = lines(lot)
    page = max(number for number, start in enumerate(starts) if start <= at)
    first, end = starts[page], starts[page + 1] if page + 1 < len(starts) else len(lots)
    return SomeLots(
        lots[first:end],
        first + 1,
        len(lots),
        before=starts[page - 1] + 1 if page else None,
        after=end + 1 if end < len(lots) else None,
    )


MOST_LOTS = 200
LOTS_IN_FIELDS = 5
"""Lots that a page which does not show them carries field by field; of more, it carries all fields in one."""
CARRIED, MOST_CARRIED = "saisie", 20_000
"""The field that carries others, and the most that it may carry."""
BUYERS = {
    "": Text("Je ne le dis pas", "I do not say"),
    "state": Text("État ou établissement de l'État", "State or a body of the State"),
    "local": Text("Collectivité, hôpital ou autre acheteur local", "Local authority, hospital or other local buyer"),
    "utility": Text("Entité adjudicatrice (eau, énergie, transports)", "Utility (water, energy, transport)"),
}
BUYER_KINDS: tuple[str, ...] = get_args(BuyerKind)
EMPTY_LOTS = 1
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOT_FIELD = re.compile(r"lot-([1-9][0-9]{0,2})-\w+", re.ASCII)


class PlaceForm(msgspec.Struct, frozen=True, kw_only=True):
    """A territory as it is filled in.

    `place`: a name to be looked up; `territories`: the codes chosen so far; `radius`: kilometres around the one commune
    among them, or around `centre`, a point as “48.07,-2.96”; `drawn`: an outline as GeoJSON.
    """

    place: str = ""
    territories: tuple[str, ...] = ()
    radius: str = ""
    centre: str = ""
    drawn: str = ""


class LotForm(PlaceForm, frozen=True, kw_only=True):
    """One lot as it is filled in; its territory is empty where it is that of the need.

    `id`: that of a need that was stored before. `reading`: what was read when segments were shown, empty before;
    `offered`: the segments shown, of which `chosen` are ticked; `more`: words of a trade to add. `heard`: a mark of the
    words whose terms were shown, of which `terms` are ticked. `site`: a commune's name; `site_code`: the one that was
    chosen. `covers`: “tout” where the amount holds renewals and options.
    """

    id: str = ""
    title: str = ""
    reading: str = ""
    offered: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    more: str = ""
    heard: str = ""
    terms: tuple[str, ...] = ()
    cpv: str = ""
    keywords: str = ""
    support: tuple[str, ...] = ()
    nature: str = ""
    reserved: tuple[str, ...] = ()
    value: str = ""
    months: str = ""
    renewal: str = ""
    options: str = ""
    covers: str = ""
    innovative: str = ""
    site: str = ""
    site_code: str = ""
    distance: str = ""


class NeedForm(PlaceForm, frozen=True, kw_only=True):
    """A need as it is filled in. `buyer`: the kind of buyer; `authority`: “oui” or “non”, empty where not known.

    `planned`: the day of the notice, whose law is applied; `on`: the day for which suppliers are looked at.
    `need_id`: the id of the stored need that it changes, and `known`, the entity tag of that as it was read.
    """

    title: str = ""
    buyer: str = ""
    planned: str = ""
    on: str = ""
    reference: str = ""
    buyer_name: str = ""
    siret: str = ""
    authority: str = ""
    purchases: str = ""
    contract: str = ""
    technique: str = ""
    procedure: str = ""
    total: str = ""
    need_id: str = ""
    known: str = ""
    lots: tuple[LotForm, ...] = (LotForm(),) * EMPTY_LOTS

    @property
    def lot_ids(self) -> tuple[str, ...]:
        """The id of each lot in the need: its own, else its number, else the next that is free."""
        taken = {lot.id for lot in self.lots if lot.id}
        ids = []
        for number, lot in enumerate(self.lots, 1):
            free = (str(n) for n in range(number, MOST_LOTS * 2 + 1) if str(n) not in taken)
            ids.append(lot.id or next(free))
            taken.add(ids[-1])
        return tuple(ids)

    def with_lot(self, position: int, lot: LotForm) -> "NeedForm":
        """The form with another lot in that position."""
        lots = (*self.lots[:position], lot, *self.lots[position + 1 :])
        return msgspec.structs.replace(self, lots=lots)

    def fields(self) -> Iterator[tuple[str, str]]:
        """The names and texts of the fields that are filled in, as the page sends them, and the title of each lot."""
        yield from _as_fields(self, NEED_FIELDS, "")
        yield from self.lot_fields(range(len(self.lots)))

    def lot_fields(self, positions: Iterable[int]) -> Iterator[tuple[str, str]]:
        """As `fields`, of some lots."""
        for position in positions:
            yield from _as_fields(self.lots[position], LOT_FIELDS, f"lot-{position + 1}-")

    def carried(self) -> list[tuple[str, str]]:
        """The fields by which a page that does not show the form carries it."""
        fields = list(self.fields())
        return fields if len(self.lots) <= LOTS_IN_FIELDS else carried(fields)


PLACE_FIELDS = {"place": "lieu", "territories": "territoire", "radius": "rayon", "centre": "centre", "drawn": "trace"}
NEED_FIELDS = PLACE_FIELDS | {
    "title": "titre",
    "buyer": "acheteur",
    "planned": "publication",
    "on": "date",
    "reference": "reference",
    "buyer_name": "nom",
    "siret": "siret",
    "authority": "pouvoir",
    "purchases": "achats",
    "contract": "contrat",
    "technique": "technique",
    "procedure": "procedure",
    "total": "total",
    "need_id": "besoin",
    "known": "etat",
}
LOT_FIELDS = PLACE_FIELDS | {
    "id": "id",
    "title": "objet",
    "reading": "lu",
    "offered": "propose",
    "chosen": "metier",
    "more": "ajout",
    "heard": "entendu",
    "terms": "dit",
    "cpv": "cpv",
    "keywords": "mots",
    "support": "appui",
    "nature": "nature",
    "reserved": "reserve",
    "value": "valeur",
    "months": "duree",
    "renewal": "reconductions",
    "options": "options",
    "covers": "couvre",
    "innovative": "innovant",
    "site": "site",
    "site_code": "commune",
    "distance": "distance",
}
_SEVERAL = frozenset(("territories", "offered", "chosen", "terms", "support", "reserved"))


def carried(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields as one that `read_need_form` reads; none where there are none."""
    encoded = urlencode(list(fields))
    return [(CARRIED, encoded)] if encoded else []


def read_need_form(fields: Fields) -> NeedForm:
    """The form in these fields; those that it does not have are left out.

    A lot that is among them is as it is there, and not as it is carried. Raises Refusal (400) where what is carried
    cannot be read.
    """
    fields = _with_carried(fields)
    numbers = [number for name in fields if (number := lot_of_field(name))]
    count = min(MOST_LOTS, max(numbers, default=EMPTY_LOTS))
    lots = tuple(LotForm(**_texts(fields, LOT_FIELDS, f"lot-{number}-")) for number in range(1, count + 1))
    texts = _texts(fields, NEED_FIELDS, "")
    # it is part of a path that forms lead to
    texts["need_id"] = texts["need_id"] if _ID.fullmatch(texts["need_id"]) else ""
    return NeedForm(**texts, lots=lots)


def _with_carried(fields: Fields) -> Fields:
    along = fields_in("&".join(fields.get(CARRIED, [])).encode(), MOST_CARRIED)
    shown = {lot_of_field(name) for name in fields} - {None}
    return {name: texts for name, texts in along.items() if lot_of_field(name) not in shown} | dict(fields)


def lot_of_field(name: str) -> int | None:
    """The number of the lot that a field is of, from 1; None for one of the need."""
    found = _LOT_FIELD.fullmatch(name)
    return int(found[1]) if found else None


def changed(form: NeedForm, wish: str) -> NeedForm:
    """The form as a button changes it.

    `ajouter`, and with the number of a lot `retirer-2`; with its id `reserver-1-handicap+iae`, `rayon-1-50`.
    """
    what, _, rest = wish.partition("-")
    if what == "ajouter" and len(form.lots) < MOST_LOTS:
        return msgspec.structs.replace(form, lots=(*form.lots, LotForm()))
    if what == "retirer":
        left = tuple(lot for number, lot in enumerate(form.lots, 1) if str(number) != rest)
        return msgspec.structs.replace(form, lots=left or (LotForm(),))
    lot_id, _, value = rest.rpartition("-")
    if lot_id not in form.lot_ids:
        return form
    position = form.lot_ids.index(lot_id)
    lot = form.lots[position]
    if what == "reserver":
        reserved = tuple(each for each in RESERVED_TYPES if each in value.split("+"))
        return form.with_lot(position, msgspec.structs.replace(lot, reserved=reserved))
    if what == "rayon":
        return form.with_lot(position, msgspec.structs.replace(lot, distance=value))
    return form


def _texts(fields: Fields, names: dict[str, str], prefix: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for attribute, name in names.items():
        texts = fields.get(prefix + name, [])
        if attribute in _SEVERAL:
            read[attribute] = tuple(dict.fromkeys(text for text in texts if text))
        else:
            read[attribute] = texts[-1] if texts else ""
    return read


def _as_fields(form: msgspec.Struct, names: dict[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    for attribute, name in names.items():
        value = getattr(form, attribute)
        for text in cast("tuple[str, ...]", value) if attribute in _SEVERAL else (value,):
            if text or (prefix and attribute == "title"):
                yield prefix + name, text


def plain_number(number: float | None) -> str:
    """A number as people write it, to the cent: “240 000”, “12.5”."""
    if number is None:
        return ""
    whole, _, part = f"{number:,.2f}".partition(".")
    return ".".join(filter(None, (whole.replace(",", " "), part.rstrip("0"))))


def words_read(titles: Iterable[str], cpv: str, keywords: str) -> str:
    """All that a lot's trades are read from, on one line: where it changes, they are read again."""
    parts = (" ".join(part.split()) for part in (*titles, cpv, keywords))
    return " / ".join(part for part in parts if part) or "/"
