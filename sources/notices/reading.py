"""Places, durations, values and reservations as notices write them, read as a need has them.

Places of performance become codes that a need takes: NUTS areas, departements, the commune of an address.
Durations and renewals are numbers with a unit, days or French sentences, and become months. Amounts become euros: the
values of lots, and of the whole need where these do not tell it. To whom a lot is reserved, words tell: the fields of
each kind of form say that it is, and do not tell handicap and insertion apart.
"""

import math
import re
from collections.abc import Iterable

import msgspec

from domain.needs.need import RESERVED_TYPES, Lot, Place, Reserved, TerritoryRequest
from domain.reference.territory import COUNTRY, UnknownTerritory
from domain.text.bilingual import cut
from domain.text.normalise import fold
from matching.reference import Reference
from sources.notices.element import PlacedText
from sources.notices.notice import Amount, Notice, NoticeLot, NoticePlace
from sources.postal_addresses import commune_names, departement_of, split_address
from sources.rows import day_of, number_or_none

FRANCE = f"country:{COUNTRY}"
COUNTRIES = ("", "FR", "FRA")
_NUTS = re.compile(r"FR[A-Z0-9]{0,3}")
_ANYWHERE = {"anyw", "anyw-eea", "anyw-cou"}
MOST_CODES, LONGEST_ADDRESS = 2_000, 500


class PlaceReader:
    """Reads the places of one notice, and adds remarks to the notice on those that cannot be read."""

    def __init__(self, notice: Notice, reference: Reference) -> None:
        self._notice, self._territories, self._geography = notice, reference.territories, reference.geography
        self._names, self._finder = commune_names(reference.territories), reference.interpreter.titles.communes
        self._read: dict[tuple[object, ...], tuple[TerritoryRequest, Place | None]] = {}

    def territory_and_site(self, places: Iterable[NoticePlace]) -> tuple[TerritoryRequest, Place | None]:
        """The territory that a lot's places name, and the lot's site where they name a single commune.

        Where they name none in France those of the whole notice count, else where the buyer is. Equal places of several
        lots are read, and noted, once.
        """
        key = tuple(
            place._replace(path="", nuts=tuple(PlacedText("", each.text) for each in place.nuts), departements=())
            for place in places
        )
        if key not in self._read:
            named = self._named_territory(places) or self._named_territory(self._notice.whole.places)
            self._read[key] = named or (self._territory_of_buyer(), None)
        return self._read[key]

    def _named_territory(self, places: Iterable[NoticePlace]) -> tuple[TerritoryRequest, Place | None] | None:
        """The territory and the site that places name; None where they name nothing in France."""
        codes, communes, path = dict[str, None](), dict[str, None](), ""
        for place in places:
            found = self._area_codes(place)
            ordinal = self._commune(place, found)
            commune = None if ordinal is None else self._territories.communes[ordinal].code
            areas = (self._territories.area(code, suggest=False) for code in found)
            if commune is not None and (not found or any(ordinal in area.communes for area in areas)):
                communes[commune], path = None, place.path
                found = found or [f"commune:{commune}"]
            elif commune is not None:
                self._notice.note(place.path, "commune_outside_its_area", commune=commune, areas=cut(", ".join(found)))
            elif place.words and not place.city:
                self._notice.note(place.path, "place_in_words")
            codes |= dict.fromkeys(found)
        if not codes:
            return None
        if len(communes) > 1:
            self._notice.note(path, "several_sites", communes=cut(", ".join(communes)))
        site = Place(commune=next(iter(communes))) if len(communes) == 1 else None
        return TerritoryRequest(codes=tuple(codes)[:MOST_CODES]), site

    def _territory_of_buyer(self) -> TerritoryRequest:
        """The buyer's area or departement, else France; adds a remark that the notice names no place."""
        buyer = self._notice.buyer
        place = buyer.place if buyer is not None else None
        codes = [] if place is None else self._area_codes(place._replace(country=""))
        codes = [code for code in codes if code != FRANCE]
        if place is not None and not codes and place.country in COUNTRIES and len(place.postal_code) == 5:
            departement = f"departement:{departement_of(place.postal_code)}"
            codes = [departement] if self._has_outlines(departement) else []
        remark = "no_place_but_the_buyers" if codes else "no_place"
        path = self._notice.root.path if place is None else place.path
        self._notice.note(path, remark, areas=cut(", ".join(codes)))
        return TerritoryRequest(codes=tuple(codes) or (FRANCE,))

    def _area_codes(self, place: NoticePlace) -> list[str]:
        """The codes, as in a need, of the areas that a place names; adds a remark on each that is not in France."""
        codes: dict[str, None] = {}
        for path, written in place.nuts:
            code = written.replace(" ", "").upper()
            if code == COUNTRY:
                codes[FRANCE] = None
            elif _NUTS.fullmatch(code) and self._has_outlines(f"nuts:{code}"):
                codes[f"nuts:{code}"] = None
            else:
                remark = "unknown_nuts" if code.startswith(COUNTRY) else "nuts_outside_france"
                self._notice.note(path, remark, text=cut(written))
        for path, written in place.departements:
            code = f"departement:{written.strip().upper().rjust(2, '0')}"
            if self._has_outlines(code):
                codes[code] = None
            else:
                self._notice.note(path, "unknown_departement", text=cut(written))
        if len(codes) > 1:  # the country beside a part of it only says which country that is
            codes.pop(FRANCE, None)
        if not codes and not place.nuts and not place.city and place.country in COUNTRIES:
            if place.anywhere in _ANYWHERE or place.country:
                codes[FRANCE] = None
        elif not codes and place.country not in COUNTRIES:
            self._notice.note(place.path, "place_outside_france", country=cut(place.country))
        return list(codes)

    def _commune(self, place: NoticePlace, codes: list[str]) -> int | None:
        """The ordinal of the only commune that an address or words name; None where unknown or without outlines.

        `codes`: of the areas of the place, inside which a name counts where no postal code is beside it.
        """
        if place.country not in COUNTRIES or (place.nuts and not codes):
            return None
        postal_code, city, words = place.postal_code, place.city, place.words[:LONGEST_ADDRESS]
        if not city and words:
            _, postal_code, city = split_address(words)
        code = self._names.find(postal_code, city) if postal_code and city else None
        ordinal = None if code is None else self._territories.commune_ordinal(code)
        if code is None and (name := city or words):
            areas = tuple(self._territories.area(each, suggest=False) for each in codes or (FRANCE,))
            ground = self._geography.ground_of_areas(areas)
            inside = [each for each in self._names.ordinals_named(name) if ground[each]]
            is_told = len(inside) != 1 and codes not in ([], [FRANCE])
            found = self._finder.supposed_commune(((words or city,),), None, ground) if is_told else None
            ordinal = inside[0] if len(inside) == 1 else found and found[0]
        return None if ordinal is None or self._territories.communes[ordinal].lat is None else ordinal

    def _has_outlines(self, code: str) -> bool:
        """Whether a code names a known area whose outlines are known too."""
        try:
            area = self._territories.area(code, suggest=False)
        except UnknownTerritory:
            return False
        return bool(area.communes) and self._territories.communes[area.communes[0]].lat is not None


