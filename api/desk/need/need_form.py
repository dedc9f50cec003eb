"""The form of a need: its fields, the form filled in from a need, and terms found in titles for the buyer to tick.

Texts stay as they were typed: nothing that is wrong with them removes them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple, get_args
from urllib.parse import urlencode
from zlib import crc32

import msgspec

from api.desk.frame import form as forms
from api.desk.frame.form import Field, FieldKind, Rows
from api.desk.frame.layout import CODE_WORDS, SAID
from api.web.html_pages import Fields, parse_fields
from domain.needs.lot_words import LOT_HEAD, Term, pasted_lots, terms_in
from domain.needs.need import (
    RESERVED_TYPES,
    BuyerBody,
    BuyerKind,
    ContractKind,
    Nature,
    Need,
    Place,
    Procedure,
    Technique,
    TerritoryRequest,
)
from domain.text.bilingual import Text
from domain.text.labels import RESERVED

LOTS_AT_ONCE, LINES_AT_ONCE, MOST_DIGITS = 10, 200, 4


class LotsOnPage(NamedTuple):
    """One page of a need's lots, which may be 200: the lots, and where the pages before and after it begin.

    `first`: the number of the first lot, from 1; `before`, `after`: that of the previous and next page, if any.
    """

    lots: Sequence[Any]
    first: int
    total: int
    before: int | None
    after: int | None


def lots_on_page(lots: Sequence[Any], number: str, lines_of_lot: Callable[[Any], int] = lambda _: 1) -> LotsOnPage:
    """The page of lots that contains the lot of this number, from 1; the first page where no lot has that number.

    `lines_of_lot`: the number of lines that a lot takes. A page has at most ten lots and 200 lines, or one lot.
    """
    wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < MOST_DIGITS else 1
    at = wanted - 1 if 1 <= wanted <= len(lots) else 0
    starts, used = [0], 0
    for index, lot in enumerate(lots):
        used += lines_of_lot(lot)
        if index > starts[-1] and (index - starts[-1] == LOTS_AT_ONCE or used > LINES_AT_ONCE):
            starts.append(index)
            used = lines_of_lot(lot)
    page = max(position for position, start in enumerate(starts) if start <= at)
    first, end = starts[page], starts[page + 1] if page + 1 < len(starts) else len(lots)
    return LotsOnPage(
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
CONTRACT_KINDS: tuple[str, ...] = get_args(ContractKind)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BETWEEN_CODES, _BETWEEN_WORDS = re.compile(r"[\s,;]+"), re.compile(r"[,;\n]")

CODES = FieldKind(lambda text: tuple(dict.fromkeys(filter(None, _BETWEEN_CODES.split(text)))), ", ".join)
KEYWORDS = FieldKind(
    lambda text: tuple(dict.fromkeys(filter(None, (part.strip() for part in _BETWEEN_WORDS.split(text))))), ", ".join
)
SIRET = FieldKind(lambda text: "".join(text.split()) or None, forms.WORDS.show)
CONTRACT = FieldKind(
    lambda text: text if text in CONTRACT_KINDS else "market", lambda kind: "" if kind == "market" else kind
)
COVERS = FieldKind(lambda text: "all" if text else "firm", lambda covers: "tout" if covers == "all" else "")
MONTHS = forms.whole_number(SAID["no_months"])
ON_ONE_LINE = FieldKind(lambda text: " ".join(text.split()) or None, forms.WORDS.show)
LOTS = Rows("lot-{row}-{name}", "lots", MOST_LOTS, "objet")


class TerritoryForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a territory.

    `place`: a name to be looked up; `territories`: the codes chosen so far; `radius`: kilometres around the one commune
    among them, or around `centre`, a point as “48.07,-2.96”; `drawn`: an outline as GeoJSON.
    """

    place: Annotated[str, Field("lieu", "territory")] = ""
    territories: Annotated[tuple[str, ...], Field("territoire")] = ()
    radius: Annotated[str, Field("rayon")] = ""
    centre: Annotated[str, Field("centre")] = ""
    drawn: Annotated[str, Field("trace")] = ""


