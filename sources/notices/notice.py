"""A notice as it was read, of any form: values as they are written, each with the path of its element.

The readers of several forms remark on what a need has no place for, or takes otherwise. What was noted while reading,
then the parts that a need has no place for, are the unread parts of the notice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem
from domain.needs.need import BuyerBody, BuyerKind, ContractKind, Nature, Procedure, Technique, ValueCovers
from domain.text.bilingual import Text, cut, said_by
from sources.notices.element import Element, PlacedText
from sources.rows import day_of

MOST_LOTS = 200
"""The lots of a need, at most."""
MOST_LOTS_WRITTEN = 5_000
"""The lots of a notice, at most: the longest published have some thousands."""
TOO_MANY_LOTS = said_by(__name__)["too_many_lots"].filled(most_lots_written=MOST_LOTS_WRITTEN)
MOST_WORDS = 20_000
"""The characters of a text that are looked through for what no field says; a description of eForms has 10,000."""

ReservedMark = Literal["sheltered", "programme", "mission"]
"""A mark that a lot is reserved: to sheltered workshops and operators of integration (article 20 of directive
2014/24/EU), to be carried out in sheltered employment programmes (same article), or to organisations with a mission of
public service (article 77)."""


TECHNIQUES: tuple[Technique, ...] = ("dynamic_purchasing_system", "framework_agreement")
"""Where a notice names both, the first counts."""


class FormCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The codes of one kind of form by what they tell; `involved`: codes of a technique in TED's schema R2.0.8."""

    natures: dict[str, Nature]
    procedures: dict[str, Procedure]
    reserved: dict[str, ReservedMark]
    buyer_kinds: dict[str, BuyerKind] = {}
    buyer_bodies: dict[str, BuyerBody] = {}
    techniques: dict[str, Technique] = {}
    involved: dict[str, Technique] = {}
    authorities: tuple[str, ...] = ()
    no_authorities: tuple[str, ...] = ()


_DATA = files("sources.notices")
_WORDS = msgspec.toml.decode((_DATA / "remarks.toml").read_bytes(), type=dict[str, dict[str, Text]])
CODES = msgspec.toml.decode(
    (_DATA / "codes.toml").read_bytes(), type=dict[Literal["eforms", "ted", "boamp"], FormCodes]
)


class Unread(NamedTuple):
    """A part of a notice that was not read, or not as it stands, and why.

    `expected`: it says what a need has no place for.
    """

    path: str
    detail: Text
    expected: bool = False


class Amount(NamedTuple):
    """An amount of money as a notice writes it; `currency` is "" where none is written."""

    path: str
    text: str
    currency: str


class NoticePlace(NamedTuple):
    """A place of performance or an address. `anywhere`: a code of the list other-place-service (BT-727)."""

    path: str
    nuts: tuple[PlacedText, ...] = ()
    country: str = ""
    anywhere: str = ""
    postal_code: str = ""
    city: str = ""
    departements: tuple[PlacedText, ...] = ()
    words: str = ""


class Renewals(NamedTuple):
    """The renewals of a contract: their number (None where not stated), and what the notice says of them in words."""

    path: str
    number: int | None
    words: str


@dataclass
class NoticeBuyer:
    """The buyer in a notice; `kind`, `contracting_authority` and `body` are None where the notice does not tell."""

    path: str
    name: str = ""
    number: PlacedText | None = None
    kind: BuyerKind | None = None
    contracting_authority: bool | None = None
    body: BuyerBody | None = None
    place: NoticePlace | None = None


@dataclass
class NoticeLot:
    """A lot of a notice, or what the notice says for all lots.

    `reserved`: marks (ReservedMark) with their places; `is_not_reserved`: a field says so. `words`: texts that may tell
    to whom it is reserved and how often it is renewed. `value` of the whole: of all lots; `maximum`: the most that a
    framework agreement may be worth.
    """

    path: str = ""
    id: str = ""
    title: PlacedText | None = None
    cpv: list[PlacedText] = field(default_factory=list)
    nature: Nature | None = None
    value: Amount | None = None
    maximum: Amount | None = None
    places: list[NoticePlace] = field(default_factory=list)
    months: int | None = None
    renewals: Renewals | None = None
    reserved: list[PlacedText] = field(default_factory=list)
    is_not_reserved: bool = False
    words: str = ""
    innovative: bool = False
    technique: Technique | None = None


