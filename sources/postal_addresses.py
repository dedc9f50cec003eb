"""Postal addresses as directories write them, split into parts, and the departement and commune they are in."""

import re
from functools import lru_cache
from typing import NamedTuple

import msgspec

from domain.errors import Problem, pointer
from domain.reference.territory import Commune, Territories
from domain.suppliers.supplier import Address, SupplierRecord
from domain.text.bilingual import said_by
from domain.text.normalise import fold

_SAID = said_by(__name__)

_POSTAL_CODE = re.compile(r"\b([0-9]{5})\s+([^0-9,;][^,;]*)")
PHONE_DIGITS, _DIGITS, _DEPARTEMENT_DIGITS = 10, 5, 2
_MONACO = "980"
_OVERSEAS = ("97", "98")
_HAUTE_CORSE = "20200"
_ABBREVIATED = {"st": "saint", "ste": "sainte", "lez": "les", "s": "sur"}
_MOST_RIGHT = 3
_HOST = re.compile(r"(^|\W)(chez|c/o) +(m|mr|mme|mmes|mlle|melle|monsieur|madame|mademoiselle)\b.*", re.IGNORECASE)
# "LILLE CEDEX 9", "PARIS 12", "Lyon 3e Arrondissement"
_DELIVERY = re.compile(r"( cedex\b.*| \d+ ?(er|e|eme)?( arrondissement)?| arrondissement)$")


class PostalAddress(NamedTuple):
    """The street, postal code and city of an address; "" for a part that is missing."""

    street: str
    postal_code: str
    city: str

    def document(self, commune: str | None) -> dict[str, str | None]:
        """The address as a record's document has it; `commune`: its INSEE code. None for a part that is unknown."""
        code = with_first_zero(commune or "", _DIGITS)
        parts = (self.street, confirmed_postal_code(self.postal_code, code), self.city, code)
        return dict(zip(("street", "postal_code", "city", "commune"), (part or None for part in parts), strict=True))


def split_address(line: str) -> PostalAddress:
    """Split "19 rue de la Poste 31700 Cornebarrieu" into parts; without a postal code, all of it is the street."""
    line = " ".join(line.split())
    if found := _POSTAL_CODE.search(line):
        return PostalAddress(line[: found.start()].rstrip(" ,;–-"), found[1], found[2].strip())
    return PostalAddress(line, "", "")


def without_host(street: str) -> str:
    """A street without the person with whom an association lodges ("… chez Mme …"), and what follows."""
    return _HOST.sub("", street)


def with_first_zero(cell: str, digits: int) -> str:
    """A number of so many digits as it was before a spreadsheet (1053, 1053.0 for 01053); any other text unchanged."""
    bare = cell.removesuffix(".0")
    return (f"0{bare}" if len(bare) == digits - 1 and bare[0] != "0" else bare) if bare.isdecimal() else cell


def confirmed_postal_code(written: str, commune: str) -> str:
    """The postal code with the first zero that spreadsheets take off, if the commune's code has it; else as written."""
    whole = with_first_zero(written, _DIGITS)
    return whole if whole[:2] == commune[:2] else written


def departement_of(postal_code: str) -> str:
    """The departement that a French postal code most likely lies in; some communes are served from a neighbour's."""
    if postal_code.startswith("20"):
        return "2B" if postal_code >= _HAUTE_CORSE else "2A"
    return postal_code[:3] if postal_code.startswith(_OVERSEAS) else postal_code[:2]


