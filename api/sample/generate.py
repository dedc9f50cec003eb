"""Generated suppliers, plainly made up, with the frequencies of real ones; the same seed gives the same suppliers.

They fill the sample pool of a first run and the pools that speed is measured on. Nothing in them is anyone's: names end
in "(fictif)", addresses of mail and web are under example.org, telephone numbers are those kept for fiction, and the
SIREN begin with 0, which INSEE never gives.
"""

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from importlib.resources import files
from io import BytesIO
from itertools import accumulate
from random import Random
from typing import Literal, NamedTuple, TypeVar

import msgspec
from stdnum import luhn

from api.sync.pipeline import SourceFile, import_file
from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.imports.run import Order
from db.suppliers.sources import put_source
from domain.journal import Actor
from domain.reference.territory import Commune
from domain.suppliers.source import Import, Source
from domain.suppliers.supplier import (
    Address,
    Approval,
    Contact,
    Kind,
    LegalForm,
    Offer,
    Point,
    PrestaType,
    ServiceArea,
    Shares,
    SupplierRecord,
)
from domain.text.bilingual import place_after_de
from domain.text.normalise import fold
from matching.geo.territory import outlines, random_point_inside
from matching.reference import Reference
from sources.file_reader import NDJSON

T = TypeVar("T")

SAMPLE_DEPARTEMENTS = ("22", "29", "35", "56", "44", "49", "50", "53")
SAMPLE_SIZE = 1_000
SAMPLE_SEED = 20_240_624
SAMPLE_SOURCE = Source("exemple", label="Fournisseurs générés pour la démonstration")

MARK = "(fictif)"
_NOTICE = "Fournisseur généré pour la démonstration et les mesures : il n'existe pas."
_STREETS = (
    "rue de l'Atelier", "rue des Artisans", "avenue de la Gare", "place du Marché", "chemin des Prés", "quai Neuf",
)  # fmt: skip
_RADII_KM = (10, 15, 20, 25, 30, 35, 40, 50, 60, 80)
_SIREN_BODIES = 10_000_000
# Prefixes that the regulator keeps for fiction, by region; mobile numbers elsewhere.
_FICTION = {"11": "01 99 00"}
_FICTION |= dict.fromkeys(("24", "28", "52", "53"), "02 61 91")
_FICTION |= dict.fromkeys(("27", "32", "44"), "03 53 01")
_FICTION |= dict.fromkeys(("84", "93", "94"), "04 65 71")
_FICTION |= dict.fromkeys(("75", "76"), "05 36 49")


async def load_sample(
    engine: Engine, reference: Reference, on: date, clock: Callable[[], datetime], actor: Actor
) -> Import:
    """Import the sample pool; repeated in the same month, the import changes nothing.

    Approvals are dated around the first of the month of `on`, so that most of them are in force.
    """
    generated = generate_records(SAMPLE_SIZE, SAMPLE_SEED, reference, on.replace(day=1), SAMPLE_DEPARTEMENTS)
    async with transaction(engine) as connection:
        await put_source(connection, SAMPLE_SOURCE, clock())
    order = Order(id=new_id(clock()), source=SAMPLE_SOURCE.name, actor=actor)
    rows = ({"external_id": each.external_id, **msgspec.structs.asdict(each.record)} for each in generated)
    file = SourceFile(BytesIO(msgspec.json.Encoder().encode_lines(rows)), NDJSON)
    return await import_file(engine, reference, order, file, clock)


class GeneratedRecord(NamedTuple):
    """A generated record, and the identifier under which a source would send it."""

    external_id: str
    record: SupplierRecord


def generate_records(
    count: int, seed: int, reference: Reference, on: date, departements: Collection[str] | None = None
) -> Iterator[GeneratedRecord]:
    """Generate `count` records of suppliers, in communes drawn by population, of all France or of `departements`.

    Approvals are dated around `on`. Number n depends on the seed and the reference data alone, so that a larger pool
    begins with the smaller one. Raises ValueError if no inhabited commune with an outline is left to draw from.
    """
    places = [
        (ordinal, commune)
        for ordinal, commune in enumerate(reference.territories.communes)
        if commune.lat is not None and commune.population > 0
        if departements is None or commune.departement in departements
    ]
    if not places:
        raise ValueError(f"no inhabited commune in {departements}")
    return map(_RecordGenerator(seed, reference, on, places).generate_record, range(1, count + 1))


class SupplierProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sort of supplier: what it is and offers, how often, and how it is named."""

    kinds: tuple[Kind, ...]
    weight: int
    legal_forms: dict[LegalForm, int]
    families: dict[str, int]
    presta_types: tuple[PrestaType, ...]
    names: tuple[str, ...]
    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    sign: str = ""
    by_trade: bool = True
    share: Literal["disabled", "disadvantaged", "detained"] | None = None
    in_prison: bool = False
    ess: bool | None = None


class SampleProfiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of profiles.toml: words and names, how often segments are offered, and the sorts of suppliers."""

    words: tuple[str, ...]
    popularity: dict[str, int]
    names: dict[str, tuple[str, ...]]
    profiles: tuple[SupplierProfile, ...]


