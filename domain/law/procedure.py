"""The procedure that the value of a need implies: direct award, adapted or formal."""

from typing import Literal

from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.need_value import Assumption, Group, total_of, value_unknown
from domain.law.rule_registry import applies
from domain.law.rules import InForce, RuleRow
from domain.needs.need import Need
from domain.shortlists.shortlist import Confidence, Severity
from domain.text.bilingual import Text, euros

Level = Literal["direct", "adapted", "formal"]
KINDS: dict[str, str] = {"state": "eu_state", "local": "eu_local", "utility": "eu_utility"}
LIGHT = ("light_regime", "ess_listed_cpv")
"""The rules on which the light regime rests: its own, and the list of services it is known to cover."""


def direct_threshold(group: Group) -> str:
    """The rule that bounds direct award for this group."""
    return "direct_award_works" if group.works else "direct_award_supplies_services"


def formal_thresholds(need: Need, group: Group) -> tuple[str, ...]:
    """The rules that may bound the formal procedure: several where the buyer's kind is not known."""
    if need.contract == "concession":
        return ("eu_concessions",)
    if group.works:
        return ("eu_works",)
    if need.buyer is not None and need.buyer.kind is not None:
        return (KINDS[need.buyer.kind],)
    return tuple(KINDS.values())


def eu_thresholds(need: Need, group: Group) -> tuple[str, ...]:
    """The rules that may bound what applies above the EU threshold: social services have a higher one of their own."""
    light = need.contract == "market" and is_light(group)
    return ("eu_social_services",) if light else formal_thresholds(need, group)


def is_light(group: Group) -> bool:
    """Whether every lot of the group is a listed social or other specific service."""
    return len(group.social) == len(group.lots)


@applies("eu_state", "eu_local", "eu_utility", "eu_works")
def level(need: Need, group: Group, view: InForce) -> Level | None:
    """The estimated value decides: below the direct-award amount, from the EU threshold on, or between the two.

    The EU threshold depends on the buyer (State, local, utility) for supplies and services, and is one for works.
    None where the value, the buyer's kind or the threshold of that date leaves it open.
    """
    if group.total is None:
        return None
    direct = view.cents(direct_threshold(group))
    if need.contract == "market" and direct is not None and group.total < direct:
        return "direct"
    if need.contract == "market" and is_light(group) and view.holds("light_regime"):
        return "adapted" if direct is not None else None
    bounds = [view.cents(rule_id) for rule_id in formal_thresholds(need, group)]
    reached = {None if bound is None else group.total >= bound for bound in bounds}
    if reached == {True}:
        return "formal"
    return "adapted" if reached == {False} and (direct is not None or need.contract == "concession") else None


def review_procedure(need: Need, group: Group, view: InForce) -> list[LegalAdvice]:
    """The advice on procedure for one group of lots."""
    found = [_light_regime(need, group, view), value_unknown(need, group, view)]
    if group.total is not None:
        found.append(_verdict(need, group, view))
    return [item for item in found if item]


def _verdict(need: Need, group: Group, view: InForce) -> LegalAdvice:
    decided = level(need, group, view)
    if decided is None:
        return _undecided(need, group, view)
    if need.contract == "concession":
        return _concession(group, decided, view)
    if decided == "direct":
        return _direct(group, view)
    return _formal(need, group, view) if decided == "formal" else _adapted(need, group, view)


@applies("direct_award_supplies_services", "direct_award_works", "direct_award_duties")
def _direct(group: Group, view: InForce) -> LegalAdvice:
    """Below the amount of the date, the market may be awarded without publicity or competition (GRE_A_GRE).

    The amount itself is not below. The whole need is compared, not each lot. Three duties remain: a relevant offer,
    good use of public money, and not always the same operator when several can answer.
    """
    row = view[direct_threshold(group)]
    bound = view.written(row.id)
    message = Text(
        f"achat possible sans publicité ni mise en concurrence (moins de {bound.fr}), à condition de choisir une offre "
        "pertinente, de bien utiliser les deniers publics et de ne pas toujours retenir le même opérateur",
        f"award without publicity or competition is possible (below {bound.en}), provided the offer is relevant, "
        "public money is well used, and the operator is not always the same",
    )
    return _group_advice(group, "GRE_A_GRE", "info", row, message)


@applies("adapted_procedure")
def _adapted(need: Need, group: Group, view: InForce) -> LegalAdvice:
    """Between direct award and the EU threshold, or for social services, the buyer sets the procedure (MAPA).

    As sure as the least sure of the amounts it lies between.
    """
    bounds = LIGHT if is_light(group) else formal_thresholds(need, group)
    rows = [view[rule_id] for rule_id in ("adapted_procedure", direct_threshold(group), *bounds)]
    message = Text(
        "procédure adaptée, dont l'acheteur fixe les modalités en traitant tous les candidats à égalité",
        "adapted procedure, whose terms the buyer sets while treating all alike",
    )
    return _group_advice(group, "MAPA", "info", rows[0], message, least_sure(*rows))