DAYS_A_MONTH = 365.25 / 12
MOST_MONTHS = 1_200
_UNITS = {
    "DAY": 1 / DAYS_A_MONTH, "WEEK": 7 / DAYS_A_MONTH, "MONTH": 1.0, "QUARTER": 3.0, "YEAR": 12.0,
    "ANN": 12.0, "MON": 1.0,
    "mois": 1.0, "an": 12.0, "ans": 12.0, "annee": 12.0, "annees": 12.0, "jours": 1 / DAYS_A_MONTH,
    "semaines": 7 / DAYS_A_MONTH,
}  # fmt: skip
_WORDS = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
    "dix": 10, "onze": 11, "douze": 12, "dix huit": 18, "vingt quatre": 24, "trente six": 36, "quarante huit": 48,
}  # fmt: skip
_NUMBER = r"(?P<{name}>\d{{1,3}}|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")(?: \d{{1,3}})?"
# "trois (3) fois" folds to "trois 3 fois"
_COUNTS = (
    re.compile(r"\b" + _NUMBER.format(name="count") + r" (?:fois|reconduction|renouvellement|prolongation|periode)"),
    re.compile(r"\bnombre de (?:periodes|reconductions|renouvellements)[a-z ]{0,50}? " + _NUMBER.format(name="count")),
)
_LENGTH = re.compile(r"\b" + _NUMBER.format(name="length") + r" (?P<unit>mois|ans?|annees?|jours|semaines)\b")
_SENTENCE = re.compile(r"[.;\n]")
_YEARLY = re.compile(r"\b(?:annuelles?|annuellement|tous les ans|chaque annee|par an|d annee en annee)\b")
_WHOLE = re.compile(r"\b(?:totale?|globale?|maximale?s?|maximum|au total|exceder|depasser)\b")
_RENEWS = re.compile(r"recondu|renouvel", re.IGNORECASE)
MOST_RENEWALS, MOST_DIGITS = 20, 9


