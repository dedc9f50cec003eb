"""A second, slow and plain reading of the contract: who is a candidate, in which order, and the lot's figures.

Every supplier is judged alone, every offer in turn. Where a distance is too close to a limit to call, the supplier is
judged once for each way the call may go, and every answer compatible with one of these is accepted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

import msgspec

from domain.law.findings import Verdict
from domain.law.other_contracts import EssAward, with_award_bar
from domain.law.reservations.eligibility import LegalFacts, eligibility
from domain.law.rules import Rules
from domain.needs.need import RESERVED_TYPES, Lot, Need, PastAward, Place, Reserved, TerritoryRequest
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.shortlists.listed_suppliers import Fit, Gate, Presence, ReachLevel, Role
from domain.suppliers.supplier import BASES, DECLARERS, Basis, DeclaredBy, Offer, ServiceArea, Supplier
from domain.text.normalise import fold
from matching.words.keywords import Interpreter
from tests.matching.oracle.ground import Answer, Drawn, France, Ground, Spot, any_of, at_most, siren_part

FITS: tuple[Fit, ...] = ("exact", "narrower", "broader", "related")
ANSWERING = FITS[:3]
SURE = 0.7
PRESENCES: tuple[Presence, ...] = ("local", "declared", "nearby", "national")
OUTCOMES = ("ELIGIBLE", "ELIGIBLE_IF", "UNKNOWN", "REVIEW", "INELIGIBLE")
GATES_PASSED: tuple[Gate, ...] = ("reservation", "distance", "service_area", "segment")
RESERVATIONS: Mapping[str, tuple[Reserved, ...]] = {
    "none": (),
    "handicap": ("handicap",),
    "iae": ("iae",),
    "handicap_iae": ("handicap", "iae"),
    "penitentiary": ("penitentiary",),
    "ess": ("ess",),
}
RADII_KM = (10, 25, 50, 100)
NEARBY_KM, NEIGHBOUR_KM = 50, 20
TURNOVER_OF_A_PERSON, OF_OTHER_SECTORS = {"pr": 30_000, "bt": 225_000}, 169_000
TURNOVER_BY_KIND, TURNOVER_OF_A_PLACE = {"EA": 43_000, "ACI": 12_000}, 17_000


@dataclass(frozen=True)
class Used:
    """The best offer for one requested segment."""

    fit: Fit
    basis: Basis
    presence: Presence
    is_older: bool
    """Whether all contracts won that it rests on are more than six years old, or undated"""
    word: int
    """The place in DECLARERS of who declared it: the better word, the smaller"""

    @property
    def declared_by(self) -> DeclaredBy | None:
        return DECLARERS[self.word] if self.basis == "declared" else None

    @property
    def grade(self) -> tuple[int, bool]:
        return BASES.index(self.basis), self.is_older

    @property
    def preference(self) -> tuple[int, tuple[int, bool], int, int]:
        return FITS.index(self.fit), self.grade, self.word, PRESENCES.index(self.presence)


@dataclass(frozen=True)
class Judgment:
    """What the contract says of one supplier for one lot, with every close call made."""

    used: Mapping[str, Used]
    answers: frozenset[str]
    within_cap: bool
    local: bool
    outcomes: Mapping[Reserved, str]
    within: Mapping[int, bool]
    reach: ReachLevel

    def best(self, reserved: Iterable[Reserved]) -> str | None:
        """The best outcome over the reserved types; None where the lot is not reserved."""
        outcomes = [self.outcomes[one] for one in reserved]
        return min(outcomes, key=OUTCOMES.index) if outcomes else None

    def excluded_by(self, reserved: Iterable[Reserved], *, cap: bool = True) -> Gate | None:
        """The first gate that fails; None for a candidate."""
        if not self.answers:
            return "segment"
        if not self.answers & self.used.keys():
            return "service_area"
        if cap and not self.within_cap:
            return "distance"
        return "reservation" if self.best(reserved) == "INELIGIBLE" else None

    def presence(self) -> Presence:
        return min((self.used[segment].presence for segment in self.answers & self.used.keys()), key=PRESENCES.index)

    def order(self, reserved: Iterable[Reserved]) -> tuple[int, ...]:
        """The ordered criteria, smaller first, down to the presence; the distance comes next."""
        used = [self.used[segment] for segment in self.answers & self.used.keys()]
        best = self.best(reserved)
        return (
            OUTCOMES.index(best) if best else 0,
            -len(used),
            max(FITS.index(one.fit) for one in used),
            *max(one.grade for one in used),
            int(self.presence() == "national"),
        )


@dataclass(frozen=True)
class Judged:
    """A supplier, how far it is, and every judgment that close calls leave open."""

    supplier: Supplier
    distance_km: float | None
    verdicts: Mapping[Reserved, Verdict]
    judgments: tuple[Judgment, ...]


@dataclass(frozen=True)
class Offerless:
    """A supplier without any offer, how far it is, and whether it stands near enough to be asked.

    `why`: the code of the reason for its place among those to ask.
    """

    supplier: Supplier
    distance_km: float | None
    verdicts: Mapping[Reserved, Verdict]
    near: Answer
    why: str | None


@dataclass(frozen=True)
class Expected:
    """What a lot's shortlist must agree with. `offerless`: everybody without an offer, whatever is reserved."""

    lot: Lot
    reserved: tuple[Reserved, ...]
    roles: Mapping[str, Role]
    measured_to: str
    judged: tuple[Judged, ...]
    offerless: tuple[Offerless, ...]
    yearly_eur: Fraction | None

    def count(self, holds: Callable[[Judgment], bool]) -> range:
        """How many suppliers meet a condition, from those that must to those that may."""
        must = sum(all(map(holds, one.judgments)) for one in self.judged)
        may = sum(any(map(holds, one.judgments)) for one in self.judged)
        return range(must, may + 1)


