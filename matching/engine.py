"""A need in, an explained shortlist out."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from domain.law import rules as law
from domain.law.findings import LegalAdvice, NeedReview
from domain.law.law_changes import law_changes
from domain.law.procedures.splitting import no_split
from domain.needs.need import Need, OtherNeed, PastAward, buyer_siret
from domain.shortlists.shortlist import Shortlist, Stamp
from domain.text.bilingual import Language
from matching.answer import messages
from matching.answer.explain import Explainer
from matching.answer.groupings import groupings_json
from matching.answer.near_misses import nearest_refused
from matching.answer.supplier_rows import RowWriter, UnknownRow
from matching.giving_up import require_wanted
from matching.index.live_index import LiveIndex
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery
from matching.past_awards import PastAwards
from matching.reference import Reference
from matching.selection import Selection, selected_of
from matching.unknown_trade import UnknownSearch, UnknownSuppliers

LOTS_AT_ONCE = 8
"""Lots of which the suppliers are selected together, before the first is answered."""
NO_GROUPINGS = msgspec.Raw(b"[]")


class RowCounts(NamedTuple):
    """The most rows of each kind that an answer has for a lot; as in a `Need`."""

    limit: int
    near_misses: int
    groupings: int


NO_OTHERS: Mapping[str, RowCounts] = MappingProxyType({})


class UnknownTradeRow(msgspec.Struct, frozen=True, gc=False):
    """`UnknownTrade`."""

    total: int
    eligible: int
    nearest: list[UnknownRow]
    message: str


class LotAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A `LotShortlist`, of which the parts that many answers share are in JSON already."""

    id: str
    requested: msgspec.Raw
    territory: msgspec.Raw
    total: int
    candidates: msgspec.Raw
    near_misses: msgspec.Raw
    unknown_trade: UnknownTradeRow
    groupings: msgspec.Raw
    coverage: msgspec.Raw
    alternatives: msgspec.Raw
    tension: msgspec.Raw
    reservation: msgspec.Raw
    advice: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A `Shortlist`, likewise."""

    reference: str | None
    stamp: Stamp
    lots: list[LotAnswer]
    advice: list[msgspec.Raw]


def match_json(  # noqa: PLR0913 - keywords that say what is known besides
    need: Need,
    index: LiveIndex,
    reference: Reference,
    on: date,
    language: Language,
    *,
    awards: Iterable[PastAward] = (),
    others: Sequence[OtherNeed] = (),
    year: int = 0,
    rows_of: Mapping[str, RowCounts] = NO_OTHERS,
) -> bytes:
    """The `Shortlist` of a need in JSON, evaluated for the day `on`. Raises InvalidContent with all that is wrong.

    Suppliers are judged on that day; the law on the need is that of its planned publication, where it names one.
    `awards`: those known of the buyer's organisation, in any order; those after `on` are ignored. `others`: the
    other needs of the calendar year `year` that its values are added up with. `rows_of`: by their ids, lots that have
    other numbers of rows than the need asks for.
    """
    queries = reference.reader.read(need)
    explainer = explainer_of(need, queries, reference, on, language)
    view = reference.rules.at(need.law_day(on), need.contract)
    split = no_split(need, others, year, reference.reader.objects, view)
    besides = [*law_changes_of(need, queries, reference, on), *split]
    seed = draw_seed(need)
    matching = _Matching(
        need,
        seed,
        explainer,
        RowWriter(reference.taxonomy, reference.rules, on, need.contract, language),
        UnknownSearch(index, on, reference.rules, need.near_misses, seed),
        PastAwards.until(on, awards, buyer_siret(need), reference.rules, reference.taxonomy),
        rows_of,
    )
    stamp, lots = stamp_of(index, reference, on, need.planned_publication_on), list(matching.lots(queries))
    return msgspec.json.encode(Answer(need.reference, stamp, lots, explainer.need_advice(besides)))


def match(
    need: Need,
    index: LiveIndex,
    reference: Reference,
    on: date,
    language: Language,
    *,
    awards: Iterable[PastAward] = (),
    others: Sequence[OtherNeed] = (),
    year: int = 0,
) -> Shortlist:
    """As `match_json`, decoded."""
    answer = match_json(need, index, reference, on, language, awards=awards, others=others, year=year)
    return msgspec.json.decode(answer, type=Shortlist)


@dataclass(frozen=True)
class _Matching:
    """The match of one need; `seed` decides the draws."""

    need: Need
    seed: int
    explainer: Explainer
    rows: RowWriter
    search: UnknownSearch
    past: PastAwards | None
    rows_of: Mapping[str, RowCounts]

    def lots(self, queries: Sequence[LotQuery]) -> Iterator[LotAnswer]:
        """The answers to the lots."""
        for first in range(0, len(queries), LOTS_AT_ONCE):
            some = queries[first : first + LOTS_AT_ONCE]
            yield from map(self._lot, some, selected_of(self.search.live, some))

    def _lot(self, query: LotQuery, selection: Selection) -> LotAnswer:
        lot = lot_match(query, self.search.live, self.explainer.on, self.explainer.rules, self.past, selection)
        of_need = RowCounts(self.need.limit, self.need.near_misses, self.need.groupings)
        wanted = self.rows_of.get(query.lot.id, of_need)
        search = self.search if wanted is of_need else replace(self.search, count=wanted.near_misses)
        unknown = search.suppliers(query, lot.ess_bars)
        missed = nearest_refused(lot, wanted.near_misses, self.seed)
        written = self.rows.pieces_of(lot)
        words = self.explainer.of_lot(lot, written, unknown.eligible, self.past)
        return LotAnswer(
            id=query.lot.id,
            requested=self.explainer.requested(query),
            territory=self.explainer.territory(query),
            total=lot.ranked.counts.total,
            candidates=self.rows.candidates(lot, written, wanted.limit, self.seed),
            near_misses=self.rows.near_misses(lot, written, missed),
            unknown_trade=self._unknown_trade(lot, unknown),
            groupings=self._groupings(lot, wanted.groupings),
            coverage=words.coverage,
            alternatives=words.alternatives,
            tension=words.tension,
            reservation=words.reservation,
            advice=words.advice,
        )

    def _groupings(self, lot: LotMatch, count: int) -> msgspec.Raw:
        return groupings_json(lot, count, self.seed, self.explainer.language) if count else NO_GROUPINGS

    def _unknown_trade(self, lot: LotMatch, unknown: UnknownSuppliers) -> UnknownTradeRow:
        message = messages.unknown_trade(unknown.total, unknown.eligible, bool(lot.reserved_types))
        nearest = self.rows.unknown_trade(lot, unknown)
        return UnknownTradeRow(unknown.total, unknown.eligible, nearest, message.to(self.explainer.language))


def lot_match(
    query: LotQuery,
    live: LiveIndex,
    on: date,
    rules: law.Rules,
    past: PastAwards | None = None,
    selection: Selection | None = None,
) -> LotMatch:
    """A lot held against the index as it stands, after the buyer's past awards. Raises GivenUp."""
    require_wanted()
    return LotMatch(query, live, on, rules, past.ess_bars(query, live) if past else None, selection)


