"""The form of a need understood: sites looked up, words read as trades and terms, and the need that it makes."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from api.desk.frame import form as forms
from api.desk.frame.form import Mistake
from api.desk.frame.layout import SAID
from api.desk.frame.visit import Visit
from api.desk.need.need_form import (
    CODES,
    KEYWORDS,
    LOTS,
    LOTS_IN_FIELDS,
    LotForm,
    NeedForm,
    TitleTerm,
    checksum_of_terms,
    terms_to_tick,
    with_ticked_terms,
    words_of_trades,
)
from api.desk.need.territory_field import UnderstoodTerritory, point_in, territories_of_name, understand_territory
from domain.errors import InvalidContent
from domain.needs.lot_words import pasted_lots, terms_in, unused_words
from domain.needs.need import Lot, Need, NeedAndProcedure, Place, TerritoryRequest
from domain.reference.territory import Area, UnknownTerritory
from domain.shortlists.shortlist import SupposedSite
from matching.inspection.match_cost import AT_ONCE_MS, CODE_MS, CPV_MS, KEYWORD_MS, PLACE_MS, TITLE_MS
from matching.lot_query import LotQuery
from matching.reference import Reference
from matching.words.places import NamedBuyer
from matching.words.titles import without_mail

T = TypeVar("T")

LONGEST, MOST_CODES, MOST_KEYWORDS = 400, 200, 50
"""What is read of a lot, at most, as a need admits it; a longer one is a mistake."""
MOST_GUESSED = 3
"""Trades that are suggested, at most, for words that say none."""
ANYWHERE = TerritoryRequest(codes=("country:FR",))


class TradeChoice(NamedTuple):
    """A segment shown as a choice for a lot, `ticked` where it is wanted; `cpv`: the lot's code that means it, if any.

    `confidence`: from 0 to 1, of what was read in the lot's words and codes; None for one that the buyer added.
    `suggested`: the words may mean it, so that it is asked for only once the buyer ticks it.
    """

    segment: str
    label: str
    confidence: float | None
    ticked: bool
    cpv: str | None = None
    suggested: bool = False


class UnderstoodLot(NamedTuple):
    """The meaning of a lot's form: its trades, its territory and its site.

    `supposed`: the site that a match would suppose. `terms`: in its title and in no field. `support`: its supporting
    segments with their labels; `unmapped`: CPV codes without a segment; `title_says`: labels of the segments read in
    its title where its codes mean others; `unused`: words of it that no field holds; `pasted`: lots that it lists.
    """

    trades: tuple[TradeChoice, ...]
    where: UnderstoodTerritory = UnderstoodTerritory()
    site: Area | None = None
    site_choices: tuple[Area, ...] = ()
    support: tuple[tuple[str, str], ...] = ()
    unmapped: tuple[str, ...] = ()
    title_says: tuple[str, ...] = ()
    terms: tuple[TitleTerm, ...] = ()
    unused: tuple[str, ...] = ()
    supposed: SupposedSite | None = None
    pasted: tuple[str, ...] = ()

    @property
    def also(self) -> tuple[TradeChoice, ...]:
        """The trades that the lot's words may mean and that the buyer has not ticked."""
        return tuple(trade for trade in self.trades if trade.suggested and not trade.ticked)


class UnderstoodNeed(NamedTuple):
    """The meaning of a need's form: the form completed, its lots, and the `need`, None where there are mistakes.

    `buyer`: the one that its words name, where no field says one; nothing depends on it until it is confirmed.
    """

    form: NeedForm
    where: UnderstoodTerritory
    lots: tuple[UnderstoodLot, ...]
    mistakes: tuple[Mistake, ...]
    need: NeedAndProcedure | None
    buyer: NamedBuyer | None = None


MOST_UNKNOWN = 200
"""Suppliers of unknown trade that a page of few lots lists, to be asked what they do: as many as the API names."""
NeedKind = TypeVar("NeedKind", bound=Need)


