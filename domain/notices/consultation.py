"""The notice of a preliminary market consultation (R2111-1): what it says, and what the need has to say first.

What the rules of eForms tie together decides here too: a main CPV code of the lot's nature, places as NUTS 3 areas. Its
words in French and English are made here, for whoever reads it and for eForms.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple

from domain.errors import Problem, pointer, require_no_problem
from domain.needs.estimate import estimated_cents
from domain.needs.need import Buyer, Lot, Nature, PlannedNeed, Reserved, answer_problems
from domain.reference.cpv import Cpv
from domain.reference.territory import Area
from domain.text.bilingual import (
    AND,
    PARIS,
    Language,
    Text,
    euros,
    join_texts,
    long_date,
    on_one_line,
    said_by,
    same_text,
    time_of_day,
    typeset,
)
from domain.text.labels import CONTRACTS, NATURES, PROCEDURES, RESERVED, TECHNIQUES

_SAID = said_by(__name__)

DAYS_TO_ANSWER = 30
"""The days for answers that are proposed where neither they nor a day of publication are decided."""
LONGEST_DESCRIPTION = 6_000
"""The characters of a description in eForms."""
WHOLE_DAY = time(23, 59)
_SUPPLIES = ("0", "1", "2", "3", "40", "41", "42", "43", "44", "48")

_LONG_DESCRIPTION = _SAID["long_description"].filled(longest_description=LONGEST_DESCRIPTION)


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
        problems.append(Problem("/title", "missing", _SAID["no_title"]))
    if not description:
        problems.append(Problem("/description", "missing", _SAID["no_description"]))
    if len(description) > LONGEST_DESCRIPTION:
        problems.append(Problem("/description", "too_long", _LONG_DESCRIPTION))
    if need.buyer is None or not need.buyer.name:
        problems.append(Problem("/buyer/name", "missing", _SAID["no_buyer"]))
    problems += answer_problems(need)
    today = now.astimezone(PARIS).date()
    if need.answers_by is not None and need.answers_by < today:
        problems.append(Problem("/answers_by", "past_day", _SAID["past_day"]))
    lots = [
        _notice_lot(lot, said, title if len(need.lots) == 1 else "", pointer("lots", place), problems)
        for place, (lot, said) in enumerate(zip(need.lots, objects, strict=True))
    ]
    require_no_problem(problems)
    eve = need.planned_publication_on and need.planned_publication_on - timedelta(days=1)
    last_day = need.answers_by or (eve if eve and eve > today else today + timedelta(days=DAYS_TO_ANSWER))
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


def _notice_lot(lot: Lot, said: LotObject, title: str, at: str, problems: list[Problem]) -> NoticeLot | None:
    """A lot as a notice says it; None where it lacks something, which then joins `problems`.

    `title`: the need's, where it has no other lot.
    """
    title, codes = on_one_line(lot.title or title), said.cpv or said.cpv_of_trades
    fitting = [code for code in codes if lot.nature in {None, nature_of_cpv(code)}]
    if not title:
        problems.append(Problem(f"{at}/title", "missing", _SAID["no_title"]))
    if not codes:
        problems.append(Problem(f"{at}/cpv", "missing", _SAID["no_cpv"]))
    elif not fitting and lot.nature is not None:
        detail = _SAID["other_nature"].filled(nature=NATURES[lot.nature])
        problems.append(Problem(f"{at}/cpv", "other_nature", detail))
    if not said.places:
        problems.append(Problem(f"{at}/territory" if lot.territory else "/territory", "no_nuts", _SAID["no_place"]))
    if not (title and fitting and said.places):
        return None
    cpv = tuple(dict.fromkeys((fitting[0], *said.cpv)))  # of the trades' codes the first alone: others may say more
    return NoticeLot(lot, title, nature_of_cpv(cpv[0]), cpv, not said.cpv, said, estimated_cents(lot))


Line = tuple[Text, Text]
"""The name of a fact, and the fact."""

BASIS = _SAID["basis"]
_ARTICLES: dict[Reserved, str] = {
    "handicap": "L2113-12",
    "iae": "L2113-13",
    "penitentiary": "L2113-13-1",
    "ess": "L2113-15",
}
_EITHER = ("handicap", "iae")


def reservation_in_words(reserved: tuple[Reserved, ...]) -> Text | None:
    """The sentence on to whom a lot is reserved, with the articles; None for a lot that is not."""
    if not reserved:
        return None
    if set(reserved) == set(_EITHER):
        return _SAID["reserved_to"].filled(to=RESERVED["handicap_iae"].to, articles="L2113-14")
    spaced_and = Text(f" {AND.fr} ", f" {AND.en} ")
    to = join_texts([RESERVED[each].to for each in reserved], spaced_and)
    articles = join_texts([Text(_ARTICLES[each], _ARTICLES[each]) for each in reserved], spaced_and)
    return _SAID["reserved_to"].filled(to=to, articles=articles)


def lot_remarks(lot: NoticeLot) -> list[Text]:
    """The facts of a lot that such a notice has no field for: renewals, options, reservation, a CPV code proposed."""
    asked, said = lot.lot, []
    firm, renewals = asked.duration_months, asked.renewal_months
    if firm and renewals:
        most = firm + renewals
        said.append(_SAID["longest_duration"].filled(most=most))
    elif renewals:
        said.append(Text(f"Reconductions : {renewals} mois", f"Renewals: {renewals} months"))
    if lot.cents is not None and (renewals or asked.options_eur):
        said.append(_SAID["whole_value"])
    if asked.innovative:
        said.append(Text("Achat innovant", "Innovative purchase"))
    if reservation := reservation_in_words(asked.reserved or ()):
        said.append(reservation)
    if lot.supposed_cpv:
        trades = ", ".join(lot.object.trades)
        said.append(
            Text(f"Code CPV proposé d'après le métier : {trades}", f"CPV code proposed from the trade: {trades}")
        )
    return said


def need_remarks(notice: Consultation) -> list[Text]:
    """The facts of the whole notice that it has no field for: procedure, technique, and what is proposed."""
    need = notice.need
    said = [_SAID["no_competition"]]
    if need.procedure:
        words = PROCEDURES[need.procedure]
        said.append(Text(f"Procédure envisagée : {words.fr}", f"Planned procedure: {words.en}"))
    if need.technique:
        words = TECHNIQUES[need.technique]
        said.append(Text(f"Technique d'achat envisagée : {words.fr}", f"Planned purchasing technique: {words.en}"))
    kinds = "social_considerations", "environmental_considerations"
    said += [_SAID[kind] for kind in kinds if getattr(need, kind)]
    if notice.supposed_end:
        said.append(_SAID["proposed_end"])
    if need.answers_url is None:
        said.append(_SAID["to_buyer"])
    return said


def sentences(said: list[Text]) -> Text:
    """The remarks as sentences, one a line."""
    return join_texts([Text(f"{each.fr.rstrip('.')}.", f"{each.en.rstrip('.')}.") for each in said], Text("\n", "\n"))


def profile_text(notice: Consultation, cpv: Cpv, language: Language) -> str:
    """The notice as plain text for a buyer profile."""
    parts = [
        f"{_SAID['name'].to(language)}\n{BASIS.to(language)}",
        _lines(_whole_lines(notice), language),
        notice.description,
    ]
    for number, lot in enumerate(notice.lots, 1):
        heading = Text(f"Lot {number} : {lot.title}", f"Lot {number}: {lot.title}")
        remarks = sentences(lot_remarks(lot)).to(language)
        body = "\n".join(filter(None, (heading.to(language), _lines(_lot_lines(lot, cpv), language), remarks)))
        parts.append(typeset(body, language))
    parts += [_lines(_answer_lines(notice, language), language), sentences(need_remarks(notice)).to(language)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _lines(lines: Iterator[Line], language: Language) -> str:
    colon = {"fr": " : ", "en": ": "}[language]
    return "\n".join(typeset(f"{name.to(language)}{colon}{fact.to(language)}", language) for name, fact in lines)


def _whole_lines(notice: Consultation) -> Iterator[Line]:
    need, buyer = notice.need, notice.buyer
    yield Text("Acheteur", "Buyer"), same_text(buyer.name or "")
    if buyer.siret:
        yield Text("SIRET", "SIRET"), same_text(buyer.siret)
    yield Text("Objet", "Object"), same_text(notice.title)
    if need.reference:
        yield Text("Référence", "Reference"), same_text(need.reference)
    yield Text("Contrat", "Contract"), CONTRACTS[need.contract]
    if need.estimated_total_eur is not None:
        total = euros(round(need.estimated_total_eur * 100))
        yield Text("Valeur totale estimée", "Total estimated value"), Text(f"{total.fr} HT", f"{total.en} excl. tax")
    if need.planned_publication_on:
        yield Text("Publication prévue", "Planned publication"), long_date(need.planned_publication_on)


def _lot_lines(lot: NoticeLot, cpv: Cpv) -> Iterator[Line]:
    asked = lot.lot
    yield Text("Nature", "Nature"), NATURES[lot.nature]
    yield Text("Codes CPV", "CPV codes"), same_text(", ".join(f"{code} ({cpv.label(code)})" for code in lot.cpv))
    places = ", ".join(f"{area.label} ({area.code})" for area in lot.object.places)
    france = Text("toute la France", "all of France")
    yield Text("Lieu d'exécution", "Place of performance"), france if lot.object.everywhere else same_text(places)
    if lot.object.site:
        yield Text("Commune", "Commune"), same_text(lot.object.site)
    if lot.cents is not None:
        amount = euros(lot.cents)
        yield Text("Valeur estimée", "Estimated value"), Text(f"{amount.fr} HT", f"{amount.en} excl. tax")
    if asked.duration_months:
        months = asked.duration_months
        yield Text("Durée", "Duration"), Text(f"{months} mois", f"{months} months")


def _answer_lines(notice: Consultation, language: Language) -> Iterator[Line]:
    need, until = notice.need, long_date(notice.ends_at.date())
    hour = time_of_day(notice.ends_at, language)
    yield Text("Répondre au plus tard le", "Answer by"), Text(f"{until.fr}, {hour}", f"{until.en}, {hour}")
    if need.answers_url:
        yield Text("Répondre sur", "Answer at"), same_text(need.answers_url)
    if need.answers_email:
        yield Text("Renseignements", "Information"), same_text(need.answers_email)
