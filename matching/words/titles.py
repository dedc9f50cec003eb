"""Titles of contracts and lots, parted into what is bought and what is set aside.

A title says its object among much else: the need before its lot ("Restructuration du collège - Lot 4 : peinture"), the
buyer ("pour le compte de la ville de Redon"), places, references, years. What is set aside is told, so that a reader
sees why it did not count. Phrases are found in texts, the longest first, by one spotter for what buyers write and what
suppliers say they do.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Area, Territories, TerritoryKind
from domain.text.normalise import fold, folded_words, stem

Meaning = TypeVar("Meaning")

# Between the words of a phrase these change nothing: "collecte de papiers", "collecte des papiers".
# fmt: off
LINKS = frozenset((
    "a", "au", "aux", "avec", "ce", "ces", "cet", "cette", "d", "dans", "de", "des", "du", "elle", "en", "est",
    "il", "l", "la", "le", "les", "leur", "leurs", "lez", "n", "par", "pour", "qui", "que", "s", "sa", "se", "ses",
    "son", "sont", "sur", "un", "une", "y",
))
# fmt: on


class FoundPhrase(NamedTuple, Generic[Meaning]):
    """A phrase found in a text: the position of its first word, how many words it has, and its meaning."""

    start: int
    length: int
    meaning: Meaning


class PhraseSpotter(Generic[Meaning]):
    """Finds known phrases, given as stems, in a text; a longer phrase hides the shorter ones inside it."""

    def __init__(self) -> None:
        self._meanings: dict[tuple[str, ...], Meaning] = {}
        # by first word the longest phrase that begins with it, so that most words are passed at one look
        self._longest: dict[str, int] = {}

    def learn(self, words: tuple[str, ...], meaning: Meaning) -> None:
        """Add a phrase, or replace the meaning of a known phrase."""
        self._meanings[words] = meaning
        self._longest[words[0]] = max(self._longest.get(words[0], 0), len(words))

    def meaning(self, words: tuple[str, ...]) -> Meaning | None:
        return self._meanings.get(words)

    def none_in(self, words: Sequence[str]) -> bool:
        """Whether none of the words begins a known phrase."""
        return self._longest.keys().isdisjoint(words)

    def spot(self, words: Sequence[str]) -> Iterator[FoundPhrase[Meaning]]:
        """The phrases among the stems of a text, from left to right; none overlaps another."""
        at, end, longest = 0, len(words), self._longest
        while at < end:
            if (length := longest.get(words[at], 0)) == 0:
                at += 1
                continue
            length = min(length, end - at)
            while length and (found := self._meanings.get(tuple(words[at : at + length]))) is None:
                length -= 1
            if length and found is not None:
                yield FoundPhrase(at, length, found)
            at += length or 1


def stems(text: str) -> tuple[str, ...]:
    """The stems of a text's words without those that merely link: "Collecte des papiers" → ("collecte", "papier")."""
    return tuple([stem(word) for word in fold(text).split() if word not in LINKS])


_LABEL_PART = re.compile(r"[,:()]")


