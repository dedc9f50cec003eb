"""The notice of a preliminary market consultation (R2111-1): what it says, and what the need has to say first.

What the rules of eForms tie together decides here too: a main CPV code of the lot's nature, places as NUTS 3 areas.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from domain.errors import InvalidContent, Problem, pointer
from domain.law.procedures.lot_facts import estimated_cents
from domain.needs.need import Buyer, Lot, Nature, PlannedNeed, answer_problems
from domain.reference.territory import Area
from domain.text.bilingual import PARIS, Text, on_one_line
from domain.text.labels import NATURES

DAYS_TO_ANSWER = 30
"""The days for answers that are proposed where neither they nor a day of publication are decided."""
LONGEST_DESCRIPTION = 6_000
"""The characters of a description in eForms."""
WHOLE_DAY = time(23, 59)
_SUPPLIES = ("0", "1", "2", "3", "40", "41", "42", "43", "44", "48")

_NO_TITLE = Text("Un avis nomme ce qui est acheté : donner un intitulé", "A notice names what is bought: give a title")
_NO_DESCRIPTION = Text(
    "Un avis décrit ce qui est acheté : donner une description", "A notice describes what is bought: give a description"
)
_LONG_DESCRIPTION = Text(
    f"Une description d'avis a {LONGEST_DESCRIPTION} caractères au plus",
    f"The description in a notice has at most {LONGEST_DESCRIPTION} characters",
)
_NO_BUYER = Text("Un avis nomme l'acheteur : donner son nom", "A notice names the buyer: give its name")
_NO_CPV = Text(
    "Un avis dit l'objet par un code CPV : en donner un, ou un métier", "A notice has a CPV code: give one, or a trade"
)
_OTHER_NATURE = Text(
    "Aucun code CPV du lot n'est de cette nature : {nature}", "No CPV code of the lot is of this nature: {nature}"
)
_NO_PLACE = Text(
    "Un avis dit le lieu par un code NUTS 3 : ce territoire n'en a pas",
    "A notice names the place by a NUTS 3 code: this territory has none",
)
_PAST_DAY = Text("Ce jour est passé : donner une date limite à venir", "This day is past: give one to come")


class LotObject(NamedTuple):
    """The object of a lot in codes: its CPV codes of 8 digits, those of its trades, the NUTS 3 areas where it is done.

    `places`: empty where there are none; `everywhere`: they are all that there are. `trades`, `site`: in words.
    """

    cpv: tuple[str, ...]
    cpv_of_trades: tuple[str, ...]
    trades: tuple[str, ...]
    places: tuple[Area, ...]
    everywhere: bool = False
    site: str | None = None


class NoticeLot(NamedTuple):
    """A lot as a notice says it. `supposed_cpv`: its codes are those of its trades. `cents`: its estimated value."""

    lot: Lot
    title: str
    nature: Nature
    cpv: tuple[str, ...]
    supposed_cpv: bool
    object: LotObject
    cents: int | None


class Consultation(NamedTuple):
    """A notice, ready to be written. `supposed_end`: the last day for answers is a proposal."""

    need: PlannedNeed
    title: str
    description: str
    buyer: Buyer
    lots: tuple[NoticeLot, ...]
    made_at: datetime
    ends_at: datetime
    supposed_end: bool

    @property
    def natures(self) -> tuple[Nature, ...]:
        """The natures of its lots, each once, that of the first lot first."""
        return tuple(dict.fromkeys(lot.nature for lot in self.lots))

    @property
    def cpv(self) -> tuple[str, ...]:
        """The CPV codes of its lots, each once, the main one of the first lot first."""
        return tuple(dict.fromkeys(code for lot in self.lots for code in lot.cpv))

    @property
    def places(self) -> tuple[Area, ...]:
        """The NUTS 3 areas of its lots, each once."""
        areas = {area.code: area for lot in self.lots for area in lot.object.places}
        return tuple(areas[code] for code in sorted(areas))


def nature_of_cpv(code: str) -> Nature:
    """The nature of what a CPV code names, by its division, as the rules of eForms have it."""
    if code.startswith("45"):
        return "works"
    return "supplies" if code.startswith(_SUPPLIES) else "services"


def consultation_of(need: PlannedNeed, objects: Sequence[LotObject], now: datetime) -> Consultation:
    """The notice of a need, made `now`. Raises InvalidContent with everything that a notice says and the need does not.

    `objects`: of its lots. Answers may come until the day that the need names, else until the eve of the planned
    publication, after which nobody may be told more than others, else for 30 days; the latter two are said as proposed.
    """
    problems: list[Problem] = []
    only_lot = need.lots[0].title if len(need.lots) == 1 else None
    title, description = on_one_line(need.title or only_lot or ""), (need.description or "").strip()
    if not title:
        problems.append(Problem("/title", "missing", _NO_TITLE))
    if not description:
        problems.append(Problem("/description", "missing", _NO_DESCRIPTION))
    if len(description) > LONGEST_DESCRIPTION:
        problems.append(Problem("/description", "too_long", _LONG_DESCRIPTION))
    if need.buyer is None or not need.buyer.name:
        problems.append(Problem("/buyer/name", "missing", _NO_BUYER))
    problems += answer_problems(need)
    today = now.astimezone(PARIS).date()
    if need.answers_by is not None and need.answers_by < today:
        problems.append(Problem("/answers_by", "past_day", _PAST_DAY))
    lots = [
        _notice_lot(lot, said, title if len(need.lots) == 1 else "", pointer("lots", place), problems)
        for place, (lot, said) in enumerate(zip(need.lots, objects, strict=True))
    ]
    if problems:
        raise InvalidContent(tuple(problems))
    last_day = need.answers_by or _proposed_last_day(need.planned_publication_on, today)
    return Consultation(
        need,
        title,
        description,
        need.buyer or Buyer(),
        tuple(lot for lot in lots if lot is not None),
        now.astimezone(PARIS),
        datetime.combine(last_day, WHOLE_DAY, PARIS),
        need.answers_by is None,
    )


def _proposed_last_day(publication: date | None, today: date) -> date:
    eve = None if publication is None else publication - timedelta(days=1)
    return eve if eve is not None and eve > today else today + timedelta(days=DAYS_TO_ANSWER)


def _notice_lot(lot: Lot, said: LotObject, title: str, at: str, problems: list[Problem]) -> NoticeLot | None:
    """A lot as a notice says it; None where it lacks something, which then joins `problems`.

    `title`: the need's, where it has no other lot.
    """
    title, codes = on_one_line(lot.title or title), said.cpv or said.cpv_of_trades
    fitting = [code for code in codes if lot.nature in {None, nature_of_cpv(code)}]
    if not title:
        problems.append(Problem(f"{at}/title", "missing", _NO_TITLE))
    if not codes:
        problems.append(Problem(f"{at}/cpv", "missing", _NO_CPV))
    elif not fitting and lot.nature is not None:
        detail = _OTHER_NATURE.filled(nature=NATURES[lot.nature])
        problems.append(Problem(f"{at}/cpv", "other_nature", detail))
    if not said.places:
        problems.append(Problem(f"{at}/territory" if lot.territory else "/territory", "no_nuts", _NO_PLACE))
    if not (title and fitting and said.places):
        return None
    cpv = tuple(dict.fromkeys((fitting[0], *said.cpv)))  # of the trades' codes the first alone: others may say more
    return NoticeLot(lot, title, nature_of_cpv(cpv[0]), cpv, not said.cpv, said, estimated_cents(lot))