def with_all_to_ask(need: NeedKind) -> NeedKind:
    """The need that asks for the suppliers of unknown trade to be named, 200 in all, where its lots are few."""
    most = MOST_UNKNOWN // len(need.lots)
    return msgspec.structs.replace(need, unknown_trade=most) if len(need.lots) <= LOTS_IN_FIELDS else need


def understand_need(form: NeedForm, reference: Reference) -> UnderstoodNeed:
    """Look up a form's names, read its words, and make the need of it, or list all mistakes."""
    mistakes: list[Mistake] = []
    bodies = (msgspec.structs.replace(lot, title=without_mail(lot.title)) for lot in form.lots)
    form = msgspec.structs.replace(form, title=without_mail(form.title), lots=tuple(bodies))
    form, place = understand_territory(_with_title_as_object(form), "", reference, mistakes)
    lots, understood = [], []
    for number, (typed, query) in enumerate(zip(form.lots, _lot_queries(form, reference), strict=True), 1):
        prefix = f"lot-{number}-"
        lot, found = _understand_lot(form, with_ticked_terms(typed), query, reference)
        lot, of_lot = understand_territory(lot, prefix, reference, mistakes)
        site, among = site_of(lot, prefix, reference, mistakes)
        lots.append(msgspec.structs.replace(lot, site="" if site else lot.site, site_code=site.code if site else ""))
        understood.append(found._replace(where=of_lot, site=site, site_choices=among))
    form = msgspec.structs.replace(form, lots=tuple(lots))
    if not mistakes and place.request is None and not all(each.where.request for each in understood):
        titles = "\n".join([form.title, *(lot.title for lot in form.lots)])
        communes = reference.interpreter.titles.communes
        areas = communes.named_areas(titles)
        shared = "" if areas else communes.shared_name(titles)
        form = msgspec.structs.replace(form, territories=tuple(area.id for area in areas), place=shared)
        if len({area.kind == "commune" for area in areas}) > 1 and len(form.lots) == 1:  # the commune is not all of it
            form = msgspec.structs.replace(form, lots=(msgspec.structs.replace(form.lots[0], unsupposed="oui"),))
        form, place = understand_territory(form, "", reference, mistakes)
        if not areas and not shared:
            mistakes.append(Mistake("lieu", SAID["no_place"]))
    buyer = None if form.unsupposed or form.buyer_name or form.siret else _named_buyer(form, reference)
    said = forms.request_parts(form, mistakes) | {"territory": place.request}
    if all(value is None for value in said["buyer"].values()):
        said["buyer"] = None
    numbered = enumerate(zip(form.lot_ids, form.lots, understood, strict=True), 1)
    said["lots"] = [_lot_request(*each, LOTS.pattern_in_row(number), reference, mistakes) for number, each in numbered]
    need = None
    try:
        need = forms.checked_request(said, NeedAndProcedure)
    except InvalidContent as invalid:
        mistakes += need_form_mistakes(invalid)
    if need is None or mistakes:
        return UnderstoodNeed(form, place, tuple(understood), tuple(mistakes), None, buyer)
    supposed = map(partial(_supposed_site, need, reference), need.lots)
    understood = [found._replace(supposed=site) for found, site in zip(understood, supposed, strict=True)]
    return UnderstoodNeed(form, place, tuple(understood), (), need, buyer)


def _named_buyer(form: NeedForm, reference: Reference) -> NamedBuyer | None:
    """The buyer that the first texts of a form name; None where they name none."""
    texts = (form.title, *(lot.title for lot in form.lots[:LOTS_IN_FIELDS]))
    named = (reference.interpreter.titles.communes.named_buyer(text[:LONGEST]) for text in texts if text)
    return next(filter(None, named), None)


def _with_title_as_object(form: NeedForm) -> NeedForm:
    """The form whose only lot, if nothing else says what it is, has the title of the need: it is the first field."""
    (first, *others), title = form.lots, form.title.strip()
    if others or not title or first.title.strip() or first.cpv or first.keywords or first.chosen:
        return form
    return msgspec.structs.replace(form, title="", lots=(msgspec.structs.replace(first, title=title),))


