"""Inference of offers that a source does not state: from NAF codes, from words, from what a kind does by law.

Precision before recall: a supplier without an offer is found by other means, a wrong one misleads a buyer. Of a network
whose members have one trade, or the same few, by its charter, the name tells whatever else is known. The words of a
name tell only of inclusion structures, and only where nothing else does: elsewhere "paysages" is a journal's and "la
ferme" an inn's. `words.toml` lists both, without networks of many trades. Offers by licences rest on their register.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Basis, Evidence, Kind, Offer, PrestaType, ServiceArea
from domain.text.normalise import fold, stem
from matching.words.titles import PhraseSpotter, stems

LONGEST_LABEL = 400
_LONGEST_REFERENCE = 200


def offer_of(
    segments: tuple[str, ...],
    label: str,
    evidence: Evidence,
    presta_types: tuple[PrestaType, ...] = (),
    basis: Basis = "inferred",
    area: ServiceArea | None = None,
) -> Offer:
    """Make an offer with a single piece of evidence."""
    return Offer(
        segments=segments,
        label=label[:LONGEST_LABEL],
        presta_types=presta_types,
        service_area=area,
        basis=basis,
        evidence=(evidence,),
    )


def without_segments(offers: Iterable[Offer], known: set[str]) -> Iterator[Offer]:
    """Yield the offers without the segments in `known`; an offer that has no other segment is dropped."""
    for offer in offers:
        if others := tuple(segment for segment in offer.segments if segment not in known):
            yield msgspec.structs.replace(offer, segments=others)


def label_of(text: str) -> str | None:
    """The text cut to the length of a label, with single blanks; None where nothing is left."""
    return " ".join(text.split())[:LONGEST_LABEL] or None


def reference_of(code: str | None) -> str | None:
    """The code cut to the length of a reference, without outer blanks; None where nothing is left."""
    return (code or "").strip()[:_LONGEST_REFERENCE] or None


Licence = Literal["training", "live_show", "rge", "organic"]

# What a licence is for is what its holder does: nobody asks for one to do something else.
_TRADES: dict[Licence, tuple[str, str]] = {
    "training": ("so-formation", "Organisme de formation"),
    "live_show": ("cc-spectacle", "Licence d'entrepreneur de spectacles vivants"),
    "rge": ("bt-energie", "Certificat RGE (travaux d'économie d'énergie)"),
    "organic": ("ev-vegetal", "Certificat d'agriculture biologique"),
}


def offer_of_licence(licence: Licence, source: str | None) -> Offer:
    """Make the offer of the trade that a licence or certificate is for."""
    segment, label = _TRADES[licence]
    evidence = Evidence("register", label, source=source)
    return offer_of((segment,), f"Déduit d'une licence ou d'un certificat : {label}", evidence)


class Naming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pattern of folded names, and the segments of structures so named; `kinds`: those it is for, None for all."""

    label: str
    name: str
    segments: tuple[str, ...]
    kinds: frozenset[Kind] | None = None


class TradeWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of words.toml."""

    trade_words: frozenset[str]
    misleading: tuple[str, ...]
    networks: tuple[Naming, ...]
    names: tuple[Naming, ...]


WORDS = msgspec.toml.decode((files("sources.trades") / "words.toml").read_bytes(), type=TradeWords)
_SPOKEN = {"network": (WORDS.networks, "Déduit du réseau"), "trade": (WORDS.names, "Déduit du nom")}
# Most names are passed at one look.
_ANY = {said: re.compile("|".join(each.name for each in namings)) for said, (namings, _) in _SPOKEN.items()}
_LONGEST_NAME = 400
"""What is read of a name, whose words may stand far apart: no supplier has a longer one."""


def offers_by_name(by: Literal["network", "trade"], name: str, kind: Kind | None, source: str | None) -> list[Offer]:
    """Infer offers from a supplier's name: from networks in it, or from words by which its `kind` names a trade.

    One for each naming that the name fits, of those with the same segments for the first; none for most names.
    """
    folded = fold(name[:_LONGEST_NAME])
    namings, label = _SPOKEN[by]
    found: dict[tuple[str, ...], Offer] = {}
    for naming in namings if _ANY[by].search(folded) else ():
        if (naming.kinds is None or kind in naming.kinds) and re.search(naming.name, folded):
            evidence = Evidence("words", naming.label, source=source)
            found.setdefault(naming.segments, offer_of(naming.segments, f"{label} : {naming.label}", evidence))
    return list(found.values())


# NAF has one code for what is collected and sorted, whatever it is; names tell the flows that have networks of their
# own: electrical equipment (Envie), textiles (Le Relais), what reuse centres collect. Word beginnings and whole words
# of folded names.
_SORTED_WASTE = "de-5flux"
_FLOWS = (
    ("de-deee", re.compile(r"\benvie\b|nouvelle vers une insertion|\bdeee\b|\bd3e\b|\belectro")),
    ("de-textile", re.compile(r"\brelais\b|\bfrip|\bhabits?\b|textil|\bfringue|\bchiffon|\bvet(?:em|is)|tex\b|tlc\b")),
    ("de-encombrants", re.compile(r"\bressourcer|\brecycler|\becocycler|\breemploi|\bemmaus\b|\bmatelas\b|\bbois\b")),
)
# Training of adults is the code of those who train, and of workshops that train whom they employ: names tell which.
_TRAINING, _SHOWS = "8559", "90.0"
_TRAINERS = re.compile(
    r"\bformations?\b|\bgreta\b|\bcfppa\b|\bafpa\b|\blycee\b|\bmaison familiale\b|\buniversite\b|\beducation\b"
)
_PUBLIC_TRAINERS = re.compile(r"\bgreta\b|\bcfp+p?a\b|\beplefpa\b|\bcfa\b|\bafpa\b")
_WORKSHOPS: frozenset[Kind] = frozenset({"EI", "ACI", "AI", "EA", "EATT", "ESAT"})
# Codes of sport are those of any pastime: who hunts, fishes, breeds dogs or plays cards offers nothing to others.
# Those of reserves are of zoos too: workshops of insertion tend grounds there, others show animals and plants.
_SPORT, _RESERVES = "931", ("9104", "9142")
_PASTIMES = re.compile(
    r"\bchass\w*|\bpiegeurs?\b|\bpech\w*|\baappma\b|\bcanin\w*|\bcynophile|\btaurin|modelisme\b|\bbridge\b"
)


def offers_by_code(
    taxonomy: Taxonomy, naf: str | None, source: str | None, name: str = "", kind: Kind | None = None
) -> tuple[Offer, ...]:
    """Infer an offer from a NAF code, of rev. 2 or of 2025; () for a code that names no trade.

    `name`: of the supplier, which tells what is meant where the code has several trades, or is of any pastime.
    """
    if not naf or not (segments := taxonomy.of_naf(naf)):
        return ()
    digits, folded = naf.strip().replace(".", ""), fold(name)
    if _SORTED_WASTE in segments:
        segments = next(((flow,) for flow, words in _FLOWS if words.search(folded)), segments)
    elif (
        (digits.startswith(_TRAINING) and kind in _WORKSHOPS and not _TRAINERS.search(folded))
        or (digits.startswith(_SPORT) and _PASTIMES.search(folded))
        or (digits.startswith(_RESERVES) and kind not in _WORKSHOPS)
    ):
        return ()
    return (_offer_of_code(segments, naf, source),)


@lru_cache(maxsize=2_048)  # of some 700 codes
def _offer_of_code(segments: tuple[str, ...], naf: str, source: str | None) -> Offer:
    evidence = Evidence("register", f"NAF {naf}", source=source, reference=naf)
    return offer_of(segments, f"Déduit du code NAF {naf}", evidence)


_BREAK = re.compile(r"[.,;:!?()•|\n/+]| [-–—] ")

_TRADE_STEMS = frozenset(map(stem, WORDS.trade_words))
# Segments whose words describe the mission, the public or the kind of a structure rather than what it sells.
_MISSION = frozenset({"so-insertion", "so-mad", "so-formation", "so-jeunesse", "so-sante"})
_STAFFING: dict[Kind, str] = {"AI": "association intermédiaire", "ETTI": "travail temporaire d'insertion"}
# What they are asked for is staff, whatever trades their names and descriptions list.
_WORDLESS: frozenset[Kind] = frozenset({"ETTI", "GEIQ"})


NAMES = 2
"""Of the texts about a supplier, the first are its name and its sign."""


class Clue(NamedTuple):
    """A segment and the phrase that names it, as the taxonomy writes it."""

    segment: str
    phrase: str


class WordReader:
    """Finds the phrases of a taxonomy in names and descriptions."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._clues: PhraseSpotter[tuple[Clue, ...]] = PhraseSpotter()
        for segment in taxonomy.segments.values():
            for phrase in () if segment.id in _MISSION else (*segment.synonyms, segment.label):
                words = stems(phrase)
                known = self._clues.meaning(words) or ()
                if (len(words) > 1 or words[0] in _TRADE_STEMS) and segment.id not in {clue.segment for clue in known}:
                    self._clues.learn(words, (*known, Clue(segment.id, phrase)))
        for phrase in (*taxonomy.vocabulary.outside, *WORDS.misleading):
            self._clues.learn(stems(phrase), ())

    def read(self, texts: Iterable[str], city: str = "") -> tuple[Clue, ...]:
        """Find the segments that whole phrases name, with one clue for each; a longer phrase hides those inside it.

        Words that make up the name of the city do not count: Vitré is no glazier's, Mâcon no mason's.
        """
        first: dict[str, Clue] = {}
        for part in [part for text in texts if text for part in _BREAK.split(text)]:
            words = stems(part)
            for at, length, clues in self._clues.spot(words):
                if not set(stems(city)).issuperset(words[at : at + length]):
                    for clue in clues:
                        first.setdefault(clue.segment, clue)
        return tuple(first.values())