def always_late(supplier: Supplier) -> str | None:
    """Why a supplier is asked last whatever is wanted; of names and SIRETs, those of the scenery say so."""
    if set(supplier.kinds) == {"GEIQ"}:
        return "employers_group"
    if set(supplier.kinds) & {"ESAT", "EA", "EATT"}:
        return None
    is_named_so = supplier.name.startswith("CCAS") and not supplier.kinds
    if supplier.legal_form == "public_body" or supplier.siret or is_named_so:
        return "public_body"
    staff = supplier.size.staff
    is_bare = supplier.legal_form == "association" and not supplier.kinds
    return "without_staff" if is_bare and staff is not None and staff.max == 0 else None


def why_asked(supplier: Supplier, offering: set[str | None] | None) -> str | None:
    """The reason for the place of a supplier among those to ask; `offering`: the kinds that offer an object."""
    if late := always_late(supplier):
        return late
    if offering is None:
        return None
    return "kind_offers" if offering & set(supplier.kinds or (supplier.legal_form,)) else "kind_never_offers"


@dataclass(eq=False)
class Oracle:
    """Reads needs against suppliers by brute force."""

    territories: Territories
    taxonomy: Taxonomy
    interpreter: Interpreter
    rules: Rules
    outlines: Any
    _spots: dict[tuple[float, float], Spot] = field(default_factory=dict)
    _areas: dict[ServiceArea, Ground] = field(default_factory=dict)
    _grounds: dict[TerritoryRequest, Ground] = field(default_factory=dict)
    _distances: dict[tuple[Ground, Spot], float | None] = field(default_factory=dict)
    _verdicts: dict[tuple[LegalFacts, Reserved, date], Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.france = France(self.territories, self.outlines)
        self._names = [fold(commune.name) for commune in self.territories.communes]

    def read(
        self, need: Need, suppliers: Iterable[Supplier], on: date, awards: Sequence[PastAward] = ()
    ) -> list[Expected]:
        """What each lot's shortlist must say; `awards`: those of the buyer."""
        pool = [supplier for supplier in suppliers if supplier.active]
        answers = []
        for lot in need.lots:
            request = lot.territory or need.territory
            assert request is not None
            answers.append(self._lot(need, lot, self._ground(request), pool, on, awards))
        return answers

    def _lot(
        self, need: Need, lot: Lot, ground: Ground, pool: list[Supplier], on: date, awards: Sequence[PastAward]
    ) -> Expected:
        roles = self.requested(lot)
        supposed = self.supposed_site(need, lot, ground) if lot.site is msgspec.UNSET else None
        place = lot.site or (Place(commune=self.territories.communes[supposed].code) if supposed is not None else None)
        site = self.france.disc(place, 0) if place else None
        judged, offerless, yearly = [], [], yearly_value(need, lot)
        bought = {each: self._part(each, need, lot) if role == "object" else each for each, role in roles.items()}
        offering = self._offering_kinds(pool, [segment for segment, role in roles.items() if role == "object"])
        for supplier in pool:
            if not supplier.offers:
                verdicts = self._eligibility(supplier, on) | self._barred(supplier, roles, on, awards)
                why = why_asked(supplier, offering)
                offerless.append(self._offerless(supplier, lot, ground, site, verdicts, why))
                continue
            offered = {segment: self._fits(part, supplier) for segment, part in bought.items()}
            if any(offered.values()):
                verdicts = self._eligibility(supplier, on) | self._barred(supplier, roles, on, awards)
                reach = reach_of(supplier, [each for each, role in roles.items() if role == "object"], yearly)
                judged.append(self._judge(supplier, lot, roles, offered, ground, site, verdicts, reach))
        measured_to = "site" if lot.site else "supposed_site" if site else "territory"
        return Expected(lot, tuple(lot.reserved or ()), roles, measured_to, tuple(judged), tuple(offerless), yearly)

    def supposed_site(self, need: Need, lot: Lot, ground: Ground) -> int | None:
        """The commune of the territory that the words of a lot say they end at (“… à Redon”), else the buyer's."""
        inside = [ordinal for ordinal in ground.communes if self.outlines[ordinal] is not None]
        names = Counter(self._names[ordinal] for ordinal in inside)
        for texts in ((lot.title,), lot.keywords, (need.title,)):
            folded = [fold(text) for text in texts if text]
            said = {
                ordinal
                for ordinal in inside
                if names[name := self._names[ordinal]] == 1 and any(text.endswith(f" a {name}") for text in folded)
            }
            if said:
                return said.pop() if len(said) == 1 else None
        siren = ((need.buyer and need.buyer.siret) or "")[:9]
        of_buyer = [
            o for o in inside if siren[:2] == "21" and siren[2:8] == siren_part(self.territories.communes[o].code)
        ]
        return of_buyer[0] if of_buyer else None

    def requested(self, lot: Lot) -> dict[str, Role]:
        """The segments a lot asks for; what is asked as object stays so when it is asked as support too.

        Of words, what is read surely is asked for; where nothing is asked for so, the best reading alone.
        """
        objects = set(lot.segments)
        for code in lot.cpv:
            tied = set(self.taxonomy.of_cpv(code[:8]))
            objects |= tied & set(lot.segments) or tied
        read = [reading for keyword in lot.keywords for reading in self.interpreter.read(keyword)]
        sure = {reading.segment for reading in read if reading.confidence >= SURE}
        if read and not (objects or sure):
            sure = {max(read, key=lambda reading: reading.confidence).segment}
        objects |= sure
        support = set(lot.support_segments) - objects
        return {**dict.fromkeys(sorted(objects), "object"), **dict.fromkeys(sorted(support), "support")}

    def offered(self, offer: Offer) -> set[str]:
        """The segments and families of an offer: those it names, else those of its CPV codes."""
        return set(offer.segments) or {segment for code in offer.cpv for segment in self.taxonomy.of_cpv(code[:8])}

    def fit(self, requested: str, offered: str) -> Fit | None:
        """How one offered segment or family stands to a requested one.

        The neighbours of a requested family are those of its segments; a whole family offered is nobody's neighbour.
        """
        if requested == offered:
            return "exact"
        wanted, given = self._segments_of(requested), self._segments_of(offered)
        if given < wanted:
            return "narrower"
        if wanted < given:
            return "broader"
        neighbours = {other for segment in wanted for other in self.taxonomy.segments[segment].related}
        return "related" if offered in neighbours else None

    def _segments_of(self, code: str) -> set[str]:
        family = self.taxonomy.family(code)
        return {segment.id for segment in family.segments} if family else {code}

    def _part(self, segment: str, need: Need, lot: Lot) -> str:
        """The part of a segment that a lot buys; by its own words alone where the buyer named the segment."""
        words, codes = (" ".join(lot.keywords), lot.title or ""), [code[:8] for code in lot.cpv]
        if segment in lot.segments:
            return self.taxonomy.part_bought(segment, words, (), "")
        return self.taxonomy.part_bought(segment, words, codes, need.title or "")

    def _is_of_other_part(self, part: str, offer: Offer) -> bool:
        """Whether all that shows an offer stands for other parts of a segment than this one."""
        segment = part.partition("/")[0]
        parts = [each for each in self.taxonomy.parts.values() if each.id.startswith(f"{segment}/")]
        shown = [{each.id for each in parts if one.reference in each.known_by} for one in offer.evidence]
        return part != segment and offer.basis == "inferred" and bool(shown) and all(s and part not in s for s in shown)

    def _fits(self, part: str, supplier: Supplier) -> dict[int, Fit]:
        requested, fits = part.partition("/")[0], dict[int, Fit]()
        for place, offer in enumerate(supplier.offers):
            fits_of = {fit for one in self.offered(offer) if (fit := self.fit(requested, one))}
            found = {"related" if fit == "exact" and self._is_of_other_part(part, offer) else fit for fit in fits_of}
            if found:
                fits[place] = min(found, key=FITS.index)
        return fits

    def _judge(
        self,
        supplier: Supplier,
        lot: Lot,
        roles: Mapping[str, Role],
        offered: Mapping[str, Mapping[int, Fit]],
        ground: Ground,
        site: Ground | None,
        verdicts: Mapping[Reserved, Verdict],
        reach: ReachLevel,
    ) -> Judged:
        spot = self._spot(supplier)
        to_ground = self._distance(ground, spot)
        distance = self._distance(site, spot) if site else to_ground
        places = sorted({place for fits in offered.values() for place in fits})
        calls: dict[object, Answer] = {
            ("area", place): self._meets(supplier, supplier.offers[place].service_area, spot, to_ground, ground)
            for place in places
        }
        calls["local"] = ground.holds(spot) if spot else False
        capped = distance if lot.site else to_ground
        calls["cap"] = at_most(capped, lot.max_distance_km) if lot.max_distance_km else True
        calls |= {("within", radius): at_most(distance, radius) for radius in RADII_KM}
        judgments = tuple(_judgment(supplier, roles, offered, made, verdicts, reach) for made in _every_way(calls))
        return Judged(supplier, distance, verdicts, judgments)

    def _offering_kinds(self, pool: Iterable[Supplier], objects: Sequence[str]) -> set[str | None] | None:
        """The kinds, else legal forms, of which some supplier offers an object; None where there is no object."""
        if not objects:
            return None
        return {
            kind
            for supplier in pool
            if always_late(supplier) is None
            for kind in supplier.kinds or (supplier.legal_form,)
            if any(set(self._fits(each, supplier).values()) & set(ANSWERING) for each in objects)
        }

    def _offerless(
        self,
        supplier: Supplier,
        lot: Lot,
        ground: Ground,
        site: Ground | None,
        verdicts: Mapping[Reserved, Verdict],
        why: str | None,
    ) -> Offerless:
        spot = self._spot(supplier)
        to_ground = self._distance(ground, spot)
        distance = self._distance(site, spot) if site else to_ground
        near = [at_most(to_ground, NEARBY_KM)]
        near += [at_most(distance if lot.site else to_ground, lot.max_distance_km)] if lot.max_distance_km else []
        return Offerless(supplier, distance, verdicts, False if False in near else None if None in near else True, why)

    def _spot(self, supplier: Supplier) -> Spot | None:
        if supplier.location is None:
            return None
        key = supplier.location.lat, supplier.location.lon
        if key not in self._spots:
            self._spots[key] = self.france.spot(supplier.location)
        return self._spots[key]

    def _distance(self, ground: Ground, spot: Spot | None) -> float | None:
        if spot is None:
            return None
        if (ground, spot) not in self._distances:
            self._distances[ground, spot] = ground.distance_km(spot)
        return self._distances[ground, spot]

    def _meets(
        self, supplier: Supplier, area: ServiceArea | None, spot: Spot | None, distance: float | None, ground: Ground
    ) -> Answer:
        """Does the service area meet the territory? `distance` is from the supplier to the territory."""
        if area is None:
            return at_most(distance, NEIGHBOUR_KM if works_near_home(supplier) else NEARBY_KM)
        if area.national:
            return True
        if area.radius_km is not None:
            return at_most(distance, area.radius_km)
        if area not in self._areas:
            self._areas[area] = self._ground(TerritoryRequest(codes=area.codes, geometry=area.geometry))
        known = self._areas[area]
        if isinstance(known, Drawn):  # what is drawn is compared as drawn, at sea too
            return ground.meets(known.shape)
        return any_of(ground.communes[ordinal] for ordinal in known.communes.keys() & ground.communes.keys())

    def _ground(self, request: TerritoryRequest) -> Ground:
        if request not in self._grounds:
            self._grounds[request] = self.france.territory(request)
        return self._grounds[request]

    def _eligibility(self, supplier: Supplier, on: date) -> dict[Reserved, Verdict]:
        facts = LegalFacts(
            approvals=supplier.approvals,
            shares=supplier.shares,
            in_prison=supplier.in_prison,
            legal_form=supplier.legal_form,
            ess=supplier.ess,
        )
        for reserved in RESERVED_TYPES:
            if (facts, reserved, on) not in self._verdicts:
                self._verdicts[facts, reserved, on] = eligibility(facts, reserved, on, self.rules)
        return {reserved: self._verdicts[facts, reserved, on] for reserved in RESERVED_TYPES}

    def _barred(
        self, supplier: Supplier, roles: Mapping[str, Role], on: date, awards: Sequence[PastAward]
    ) -> dict[Reserved, Verdict]:
        """The ESS verdict once the buyer's past awards are known."""
        objects = {segment for segment, role in roles.items() if role == "object"}
        past = [
            EssAward(award.awarded_on, bool(objects & set(award.segments)))
            for award in awards
            if award.supplier_id == supplier.id and "ess" in award.reserved
        ]
        return {"ess": with_award_bar(self._eligibility(supplier, on)["ess"], past, on, self.rules)}


def yearly_value(need: Need, lot: Lot) -> Fraction | None:
    """The euros a year of a lot, renewals included; None where its value is not known."""
    first, renewals = lot.duration_months, lot.renewal_months or 0
    lasts = max((first or 0) + renewals, 12)
    if need.estimated_total_eur is not None and len(need.lots) == 1:
        return Fraction(need.estimated_total_eur) * 12 / lasts
    if lot.value_eur is None or (renewals and first is None):
        return None
    whole = Fraction(lot.value_eur)
    return (whole * (first + renewals) / first if first and renewals else whole) * 12 / lasts


def reach_of(supplier: Supplier, objects: Sequence[str], yearly: Fraction | None) -> ReachLevel:
    """Whether a lot worth so much a year is too large for a supplier: a contract won shows what it can do at least."""
    most, won = _most_within_reach(supplier, objects), supplier.size.largest_award_eur
    shown = Fraction(won.value) * 12 / max(won.duration_months or 12, 12) if won else None
    known = [each for each in (most, shown) if each is not None]
    if yearly is None or not known:
        return "unknown"
    if yearly <= max(known):
        return "within"
    return "stretch" if yearly <= (5 if most is None else 2) * max(known) else "beyond"


def _most_within_reach(supplier: Supplier, objects: Sequence[str]) -> Fraction | None:
    size = supplier.size
    if size.turnover_eur:
        return Fraction(size.turnover_eur.value) / 2
    each = max((TURNOVER_OF_A_PERSON.get(one[:2], OF_OTHER_SECTORS) for one in objects), default=OF_OTHER_SECTORS)
    if size.places:
        return Fraction(size.places.count * min(each, TURNOVER_OF_A_PLACE), 2)
    if size.staff is None or set(supplier.kinds) == {"ESAT"}:
        return None
    known = [TURNOVER_BY_KIND.get(kind) for kind in supplier.kinds if kind != "ESAT"]
    if known and None not in known:
        each = min(each, max(filter(None, known)))
    return Fraction(max(size.staff.min, size.staff.max or 0, 1) * each, 2)


def works_near_home(supplier: Supplier) -> bool:
    """Is it an association intermédiaire and nothing else, a régie de quartier, a commune or its social centre?"""
    words = fold(supplier.name).split()
    return (
        set(supplier.kinds) - {"ESUS"} == {"AI"}
        or (supplier.siret or "").startswith("21")
        or words[:2] in (["commune", "de"], ["ville", "de"], ["mairie", "de"])
        or "ccas" in words
        or not ({"regie", "regies"}.isdisjoint(words) or {"quartier", "quartiers", "territoire"}.isdisjoint(words))
    )


def _every_way(calls: Mapping[object, Answer]) -> Iterable[dict[object, bool]]:
    ways = product(*([False, True] if answer is None else [answer] for answer in calls.values()))
    return [dict(zip(calls, way, strict=True)) for way in ways]


def _is_older(offer: Offer, supplier: Supplier) -> bool:
    """Whether an offer rests on undated contracts, or ones won six years before its supplier was written, alone."""
    since = supplier.updated_at.date().replace(year=supplier.updated_at.year - 6)
    days = [each.on or date.min for each in offer.evidence if each.kind == "award"]
    return offer.basis == "awarded" and len(days) == len(offer.evidence) > 0 and max(days) < since


def _judgment(
    supplier: Supplier,
    roles: Mapping[str, Role],
    offered: Mapping[str, Mapping[int, Fit]],
    made: Mapping[object, bool],
    verdicts: Mapping[Reserved, Verdict],
    reach: ReachLevel,
) -> Judgment:
    used = {}
    for segment, fits in offered.items():
        choices = [
            Used(
                fit,
                offer.basis,
                _presence(offer.service_area, made["local"]),
                _is_older(offer, supplier),
                DECLARERS.index(offer.declared_by or "network"),
            )
            for offer, fit, place in ((supplier.offers[place], fit, place) for place, fit in fits.items())
            if fit in ANSWERING and made["area", place]
        ]
        if choices:
            used[segment] = min(choices, key=lambda one: one.preference)
    answers = {segment for segment, fits in offered.items() if set(fits.values()) & set(ANSWERING)}
    return Judgment(
        used=used,
        answers=frozenset(segment for segment in answers if roles[segment] == "object"),
        within_cap=made["cap"],
        local=made["local"],
        outcomes={reserved: verdict.outcome for reserved, verdict in verdicts.items()},
        within={radius: made["within", radius] for radius in RADII_KM},
        reach=reach,
    )


def _presence(area: ServiceArea | None, local: bool) -> Presence:
    if local:
        return "local"
    if area is None:
        return "nearby"
    return "national" if area.national else "declared"
