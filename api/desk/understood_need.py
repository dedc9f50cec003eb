"""A form as it is understood: territories and communes by name, trades by words, and the need that it says."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import msgspec

from api.desk.need_form import BUYER_KINDS, LotForm, NeedForm
from domain.decoding.explain import explain
from domain.errors import InvalidContent
from domain.needs.need import RESERVED_TYPES, Lot, Need, NeedAndProcedure, TerritoryRequest
from domain.reference.territory import Area, TerritoryKind, UnknownTerritory
from domain.text.bilingual import Text
from domain.text.normalise import fold
from matching.reference import Reference

MOST_CHOICES = 8
LONGEST = 400
ANYWHERE = TerritoryRequest(codes=("country:FR",))


class Mistake(NamedTuple):
    """Something to correct: the id of the field, and what would be right."""

    field: str
    detail: Text


class Trade(NamedTuple):
    """A segment that a lot may ask for; `confidence` (0 to 1) where it was read, `ticked` where it is asked for."""

    segment: str
    label: str
    confidence: float | None
    ticked: bool


class Understood(NamedTuple):
    """A form with its names looked up and its words read.

    `trades`: of each lot; `areas`: the territories chosen; `choices`: what the name typed may mean; `site_choices`: of
    each lot, what the name of its commune may mean. `need` is null where there are mistakes.
    """

    form: NeedForm
    trades: tuple[tuple[Trade, ...], ...]
    areas: tuple[Area, ...]
    choices: tuple[Area, ...]
    sites: tuple[Area | None, ...]
    site_choices: tuple[tuple[Area, ...], ...]
    mistakes: tuple[Mistake, ...]
    need: NeedAndProcedure | None


def understand(form: NeedForm, reference: Reference) -> Understood:
    """The form as it is understood; all that is to be corrected at once."""
    mistakes: list[Mistake] = []
    form, areas, choices = _territory(form, reference, mistakes)
    lots, trades, sites, site_choices = [], [], [], []
    for number, (lot, read) in enumerate(zip(form.lots, _readings(form, reference), strict=True), 1):
        site, among = _site(lot, reference, mistakes, number)
        of_lot = _trades(form, lot, read, reference)
        lots.append(
            msgspec.structs.replace(
                lot,
                reading=_words(form, lot),
                offered=tuple(trade.segment for trade in of_lot),
                chosen=tuple(trade.segment for trade in of_lot if trade.ticked),
                more="",
                site="" if site else lot.site,
                site_code=site.code if site else "",
            )
        )
        trades.append(of_lot)
        sites.append(site)
        site_choices.append(among)
    form = msgspec.structs.replace(form, lots=tuple(lots))
    need = _need(form, trades, mistakes)
    told = (form, tuple(trades), areas, choices, tuple(sites), tuple(site_choices), tuple(mistakes))
    return Understood(*told, need if not mistakes else None)


def found_by_name(name: str, reference: Reference, kind: TerritoryKind | None = None) -> tuple[Area, ...]:
    """The territories that a name may mean; one alone where it is the only one of exactly that name or code."""
    found = reference.gazetteer.search(name, kind, MOST_CHOICES)
    exact = [area for area in found if fold(name) in {fold(area.label), fold(area.code), area.id}]
    return (exact[0],) if len(exact) == 1 else found


def _territory(
    form: NeedForm, reference: Reference, mistakes: list[Mistake]
) -> tuple[NeedForm, tuple[Area, ...], tuple[Area, ...]]:
    """The form with the name that was typed put among the territories, where it means one; they, and the choices."""
    areas = []
    for code in form.territories:
        try:
            areas.append(reference.territories.area(code))
        except UnknownTerritory as unknown:
            mistakes.append(Mistake("lieu", unknown.detail))
    choices: tuple[Area, ...] = ()
    if form.place:
        found = found_by_name(form.place, reference)
        if len(found) == 1:
            areas += found
            form = msgspec.structs.replace(form, place="")
        elif found and any(area.id in form.territories for area in found):
            form = msgspec.structs.replace(form, place="")  # chosen among those that were shown
        else:
            choices = found
            mistakes.append(Mistake("lieu", SEVERAL_PLACES if found else NO_SUCH_PLACE))
    elif not areas and not mistakes:
        mistakes.append(Mistake("lieu", NO_PLACE))
    unique = tuple({area.id: area for area in areas}.values())
    return msgspec.structs.replace(form, territories=tuple(area.id for area in unique)), unique, choices


def _site(
    lot: LotForm, reference: Reference, mistakes: list[Mistake], number: int
) -> tuple[Area | None, tuple[Area, ...]]:
    """The commune of a lot's site, and those among which it is to be chosen."""
    if lot.site_code and not lot.site:
        try:
            return reference.territories.area(f"commune:{lot.site_code}"), ()
        except UnknownTerritory as unknown:
            mistakes.append(Mistake(f"lot-{number}-site", unknown.detail))
            return None, ()
    if not lot.site:
        return None, ()
    found = found_by_name(lot.site, reference, "commune")
    chosen = found if len(found) == 1 else [area for area in found if area.code == lot.site_code]
    if chosen:
        return chosen[0], ()
    mistakes.append(Mistake(f"lot-{number}-site", SEVERAL_PLACES if found else NO_SUCH_PLACE))
    return None, found


def _words(form: NeedForm, lot: LotForm) -> str:
    """The words in which a lot's trades are read."""
    return " ".join(f"{lot.title} / {form.title}".split()) if lot.title else ""


