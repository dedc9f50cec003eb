"""Suppliers that a buyer asks last what they do: public bodies, groups of employers, clubs, those without staff.

An approval says more than a name: whoever holds another than GEIQ is asked with its kind. Public bodies with an ESAT or
an EA sell; those with an insertion workshop (ACI) mostly work for themselves, and those that give food aid give it.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from domain.suppliers.supplier import UNKNOWN_SIZE, Kind, LegalForm, SupplierSize
from domain.text.normalise import fold

AskedLast = Literal["public_body", "employers_group", "club", "no_seller", "without_staff"]
"""Reasons to ask a supplier last: it buys rather than sells, lends staff to its members alone, meets for its own sake,
serves the public or other organisations (banks, federations), or is an association that employs nobody."""


class _Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of asked_last.toml: patterns of folded names, from the start of a word."""

    club: tuple[str, ...]
    food_aid: tuple[str, ...]
    no_seller: tuple[str, ...]
    public_body: tuple[str, ...]


@cache
def _name_patterns(kinds: frozenset[Kind]) -> tuple[tuple[AskedLast, re.Pattern[str]], ...]:
    """The patterns of names by which a supplier of these kinds is asked last."""
    names = msgspec.toml.decode((files("domain") / "data" / "asked_last.toml").read_bytes(), type=_Names)
    listed: tuple[tuple[AskedLast, tuple[str, ...]], ...] = (
        (("no_seller", names.food_aid if kinds <= _GIVERS else ()),)
        if kinds
        else (("public_body", names.public_body), ("club", names.club), ("no_seller", names.no_seller + names.food_aid))
    )
    return tuple((reason, re.compile(rf"\b(?:{'|'.join(some)})")) for reason, some in listed if some)


SELLING_KINDS: frozenset[Kind] = frozenset({"ESAT", "EA", "EATT"})
"""The kinds that sell their work, also where a public body runs them."""
_GIVERS: frozenset[Kind] = frozenset({"ACI"})
OF_THE_STATE, OF_LOCAL_AUTHORITIES = "1", "2"
"""The first digits of SIRENs of public bodies, which INSEE gives to nobody else."""


def is_public_siret(siret: str | None) -> bool:
    """Whether a SIRET is one of those that INSEE gives to public bodies alone."""
    return (siret or "").startswith((OF_THE_STATE, OF_LOCAL_AUTHORITIES))


def asked_last(
    kinds: Sequence[Kind],
    legal_form: LegalForm | None,
    name: str = "",
    siret: str | None = None,
    size: SupplierSize = UNKNOWN_SIZE,
) -> AskedLast | None:
    """The reason to ask a supplier last what it does; None for most."""
    if set(kinds) == {"GEIQ"}:
        return "employers_group"
    if SELLING_KINDS.intersection(kinds):
        return None
    if legal_form == "public_body" or is_public_siret(siret):
        return "public_body"
    patterns = _name_patterns(frozenset(kinds))
    folded = fold(name) if patterns else ""
    named = next((reason for reason, pattern in patterns if pattern.search(folded)), None)
    if named or kinds or legal_form != "association":
        return named
    return "without_staff" if size.staff is not None and size.staff.max == 0 else None
