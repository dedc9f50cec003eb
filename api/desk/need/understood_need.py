"""A form as it is understood: its places looked up, trades and terms of its lots read, and the need that it says."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from api.desk.frame.form import NAME, Mistake, field_mistakes, request_of, said_by
from api.desk.frame.layout import SAID
from api.desk.frame.visit import Visit
from api.desk.need.need_form import (
    CODES,
    KEYWORDS,
    LOTS,
    LotForm,
    NeedForm,
    SaidTerm,
    heard,
    terms_said,
    with_terms,
    words_read,
)
from api.desk.need.territory_field import Where, found_by_name, point_in, territory_in
from domain.errors import InvalidContent
from domain.needs.need import Lot, Need, NeedAndProcedure, Place, TerritoryRequest
from domain.reference.territory import Area, UnknownTerritory
from matching.inspection.match_cost import AT_ONCE_MS, CODE_MS, CPV_MS, KEYWORD_MS, PLACE_MS, TITLE_MS
from matching.lot_query import LotQuery
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
    form, place = territory_in(form, "", reference, mistakes)
    lots, understood = [], []
    for number, (typed, read) in enumerate(zip(form.lots, _readings(form, reference), strict=True), 1):
        prefix = f"lot-{number}-"
        lot, found = _read_lot(form, with_terms(typed), read, reference)
        lot, of_lot = territory_in(lot, prefix, reference, mistakes)
        site, among = site_of(lot, prefix, reference, mistakes)
        lots.append(msgspec.structs.replace(lot, site="" if site else lot.site, site_code=site.code if site else ""))
        understood.append(found._replace(where=of_lot, site=site, site_choices=among))
    form = msgspec.structs.replace(form, lots=tuple(lots))
    if not mistakes and place.request is None and not all(each.where.request for each in understood):
        mistakes.append(Mistake("lieu", SAID["no_place"]))
    said = said_by(form, mistakes) | {"territory": place.request}
    if all(value is None for value in said["buyer"].values()):
        said["buyer"] = None
    numbered = enumerate(zip(form.lot_ids, form.lots, understood, strict=True), 1)
    said["lots"] = [_said_by_lot(*each, LOTS.of_row(number), reference, mistakes) for number, each in numbered]
    need = None
    try:
        need = request_of(said, NeedAndProcedure)
    except InvalidContent as invalid:
        mistakes += mistakes_of(invalid)
    return Understood(form, place, tuple(understood), tuple(mistakes), need if not mistakes else None)


def site_of(
    lot: LotForm, prefix: str, reference: Reference, mistakes: list[Mistake]
) -> tuple[Area | None, tuple[Area, ...]]:
    """The commune of a lot's site, and those among which it is to be chosen; none of them where it is a point."""
    if lot.site_code and not lot.site:
        try:
            return reference.territories.area(f"commune:{lot.site_code}"), ()
        except UnknownTerritory as unknown:
            mistakes.append(Mistake(f"{prefix}site", unknown.detail))
            return None, ()
    if not lot.site or point_in(lot.site):
        return None, ()
    found = found_by_name(lot.site, reference, "commune")
    chosen = found if len(found) == 1 else [area for area in found if area.code == lot.site_code]
    if chosen:
        return chosen[0], ()
    mistakes.append(Mistake(f"{prefix}site", SAID["several_places" if found else "no_such_place"]))
    return None, found


async def understood_beside(visit: Visit, form: NeedForm) -> Understood:
    """The form as it is understood, beside the event loop where much is read. Raises as `MatchWork.run_function`."""
    return await _read_beside(visit, form, lambda reference: understand(form, reference))


async def trades_beside(visit: Visit, form: NeedForm, position: int) -> tuple[LotForm, UnderstoodLot]:
    """One lot, its trades read beside the other lots, as `understood_beside`; its places are not looked up."""

    def read_one(reference: Reference) -> tuple[LotForm, UnderstoodLot]:
        return _read_lot(form, form.lots[position], _readings(form, reference)[position], reference)

    return await _read_beside(visit, form, read_one)


