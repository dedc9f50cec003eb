"""The words of `words.toml`, in which the desk's pages are reworded in both languages without code."""

import tomllib
from pathlib import Path

import msgspec

from domain.text.bilingual import Text

CODE_WORDS = msgspec.convert(
    tomllib.loads((Path(__file__).parents[1] / "words.toml").read_text("utf-8")), dict[str, dict[str, Text]]
)
"""The words for codes, by what the codes are of; templates know each table by its name."""
SAID = CODE_WORDS.pop("said")
"""Sentences on what is wrong, or not there, by their names in the code."""
