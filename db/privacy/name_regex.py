"""Where PostgreSQL may look for a person: a regular expression that finds more than is meant, and misses nothing."""

from domain.privacy.data_subject import Traces
from domain.text.normalise import fold

_BETWEEN_DIGITS = r"\D{0,4}"
_MARKS = f"[{chr(0x300)}-{chr(0x36F)}]*"
_LIGATURES = {"oe": "œŒ", "ae": "æÆ"}
_ALIKE: dict[str, str] = {}
for _code in range(ord("A"), 0x180):
    if len(_folded := fold(chr(_code))) == 1:
        _ALIKE[_folded] = _ALIKE.get(_folded, "") + chr(_code)


def pattern(traces: Traces) -> str:
    """A pattern for `~` that matches every text in which `domain.privacy.data_subject` finds one of the traces."""
    longest = (max(name.split(), key=len) for name in traces.names)
    numbers = (_BETWEEN_DIGITS.join(phone.removeprefix("0")) for phone in traces.phones)
    return "|".join((*map(_word, longest), *map(_word, traces.addresses), *filter(None, numbers)))


def _word(word: str) -> str:
    parts, place = [], 0
    while place < len(word):
        pair = word[place : place + 2]
        if pair in _LIGATURES:
            parts.append(f"(?:[{_LIGATURES[pair]}]|{_letter(pair[0])}{_letter(pair[1])})")
        else:
            parts.append("".join(map(_letter, word[place : place + 1])))
        place += 2 if pair in _LIGATURES else 1
    return "".join(parts)


def _letter(sign: str) -> str:
    alike = _ALIKE.get(sign) or _ALIKE.get(fold(sign))
    if alike is not None:
        return f"[{alike}]{_MARKS}"
    return sign if sign.isalnum() or ord(sign) > 0x7F else f"\\{sign}"
