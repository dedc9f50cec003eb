"""The words of a lot: its terms, which they say besides what is bought, and the object, without these terms.

Terms say how long, for how much, reserved to whom. Few ways of saying them are read, those that hardly mean anything
else: an age (“de 3 à 6 ans”) is no duration. What is asked (“réservé aux ESAT ?”) is told from what is said. Words that
no field of a lot holds (“800 kg par jour”, “une partie réservée”) are told apart, so that nobody believes they count.
In texts that suppliers read, all that is the buyer's own goes: how much, how long, reserved to whom, and what is asked
about these. More ways of saying them are known there: it is worse to leave one than to read none. What belongs to the
object stays: ages, rhythms (“2 fois par semaine”), a face value (“chèques de 50 €”), “énergie renouvelable”.
Lots that were pasted as one text are told apart too.
"""

import re
from functools import lru_cache
from itertools import filterfalse
from typing import Literal, NamedTuple

LONGEST_READ, REMEMBERED = 1_000, 1_024  # characters that are read; texts that are remembered with their terms
MOST_UNUSED = 5

TermKind = Literal["months", "renewal", "value", "covers", "reserved"]

_NUMBERS = {"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6}
_NUMBER = rf"(\d{{1,3}}|{'|'.join(_NUMBERS)})"
_SPAN = rf"{_NUMBER}\s*(ans?|années?|mois)\b"
_BEFORE = (
    r"(?:^|(?:[,;:.(–—]|\s-)\s*|\b(?:pour|pendant|sur|durée(?: de| ferme de)?|(?:marché|contrat|accord-cadre) de)\s+)"
)
_DURATION = re.compile(_BEFORE + _SPAN, re.IGNORECASE)
_BARE_SPAN = re.compile(rf"(?i)(?<![\w,-]){_SPAN}(?:\s+fermes?)?(?=[\s,;(]*$|[,;(]|\s[-–]\s|\s+r[ée]serv)")
"""A duration with no comma before it, at the end or right before the words that say how it is renewed."""
_RENEWS = r"\b(?:renouvelables?|reconductibles?|reconduits?)\s+(?:(?:tacitement|expressément)\s+)?"
_RENEWAL = re.compile(
    rf"{_RENEWS}(?:{_NUMBER}\s+fois\s+)?(?:(?:pour|par périodes? de)\s+)?{_SPAN}|{_RENEWS}{_NUMBER}\s+fois\b",
    re.IGNORECASE,
)
_ALL_IN = re.compile(
    r"\b(?:reconductions?|renouvellements?|options?)(?:\s+et\s+(?:reconductions?|renouvellements?|options?))?"
    r"\s+(?:comprise?s?|incluse?s?)\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?i)(?:\bentre\s[\d\s.]{1,12}et\s|(?<![\d,.]))"
    r"(?:\d{1,3}(?:[\s.]\d{3})+|\d+)(?:,\d{1,2})?\s*(?:[km]?€|k euros|millions d['’]euros|euros?)(?!\s*TTC)",
)
_ARTICLE_SAID = (
    r"\(?\s*(?:(?:au (?:titre|sens) de |selon )?l['’])?(?:art(?:icles?|\.)?\s*)?L\.?\s?2113-1\d(?:-1)?\s*\)?"
)
_RESERVED = re.compile(
    r"(?i)(?<!non\s)\b(?!r[ée]serv[ée]e?s\saux\spersonnes)r[ée]serv(?:[ée]e?s?\b|ation(?=\s(?:aux?\s|à\sl|L\.?\s?2113|ESAT|EA\b|S?IAE)))"
    rf"(?:{_ARTICLE_SAID}|(?!\s[-–—]\s)[^,;.?!:()])*\??"
)
_OPEN_TO = {
    "handicap": re.compile(r"(?i)\bESATs?\b|\bEA\b|entreprises? adapt|handicap|prot[ée]g[ée]|2113-1[24](?!\d)"),
    "iae": re.compile(
        r"(?i)\b(S?IAE|EI|ACI|AI|ETTI)\b|insertion(?! (\w+ )?des? \w+ (en \w+ de )?handicap)|2113-1(3(?!-)|4)(?!\d)"
    ),
    "penitentiary": re.compile(r"p[ée]nitentiaire|d[ée]tenu|prison|2113-13-1", re.IGNORECASE),
    "ess": re.compile(r"\bESS\b|[ée]conomie sociale|2113-1[56]", re.IGNORECASE),
}
_IN_PART = re.compile(
    r"\b(?:(?:une?|la|en) part(?:ie)?|partiellement|certains lots|un lot|des lots|\d+ lots?(?: sur \d+)?|\d+\s?%)"
    r"(?: (?:du|de la|des|de l['’]) ?[^,;.:()]{1,30})?(?: (?:est|sera|seront|sont))?\s+$",
    re.IGNORECASE,
)
"""What stands before “réservé” where not the whole lot is."""
_TO_RESERVE_IN_PART = re.compile(
    r"\br[ée]serv(?:er|ation d['’])\s*(?:une part(?:ie)?|certains lots|un lot|\d+\s?%)\b[^,;.?!:()]*", re.IGNORECASE
)
_FROM_DAY = re.compile(
    r"(?i)\b(?:à (?:partir|compter) d|dès l|début d)(?:[ue] |es? |['’])(?:\d{1,2}(?:er)?(?: |/\d\d/))?(?:\w+ )?20\d\d"
)
_A_YEAR = re.compile(r"\s*(?:HT\s*|hors taxes?\s*)?(?:par an\b|/\s*an\b|annuel)", re.IGNORECASE)
_QUANTITY = re.compile(
    r"(?<![\d,.])\d+(?:[\s.]\d{3})*(?:,\d+)?\s*(?:m²|m2\b|m³|m3\b|kg\b|tonnes?\b|litres?\b|hectares?\b|ha\b|km\b|repas\b"
    r"|exemplaires?\b|heures?\b|unités?\b|passages?\b|interventions?\b|courriers?\b|plis\b|couverts?\b|fois(?=\s+par\b))(?:\s*(?:par|/)\s*(?:jour|semaine|mois|an|année)\b)?",
    re.IGNORECASE,
)


class Term(NamedTuple):
    """A contract term that a lot's words state: its kind, its value as text (months, euros…), and the words.

    `is_question`: the words only ask for it.
    """

    kind: TermKind
    value: str
    words: str
    is_question: bool = False


@lru_cache(REMEMBERED)
def terms_in(text: str) -> tuple[Term, ...]:
    """The terms stated in the first `LONGEST_READ` characters of a text: one of each kind, but every reserved type."""
    text, terms = " ".join(text[:LONGEST_READ].split()), list[Term]()
    renewal = _RENEWAL.search(text)
    firm = text[: renewal.start()] if renewal else text
    bare = (each for each in _BARE_SPAN.finditer(firm) if renewal or not _AGE.search(firm[: each.start()]))
    if said := _DURATION.search(firm) or next(bare, None):
        terms.append(Term("months", str(_as_months(said[1], said[2])), f"{said[1]} {said[2]}"))
    if renewal and renewal[2]:
        times = _parse_number(renewal[1]) if renewal[1] else 1
        terms.append(Term("renewal", str(times * _as_months(renewal[2], renewal[3])), renewal[0]))
    elif renewal and said:  # each as long as the contract at first
        terms.append(Term("renewal", str(_parse_number(renewal[4]) * _as_months(said[1], said[2])), renewal[0]))
    amounts = [each for each in _AMOUNT.finditer(text) if each[0][0].isdigit() and not _A_YEAR.match(text, each.end())]
    yearly = [f"{amount[0]}{of[0]}" for amount in _AMOUNT.finditer(text) if (of := _A_YEAR.match(text, amount.end()))]
    if len(amounts) == 1:
        terms.append(Term("value", f"{_as_euros(amounts[0][0]):.2f}", amounts[0][0]))
    elif len(yearly) == 1 and not amounts and said:  # of the whole firm duration
        terms.append(Term("value", f"{_as_euros(yearly[0]) * int(terms[0].value) / 12:.2f}", yearly[0]))
    all_in = _ALL_IN.search(text)
    if amounts and all_in and (not renewal or re.search("(?i)reconduct|renouvel", all_in[0])):
        terms.append(Term("covers", "tout", all_in[0]))
    reserved = _RESERVED.search(text)
    if reserved and not _IN_PART.search(text[: reserved.start()]):
        words = reserved[0].strip()
        terms += [Term("reserved", kind, words, words.endswith("?")) for kind in _reserved_types(words)]
    return tuple(terms)


def _as_euros(words: str) -> float:
    """The number of euros of an amount, such as “25 k€” or “1 200,50 €”."""
    read = re.match(r"([\d\s.,]+)([km]?)", words, re.IGNORECASE)
    number, times = read.groups() if read else ("0", "")
    return float(re.sub(r"[\s.]", "", number).replace(",", ".")) * {"k": 1e3, "m": 1e6}.get(times.lower(), 1)


def _reserved_types(words: str) -> list[str]:
    """The reserved types that the words of a reservation name, by their structures or by the article."""
    return [kind for kind, named in _OPEN_TO.items() if named.search(words)]


@lru_cache(REMEMBERED)
def unused_words(text: str) -> tuple[str, ...]:
    """The words that no search uses: of a part reserved, or to nobody, amounts, spans and days not read, quantities."""
    text = " ".join(text[:LONGEST_READ].split())
    found = list[str]()
    if reserved := _RESERVED.search(text):
        words = reserved[0].strip()
        if part := _IN_PART.search(text[: reserved.start()]):
            found.append(f"{part[0]}{words}")
        elif re.search(r"\b(?:lot|marché)\s+$", text[: reserved.start()], re.IGNORECASE) and not _reserved_types(words):
            found.append(words)
    elif part := _TO_RESERVE_IN_PART.search(text):
        found.append(part[0].strip())
    kinds, unread = {term.kind for term in terms_in(text)}, list[re.Match[str]]()
    unread += [] if "value" in kinds else filterfalse(_is_face_value, _ANY_AMOUNT.finditer(text))
    unread += [] if {"months", "renewal"} & kinds else filterfalse(_is_age, _LENGTH.finditer(text))
    found += [each[0].strip(" ,;") for each in (*unread, *_FROM_DAY.finditer(text), *_QUANTITY.finditer(text))]
    return tuple(dict.fromkeys(found))[:MOST_UNUSED]


def _as_months(number: str, unit: str) -> int:
    """The months of a duration in words: 36 of "trois" and "ans"."""
    return _parse_number(number) * (1 if unit.lower() == "mois" else 12)


def _parse_number(word: str) -> int:
    return _NUMBERS.get(word.lower()) or int(word)


_GONE = "\0"
_ANY_NUMBER = (
    r"(?:\d{1,3}(?:,5)?|une?|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|douze|dix-huit|vingt-quatre|trente-six"
    r"|quarante-huit)"
)
_ANY_SPAN = rf"\b{_ANY_NUMBER}\s*(?:ans?|années?|mois)\b(?:\s+et\s+demie?\b)?(?:\s+fermes?\b)?"
_EDGE = r"[,;:.(–—|+\0]"

_DIGITS = r"\d{1,3}(?:[\s.'’]\d{3})+(?:,\d{1,2})?|\d+(?:[.,]\d+)?"
_MANY = r"\d{1,3}(?:[\s.'’]\d{3})+|\d{5,}"
_IN_WORDS = (
    r"\b(?:(?:une?|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?"
    r"|trente|quarante|cinquante|soixante|cents?|mille|et)[\s-]+)*(?:cents?|mille|millions?|milliers?)\s+(?:d['’])?"
)
_CURRENCY = r"(?:[km]?\s?€|(?:k|mille)?\s?(?:euros?|eur)\b|millions?\s+(?:d['’])?(?:euros?|€)|milliers\s+d['’]euros)"
_TAX = r"(?:\s*(?:\b(?:HT|TTC|hors\s+(?:taxes?|TVA)|toutes\s+taxes\s+comprises)\b|H\.\s?T\.|T\.T\.C\.))"
_SUM = rf"(?:(?:{_DIGITS})\s*{_CURRENCY}|(?:{_MANY}){_TAX}|€\s*(?:{_DIGITS})|\b\d{{2,4}}\s?k\b|{_IN_WORDS}(?:euros?|€))"
_SUM_NAMED = (
    r"(?:\b(?:pour|avec|d['’]|dans)\s*)?(?:\b(?:une?|le|la|les|un|notre)\s+|l['’])?"
    r"\b(?:montants?|budgets?|valeurs?|estimations?|enveloppes?|seuils?|plafonds?|estim[ée]e?s?|estimatifs?|évalu[ée]e?s?)\b"
    r"(?:\s+(?:total|totale|estim[ée]e?|annuels?|annuelle|prévisionnels?|prévisionnelle|globale?|maximum|maximale?|max"
    r"|minimum|indicati(?:f|ve)|financi[eè]re|prévue?|du\s+marché|du\s+lot|est|sera|de\s+l['’]ordre))*"
    r"\s*[:=]?\s*(?:(?:à|de|d['’])\s*)?"
)
_ABOUT = (
    r"(?:\b(?:environ|env\.?|soit|entre|de|à|pour|max(?:imum)?\b\.?|moins\s+de|plus\s+de|jusqu['’]à|autour\s+de|d['’]environ"
    r"|d['’])\s*|[~≈<>±]\s*)"
)
_PER = r"(?:\s*/\s*[^\W\d]+|\s*(?:\bpar\b|\bsur\b)\s*(?:ans?|année|mois|lot)\b|\s+annuels?\b)"
_LESS = (
    rf"(?:(?<![\w,.])(?:(?:{_MANY})\s*{_CURRENCY}?|(?:{_DIGITS})\s*{_CURRENCY}|(?:{_DIGITS})(?=[-–/]\d|\s?à\s\d)"
    rf"|(?:(?<=entre )|(?<=de ))(?:{_DIGITS})){_TAX}?\s*(?:et|à|-|–|/)\s*)"
)
"""The lesser of two sums."""
_ANY_AMOUNT = re.compile(
    rf"(?P<named>{_SUM_NAMED})?{_ABOUT}{{0,2}}{_LESS}?{_SUM}{_TAX}?{_PER}?{_TAX}?"
    rf"|{_SUM_NAMED}{_ABOUT}?(?:(?:{_MANY})|\d+\s?[kM]\b)",
    re.IGNORECASE,
)
_FACE_VALUE = re.compile(r"(?:de|à)\s+(\d{1,3}(?:,\d{1,2})?)\s*(?:€|euros?)", re.IGNORECASE)

_LENGTH = re.compile(
    rf"(?P<lead>(?:\b(?:pour|pendant|sur|durant|d['’]|avec)\s*)?(?:\b(?:une|la)\s+)?"
    r"(?<!longue )(?<!courte )(?<!moyenne )\b(?:durée|période)\b"
    r"(?:\s+(?:totale|ferme|initiale|maximale|prévue|prévisionnelle|envisagée|estimée|du\s+marché))*\s*[:=]?\s*"
    rf"(?:(?:de|d['’]|est)\s*)?(?:{_ANY_NUMBER}\s*(?:ans?|mois)?\s*à\s*)?"
    r"|(?<=[,;(–—]\s)(?:marché|contrat|accord-cadre)\s+(?:de\s+|d['’])?"
    r"|\b(?:pour|pendant|sur|durant|soit)\s+|(?<=marché )(?:de\s+|d['’])|(?<=contrat )(?:de\s+|d['’])"
    r"|(?<=accord-cadre )(?:de\s+|d['’]))?"
    rf"{_ANY_SPAN}(?P<more>\s+(?:et|ou)\s+(?:plus|moins)\b|\s+révolus\b)?",
    re.IGNORECASE,
)
_RANGE = r"(?:\d[-–/]|\(\d+\s[-–/])"
_AGE = re.compile(
    rf"(?:\d\s+(?:et|ou)|\bd['’]|{_RANGE}"
    r"|\b(?:à|de|dès|les|plus|moins|chaque|âgée?s?|enfants?|jeunes?|garantie?s?|ancienneté|avant|après|entre)\b)\s*$",
    re.IGNORECASE,
)
_ENDS = re.compile(
    rf"\s*(?:$|{_EDGE}|[)?/-]|\b(?:fermes?|réserv|renouvel|reconduct|max|environ|puis|dont))", re.IGNORECASE
)
_STARTS = re.compile(rf"(?:^|{_EDGE}|\s[-/])\s*$")

_PERIOD = r"(?:\b(?:une|des)?\s*(?:durées?|périodes?|tranches?)\s+(?:\w+\s+)?(?:de\s+|d['’]))"
_RENEWED = re.compile(
    rf"(?:\b(?:avec|dont|puis|et)\s+|\+\s*)?(?:{_ANY_SPAN}\s+de\s+|\b{_ANY_NUMBER}\s+(?:fois\s+)?)?"
    r"(?:\b(?:possibilité\s+de\s+|une\s+))?(?:\btacites?\s+)?"
    r"\b(?P<word>reconduct\w+|reconduite?s?|renouvelables?|renouvellements?)\b"
    rf"(?P<how>(?:\s+(?:tacite\w*|express\w+|possibles?|annuel\w*|éventuel\w*))*(?:\s+{_ANY_NUMBER}\s+fois\b)?"
    rf"(?:\s+(?:maximum|max)\b)?(?:\s*(?:\b(?:pour|de|d['’]|par)\s*)?{_PERIOD}?{_ANY_SPAN})?)",
    re.IGNORECASE,
)

_LINK = r"(?:[\s/&+,]|\b(?:à|aux?|la|les?|des?|du|une?|ou|et|par|pour)\b|\b[ld]['’])+"
_STRUCTURE = (
    r"(?:(?:ESATs?|EA(?:TT)?|SIAE|IAE|EI|ACI|AI|ETTI|EITI|ESS|ESUS|GEIQ)\b|entreprises?\s+(?:adaptées?|d['’]insertion)"
    r"|associations?\s+intermédiaires?|ateliers?\s+(?:et\s+chantiers?\s+)?d['’]insertion"
    r"|(?:secteurs?\s+)?(?:protégé|adapté)e?s?\b|(?:structures?|entreprises?|opérateurs?|acteurs?|personnes?)\b"
    r"(?=\s*(?:/|d['’]insertion|de\s+l['’](?:ESS|insertion|IAE|économie)|(?:en\s+)?(?:situation|handicap)))"
    r"|insertion(?:\s+par\s+l['’]activité\s+économique)?|travailleurs?\s+handicapés?|(?:situation\s+de\s+)?handicap\w*"
    r"|établissements?\s+(?:et\s+services?\s+)?d['’](?:aide|accompagnement)\s+par\s+le\s+travail"
    r"|(?:(?:travail|milieu|administration|service)\s+)?pénitentiaires?|détenu\w*|(?:en\s+)?prisons?"
    r"|économie\s+sociale(?:\s+et\s+solidaire)?)"
)
_ARTICLE = r"(?:\s*[(,]?\s*(?:art(?:icles?|\.)?\s*)?[LR]\.?\s?21\d\d-\d+(?:-\d+)?\s*\)?)"
_ANY_RESERVED = re.compile(
    r"(?:\b(?:lots?|marchés?|achat|consultation|(?:(?:dont|avec|lots?|marché)\s+)?(?:une\s+part(?:ie)?|en\s+partie|\d+\s?%)(?:\s+du\s+(?:lot|marché))?(?:\s+(?:est|sera))?|\d+\s+lots?(?:\s+sur\s+\d+)?)\s+)?(?:\bnon\s+)?(?:(?<!-)\b(?:à|être)\s+)?"
    r"\br[ée]serv(?:[ée]e?s?|er|ation|able)\b"
    r"(?:\s+(?:possible|envisagée?|exclusivement|uniquement|éventuellement|une\s+part(?:ie)?|en\s+partie))*"
    rf"(?P<to>(?:{_LINK}{_STRUCTURE})+)?"
    rf"(?P<end>{_ARTICLE}?(?:\s+(?:possible|envisagée?|ou\s+(?:pas|non)|à\s+(?:étudier|confirmer|voir)))*(?:\s*\?)?)",
    re.IGNORECASE,
)
_ASKED = re.compile(
    rf"(?:(?<=^)|(?<={_EDGE})|(?<=\s))(?:(?:pour|par|ouverte?s?|confiée?s?)\b{_LINK})?{_STRUCTURE}"
    rf"(?:{_LINK}{_STRUCTURE})*\s*(?:\?|(?:de\s+préférence|si\s+possible|à\s+privilégier)\b)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^()]*\?[^()]*\)")
"""Brackets in which something is asked."""
_QUESTION = re.compile(rf"(?:(?<=[,;–—|])|(?<=\s-))\s(?:(?!\s-\s)[^,;()–—|?{_GONE}])+\?")
"""What is asked after a mark, where no term stands in it."""
_DOUBT = (
    r"(?:à\s+(?:confirmer|définir|préciser|valider|voir|vérifier|déterminer|étudier)|peut-être|éventuellement"
    r"|si\s+possible|(?:au\s+)?(?:maximum|minimum)|maxi?|environ|(?:au|ou)\s+(?:plus|moins)|estimés?|prévisionnel\w*"
    r"|envisagée?)\b"
)
_DOUBTED = re.compile(rf"(?:{_DOUBT}\.?\s*:?\s*)?{_GONE}(?:[\s,(]*{_DOUBT}\)?)?", re.IGNORECASE)
_MARKS = r"[\s,;:.!(–—|/+)-]"
_LINKS = r"\b(?:et|ou|pour|avec|dont|puis|soit|sur|de)\b"
_RUN = re.compile(rf"(?:^(?:{_MARKS}|{_LINKS})*)?{_GONE}(?:(?:{_MARKS}|{_LINKS})*{_GONE})*")
"""Terms one after another, and what only links them; also at the beginning."""
_GAP = re.compile(
    rf"(?P<before>(?:{_LINKS}(?={_MARKS}*{_GONE}{_MARKS}*$)|[\s,;:.!(–—|/+-])*){_GONE}(?P<after>{_MARKS}*)"
)
_SEEKS = re.compile(
    r"(?i)^[^,;:.]{0,99}?\b(?:re)?cherch\w+\s(?:(?:une?|des)\s(?:prestataire|fournisseur|entreprise)s?|quelqu['’]un)"
    r"\s(?:pour\s(?!le\scompte)|d[e'’]\s?)|^(?:qui\s(?:peut|pourrait|saurait)|(?:on|nous)\s(?:veut|voulons|souhaitons))\s(?:nous\s)?"
)


def without_terms(text: str) -> str:
    """The words of a lot without amounts, durations, reservations, question marks and who seeks somebody for it."""
    whole = _SEEKS.sub("", " ".join(text[:LONGEST_READ].replace(_GONE, " ").split()))
    before = whole.replace("[", "(").replace("]", ")")
    text = _ASIDE.sub(_GONE, before)
    for pattern, is_object in (
        (_ANY_AMOUNT, _is_face_value),
        (_RENEWED, _is_no_contract_renewal),
        (_ANY_RESERVED, _is_for_people),
        (_LENGTH, _is_age),
    ):
        text = pattern.sub(lambda found, stays=is_object: found[0] if stays(found) else _GONE, text)  # type: ignore[misc]
    text = _QUESTION.sub(_GONE, _ASKED.sub(_GONE, text))
    text = re.sub(r"\s*(?:\(\?+\)|\?+)", "", text)
    if text == before:
        return whole
    text = _RUN.sub(_GONE, _DOUBTED.sub(_GONE, text))
    return " ".join(_GAP.sub(_joining_mark, text).split()).strip(" ,;:.–—|/-")


def _joining_mark(gap: re.Match[str]) -> str:
    """The mark to put in a `gap` of words left out: the one that stood before them, else after them, else a space."""
    found = re.search(r"\s?[,;:.|]|\s[–—-]", f"{gap['before']}{_GONE}{gap['after']}")
    return f"{found[0]} " if found else " "


def _is_face_value(found: re.Match[str]) -> bool:
    """Whether an amount belongs to the object, as in “chèques de 50 €”."""
    return not found["named"] and _FACE_VALUE.fullmatch(found[0].strip()) is not None


def _is_no_contract_renewal(found: re.Match[str]) -> bool:
    """Whether “renouvelable” or “renouvellement” belongs to the object, saying neither how often nor for how long."""
    if found["word"].lower().startswith("recond"):
        return False
    if found["word"].lower().startswith("renouvellement"):
        return not re.match(rf"(?:avec|dont|puis|et|\+)?\s*(?:{_ANY_SPAN}|{_ANY_NUMBER})\s", found[0], re.IGNORECASE)
    before = found.string[: found.start()]
    is_term = (
        found["how"] or _STARTS.search(before) or re.search(rf"(?:{_ANY_SPAN}|\bmarché|\blot|accord-cadre)\s*$", before)
    )
    return not is_term or re.search(r"(?:énergies?|sources?|ressources?|origine|matières?)\s*$", before) is not None


def _is_age(found: re.Match[str]) -> bool:
    """Whether a number of years or months is the object's own: an age, a warranty, a rhythm."""
    if found["more"]:
        return True
    if found["lead"]:
        return False
    before, after = found.string[: found.start()], found.string[found.end() :]
    if _STARTS.search(before) and not re.search(rf"{_RANGE}\s*$", before):
        return False
    return _AGE.search(before) is not None or _ENDS.match(after) is None


def _is_for_people(found: re.Match[str]) -> bool:
    """Whether “réservé” belongs to the object, as in “places réservées aux personnes handicapées”."""
    if found["end"].strip():
        return False
    is_apart = _STARTS.search(found.string[: found.start()]) is not None
    if not found["to"]:
        return not (is_apart or " " in found[0]) or _ENDS.match(found.string[found.end() :]) is None
    return not is_apart and re.search(r"personnes|(?<!travailleurs )handicapé", found["to"], re.IGNORECASE) is not None


MOST_PARTS, LONGEST_PART = 200, 300
LOT_HEAD = re.compile(
    r"(?im)(?:^|(?<=[\n;,.)\s]))(?:[-–•*]\s*)?lots?\s*(?:n\s?[°º]\s?|n[o°]\.?\s*)?(\d{1,3}|[A-Z])\s*(?:[:.)–—\t-]|$)\s*"
)
_ROW_NUMBER = re.compile(r"\s*(?:lot\s*)?(?:n\s?[°º]\s?)?\d{1,3}\s*[.):]?\s*", re.IGNORECASE)
_AMOUNT_CELL = re.compile(rf"(?:{_DIGITS})\s*(?:k?€|euros?)?(?:\s*(?:HT|TTC))?", re.IGNORECASE)
_OBJECT_TITLE = r"(?i)objet.*|intitul[ée].*|d[ée]signation.*|libell[ée].*|prestations?"
_SUM_TITLE = r"(?i).*(?:montant|estim|budget|valeur|co[uû]t|prix|€).*"
_COLUMN_TITLE = rf"{_OBJECT_TITLE}|lots?|n°|num[ée]ro|{_SUM_TITLE.removeprefix('(?i)')}"


def pasted_lots(text: str) -> tuple[str, ...]:
    """The words of each lot in a text that lists several; empty where it is the text of one lot.

    A row of a table is one lot: its object, amount, duration and all else in words. A row of column titles or of a
    total is none, nor is one with a single cell, such as a heading.
    """
    table = [[LOT_HEAD.sub("", cell).strip(" .:") for cell in row.split("\t")] for row in text.splitlines()]
    table = [row for row in table if sum(map(bool, row)) > 1]
    if len(table) < 2 or re.search(r"\n[^\t\n]*\w[^\t\n]*\n", text[text.index("\t") : text.rindex("\t")]):
        parts = LOT_HEAD.split(text)[2::2]
    else:
        is_head = not re.search(r"(?<!\d)(?!20\d\d\b)\d", " ".join(table[0]))  # of numbers, years may stand in a title
        is_head = is_head and any(re.fullmatch(_COLUMN_TITLE, cell) for cell in table[0])
        parts = [_words_of_row(row, table[0] * is_head) for row in table[is_head:]]
    found = (" ".join(part.split()).strip(" ;,.-–—")[:LONGEST_PART] for part in parts)
    named = tuple(filter(None, found))[:MOST_PARTS]
    return named if len(named) > 1 else ()


def _words_of_row(row: list[str], titles: list[str]) -> str:
    """The words of a row, its object, else its longest cell, first; its columns' titles say more. Empty for a total."""
    own, words, value, span = "", list[str](), "", ""
    for cell, title in zip(row, [*titles, *[""] * len(row)], strict=False):
        if re.match(r"(?i)(?:sous-?\s?)?total\b", cell):
            return ""
        is_sum = "€" in cell or (re.fullmatch(_SUM_TITLE, title) if title else re.match(r"(?:\D*\d){4}", cell))
        if re.fullmatch(_SPAN, cell, re.IGNORECASE) or (re.match(r"(?i)dur[ée]e", title) and cell.isdecimal()):
            unit = " ans" if re.search(r"(?i)\bans?\b|année", title) else " mois"
            span = span or f"{cell}{unit if cell.isdecimal() else ''}"
        elif is_sum and _AMOUNT_CELL.fullmatch(cell):
            unit = "" if re.search("(?i)€|euro", cell) else " k€" if re.search("(?i)k€", title) else " €"
            tax, yearly = " TTC" * bool(re.search(r"\bTTC\b", title)), " par an" * bool(_A_YEAR.search(title))
            value = f"{cell}{unit}{tax}{yearly}" if not value or "max" in title.lower() else value
        elif cell and not _ROW_NUMBER.fullmatch(cell):
            own = own or cell * bool(re.fullmatch(_OBJECT_TITLE, title))
            is_reserved = re.match(r"(?i)r[ée]serv", title) and _reserved_types(cell)
            words.append(f"réservé {cell}" if is_reserved else f"{title} {cell}" if cell.isdecimal() else cell)
    words.sort(key=lambda cell: (cell != own, -len(cell)))
    return ", ".join(filter(None, (*words[:1], value, span, *words[1:])))
