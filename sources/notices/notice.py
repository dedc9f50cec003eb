"""A notice as it was read, whichever its form: values as they are written, each with its place.

The readers of several forms remark on what a need has no place for, or takes otherwise. What was noted while reading,
then the parts that a need has no place for, are the unread parts of the notice.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from domain.errors import InvalidContent, Problem
from domain.needs.need import BuyerKind, ContractKind, Nature, Procedure, Technique, ValueCovers
from domain.text.bilingual import Text
from domain.text.typography import cut
from sources.notices.element import Element, PlacedText

MOST_LOTS = 200
"""The lots of a need, at most."""
MOST_LOTS_WRITTEN = 5_000
"""The lots of a notice, at most: the longest published have some thousands."""
TOO_MANY_LOTS = Text(
    f"Plus de {MOST_LOTS_WRITTEN} lots : l'avis est à découper", f"More than {MOST_LOTS_WRITTEN} lots: cut the notice"
)
MOST_WORDS = 20_000
"""The characters of a text that are looked through for what no field says; a description of eForms has 10,000."""

ReservedMark = Literal["sheltered", "programme", "mission"]
"""A mark that a lot is reserved: to sheltered workshops and operators of integration (article 20 of directive
2014/24/EU), to be carried out in sheltered employment programmes (same article), or to organisations with a mission of
public service (article 77)."""


class Unread(NamedTuple):
    """A part of a notice that was not read, or not as it stands, and why.

    `expected`: it says what a need has no place for.
    """

    path: str
    detail: Text
    expected: bool = False


class Amount(NamedTuple):
    """An amount as it is written; `currency` "" where none is."""

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
    """The renewals of a contract: how many (None: not said), and in words."""

    path: str
    number: int | None
    words: str


class ReservedFlag(NamedTuple):
    """A mark of reservation, and its place."""

    path: str
    mark: ReservedMark


@dataclass
class NoticeBuyer:
    """The buyer; `kind` and `contracting_authority` None where the notice does not tell."""

    path: str
    name: str = ""
    number: PlacedText | None = None
    kind: BuyerKind | None = None
    contracting_authority: bool | None = None
    place: NoticePlace | None = None


@dataclass
class NoticeLot:
    """A lot, or the whole of a notice without lots.

    `is_not_reserved`: a field says so. `words`: texts that may tell to whom it is reserved and how often it is renewed.
    """

    path: str
    id: str
    title: PlacedText | None = None
    cpv: list[PlacedText] = field(default_factory=list)
    nature: Nature | None = None
    value: Amount | None = None
    maximum: Amount | None = None
    places: list[NoticePlace] = field(default_factory=list)
    months: int | None = None
    renewals: Renewals | None = None
    reserved: list[ReservedFlag] = field(default_factory=list)
    is_not_reserved: bool = False
    words: str = ""
    innovative: bool = False
    technique: Technique | None = None


@dataclass
class Notice:
    """A notice as it was read; what is said of the whole holds for lots that do not say it themselves.

    `value`: of all lots; `maximum`: the most that a framework agreement may be worth. `value_covers`: what its amounts
    hold, as its form has it: estimates of eForms (BT-27, BT-271) and TED count options and renewals (directive 2014/24,
    art. 5), national forms do not say.
    """

    root: Element
    reference: str = ""
    title: PlacedText | None = None
    buyer: NoticeBuyer | None = None
    procedure: Procedure | None = None
    planned_publication_on: date | None = None
    contract: ContractKind = "market"
    technique: Technique | None = None
    cpv: list[PlacedText] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    nature: Nature | None = None
    value: Amount | None = None
    maximum: Amount | None = None
    value_covers: ValueCovers = "all"
    places: list[NoticePlace] = field(default_factory=list)
    words: str = ""
    lots: list[NoticeLot] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def first_lots(self, elements: list[Element]) -> list[Element]:
        """The elements of as many lots as a need may have; what is left out is said.

        Raises InvalidContent for more than any notice has, before any of them is read.
        """
        if len(elements) > MOST_LOTS_WRITTEN:
            raise InvalidContent((Problem("", "too_many_lots", TOO_MANY_LOTS),))
        room = max(0, MOST_LOTS - len(self.lots))
        if len(elements) > room:
            self.note(
                elements[room].path,
                f"Un besoin a au plus {MOST_LOTS} lots : {len(elements) - room} ne sont pas lus",
                f"A need has at most {MOST_LOTS} lots: {len(elements) - room} are not read",
            )
        return elements[:room]

    def take_planned(self, planned: PlacedText | None) -> None:
        """Take the day that is planned for the notice of the contract, where one is written and none was before."""
        if planned is not None and self.planned_publication_on is None:
            self.planned_publication_on = day_of(planned.text)
            if self.planned_publication_on is None:
                written = cut(planned.text)
                self.note(planned.path, f"Ce n'est pas une date : « {written} »", f"This is no date: “{written}”")

    def take_awarded(self, awarded: Mapping[str, Amount]) -> None:
        """Take the amounts awarded, by the ids of lots, as the values of lots that have none; it is noted."""
        for lot in self.lots:
            if lot.value is None and lot.maximum is None:
                self.take_awarded_of(lot, awarded.get(lot.id))

    def take_awarded_of(self, lot: NoticeLot, amount: Amount | None) -> None:
        """Take the amount awarded, where there is one, as the value of a lot; it is noted."""
        if amount is not None:
            lot.value = amount
            self.note(
                amount.path,
                "La valeur du lot est le montant attribué, faute d'estimation",
                "The value of the lot is the amount awarded, as there is no estimate",
            )

    def note(self, path: str, fr: str, en: str) -> None:
        """Say that what stands at `path` was not read, or how it was."""
        self.unread.append(Unread(path, Text(fr, en)))


def day_of(written: str) -> date | None:
    """The day of a date that may have an offset behind it."""
    try:
        return date.fromisoformat(written.strip()[:10])
    except ValueError:
        return None


def procedure_without_equal(notice: Notice, path: str, code: str) -> None:
    notice.note(
        path,
        f"Procédure sans équivalent dans un besoin : {cut(code)}",
        f"A procedure that a need does not have: {cut(code)}",
    )


def nature_without_equal(notice: Notice, path: str, code: str) -> None:
    notice.note(
        path,
        f"Nature de marché sans équivalent : « {cut(code)} »",
        f"A nature of contract that a need does not have: “{cut(code)}”",
    )


def kind_of_buyer_unclear(notice: Notice, path: str, code: str) -> None:
    notice.note(
        path,
        f"« {cut(code)} » ne dit pas si l'acheteur relève de l'État ou d'une collectivité",
        f"“{cut(code)}” does not tell whether the buyer is of the State or of a local authority",
    )


def more_buyers(notice: Notice, others: Sequence[Element]) -> None:
    """Note the buyers beside the first, where there are any."""
    if others:
        notice.note(
            others[0].path,
            f"{len(others)} autre(s) acheteur(s) : seul le premier est lu",
            f"{len(others)} more buyer(s): only the first is read",
        )


def duration_not_in_months(notice: Notice, path: str, written: str) -> None:
    notice.note(
        path,
        f"La durée ne se dit pas en mois : « {cut(written)} »",
        f"The duration cannot be said in months: “{cut(written)}”",
    )


def total_is_awarded(notice: Notice, path: str) -> None:
    notice.note(
        path,
        "La valeur du besoin est le total attribué, faute d'estimation",
        "The value of the need is the total awarded, as there is no estimate",
    )


def corrections_not_read(notice: Notice, element: Element | None) -> None:
    """Note what a notice says of how another one, or its contract, changes; nothing where it does not."""
    if element is not None:
        notice.note(
            element.path,
            "Ce que l'avis change n'est pas lu à part : le besoin est celui du texte entier",
            "What the notice changes is not read apart: the need is that of the whole text",
        )


MOST_PARTS, MOST_PLACED = 300, 5_000
"""The parts that are named, at most, and those whose places are found to tell which are alike; the rest is counted."""
_POSITION = re.compile(r"\[\d+\]")
NO_PLACE = Text("Sans place dans un besoin", "A need has no place for it")
_NAMED: dict[str, Text] = {
    "AwardingTerms": Text("critères d'attribution", "award criteria"),
    "AC": Text("critères d'attribution", "award criteria"),
    "TenderSubmissionDeadlinePeriod": Text("date limite des offres", "deadline for tenders"),
    "DATE_RECEIPT_TENDERS": Text("date limite des offres", "deadline for tenders"),
    "Contact": Text("coordonnées", "contact details"),
    "NoticeResult": Text("résultats : offres et attributions", "results: tenders and awards"),
    "AWARD_CONTRACT": Text("résultats : offres et attributions", "results: tenders and awards"),
    "Note": Text("informations complémentaires", "further information"),
    "COMPLEMENTARY_INFO": Text("informations complémentaires", "further information"),
    "LEFTI": Text("conditions de participation", "conditions of participation"),
    "TRANSLATION_SECTION": Text("traductions", "translations"),
    "CODED_DATA_SECTION": Text("données codées de TED, qui reprennent le formulaire", "TED's codes, the form again"),
    "gestion": Text("données de gestion du BOAMP, qui reprennent l'avis", "BOAMP's own data, the notice again"),
}


def all_unread(notice: Notice) -> tuple[Unread, ...]:
    """The notes, then the uppermost elements of which nothing was read; what is alike in all lots is said once."""
    noted, unread = {each.path for each in notice.unread}, notice.root.unread()
    others = [
        Unread(path, _no_place(element.name), expected=True)
        for element in unread[:MOST_PLACED]
        if (path := element.path) not in noted
    ]
    alike: dict[tuple[str, Text], list[Unread]] = {}
    for each in (*notice.unread, *others):
        alike.setdefault((_POSITION.sub("", each.path), each.detail), []).append(each)
    parts = [_counted(group) for group in alike.values()]
    left = len(parts[MOST_PARTS:]) + len(unread[MOST_PLACED:])
    if not left:
        return tuple(parts)
    more = Text(f"Et {left} autres parties de l'avis", f"And {left} other parts of the notice")
    return (*parts[:MOST_PARTS], Unread(notice.root.path, more, expected=True))


def _no_place(name: str) -> Text:
    """The reason why an element is not in the need, with its name in words where it has one."""
    named = _NAMED.get(name)
    if named is None:
        return NO_PLACE
    fr, en = named.capitalised()
    return Text(f"{fr} : sans place dans un besoin", f"{en}: a need has no place for it")


def _counted(group: list[Unread]) -> Unread:
    first, count = group[0], len(group)
    if count == 1:
        return first
    detail = Text(f"{first.detail.fr} ({count} fois)", f"{first.detail.en} ({count} times)")
    return first._replace(detail=detail)
