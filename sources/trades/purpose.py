"""Offers by the declared purpose of an association: the codes of the RNA, and its text where a code needs it.

A purpose says what an association is for, not what it sells: of most codes and of texts alone nothing is concluded.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Evidence, Offer
from sources.trades.inference import WordReader
from sources.trades.offers import offer_of, reference_of, shortened


class PurposeCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of waldec_trades.toml: what codes name, for sure or where the text agrees, and codes of sellers."""

    strong: dict[str, tuple[str, ...]]
    weak: dict[str, tuple[str, ...]]
    sellers: dict[str, str]


@cache
def purpose_codes() -> PurposeCodes:
    """The codes as committed in `domain/data/waldec_trades.toml`."""
    text = (files("domain") / "data" / "waldec_trades.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), PurposeCodes)


class PurposeReader:
    """Reads purposes as offers; built once for a taxonomy."""

    def __init__(self, taxonomy: Taxonomy, source: str | None) -> None:
        self._source, self._codes = source, purpose_codes()
        self._words = WordReader(taxonomy)

    def offers(self, codes: Iterable[str], text: str) -> tuple[Offer, ...]:
        """An offer for each code that names a trade, and one for the words of a structure that sells."""
        named = tuple(clue.segment for clue in self._words.read((text,)))
        found: dict[tuple[str, ...], Offer] = {}
        for code in codes:
            segments = self._codes.strong.get(code) or tuple(
                segment for segment in self._codes.weak.get(code, ()) if segment in named
            )
            if not segments and code in self._codes.sellers:
                segments = named
            if segments and segments not in found:
                evidence = Evidence("purpose", shortened(text), source=self._source, reference=reference_of(code))
                found[segments] = offer_of(segments, "Déduit de l'objet déclaré de l'association", evidence)
        return tuple(found.values())
