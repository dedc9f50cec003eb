"""A registry of the functions that apply rules; their docstrings are served as the explanation of the rules."""

from collections.abc import Callable
from inspect import cleandoc
from typing import TypeVar

_Function = TypeVar("_Function", bound=Callable[..., object])
_EXPLANATIONS: dict[str, str] = {}


def applies(*rule_ids: str) -> Callable[[_Function], _Function]:
    """Mark a function as the one that applies these rules; it must have a docstring, and a rule has one function."""

    def mark(function: _Function) -> _Function:
        if not function.__doc__:
            raise ValueError(f"{function.__qualname__} applies rules and needs a docstring")
        for rule_id in rule_ids:
            if rule_id in _EXPLANATIONS:
                raise ValueError(f"two functions apply {rule_id}")
            _EXPLANATIONS[rule_id] = cleandoc(function.__doc__)
        return function

    return mark


def explained() -> dict[str, str]:
    """Rule id → docstring, of the modules imported so far (`domain.law.rule_documents` imports them all)."""
    return dict(_EXPLANATIONS)
