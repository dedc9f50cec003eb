"""The sentences of the law, from `domain/data/law_sentences.toml`, where they are reworded in both languages."""

import tomllib
from importlib.resources import files

import msgspec

from domain.text.bilingual import Text

SENTENCES = msgspec.convert(
    tomllib.loads((files("domain") / "data" / "law_sentences.toml").read_text("utf-8")), dict[str, Text]
)


def sentence(name: str, /, **values: Text | str | int | None) -> Text:
    """The sentence of this name, its places filled, each value in its language."""
    if not values:
        return SENTENCES[name]
    return SENTENCES[name].filled(**{place: _in_both(value) for place, value in values.items()})


def _in_both(value: Text | str | int | None) -> Text:
    return value if isinstance(value, Text) else Text(str(value), str(value))