class _RecordGenerator:
    """Generates the suppliers of one pool, by their numbers."""

    def __init__(self, seed: int, reference: Reference, on: date, places: Sequence[tuple[int, Commune]]) -> None:
        self._seed, self._taxonomy, self._on, self._places = seed, reference.taxonomy, on, places
        self._up_to_place = list(accumulate(commune.population for _, commune in places))
        self._cpv = {
            one.id: tuple(code for prefix in one.cpv if reference.cpv.known(code := prefix.ljust(8, "0")))
            for one in reference.taxonomy.segments.values()
        }
        self._outlines = outlines("commune")
        self._file = msgspec.convert(
            tomllib.loads(files("api.sample").joinpath("profiles.toml").read_text("utf-8")), SampleProfiles
        )
        self._weights = [profile.weight for profile in self._file.profiles]
        popularity = self._file.popularity
        self._segments = {
            family.id: {one.id: popularity.get(one.id, 1) for one in family.segments}
            for family in self._taxonomy.families
        }

    def generate_record(self, number: int) -> GeneratedRecord:
        """Supplier number `number` of the pool."""
        draw = Random(f"{self._seed}-{number}")  # noqa: S311 - repeatable, not secret
        siren = f"0{(number * 7_654_321) % _SIREN_BODIES:07d}"
        site = siren + luhn.calc_check_digit(siren) + "0001"
        (profile,) = draw.choices(self._file.profiles, self._weights)
        ((ordinal, commune),) = draw.choices(self._places, cum_weights=self._up_to_place)
        offered = self._draw_segments(profile, draw)
        name = self._draw_name(profile, offered, commune, draw)
        slug = "-".join(fold(name).split())[:48]
        form = _draw_weighted(profile.legal_forms, draw)
        lat, lon = random_point_inside(self._outlines[ordinal], draw)
        record = SupplierRecord(
            name=f"{name} {MARK}",
            siret=None if draw.random() < 0.04 else site + luhn.calc_check_digit(site),
            legal_form=None if draw.random() < 0.02 else form,
            ess=_draw_ess(profile, form, draw),
            approvals=self._draw_approvals(profile, draw),
            shares=_draw_shares(profile, draw),
            in_prison=True if profile.in_prison else draw.choice((False, False, None)),
            address=Address(
                street=f"{draw.randrange(1, 90)} {draw.choice(_STREETS)}",
                postal_code=draw.choice(commune.postal_codes) if commune.postal_codes else None,
                city=commune.name,
                commune=commune.code,
            ),
            location=None if draw.random() < 0.03 else Point(lat, lon),
            offers=self._draw_offers(profile, offered, commune, draw),
            description=f"{_NOTICE} Activités : {', '.join(self._taxonomy.label(one).lower() for one in offered)}.",
            contact=_make_contact(slug, commune, draw),
            employees=None if draw.random() < 0.3 else 1 + int(draw.lognormvariate(3, 0.9)),
            turnover_eur=None if draw.random() < 0.5 else float(round(draw.lognormvariate(13, 1), -3)),
            labels=("généré", "RSEi") if draw.random() < 0.05 else ("généré",),
        )
        return GeneratedRecord(f"genere-{number:07d}", record)

    def _draw_segments(self, profile: SupplierProfile, draw: Random) -> list[str]:
        """One to five segments; one supplier in sixteen offers a whole family among them."""
        wanted = draw.choices((1, 2, 3, 4, 5), (28, 30, 22, 12, 8))[0]
        main = _draw_weighted(profile.families, draw)
        offered = list(profile.always)
        if draw.random() < 0.06:
            offered.append(main)
        for _ in range(4 * wanted):
            if len(offered) >= wanted:
                break
            family = main if draw.random() < 0.6 else _draw_weighted(profile.families, draw)
            weights = {code: weight for code, weight in self._segments[family].items() if code not in profile.never}
            code = _draw_weighted(weights, draw)
            if code not in offered and family not in offered:
                offered.append(code)
        return offered

    def _draw_name(self, profile: SupplierProfile, offered: Sequence[str], commune: Commune, draw: Random) -> str:
        """A name of the profile or, where all that is offered is of one trade, as often of that trade."""
        families = [one.family if (one := self._taxonomy.segments.get(code)) else code for code in offered]
        names = self._file.names
        drawn = draw.choice((profile.names, names[families[0]]))
        position = draw.choice(range(len(drawn)))
        sign = ""
        if drawn is not profile.names:
            if profile.always or not profile.by_trade or len(set(families)) > 1:
                drawn = profile.names
            else:
                drawn, sign = names.get(offered[0], drawn) if len(offered) == 1 else drawn, profile.sign
        name = drawn[position % len(drawn)].format(de=place_after_de(commune.name), mot=draw.choice(self._file.words))
        return f"{sign} {name}".strip()

    def _draw_approvals(self, profile: SupplierProfile, draw: Random) -> tuple[Approval, ...] | None:
        if draw.random() < (0.04 if profile.kinds else 0.2):
            return None
        approvals = [self._draw_approval(kind, draw) for kind in profile.kinds]
        if profile.kinds == ("EI",) and draw.random() < 0.02:
            approvals.append(self._draw_approval("ETTI", draw))
        if profile.ess and draw.random() < 0.25:
            approvals.append(self._draw_approval("ESUS", draw))
        return tuple(approvals)

    def _draw_approval(self, kind: Kind, draw: Random) -> Approval:
        """An approval in force for eight in ten; else lapsed, expiring within ninety days, or with open bounds."""
        start = self._on - timedelta(days=draw.randrange(120, 1_000))
        chance = draw.random()
        if chance < 0.07:
            end: date | None = self._on - timedelta(days=draw.randrange(1, 120))
        elif chance < 0.16:
            end = self._on + timedelta(days=draw.randrange(0, 90))
        else:
            end = None if chance < 0.24 else self._on + timedelta(days=draw.randrange(90, 1_200))
        return Approval(kind=kind, valid_from=None if 0.16 <= chance < 0.2 else start, valid_until=end)

    def _draw_offers(
        self, profile: SupplierProfile, offered: Sequence[str], commune: Commune, draw: Random
    ) -> tuple[Offer, ...]:
        usual, presta_types = _draw_service_area(commune, draw), profile.presta_types
        if len(offered) > 1 and draw.random() < 0.15:
            return (Offer(segments=tuple(offered), presta_types=presta_types, service_area=usual),)
        offers = []
        for code in offered:
            codes = self._cpv.get(code, ())
            by_cpv = bool(codes) and draw.random() < 0.05
            offer = Offer(
                segments=() if by_cpv else (code,),
                cpv=(draw.choice(codes),) if by_cpv or (codes and draw.random() < 0.4) else (),
                label=self._taxonomy.label(code),
                presta_types=presta_types,
                service_area=_draw_service_area(commune, draw) if draw.random() < 0.12 else usual,
                basis="inferred" if draw.random() < 0.06 else "declared",
            )
            offers.append(offer)
        return tuple(offers)


