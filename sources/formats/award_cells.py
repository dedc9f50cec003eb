"""Values of award data as they are really written: CPV codes of all shapes, dates with offsets, lost accents."""

import re
from datetime import date, timedelta

from domain.reference.cpv import Cpv
from domain.suppliers.supplier import SIRET_DIGITS
from domain.text.bilingual import Text
from domain.text.normalise import fold
from sources.formats.csv_cells import BadCell
from sources.validation import siret_passes_check

_CPV = re.compile(r"(?<!\d)(\d{7,8})(?:-?\d)?(?!\d)")
_CPV_DIGITS = 8
_DAY = len("2026-11-24")
_MOST_EUROS = 1e12
_LOST = "\N{REPLACEMENT CHARACTER}"
_LOST_APOSTROPHE = re.compile(rf"\b([cdjlmnst]|qu){_LOST}(?=[aeiouyh{_LOST}])", re.IGNORECASE)
_LOST_ALONE = re.compile(rf"(?<!\S){_LOST}(?!\S)")
_AHEAD = timedelta(days=366)
_WORD = re.compile(r"[a-z]+")
# Trials of software for publishing are published too: "TEST PES", "Test_DUME_simplifie - lot 1", "Le marche noir".
_OF_TRIALS = frozenset({
    "test", "tests", "essai", "essais", "le", "marche", "un", "lot", "pes", "dume", "simplifie", "sad", "support",
    "notif", "par", "contrat", "envoi", "pour", "json", "xml", "decp", "publication", "profil", "acheteur",
    "consultation",
})  # fmt: skip
_TRIAL = frozenset({"test", "tests"})
_MADE_UP = frozenset({"le marche noir"})
_NO_SIRET = Text(
    "Le titulaire n'est pas désigné par un SIRET : il ne peut être rapproché d'aucun fournisseur",
    "The winner is not named by a SIRET: it joins no supplier",
)


def cpv_of(written: str, cpv: Cpv) -> str | None:
    """The eight digits of a CPV code, with or without check digit, its first zero or words before it; None for none."""
    found = _CPV.search(written)
    if found is None:
        return None
    code = found[1].rjust(_CPV_DIGITS, "0")
    return code if cpv.exists(code) else None


def day_of(written: str, today: date | None = None) -> date | None:
    """The day of a date, with or without a time or an offset after it; None for none and for what is no day.

    Nor is one more than a year after `today`, such as in 2925, where that is known.
    """
    try:
        day = date.fromisoformat(written.strip()[:_DAY])
    except ValueError:
        return None
    return None if today is not None and day - today > _AHEAD else day


def is_trial(text: str) -> bool:
    """Whether an object is that of a trial of the software for publishing, and no contract."""
    words = _WORD.findall(fold(text))
    return (not _TRIAL.isdisjoint(words) and _OF_TRIALS.issuperset(words)) or " ".join(words) in _MADE_UP


def euros_of(written: str | float | None) -> float | None:
    """The amount; None where it is not known, negative or beyond what anything costs."""
    try:
        amount = float(str(written).strip().replace(",", ".")) if written is not None else -1.0
    except ValueError:
        return None
    return amount if 0 <= amount <= _MOST_EUROS else None


def winner_of(number: str, kind: str) -> str:
    """The SIRET of a winner; one that a number lost its first zeros from has them again. Raises BadCell for none."""
    digits = "".join(number.split()).removesuffix(".0")
    if kind.strip().upper() not in ("SIRET", "") or not (digits.isascii() and digits.isdigit()):
        raise BadCell(("siret",), "winner_without_siret", _NO_SIRET)
    padded = digits.rjust(SIRET_DIGITS, "0")
    is_short = SIRET_DIGITS - 3 <= len(digits) < SIRET_DIGITS
    return padded if is_short and siret_passes_check(padded) else digits


def legible(text: str) -> str:
    """The text with likely letters where accents were lost (U+FFFD): for reading its words, not for showing it."""
    if _LOST not in text:
        return text
    return _LOST_ALONE.sub("à", _LOST_APOSTROPHE.sub(r"\1'", text)).replace(_LOST, "é")