class LotForm(TerritoryForm, frozen=True, kw_only=True):
    """The form fields of one lot; its territory is empty where the need's applies.

    `id`: the lot's in a stored need. `reading`: the words read when segments were shown, empty before; `offered`: the
    segments shown, of which `chosen` are ticked; `more`: words of a trade to add. `heard`: a checksum of the title
    whose terms were shown, of which `terms` are ticked. `site`: a commune's name; `site_code`: the commune chosen.
    `unsupposed`: “oui” where no site is to be supposed. `covers`: “tout” where the amount holds renewals and options.
    """

    id: Annotated[str, Field("id")] = ""
    title: Annotated[str, Field("objet", "title", ON_ONE_LINE)] = ""
    reading: Annotated[str, Field("lu")] = ""
    offered: Annotated[tuple[str, ...], Field("propose")] = ()
    chosen: Annotated[tuple[str, ...], Field("metier")] = ()
    more: Annotated[str, Field("ajout")] = ""
    heard: Annotated[str, Field("entendu")] = ""
    terms: Annotated[tuple[str, ...], Field("dit")] = ()
    cpv: Annotated[str, Field("cpv", "cpv", CODES)] = ""
    keywords: Annotated[str, Field("mots", "keywords", KEYWORDS)] = ""
    support: Annotated[tuple[str, ...], Field("appui", "support_segments", forms.SEVERAL)] = ()
    nature: Annotated[str, Field("nature", "nature", forms.choice_of(get_args(Nature)))] = ""
    reserved: Annotated[tuple[str, ...], Field("reserve", "reserved", forms.choices_among(RESERVED_TYPES))] = ()
    value: Annotated[str, Field("valeur", "value_eur", forms.NUMBER, also=("values_eur",))] = ""
    months: Annotated[str, Field("duree", "duration_months", MONTHS)] = ""
    renewal: Annotated[str, Field("reconductions", "renewal_months", MONTHS)] = ""
    options: Annotated[str, Field("options", "options_eur", forms.NUMBER)] = ""
    covers: Annotated[str, Field("couvre", "value_covers", COVERS)] = ""
    innovative: Annotated[str, Field("innovant", "innovative", forms.TICKED)] = ""
    site: Annotated[str, Field("site", "site")] = ""
    site_code: Annotated[str, Field("commune")] = ""
    unsupposed: Annotated[str, Field("sans-lieu")] = ""
    distance: Annotated[str, Field("distance", "max_distance_km", forms.NUMBER)] = ""