async def _read_beside(visit: Visit, form: NeedForm, work: Callable[[Reference], T]) -> T:
    # about the milliseconds until its words are read and its places looked up, where none is known
    codes = sum(len(CODES.read(lot.cpv)) for lot in form.lots)
    keywords = sum(len(KEYWORDS.read(lot.keywords)) for lot in form.lots)
    words = sum(bool(lot.title) + bool(lot.more) for lot in form.lots)
    names = sum(bool(place.place) for place in (form, *form.lots)) + sum(bool(lot.site) for lot in form.lots)
    territories = sum(len(place.territories) + bool(place.drawn) for place in (form, *form.lots))
    ms = CPV_MS * codes + KEYWORD_MS * keywords + TITLE_MS * words + PLACE_MS * names + CODE_MS * territories
    return work(visit.reference) if ms <= AT_ONCE_MS else await visit.work_out(work)


def _read_lot(
    form: NeedForm, lot: LotForm, read: LotQuery | None, reference: Reference
) -> tuple[LotForm, UnderstoodLot]:
    """A lot with the trades to show: those read, and those that the buyer added; ticked as they were, or all if new."""
    taxonomy, words = reference.taxonomy, words_read((lot.title, form.title), lot.cpv, lot.keywords)
    wanted = {each.segment: each for each in (read.objects if read else ())}
    is_same = lot.reading == words
    ticked = dict.fromkeys(lot.chosen if is_same else wanted)
    offered = dict.fromkeys([*wanted, *(lot.offered if is_same else ())])
    if lot.more:
        found = [each.segment for each in reference.interpreter.search(lot.more[:LONGEST], 3)]
        offered |= dict.fromkeys(found)
        ticked |= dict.fromkeys(found[:1])
    trades = []
    for segment in filter(taxonomy.known, offered):
        read_as = wanted.get(segment)
        codes = (each for each in (read_as.sources if read_as else ()) if each.startswith("cpv:"))
        code = next((each.removeprefix("cpv:") for each in codes), None)
        confidence = read_as.confidence if read_as else None
        trades.append(Trade(segment, taxonomy.label(segment), confidence, segment in ticked, code))
    seen = msgspec.structs.replace(
        lot,
        reading=words,
        offered=tuple(trade.segment for trade in trades),
        chosen=tuple(trade.segment for trade in trades if trade.ticked),
        more="",
        heard=heard(lot.title),
    )
    understood = UnderstoodLot(
        tuple(trades),
        Where(),
        None,
        (),
        support=tuple((each, taxonomy.label(each)) for each in lot.support if taxonomy.known(each)),
        unmapped=read.unmapped if read else (),
        title_says=tuple(map(taxonomy.label, read.title_says)) if read else (),
        terms=tuple(terms_said(lot)),
    )
    return seen, understood


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


def _said_by_lot(
    lot_id: str, lot: LotForm, understood: UnderstoodLot, names: str, reference: Reference, mistakes: list[Mistake]
) -> dict[str, Any]:
    """One lot as `POST /match` takes it. Trades that were read and left as they are stay those of its words."""
    trades = understood.trades
    if not (lot.title or trades or lot.cpv):
        mistakes.append(Mistake(names.replace(NAME, "objet"), SAID["no_title"]))
    elif trades and not lot.chosen:
        mistakes.append(Mistake(names.replace(NAME, "objet"), SAID["no_trade"]))
    said = said_by(lot, mistakes, names) | {
        "id": lot_id,
        "segments": (),
        "site": point_in(lot.site) or (Place(commune=lot.site_code) if lot.site_code else None),
        "territory": understood.where.request,
    }
    if tuple(trade.segment for trade in trades if trade.confidence is not None) == lot.chosen:
        return said
    # a code that says only trades that were unticked would ask for them again
    codes = []
    for code in said["cpv"]:
        segments = reference.taxonomy.of_cpv(reference.cpv.normalise(code)) if reference.cpv.exists(code) else ()
        if not segments or {*segments} & {*lot.chosen}:
            codes.append(code)
    return said | {"segments": lot.chosen, "cpv": codes, "keywords": ()}


def mistakes_of(invalid: InvalidContent) -> tuple[Mistake, ...]:
    """The problems of a need at the fields of the form."""
    return field_mistakes(invalid, NeedForm, otherwise="titre")
