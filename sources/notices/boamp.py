"""Records of the BOAMP API (Opendatasoft): the notice is in `donnees`, JSON in a text, eForms or a national form.

The record is taken as the API answers it, also inside its answer (`results`), or with its fields in `fields`,
`record.fields` or `raw_fields`, as its versions and exports have it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.text.bilingual import Text
from sources.notices import boamp_national, eforms, remarks, ted_extract
from sources.notices.element import Element, PlacedText, from_json, mark_read
from sources.notices.notice import Notice, NoticeBuyer, NoticeLot, NoticePlace

HOLDERS = ("results", "records", "record", "fields", "raw_fields")
DEEPEST = 6
"""The steps to a record that stands in an answer of the API."""
CANCELLED = ("ANNULATION",)
NO_RECORD = Text(
    "Ni un avis en XML, ni un enregistrement de l'API du BOAMP (un objet avec « donnees » ou « objet »)",
    "Neither a notice in XML nor a record of the BOAMP API (an object with “donnees” or “objet”)",
)
NO_JSON = Text("« donnees » n'est pas du JSON", "“donnees” is not JSON")
SEVERAL = Text(
    "Un seul avis à la fois : envoyer les enregistrements un par un", "One notice at a time: send each record"
)


def records_in(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The records in a document, each with its JSON pointer."""
    return _records(document, ())


def _records(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if len(path) > DEEPEST:
        return
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _records(each, (*path, place))
    elif isinstance(value, dict):
        if "donnees" in value or "objet" in value or ted_extract.is_extract(value):
            yield pointer(*path), value
            return
        for name in HOLDERS:
            if isinstance(value.get(name), dict | list):
                yield from _records(value[name], (*path, name))
                return


def read(record: Mapping[str, Any], at: str) -> Notice:
    """The notice of a record; `at`: its JSON pointer in the body.

    Raises InvalidContent where `donnees` is no JSON, and for what is past the bounds of `from_json`.
    """
    if ted_extract.is_extract(record):
        return ted_extract.read(record)
    root = from_json({**record, "donnees": _written_in(record, at)})
    donnees = root.at("donnees") or root
    form = next(donnees.within(*eforms.ROOTS), None)
    if form is not None:
        notice = eforms.read(form)
        notice.root = root
    else:
        notice = Notice(root)
        boamp_national.read(notice, donnees)
    _complete(notice, root)
    return notice


def _written_in(record: Mapping[str, Any], at: str) -> Any:
    value = record.get("donnees")
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidContent((Problem(f"{at}/donnees", "malformed_json", NO_JSON),)) from None


def _complete(notice: Notice, root: Element) -> None:
    """Take from the record itself what the form in it does not say."""
    reference, title, buyer = (root.first_text(name) for name in ("idweb", "objet", "nomacheteur"))
    notice.reference = notice.reference or (reference.text if reference else "")
    notice.title = notice.title or title
    if notice.buyer is None and buyer is not None:
        notice.buyer = NoticeBuyer(buyer.path, buyer.text)
    elif notice.buyer is not None and not notice.buyer.name and buyer is not None:
        notice.buyer.name = buyer.text
    _complete_procedure(notice, root)
    nature = next((each.text() for each in root.all("type_marche") if each.text()), "")
    notice.nature = notice.nature or boamp_national.NATURES.get(nature.upper())
    if (state := root.first_text("etat")) is not None and state.text.upper() in CANCELLED:
        notice.note(state.path, "Cet avis annule la procédure", "This notice cancels the procedure")
    mark_read(*(root.at(name) for name in ("id", "url_avis", "filename")))
    if not notice.lots and (notice.title or notice.cpv):
        notice.lots.append(NoticeLot(notice.title.path if notice.title else root.path, "1", notice.title))
    if not notice.places and not all(lot.places for lot in notice.lots):
        departements = _departements(root)
        if departements:
            notice.places.append(NoticePlace(departements[0].path, departements=departements))
    if not notice.cpv and len(notice.lots) == 1 and not notice.lots[0].cpv:
        notice.keywords = [each.text() for each in root.all("descripteur_libelle") if each.text()]


def _complete_procedure(notice: Notice, root: Element) -> None:
    kind = root.first_text("type_procedure")
    if notice.procedure is None and kind is not None:
        notice.procedure = boamp_national.PROCEDURES.get(boamp_national.plain(kind.text))
        if notice.procedure is None:
            remarks.procedure_without_equal(notice, kind.path, kind.text)
    family = root.first_text("famille")
    if family is not None and family.text.upper() == "DSP":
        notice.contract = "concession"


def _departements(root: Element) -> tuple[PlacedText, ...]:
    for name in ("code_departement_prestation", "code_departement"):
        found = [
            PlacedText(each.path, code) for each in root.all(name) for code in each.text().split(",") if code.strip()
        ]
        if found:
            return tuple(PlacedText(each.path, each.text.strip()) for each in found)
    return ()
