"""A need in, an explained shortlist out."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from domain.computations import raise_if_given_up
from domain.law import rules as law
from domain.law.findings import LegalAdvice, NeedReview
from domain.law.other_contracts import advise_no_split
from domain.law.review import advise_law_changes, review_need
from domain.needs.need import Need, OtherNeed, PastAward, buyer_siret
from domain.shortlists.shortlist import LegalScope, LotShortlist, Shortlist, Stamp
from domain.text.bilingual import Language
from domain.text.labels import MATCH_WORDS
from matching.answer.explain import Explainer
from matching.answer.groupings import groupings
from matching.answer.supplier_rows import RowWriter
from matching.index.live_index import LiveIndex
from matching.kept.memory import CachingExplainer, CachingRowWriter, answer_cache_of
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery
from matching.past_awards import PastAwards
from matching.reference import Reference
from matching.unknown_trade import unknown_suppliers

LOTS_AT_ONCE = 8
"""Lots of which the suppliers are selected together, before the first is answered."""


class RowCounts(NamedTuple):
    """The most candidates, near misses and groupings that an answer shows for a lot."""

    limit: int
    near_misses: int
    groupings: int


NO_OTHERS: Mapping[str, RowCounts] = MappingProxyType({})


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
    `awards`: those known of the buyer's organisation, of which those after `on` are ignored. `others`: its other needs
    of the calendar `year`, whose values are added up. `rows_of`: by ids, lots with other numbers of rows than asked.
    """
    index, queries = index.as_of(on), reference.reader.read(need)
    kept, rules, law_on = answer_cache_of(index), reference.rules, need.law_day(on)
    review = review_of(need, law_on, queries, reference, index)
    said, shown = (review, reference, on, need, language), (reference, on, need.contract, language)
    explainer = CachingExplainer(*said, kept) if kept else Explainer(*said)
    rows = CachingRowWriter(*shown, kept) if kept else RowWriter(*shown)
    seed, find_unknown = draw_seed(need), kept.unknown_suppliers if kept else unknown_suppliers
    past = PastAwards.known_on(on, awards, buyer_siret(need), rules, reference.taxonomy) if awards else None

    def lot_shortlist(lot: LotMatch) -> LotShortlist:
        wanted = rows_of.get(lot.query.lot.id) or RowCounts(need.limit, need.near_misses, need.groupings)
        unknown = find_unknown(lot, wanted.near_misses if need.unknown_trade is None else need.unknown_rows)
        words = explainer.lot_words(lot, unknown, past)
        return LotShortlist(
            id=lot.query.lot.id,
            requested=explainer.requested_segments(lot.query),
            suggested=explainer.suggested_segments(lot.query),
            territory=explainer.territory(lot.query),
            total=lot.counts.total,
            candidates=rows.candidates(lot, wanted.limit, seed),
            near_misses=rows.near_misses(lot, wanted.near_misses, seed),
            unknown_trade=rows.unknown_trade(lot, unknown, seed),
            groupings=groupings(lot, wanted.groupings, seed, language) if wanted.groupings else (),
            **words._asdict(),
        )

    lots = tuple(map(lot_shortlist, lot_matches(queries, index, on, rules, past)))
    bought, view = reference.reader.segments_bought, rules.view(law_on, need.contract)
    split = advise_no_split(need, others, year, bought, view) if others else ()
    advice = explainer.need_advice([*law_changes_of(need, queries, reference, on, index), *split])
    stamp = stamp_of(index, reference, on, need.planned_publication_on)
    return msgspec.json.encode(Shortlist(need.reference, stamp, lots, advice, law_scope(language)))


def law_scope(language: Language) -> LegalScope:
    """The limits of what is said of the law, in a language."""
    return LegalScope(MATCH_WORDS["law_scope"].to(language))


def match(
    need: Need,
    index: LiveIndex,
    reference: Reference,
    on: date,
    language: Language,
    *,
    awards: Iterable[PastAward] = (),
) -> Shortlist:
    """The `Shortlist` of a need, evaluated for the day `on`; the arguments are those of `match_json`."""
    answer = match_json(need, index, reference, on, language, awards=awards)
    return msgspec.json.decode(answer, type=Shortlist)


def lot_matches(
    queries: Sequence[LotQuery], live: LiveIndex, on: date, rules: law.Rules, past: PastAwards | None = None
) -> Iterator[LotMatch]:
    """The lots matched against the index, where past awards may bar suppliers. Raises GivenUp."""
    live = live.as_of(on)
    kept = answer_cache_of(live)
    for first in range(0, len(queries), LOTS_AT_ONCE):
        some = queries[first : first + LOTS_AT_ONCE]
        bars = [past.ess_bars(query, live) if past else {} for query in some]
        if kept:
            lots = kept.lots(some, live, on, rules, bars)
        else:
            lots = (LotMatch(query, live, on, rules, None, barred) for query, barred in zip(some, bars, strict=True))
        for lot in lots:
            raise_if_given_up()
            yield lot


def review_of(need: Need, day: date, queries: Iterable[LotQuery], reference: Reference, index: LiveIndex) -> NeedReview:
    """The legal review of a need on a day; `queries`: its lots as they were read."""
    read, kept = {query.lot.id: query.understood for query in queries}, answer_cache_of(index)
    return (kept.review if kept else review_need)(need, day, reference.rules, read)


def law_changes_of(
    need: Need,
    queries: Iterable[LotQuery],
    reference: Reference,
    on: date,
    index: LiveIndex,
    *,
    of_lots: bool = True,
) -> Iterator[LegalAdvice]:
    """Advice, if it is so, that the law on a need (and its lots, if `of_lots`) differs on its planned day from `on`."""
    planned = need.law_day(on)
    view = reference.rules.view(planned, need.contract)
    if view is reference.rules.view(on, need.contract):
        return
    before, after = (review_of(need, day, queries, reference, index) for day in (on, planned))
    if not of_lots:
        before, after = (NeedReview({}, review.advice) for review in (before, after))
    if changes := advise_law_changes(before, after, on, planned, view):
        yield changes


def stamp_of(index: LiveIndex, reference: Reference, on: date, law_on: date | None = None) -> Stamp:
    """The stamp of an answer: the versions of data and rules it rests on, and the day `on` it is evaluated for.

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
    """The seed by which ties are drawn: a 64-bit hash of the need without its publication day and limits of rows.

    A lot that says nothing of its site draws as one whose site is null.
    """
    lots = tuple(lot if lot.site is not msgspec.UNSET else msgspec.structs.replace(lot, site=None) for lot in need.lots)
    fixed = msgspec.structs.replace(
        need, lots=lots, limit=20, near_misses=5, groupings=0, unknown_trade=None, planned_publication_on=None
    )
    content = msgspec.json.encode(fixed)
    # needs drew the same lots before they could say these
    content = content.removesuffix(b',"groupings":0,"unknown_trade":null}') + b"}"
    for later in (
        b',"planned_publication_on":null',
        b',"value_covers":"firm","options_eur":null',
        b',"body":null,"defence":null',
    ):
        content = content.replace(later, b"")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