def _readings(form: NeedForm, reference: Reference) -> list[dict[str, float]]:
    """The segments that the words of each lot say, each with its confidence, as a match reads them."""
    said = {n: Lot(id=str(n), title=lot.title[:LONGEST]) for n, lot in enumerate(form.lots) if lot.title}
    if not said:
        return [{} for _ in form.lots]
    need = Need(lots=tuple(said.values()), title=form.title[:LONGEST] or None, territory=ANYWHERE)
    read = dict(zip(said, reference.reader.read(need), strict=True))
    return [
        {each.segment: each.confidence for each in read[n].wanted} if n in read else {} for n in range(len(form.lots))
    ]


def _trades(form: NeedForm, lot: LotForm, read: dict[str, float], reference: Reference) -> tuple[Trade, ...]:
    """The trades to show for a lot: those read, and those that the buyer added; ticked as they were, or all if new."""
    taxonomy = reference.taxonomy
    seen = bool(lot.reading) and lot.reading == _words(form, lot)
    ticked = dict.fromkeys(lot.chosen if seen else read)
    offered = dict.fromkeys([*read, *(lot.offered if seen else ())])
    if lot.more:
        found = [each.segment for each in reference.interpreter.search(lot.more, 3)]
        offered |= dict.fromkeys(found)
        ticked |= dict.fromkeys(found[:1])
    known = [segment for segment in offered if taxonomy.known(segment)]
    return tuple(Trade(each, taxonomy.label(each), read.get(each), each in ticked) for each in known)


def _need(form: NeedForm, trades: list[tuple[Trade, ...]], mistakes: list[Mistake]) -> NeedAndProcedure | None:
    """The need that the form says. Adds what is wrong with it to the mistakes."""
    on = None
    if form.on:
        try:
            on = date.fromisoformat(form.on)
        except ValueError:
            mistakes.append(Mistake("date", NO_DATE))
    lots = [
        _lot(number, lot, of_lot, mistakes) | {"id": lot_id}
        for number, (lot, of_lot, lot_id) in enumerate(zip(form.lots, trades, form.lot_ids, strict=True), 1)
    ]
    said = {
        "title": form.title or None,
        "on": on,
        "buyer": {"kind": form.buyer} if form.buyer in BUYER_KINDS else None,
        "territory": {"codes": form.territories} if form.territories else None,
        "lots": lots,
    }
    try:
        return msgspec.convert(said, NeedAndProcedure)
    except msgspec.ValidationError as error:
        mistakes += mistakes_of(InvalidContent((explain(error, NeedAndProcedure),)))
        return None


def _lot(number: int, lot: LotForm, trades: tuple[Trade, ...], mistakes: list[Mistake]) -> dict[str, Any]:
    """One lot as `POST /match` takes it. Trades that were read and left as they are stay the title's."""
    name = f"lot-{number}-"
    if not lot.title:
        mistakes.append(Mistake(f"{name}objet", NO_TITLE))
    elif trades and not lot.chosen:
        mistakes.append(Mistake(f"{name}objet", NO_TRADE))
    as_read = tuple(trade.segment for trade in trades if trade.confidence is not None) == lot.chosen
    months = number_in(lot.months, f"{name}duree", mistakes)
    if months is not None and not months.is_integer():
        mistakes.append(Mistake(f"{name}duree", NO_NUMBER))
    return {
        "title": lot.title or None,
        "segments": () if as_read else lot.chosen,
        "reserved": tuple(each for each in RESERVED_TYPES if each in lot.reserved),
        "value_eur": number_in(lot.value, f"{name}valeur", mistakes),
        "duration_months": None if months is None else int(months),
        "site": {"commune": lot.site_code} if lot.site_code else None,
        "max_distance_km": number_in(lot.distance, f"{name}distance", mistakes),
    }


def number_in(text: str, field: str, mistakes: list[Mistake]) -> float | None:
    """A number as people write it in French or English: “240 000”, “12,5”; None where there is none."""
    plain = "".join(text.split()).removesuffix("€").removesuffix("km").replace(",", ".")
    if not plain:
        return None
    if plain.replace(".", "", 1).isdecimal() and plain.isascii() and len(plain) <= 15:
        return float(plain)
    mistakes.append(Mistake(field, NO_NUMBER))
    return None


def mistakes_of(invalid: InvalidContent) -> Iterator[Mistake]:
    """The problems of a need at the fields of the form."""
    names = {"title": "objet", "segments": "objet", "value_eur": "valeur", "duration_months": "duree"}
    names |= {"site": "site", "max_distance_km": "distance", "reserved": "reserve"}
    for problem in invalid.problems:
        steps = problem.pointer.split("/")[1:]
        if len(steps) > 1 and steps[0] == "lots" and steps[1].isdecimal():
            name = names.get(steps[2] if len(steps) > 2 else "title", "objet")
            yield Mistake(f"lot-{int(steps[1]) + 1}-{name}", problem.detail)
        else:
            yield Mistake(
                {"title": "titre", "territory": "lieu"}.get(steps[0] if steps else "", "titre"), problem.detail
            )


SEVERAL_PLACES = Text(
    "Plusieurs lieux portent ce nom : choisissez ci-dessous", "Several places have this name: choose below"
)
NO_SUCH_PLACE = Text("Aucun lieu de ce nom n'est connu", "No place of this name is known")
NO_PLACE = Text(
    "Indiquez où le marché sera exécuté : une commune, une intercommunalité, un département ou une région",
    "Say where the contract will be performed: a commune, an EPCI, a departement or a region",
)
NO_TITLE = Text("Dites en quelques mots ce qui est acheté", "Say in a few words what is bought")
NO_TRADE = Text("Cochez au moins un métier, ou changez l'intitulé", "Tick at least one trade, or change the words")
NO_NUMBER = Text("Un nombre est attendu, tel que 24 ou 240 000", "A number is expected, such as 24 or 240 000")
NO_DATE = Text("Une date est attendue : AAAA-MM-JJ", "A date is expected: YYYY-MM-DD")
