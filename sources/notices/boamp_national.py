"""The national forms in records of BOAMP: FNSimple, MAPA, and the older ones with names in capitals (IDENTITE, OBJET).

No schema is published with the API; names are those that real records have, in capitals those of BOAMP's own schema
2.30. They are looked for wherever they stand in the form, since it nests them differently for a first notice, a
correction and an award.
"""

from collections.abc import Iterable

from domain.needs.need import Nature
from sources.notices.durations import months_between, months_of
from sources.notices.element import Element, Written, mark_read
from sources.notices.notice import (
    Amount,
    Notice,
    NoticeBuyer,
    NoticeLot,
    NoticePlace,
    ReservedFlag,
    ReservedMark,
)

NATURES: dict[str, Nature] = {
    "TRAVAUX": "works",
    "FOURNITURES": "supplies",
    "SERVICES": "services",
}
CPV = ("classPrincipale", "classSupplementaire", "PRINCIPAL", "SUPPLEMENTAIRE")
LOTS, GROUPS_OF_LOTS = ("lot", "LOT", "lotsMarche"), ("lots", "LOTS")
PLACES = ("lieuExecution", "lieuExecutionLivraison", "LIEU_EXEC_LIVR")
TITLES = ("intitule", "TITRE_MARCHE", "INTITULE", "titre")
OBJECTS = ("objet", "OBJET_COMPLET", "description", "DESCRIPTION")
MONTHS, DAYS = ("dureeMois", "nbMois", "DUREE_MOIS"), ("dureeJours", "nbJours", "DUREE_JOURS")
VALUES, MOST = ("valeurEstimee", "estimationValeur", "VALEUR", "valeur"), ("VALEUR_MAX",)
RESERVED: dict[str, ReservedMark] = {
    "MARCHE_RESERVE_OUI": "sheltered",
    "ATELIERS_PROTEGES": "sheltered",
    "EMPLOIS_PROTEGES": "programme",
}
NOT_RESERVED = ("MARCHE_RESERVE_NON", "MARCHE_NON_RESERVE")
BUYERS = ("organisme", "IDENTITE")
NUTS = ("codeNuts", "codeNUTS", "CODE_NUTS", "nuts")


def read(notice: Notice, donnees: Element) -> None:
    """Read the form in `donnees` into the notice."""
    organisation = next(donnees.within(*BUYERS), None)
    if organisation is not None:
        notice.buyer = _buyer(organisation)
    elements = list(donnees.within(*LOTS)) or [each for each in donnees.within(*GROUPS_OF_LOTS) if each.children]
    whole = _lot(donnees, [*elements, *([organisation] if organisation is not None else [])])
    notice.title, notice.cpv, notice.nature, notice.places = whole.title, whole.cpv, whole.nature, whole.places
    notice.value, notice.maximum, notice.words = whole.value, whole.maximum, whole.words
    notice.technique = "framework_agreement" if next(donnees.within("ACCORD_CADRE"), None) is not None else None
    reference = next(donnees.within("REF_MARCHE", "REFERENCE_MARCHE", "idMarche"), None)
    notice.reference = reference.text() if reference is not None else ""
    flags, said_none = _flags(donnees), next(donnees.within(*NOT_RESERVED), None)
    mark_read(said_none)
    for number, element in enumerate(notice.first_lots(elements), start=1):
        lot = _lot(element, [])
        identifier = next(element.within("num", "NUM", "numLot", "NUM_LOT", "numero"), None)
        lot.id = (identifier.text() if identifier is not None else "") or str(number)
        lot.months = lot.months or whole.months
        notice.lots.append(lot)
    if not elements and (whole.title or whole.cpv):
        whole.id = "1"
        notice.lots.append(whole)
    for lot in notice.lots:
        lot.reserved, lot.is_not_reserved = list(flags), said_none is not None and not flags


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
    lot.places = [_place(each) for each in found(*PLACES)] or _own_place(found(*NUTS), first(("LIEU_PRINCIPAL",)))
    for names, unit in ((MONTHS, "MONTH"), (DAYS, "DAY")):
        if lot.months is None and (length := first(names)):
            lot.months = months_of(length.text, unit)
    start, end = first(("DATE_DEBUT",)), first(("DATE_FIN",))
    if lot.months is None and start and end:
        lot.months = months_between(start.text, end.text)
    lot.value, lot.maximum = _amount(found(*VALUES)), _amount(found(*MOST))
    for each in found("typeMarche", "TYPE_MARCHE"):
        named = each.children[0].name if each.children else each.text()
        mark_read(*each.children)
        lot.nature = lot.nature or NATURES.get(named.upper())
    return lot


def _amount(elements: Iterable[Element]) -> Amount | None:
    """The first amount, which may stand in an element of its own; in euros where no currency is written."""
    for each in elements:
        held = next(each.within("valeur", "VALEUR"), each)
        if text := held.text():
            written = (one.attributes.get(name) for one in (each, held) for name in ("devise", "DEVISE"))
            return Amount(held.path, text, next(filter(None, written), "EUR"))
    return None


def _flags(donnees: Element) -> list[ReservedFlag]:
    """The marks of reservation; the one that names the kind comes in the place of the one around it."""
    flags = []
    for each in donnees.within(*RESERVED):
        kinds = list(each.within(*RESERVED)) or [each]
        mark_read(*kinds)
        flags += [ReservedFlag(kind.path, RESERVED[kind.name]) for kind in kinds]
    return flags


def _own_place(nuts: list[Element], words: Written | None) -> list[NoticePlace]:
    """The place of a lot whose codes and words stand beside its other fields."""
    codes = tuple(Written(each.path, text) for each in nuts if (text := each.text()))
    if not codes and words is None:
        return []
    where = codes[0] if codes else words or Written("", "")
    return [NoticePlace(where.path, codes, words=words.text if words else "")]


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
