"""Suppliers that a buyer asks last what they do: public bodies, groups of employers, clubs.

An approval says more than a name: whoever holds another than GEIQ is asked with its kind. Public bodies with an ESAT or
an EA sell; those with an insertion workshop (ACI) mostly work for themselves.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from domain.suppliers.supplier import Kind, LegalForm
from domain.text.normalise import fold

AskedLast = Literal["public_body", "employers_group", "club"]
"""Reasons to ask a supplier last: it buys rather than sells, lends staff to its members alone, or sells nothing."""


class _Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of asked_last.toml: patterns of folded names."""

    club: tuple[str, ...]
    public_body: tuple[str, ...]


@cache
def _name_patterns() -> tuple[tuple[AskedLast, re.Pattern[str]], ...]:
    """The patterns of names by which a supplier is asked last."""
    names = msgspec.toml.decode((files("domain") / "data" / "asked_last.toml").read_bytes(), type=_Names)
    return ("public_body", re.compile("|".join(names.public_body))), ("club", re.compile("|".join(names.club)))


SELLING_KINDS: frozenset[Kind] = frozenset({"ESAT", "EA", "EATT"})
"""The kinds that sell their work, also where a public body runs them."""
OF_THE_STATE, OF_LOCAL_AUTHORITIES = "1", "2"
"""The first digits of SIRENs of public bodies, which INSEE gives to nobody else."""


def asked_last(
    kinds: Sequence[Kind], legal_form: LegalForm | None, name: str = "", siret: str | None = None
) -> AskedLast | None:
    """The reason to ask a supplier last what it does; None for most."""
    if set(kinds) == {"GEIQ"}:
        return "employers_group"
    if SELLING_KINDS.intersection(kinds):
        return None
    if legal_form == "public_body" or (siret or "").startswith((OF_THE_STATE, OF_LOCAL_AUTHORITIES)):
        return "public_body"
    folded = "" if kinds else fold(name)
    return next((reason for reason, pattern in _name_patterns() if pattern.search(folded)), None)