@applies("dynamic_purchasing_system")
def _formal(need: Need, group: Group, view: InForce) -> LegalAdvice:
    """From the EU threshold on, a formal procedure (PROC_FORMALISEE); restricted-tender rules for a dynamic system."""
    row = max((view[rule] for rule in formal_thresholds(need, group)), key=lambda row: view.cents(row.id) or 0)
    quoted, bound = row, view.written(row.id)
    if need.technique == "dynamic_purchasing_system":
        quoted = view["dynamic_purchasing_system"]
        message = Text(
            f"à partir de {bound.fr}, le système d'acquisition dynamique suit les règles de l'appel d'offres restreint",
            f"from {bound.en}, the dynamic purchasing system follows the rules of the restricted tender",
        )
    else:
        message = Text(
            f"procédure formalisée (à partir de {bound.fr}), sauf services sociaux et autres services spécifiques",
            f"formal procedure (from {bound.en}), except for social and other specific services",
        )
    return _group_advice(group, "PROC_FORMALISEE", "warning", quoted, message, least_sure(quoted, row))


@applies("eu_concessions")
def _concession(group: Group, decided: Level, view: InForce) -> LegalAdvice:
    """Concessions have one threshold for works and services: full procedure from it on, a simplified one below."""
    row, bound = view["eu_concessions"], view.written("eu_concessions")
    if decided == "formal":
        message = Text(
            f"procédure complète des concessions (à partir de {bound.fr})",
            f"full procedure of concessions (from {bound.en})",
        )
        return _group_advice(group, "PROC_FORMALISEE", "warning", row, message)
    message = Text(
        f"procédure simplifiée des concessions (moins de {bound.fr})",
        f"simplified procedure of concessions (below {bound.en})",
    )
    return _group_advice(group, "CONCESSION_SIMPLIFIED", "info", row, message)


@applies("light_regime")
def _light_regime(need: Need, group: Group, view: InForce) -> LegalAdvice | None:
    """Listed social and other specific services take an adapted procedure whatever the amount (LIGHT_REGIME).

    All lots must be such by their main CPV (or be work integration) for the whole group; otherwise the lots concerned
    are named. The French list may be wider than the 115 codes known here.
    """
    if not group.social or need.contract == "concession" or not view.holds("light_regime"):
        return None
    rows, lots = [view[rule_id] for rule_id in LIGHT], group.advised_lots
    if is_light(group):
        message = Text(
            "Services sociaux ou autres services spécifiques : procédure adaptée quel que soit le montant",
            "Social or other specific services: adapted procedure whatever the amount",
        )
    else:
        lots = (tuple(lot.lot.id for lot in group.social),)
        message = Text(
            "Lots de services sociaux ou autres services spécifiques : passés à part, ils suivent une procédure "
            "adaptée quel que soit leur montant",
            "Lots of social or other specific services: awarded apart, they take an adapted procedure whatever the "
            "amount",
        )
    return advice("LIGHT_REGIME", "info", rows[0], message, lots, least_sure(*rows))


def _undecided(need: Need, group: Group, view: InForce) -> LegalAdvice:
    """The value is known, but the buyer's kind or the thresholds of that date leave the procedure open."""
    rows = [view[rule_id] for rule_id in formal_thresholds(need, group)]
    if len(rows) > 1 and all(row.status == "in_force" for row in rows):
        message = Text(
            "la procédure dépend de l'acheteur (État, collectivité ou entité adjudicatrice) ; indiquer lequel il est",
            "the procedure depends on the buyer (State, local or utility); say which it is",
        )
        return _group_advice(group, "BUYER_KIND_UNKNOWN", "info", rows[0], message)
    row = next((row for row in rows if row.status != "in_force"), view[direct_threshold(group)])
    message = Text(
        "les seuils applicables à cette date ne sont pas connus ici", "the thresholds of that date are not known here"
    )
    return _group_advice(group, "THRESHOLD_UNKNOWN", "info", row, message)


def _compared_value(group: Group) -> Text:
    """The value that was compared, with the assumptions made."""
    value = euros(group.total or 0)
    kind = Text(" de travaux", " of works") if group.works else Text("", "")
    assumed = [_assumption_text(assumption, group) for assumption in group.assumptions]
    fr, en = " ; ".join(text.fr for text in assumed), "; ".join(text.en for text in assumed)
    return Text(
        f"{value.fr} HT{kind.fr}" + (f" ({fr})" if fr else ""),
        f"{value.en} excluding tax{kind.en}" + (f" ({en})" if en else ""),
    )


def _assumption_text(assumption: Assumption, group: Group) -> Text:
    beyond = euros((group.total or 0) - (total_of(group.lots) or 0))
    return {
        "shared": Text(
            f"dont {beyond.fr} du total estimé que les lots ne détaillent pas, comptés aussi avec les autres lots",
            f"of which {beyond.en} of the estimated total are not in the lots' values, and counted with the others too",
        ),
        "nature": Text(
            "nature non précisée : seuils des fournitures et services",
            "nature not given: thresholds of supplies and services",
        ),
        "division": Text(
            "part des travaux non précisée : seuils des fournitures et services",
            "share of works not given: thresholds of supplies and services",
        ),
        "below": Text("total estimé inférieur à la somme des lots", "estimated total below the sum of the lots"),
    }[assumption]


def _group_advice(
    group: Group, code: str, severity: Severity, row: RuleRow, then: Text, confidence: Confidence | None = None
) -> LegalAdvice:
    """Advice that begins with the value that was compared, and is never surer than it."""
    about = _compared_value(group)
    message = Text(f"{about.fr} : {then.fr}", f"{about.en}: {then.en}")
    return advice(code, severity, row, message, group.advised_lots, "low" if group.doubtful else confidence)
