"""Records of the BOAMP API (Opendatasoft): the notice is in `donnees`, JSON in a text, eForms or a national form.

The record is taken as the API answers it, also inside its answer (`results`), or with its fields in `fields`,
`record.fields` or `raw_fields`, as its versions and exports have it. National forms are FNSimple, MAPA, DSP, and the
older ones in capitals (IDENTITE, OBJET). No schema is published with the API; names are those that real records have,
in capitals those of BOAMP's own schema 2.30. They are looked for wherever they stand in the form, since it nests them
differently for a first notice, a correction and an award, and without regard to capitals and underscores: NUM_LOT and
numLot are one name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.text.bilingual import Text, cut
from sources.notices import eforms
from sources.notices.element import Element, PlacedText, from_json, mark_read, placed_texts
from sources.notices.notice import CODES, Amount, Notice, NoticeBuyer, NoticeLot, NoticePlace, Renewals
from sources.notices.reading import months_between, months_of, renewals_in_digits
from sources.notices.ted import is_extract, read_extract

_NOT_JSON = Text("« donnees » n'est pas du JSON", "“donnees” is not JSON")

_CODES = CODES["boamp"]
CPV = ("classprincipale", "classsupplementaire", "principal", "supplementaire")
LOTS, GROUPS_OF_LOTS = ("lot", "lotsmarche"), ("lots",)
PLACES = ("lieuexecution", "lieuexecutionlivraison", "lieuexeclivr")
TITLES, OBJECTS = ("intitule", "titremarche"), ("objet", "objetcomplet", "titre", "description")
REFERENCES = ("refmarche", "referencemarche", "idmarche", "numeroreference")
LENGTHS = (
    (("dureemois", "nbmois"), "MONTH"),
    (("dureejours", "nbjours"), "DAY"),
    (("dureean",), "YEAR"),
)
STARTS, ENDS = ("datedebut", "dateacompterdu"), ("datefin", "datejusquau")
VALUES, MOST = ("valeurestimee", "estimationvaleur", "valeurtotale", "valeur"), ("valeurmax",)
NOT_RESERVED = ("marchereservenon", "marchenonreserve")
BUYERS, BUYER_NAMES = ("organisme", "identite"), ("nomofficiel", "acheteurpublic", "denomination")
NUMBERS = ("codeidentificationnational", "codeidentnational", "siret")
NUTS = ("codenuts", "nuts", "adjudicateurnuts")
FRAMEWORKS, CONCESSIONS = ("accordcadre", "accordcadreoui"), ("dsp",)
AWARDS, LOT_NUMBERS = ("attribution",), ("num", "numlot", "numero")
RENEWALS = ("reconductions", "reconduction")
RENEWAL_COUNTS = ("nbreconductions", "nbreconductionsmax")
OTHER_LENGTHS = ("validite", "dureevaliditeoffre", "dureesystemequalification", *RENEWALS)
"""Elements with durations in them that are not the contract's."""


def _read_national(notice: Notice, donnees: Element) -> None:
    """Read a national form into the notice. Raises InvalidContent for more lots than a notice can have."""
    form = _ElementsByName(donnees)
    elements = _innermost(form.all(*LOTS)) or _innermost(each for each in form.all(*GROUPS_OF_LOTS) if each.children)
    lots = notice.first_lots(elements)
    organisation = next(iter(form.all(*BUYERS)), None)
    if organisation is not None:
        names = _ElementsByName(organisation)
        name = names.first(BUYER_NAMES)
        notice.buyer = NoticeBuyer(organisation.path, name.text if name else "", names.first(NUMBERS))
        notice.buyer.place = _place(organisation)
    apart = [*form.all(*GROUPS_OF_LOTS), *form.all(*LOTS), *form.all(*AWARDS)]
    whole = _lot(donnees, [*apart, *([organisation] if organisation is not None else [])])
    notice.whole, notice.value_covers = whole, "firm"
    framework = [
        each for each in form.all(*FRAMEWORKS) if not any(plain_name(one.name) == "non" for one in each.children)
    ]
    mark_read(*framework)
    whole.technique = "framework_agreement" if framework else None
    notice.contract = "concession" if form.all(*CONCESSIONS) else "market"
    of_form = (one for each in form.all("typeprocedure", "procedure") for one in each.children)
    known = next((each for each in of_form if plain_name(each.name) in _CODES.procedures), None)
    mark_read(known)
    notice.procedure = None if known is None else _CODES.procedures[plain_name(known.name)]
    reference = form.first(REFERENCES)
    notice.reference = reference.text if reference else ""
    flags, said_none = _reserved_marks(form), form.all(*NOT_RESERVED)
    mark_read(*said_none)
    for number, element in enumerate(lots, start=1):
        lot = _lot(element, [])
        identifier = _ElementsByName(element).first(LOT_NUMBERS)
        lot.id = (identifier.text if identifier else "") or str(number)
        lot.months, lot.renewals = lot.months or whole.months, lot.renewals or whole.renewals
        notice.lots.append(lot)
    if not elements and (whole.title or whole.cpv):
        notice.lots.append(replace(whole, id="1"))
    for lot in notice.lots:
        lot.reserved, lot.is_not_reserved = list(flags), bool(said_none) and not flags
    awarded: dict[str, Amount] = {}
    for decision in form.all("decision"):  # of a lot awarded several times, the first counts
        names = _ElementsByName(decision)
        named, amount = names.first(LOT_NUMBERS), _amount(names.all("montant"))
        if amount is not None:
            awarded.setdefault(named.text if named else "1", amount)
    notice.set_values_awarded(awarded)


