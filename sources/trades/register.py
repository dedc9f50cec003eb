"""Offers by the main activity (NAF) under which a supplier is registered."""

import re
from functools import lru_cache

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Evidence, Kind, Offer
from domain.text.normalise import fold
from sources.trades.offers import offer_of

# NAF has one code for what is collected and sorted, whatever it is; names tell the flows that have networks of their
# own: electrical equipment (Envie), textiles (Le Relais), what reuse centres collect. Word beginnings and whole words
# of folded names.
_SORTED_WASTE = "de-5flux"
_FLOWS = (
    ("de-deee", re.compile(r"\benvie\b|nouvelle vers une insertion|\bdeee\b|\bd3e\b|\belectro")),
    ("de-textile", re.compile(r"\brelais\b|\bfrip|\bhabits?\b|\btextil|\bfringue|\bchiffon|\bvetement|tex\b")),
    ("de-encombrants", re.compile(r"\bressourcer|\brecycler|\becocycler|\breemploi|\bemmaus\b")),
)
# Training of adults is the code of those who train, and of workshops that train whom they employ: names tell which.
_TRAINING = "85.59"
_TRAINERS = re.compile(
    r"\bformations?\b|\bgreta\b|\bcfppa\b|\bafpa\b|\blycee\b|\bmaison familiale\b|\buniversite\b|\beducation\b"
)
_WORKSHOPS: frozenset[Kind] = frozenset({"EI", "ACI", "AI", "EA", "EATT", "ESAT"})
# Codes of sport are those of any pastime: who hunts, fishes, breeds dogs or plays cards offers nothing to others.
_SPORT = "93.1"
_PASTIMES = re.compile(
    r"\bchass\w*|\bpiegeurs?\b|\bpech\w*|\baappma\b|\bcanin\w*|\bcynophile|\btaurin|\w*modelisme\b|\bbridge\b"
)


def registered(
    taxonomy: Taxonomy, naf: str | None, source: str | None, name: str = "", kind: Kind | None = None
) -> tuple[Offer, ...]:
    """The offer that a NAF code of either vintage names; () for one that says nothing of the trade.

    `name`: of the supplier, which tells what is meant where the code has several trades, or is of any pastime.
    """
    coded = taxonomy.of_naf(naf) if naf else ()
    segments = _segments_of(coded, naf, fold(name), kind) if naf and coded else ()
    return (_offer(segments, naf, source),) if naf and segments else ()


@lru_cache(maxsize=2_048)  # of some 700 codes
def _offer(segments: tuple[str, ...], naf: str, source: str | None) -> Offer:
    evidence = Evidence("register", f"NAF {naf}", source=source, reference=naf)
    return offer_of(segments, f"Déduit du code NAF {naf}", evidence)


def _segments_of(segments: tuple[str, ...], naf: str, name: str, kind: Kind | None) -> tuple[str, ...]:
    """The segments of a code that are left, or meant, beside a folded name."""
    if _SORTED_WASTE in segments:
        return next(((flow,) for flow, words in _FLOWS if words.search(name)), segments)
    if _is_under(naf, _TRAINING) and kind in _WORKSHOPS and not _TRAINERS.search(name):
        return ()
    return () if _is_under(naf, _SPORT) and _PASTIMES.search(name) else segments


def _is_under(naf: str, heading: str) -> bool:
    return naf.strip().replace(".", "").startswith(heading.replace(".", ""))


def telling(taxonomy: Taxonomy, *codes: str | None) -> str | None:
    """The first of the codes that names a trade, else the first: one vintage may name what the other does not."""
    first = None
    for code in codes:
        if code and (written := code.strip()):
            if taxonomy.of_naf(written):
                return written
            first = first or written
    return first
