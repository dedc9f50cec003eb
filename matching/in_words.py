"""Findings, verdicts and advice of the law in one language."""

from functools import lru_cache
from typing import TypeVar

import msgspec

from domain.law.findings import LegalAdvice, LegalFinding, Verdict
from domain.shortlists.shortlist import Advice, Eligibility, Finding
from domain.text.bilingual import Language

Words = TypeVar("Words", Eligibility, Finding, Advice)
CACHED = 4_096


def in_words(found: Verdict | LegalFinding | LegalAdvice, kind: type[Words], language: Language) -> Words:
    """A finding, verdict or advice of the law in one language: a struct with the same fields."""
    fields = msgspec.structs.asdict(found)
    fields["message"] = found.message.to(language)
    if isinstance(found, Verdict):
        fields["missing"] = tuple(proof.to(language) for proof in found.missing)
    return kind(**fields)


@lru_cache(CACHED)
def finding_json(found: LegalFinding, language: Language) -> msgspec.Raw:
    """A `Finding` in JSON."""
    return msgspec.Raw(msgspec.json.encode(in_words(found, Finding, language)))


def advice_json(found: LegalAdvice, language: Language) -> msgspec.Raw:
    """An `Advice` in JSON. The rules give the same object again and again, which is found faster than its content."""
    cached = _ADVICE.get((id(found), language))
    if cached is not None and cached[0] is found:
        return cached[1]
    if len(_ADVICE) >= CACHED:
        _ADVICE.clear()
    made = msgspec.Raw(msgspec.json.encode(in_words(found, Advice, language)))
    _ADVICE[id(found), language] = found, made
    return made


_ADVICE: dict[tuple[int, Language], tuple[LegalAdvice, msgspec.Raw]] = {}