class NeedForm(TerritoryForm, frozen=True, kw_only=True):
    """The form fields of a need. `buyer`: the kind of buyer; `authority`, `defence`: “oui” or “non”, empty where not
    known. `unsupposed`: “oui” where no buyer is to be read in words.

    `planned`: the day of the notice, whose law is applied; `on`: the day for which suppliers are looked at.
    `need_id`: the id of the stored need that it changes, and `known`, the entity tag of that as it was read.
    """

    title: Annotated[str, Field("titre", "title", forms.WORDS)] = ""
    buyer: Annotated[str, Field("acheteur", "buyer/kind", forms.choice_of(get_args(BuyerKind)), also=("buyer",))] = ""
    planned: Annotated[str, Field("publication", "planned_publication_on", forms.DAY)] = ""
    on: Annotated[str, Field("date", "on", forms.DAY)] = ""
    reference: Annotated[str, Field("reference", "reference", forms.WORDS)] = ""
    buyer_name: Annotated[str, Field("nom", "buyer/name", forms.WORDS)] = ""
    unsupposed: Annotated[str, Field("sans-acheteur")] = ""
    siret: Annotated[str, Field("siret", "buyer/siret", SIRET)] = ""
    body: Annotated[str, Field("organisme", "buyer/body", forms.choice_of(get_args(BuyerBody)))] = ""
    defence: Annotated[str, Field("defense", "buyer/defence", forms.YES_OR_NO)] = ""
    authority: Annotated[str, Field("pouvoir", "buyer/contracting_authority", forms.YES_OR_NO)] = ""
    purchases: Annotated[str, Field("achats", "buyer/annual_purchases_eur", forms.NUMBER)] = ""
    contract: Annotated[str, Field("contrat", "contract", CONTRACT)] = ""
    technique: Annotated[str, Field("technique", "technique", forms.choice_of(get_args(Technique)))] = ""
    procedure: Annotated[str, Field("procedure", "procedure", forms.choice_of(get_args(Procedure)))] = ""
    total: Annotated[str, Field("total", "estimated_total_eur", forms.NUMBER)] = ""
    need_id: Annotated[str, Field("besoin")] = ""
    known: Annotated[str, Field("etat")] = ""
    lots: Annotated[tuple[LotForm, ...], LOTS] = (LotForm(),)

    @property
    def lot_ids(self) -> tuple[str, ...]:
        """The id of each lot in the need: its own, else its number, else the next free number."""
        taken = {lot.id for lot in self.lots if lot.id}
        ids = []
        for number, lot in enumerate(self.lots, 1):
            free = (str(n) for n in range(number, MOST_LOTS * 2 + 1) if str(n) not in taken)
            ids.append(lot.id or next(free))
            taken.add(ids[-1])
        return tuple(ids)

    def fields(self) -> Iterator[tuple[str, str]]:
        """The name and text of each filled-in field, as a browser submits them; lot titles even where empty."""
        return _filled_in_fields(forms.form_fields(self))

    def lot_fields(self, positions: Iterable[int]) -> Iterator[tuple[str, str]]:
        """The name and text of each filled-in field of the lots at these positions."""
        for position in positions:
            yield from _filled_in_fields(forms.form_fields(self.lots[position], LOTS.pattern_in_row(position + 1)))

    def hidden_fields(self) -> list[tuple[str, str]]:
        """The filled-in fields as hidden inputs, for pages that pass the form on without showing it."""
        fields = list(self.fields())
        return fields if len(self.lots) <= LOTS_IN_FIELDS else pack_fields(fields)


