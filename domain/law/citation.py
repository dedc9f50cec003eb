"""The writing of legal messages: dates, names of lots, and the article that ends each message."""

from datetime import date

from domain.shortlists.shortlist import Confidence
from domain.text.bilingual import NOTHING, Text, listed

READABLE = 12
"""The most names that a sentence lists."""


def cite(sentence: Text, article: str | None, confidence: Confidence) -> Text:
    """`sentence` followed by its article; weakly sourced, it is marked "à vérifier"."""
    if not article:
        return sentence
    if confidence == "low":
        return Text(f"{sentence.fr} ; à vérifier ({article})", f"{sentence.en}; to be checked ({article})")
    return Text(f"{sentence.fr} ({article})", f"{sentence.en} ({article})")


def days(day: date) -> Text:
    """A date as people write it: 22/12/2026 in French, ISO 8601 in English."""
    return Text(f"{day.day:02d}/{day.month:02d}/{day.year}", day.isoformat())


def listed_briefly(names: tuple[str, ...]) -> Text:
    """Names joined for reading: "1, 3 et 4"; of very many the first ones, and how many more there are."""
    if len(names) <= READABLE:
        return listed(names)
    head, more = ", ".join(names[:READABLE]), len(names) - READABLE
    return Text(f"{head} et {more} autre{'s' if more > 1 else ''}", f"{head} and {more} more")


def bracketed_lots(names: tuple[str, ...]) -> Text:
    """ " (lots 1 et 2)", to stand behind what is said of them; nothing without names."""
    if not names:
        return NOTHING
    many, (fr, en) = "s" if len(names) > 1 else "", listed_briefly(names)
    return Text(f" (lot{many} {fr})", f" (lot{many} {en})")
