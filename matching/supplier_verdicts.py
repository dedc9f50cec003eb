"""The verdicts of the law on suppliers, in words and in JSON."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import msgspec

from domain.law.eligibility import judged
from domain.law.past_awards import EssAward, with_award_bar
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.needs.need import ContractKind, Reserved
from domain.shortlists.shortlist import Eligibility
from domain.text.bilingual import Language
from matching.in_words import in_words

CACHED_QUESTIONS, CACHED_FACTS = 16, 4_096


class Judged(NamedTuple):
    """The verdicts on a supplier, as structs and in JSON."""

    verdicts: tuple[Eligibility, ...]
    json: msgspec.Raw


NOT_JUDGED = Judged((), msgspec.Raw(b"[]"))
"""Where nothing is reserved."""


@lru_cache(CACHED_QUESTIONS)
def judge_of(
    reserved: tuple[Reserved, ...], on: date, rules: Rules, contract: ContractKind, language: Language
) -> Callable[[LegalFacts, tuple[EssAward, ...]], Judged]:
    """The function that words the verdicts on a supplier, after the ESS-reserved contracts that the buyer awarded it.

    The same question has the same function, which remembers its answers: many suppliers share their legal facts.
    """

    view = rules.at(on, contract)

    @lru_cache(CACHED_FACTS)
    def judge(facts: LegalFacts, awards: tuple[EssAward, ...]) -> Judged:
        verdicts = [judged(facts, kind, on, view) for kind in reserved]
        if awards:
            verdicts = [with_award_bar(verdict, awards, on, rules) for verdict in verdicts]
        worded = tuple([in_words(verdict, Eligibility, language) for verdict in verdicts])
        return Judged(worded, msgspec.Raw(msgspec.json.encode(worded)))

    return judge