class CommuneNames:
    """Finds the commune of an address by postal code and city."""

    def __init__(self, territories: Territories) -> None:
        self._territories = territories
        self._by_name: dict[str, tuple[int, ...]] = {}
        for ordinal, commune in enumerate(territories.communes):
            name = _normalised_name(commune.name)
            self._by_name[name] = (*self._by_name.get(name, ()), ordinal)

    def find(self, postal_code: str, city: str, departement: str = "") -> str | None:
        """The INSEE code of the only commune with this name and postal code, else with this name in the departement.

        `departement`: that of the postal code where none is given. Either may lack the first zero that spreadsheets
        take off. The beginning of a name counts where the postal code has only one such ("38760 VARCES"). None where
        the name is unknown there or is that of several: a postal code alone is no commune.
        """
        communes, postal_code = self.communes_named(city), with_first_zero(postal_code, _DIGITS)
        within = with_first_zero(departement, _DEPARTEMENT_DIGITS) or departement_of(postal_code)
        served = [each.code for each in communes if postal_code in each.postal_codes]
        others = () if communes else self._territories.communes_with_postal_code(postal_code)
        named, begins = [self._territories.communes[each] for each in others], _normalised_name(city) + " "
        served += [each.code for each in named if _normalised_name(each.name).startswith(begins)]
        return _single(served) or _single([each.code for each in communes if each.departement == within])

    def document(self, address: PostalAddress, departement: str = "") -> dict[str, str | None]:
        """The address as a record's document has it, with the commune that `find` finds."""
        return address.document(self.find(address.postal_code, address.city, departement))

    def find_in_france(self, city: str) -> str | None:
        """The INSEE code of the only commune in France with this name; None where there are several, or none."""
        return _single([each.code for each in self.communes_named(city)])

    def communes_named(self, city: str) -> list[Commune]:
        """The communes in France with this name, in the order of their codes."""
        return [self._territories.communes[each] for each in self.ordinals_named(city)]

    def ordinals_named(self, city: str) -> tuple[int, ...]:
        """The positions of the communes in France with this name."""
        return self._by_name.get(_normalised_name(city), ())


commune_names = lru_cache(maxsize=1)(CommuneNames)
"""The names for the territories, built once."""


def complete_address(record: SupplierRecord, territories: Territories) -> tuple[SupplierRecord, tuple[Problem, ...]]:
    """The record with the commune that its postal code and city mean, where it names none.

    With a problem where its postal code is none of France; one of fewer digits or of letters is taken from a supplier
    that has a point of its own, as it may be abroad.
    """
    address = record.address
    if address is None or address.commune is not None or not (address.postal_code or "").strip():
        return record, ()
    postal_code, city = "".join((address.postal_code or "").split()), address.city or ""
    if not (postal_code.isascii() and postal_code.isdigit() and len(postal_code) == _DIGITS):
        is_wrong = record.location is None
    else:
        departement = departement_of(postal_code)
        is_wrong = departement not in _departements(territories)
        names = commune_names(territories)
        if commune := None if is_wrong or not city else names.find(postal_code, city, departement):
            return msgspec.structs.replace(record, address=msgspec.structs.replace(address, commune=commune)), ()
    return record, (_no_postal_code(postal_code, city, territories),) if is_wrong else ()


def commune_meant(address: Address | None, territories: Territories) -> str | None:
    """The code of the commune that an address's postal code and city tell, where the one that it has is none."""
    if address is None or address.commune is None or territories.commune_ordinal(address.commune) is not None:
        return None
    return commune_names(territories).find(address.postal_code or "", address.city or "")


@lru_cache(maxsize=1)
def _departements(territories: Territories) -> frozenset[str]:
    """The codes by which postal codes begin: of departements, of collectivities overseas, and Monaco's."""
    return frozenset({_MONACO, *(each.departement for each in territories.communes if each.departement)})


def _no_postal_code(written: str, city: str, territories: Territories) -> Problem:
    """The problem of a postal code that is none, with those of the city if it is known."""
    communes = commune_names(territories).communes_named(city)[:_MOST_RIGHT] if city else ()
    right = ", ".join(f"{each.postal_codes[0]} {each.name}" for each in communes if each.postal_codes)
    detail = _SAID["not_that_of_city" if right else "no_postal_code"].filled(written=written[:20], right=right)
    return Problem(pointer("address", "postal_code"), "unknown_code", detail)


def _single(found: list[str]) -> str | None:
    return found[0] if len(found) == 1 else None


def _normalised_name(name: str) -> str:
    whole = _DELIVERY.sub("", fold(name))
    return " ".join(_ABBREVIATED.get(word, word) for word in whole.split())
