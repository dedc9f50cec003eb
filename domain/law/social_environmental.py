"""Duties and levers beyond the procedure: social and environmental considerations, lots, SPASER, reuse, innovation."""

from functools import lru_cache

from domain.law.citation import days
from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.lot_facts import LotFacts
from domain.law.need_value import Group, total_of
from domain.law.procedure import eu_thresholds
from domain.law.rule_registry import applies
from domain.law.rules import InForce, cents
from domain.needs.need import Buyer, BuyerKind, ContractKind, Need
from domain.text.bilingual import Text, euros

FAMILIES = {"agec_furniture_reuse": "agec_furniture_segments", "agec_textile_reuse": "agec_textile_segments"}
FAMILY_NAMES = {
    "agec_furniture_reuse": Text("mobilier", "furniture"),
    "agec_textile_reuse": Text("textiles", "textiles"),
}
# by whether the values are within the limits, null where they are not known
INNOVATION = {
    True: Text(
        "Achat innovant : la valeur est dans les limites, achat possible sans publicité ni mise en concurrence ; le "
        "caractère innovant reste à établir",
        "Innovative purchase: the value is within the limits, award without publicity or competition is possible; that "
        "it is innovative remains to be established",
    ),
    False: Text(
        "Achat innovant : la valeur dépasse les limites (besoin de moins de {limit}, ou petits lots)",
        "Innovative purchase: the value is above the limits (need below {limit}, or small lots)",
    ),
    None: Text(
        "Achat innovant : valeur inconnue, on ne sait pas si elle est dans les limites ; le caractère innovant reste à "
        "établir",
        "Innovative purchase: value unknown, so whether it is within the limits is too; that it is innovative remains "
        "to be established",
    ),
}


@applies("social_consideration", "concession_social_consideration", "eu_social_services")
def social(need: Need, group: Group, view: InForce) -> LegalAdvice | None:
    """Above the EU threshold a social or employment condition is required from 2026-08-22, and advised before.

    The decree says 2026-08-21: that day is marked as doubtful. Social and other specific services have their own,
    higher EU threshold. Exceptions exist (a need met by an immediately available solution, too weak a link with the
    object, restricted competition, works under six months). No advice where value or threshold is not known. Where
    main CPV codes are narrower than listed ones, these may be such services: below their threshold, to be checked.
    """
    if group.total is None:
        return None
    rules = eu_thresholds(need, group)
    bounds = [view.cents(rule_id) for rule_id in rules]
    if any(bound is None or group.total < bound for bound in bounds):
        return None
    row = view["social_consideration" if need.contract == "market" else "concession_social_consideration"]
    if row.status != "in_force":
        return None
    sure = least_sure(row, *(view[rule_id] for rule_id in rules))
    theirs = view.cents("eu_social_services")
    may_be_below = need.contract == "market" and theirs is not None and (group.total or 0) < theirs
    may_be_social = all(lot in group.social or lot.listed == "descendant" for lot in group.lots)
    if group.doubtful or (may_be_below and may_be_social):
        sure = "low"
    if row.value == "required":
        message = Text(
            "Au-dessus des seuils européens, prévoir une condition d'exécution sociale ou d'emploi, obligatoire sauf "
            "exception motivée",
            "Above the EU thresholds, provide for a social or employment performance condition, required save a "
            "justified exception",
        )
        return advice("SOCIAL_CONSIDERATION", "warning", row, message, group.advised_lots, sure)
    message = Text(
        "Une condition d'exécution sociale ou d'emploi est possible et recommandée, mais pas obligatoire à cette date",
        "A social or employment performance condition is possible and advised; it is not required at this date",
    )
    return advice("SOCIAL_CONSIDERATION", "info", row, message, group.advised_lots, sure)