def taxonomy_phrases(
    taxonomy: Taxonomy, stems_of: Callable[[str], tuple[str, ...]]
) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Labels, their parts and synonyms as stems, each with its segment; then phrases of other trades, with None."""
    for segment in taxonomy.segments.values():
        # of the parts of a label those of several words: one word is in the synonyms if it says enough
        parts = (part for part in _LABEL_PART.split(segment.label) if len(stems_of(part)) > 1)
        yield from ((segment.id, stems_of(text)) for text in (segment.label, *parts, *segment.synonyms))
    yield from ((None, stems_of(text)) for text in taxonomy.vocabulary.outside)


# Kinds of areas whose names are places to a title; NUTS areas are named as these.
_PLACES: tuple[TerritoryKind, ...] = ("commune", "epci", "departement", "region")

_EPCI_FORM = re.compile(r"^(?:C[ACU] )?(?:Communauté )?| (?:Agglo(?:mération)?|Communauté|Métropole)$")

PlaceNames = PhraseSpotter[tuple[Area, ...]]


@functools.lru_cache(maxsize=1)  # of all readers of titles: it takes a third of a second
def place_names(territories: Territories) -> PlaceNames:
    """A spotter of the names of communes and larger areas as stems, each with all areas that it names."""
    named: dict[tuple[str, ...], list[Area]] = {}
    for kind in _PLACES:
        for area in territories.areas(kind):
            # of “CC Brocéliande Communauté”, “CC de Brocéliande” is said
            names = {stems(text) for text in (area.name, area.label, area.name.replace("Communauté", ""))}
            names -= {(), ("grand",)}  # “est” links words
            if kind == "epci":  # one word alone is the name of much else; a part of a name may be a commune's
                names = {words for words in names if len(words) > 1}
                pays = area.name[max(0, area.name.find("Pays d")) :]  # of “CA Pornic Agglo Pays de Retz”
                own = map(stems, (_EPCI_FORM.sub("", area.name, 1), _EPCI_FORM.sub("", area.name), pays))
                names |= {words for words in own if len(words) > 1 and words not in named}
            for words in names:
                named.setdefault(words, []).append(area)
    spotter = PlaceNames()
    named["grandest",] = [territories.area("region:44")]
    for words, areas in named.items():
        spotter.learn(words, tuple(areas))
    return spotter


LONGEST_TITLE = 1000
# How many words are remembered with their stems.
REMEMBERED = 8192
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S*", re.IGNORECASE)
# A work of art for which each public building gives a hundredth of its cost: one word, since numbers tell nothing.
_ART = re.compile(r"(?<![\d,.])(?:1\s*%|un pour cent)(?=\s+artistique)", re.IGNORECASE)
# Prefixes that are written apart, together or with a hyphen ("bio-déchets").
_PREFIXES = frozenset(
    ("anti", "audio", "auto", "bio", "co", "eco", "electro", "micro", "multi", "photo", "re", "tele", "video")
)
_ACRONYM = re.compile(r"\b(?:[^\W\d_]\.){2,}[^\W\d_]?\b")  # as in “V.R.D.”
_GUESTS = re.compile(r"(?<=\d)\s*couverts\b|\bnombre de couverts\b", re.IGNORECASE)  # else it is cutlery
_MARKUP = re.compile(r"<[^>]*>|(?:&|\bet)#\d+[;,]")
# As in “Lot n° 2 :”, “LOT N�1 -”, “lots 3 et 4”, “Lot n o 03”, “Lot: 08”.
_LOT = re.compile(
    r"\b(?:sous[- ])?lots?\s*:?\s*(?:n\s?[°º�.o]?\s?[o.]?\s*)?\d[\da-z]{0,2}\b"
    r"(?:\s*(?:,|-|et|&|à|/)\s*\d{1,3}\b)*[\s:;.,_–—-]*",
    re.IGNORECASE,
)
# What follows is for whom it is, to the end of the part.
_FOR = re.compile(
    r"\b(?:pour le compte|au (?:profit|b.n.fice)|pour les (?:besoins|services)|en faveur)\s+(?:de |des |du |d['’])"
    r"[^:;•|\n«»\"()]*?(?=[:;•|\n«»\"()]|\s[-–—]|\.\s|$)",
    re.IGNORECASE,
)
# Who does the work, or whose department buys it, is no trade ("par des structures d'insertion"). Where none of these
# words says so, the work of a "chantier d'insertion" is what is bought.
_INSERTION_BODY = re.compile(
    r"(?:\b(?:par|avec|aux?|à) (?:(?:une?|des|les|plusieurs) |l['’])?|(?<=,) *)(?:ateliers?,? (?:et )?)?"
    r"chantiers? d['’ ]insertion(?= *(?:$|[,.;(]|\b(?:à|au|dans|de|des|du|en|pour|sur)\b))|"
    r"\b(?:(?:par|avec|aux?|à) )?(?:(?:des?|les?|la|une?|du) |l['’])?(?:(?:structures?|entreprises?|acteurs?"
    r"|opérateurs?|associations?) (?:d['’ ]|de l['’ ])|(?:départements?|services?|directions?|pôles?|missions?) "
    r"(?:de l['’ ])?)insertion(?: par l['’ ]activité économique| professionnelle| sociale)?\b",
    re.IGNORECASE,
)
# What says that the object follows ("Le présent marché a pour objet …").
_PREFACE = re.compile(
    r"\b(?:l[ea]s? |l['’]|cette |ce )?(?:pr.sente? )?(?:march.|consultation|accord[- ]cadre|mission|prestation)?s?"
    r"(?: de \w+)? ?\b(?:a|ont|ayant) pour (?:objet|objectif|but)\b",
    re.IGNORECASE,
)
_PREFACE_BEGINS = ("a pour ", "A pour ", "ont pour ", "ayant pour ")
# What says that the activity which carries an insertion follows.
_SUPPORT = re.compile(r"\b(?:ayant |avec )?(?:pour|comme) supports?(?: d['’ ]?activit.s?)?\b", re.IGNORECASE)
# For small letters. Every way to break begins with a set of signs or letters: most of a text is passed at one look.
_BREAK = re.compile(r"[.,;:!?()•|\n/+_«»\"“”\[\]&]|\s[-–—]+|[-–—]\s|[eo](?<!\w.)(?:(?<=e)t|(?<=o)u)\b")
# What follows completes the object, or says what it is for: read only where the object itself says no trade.
_TAIL = re.compile(
    r"(?<=\S)\s(?:avec|y compris|dont|incluant|comprenant|hors|sauf|suite|dans le cadre|en vue|afin|destin.e?s?|pour"
    r"|au sein|pendant|selon|conform.ment|sise?s?|situ.e?s?|lors|relevant|gérée?s?|accompagn.e?s?)\s"
)
_TOKEN = re.compile(r"[^\W_]+")
# A letter lost for good, as old data has them, is most often one of these; or it was a quotation mark.
_LOST, _LETTERS = "�", "eaciou"
_LOST_WORD = re.compile(r"[^\W_]*�[^\W_�]*(?:�[^\W_�]*)*")
_ASKED = re.compile(r"(?<=[^\W\d_])\?(?=[^\W\d_])")
# An apostrophe lost for good ("laménagement", "dimpression").
_ELIDED = re.compile(r"[dl][aeiouh]\w{4}")


_MAIL_HEAD = re.compile(r"(?im)^(?:de|from)\s*:.*(?:\n.*){1,8}?\n(?:objet|subject)\s*:\s*(?:(?:re|tr|fwd?)\s*:\s*)*")
_MANNERS = re.compile(
    r"(?im)^(?:bonjour|madame|monsieur)\b.{0,40}$|^(?:merci|(?:bien )?cordialement|bonne journée)[\s,.!]*$[\s\S]*"
)


def without_mail(words: str) -> str:
    """The object and the body of a pasted e-mail, whose sender is nobody's concern; other words as they are."""
    head = _MAIL_HEAD.search(words)
    return _MANNERS.sub("", words[head.end() :]).strip() if head else words


