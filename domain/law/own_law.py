"""Files of the law that are not those delivered, read with every check: an installation's own, or a jurist's copy."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from domain.law.buyers import BuyerClass
from domain.law.documents import explanations_by_rule
from domain.law.findings import SENTENCES, SENTENCES_FILE, places_of, sentences_of, statements_of
from domain.law.law_files import BrokenLaw, read_law_files
from domain.law.procedures.steps import TimeLimits
from domain.law.reservations.eligibility import ReservedType
from domain.law.rules import LAW_FILE, Rules, load
from domain.needs.need import Reserved

TABLES: dict[str, Any] = {
    "buyer_classes.toml": dict[str, tuple[BuyerClass, ...]],
    "reserved_types.toml": dict[Reserved, ReservedType],
    "time_limits.toml": TimeLimits,
}
"""The tables of the law beside rules, sentences and explanations, and what each holds."""


def read_own_law(place: Path) -> Rules:
    """The law with the files of a folder, or one file, in the place of those delivered.

    Raises OSError, or BrokenLaw, which says what is wrong where: also a rule or a sentence that functions need.
    """
    rules = Rules(read_law_files(place))
    statements, sentences = statements_of(rules), sentences_of(rules)
    for name, kind in TABLES.items():
        rules.table(name, kind)
    applied = explanations_by_rule(load()).keys() | explanations_by_rule(rules).keys()
    for file, needed, known in (
        (LAW_FILE.name, applied, set(rules.ids)),
        (SENTENCES_FILE, SENTENCES.keys(), set(sentences)),
    ):
        if missing := sorted(needed - known):
            raise BrokenLaw(f"{file}: {', '.join(missing)}: missing, though functions apply them; add them")
    quoted = ((name, rule) for name, said in statements.items() for rule in (said.rule, *said.rests_on))
    _require_known(quoted, set(rules.ids), "no rule of law.toml has this id")
    added = ((name, places_of(text) - places_of(SENTENCES.get(name, text))) for name, text in sentences.items())
    placed = ((name, place) for name, places in added for place in places)
    what = "no place of this sentence, no rule and no sentence has this name"
    _require_known(placed, {*rules.ids, *sentences}, what)
    return rules


def _require_known(used: Iterable[tuple[str, str]], known: set[str], what: str) -> None:
    """Raise BrokenLaw on the first word that is not known, of those `used` as (name of the sentence, word)."""
    for name, word in used:
        if word not in known:
            near = "".join(f"; {each}?" for each in get_close_matches(word, known, 1))
            raise BrokenLaw(f"{SENTENCES_FILE}: {name}: {word}: {what}{near}")
