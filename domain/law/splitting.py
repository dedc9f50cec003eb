"""Needs of one family and year that stay below a threshold one by one, and pass it together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.law.citation import listed_briefly
from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.lot_facts import families, read_lot
from domain.law.need_value import Group, groups
from domain.law.procedure import direct_threshold, formal_thresholds
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import Need, buyer_siret, may_be_same_buyer
from domain.needs.same_year import OtherNeed, SameYear
from domain.reference import taxonomy
from domain.text.bilingual import Text, euros

MOST_ADDENDS = 12
"""The most other needs whose values a sentence adds one by one; the smaller ones beyond them come as one sum."""
THIS_NEED = Text("ce besoin", "this need")
DIRECT = Text("seuil des achats sans publicité ni mise en concurrence", "the threshold of awards without competition")
EUROPEAN = Text("seuil européen de cet acheteur", "the EU threshold of this buyer")


class _Share(NamedTuple):
    """The lots of one family in a need, and their value in cents as far as it is known (`complete`: all of it)."""

    lots: tuple[str, ...]
    cents: int
    complete: bool


class _Sum(NamedTuple):
    """A need's share of a family, below the threshold `rule_id`, and those of other needs, the largest first."""

    family: str
    rule_id: str
    own: _Share
    others: tuple[tuple[OtherNeed, _Share], ...]

    @property
    def cents(self) -> int:
        return self.own.cents + sum(share.cents for _, share in self.others)


@applies("no_split", "homogeneous_needs", "regular_needs", "works_operation")
def no_split(
    need: Need, same_year: SameYear, view: InForce, segments_of_lot: Mapping[str, tuple[str, ...]] | None = None
) -> list[LegalAdvice]:
    """A need below a threshold that it passes with the organisation's other needs of one family (NO_SPLIT_TO_EVADE).

    Said in frozen shortlists, of needs planned for the same calendar year, or created in it where no publication is
    planned. The year is that of regular needs; the family of a lot stands for what is homogeneous, which the buyer has
    to judge. Abandoned needs, concessions and needs of another buyer (another SIRET; where one is not given, the buyer
    is taken for the same) do not count. The threshold is that of direct award or the buyer's EU threshold, the highest
    that is passed; services under the light regime count for the first alone. Unknown values are named, and count for
    nothing. Works are added up by operation, and whether two needs belong to one is not known: of them nothing is said.
    """
    group = _supplies_and_services(need, segments_of_lot or {}, view)
    if group is None or not (view.holds("no_split") and view.holds("homogeneous_needs")):
        return []
    others = [
        (other, of_other)
        for other in same_year.others
        if may_be_same_buyer(buyer_siret(need), buyer_siret(other.need))
        and (of_other := _supplies_and_services(other.need, {}, view))
    ]
    of_group = sorted({family for lot in group.lots for family in families(lot.segments, lot.cpv)})
    sums = [found for family in of_group if (found := _highest(need, group, family, others, view))]
    distinct = {(found.own.lots, tuple(other.id for other, _ in found.others)): found for found in sums}
    return [_advice(need, group, found, same_year.year, view) for found in distinct.values()]


def _supplies_and_services(need: Need, read: Mapping[str, tuple[str, ...]], view: InForce) -> Group | None:
    """The lots of a market that are not works; None where there are none, and for a concession."""
    if need.contract == "concession":
        return None
    lots = tuple(read_lot(lot, read.get(lot.id, lot.segments), view) for lot in need.lots)
    return next((group for group in groups(need, lots) if not group.works), None)


def _highest(
    need: Need, group: Group, family: str, others: Iterable[tuple[OtherNeed, Group]], view: InForce
) -> _Sum | None:
    """The sum for the highest threshold that the need stays below and its family passes."""
    formal = formal_thresholds(need, group)
    known = sum(lot.cents or 0 for lot in group.lots) if group.total is None else group.total
    passed = []
    for rule_id in (direct_threshold(group), *(formal if len(formal) == 1 else ())):
        bound, light = view.cents(rule_id), rule_id == direct_threshold(group)
        own = _share(group, family, light=light)
        if bound is None or max(known, own.cents) >= bound or not own.lots:
            continue
        shares = [(other, share) for other, of in others if (share := _share(of, family, light=light)).lots]
        shares.sort(key=lambda each: (-each[1].cents, each[0].id))
        if (found := _Sum(family, rule_id, own, tuple(shares))).cents >= bound:
            passed.append((bound, found))
    return max(passed, key=lambda each: each[0])[1] if passed else None