def months_of(number: str, unit: str) -> int | None:
    """Convert a length of time to whole months, at least one; None where number or unit is unknown, or over 1,200.

    Units are those of eForms (MONTH, YEAR, DAY, WEEK), also in UN/CEFACT's letters (MON, ANN).
    """
    return _whole_months((number_or_none(number) or 0.0) * _UNITS.get(unit.strip().upper(), 0.0))


def renewals_in_digits(written: str) -> int | None:
    """The number of renewals in a field with up to nine digits; None for any other text."""
    # no longer than that: Python makes no number of thousands of digits
    return int(written) if len(written) <= MOST_DIGITS and written.isascii() and written.isdecimal() else None


def months_between(start: str, end: str) -> int | None:
    """The whole months from a day to another, the latter included; None where one is no day or the end is not later."""
    days = [day_of(start), day_of(end)]
    if days[0] is None or days[1] is None or days[1] <= days[0]:
        return None
    return _whole_months(((days[1] - days[0]).days + 1) / DAYS_A_MONTH)


def renewal_months(words: str, count: int | None, first_months: int | None) -> tuple[int | None, bool]:
    """The months of all renewals together, and whether a text states them (else they are an assumption).

    `count`: how often, where a field says it; `first_months`: how long the contract lasts before. Where no length of a
    renewal is written, each is supposed to last as long as the contract did at first. (None, True) where nothing tells.
    """
    sentences = [fold(sentence) for sentence in _SENTENCE.split(words)]
    if count is None:
        written = next((found for pattern in _COUNTS if (found := pattern.search(" ".join(sentences)))), None)
        number = 0 if written is None else _number_in_words(written["count"])
        count = number if 0 < number <= MOST_RENEWALS else None
    # of one renewal; of the whole contract where what stands before a length, back to another, says so
    each: int | None = None
    whole: int | None = None
    for sentence in sentences:
        before = 0
        for found in _LENGTH.finditer(sentence):
            months = _whole_months(_number_in_words(found["length"]) * _UNITS[found["unit"]])
            if _WHOLE.search(sentence[before : found.start()]):
                whole = months if whole is None else whole
            else:
                each = months if each is None else each
            before = found.end()
        if each is None and _YEARLY.search(sentence):
            each = 12
    if count == 0:
        return 0, True
    if count is not None and each is not None:
        return _months_within_bounds(count * each), True
    if whole is not None and first_months is not None and whole > first_months and count is None:
        return _months_within_bounds(whole - first_months), True
    if count is not None and first_months is not None:
        return _months_within_bounds(count * first_months), False
    return None, True


def renewal_sentences(words: str) -> str:
    """The sentences of a text that speak of renewing the contract."""
    return ". ".join(sentence for sentence in _SENTENCE.split(words) if _RENEWS.search(sentence))


def _number_in_words(written: str) -> int:
    return int(written) if written.isdecimal() else _WORDS[written]


def _whole_months(months: float) -> int | None:
    """Round months to the nearest whole number within a tenth, else up; None where not from 1 to 1,200."""
    if not (math.isfinite(months) and months > 0):
        return None
    near = round(months)
    return _months_within_bounds(near if near and abs(months - near) <= 0.1 else math.ceil(months))


def _months_within_bounds(months: int) -> int | None:
    return months if 0 <= months <= MOST_MONTHS else None


MOST_EUROS = 1e12
LEAST_EUROS = 1.0
"""An amount up to this is a field filled in because it had to be, and no value."""
_SPACES = re.compile(r"[\s\u00a0\u202f']")