word_reader = lru_cache(maxsize=1)(WordReader)
"""The reader of a taxonomy, built once: all formats are tried on a file of an unknown one."""


class OfferInference:
    """Infers offers from kind, NAF code and words; `source` is named in their evidence. Built once for a taxonomy."""

    def __init__(self, taxonomy: Taxonomy, source: str | None = None) -> None:
        self._taxonomy, self._source = taxonomy, source
        self._words = word_reader(taxonomy)

    def code_with_trade(self, *naf: str | None) -> str | None:
        """The first NAF code that names a trade, else the first one; None where there is none."""
        codes = [code.strip() for code in naf if code and code.strip()]
        return next(filter(self._taxonomy.of_naf, codes), codes[0] if codes else None)

    def offers(
        self, kind: Kind | None, naf: str | None, texts: tuple[str, ...], city: str = "", *, sells: bool = True
    ) -> tuple[Offer, ...]:
        """Infer offers (basis `inferred`, no service area); label and evidence say what each was inferred from.

        A segment is offered once: by the kind, else by the NAF code, else by words, else by the network whose name it
        bears. Where nothing of these names a trade, by other words of its name; () where nothing does. `sells`: False
        of a public body and of an association without employees, whose code and name tell what they do for their own;
        but who makes shows hires artists, and who trains for a public body bears the name of it.
        """
        offers: list[Offer] = []
        if kind is not None and (staffing := _STAFFING.get(kind)):
            evidence = Evidence("kind", staffing.capitalize(), source=self._source, reference=kind)
            offers.append(offer_of(("so-mad",), f"Mise à disposition de personnel ({staffing})", evidence, ("DISP",)))
        name = " ".join(texts[:NAMES])
        if kind != "GEIQ" and (sells or (naf or "").startswith(_SHOWS) or _PUBLIC_TRAINERS.search(fold(name))):
            offers += offers_by_code(self._taxonomy, naf, self._source, name, kind)
        if (
            kind in _WORDLESS
            or (kind is None and not sells)
            or any("travail temporaire" in fold(text) for text in texts)
        ):
            return tuple(offers)
        if clues := [clue for clue in self._words.read(texts, city) if clue.segment not in _segments_of(offers)]:
            phrases = ", ".join(dict.fromkeys(clue.phrase for clue in clues))
            presta: tuple[PrestaType, ...] = ("DISP",) if kind == "AI" else ()
            evidence = Evidence("words", label_of(phrases), source=self._source)
            segments = tuple(clue.segment for clue in clues)
            offers.append(offer_of(segments, f"Déduit du nom ou de la présentation : {phrases}", evidence, presta))
        offers += without_segments(offers_by_name("network", name, kind, self._source), _segments_of(offers))
        return tuple(offers if _segments_of(offers) else offers_by_name("trade", name, kind, self._source)[:1])


def _segments_of(offers: Iterable[Offer]) -> set[str]:
    return {segment for offer in offers for segment in offer.segments}
