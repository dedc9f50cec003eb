"""What an organisation noted of suppliers is found by its matches alone, as if a record of theirs said so."""

import re
from datetime import date
from random import Random
from uuid import UUID

import msgspec
import pytest

from domain.needs.need import Lot, Need, TerritoryRequest
from domain.shortlists.listed_suppliers import Candidate
from domain.suppliers.note import NotedSupplier
from domain.suppliers.supplier import DeclaredBy, Offer, Supplier
from domain.text.bilingual import Language
from matching.engine import match, match_json
from matching.index.live_index import Index, LiveIndex
from tests.conftest import examples
from tests.factories import offer, offerless, reference, supplier
from tests.matching.oracle.changing_directory import LANGUAGES, Changing, first_difference
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, suppliers

ORGANISATIONS = ("A", "B", "C")
NOTED_REASON = re.compile(rb'(?<=,)\{"code":"noted","message":"[^"]*"\},?')
NEED = Need(lots=(Lot(id="1", segments=("pr-locaux",)),), territory=TerritoryRequest(codes=("commune:35238",)))
Notes = dict[UUID, tuple[Offer, ...]]


class Noting(Changing):
    """A changing directory of which several organisations note what they are told."""

    def __init__(self, draw: Random, count: int) -> None:
        super().__init__(draw, count)
        self.notes: dict[str, Notes] = {name: {} for name in ORGANISATIONS}
        self.views: dict[str, LiveIndex] = {}

    def note(self) -> None:
        """Each organisation notes something of some suppliers, and takes some notes back."""
        for notes in self.notes.values():
            for each in self.draw.sample(list(notes), len(notes) // 3):
                del notes[each]
            known = list(self.suppliers)
            for each in self.draw.sample(known, min(len(known), self.draw.randrange(1, 8))):
                notes[each] = self._told()
        self.follow()

    def follow(self) -> None:
        """The view of each organisation of the directory as it is, what it kept included."""
        for name, notes in self.notes.items():
            told = tuple(NotedSupplier(each, offers, each) for each, offers in notes.items())
            before = self.views.get(name)
            self.views[name] = self.live.with_notes(told, None if before is None else before.noted)

    def with_records(self, name: str) -> list[Supplier]:
        """The suppliers as they would be if a record of each said what one organisation noted."""
        notes = self.notes[name]
        return [self._united(one, notes.get(one.id, ())) for one in self.suppliers.values()]

    def _united(self, one: Supplier, noted: tuple[Offer, ...]) -> Supplier:
        said = {code for each in one.offers if each.basis == "declared" for code in self._named(each)}
        left = [(each, [code for code in self._named(each) if code not in said]) for each in noted]
        added = tuple(
            msgspec.structs.replace(each, segments=tuple(codes), cpv=()) if codes else each for each, codes in left
        )
        some = tuple(each for each, (_, codes) in zip(added, left, strict=True) if codes)
        return msgspec.structs.replace(one, offers=(*one.offers, *some))

    def _named(self, one: Offer) -> list[str]:
        taxonomy = self.reference.taxonomy
        every = one.segments or [code for cpv in one.cpv for code in taxonomy.of_cpv(cpv[:8])]
        return list(dict.fromkeys(every))

    def _told(self) -> tuple[Offer, ...]:
        (other,) = suppliers(self.scenery, self.draw, 1)
        day = self.draw.choice((None, DATES[0]))
        return tuple(
            msgspec.structs.replace(each, basis="declared", evidence=(), declared_by="buyer", declared_on=day)
            for each in other.offers
        )


@pytest.mark.parametrize(("count", "needs"), [(4, 30), (60, 10)])
def test_an_organisation_matches_as_if_records_said_what_it_noted(bench: Bench, count: int, needs: int) -> None:
    """To the byte, but for the reason that says so; and as the oracle reads the contract. Nobody else sees it."""
    directory = Noting(Random(count), count)
    taxonomy, cpv, geography = (getattr(directory.reference, name) for name in ("taxonomy", "cpv", "geography"))
    for _ in range(examples(6)):
        directory.note()
        pools = {name: directory.with_records(name) for name in ORGANISATIONS} | {"": [*directory.suppliers.values()]}
        built = {
            name: LiveIndex(Index.build(pool, taxonomy, cpv, geography, keeps=False), directory.version)
            for name, pool in pools.items()
        }
        for asked in directory.needs(needs):
            on, language = directory.draw.choice(DATES), directory.draw.choice(LANGUAGES)
            for name, pool in pools.items():
                view = directory.views.get(name, directory.live)
                expected = _answer(asked, built[name], on, language)
                for answer in (_answer(asked, view, on, language), _answer(asked, view, on, language)):
                    assert answer == expected, f"{name}: {first_difference(answer, expected)}"
                if directory.draw.random() < 0.1:
                    assert bench.disagreements(asked, pool, on, built[name]) == []
        directory.change(3)
        directory.follow()


def _answer(asked: Need, live: LiveIndex, on: date, language: Language) -> bytes:
    return NOTED_REASON.sub(b"", match_json(asked, live, reference(), on, language))


def test_what_was_kept_is_used_again_while_the_suppliers_stay_as_they_were() -> None:
    one, other = supplier("atelier"), offerless("jardin")
    live = LiveIndex(index_of(one, other), 1)
    notes = (NotedSupplier(other.id, (told("pr-locaux"),), other.id),)
    view = live.with_notes(notes)
    later = live.with_changes([msgspec.structs.replace(one, name="Atelier neuf")], (), 2)
    assert later.with_notes(notes, view.noted).noted is view.noted
    written = later.with_changes([msgspec.structs.replace(other, name="Jardin neuf")], (), 3)
    again = written.with_notes(notes, view.noted)
    assert again.noted is not view.noted
    assert [each.supplier.name for each in candidates(again)] == ["Atelier neuf", "Jardin neuf"]
    assert [each.supplier.name for each in candidates(written)] == ["Atelier neuf"]


@pytest.mark.parametrize(("by", "radius_km", "told_by"), [(None, 5, "buyer"), ("network", 5, "network")])
def test_a_note_stands_until_a_directory_says_so(by: DeclaredBy | None, radius_km: int, told_by: str) -> None:
    """What a directory declares goes before the note, its area too; what is only inferred does not."""
    said = msgspec.structs.replace(offer(radius_km=radius_km), declared_by=by, basis="declared" if by else "inferred")
    live = LiveIndex(index_of(supplier("atelier", said)), 1)
    (known,) = live.suppliers()
    (found,) = candidates(live.with_notes((NotedSupplier(known.id, (told("pr-locaux"),), known.id),)))
    assert found.segments[0].declared_by == told_by
    codes = [each.code for each in found.reasons]
    assert ("noted" in codes) == (told_by == "buyer")


def told(*segments: str) -> Offer:
    return msgspec.structs.replace(offer(*segments), declared_by="buyer", declared_on=DATES[0])


def index_of(*some: Supplier) -> Index:
    known = reference()
    return Index.build(some, known.taxonomy, known.cpv, known.geography)


def candidates(live: LiveIndex) -> tuple[Candidate, ...]:
    (lot,) = match(NEED, live, reference(), DATES[0], "fr").lots
    return lot.candidates


def test_who_else_is_of_the_kind_of_a_noted_supplier_is_asked_first() -> None:
    told_of, other = offerless("noté", kinds=("ESAT",)), offerless("autre", kinds=("ESAT",))
    live = LiveIndex(index_of(told_of, other), 1)
    view = live.with_notes((NotedSupplier(told_of.id, (told("pr-locaux"),), told_of.id),))
    for index, reason in ((live, "kind_never_offers"), (view, "kind_offers")):
        (lot,) = match(NEED, index, reference(), DATES[0], "fr").lots
        (asked,) = [each for each in lot.unknown_trade.nearest if each.supplier.id == other.id]
        assert asked.reasons[0].code == reason