def _supposed_site(need: Need, reference: Reference, lot: Lot) -> SupposedSite | None:
    """The site that a match would suppose for a lot; None where it would suppose none."""
    request = lot.territory or need.territory
    if request is None or lot.site is not msgspec.UNSET:
        return None
    try:
        supposed = reference.reader.supposed_place(need, lot, reference.geography.territory(request))
    except InvalidContent:  # told by the match
        return None
    return supposed and supposed.site


def site_of(
    lot: LotForm, prefix: str, reference: Reference, mistakes: list[Mistake]
) -> tuple[Area | None, tuple[Area, ...]]:
    """The commune of a lot's site, or else those that its name may mean; neither where there is no name to look up."""
    if lot.site_code and not lot.site:
        try:
            return reference.territories.area(f"commune:{lot.site_code}"), ()
        except UnknownTerritory as unknown:
            mistakes.append(Mistake(f"{prefix}site", unknown.detail))
            return None, ()
    if not lot.site or point_in(lot.site):
        return None, ()
    found = territories_of_name(lot.site, reference, "commune")
    chosen = found if len(found) == 1 else [area for area in found if area.code == lot.site_code]
    if chosen:
        return chosen[0], ()
    mistakes.append(Mistake(f"{prefix}site", SAID["several_places" if found else "no_such_place"]))
    return None, found


async def understand_in_worker(visit: Visit, form: NeedForm) -> UnderstoodNeed:
    """Understand a form by `understand_need`, outside the event loop if it takes long. Raises as `MatchWork.run`."""
    return await _run_by_cost(visit, form, lambda reference: understand_need(form, reference))


async def read_trades_in_worker(visit: Visit, form: NeedForm, position: int) -> tuple[LotForm, UnderstoodLot]:
    """One lot's form as next shown and what it means, no place looked up; outside the event loop if it takes long."""

    def understand_one_lot(reference: Reference) -> tuple[LotForm, UnderstoodLot]:
        return _understand_lot(form, form.lots[position], _lot_queries(form, reference)[position], reference)

    return await _run_by_cost(visit, form, understand_one_lot)


async def _run_by_cost(visit: Visit, form: NeedForm, work: Callable[[Reference], T]) -> T:
    """The result of `work(reference)`, called outside the event loop where reading the form takes long."""
    # about the milliseconds it takes to read its words and look up its places, where none is cached
    codes = sum(len(CODES.read(lot.cpv)) for lot in form.lots)
    keywords = sum(len(KEYWORDS.read(lot.keywords)) for lot in form.lots)
    words = sum(bool(lot.title) + bool(lot.more) for lot in form.lots)
    names = sum(bool(place.place) for place in (form, *form.lots)) + sum(bool(lot.site) for lot in form.lots)
    territories = sum(len(place.territories) + bool(place.drawn) for place in (form, *form.lots))
    ms = CPV_MS * codes + KEYWORD_MS * keywords + TITLE_MS * words + PLACE_MS * names + CODE_MS * territories
    return work(visit.reference) if ms <= AT_ONCE_MS else await visit.run_work(work)


