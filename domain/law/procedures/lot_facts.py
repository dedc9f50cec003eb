"""The facts about a lot that rules read: its object, its nature, its estimated value, as a sum in words too."""

from typing import NamedTuple

import msgspec

from domain.computations import short_cache
from domain.law.findings import sentences_of
from domain.law.rules import InForce, Rules
from domain.needs.estimate import Estimate, estimate_of
from domain.needs.need import Codes, Lot, Nature
from domain.reference import taxonomy
from domain.reference.cpv import Listing, listing
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import Text, euros, join_texts

PLUS = Text(" + ", " + ")


def lot_value_as_sum(lot: Lot, law: Rules) -> Text | None:
    """A lot's estimated value as “50 000 € + 3 reconductions de 50 000 € = 200 000 €”; None for a single amount."""
    return estimate_as_sum(lot, estimate_of(lot), law)


def estimate_as_sum(lot: Lot, estimate: Estimate | None, law: Rules) -> Text | None:
    """A lot's estimated value as a sum in the words of this law; None where renewals and options add nothing."""
    if estimate is None or estimate.total is None or estimate.total == estimate.stated:
        return None
    stated, first, months = euros(estimate.stated), lot.duration_months or 1, lot.renewal_months or 0
    parts, said = [stated], sentences_of(law)
    if estimate.renewals and months % first == 0 and estimate.renewals == estimate.stated * (months // first):
        parts.append(_term(said["sum_renewals"], stated, months // first))
    elif estimate.renewals:
        renewals = _term(said["sum_renewal"], euros(estimate.renewals), months)
        parts = [_term(said["sum_duration"], stated, first), renewals]
    if estimate.options:
        parts.append(_term(said["sum_options"], euros(estimate.options), 1))
    return join_texts((join_texts(parts, PLUS), euros(estimate.total)), Text(" = ", " = "))


def _term(sentence: Text, amount: Text, count: int) -> Text:
    """The sentence on a term of a sum: an amount, with the months that it is of, or how often it is added."""
    many = "s" if count > 1 else ""
    return sentence.filled(amount=amount, count=count, many=many, months=Text("mois", f"month{many}"))


CARRIED = ("concession_transport", "drinking_water_cpv", "water_cpv")
"""The rules that name, by CPV, objects of concessions which have the simplified procedure whatever their value."""
KEPT, LONGEST_KEPT = 4_096, 32
"""The number of objects of lots whose reading is kept, and of the codes that the longest of them has."""


class Understood(NamedTuple):
    """The segments or families understood as the object of a lot.

    `sure`: high where codes name all of them, medium where words surely say some, low where words may mean some.
    """

    segments: Codes
    sure: Confidence = "high"


class LotObject(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """The object of a lot, by codes and segments, as legal rules read it. `cpv`: 8 digits, the main code first.

    `asked`, `support`: the segments that the lot names as its object and beside it; `segments`: those understood as its
    object, `sure` as in `Understood`. `works` null: not known; `nature_sure`: how sure it is to be the works, or the
    social service, that it is taken for. Null without CPV: `ess_listing`, the main CPV against the list of services
    that may be reserved to ESS; `light_listing`, against the wider one of the light regime. By the main CPV: `carried`,
    the rule that names it as an object that concessions buy by the simplified procedure (passenger transport, drinking
    water), null where none does; `public_transport`: surely a public transport of passengers. `supplies`: goods, as
    said or by the main CPV.
    """

    cpv: tuple[str, ...]
    asked: tuple[str, ...]
    support: tuple[str, ...]
    segments: tuple[str, ...]
    sure: Confidence
    works: bool | None
    nature_sure: Confidence
    ess_listing: Listing | None
    light_listing: Listing | None
    insertion: bool
    carried: str | None
    public_transport: bool
    supplies: bool

    @property
    def is_light(self) -> bool:
        """Whether the object is a social or other specific service."""
        return self.insertion or self.light_listing == "listed"

    @property
    def transport(self) -> str | None:
        """The rule that names the main CPV as passenger transport, the surest that does; None for other objects."""
        surest = "concession_public_transport" if self.public_transport else self.carried
        return surest if self.carried == "concession_transport" else None

    @property
    def length(self) -> int:
        """The number of codes and segments of the object."""
        return len(self.cpv) + len(self.asked) + len(self.support) + len(self.segments)


class LotFacts(msgspec.Struct, frozen=True, gc=False):
    """A lot with the facts that legal rules read. `estimate`: its estimated value, null where it states no amount."""

    lot: Lot
    object: LotObject
    estimate: Estimate | None

    @property
    def cents(self) -> int | None:
        """The estimated value in cents, which every rule compares; None where it is not known."""
        return self.estimate.total if self.estimate else None


def read_lot(lot: Lot, understood: Understood, view: InForce) -> LotFacts:
    """The legal facts of one lot; `understood`: what the lot buys, from its codes or words."""
    in_words = bool(lot.title or lot.keywords)
    bought = _lot_object(lot.cpv, lot.segments, lot.support_segments, lot.nature, understood, in_words, view)
    return LotFacts(lot, bought, estimate_of(lot))


@short_cache(KEPT, LONGEST_KEPT, lambda *named: sum(map(len, named[:3])) + len(named[4].segments))
def _lot_object(
    cpv_codes: Codes,
    asked: Codes,
    support: Codes,
    nature: Nature | None,
    understood: Understood,
    in_words: bool,
    view: InForce,
) -> LotObject:
    """The object of a lot. `in_words`: it has words too, by which the trades may be chosen that it names."""
    (segments, sure), cpv = understood, tuple(code[:8] for code in cpv_codes)
    ess_listing = listing(cpv[0], view.codes("ess_listed_cpv")) if cpv else None
    # as said, else by the main CPV (division 45), else by segments that agree; by words, paint is bought too
    natures, stated = {taxonomy.load().is_works(segment) for segment in segments}, nature is not None or cpv != ()
    works = natures.pop() if len(natures) == 1 and sure != "low" else None
    if stated:
        works = nature == "works" if nature is not None else cpv[0].startswith(taxonomy.WORKS_DIVISION)
    elif in_words or sure != "high":
        works = works and None
    light = listing(cpv[0], view.codes("light_regime_cpv")) if cpv else None
    insertion = _is_insertion("so-insertion" in (asked or segments), cpv[:1], ess_listing, view)
    by_trade = works and not stated
    nature_sure: Confidence = sure if insertion and not (asked or cpv) else "medium" if by_trade else "high"
    carried = next((rule for rule in CARRIED if _is_named(cpv, rule, view)), None)
    public, goods = _is_named(cpv, "concession_public_transport", view), cpv != () and cpv[0][:2] in taxonomy.GOODS
    supplies = goods if nature is None else nature == "supplies"
    read = cpv, asked, support, segments, sure, works, nature_sure, ess_listing, light, insertion
    return LotObject(*read, carried, public, supplies)


def _is_named(cpv: tuple[str, ...], rule: str, view: InForce) -> bool:
    """Whether the main CPV begins as one of the rule's codes does."""
    return cpv != () and cpv[0].startswith(tuple(view.codes(rule)))


@short_cache(KEPT, LONGEST_KEPT, lambda segments, cpv: len(segments) + len(cpv))
def families(segments: tuple[str, ...], cpv: tuple[str, ...]) -> frozenset[str]:
    """The families by which a lot's value is added to that of other needs: those of its segments ("pr" of "pr-locaux").

    Without segment, the CPV group of the main code.
    """
    return frozenset([each.partition("-")[0] for each in segments] if segments else [code[:3] for code in cpv[:1]])


def _is_insertion(names_insertion: bool, main_cpv: tuple[str, ...], ess_listing: Listing | None, view: InForce) -> bool:
    """The object is work integration itself where the main CPV says so (OBJECT_IS_INSERTION)."""
    is_main = any(code.startswith(tuple(view.codes("insertion_object"))) for code in main_cpv)
    return is_main or (names_insertion and ess_listing in {None, "listed"})