@applies("environmental_consideration", "concession_environmental_consideration")
@lru_cache(maxsize=64)
def environmental(contract: ContractKind, view: InForce) -> LegalAdvice | None:
    """Every contract has an environmental condition and criterion from 2026-08-22, whatever its value; advised before.

    The decree says 2026-08-21: that day is marked as doubtful.
    """
    row = view["environmental_consideration" if contract == "market" else "concession_environmental_consideration"]
    if row.status != "in_force":
        return None
    if row.value == "required":
        message = Text(
            "Prévoir une condition d'exécution environnementale et au moins un critère d'attribution environnemental, "
            "obligatoires quel que soit le montant",
            "Provide for an environmental performance condition and at least one environmental award criterion, "
            "required whatever the amount",
        )
        return advice("ENVIRONMENTAL_CONSIDERATION", "warning", row, message)
    message = Text(
        "Une condition d'exécution et un critère environnementaux sont possibles et recommandés ; ils ne sont pas "
        "obligatoires à cette date",
        "An environmental performance condition and criterion are possible and advised; they are not required at this "
        "date",
    )
    return advice("ENVIRONMENTAL_CONSIDERATION", "info", row, message)


@applies("spaser")
def spaser(buyer: Buyer | None, view: InForce) -> LegalAdvice | None:
    """A buyer whose stated annual purchases exceed the amount of the date publishes a SPASER."""
    bound = view.cents("spaser")
    if buyer is None or buyer.annual_purchases_eur is None or bound is None:
        return None
    if cents(buyer.annual_purchases_eur) <= bound:
        return None
    row, amount = view["spaser"], euros(bound)
    message = Text(
        f"Plus de {amount.fr} HT d'achats annuels : publier un schéma de promotion des achats responsables (SPASER)",
        f"More than {amount.en} of annual purchases: a responsible purchasing plan (SPASER) must be published",
    )
    return advice("SPASER", "info", row, message, (), None if buyer.kind == "local" else "low")


@applies("allotment")
def allotment(need: Need, view: InForce) -> LegalAdvice | None:
    """A market with one lot must be justified, the more so where that lot covers several activities (ALLOTMENT)."""
    if need.contract == "concession" or len(need.lots) > 1:
        return None
    several = len(need.lots[0].segments) > 1
    activities = Text(" pour plusieurs activités", " for several activities") if several else Text("", "")
    message = Text(
        f"Un seul lot{activities.fr} : diviser en lots est la règle dès que des prestations distinctes peuvent être "
        "identifiées ; ne pas le faire se motive",
        f"A single lot{activities.en}: dividing into lots is the rule where distinct services can be identified; "
        "justify the choice not to",
    )
    return advice("ALLOTMENT", "warning" if several else "info", view["allotment"], message)


@applies("framework_max_months")
def framework(need: Need, view: InForce) -> LegalAdvice | None:
    """A framework agreement of a contracting authority has a longest duration, save a justified exception."""
    limit = view.number("framework_max_months")
    if need.technique != "framework_agreement" or limit is None or (need.buyer and need.buyer.kind == "utility"):
        return None
    long = tuple(lot.id for lot in need.lots if (lot.duration_months or 0) + (lot.renewal_months or 0) > limit)
    if not long:
        return None
    message = Text(
        f"Accord-cadre de plus de {limit} mois, reconductions comprises : à raccourcir, ou à justifier par son objet",
        f"Framework agreement of more than {limit} months, renewals included: shorten it, or justify it by its object",
    )
    return advice("FRAMEWORK_MAX_4Y", "warning", view["framework_max_months"], message, (long,))


def insertion(lot: LotFacts, contract: ContractKind, view: InForce) -> LegalAdvice | None:
    """OBJECT_IS_INSERTION: the lot buys work integration, its supporting activity being only the means.

    Said of markets, whose procedure it decides.
    """
    if not lot.insertion or contract == "concession":
        return None
    message = Text(
        "L'objet est l'insertion elle-même, l'autre activité n'étant que son support : service social, en procédure "
        "adaptée quel que soit le montant",
        "The object is work integration itself, the other activity being only its support: a social service, in an "
        "adapted procedure whatever the amount",
    )
    return advice("OBJECT_IS_INSERTION", "info", view["insertion_object"], message)


