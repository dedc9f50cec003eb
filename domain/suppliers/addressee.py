"""Addressees of letters to suppliers: the legal unit and address that several may share, and its lines."""

from collections.abc import Hashable, Sequence
from typing import Protocol
from uuid import UUID

from domain.suppliers.supplier import SIREN_DIGITS, Address, Kind
from domain.text.normalise import fold


class Addressed(Protocol):
    """A supplier with its identifiers, as far as they say who gets a letter."""

    @property
    def id(self) -> UUID: ...
    @property
    def siret(self) -> str | None: ...
    @property
    def kinds(self) -> Sequence[Kind]: ...


def addressee(supplier: Addressed, address: Address | None) -> Hashable:
    """The legal unit and address that a letter to the supplier goes to; of a GEIQ, the legal unit, wherever it stands.

    The supplier alone where these are not known.
    """
    siren = (supplier.siret or "")[:SIREN_DIGITS]
    if siren and tuple(supplier.kinds) == ("GEIQ",):
        return siren
    if siren and address and address.street and (town := address.postal_code or address.commune):
        return siren, fold(address.street), town
    return supplier.id


def address_lines(address: Address | None) -> tuple[str, ...]:
    """The lines of a postal address below the name; empty without postal code and town, as no letter would arrive."""
    if address is None or not (address.postal_code and address.city):
        return ()
    street = " ".join((address.street or "").split())
    town = f"{address.postal_code.strip()} {' '.join(address.city.split()).upper()}"
    return (street, town) if street else (town,)
