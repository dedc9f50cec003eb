"""A directory that changes while needs are asked: an index that has answered before gives the same bytes as one that is
made anew and keeps nothing.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import get_args
from uuid import UUID

import msgspec

from domain.needs.need import Need, PastAward
from domain.suppliers.supplier import BASES, EVIDENCE_KINDS, Contact, Evidence, Kind, Offer, Supplier
from domain.text.bilingual import Language
from matching.engine import match
from matching.geo.territory import outlines
from matching.index.live_index import Index, LiveIndex
from tests.factories import reference
from tests.matching.oracle.strategies import DATES, Scenery, awards, need, suppliers, territory

PLACES = 30
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Changing:
    """A directory that changes, as the live index follows it and as a list of suppliers."""

    def __init__(self, draw: Random, count: int) -> None:
        self.draw, self.reference, self.version = draw, reference(), 1
        territories, taxonomy, cpv = self.reference.territories, self.reference.taxonomy, self.reference.cpv
        self.scenery = Scenery.of(territories, taxonomy, cpv, outlines("commune"))
        self.suppliers = {one.id: one for one in self._drawn(count)}
        self.live = self._made_anew(keeps=True)
        self.asked: list[Need] = []
        self.places = [territory(self.scenery, draw) for _ in range(PLACES)]

    def change(self, most: int) -> None:
        """Some suppliers are written anew, some removed, some new ones added; now and then all are put in one base."""
        draw, known = self.draw, list(self.suppliers)
        again = draw.sample(known, min(len(known), draw.randrange(most + 1)))
        gone = [one for one in draw.sample(known, min(len(known), draw.randrange(most + 1))) if one not in again]
        new = [UUID(int=(7 << 76) | (2 << 62) | draw.randrange(10**6, 10**9)) for _ in range(draw.randrange(most + 1))]
        ids = [*again, *new]
        written = [msgspec.structs.replace(one, id=each) for one, each in zip(self._drawn(len(ids)), ids, strict=True)]
        for each in gone:
            del self.suppliers[each]
        self.suppliers |= {one.id: one for one in written}
        self.version += 1
        self.live = self.live.with_changes(
            [o for o in written if o.active], [*gone, *(o.id for o in written if not o.active)], self.version
        )
        if draw.random() < 0.1:
            self.live = LiveIndex(self.live.base.build_with(self.live.suppliers()), self.version)

    def needs(self, count: int) -> Iterator[Need]:
        """Some drawn anew, some asked before under another reference, with other limits, days and reservations."""
        for _ in range(count):
            if self.asked and self.draw.random() < 0.5:
                again = self.draw.choice(self.asked)
                other = need(self.scenery, self.draw, len(again.lots))
                changes = {"reference": str(self.draw.random()), "limit": other.limit, "near_misses": other.near_misses}
                changes["planned_publication_on"] = self.draw.choice((None, *DATES))
                if self.draw.random() < 0.5:
                    lots = zip(again.lots, other.lots, strict=True)
                    changes["lots"] = tuple(
                        msgspec.structs.replace(
                            a, reserved=b.reserved, site=b.site, max_distance_km=b.max_distance_km, value_eur=90_000
                        )
                        for a, b in lots
                    )
                yield msgspec.structs.replace(again, **changes)
            else:
                self.asked.append(self._new())
                yield self.asked[-1]

    def _new(self) -> Need:
        """A need drawn anew; most are in one of a few places, which are not prepared again and again."""
        drawn = need(self.scenery, self.draw, self.draw.choice((1, 1, 2, 3)))
        if self.draw.random() < 0.1:
            return drawn
        lots = tuple(msgspec.structs.replace(lot, territory=None) for lot in drawn.lots)
        return msgspec.structs.replace(drawn, lots=lots, territory=self.draw.choice(self.places))

    def differences(self, count: int) -> list[str]:
        """The needs, of `count`, that are answered otherwise than by an index made anew, each asked twice."""
        found, anew = [], self._made_anew(keeps=False)
        for asked in self.needs(count):
            on, language = self.draw.choice(DATES), self.draw.choice(LANGUAGES)
            past = self._awards(on) if self.draw.random() < 0.4 else []
            expected, *answers = (
                msgspec.json.encode(match(asked, index, self.reference, on, language, awards=past))
                for index in (anew, self.live, self.live)
            )
            for answer in answers:
                if answer != expected:
                    found.append(f"{msgspec.json.encode(asked).decode()} on {on}: {first_difference(answer, expected)}")
                    break
        return found

    def _made_anew(self, *, keeps: bool) -> LiveIndex:
        """An index of the suppliers as they are, which keeps what it answered or does not."""
        taxonomy, cpv, geography = self.reference.taxonomy, self.reference.cpv, self.reference.geography
        return LiveIndex(Index.build(self.suppliers.values(), taxonomy, cpv, geography, keeps=keeps), self.version)

    def _awards(self, on: date) -> list[PastAward]:
        pool = list(self.suppliers.values())
        some = self.draw.sample(pool, min(len(pool), 300))
        made = awards(self.scenery, self.draw, some, on)
        often = [
            msgspec.structs.replace(one, awarded_on=on - timedelta(days=days), segments=("pr-locaux", "ev-entretien"))
            for one in made[:5]
            for days in (10, 20, 30)
        ]
        return [*made, *often]

    def _drawn(self, count: int) -> list[Supplier]:
        return [_with_details(self.draw, one) for one in suppliers(self.scenery, self.draw, count)]


def _with_details(draw: Random, one: Supplier) -> Supplier:
    """The supplier with a contact, and with what its offers rest on."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    return msgspec.structs.replace(
        one,
        offers=tuple(_with_evidence(draw, each) for each in one.offers),
        kinds=tuple(draw.sample(kinds, draw.choice((0, 1, 2)))),
        contact=Contact(email=draw.choice((None, 'é"@b.fr')), person="nobody's business"),
    )


def _with_evidence(draw: Random, offer: Offer) -> Offer:
    if offer.basis == BASES[0]:
        return offer
    known = (None, date(2025, 1, 2), date(2024, 5, 6))
    return msgspec.structs.replace(
        offer,
        evidence=tuple(
            Evidence(draw.choice(EVIDENCE_KINDS), draw.choice((None, "a label")), draw.choice(known), "source")
            for _ in range(draw.choice((0, 1, 2, 5)))
        ),
    )


def first_difference(answer: bytes, expected: bytes) -> str:
    """Where two answers part, and how each goes on."""
    both = zip(answer, expected, strict=False)
    at = next((n for n, (one, other) in enumerate(both) if one != other), min(len(answer), len(expected)))
    got, wanted = (some[max(at - 300, 0) : at + 120].decode(errors="replace") for some in (answer, expected))
    return f"{got}\n     expected {wanted}"