def plain_name(name: str) -> str:
    """The name of an element in lower case, without underscores."""
    return name.replace("_", "").lower()


class _ElementsByName:
    """The elements inside an element by plain name, except the elements of `besides` and all inside these."""

    def __init__(self, element: Element, besides: Iterable[Element] = ()) -> None:
        apart = {id(each) for each in besides}
        self._by_name: dict[str, list[Element]] = defaultdict(list)
        waiting = list(reversed(element.children))
        while waiting:
            each = waiting.pop()
            if id(each) not in apart:
                self._by_name[plain_name(each.name)].append(each)
                waiting += reversed(each.children)

    def all(self, *names: str) -> list[Element]:
        """The elements with these names, in the order of the names."""
        return [each for name in names for each in self._by_name.get(name, ())]

    def first(self, names: Iterable[str]) -> PlacedText | None:
        """The first text of a childless element with one of these names, which are tried in turn."""
        leaves = (each for each in self.all(*names) if not each.children)
        return next((PlacedText(each.path, text) for each in leaves if (text := each.text())), None)


def _innermost(elements: Iterable[Element]) -> list[Element]:
    """The innermost of nested elements that have children, and childless elements that lie in none of these.

    `lotsMarche` is a lot in some forms, and holds those named `lot` in others; a lot may have its number as `lot`.
    """
    found = list(elements)
    holders = {id(holder) for each in found if each.children for holder in each.ancestors()}
    parts = {id(each) for each in found if each.children} - holders
    return [each for each in found if id(each) not in holders and not parts.intersection(map(id, each.ancestors()))]


def _lot(element: Element, besides: list[Element]) -> NoticeLot:
    """Read a lot, or what holds for all lots, from an element, except the elements of `besides` inside it."""
    everything = _ElementsByName(element, besides)
    own = _ElementsByName(element, [*besides, *everything.all(*OTHER_LENGTHS)])
    title, described = own.first(TITLES), own.first(OBJECTS)
    lot = NoticeLot(element.path, title=title or described)
    lot.words = " . ".join(each.text for each in (title, described, own.first(("principales",))) if each)
    lot.cpv = placed_texts(own.all(*CPV))
    for each in (child for held in own.all("objetprincipal", "objetcomplementaire") for child in held.children):
        if each.name[:8].isdecimal():  # an element whose name is the code that it stands for
            mark_read(each)
            lot.cpv.append(PlacedText(each.path, each.name))
    lot.places = [_place(each) for each in own.all(*PLACES)]
    nuts = tuple(placed_texts(each for each in own.all(*NUTS) if not each.children)) if not lot.places else ()
    words = own.first(("lieuprincipal",)) if not lot.places else None
    if where := nuts[0] if nuts else words:
        lot.places = [NoticePlace(where.path, nuts, words=words.text if words else "")]
    for names, unit in LENGTHS:
        if lot.months is None and (length := own.first(names)):
            lot.months = months_of(length.text, unit)
    start, end = own.first(STARTS), own.first(ENDS)
    if lot.months is None and start and end:
        lot.months = months_between(start.text, end.text)
    lot.value, lot.maximum = _amount(own.all(*VALUES)), _amount(own.all(*MOST))
    lot.renewals = _renewals(everything)
    for each in own.all("typemarche"):
        named = each.children[0].name if each.children else each.text()
        mark_read(*each.children)
        lot.nature = lot.nature or _CODES.natures.get(named.upper())
    return lot


def _renewals(names: _ElementsByName) -> Renewals | None:
    """The renewals that a form states, their number and its words about them; None where it says nothing."""
    if none := names.all("renouvellementnon"):
        mark_read(*none)
        return Renewals(none[0].path, 0, "")
    words = names.first(("renouvellementdescription",))
    for said in (*names.all(*RENEWALS), *names.all("renouvellementoui")):
        own = _ElementsByName(said)
        if none := own.all("non"):
            mark_read(*none)
            return Renewals(said.path, 0, "")
        mark_read(said, *own.all("oui"))
        count, length = own.first(RENEWAL_COUNTS), own.first(("dureemois",))
        texts = (own.first(("description",)), own.first(("calendrier",)), words)
        told = [each.text for each in texts if each] + ([f"{length.text} mois"] if length else [])
        return Renewals(said.path, renewals_in_digits(count.text) if count else None, ". ".join(told))
    return None