class Title(NamedTuple):
    """A parsed title: stems of its object and of its context, a tuple for each phrase; `aside`: the words left out."""

    parts: tuple[tuple[str, ...], ...]
    context: tuple[tuple[str, ...], ...]
    aside: tuple[str, ...]


class TitleParser:
    """Parses titles; built once from the names of places and the words that the taxonomy knows."""

    def __init__(self, places: PlaceNames, known: Callable[[str], bool], forms: Mapping[str, str]) -> None:
        self._known, self._forms, self._places = known, forms, places
        self._usual_stem = functools.lru_cache(REMEMBERED)(self._taxonomy_stem)

    def parse(self, title: str) -> Title:
        """Parse a title; of a longer one, only the first 1,000 characters are read."""
        text = _MARKUP.sub(" ", title[:LONGEST_TITLE])
        text = _ADDRESS.sub(" ; ", text)
        text = _ART.sub("unpourcent", text)
        text = _ACRONYM.sub(lambda letters: letters[0].replace(".", ""), text)
        text = _GUESTS.sub(" repas", self._mend_lost_letters(text))
        if any(begun in text for begun in _PREFACE_BEGINS):
            text = _PREFACE.sub(" ; ", text)
        text = _SUPPORT.sub(" ; ", text)
        aside: list[str] = []
        before, after = "", text
        if "lot" in text.lower():
            # the text before the last mention of a lot and that after it; all of it after, where nothing follows
            for mention in _LOT.finditer(text):
                aside.append(mention[0].strip(" :;.,_–—-"))
                rest = text[mention.end() :]
                if any(len(word) > 2 and word.isalpha() for word in _TOKEN.findall(rest)):
                    before, after = text[: mention.start()], rest
            before, after = _LOT.sub(" ; ", before), _LOT.sub(" ; ", after)
        parts, tails = self._parts(after, aside)
        context = [part for parted in self._parts(before, aside) for part in parted]
        return Title(tuple(parts or context), tuple(tails + context if parts else tails), tuple(dict.fromkeys(aside)))

    def _parts(self, text: str, aside: list[str]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        """The stems of the object, then of what completes it, a tuple per part; adds words left out to `aside`."""
        if not text:
            return [], []
        lowered = text.lower()
        if purposes := _FOR.findall(text):
            aside.extend(purpose.strip() for purpose in purposes)
            lowered = _FOR.sub(" : ", text).lower()
        if "insertion" in lowered and (bodies := _INSERTION_BODY.findall(lowered)):
            aside.extend(body.strip() for body in bodies)
            lowered = _INSERTION_BODY.sub(" ", lowered)
        objects, tails = [], []
        for part in _BREAK.split(lowered):
            head, *rest = _TAIL.split(part)
            if words := self._words(head, aside):
                objects.append(words)
            tails += [words for tail in rest if (words := self._words(tail, aside))]
        return objects, tails

    def _words(self, part: str, aside: list[str]) -> tuple[str, ...]:
        """The stems of a part of a title, without numbers and place names, which are added to `aside`."""
        words = []
        for word in folded_words(part) if part and not part.isspace() else ():
            if stemmed := self._usual_stem(word):
                words.append(stemmed)
            elif stemmed is None:
                aside.append(word)
        if not _PREFIXES.isdisjoint(words):
            words = list(self._join_prefixes(words))
        if self._places.none_in(words):
            return tuple(words)
        for place in list(self._places.spot(words)):
            named = words[place.start : place.start + place.length]
            # a place that is named as things are (Le Plâtre, Vitré) cannot be told from them
            if not all(map(self._known, named)):
                aside.append(" ".join(named))
                words[place.start : place.start + place.length] = [""] * place.length
        return tuple(filter(None, words))

    def _join_prefixes(self, words: Sequence[str]) -> Iterator[str]:
        """The words, each prefix joined with the word after it where that makes a known one."""
        before = ""
        for word in words:
            if before and self._known(before + word):
                yield self._forms.get(before + word, before + word)
                before = ""
                continue
            if before:
                yield before
            before = word if word in _PREFIXES else ""
            if not before:
                yield word
        if before:
            yield before

    def _taxonomy_stem(self, word: str) -> str | None:
        """The stem that the taxonomy uses for a folded word, whose apostrophe may be lost.

        "" for a word that merely links, None for a number or a single letter.
        """
        if word in LINKS:
            return ""
        if len(word) == 1 or not word.isalpha():
            return None
        word = stem(word)
        if word[0] in "dl" and not self._known(word) and _ELIDED.match(word) and self._known(word[1:]):
            word = word[1:]
        return self._forms.get(word, word)

    def _mend_lost_letters(self, text: str) -> str:
        """The text with each lost letter replaced by one that makes a known word, else by "e"."""
        if "?" in text:
            text = _ASKED.sub(_LOST, text)

        def mend_word(match: re.Match[str]) -> str:
            word = match[0]
            guesses = (word.replace(_LOST, letter) for letter in (*_LETTERS, " "))
            return next((guess for guess in guesses if self._known(stem(fold(guess)))), word.replace(_LOST, "e"))

        return _LOST_WORD.sub(mend_word, text) if _LOST in text else text
