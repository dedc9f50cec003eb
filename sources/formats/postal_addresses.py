"""Postal addresses as other directories write them: in one line, or with a postal code and no departement."""

import re
from typing import NamedTuple

_POSTAL_CODE = re.compile(r"^(?P<street>.*?)[\s,;–-]*\b(?P<postal_code>[0-9]{5})\s+(?P<city>[^0-9,;][^,;]*)")
_OVERSEAS = ("97", "98")
_HAUTE_CORSE = "20200"


class PostalAddress(NamedTuple):
    """The parts of an address; "" for one that is not there."""

    street: str
    postal_code: str
    city: str


def split_address(line: str) -> PostalAddress:
    """The parts of "19 rue de la Poste 31700 Cornebarrieu"; all of it is the street where no postal code is found."""
    line = " ".join(line.split())
    if found := _POSTAL_CODE.match(line):
        return PostalAddress(*(part.strip() for part in found.groups()))
    return PostalAddress(line, "", "")


def departement_of(postal_code: str) -> str:
    """The departement that a French postal code most likely lies in; some communes are served from a neighbour's."""
    if postal_code.startswith("20"):
        return "2B" if postal_code >= _HAUTE_CORSE else "2A"
    return postal_code[:3] if postal_code.startswith(_OVERSEAS) else postal_code[:2]