def _amount(elements: Iterable[Element]) -> Amount | None:
    """The first amount in the elements, or in a `valeur` inside one; in euros where no currency is written."""
    for each in elements:
        held = next(iter(_ElementsByName(each).all("valeur")), each)
        if text := held.text():
            currencies = (one.attributes.get(name) for one in (each, held) for name in ("devise", "DEVISE"))
            return Amount(held.path, text, next(filter(None, currencies), "EUR"))
    return None


def _reserved_marks(form: _ElementsByName) -> list[PlacedText]:
    """The form's marks that lots are reserved; a mark that has another one inside it is left out."""
    flags = []
    for name, mark in _CODES.reserved.items():
        for each in form.all(name):
            if not _ElementsByName(each).all(*_CODES.reserved):
                mark_read(each)
                flags.append(PlacedText(each.path, mark))
    return flags


def _place(element: Element) -> NoticePlace:
    names = _ElementsByName(element)
    postal, city = names.first(("cp",)), names.first(("ville",))
    nuts = tuple(placed_texts(each for each in names.all(*NUTS) if not each.children))
    words = "" if element.children else element.text()
    return NoticePlace(
        element.path,
        nuts,
        postal_code=postal.text if postal else "",
        city=city.text if city else "",
        words=words or " ".join(each.text() for each in names.all("adresse", "libelle", "lieu") if not each.children),
    )


HOLDERS = ("results", "records", "record", "fields", "raw_fields")
DEEPEST = 6
"""The steps to a record that stands in an answer of the API."""
CANCELLED = ("ANNULATION",)


def records_in(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the BOAMP records inside a JSON document at `path`, each with its JSON pointer."""
    if len(path) > DEEPEST:
        return
    if isinstance(document, list):
        for place, each in enumerate(document):
            yield from records_in(each, (*path, place))
    elif isinstance(document, dict):
        if "donnees" in document or "objet" in document or is_extract(document):
            yield pointer(*path), document
            return
        for name in HOLDERS:
            if isinstance(document.get(name), dict | list):
                yield from records_in(document[name], (*path, name))
                return


def read(record: Mapping[str, Any], at: str) -> Notice:
    """Read the notice in a BOAMP record, which stands at the JSON pointer `at` of the request's body.

    Raises InvalidContent where `donnees` is no JSON, and for what is past the bounds of `from_json`.
    """
    if is_extract(record):
        return read_extract(record)
    written = record.get("donnees")
    if isinstance(written, str) and written.strip():
        try:
            written = msgspec.json.decode(written)
        except (msgspec.DecodeError, RecursionError):
            raise InvalidContent((Problem(f"{at}/donnees", "malformed_json", _NOT_JSON),)) from None
    root = from_json({**record, "donnees": written})
    donnees = root.child("donnees") or root
    form = next(donnees.descendants(*eforms.ROOTS), None)
    if form is not None:
        notice = eforms.read(form)
        notice.root = root
    else:
        notice = Notice(root)
        _read_national(notice, donnees)
    _complete_from_record(notice, root)
    return notice


def _departements(elements: Iterable[Element]) -> tuple[PlacedText, ...]:
    """The codes of departements in elements that list them with commas between."""
    listed = ((path, code.strip()) for path, text in placed_texts(elements) for code in text.split(","))
    return tuple(PlacedText(path, code) for path, code in listed if code)


def _complete_from_record(notice: Notice, root: Element) -> None:
    """Fill in, from a BOAMP record, what the form inside the record left unsaid in the notice."""
    whole = notice.whole
    reference, title, buyer = (root.first_text(name) for name in ("idweb", "objet", "nomacheteur"))
    notice.reference = notice.reference or (reference.text if reference else "")
    whole.title = whole.title or title
    if buyer is not None:
        notice.buyer = notice.buyer or NoticeBuyer(buyer.path)
        notice.buyer.name = notice.buyer.name or buyer.text
    kind, family = root.first_text("type_procedure"), root.first_text("famille")
    if notice.procedure is None and kind is not None:
        notice.procedure = _CODES.procedures.get(plain_name(kind.text))
        if notice.procedure is None:
            notice.note(kind.path, "procedure_without_equal", text=cut(kind.text))
    if family is not None and family.text.upper() == "DSP":
        notice.contract = "concession"
    nature = next((each.text() for each in root.all("type_marche") if each.text()), "")
    whole.nature = whole.nature or _CODES.natures.get(nature.upper())
    if (state := root.first_text("etat")) is not None and state.text.upper() in CANCELLED:
        notice.note(state.path, "procedure_cancelled")
    mark_read(*(root.child(name) for name in ("id", "url_avis", "filename")))
    if not notice.lots and (whole.title or whole.cpv):
        notice.lots.append(NoticeLot(whole.title.path if whole.title else root.path, "1", whole.title))
    if not whole.places and not all(lot.places for lot in notice.lots):
        named = map(_departements, map(root.all, ("code_departement_prestation", "code_departement")))
        if codes := next(filter(None, named), ()):
            whole.places.append(NoticePlace(codes[0].path, departements=codes))
    if not whole.cpv and len(notice.lots) == 1 and not notice.lots[0].cpv:
        notice.keywords = [each.text() for each in root.all("descripteur_libelle") if each.text()]
