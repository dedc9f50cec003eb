"""The worth of an offer for a wanted segment: one small number, of which the smaller is better."""

from functools import lru_cache

import numpy as np

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import Fit, Presence
from domain.suppliers.supplier import BASES, Offer

FITS: tuple[Fit, ...] = ("exact", "narrower", "broader", "related")
PRESENCES: tuple[Presence, ...] = ("local", "declared", "nearby", "national")
RELATED = FITS.index("related")
LOCAL = PRESENCES.index("local")

# Fit counts before basis, basis before presence; the offered segment's place in `offers_for` rides along in the lowest
# digits. Without the place, a worth is a code under NO_CODE.
OFFERED_BITS = 8
OFFERED = 1 << OFFERED_BITS
PER_BASIS = len(PRESENCES) * OFFERED
PER_FIT = len(BASES) * PER_BASIS
NO_OFFER = 1 << 14
CODES = len(FITS) * len(BASES) * len(PRESENCES)
NO_CODE = NO_OFFER // OFFERED
WITHOUT_PRESENCE = ~((len(PRESENCES) - 1) * OFFERED)
"""The bits of a worth but for its presence; what is left says “local”, whose position is 0."""

# By code, and for NO_CODE what changes nothing where the worst fit or basis and the best presence are looked for.
_EVERY = np.arange(NO_CODE + 1)
FIT_OF_CODE = np.where(_EVERY < CODES, _EVERY // (PER_FIT // OFFERED), 0).astype(np.int16)
BASIS_OF_CODE = np.where(_EVERY < CODES, _EVERY // len(PRESENCES) % len(BASES), 0).astype(np.int16)
PRESENCE_OF_CODE = np.where(_EVERY < CODES, _EVERY % len(PRESENCES), len(PRESENCES) - 1).astype(np.int16)


@lru_cache(1024)
def offers_for(wanted: str, taxonomy: Taxonomy) -> tuple[tuple[str, int], ...]:
    """Segments and families that an offer for the wanted one may name, each with its fit (a position in FITS)."""
    family = taxonomy.family(wanted)
    if family is None:
        segment = taxonomy.segments[wanted]
        return ((segment.id, 0), (segment.family, 2), *((neighbour, RELATED) for neighbour in segment.related))
    inside = [segment.id for segment in family.segments]
    around = dict.fromkeys(neighbour for segment in family.segments for neighbour in segment.related)
    return (
        (family.id, 0),
        *((segment, 1) for segment in inside),
        *((neighbour, RELATED) for neighbour in around if neighbour not in inside),
    )


def offered_segments(offer: Offer, taxonomy: Taxonomy, cpv: Cpv) -> tuple[str, ...]:
    """The segments or families an offer answers: those it names, else those of its CPV codes."""
    if offer.segments:
        return tuple(dict.fromkeys(offer.segments))
    return tuple(dict.fromkeys(segment for code in offer.cpv for segment in taxonomy.of_cpv(cpv.normalise(code))))