@applies("hazardous_waste_capability")
@lru_cache(maxsize=4096)
def capability(segments: tuple[str, ...], view: InForce) -> LegalAdvice | None:
    """Hazardous and medical waste need a specific authorisation, whoever answers (CAPABILITY_WARNING)."""
    if not view.codes("hazardous_waste_capability").intersection(segments):
        return None
    message = Text(
        "Déchets dangereux ou de soins : l'activité suppose une autorisation ou une déclaration particulière ; "
        "vérifier que les fournisseurs l'ont avant de réserver",
        "Hazardous or medical waste: the activity needs a specific authorisation or declaration; check that suppliers "
        "hold it before reserving",
    )
    return advice("CAPABILITY_WARNING", "warning", view["hazardous_waste_capability"], message)


@applies("agec_furniture_reuse", "agec_furniture_segments", "agec_textile_reuse", "agec_textile_segments")
@lru_cache(maxsize=4096)
def reuse_quota(segments: tuple[str, ...], buyer: BuyerKind | None, view: InForce) -> LegalAdvice | None:
    """Furniture and textiles count in the buyer's yearly spending, a share of which is reuse (COUNTS_TOWARDS_QUOTA).

    The share is one of the year, not of this lot, and binds the State and local authorities; whether hospitals are
    concerned was not established, and utilities are left out. Which activities belong to a family is this project's
    reading. Where a share held and the next step is not known, the advice says that it is to be found out; nothing is
    said of the time before the first known share.
    """
    rule = next((rule for rule, family in FAMILIES.items() if view.codes(family).intersection(segments)), None)
    if rule is None or buyer == "utility":
        return None
    row, family = view[rule], FAMILY_NAMES[rule]
    if row.status == "in_force":
        share = view.written(rule)
        of_year = Text(
            f"dont au moins {share.fr} doit venir du réemploi (État et collectivités)",
            f"at least {share.en} of which must be on reused goods (State and local authorities)",
        )
    elif row.status == "unknown" and row.valid_from is not None:
        since = days(row.valid_from)
        of_year = Text(
            "dont une part minimale doit venir du réemploi (État et collectivités) ; le palier applicable depuis le "
            f"{since.fr} n'est pas connu ici",
            "a minimum share of which must be on reused goods (State and local authorities); the step that applies "
            f"since {since.en} is not known here",
        )
    else:
        return None
    message = Text(
        f"Ce lot compte dans la dépense annuelle de l'acheteur en {family.fr}, {of_year.fr}",
        f"This lot counts in the buyer's yearly spending on {family.en}, {of_year.en}",
    )
    return advice("COUNTS_TOWARDS_QUOTA", "info", row, message, (), least_sure(row, view[FAMILIES[rule]]))


@applies("innovative_need", "innovative_lot_supplies_services", "innovative_lot_works", "innovative_lot_share")
def innovation(need: Need, lot: LotFacts, group: Group, view: InForce) -> LegalAdvice | None:
    """A lot marked innovative may be bought without publicity or competition within limits (INNOVATION_REVIEW).

    Either the whole need is below the amount of the date; or, where the date has a rule for lots, the lot is below its
    own amount (works apart) and all innovative lots together are within a share of all lots. Whether the object is
    innovative is for a person to judge.
    """
    if not lot.lot.innovative or need.contract == "concession":
        return None
    row = view["innovative_need"]
    message = Text("Achat innovant : pas de règle connue à cette date", "Innovative purchase: no known rule then")
    if row.status == "in_force":
        limit, (fr, en) = view.written(row.id), INNOVATION[_within_innovation(lot, group, view)]
        message = Text(fr.format(limit=limit.fr), en.format(limit=limit.en))
    return advice("INNOVATION_REVIEW", "info", row, message, (), "low" if group.doubtful else None)


def _within_innovation(lot: LotFacts, group: Group, view: InForce) -> bool | None:
    """Whether the values are within the limits; None where they are not known."""
    need_bound = view.cents("innovative_need")
    if group.total is not None and need_bound is not None and group.total < need_bound:
        return True
    bound = view.cents("innovative_lot_works" if group.works else "innovative_lot_supplies_services")
    share = view.number("innovative_lot_share")
    if bound is None or share is None:
        return None if group.total is None else False
    if lot.cents is not None and lot.cents >= bound:
        return False
    together = total_of(tuple(other for other in group.lots if other.lot.innovative))
    if group.total is None or together is None:
        return None
    return together * 100 <= group.total * share
