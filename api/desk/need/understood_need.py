"""A form as it is understood: its places looked up, trades and terms of its lots read, and the need that it says."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from api.desk.frame.form import NAME, Mistake, field_mistakes, request_of, said_by
from api.desk.frame.visit import Visit
from api.desk.need.form_of_need import SaidTerm, heard, terms_said, with_terms
from api.desk.need.need_form import CODES, KEYWORDS, LOTS, LotForm, NeedForm, words_read
from api.desk.need.territory_field import Where, point_in, site_of, where
from domain.errors import InvalidContent
from domain.needs.need import Lot, Need, NeedAndProcedure, Place, TerritoryRequest
from domain.reference.territory import Area
from domain.text.bilingual import Text
from matching.inspection.match_cost import AT_ONCE_MS, CODE_MS, CPV_MS, KEYWORD_MS, PLACE_MS, TITLE_MS
from matching.lot_query import LotQuery, Wanted
from matching.reference import Reference

T = TypeVar("T")

LONGEST, MOST_CODES, MOST_KEYWORDS = 400, 200, 50
"""What is read of a lot, at most, as a need admits it; a longer one is a mistake."""
ANYWHERE = TerritoryRequest(codes=("country:FR",))


class Trade(NamedTuple):
    """A segment that a lot may ask for; `confidence` (0 to 1) where it was read, `ticked` where it is asked for.

    `cpv`: the code that says it, if one does.
    """

    segment: str
    label: str
    confidence: float | None
    ticked: bool
    cpv: str | None = None


class UnderstoodLot(NamedTuple):
    """A lot with its words read and its places looked up.

    `terms`: those that its words say and its fields do not. `support`: the labels of its supporting segments;
    `unmapped`: CPV codes that no trade of the directory answers; `title_says`: labels of what its title says where its
    codes say something else.
    """

    trades: tuple[Trade, ...]
    where: Where
    site: Area | None
    site_choices: tuple[Area, ...]
    support: tuple[tuple[str, str], ...] = ()
    unmapped: tuple[str, ...] = ()
    title_says: tuple[str, ...] = ()
    terms: tuple[SaidTerm, ...] = ()


class Understood(NamedTuple):
    """A form with its names looked up and its words read. `need` is null where there are mistakes."""

    form: NeedForm
    where: Where
    lots: tuple[UnderstoodLot, ...]
    mistakes: tuple[Mistake, ...]
    need: NeedAndProcedure | None


def understand(form: NeedForm, reference: Reference) -> Understood:
    """The form as it is understood; all that is to be corrected at once."""
    mistakes: list[Mistake] = []
    form, place = where(form, "", reference, mistakes)
    lots, understood = [], []
    for number_of, (lot, read) in enumerate(zip(form.lots, _readings(form, reference), strict=True), 1):
        seen, found = _understood_lot(form, lot, f"lot-{number_of}-", read, reference, mistakes)
        lots.append(seen)
        understood.append(found)
    form = msgspec.structs.replace(form, lots=tuple(lots))
    if not mistakes and place.request is None and not all(each.where.request for each in understood):
        mistakes.append(Mistake("lieu", NO_PLACE))
    need = _need(form, place, understood, reference, mistakes)
    return Understood(form, place, tuple(understood), tuple(mistakes), need if not mistakes else None)


async def understood_beside(visit: Visit, form: NeedForm) -> Understood:
    """The form as it is understood, beside the event loop where much is read. Raises as `MatchWork.run_function`."""
    return await _read_beside(visit, form, lambda reference: understand(form, reference))


async def trades_beside(visit: Visit, form: NeedForm, position: int) -> tuple[LotForm, UnderstoodLot]:
    """One lot as `trades_of` reads it, and as `understood_beside`."""
    return await _read_beside(visit, form, lambda reference: trades_of(form, position, reference))


async def _read_beside(visit: Visit, form: NeedForm, work: Callable[[Reference], T]) -> T:
    is_little = _reading_ms(form) <= AT_ONCE_MS
    return work(visit.reference) if is_little else await visit.work_out(work)


def _reading_ms(form: NeedForm) -> float:
    """About the milliseconds until the words of a form are read and its places looked up, where none is known."""
    codes = sum(len(CODES.read(lot.cpv)) for lot in form.lots)
    keywords = sum(len(KEYWORDS.read(lot.keywords)) for lot in form.lots)
    words = sum(bool(lot.title) + bool(lot.more) for lot in form.lots)
    names = sum(bool(place.place) for place in (form, *form.lots)) + sum(bool(lot.site) for lot in form.lots)
    territories = sum(len(place.territories) + bool(place.drawn) for place in (form, *form.lots))
    return CPV_MS * codes + KEYWORD_MS * keywords + TITLE_MS * words + PLACE_MS * names + CODE_MS * territories


def trades_of(form: NeedForm, position: int, reference: Reference) -> tuple[LotForm, UnderstoodLot]:
    """One lot, its trades read beside the other lots; its places are not looked up."""
    lot, read = form.lots[position], _readings(form, reference)[position]
    return _read_lot(form, lot, read, reference)


def _understood_lot(
    form: NeedForm, lot: LotForm, prefix: str, read: LotQuery | None, reference: Reference, mistakes: list[Mistake]
) -> tuple[LotForm, UnderstoodLot]:
    lot, found = _read_lot(form, with_terms(lot), read, reference)
    lot, place = where(lot, prefix, reference, mistakes)
    site, among = site_of(lot, prefix, reference, mistakes)
    lot = msgspec.structs.replace(lot, site="" if site else lot.site, site_code=site.code if site else "")
    return lot, found._replace(where=place, site=site, site_choices=among)


def _read_lot(
    form: NeedForm, lot: LotForm, read: LotQuery | None, reference: Reference
) -> tuple[LotForm, UnderstoodLot]:
    trades, label = _trades(form, lot, read, reference), reference.taxonomy.label
    seen = msgspec.structs.replace(
        lot,
        reading=_words(form, lot),
        offered=tuple(trade.segment for trade in trades),
        chosen=tuple(trade.segment for trade in trades if trade.ticked),
        more="",
        heard=heard(lot.title),
    )
    terms = terms_said(lot)
    support = tuple((each, label(each)) for each in lot.support if reference.taxonomy.known(each))
    if read is None:
        return seen, UnderstoodLot(trades, Where(), None, (), support, terms=terms)
    said = tuple(map(label, read.title_says))
    return seen, UnderstoodLot(trades, Where(), None, (), support, read.unmapped, said, terms)


def _words(form: NeedForm, lot: LotForm) -> str:
    return words_read((lot.title, form.title), lot.cpv, lot.keywords)


def _readings(form: NeedForm, reference: Reference) -> list[LotQuery | None]:
    """Each lot as a match reads its words and codes; None for one that has none that is known."""
    said: dict[int, Lot] = {}
    for position, lot in enumerate(form.lots):
        codes = tuple(filter(reference.cpv.exists, CODES.read(lot.cpv)[:MOST_CODES]))
        keywords = tuple(each[:LONGEST] for each in KEYWORDS.read(lot.keywords)[:MOST_KEYWORDS])
        if lot.title or codes or keywords:
            said[position] = Lot(id=str(position), title=lot.title[:LONGEST] or None, cpv=codes, keywords=keywords)
    if not said:
        return [None] * len(form.lots)
    need = Need(lots=tuple(said.values()), title=form.title[:LONGEST] or None, territory=ANYWHERE)
    read = dict(zip(said, reference.reader.read(need), strict=True))
    return [read.get(position) for position in range(len(form.lots))]


def _trades(form: NeedForm, lot: LotForm, read: LotQuery | None, reference: Reference) -> tuple[Trade, ...]:
    """The trades to show for a lot: those read, and those that the buyer added; ticked as they were, or all if new."""
    taxonomy = reference.taxonomy
    wanted = {each.segment: each for each in (read.objects if read else ())}
    seen = bool(lot.reading) and lot.reading == _words(form, lot)
    ticked = dict.fromkeys(lot.chosen if seen else wanted)
    offered = dict.fromkeys([*wanted, *(lot.offered if seen else ())])
    if lot.more:
        found = [each.segment for each in reference.interpreter.search(lot.more[:LONGEST], 3)]
        offered |= dict.fromkeys(found)
        ticked |= dict.fromkeys(found[:1])
    known = [segment for segment in offered if taxonomy.known(segment)]
    return tuple(_trade(each, taxonomy.label(each), wanted.get(each), ticked=each in ticked) for each in known)


def _trade(segment: str, label: str, wanted: Wanted | None, *, ticked: bool) -> Trade:
    if wanted is None:
        return Trade(segment, label, None, ticked)
    codes = [source.removeprefix("cpv:") for source in wanted.sources if source.startswith("cpv:")]
    return Trade(segment, label, wanted.confidence, ticked, codes[0] if codes else None)


def _need(
    form: NeedForm, place: Where, lots: Sequence[UnderstoodLot], reference: Reference, mistakes: list[Mistake]
) -> NeedAndProcedure | None:
    """The need that the form says. Adds what is wrong with it to the mistakes."""
    said = said_by(form, mistakes) | {"territory": place.request}
    if all(value is None for value in said["buyer"].values()):
        said["buyer"] = None
    numbered = enumerate(zip(form.lot_ids, form.lots, lots, strict=True), 1)
    said["lots"] = [
        _lot(lot_id, LOTS.of_row(position), lot, understood, reference, mistakes)
        for position, (lot_id, lot, understood) in numbered
    ]
    try:
        return request_of(said, NeedAndProcedure)
    except InvalidContent as invalid:
        mistakes += mistakes_of(invalid)
        return None


def _lot(
    lot_id: str, names: str, lot: LotForm, understood: UnderstoodLot, reference: Reference, mistakes: list[Mistake]
) -> dict[str, Any]:
    """One lot as `POST /match` takes it. Trades that were read and left as they are stay those of its words."""
    trades = understood.trades
    if not (lot.title or trades or lot.cpv):
        mistakes.append(Mistake(names.replace(NAME, "objet"), NO_TITLE))
    elif trades and not lot.chosen:
        mistakes.append(Mistake(names.replace(NAME, "objet"), NO_TRADE))
    said = said_by(lot, mistakes, names) | {
        "id": lot_id,
        "segments": (),
        "site": point_in(lot.site) or (Place(commune=lot.site_code) if lot.site_code else None),
        "territory": understood.where.request,
    }
    if tuple(trade.segment for trade in trades if trade.confidence is not None) == lot.chosen:
        return said
    return said | {"segments": lot.chosen, "cpv": _codes_left(lot, reference), "keywords": ()}


def _codes_left(lot: LotForm, reference: Reference) -> tuple[str, ...]:
    """The CPV codes of a lot without those that say only trades that were unticked."""
    codes = []
    for code in CODES.read(lot.cpv):
        segments = reference.taxonomy.of_cpv(reference.cpv.normalise(code)) if reference.cpv.exists(code) else ()
        if not segments or {*segments} & {*lot.chosen}:
            codes.append(code)
    return tuple(codes)


def mistakes_of(invalid: InvalidContent) -> tuple[Mistake, ...]:
    """The problems of a need at the fields of the form."""
    return field_mistakes(invalid, NeedForm, otherwise="titre")


NO_PLACE = Text(
    "Indiquez où le marché sera exécuté : une commune, une intercommunalité, un département ou une région",
    "Say where the contract will be performed: a commune, an EPCI, a departement or a region",
)
NO_TITLE = Text("Dites en quelques mots ce qui est acheté", "Say in a few words what is bought")
NO_TRADE = Text("Cochez au moins un métier, ou changez l'intitulé", "Tick at least one trade, or change the words")
