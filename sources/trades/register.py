"""Offers by the main activity (NAF) under which a supplier is registered."""

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Evidence, Offer
from sources.trades.offers import offer_of


def registered(taxonomy: Taxonomy, naf: str | None, source: str | None) -> tuple[Offer, ...]:
    """The offer that a NAF code of either vintage names; () for one that says nothing of the trade."""
    segments = taxonomy.of_naf(naf) if naf else ()
    if not naf or not segments:
        return ()
    evidence = Evidence("register", f"NAF {naf}", source=source, reference=naf)
    return (offer_of(segments, f"Déduit du code NAF {naf}", evidence),)


def telling(taxonomy: Taxonomy, *codes: str | None) -> str | None:
    """The first of the codes that names a trade, else the first: one vintage may name what the other does not."""
    known = [code.strip() for code in codes if code and code.strip()]
    return next((code for code in known if taxonomy.of_naf(code)), known[0] if known else None)