def explainer_of(
    need: Need, queries: Iterable[LotQuery], reference: Reference, on: date, language: Language
) -> Explainer:
    """The explainer of a need's lots as they were read."""
    return Explainer(
        review=reference.reviews.review(need, need.law_day(on), objects_of(queries)),
        taxonomy=reference.taxonomy,
        cpv=reference.cpv,
        interpreter=reference.interpreter,
        rules=reference.rules,
        on=on,
        law_on=need.law_day(on),
        language=language,
    )


def objects_of(queries: Iterable[LotQuery]) -> dict[str, tuple[str, ...]]:
    """By the id of a lot, the segments that were understood as its object."""
    return {query.lot.id: query.subject.objects for query in queries}


def law_changes_of(
    need: Need, queries: Iterable[LotQuery], reference: Reference, on: date, *, of_lots: bool = True
) -> Iterator[LegalAdvice]:
    """Advice that the law on a need, `of_lots` also on its lots, is another on its planned day than on the day `on`."""
    planned = need.law_day(on)
    view = reference.rules.at(planned, need.contract)
    if view is reference.rules.at(on, need.contract):
        return
    objects = objects_of(queries)
    before, after = (reference.reviews.review(need, day, objects) for day in (on, planned))
    if not of_lots:
        before, after = (NeedReview({}, review.advice) for review in (before, after))
    if changes := law_changes(before, after, on, planned, view):
        yield changes


def stamp_of(index: LiveIndex, reference: Reference, on: date, law_on: date | None = None) -> Stamp:
    """The versions of the data and rules that an answer of this moment rests on, evaluated for the day `on`.

    `law_on`: the planned day of publication, where its law is applied.
    """
    return Stamp(
        data_version=index.data_version,
        taxonomy=reference.taxonomy.version,
        territories=reference.territories.version,
        rules=reference.rules.version,
        on=on,
        data_uid=index.version_uid,
        law_on=law_on,
    )


def draw_seed(need: Need) -> int:
    """64 bits of the need's content; how many rows are asked for, and when it is published, is not content."""
    fixed = msgspec.structs.replace(need, limit=20, near_misses=5, groupings=0, planned_publication_on=None)
    content = msgspec.json.encode(fixed)
    # needs drew the same lots before they could say these
    for later in (b',"groupings":0', b',"planned_publication_on":null', b',"value_covers":"firm","options_eur":null'):
        content = content.replace(later, b"")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
