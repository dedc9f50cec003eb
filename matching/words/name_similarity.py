"""Whether two names are spellings of one name."""

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from domain.suppliers.names import Name, may_slip


def name_similarity(one: Name, other: Name) -> float:
    """The similarity of two spellings of one name, at most 1; 0 where they are different names.

    Their own words are the same in any order, but for one slip (a letter more, less, other, or swapped with the next)
    in one longer word. A word more is another name: neighbours at one address are called "… Services" and "… Intérim".
    So are names that state different legal forms ("association", "SARL") or kinds ("AI", "ACI"); one may be silent.
    """
    if not one.words or _contradict(one.forms, other.forms) or _contradict(one.kinds, other.kinds):
        return 0.0
    if one.words != other.words and not _one_slip(one.words, other.words):
        return 0.0
    return fuzz.token_sort_ratio(one.whole, other.whole) / 100


def _contradict(stated: frozenset[str], other: frozenset[str]) -> bool:
    return bool(stated) and bool(other) and stated.isdisjoint(other)


def _one_slip(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    if len(words) != len(others):
        return False
    mine, theirs = list(words), list(others)
    for word in words:
        if word in theirs:
            mine.remove(word)
            theirs.remove(word)
    return len(mine) == 1 and may_slip(mine[0]) and may_slip(theirs[0]) and OSA.distance(*mine, *theirs) == 1
