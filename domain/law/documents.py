"""The rules as documents for readers: those of `GET /rules`."""

from datetime import date
from functools import lru_cache

import msgspec

from domain.law.law_files import BrokenLaw, Status
from domain.law.rules import DatedRule, RuleRow, Rules, value_text
from domain.text.bilingual import Language, Text

NO_VALUE: dict[Status, Text] = {"absent": Text("pas de règle", "no rule"), "unknown": Text("inconnue", "unknown")}


class RuleDocument(DatedRule, frozen=True):
    """A rule during one period."""

    message: str
    """The rule in words, in the language of the request"""
    explanation: str | None
    """The way in which the rule is applied; null where it is for information only"""


class _Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words on how some rules are applied; their ids with blanks between them."""

    rules: str
    text: str


@lru_cache(maxsize=16)
def explanations_by_rule(law: Rules) -> dict[str, str]:
    """The explanation of each rule that some function applies, by id; raises BrokenLaw where a rule has two."""
    found: dict[str, str] = {}
    for each in law.table("law_explanations.toml", dict[str, tuple[_Explanation, ...]])["explanation"]:
        for rule_id in each.rules.split():
            if rule_id in found:
                raise BrokenLaw(f"law_explanations.toml: {rule_id}: two explanations; leave one")
            found[rule_id] = each.text
    return found


def documents_in_force(rules: Rules, on: date, language: Language) -> tuple[RuleDocument, ...]:
    """Every rule in force on a day, as `GET /rules` shows it."""
    return tuple(_rule_document(rules, row, language) for row in rules.in_force(on))


def documents_of_rule(rules: Rules, rule_id: str, language: Language) -> tuple[RuleDocument, ...]:
    """Every period of one rule, oldest first, with the periods in which it did not exist; raises NotFound."""
    return tuple(_rule_document(rules, row, language) for row in rules.history(rule_id))


def _rule_document(rules: Rules, row: RuleRow, language: Language) -> RuleDocument:
    fields = {name: getattr(row, name) for name in DatedRule.__struct_fields__}
    return RuleDocument(**fields, message=row.message.to(language), explanation=explanations_by_rule(rules).get(row.id))


def value_in_words(row: RuleRow, longest: int) -> Text | None:
    """The value of a rule in one period, in words; None for a list of more than `longest` entries."""
    if row.status != "in_force":
        return NO_VALUE[row.status]
    if isinstance(row.value, bool):
        return Text("oui", "yes") if row.value else Text("non", "no")
    if isinstance(row.value, tuple) and len(row.value) > longest:
        return None
    return value_text(row.value, row.unit)
