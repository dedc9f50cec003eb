"""Social and other specific services: their light regime, and needs that mix them with other services."""

from domain.law.findings import LegalAdvice, advice, applies, least_sure
from domain.law.procedures.need_value import Group
from domain.law.rules import InForce
from domain.law.sentences import sentence
from domain.needs.need import ContractKind
from domain.text.bilingual import NOTHING, Text, euros

REGIMES: dict[ContractKind, str] = {"market": "light_regime", "concession": "light_concession"}
"""The rule that opens the light regime to each kind of contract."""
WIDER_LIST = sentence("wider_list")
WHOLE_IS_LIGHT = sentence("light_regime")
PART_IS_LIGHT = sentence("light_regime_of_lots")
# by whether all lots are such services, and whether it takes the wider list to know them
LIGHT_REGIME = {
    (whole, wider): text.filled(annex=WIDER_LIST if wider else NOTHING)
    for whole, text in ((True, WHOLE_IS_LIGHT), (False, PART_IS_LIGHT))
    for wider in (True, False)
}
THEIRS = Text("celles des services sociaux et spécifiques", "those of social and specific services")
OTHERS = Text("celles des autres prestations", "those of the other services")


def is_light(group: Group) -> bool:
    """Whether every lot of the group is a social or other specific service."""
    return len(group.light) == len(group.lots)


def is_mainly_light(group: Group) -> bool:
    """Whether such services are worth more than the rest of the group; not so where a value is not known."""
    light, rest = group.light_value, group.other_value
    return light is not None and rest is not None and light > rest


def takes_light_regime(contract: ContractKind, group: Group, view: InForce) -> bool:
    """Whether the light regime of this kind of contract is that of the whole group."""
    if not group.light or not view.holds(REGIMES[contract]):
        return False
    return is_light(group) or (view.holds("mixed_services") and is_mainly_light(group))


def light_rules(contract: ContractKind, group: Group) -> tuple[str, ...]:
    """The rules on which the light regime of a group rests, that which opens it first.

    Among them the list that names its services: the 115 codes of article 77, surely part of it, where they suffice.
    Passenger transport by concession has a rule of its own.
    """
    social = [lot.object for lot in group.light if contract == "market" or not lot.object.transport]
    rules = ["concession_transport"] if len(social) < len(group.light) else []
    if social:
        sure = all(each.insertion or each.ess_listing == "listed" for each in social)
        rules = [REGIMES[contract], "ess_listed_cpv" if sure else "light_regime_cpv", *rules]
    return (*rules, *(() if is_light(group) else ("mixed_services",)))


@applies("light_regime", "light_regime_cpv")
def light_regime(group: Group, view: InForce) -> LegalAdvice | None:
    """Social and other specific services may take an adapted procedure whatever the amount (LIGHT_REGIME).

    They are known by their main CPV, which is on the list of such services or in one of its ranges, or by being work
    integration. The list is wider than the 115 codes that may be reserved to ESS. Where only some lots are such
    services, these are named. Said of markets that are not a direct award anyway.
    """
    if not group.light or not view.holds("light_regime"):
        return None
    row, listed, *_ = map(view.__getitem__, light_rules("market", group))
    whole = is_light(group)
    lots = group.advised_lots if whole else (tuple([lot.lot.id for lot in group.light]),)
    message = LIGHT_REGIME[whole, listed.id == "light_regime_cpv"]
    return advice("LIGHT_REGIME", "info", row, message, lots, least_sure(row, listed))


@applies("mixed_services")
def mixed_services(contract: ContractKind, group: Group, view: InForce) -> LegalAdvice | None:
    """One contract of social and other services follows the rules of the part of greater value (MIXED_SERVICES).

    Where it is not known which part that is, those of the other services. Said where the rules differ: the amount of
    the whole calls, or may call, for the formal procedure.
    """
    if not group.light or is_light(group) or not (view.holds("mixed_services") and view.holds(REGIMES[contract])):
        return None
    light, rest = group.light_value, group.other_value
    row, *others = map(view.__getitem__, reversed(light_rules(contract, group)))
    if light is None or rest is None:
        message = sentence("mixed_services_of_unknown_value", others=OTHERS)
    else:
        theirs, other, regime = euros(light), euros(rest), THEIRS if light > rest else OTHERS
        message = sentence("mixed_services", theirs=theirs, other=other, regime=regime)
    return advice("MIXED_SERVICES", "info", row, message, group.advised_lots, least_sure(row, *others))
