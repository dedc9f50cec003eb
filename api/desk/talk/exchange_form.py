"""The form of a new exchange, as it is filled in: to whom, by which means, in which words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgspec

from api.desk.frame.mistakes import Mistake
from api.desk.frame.visit import Visit
from db.core.engine import Connection
from db.suppliers.read import Filters, page_of_suppliers
from domain.decoding.explain import explain
from domain.errors import InvalidContent, Problem
from domain.exchanges.exchange import ExchangeRequest
from domain.exchanges.letter import ToldTerm, told_terms
from domain.needs.need import Need
from domain.shortlists.frozen import FrozenShortlist, to_be_contacted, unknown_to_be_contacted
from domain.shortlists.shortlist import SupplierSummary
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Language, Text

ALL, SOME = "liste", "choisis"
MOST_FOUND, SIRET_DIGITS, LONGEST_SOUGHT = 20, 14, 200


class ExchangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new exchange as it is filled in.

    `to`: all of the shortlist, or the `suppliers` that are ticked; `told`: the terms of the purchase that the message
    tells; `sought`: a name to be looked up in the directory.
    """

    to: str = ALL
    include_unknown: str = ""
    suppliers: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    channel: str = "email"
    template: str = ""
    subject: str = ""
    body: str = ""
    told: tuple[str, ...] = ()
    meeting: str = ""
    sought: str = ""

    def fields(self) -> Iterator[tuple[str, str]]:
        """The names and texts of the fields, as the page sends them."""
        for attribute, name in FIELDS.items():
            value = getattr(self, attribute)
            for text in value if isinstance(value, tuple) else (value,):
                yield name, text


FIELDS = {
    "to": "a",
    "include_unknown": "inconnus",
    "suppliers": "fournisseur",
    "lots": "lot",
    "channel": "moyen",
    "template": "modele",
    "subject": "objet",
    "body": "texte",
    "told": "dire",
    "meeting": "rencontre",
    "sought": "cherche",
}
_POINTERS = {
    "recipients": "a",
    "include_unknown_trade": "a",
    "lot_ids": "lot",
    "channel": "moyen",
    "subject": "objet",
    "sender": "expediteur",
}
TOLD_TERMS: tuple[ToldTerm, ...] = get_args(ToldTerm)


class Choice(NamedTuple):
    """A supplier that can be written to. `lots`: those for which the shortlist names it."""

    supplier: SupplierSummary | Supplier
    lots: tuple[str, ...]


class Choices(NamedTuple):
    """The suppliers to choose from: candidates, those of unknown trade, others that were named, others looked up."""

    candidates: list[Choice]
    unknown: list[Choice]
    others: list[Choice]
    found: list[Choice]


def form_in(visit: Visit) -> ExchangeForm:
    """The form in the fields of a visit."""
    read: dict[str, Any] = {}
    for attribute, name in FIELDS.items():
        texts = visit.fields.get(name, [])
        if attribute in {"suppliers", "lots", "told"}:
            read[attribute] = tuple(dict.fromkeys(filter(None, texts)))
        elif texts:
            read[attribute] = texts[-1]
    form = ExchangeForm(**read)
    if "a" not in visit.fields and form.suppliers:
        return msgspec.structs.replace(form, to=SOME)
    return form


def request_of(form: ExchangeForm, need: Need, language: Language) -> ExchangeRequest:
    """The exchange about the need that the form asks for; after its message, the terms that it tells.

    Raises InvalidContent with everything to be corrected.
    """
    problems = []
    if not form.subject:
        problems.append(Problem("/subject", "missing_field", NO_SUBJECT))
    if not form.body:
        problems.append(Problem("/body", "missing_field", NO_BODY))
    if form.to == SOME and not form.suppliers:
        problems.append(Problem("/recipients", "missing_field", NOBODY_TICKED))
    if problems:
        raise InvalidContent(tuple(problems))
    sentences = told_terms(need, form.lots, [each for each in TOLD_TERMS if each in form.told])
    told = filter(None, ["\n".join(each.to(language) for each in sentences)])
    asked = {
        "subject": form.subject,
        "body": "\n\n".join((form.body, *told)),
        "channel": form.channel,
        "recipients": form.suppliers if form.to == SOME else "shortlist",
        "lot_ids": form.lots,
        "include_unknown_trade": form.to != SOME and bool(form.include_unknown),
    }
    try:
        return msgspec.convert(asked, ExchangeRequest)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, ExchangeRequest),)) from None


def mistakes_in(invalid: InvalidContent) -> list[Mistake]:
    """The problems of a new exchange at the fields of the form."""
    steps = ((each, each.pointer.partition("/")[2].partition("/")[0]) for each in invalid.problems)
    return [Mistake(_POINTERS.get(step, "texte"), each.detail) for each, step in steps]


def choices_of(
    version: FrozenShortlist | None, named: Mapping[UUID, Supplier], found: Sequence[Supplier] = ()
) -> Choices:
    """The suppliers that the latest shortlist lists and that are not set aside, others named by ids, others `found`."""
    candidates = _chosen(version, {each.id: each for each in to_be_contacted(version, ())} if version else {})
    unknown = {each.id: each for each in unknown_to_be_contacted(version, ())} if version else {}
    listed = {each.supplier.id for each in candidates}
    of_unknown = _chosen(version, {each: supplier for each, supplier in unknown.items() if each not in listed})
    listed |= unknown.keys()
    others = {each.id: Choice(each, ()) for each in named.values() if each.id not in listed}
    more = [Choice(each, ()) for each in found if each.id not in listed and each.id not in others]
    return Choices(candidates, of_unknown, list(others.values()), more)


async def found_in_directory(visit: Visit, connection: Connection, sought: str) -> Sequence[Supplier]:
    """Active suppliers of that name, or of that SIRET; none for a key that may not read the directory."""
    sought = sought[:LONGEST_SOUGHT]
    digits = "".join(sought.split())
    if not sought or not visit.call.bearer.may("read"):
        return ()
    is_siret = len(digits) == SIRET_DIGITS and digits.isdecimal()
    filters = Filters(siret=digits, active=True) if is_siret else Filters(q=sought, active=True)
    entries = await page_of_suppliers(connection, filters, None, MOST_FOUND)
    return [each.supplier for each in entries]


def _chosen(version: FrozenShortlist | None, suppliers: dict[UUID, SupplierSummary]) -> list[Choice]:
    lots: dict[UUID, list[str]] = {each: [] for each in suppliers}
    for lot in version.shown if version else ():
        for each in lot.listed:
            if each.id in lots:
                lots[each.id].append(lot.id)
    return [Choice(each, tuple(dict.fromkeys(lots[each.id]))) for each in suppliers.values()]


NO_SUBJECT = Text("Donnez un objet : quelques mots sur une ligne", "Give a subject: a few words on one line")
NO_BODY = Text(
    "Le message est vide : écrivez-le, ou prenez un modèle", "The message is empty: write it, or use a template"
)
NOBODY_TICKED = Text(
    "Cochez au moins un fournisseur, ou écrivez à toute la liste",
    "Tick at least one supplier, or write to the whole list",
)
NOBODY_LISTED = Text(
    "La liste n'a aucun candidat à qui écrire pour ces lots : cochez des fournisseurs, ou écrivez à ceux d'activité "
    "inconnue",
    "The list has no candidate to write to for these lots: tick suppliers, or write to those of unknown trade",
)
