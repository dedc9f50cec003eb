"""The national forms in records of BOAMP: FNSimple, MAPA, and the older ones with names in capitals (IDENTITE, OBJET).

No schema of theirs is published with the API; names are those that real records have. They are looked for wherever
they stand in the form, since it nests them differently for a first notice, a correction and an award.
"""

from collections.abc import Iterable

from domain.needs.need import Nature
from sources.notices.durations import months_of
from sources.notices.element import Element, Written, mark_read
from sources.notices.notice import Amount, Notice, NoticeBuyer, NoticeLot, NoticePlace

NATURES: dict[str, Nature] = {
    "TRAVAUX": "works",
    "FOURNITURES": "supplies",
    "SERVICES": "services",
}
CPV = ("classPrincipale", "classSupplementaire", "PRINCIPAL", "SUPPLEMENTAIRE")
LOTS = ("lot", "LOT")
PLACES = ("lieuExecution", "lieuExecutionLivraison", "LIEU_EXEC_LIVR")
TITLES = ("intitule", "TITRE_MARCHE", "INTITULE", "titre")
OBJECTS = ("objet", "OBJET_COMPLET", "description", "DESCRIPTION")
MONTHS, DAYS = ("dureeMois", "nbMois", "DUREE_MOIS"), ("dureeJours", "nbJours", "DUREE_JOURS")
VALUES = ("valeurEstimee", "estimationValeur", "VALEUR", "valeur")
BUYERS = ("organisme", "IDENTITE")
NUTS = ("codeNuts", "codeNUTS", "CODE_NUTS", "nuts")


def read(notice: Notice, donnees: Element) -> None:
    """Read the form in `donnees` into the notice."""
    organisation = next(donnees.within(*BUYERS), None)
    if organisation is not None:
        notice.buyer = _buyer(organisation)
    elements = list(donnees.within(*LOTS))
    whole = _lot(donnees, [*elements, *([organisation] if organisation is not None else [])])
    notice.title, notice.cpv, notice.nature, notice.places = whole.title, whole.cpv, whole.nature, whole.places
    notice.value, notice.words = whole.value, whole.words
    for number, element in enumerate(notice.first_lots(elements), start=1):
        lot = _lot(element, [])
        identifier = next(element.within("num", "NUM", "numLot", "NUM_LOT", "numero"), None)
        lot.id = (identifier.text() if identifier is not None else "") or str(number)
        lot.months, lot.renewals = lot.months or whole.months, lot.renewals or whole.renewals
        notice.lots.append(lot)
    if not elements and (whole.title or whole.cpv):
        whole.id = "1"
        notice.lots.append(whole)


def _lot(element: Element, besides: list[Element]) -> NoticeLot:
    """The lot, or the whole, that an element describes; what stands in the elements `besides` is left out."""

    apart = {id(each) for each in besides}

    def found(*names: str) -> list[Element]:
        return [each for each in element.within(*names) if not each.is_within(apart)]

    def first(names: Iterable[str]) -> Written | None:
        leaves = (each for name in names for each in found(name) if not each.children)
        return next((Written(each.path, text) for each in leaves if (text := each.text())), None)

    title, described = first(TITLES), first(OBJECTS)
    lot = NoticeLot(element.path, "", title or described)
    lot.words = " . ".join(each.text for each in (title, described, first(("principales",))) if each)
    lot.cpv = [Written(each.path, text) for each in found(*CPV) if (text := each.text())]
    lot.places = [_place(each) for each in found(*PLACES)]
    for names, unit in ((MONTHS, "MONTH"), (DAYS, "DAY")):
        if lot.months is None and (length := first(names)):
            lot.months = months_of(length.text, unit)
    for each in found(*VALUES):
        held = next(each.within("valeur", "VALEUR"), each)
        if lot.value is None and (text := held.text()):
            currency = each.attributes.get("devise") or each.attributes.get("DEVISE") or held.attributes.get("devise")
            lot.value = Amount(held.path, text, currency or held.attributes.get("DEVISE") or "EUR")
    for each in found("typeMarche", "TYPE_MARCHE"):
        named = each.children[0].name if each.children else each.text()
        mark_read(*each.children)
        lot.nature = lot.nature or NATURES.get(named.upper())
    return lot


def _buyer(element: Element) -> NoticeBuyer:
    name = next(element.within("nomOfficiel", "acheteurPublic", "DENOMINATION"), None)
    number = next(element.within("codeIdentificationNational", "siret", "SIRET"), None)
    buyer = NoticeBuyer(element.path, name.text() if name is not None else "")
    buyer.number = Written(number.path, number.text()) if number is not None and number.text() else None
    buyer.place = _place(element)
    return buyer


def _place(element: Element) -> NoticePlace:
    postal, city = (next(element.within(*names), None) for names in (("cp", "CP"), ("ville", "VILLE")))
    nuts = tuple(Written(each.path, text) for each in element.within(*NUTS) if (text := each.text()))
    words = "" if element.children else element.text()
    return NoticePlace(
        element.path,
        nuts,
        postal_code=postal.text() if postal is not None else "",
        city=city.text() if city is not None else "",
        words=words or " ".join(each.text() for each in element.within("ADRESSE", "libelle", "lieu")),
    )
