"""The sentences of a shortlist: why a supplier is listed or refused, and what is not known of the supply.

Findings, verdicts and advice of the law are put in one language.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from domain.law.findings import GENERAL, LegalAdvice, LegalFinding, Verdict
from domain.law.other_contracts import EssAward, with_award_bar
from domain.law.reservations.eligibility import LegalFacts, verdict_for_type
from domain.law.rules import Rules
from domain.needs.need import ContractKind, Place, Reserved
from domain.shortlists.listed_suppliers import Eligibility, Fit, Presence
from domain.shortlists.shortlist import Advice, Finding, SupposedSite
from domain.suppliers.known_trades import is_older_award
from domain.suppliers.supplier import Evidence, Kind, ServiceArea
from domain.text.bilingual import NOTHING, Language, Text, kilometres, long_date, place_after_de, said_by
from domain.text.labels import EVIDENCE
from matching.index.service_areas import NEARBY_KM

_SAID = said_by(__name__)


def _near_home(default_km: float) -> Text:
    """The words behind a default reach that is shorter than the usual one; empty behind that."""
    return _SAID["near_home"] if default_km < NEARBY_KM else NOTHING


def nearby(default_km: float) -> Text:
    """A sentence for a supplier near the territory that has declared no area; `default_km`: how far it may be."""
    most, why = kilometres(default_km, rough=True), _near_home(default_km)
    return _SAID["nearby"].filled(most=most, why=why)


PRESENCE: dict[Presence, Text] = {
    "local": Text("Implanté dans le territoire", "Located in the territory"),
    "nearby": nearby(NEARBY_KM),
    "declared": Text("Déclare intervenir dans le territoire", "Declares serving the territory"),
    "national": Text("Intervient dans toute la France", "Serves all of France"),
}

AWARDED = _SAID["awarded"]
AWARDED_EARLIER = _SAID["awarded_earlier"]
INFERRED = _SAID["inferred"]


def noted(told_on: date | None) -> Text:
    """A sentence saying that the organisation noted an offer, and on which day the supplier told it, if known."""
    return _SAID["noted"] if told_on is None else _SAID["noted_on"].filled(day=long_date(told_on))


def evidence(found: Evidence, on: date) -> Text:
    """A sentence naming the evidence of an offer: its kind, and the label or reference that was read.

    Of a contract won more than six years before the day `on`, or undated, it says the age.
    """
    intro = EVIDENCE[found.kind]
    if is_older_award(found, on):
        age = _SAID["on_an_unknown_day"]
        if (won := found.on) is not None:
            age = _SAID["years_ago"].filled(years=on.year - won.year - ((on.month, on.day) < (won.month, won.day)))
        intro = Text(intro.fr + age.fr, intro.en + age.en)
    read = found.label or found.reference
    return intro if read is None else Text(f"{intro.fr} : {read}", f"{intro.en}: {read}")


FITS: dict[Fit, Text] = {
    "exact": _SAID["fit_exact"],
    "narrower": _SAID["fit_narrower"],
    "broader": _SAID["fit_broader"],
    "related": _SAID["fit_related"],
}


@cache
def fit(kind: Fit, requested: str, offered: str) -> Text:
    """A sentence on how the `offered` segment fits the `requested` one; both are given by label."""
    return FITS[kind].filled(offered=offered, requested=requested)


IN_METRES_KM = 0.05
"""Shorter distances are told in metres, longer ones to the tenth of a kilometre."""


def distance(distance_km: float | None, site: Place | SupposedSite | None, placed: bool) -> Text:
    """A sentence for the distance of a supplier to the site, else to the territory; `placed`: its place is known."""
    if distance_km is None:
        return _SAID["no_distance"].filled(why=_SAID["no_outline" if placed else "no_address"])
    far = kilometres(distance_km)
    if isinstance(site, SupposedSite):
        town = Text(place_after_de(site.label), site.label)
        return _SAID["from_supposed_town" if distance_km else "in_supposed_town"].filled(far=far, town=town)
    if site is None:
        return _SAID["from_territory"].filled(far=far)
    if distance_km == 0 and site.commune:
        return _SAID["in_commune_of_site"]
    return _SAID["from_site" if distance_km else "at_site"].filled(far=far)


def too_far(distance_km: float | None, cap_km: float, placed: bool, *, to_territory: bool) -> Text:
    """A sentence for a supplier that the distance gate refuses; `placed`: its place is known.

    `to_territory`: the distance is told to be one to the territory, as other distances are to a supposed site.
    """
    if distance_km is None:
        why = _SAID["no_outline" if placed else "no_address"]
        return _SAID["maybe_too_far"].filled(why=why, cap=kilometres(cap_km))
    said = _SAID["too_far_from_territory" if to_territory else "too_far"]
    return said.filled(far=kilometres(distance_km), over=kilometres(distance_km - cap_km))


def not_served(area: ServiceArea | None, to_territory_km: float | None, placed: bool, default_km: float) -> Text:
    """A sentence for a supplier that the service area gate refuses; `area`: the widest area of its offers.

    `default_km`: how far from the territory it may be where its area is not declared.
    """
    if area is not None and area.radius_km is not None and to_territory_km is not None:
        radius = kilometres(area.radius_km, rough=area.radius_km == round(area.radius_km))
        over = kilometres(to_territory_km - area.radius_km)
        return _SAID["radius_too_short"].filled(radius=radius, over=over)
    if area is None and to_territory_km is not None:
        far, most, why = kilometres(to_territory_km), kilometres(default_km, rough=True), _near_home(default_km)
        return _SAID["not_near"].filled(far=far, most=most, why=why)
    if area is None or area.radius_km is not None:
        return _SAID["maybe_serves"].filled(why=_SAID["no_outline" if placed else "no_address"])
    return _SAID["area_elsewhere"]


def support(kind: Fit, requested: str, offered: str) -> Text:
    """A sentence for a supplier that offers only an activity supporting the object, or close to a supporting one."""
    if kind == "related":
        return Text(
            f"Activité proche : {offered} (activité support demandée : {requested})",
            f"Offers “{offered}”, close to the supporting activity “{requested}”",
        )
    return Text(f"Ne propose que l'activité support « {offered} »", f"Offers only the supporting activity “{offered}”")


NOT_ELIGIBLE = Text("Ne peut pas répondre à ce lot réservé", "May not answer this reserved lot")


def unknown_trade(total: int, eligible: int, reserved: bool) -> Text:
    """A sentence for the number of suppliers nearby of unknown trade, and of the eligible among them."""
    if not total:
        return _SAID["none_of_unknown_trade"]
    may = _SAID["several_may_answer" if eligible > 1 else "one_may_answer"].filled(eligible=eligible)
    said = _SAID["several_of_unknown_trade" if total > 1 else "one_of_unknown_trade"]
    return said.filled(total=total, may=may if reserved else NOTHING)


@lru_cache(1024)
def kind_to_ask(kinds: tuple[Kind, ...], labels: tuple[str, ...], *, offers: bool) -> Text:
    """A sentence telling whether known suppliers of some kinds offer segments, given by their labels."""
    who = _SAID["of_kinds"].filled(kinds=", ".join(kinds)) if kinds else _SAID["without_approval"]
    said = _SAID["others_offer" if offers else "nobody_offers"]
    return said.filled(who=who, asked=", ".join(labels))


def ask_unknown(eligible: int) -> Text:
    """Counsel to ask the suppliers nearby whose trade is not known, before concluding on a scarce supply."""
    return _SAID["ask_unknown"].filled(eligible=eligible)


def unmapped(code: str, label: str | None) -> Text:
    """A sentence for a CPV code that no segment covers."""
    shown = f"{code} ({label})" if label else code
    return _SAID["unmapped"].filled(shown=shown)


def unknown_words(words: str, suggestions: list[str], *, is_other_trade: bool) -> Text:
    """A sentence for words that name no segment with enough confidence; `suggestions`: labels.

    `is_other_trade`: they name a trade that no segment covers.
    """
    said = _SAID["other_trade" if is_other_trade else "not_recognised"].filled(words=words)
    return _SAID["perhaps"].filled(said=said, trades=_quoted(suggestions)) if suggestions else said


def title_differs(labels: list[str], *, is_asked: bool, by_code: bool) -> Text:
    """A sentence telling that a title names other trades than the CPV codes.

    `is_asked`: they are searched; `by_code`: those of the codes are.
    """
    asked = "codes_alone_asked" if not is_asked else "title_and_codes_asked" if by_code else "title_alone_asked"
    return _SAID[asked].filled(trades=_quoted(labels))


def words_not_used(words: Sequence[str]) -> Text:
    """A sentence for words that were understood and that no field of the lot repeats."""
    return _SAID["words_not_used"].filled(words=_quoted(words))


def _quoted(labels: Sequence[str]) -> Text:
    return Text(", ".join(f"« {label} »" for label in labels), ", ".join(f"“{label}”" for label in labels))


FRENCH, ENGLISH = "deux trois quatre cinq six sept huit neuf", "two three four five six seven eight nine"
NUMBERS = dict(enumerate(map(Text, FRENCH.split(), ENGLISH.split()), start=2))


def grouping(suppliers: int, segments: int) -> Text:
    """A sentence for two to four candidates that answer together what none answers alone."""
    several, asked = (NUMBERS.get(number, Text(str(number), str(number))) for number in (suppliers, segments))
    return _SAID["grouping"].filled(several=several, asked=asked)


raw_json: Callable[[bytes], Any] = msgspec.Raw
"""JSON bytes as the value of any struct's field: encoding the struct copies them unchanged."""