def _share(group: Group, family: str, *, light: bool) -> _Share:
    """The share of a family; with or without its lots under the light regime. A stated total counts where it can."""
    left_out = set() if light else {lot.lot.id for lot in group.light}
    lots = [lot for lot in group.lots if not lot.works and lot.lot.id not in left_out]
    lots = [lot for lot in lots if family in families(lot.segments, lot.cpv)]
    ids = tuple(lot.lot.id for lot in lots)
    if len(lots) == len(group.lots) and group.total is not None and "shared" not in group.assumptions:
        return _Share(ids, group.total, True)
    return _Share(ids, sum(lot.cents or 0 for lot in lots), all(lot.cents is not None for lot in lots))


def _advice(need: Need, group: Group, found: _Sum, year: int, view: InForce) -> LegalAdvice:
    row, homogeneous, threshold = view["no_split"], view["homogeneous_needs"], view[found.rule_id]
    label, total, bound = _label(found.family), euros(found.cents), view.written(found.rule_id)
    added, doubts = _addition(found), _doubts(need, found)
    kind = DIRECT if found.rule_id == direct_threshold(group) else EUROPEAN
    lots = () if len(found.own.lots) == len(need.lots) else (found.own.lots,)
    within = _some_lots(found.own.lots) if lots else Text("", "")
    computed = Text(
        f"{added.fr} = {total.fr} ≥ {bound.fr}, {kind.fr}{doubts.fr}",
        f"{added.en} = {total.en} ≥ {bound.en}, {kind.en}{doubts.en}",
    )
    message = Text(
        f"Ce besoin{within.fr} et les autres {label.fr} prévus ou engagés en {year} : {computed.fr} ; s'ils sont "
        f"homogènes, ils se comptent ensemble ({homogeneous.article}), et les séparer n'évite pas ce seuil",
        f"This need{within.en} and the others {label.en} planned or begun in {year}: {computed.en}; if they are "
        f"homogeneous they count together ({homogeneous.article}), and separating them does not avoid this threshold",
    )
    sure = "low" if group.doubtful else least_sure(row, homogeneous, threshold)
    return advice("NO_SPLIT_TO_EVADE", "warning", row, message, lots, sure)


def _some_lots(ids: tuple[str, ...]) -> Text:
    named, many = listed_briefly(ids), "s" if len(ids) > 1 else ""
    return Text(f" (lot{many} {named.fr})", f" (lot{many} {named.en})")


def _addition(found: _Sum) -> Text:
    """The known values as a sum: "12 000 € + 30 000 € (réf. X)", the need's own first."""
    terms = [euros(found.own.cents)] if found.own.cents else []
    valued = [(_name(other), share.cents) for other, share in found.others if share.cents]
    for name, cents in valued[:MOST_ADDENDS]:
        amount = euros(cents)
        terms.append(Text(f"{amount.fr} ({name.fr})", f"{amount.en} ({name.en})"))
    if rest := valued[MOST_ADDENDS:]:
        amount = euros(sum(cents for _, cents in rest))
        terms.append(Text(f"{amount.fr} ({len(rest)} de plus)", f"{amount.en} ({len(rest)} more)"))
    return Text(" + ".join(term.fr for term in terms), " + ".join(term.en for term in terms))


def _doubts(need: Need, found: _Sum) -> Text:
    """The needs whose value is not wholly known, and those whose buyer is taken for the same."""
    unknown = [] if found.own.complete else [THIS_NEED]
    unknown += [_name(other) for other, share in found.others if not share.complete]
    assumed = [_name(other) for other, _ in found.others if buyer_siret(other.need) != buyer_siret(need)]
    values, buyers = _listed(unknown), _listed(assumed)
    return Text(
        (f" ; valeur inconnue, non comptée : {values.fr}" if unknown else "")
        + (f" ; acheteur supposé le même, faute de SIRET : {buyers.fr}" if assumed else ""),
        (f"; unknown value, not counted: {values.en}" if unknown else "")
        + (f"; buyer taken for the same, for want of a SIRET: {buyers.en}" if assumed else ""),
    )


def _listed(names: Sequence[Text]) -> Text:
    return Text(
        listed_briefly(tuple(name.fr for name in names)).fr, listed_briefly(tuple(name.en for name in names)).en
    )


def _name(other: OtherNeed) -> Text:
    """A need by its reference, else by its title, else by its id."""
    if other.need.reference:
        return Text(f"réf. {other.need.reference}", f"ref. {other.need.reference}")
    if other.need.title:
        return Text(f"« {other.need.title} »", f"“{other.need.title}”")
    return Text(f"besoin {other.id}", f"need {other.id}")


def _label(family: str) -> Text:
    """A family of the taxonomy by its name; a CPV group by its digits."""
    known = taxonomy.load().family(family)
    if known is None:
        return Text(f"du groupe CPV {family}", f"of CPV group {family}")
    return Text(f"de la famille « {known.label} »", f"of the family “{known.label}”")