def _draw_weighted(weights: Mapping[T, int], draw: Random) -> T:
    """One of the keys, in proportion to its weight."""
    return draw.choices(list(weights), list(weights.values()))[0]


def _draw_ess(profile: SupplierProfile, form: LegalForm, draw: Random) -> bool | None:
    """Whether a supplier is of the social economy (ESS), by its profile or legal form and by chance; None: unknown."""
    if profile.ess is not None:
        return None if draw.random() < 0.1 else profile.ess
    if form in {"public_body", "other"}:
        return False
    known: tuple[bool | None, ...] = (False, None, None) if form == "commercial_company" else (True, True, True, None)
    return draw.choice(known)


def _draw_shares(profile: SupplierProfile, draw: Random) -> Shares | None:
    """The share of workers that counts for a reservation: seldom known, for one in twenty below the legal half."""
    if profile.share is None or draw.random() < 0.75:
        return None
    share = draw.uniform(0.3, 0.49) if draw.random() < 0.05 else draw.uniform(0.5, 1)
    return Shares(**{profile.share: round(share, 2)})


def _make_contact(slug: str, commune: Commune, draw: Random) -> Contact:
    phone = f"{_FICTION.get(commune.region or '', '06 39 98')} {draw.randrange(100):02d} {draw.randrange(100):02d}"
    return Contact(
        email=f"contact@{slug}.example.org",
        phone=None if draw.random() < 0.2 else phone,
        website=None if draw.random() < 0.4 else f"https://{slug}.example.org",
    )


def _draw_service_area(commune: Commune, draw: Random) -> ServiceArea | None:
    """A radius for six in ten; else a territory around the commune, all France, or None (not known)."""
    chance = draw.random()
    if chance < 0.6:
        return ServiceArea(radius_km=float(draw.choice(_RADII_KM)))
    if chance < 0.85:
        around, code = draw.random(), f"region:{commune.region}"
        if around < 0.45 and commune.epci:
            code = f"epci:{commune.epci}"
        elif around < 0.8 or not commune.region:
            code = f"departement:{commune.departement}"
        return ServiceArea(codes=(code,))
    return ServiceArea(national=True) if chance < 0.9 else None