def _understand_lot(
    form: NeedForm, lot: LotForm, query: LotQuery | None, reference: Reference
) -> tuple[LotForm, UnderstoodLot]:
    """A lot's form as next shown, and its meaning: the trades read in its words (`query`), and those the buyer added.

    Trades stay ticked or not as they were shown; where the words have changed, those that are asked for are ticked and
    those that are suggested are not. Words that say no trade get suggestions too.
    """
    taxonomy, words = reference.taxonomy, words_of_trades((lot.title, form.title), lot.cpv, lot.keywords)
    wanted = {each.segment: each for each in (query.wanted if query else ()) if each.role == "object"}
    suggested = {each.segment: each for each in (query.suggested if query else ())}
    guessed = reference.interpreter.suggest(query.unknown[0], MOST_GUESSED) if query and query.unknown else ()
    is_same = lot.reading == words
    ticked = dict.fromkeys(lot.chosen if is_same else wanted)
    offered = dict.fromkeys([*wanted, *suggested, *guessed, *(lot.offered if is_same else ())])
    if lot.more:
        found = [each.segment for each in reference.interpreter.search(lot.more[:LONGEST], 3)]
        offered |= dict.fromkeys(found)
        ticked |= dict.fromkeys(found[:1])
    trades = []
    for segment in filter(taxonomy.known, offered):
        read_as = wanted.get(segment) or suggested.get(segment)
        codes = (each for each in (read_as.sources if read_as else ()) if each.startswith("cpv:"))
        code = next((each.removeprefix("cpv:") for each in codes), None)
        confidence = read_as.confidence if read_as else None
        may_mean = segment not in wanted and segment in (*suggested, *guessed)
        trades.append(TradeChoice(segment, taxonomy.label(segment), confidence, segment in ticked, code, may_mean))
    of_all, pasted = ("value", "covers") if form.total else (), pasted_lots(lot.title)
    seen = msgspec.structs.replace(
        lot,
        reading=words,
        offered=tuple(trade.segment for trade in trades),
        chosen=tuple(trade.segment for trade in trades if trade.ticked),
        more="",
        heard=checksum_of_terms(lot.title),
    )
    understood = UnderstoodLot(
        tuple(trades),
        support=tuple((each, taxonomy.label(each)) for each in lot.support if taxonomy.known(each)),
        unmapped=query.unmapped if query else (),
        title_says=tuple(map(taxonomy.label, query.title_says)) if query else (),
        terms=tuple(terms_to_tick(lot)),
        unused=(
            *(words for title in (form.title, "" if pasted else lot.title) for words in unused_words(title)),
            *(each.words for each in terms_in(form.title) if not (getattr(lot, each.kind) or each.kind in of_all)),
        ),
        pasted=pasted,
    )
    return seen, understood


def _lot_queries(form: NeedForm, reference: Reference) -> list[LotQuery | None]:
    """The query that a match would make of each lot's words and codes; None for a lot without words and codes."""
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


def _lot_request(
    lot_id: str, lot: LotForm, understood: UnderstoodLot, pattern: str, reference: Reference, mistakes: list[Mistake]
) -> dict[str, Any]:
    """A lot as in the body of `POST /match`; it names segments only where the ticked ones are not those read."""
    trades = understood.trades
    if not (lot.title or trades or lot.cpv):
        mistakes.append(Mistake(pattern.replace(forms.NAME, "objet"), SAID["no_title"]))
    elif not lot.chosen and any(not trade.suggested for trade in trades):
        mistakes.append(Mistake(pattern.replace(forms.NAME, "objet"), SAID["no_trade"]))
    said = forms.request_parts(lot, mistakes, pattern) | {
        "id": lot_id,
        "segments": (),
        "territory": understood.where.request,
    }
    if understood.pasted and len(lot.title) > LONGEST:
        mistakes.append(Mistake(pattern.replace(forms.NAME, "objet"), SAID["several_lots"]))
        said["title"] = lot.title[:LONGEST]
    if site := point_in(lot.site) or (Place(commune=lot.site_code) if lot.site_code else None):
        said["site"] = site
    elif lot.unsupposed:
        said["site"] = None
    if tuple(trade.segment for trade in trades if trade.confidence is not None and not trade.suggested) == lot.chosen:
        return said
    # a code that says only trades that were unticked would ask for them again
    codes = []
    for code in said["cpv"]:
        segments = reference.taxonomy.of_cpv(reference.cpv.normalise(code)) if reference.cpv.exists(code) else ()
        if not segments or {*segments} & {*lot.chosen}:
            codes.append(code)
    return said | {"segments": lot.chosen, "cpv": codes, "keywords": ()}


def need_form_mistakes(invalid: InvalidContent) -> tuple[Mistake, ...]:
    """The problems of a need as mistakes at the fields of its form."""
    return forms.field_mistakes(invalid, NeedForm, otherwise="titre")