@dataclass
class Notice:
    """A notice as it was read; `whole` has the object, nature, places and amounts for lots that state none.

    `value_covers`: what its amounts hold, as its form has it: estimates of eForms (BT-27, BT-271) and TED count options
    and renewals (directive 2014/24, art. 5), national forms do not say.
    """

    root: Element
    reference: str = ""
    whole: NoticeLot = field(default_factory=NoticeLot)
    buyer: NoticeBuyer | None = None
    procedure: Procedure | None = None
    planned_publication_on: date | None = None
    contract: ContractKind = "market"
    keywords: list[str] = field(default_factory=list)
    value_covers: ValueCovers = "all"
    lots: list[NoticeLot] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def first_lots(self, elements: list[Element]) -> list[Element]:
        """The first of the lots' elements, as many as a need may have; adds a remark where some are left out.

        Raises InvalidContent for more than any notice has, before any of them is read.
        """
        if len(elements) > MOST_LOTS_WRITTEN:
            raise InvalidContent((Problem("", "too_many_lots", TOO_MANY_LOTS),))
        room = max(0, MOST_LOTS - len(self.lots))
        if len(elements) > room:
            self.note(elements[room].path, "lots_left_out", most=MOST_LOTS, left=len(elements) - room)
        return elements[:room]

    def set_kind(self, buyer: NoticeBuyer, written: PlacedText, codes: FormCodes, *, is_utility: bool = False) -> None:
        """Set a buyer's kind and body, and whether it is an authority, by a code; adds a remark where unclear."""
        known = {True: codes.authorities, False: codes.no_authorities}
        buyer.contracting_authority = next((yes for yes, listed in known.items() if written.text in listed), None)
        buyer.kind = "utility" if is_utility else codes.buyer_kinds.get(written.text)
        buyer.body = codes.buyer_bodies.get(written.text)
        if buyer.kind == "utility" and buyer.body != "public_undertaking":
            buyer.body = "utility_authority" if buyer.contracting_authority else None
        if buyer.kind is None:
            self.note(written.path, "kind_of_buyer_unclear", text=cut(written.text))

    def set_planned_day(self, planned: PlacedText | None) -> None:
        """Set the planned day of publication where a day is written and none was set before."""
        if planned is not None and self.planned_publication_on is None:
            self.planned_publication_on = day_of(planned.text)
            if self.planned_publication_on is None:
                self.note(planned.path, "no_date", text=cut(planned.text))

    def set_values_awarded(self, awarded: Mapping[str, Amount]) -> None:
        """Set the amounts awarded, by lot id, as the values of lots that state none, each with a remark."""
        for lot in self.lots:
            if lot.value is None and lot.maximum is None:
                self.set_value_awarded(lot, awarded.get(lot.id))

    def set_value_awarded(self, lot: NoticeLot, amount: Amount | None) -> None:
        """Set an amount awarded, where there is one, as the value of a lot, and add a remark that it is awarded."""
        if amount is not None:
            lot.value = amount
            self.note(amount.path, "value_is_awarded")

    def note(self, path: str, remark: str, **values: str | int) -> None:
        """Add the remark of that name in remarks.toml about the element at `path`; `values` fill in the sentence."""
        fr, en = _WORDS["remarks"][remark]
        self.unread.append(Unread(path, Text(fr.format(**values), en.format(**values))))


MOST_PARTS, MOST_PLACED = 300, 5_000
"""The parts that are named, at most, and those whose places are found to tell which are alike; the rest is counted."""
_POSITION = re.compile(r"\[\d+\]")
NO_PLACE = Text("Sans place dans un besoin", "A need has no place for it")
_NO_PLACE = {
    name: Text(f"{fr} : sans place dans un besoin", f"{en}: a need has no place for it")
    for name, (fr, en) in ((name, named.capitalised()) for name, named in _WORDS["parts"].items())
}


def all_unread(notice: Notice) -> tuple[Unread, ...]:
    """The remarks, then the topmost elements of which nothing was read; those alike in several lots become one."""
    noted, unread = {each.path for each in notice.unread}, notice.root.unread()
    others = [
        Unread(path, _NO_PLACE.get(element.name, NO_PLACE), expected=True)
        for element in unread[:MOST_PLACED]
        if (path := element.path) not in noted
    ]
    alike: dict[tuple[str, Text], list[Unread]] = {}
    for each in (*notice.unread, *others):
        alike.setdefault((_POSITION.sub("", each.path), each.detail), []).append(each)
    counted = ((group[0], group[0].detail, len(group)) for group in alike.values())
    parts = [
        first._replace(detail=Text(f"{said.fr} ({count} fois)", f"{said.en} ({count} times)")) if count > 1 else first
        for first, said, count in counted
    ]
    left = len(parts[MOST_PARTS:]) + len(unread[MOST_PLACED:])
    if not left:
        return tuple(parts)
    more = Text(f"Et {left} autres parties de l'avis", f"And {left} other parts of the notice")
    return (*parts[:MOST_PARTS], Unread(notice.root.path, more, expected=True))