def _filled_in_fields(fields: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The fields with a text, and all lot titles, which say how many lots there are."""
    return ((name, text) for name, text in fields if text or name.endswith("-objet"))


def pack_fields(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields URL-encoded into one hidden field, which `read_need_form` unpacks; empty for no fields."""
    encoded = urlencode(list(fields))
    return [(CARRIED, encoded)] if encoded else []


def read_need_form(fields: Fields) -> NeedForm:
    """The form of a need read from submitted fields; fields of other names are ignored.

    A lot with fields of its own is read from these, others from the field that packs them. Raises Refusal (400) where
    that field cannot be read.
    """
    along = parse_fields("&".join(fields.get(CARRIED, [])).encode(), MOST_CARRIED)
    shown = {LOTS.row_number_of(name) for name in fields} - {None}
    fields = {name: texts for name, texts in along.items() if LOTS.row_number_of(name) not in shown} | dict(fields)
    form = forms.read_form(NeedForm, fields)
    # it is part of a path that forms lead to
    return form if _ID.fullmatch(form.need_id) else msgspec.structs.replace(form, need_id="")


TAKEN_AWAY = {"valeur": "value", "duree": "months", "reconductions": "renewal", "commune": "site_code"}
"""The attributes of a lot's form whose fields a button of the answer empties, by the names of the fields."""


def change_form(form: NeedForm, wish: str) -> NeedForm:
    """The form after the change asked for by the button whose value is `wish`.

    `ajouter`, and with the number of a lot `retirer-2`, or `diviser-1` into those that were pasted into it; with its
    id `reserver-1-handicap+iae`, `rayon-1-50`, or with the commune that is measured from `rayon-1-50@35236`;
    `lieu-1-35236` confirms a supposed site, `lieu-1-non` takes it away; `aussi-1:de-bio` asks for one more trade;
    `sans-1:de-bio` takes a trade away, and `sans-1:valeur` what a field says. `acheteur-local:local_authority:Ville de
    Redon` says the buyer, with its kind and body, and `acheteur-` none.
    """
    what, _, rest = wish.partition("-")
    if what == "ajouter" and len(form.lots) < MOST_LOTS:
        return msgspec.structs.replace(form, lots=(*form.lots, LotForm()))
    if what == "retirer":
        left = tuple(lot for number, lot in enumerate(form.lots, 1) if str(number) != rest)
        return msgspec.structs.replace(form, lots=left or (LotForm(),))
    if what == "diviser":
        return divide_pasted_lots(form, rest)
    if what == "acheteur":
        kind, body, name = (*rest.split(":", 2), "", "")[:3]
        return msgspec.structs.replace(form, buyer_name=name, buyer=kind, body=body, unsupposed="" if name else "oui")
    lot_id, _, value = rest.rpartition(":" if what in {"aussi", "sans"} else "-")
    changes: dict[str, Any] = {}
    if what == "reserver":
        changes["reserved"] = tuple(each for each in RESERVED_TYPES if each in value.split("+"))
    elif what == "rayon":
        changes["distance"], _, commune = value.partition("@")
        changes |= {"site_code": commune} if commune else {}
    elif what == "lieu":
        changes |= {"unsupposed": "oui"} if value == "non" else {"site_code": value}
    named = list(zip(form.lot_ids, form.lots, strict=True))
    if what in {"aussi", "sans"}:
        chosen = next((lot.chosen for own, lot in named if own == lot_id), ())
        others = tuple(each for each in chosen if each != value)
        field = TAKEN_AWAY.get(value) if what == "sans" else None
        changes = {field: ""} if field else {"chosen": others if what == "sans" else (*others, value)}
    lots = (msgspec.structs.replace(lot, **changes) if own == lot_id else lot for own, lot in named)
    return msgspec.structs.replace(form, lots=tuple(lots))


def divide_pasted_lots(form: NeedForm, number: str) -> NeedForm:
    """The form with a lot for each of those that were pasted into the lot of that number, all else as it was there.

    What stands above them goes to the need's title: its amount is the total, its other terms those of lots without.
    """
    lots, title, total = list[LotForm](), form.title, form.total
    for position, lot in enumerate(form.lots, 1):
        parts = pasted_lots(lot.title) if str(position) == number else ()
        rows = LOT_HEAD.split(lot.title, 1)[0].splitlines() if parts else ()
        above = with_ticked_terms(LotForm(title=" ".join(row.strip(" ;,:.-–—") for row in rows if "\t" not in row)))
        title = ", ".join(filter(None, (title, above.title)))
        total = total or ("" if above.renewal and not above.covers else above.value)
        blank = msgspec.structs.replace(
            lot, id="", reading="", offered=(), chosen=(), more="", heard="", terms=(), cpv="", keywords="", value=""
        )
        for part in parts:
            own = with_ticked_terms(msgspec.structs.replace(blank, title=part))
            months, renewal = (own.months, own.renewal) if own.months else (above.months, above.renewal)
            reserved = own.reserved or above.reserved
            lots.append(msgspec.structs.replace(own, months=months, renewal=renewal, reserved=reserved))
        lots += () if parts else (lot,)
    return msgspec.structs.replace(form, lots=tuple(lots[:MOST_LOTS]), title=title, total=total)


def words_of_trades(titles: Iterable[str], cpv: str, keywords: str) -> str:
    """All words and codes from which a lot's trades are read, in one line; once it changes, they are read again."""
    parts = (" ".join(part.split()) for part in (*titles, cpv, keywords))
    return " / ".join(part for part in parts if part) or "/"


def form_of_need(need: Need, *, keep_ids: bool = True) -> NeedForm:
    """The form filled in from a need; its lots keep their ids, or are numbered where not `keep_ids`."""
    lots = []
    for lot in need.lots:
        site = lot.site or Place()
        form = forms.form_of_request(
            LotForm,
            lot,
            **_territory_attributes(lot.territory),
            id=lot.id if keep_ids else "",
            # the need says its terms: those of its words are offered, but not taken as said
            heard=checksum_of_terms(lot.title or ""),
            offered=lot.segments,
            chosen=lot.segments,
            site=_point_text(site),
            site_code=site.commune or "",
            unsupposed="oui" if lot.site is None else "",
        )
        # named segments are those that stay ticked; without any, those that are read surely
        reading = words_of_trades((form.title, need.title or ""), form.cpv, form.keywords) if lot.segments else ""
        lots.append(msgspec.structs.replace(form, reading=reading))
    return forms.form_of_request(NeedForm, need, **_territory_attributes(need.territory), lots=tuple(lots))


def _territory_attributes(territory: TerritoryRequest | None) -> dict[str, Any]:
    """The attributes of a `TerritoryForm` filled in from a territory."""
    if territory is None:
        return {}
    near = territory.near or Place()
    return {
        "territories": territory.codes or ((f"commune:{near.commune}",) if near.commune else ()),
        "radius": forms.plain_number(territory.radius_km),
        "centre": _point_text(near),
        "drawn": msgspec.json.encode(territory.geometry).decode() if territory.geometry else "",
    }


def _point_text(place: Place) -> str:
    return f"{place.lat},{place.lon}" if place.lat is not None and place.lon is not None else ""


class TitleTerm(NamedTuple):
    """A term in a lot's title, to be ticked: its `name`, such as `months:24`; whether its `words` only ask for it."""

    name: str
    label: Text
    words: str
    is_question: bool
    ticked: bool


def checksum_of_terms(title: str) -> str:
    """A checksum of a title, by which a form notes that the terms in it were shown; empty for a title without terms."""
    return f"{crc32(title.encode()):x}" if terms_in(title) else ""


def terms_to_tick(lot: LotForm) -> Iterator[TitleTerm]:
    """The terms in a lot's title that its fields lack; ticked as in the form or, if not shown yet, unless questions.

    None of a text that lists several lots: what one of them says, such as its reservation, is not said of the others.
    """
    was_shown = lot.heard == checksum_of_terms(lot.title)
    for term in () if pasted_lots(lot.title) else terms_in(lot.title):
        if term.value in lot.reserved if term.kind == "reserved" else getattr(lot, term.kind):
            continue
        name = f"{term.kind}:{term.value}"
        to = RESERVED[term.value].to if term.kind == "reserved" else Text(*[_text_of_value(term)] * 2)
        label = CODE_WORDS["terms"][term.kind].filled(value=to)
        ticked = name in lot.terms if was_shown else not term.is_question
        yield TitleTerm(name, label, term.words, term.is_question, ticked)


def with_ticked_terms(lot: LotForm) -> LotForm:
    """The lot's form with each ticked term copied into its field, such as the duration."""
    ticked = {term.name for term in terms_to_tick(lot) if term.ticked}
    for term in terms_in(lot.title):
        if f"{term.kind}:{term.value}" in ticked:
            said = (*lot.reserved, term.value) if term.kind == "reserved" else _text_of_value(term)
            lot = msgspec.structs.replace(lot, **{term.kind: said})
    return msgspec.structs.replace(lot, heard=checksum_of_terms(lot.title), terms=())


def _text_of_value(term: Term) -> str:
    return term.value if term.kind == "covers" else forms.plain_number(float(term.value))