Words = TypeVar("Words", Eligibility, Finding, Advice)


def in_words(found: Verdict | LegalFinding | LegalAdvice, kind: type[Words], language: Language) -> Words:
    """A finding, verdict or advice of the law as a struct of `kind`, with its texts in one language."""
    fields = msgspec.structs.asdict(found)
    fields["message"] = found.message.to(language)
    fields.pop("bars", None)
    if isinstance(found, Verdict):
        fields["missing"] = tuple(proof.to(language) for proof in found.missing)
    if isinstance(found, LegalAdvice):
        fields["general"] = found.code in GENERAL
    return kind(**fields)


CACHED_QUESTIONS, CACHED_FACTS = 16, 4_096


class SupplierVerdicts(NamedTuple):
    """The verdicts on a supplier, as structs and in JSON."""

    verdicts: tuple[Eligibility, ...]
    json: bytes


NOT_JUDGED = SupplierVerdicts((), b"[]")
"""Where nothing is reserved."""


@lru_cache(CACHED_QUESTIONS)
def judge_of(
    reserved: tuple[Reserved, ...], on: date, rules: Rules, contract: ContractKind, language: Language
) -> Callable[[LegalFacts, tuple[EssAward, ...]], SupplierVerdicts]:
    """A function that judges a supplier from its legal facts and the ESS-reserved contracts awarded to it.

    The same question has the same function, which remembers its answers: many suppliers share their legal facts.
    """

    view = rules.view(on, contract)

    @lru_cache(CACHED_FACTS)
    def verdicts_on(facts: LegalFacts, awards: tuple[EssAward, ...]) -> SupplierVerdicts:
        verdicts = [verdict_for_type(facts, kind, on, view) for kind in reserved]
        if awards:
            verdicts = [with_award_bar(verdict, awards, on, rules) for verdict in verdicts]
        worded = tuple([in_words(verdict, Eligibility, language) for verdict in verdicts])
        return SupplierVerdicts(worded, msgspec.json.encode(worded))

    return verdicts_on
