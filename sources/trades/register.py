"""Offers by the main activity (NAF) under which a supplier is registered."""

import re

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Evidence, Offer
from domain.text.normalise import fold
from sources.trades.offers import offer_of

# NAF has one code for what is collected and sorted, whatever it is; names tell the two flows that have networks of
# their own: electrical equipment (Envie) and textiles (Le Relais). Word beginnings and whole words of folded names.
_SORTED_WASTE = "de-5flux"
_FLOWS = (
    ("de-deee", re.compile(r"\benvie\b|nouvelle vers une insertion|\bdeee\b|\bd3e\b|\belectro")),
    ("de-textile", re.compile(r"\brelais\b|\bfrip|\bhabits?\b|\btextil|\bfringue|\bchiffon|\bvetement|tex\b")),
)


def registered(taxonomy: Taxonomy, naf: str | None, source: str | None, name: str = "") -> tuple[Offer, ...]:
    """The offer that a NAF code of either vintage names; () for one that says nothing of the trade.

    `name`: of the supplier, which tells what is meant where the code has several flows of waste.
    """
    segments = taxonomy.of_naf(naf) if naf else ()
    if not naf or not segments:
        return ()
    if _SORTED_WASTE in segments:
        folded = fold(name)
        flow = next((segment for segment, words in _FLOWS if words.search(folded)), None)
        segments = (flow,) if flow else segments
    evidence = Evidence("register", f"NAF {naf}", source=source, reference=naf)
    return (offer_of(segments, f"Déduit du code NAF {naf}", evidence),)


def telling(taxonomy: Taxonomy, *codes: str | None) -> str | None:
    """The first of the codes that names a trade, else the first: one vintage may name what the other does not."""
    known = [code.strip() for code in codes if code and code.strip()]
    return next((code for code in known if taxonomy.of_naf(code)), known[0] if known else None)
