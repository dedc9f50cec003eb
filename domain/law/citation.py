"""The writing of legal messages: amounts, dates, lists, and the article that ends each message."""

from datetime import date

from domain.shortlists.shortlist import Confidence
from domain.text.bilingual import Text

READABLE = 12
"""The most names that a sentence lists."""


def cite(sentence: Text, article: str | None, confidence: Confidence) -> Text:
    """`sentence` followed by its article; weakly sourced, it is marked "à vérifier"."""
    if not article:
        return sentence
    if confidence == "low":
        return Text(f"{sentence.fr} ; à vérifier ({article})", f"{sentence.en}; to be checked ({article})")
    return Text(f"{sentence.fr} ({article})", f"{sentence.en} ({article})")


def euros(amount_cents: int) -> Text:
    """An amount excluding tax; cents are written only where there are some."""
    whole, part = divmod(amount_cents, 100)
    grouped = f"{whole:,}"
    french = grouped.replace(",", " ")
    if part:
        return Text(f"{french},{part:02d} €", f"€{grouped}.{part:02d}")
    return Text(f"{french} €", f"€{grouped}")


def days(day: date) -> Text:
    """A date as people write it: 22/12/2026 in French, ISO 8601 in English."""
    return Text(f"{day.day:02d}/{day.month:02d}/{day.year}", day.isoformat())


def listed(names: tuple[str, ...]) -> Text:
    """Names joined for reading: "1, 3 et 4"; of very many the first ones, and how many more there are."""
    if len(names) < 2:
        return Text("".join(names), "".join(names))
    if len(names) > READABLE:
        head, more = ", ".join(names[:READABLE]), len(names) - READABLE
        return Text(f"{head} et {more} autre{'s' if more > 1 else ''}", f"{head} and {more} more")
    head, last = ", ".join(names[:-1]), names[-1]
    return Text(f"{head} et {last}", f"{head} and {last}")
