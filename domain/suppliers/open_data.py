"""Open licences of sources, and suppliers as they may be published: without contact, and no persons."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from uuid import UUID

import msgspec

from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import Contact, Kind, Offer, Supplier
from domain.text.normalise import fold

SELF_EMPLOYED: tuple[Kind, ...] = ("TIH",)
"""Kinds of suppliers who are persons: their name is personal data, and none of them is published."""

REACHES_SOMEBODY = re.compile(r"[^\s@]+@[^\s@]+|(?:\+\s?33|\b0)\s?[1-9](?:[ .\-]?\d{2}){4}\b")
"""Finds an e-mail address or a telephone number in words that are shown to anybody."""


class Licence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A licence under which anybody may use data again: what it is called, where it is read."""

    title: str
    url: str
    also: tuple[str, ...] = ()
    share_alike: bool = False


LICENCES: Mapping[str, Licence] = msgspec.toml.decode(
    (files("domain") / "data" / "licences.toml").read_bytes(), type=dict[str, Licence]
)


def _spelling(written: str) -> str:
    """The letters and digits of a licence's name, whatever stands between them."""
    return "".join(filter(str.isalnum, fold(written)))


_BY_SPELLING = {_spelling(name): key for key, each in LICENCES.items() for name in (key, each.title, *each.also)}


def open_licence(written: str | None) -> str | None:
    """The identifier of the open licence that is written; None where none is, or one that is not known to be open."""
    return None if written is None else _BY_SPELLING.get(_spelling(written))


def published_supplier(supplier_id: UUID, stored: Sequence[StoredRecord]) -> Supplier | None:
    """The supplier as records of open sources make it, without contact, description and words that reach a person.

    None where none of these records makes a supplier, or where they say that it is not active.
    """
    if all(item.supplier_id is None for item in stored):
        return None
    supplier = assemble(supplier_id, stored)
    if not supplier.active:
        return None
    offers = tuple(map(_without_contact, supplier.offers))
    return msgspec.structs.replace(supplier, contact=Contact(), description=None, offers=offers)


def _without_contact(offer: Offer) -> Offer:
    """The offer without labels in which an e-mail address or a telephone number stands."""
    evidence = tuple(
        msgspec.structs.replace(each, label=None) if each.label and REACHES_SOMEBODY.search(each.label) else each
        for each in offer.evidence
    )
    label = None if offer.label and REACHES_SOMEBODY.search(offer.label) else offer.label
    return (
        offer
        if (label, evidence) == (offer.label, offer.evidence)
        else msgspec.structs.replace(offer, label=label, evidence=evidence)
    )