def lots_with_values(notice: Notice, made: list[tuple[NoticeLot, Lot]]) -> tuple[list[Lot], float | None]:
    """The lots with their values, and the need's total in euros if it is known and they do not add up to it, else None.

    `made`: the lots as they were read, and as they are so far. The total is the greater of the estimate and of the
    maximum of a framework agreement, which counts for the procedure (R2121-8). An estimate that may not
    count renewals is no total, which does (R2121-1).
    """
    whole, values, greatest = notice.whole, list[float | None](), list[float | None]()
    for read, _ in made:
        value, most = _euros(notice, read.value), _euros(notice, read.maximum)
        if value is None and most is not None and read.maximum is not None:
            notice.note(read.maximum.path, "value_is_the_maximum")
            value = most
        values.append(value)
        greatest.append(max(filter(None, (value, most)), default=None))
    estimate, most = _euros(notice, whole.value), _euros(notice, whole.maximum)
    total = max(filter(None, (estimate, most)), default=None)
    if values == [None]:
        values = [estimate or total]
    if total is None and None not in greatest:
        total = sum(filter(None, greatest))
    lots, is_firm = list[Lot](), notice.value_covers == "firm"
    for (read, lot), value in zip(made, values, strict=True):
        amount = read.value or read.maximum or whole.value or whole.maximum
        if value is not None and is_firm and lot.renewal_months and amount is not None:
            notice.note(amount.path, "amount_may_leave_out_renewals")
        valued = {} if value is None else {"value_eur": value, "value_covers": notice.value_covers}
        lots.append(msgspec.structs.replace(lot, **valued))
    if total is None or (None not in values and total == sum(filter(None, values))):
        return lots, None
    if total == estimate and whole.value and is_firm and any(lot.renewal_months for lot in lots):
        notice.note(whole.value.path, "total_may_leave_out_renewals")
        return lots, None
    return lots, min(total, MOST_EUROS)


def _euros(notice: Notice, amount: Amount | None) -> float | None:
    """The amount in euros; None, with a remark, for another currency and for an implausible number."""
    if amount is None:
        return None
    value = number_or_none(_SPACES.sub("", amount.text))
    if amount.currency and amount.currency.upper() != "EUR":
        why = "amount_in_another_currency"
    elif value is None or not 0 <= value <= MOST_EUROS:
        why = "amount_unreadable"
    elif value <= LEAST_EUROS:
        why = "amount_of_nothing"
    else:
        return value
    shown = f"{cut(amount.text)} {cut(amount.currency, 10)}".strip()
    notice.note(amount.path, why, text=shown)
    return None


_ARTICLES: dict[str, tuple[Reserved, ...]] = {
    "l2113 12": ("handicap",),
    "l2113 13": ("iae",),
    "l2113 13 1": ("penitentiary",),
    "l2113 14": ("handicap", "iae"),
    "l2113 15": ("ess",),
    "l2113 16": ("ess",),
}
_ARTICLE = re.compile(r"\bl ?2113 1[2-6](?: 1\b(?! \d))?")
_NAMES: tuple[tuple[re.Pattern[str], Reserved], ...] = (
    (
        re.compile(
            r"\bentreprises? adaptees?\b|\besat\b|\baide par le travail\b|\btravailleurs? handicapes?\b"
            r"|\bpersonnes handicapees\b|\bateliers? proteges?\b"
        ),
        "handicap",
    ),
    (
        re.compile(
            r"\binsertion par l activite economique\b|\bsiae\b|\bstructures? d insertion\b|\bchantiers? d insertion\b"
            r"|\bentreprises? d insertion\b|\btravailleurs? defavorises?\b|\bassociations? intermediaires?\b"
        ),
        "iae",
    ),
    (re.compile(r"\bpenitentiaires?\b|\bdetenus\b|\btravail en prison\b"), "penitentiary"),
)
_CLAUSE = re.compile(r"[.;\n:]")
_RESERVES = re.compile(r"\breserv(?:e|es|ee|ees|ation|ations)\b")


def reservations_in(words: str, *, marked: bool) -> tuple[Reserved, ...]:
    """The types of reservation that a text names, in the order of the law; () where it names none.

    `marked`: a field says that the lot is reserved. Else only an article of the code that reserves, or a sentence that
    says both "réservé" and to whom, counts: a social clause names the same structures.
    """
    found: set[Reserved] = set()
    whole = fold(words)
    for article in _ARTICLE.findall(whole):
        found.update(_ARTICLES["l" + article[1:].strip()])
    sentences = (whole,) if marked else tuple(filter(_RESERVES.search, map(fold, _CLAUSE.split(words))))
    if not found:
        found.update(kind for text in sentences for pattern, kind in _NAMES if pattern.search(text))
    return tuple(kind for kind in RESERVED_TYPES if kind in found)
