"""The minimum time limits and the publicity of each procedure, as sentences."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from domain.law.rule_registry import applies
from domain.law.rules import InForce, RuleRow
from domain.text.bilingual import NOTHING, Text, joined, listed

Entity = Literal["authority", "utility"]
ENTITIES: dict[Entity, Text] = {
    "authority": Text("pouvoir adjudicateur", "contracting authority"),
    "utility": Text("entité adjudicatrice", "utility"),
}
OJEU, BOAMP = "the EU Official Journal", "the national bulletin (BOAMP)"
PUBLIC = Text(
    "l'État, les collectivités et leurs établissements publics, hors EPIC de l'État",
    "the State, local authorities and their public bodies, except industrial and commercial ones of the State",
)
RESTRICTED: dict[Entity, tuple[str, str]] = {
    "authority": ("time_restricted_applications", "time_restricted_offers_electronic"),
    "utility": ("time_restricted_applications_utility", "time_restricted_offers_utility"),
}
"""The rules on the time for applications and for tenders in a restricted tender, and in a negotiated procedure."""
NEGOTIATED: dict[Entity, tuple[str, str]] = {
    "authority": ("time_negotiated_applications", "time_negotiated_offers_electronic"),
    "utility": ("time_negotiated_applications_utility", "time_negotiated_offers_utility"),
}
RESTRICTED_NAME = Text("appel d'offres restreint", "restricted tender")
NEGOTIATED_NAME = Text("procédure avec négociation", "negotiated procedure")
BOTH = Text("appel d'offres restreint ou procédure avec négociation", "restricted tender or negotiated procedure")
NO_MINIMUM = Text(
    "Aucun délai minimal : il tient compte de la complexité et du temps nécessaire pour répondre",
    "No minimum time limit: it takes account of complexity and of the time needed to answer",
)


class Sentence(NamedTuple):
    """A sentence of advice and the rules that it rests on, the one to quote first."""

    message: Text
    rows: tuple[RuleRow, ...]


def _sentence(message: Text, rules: Iterable[str], view: InForce) -> Sentence | None:
    """The sentence, or None where one of its rules did not exist or is not known at the date."""
    rows = tuple(view[rule] for rule in rules)
    return Sentence(message, rows) if all(row.status == "in_force" for row in rows) else None


@applies(
    "time_open_electronic",
    *(rule for rules in (*RESTRICTED.values(), *NEGOTIATED.values()) for rule in rules),
    "publication_formal",
)
def formal(entities: tuple[Entity, ...], view: InForce) -> Sentence | None:
    """The notice and the minimum days of formal procedures, as they are for electronic tenders, the rule today.

    Contracting authorities and utilities have their own; both are said where the buyer's kind is not known.
    """
    stages = joined(_two_stages(entity, len(entities) > 1, view) for entity in entities)
    rules = [rule for entity in entities for rule in (*RESTRICTED[entity], *NEGOTIATED[entity])]
    published, documents = view["publication_formal"].article, _on_the_profile(view)
    days = view.value_text("time_open_electronic")
    message = Text(
        f"Avis au JOUE, et au BOAMP pour {PUBLIC.fr} ({published}){documents.fr}. "
        f"Délais minimaux par voie électronique : {stages.fr} ; appel d'offres ouvert, "
        f"{days.fr} jours",
        f"Notice in {OJEU}, and in {BOAMP} for {PUBLIC.en} ({published}){documents.en}. "
        f"Minimum time limits, electronically: {stages.en}; open tender, {days.en} days",
    )
    return _sentence(message, ("time_open_electronic", "publication_formal", *rules), view)


@applies("buyer_profile_documents")
def _on_the_profile(view: InForce, noticed: bool = True) -> Text:
    """The documents go with a notice on the buyer profile, from an amount on; nothing where it is unknown."""
    row = view["buyer_profile_documents"]
    if row.status != "in_force":
        return NOTHING
    fr, en = NOTHING if noticed else Text("si un avis est publié, ", "if there is a notice, ")
    return Text(
        f" ; {fr}documents sur le profil d'acheteur ({row.article})",
        f"; {en}documents on the buyer profile ({row.article})",
    )


def _two_stages(entity: Entity, named: bool, view: InForce) -> Text:
    """The days for applications, then for tenders, in procedures that select candidates first, with their articles."""
    rules = (*RESTRICTED[entity], *NEGOTIATED[entity])
    restricted, negotiated = (
        tuple(view.value_text(rule).fr for rule in stages) for stages in (RESTRICTED[entity], NEGOTIATED[entity])
    )
    parts = [_days(BOTH, restricted)]
    if restricted != negotiated:
        parts = [_days(RESTRICTED_NAME, restricted), _days(NEGOTIATED_NAME, negotiated)]
    fr, en = joined(parts)
    agreed = Text(" sauf accord avec les candidats", " unless agreed with the candidates")
    more = agreed if entity == "utility" else NOTHING
    articles = listed(tuple(dict.fromkeys(view[rule].article or "" for rule in rules)))
    who = Text(*(f"{name}, " for name in ENTITIES[entity])) if named else NOTHING
    return Text(f"{fr}{more.fr} ({who.fr}{articles.fr})", f"{en}{more.en} ({who.en}{articles.en})")


def _days(procedure: Text, stages: tuple[str, ...]) -> Text:
    first, then = stages
    return Text(
        f"{procedure.fr}, {first} jours pour les candidatures puis {then} pour les offres",
        f"{procedure.en}, {first} days for applications then {then} for tenders",
    )


@applies("time_dynamic_system", "time_dynamic_system_offers")
def dynamic_system(view: InForce) -> Sentence | None:
    """A dynamic purchasing system of formal size: days for the first applications, then for each specific contract."""
    first, then = view.value_text("time_dynamic_system"), view.value_text("time_dynamic_system_offers")
    published, applications = view["publication_formal"].article, view["time_dynamic_system"].article
    message = Text(
        f"Avis au JOUE, et au BOAMP pour {PUBLIC.fr} ({published}). Délais minimaux : {first.fr} jours pour les "
        f"premières candidatures ({applications}), {then.fr} jours pour les offres de chaque marché spécifique",
        f"Notice in {OJEU}, and in {BOAMP} for {PUBLIC.en} ({published}). Minimum time limits: {first.en} days for the "
        f"first applications ({applications}), {then.en} days for the tenders of each specific contract",
    )
    return _sentence(message, ("time_dynamic_system_offers", "time_dynamic_system", "publication_formal"), view)


@applies("time_adapted", "publication_adapted_small", "publication_adapted_others", "national_publicity")
def adapted(national: bool, profile: bool, view: InForce) -> Sentence | None:
    """An adapted procedure has no minimum time limit; its notice is national from an amount on, for public bodies.

    From another amount on, the documents are on the buyer profile.
    """
    public, others = view["publication_adapted_small"].article, view["publication_adapted_others"].article
    rules = ("time_adapted", "publication_adapted_small", "publication_adapted_others", "national_publicity")
    fr, en = _on_the_profile(view, national) if profile else NOTHING
    if not national:
        message = Text(
            f"Publicité libre, adaptée au montant et à l'objet ({public}, {others}){fr}. {NO_MINIMUM.fr}",
            f"Publicity is at the buyer's choice, suited to the amount and the object ({public}, {others}){en}. "
            f"{NO_MINIMUM.en}",
        )
        return _sentence(message, rules, view)
    message = Text(
        f"Avis au BOAMP ou dans un journal d'annonces légales pour {PUBLIC.fr} ({public}), publicité libre pour les "
        f"autres acheteurs ({others}){fr}. {NO_MINIMUM.fr}",
        f"Notice in {BOAMP} or a legal gazette for {PUBLIC.en} ({public}), of the buyer's choice for others "
        f"({others}){en}. {NO_MINIMUM.en}",
    )
    return _sentence(message, rules, view)


@applies("light_publicity", "light_publicity_eu")
def social_services(reached: bool | None, view: InForce) -> Sentence | None:
    """Social and other specific services: a notice in OJEU from their EU threshold on, below it what suits.

    Both are said where on which side the value is depends on the buyer.
    """
    below, eu = view["light_publicity"].article, view["light_publicity_eu"].article
    message = {
        True: Text(f"Avis au JOUE ({eu}). {NO_MINIMUM.fr}", f"Notice in {OJEU} ({eu}). {NO_MINIMUM.en}"),
        False: Text(
            f"Publicité adaptée au montant et à la nature des services ({below}). {NO_MINIMUM.fr}",
            f"Publicity to suit the amount and the nature of the services ({below}). {NO_MINIMUM.en}",
        ),
        None: Text(
            f"Avis au JOUE à partir du seuil européen de ces services ({eu}), publicité adaptée au-dessous ({below}). "
            f"{NO_MINIMUM.fr}",
            f"Notice in {OJEU} from the EU threshold of these services ({eu}), publicity to suit below it ({below}). "
            f"{NO_MINIMUM.en}",
        ),
    }[reached]
    return _sentence(message, ("time_adapted", "light_publicity", "light_publicity_eu"), view)


@applies("time_concession_applications", "time_concession_offers", "publication_concession_full")
def concession_full(view: InForce) -> Sentence | None:
    """A concession from the EU threshold on: three publications, and days for applications, then for tenders."""
    first, then = view.value_text("time_concession_applications"), view.value_text("time_concession_offers")
    published, applications = view["publication_concession_full"].article, view["time_concession_applications"].article
    message = Text(
        "Avis au JOUE, au BOAMP ou dans un journal d'annonces légales, et dans une publication du secteur "
        f"({published}). Délais minimaux par voie électronique : {first.fr} jours pour les candidatures "
        f"({applications}), {then.fr} jours pour les offres après invitation",
        f"Notice in {OJEU}, in {BOAMP} or a legal gazette, and in a trade publication ({published}). Minimum "
        f"time limits, electronically: {first.en} days for applications ({applications}), {then.en} days for tenders "
        "after invitation",
    )
    rules = ("time_concession_offers", "time_concession_applications", "publication_concession_full")
    return _sentence(message, rules, view)


@applies("time_concession_simplified", "publication_concession_simplified", "light_concession_publicity")
def concession_simplified(reached: bool | None, view: InForce) -> Sentence | None:
    """A concession in the simplified procedure: one national notice, no minimum time limit.

    Those of social or other specific services have a notice in OJEU besides, from the EU threshold on; where that
    threshold is not known, both are said.
    """
    below, eu = "publication_concession_simplified", "light_concession_publicity"
    national, european = view[below].article, view[eu].article
    where = Text("au BOAMP ou dans un journal d'annonces légales", f"in {BOAMP} or a legal gazette")
    message = {
        True: Text(
            f"Avis au JOUE, et {where.fr} ({european})",
            f"Notice in {OJEU}, and {where.en} ({european})",
        ),
        False: Text(f"Avis {where.fr} ({national})", f"Notice {where.en} ({national})"),
        None: Text(
            f"Avis {where.fr} ({national}), et au JOUE à partir du seuil européen ({european})",
            f"Notice {where.en} ({national}), and in {OJEU} from the EU threshold on ({european})",
        ),
    }[reached]
    rules = {True: (eu,), False: (below,), None: (below, eu)}[reached]
    return _sentence(joined((message, NO_MINIMUM), Text(". ", ". ")), ("time_concession_simplified", *rules), view)
