"""Parts of a text in square brackets that its author has still to fill in, as in our templates: “[date]”, “[lieu]”.

What stands for words left out (“[…]”), a note (“[1]”, “[sic]”), a link or a mark (“[URGENT]”) is none.
"""

import re
from collections.abc import Iterator, Mapping

from domain.errors import Problem, pointer
from domain.text.bilingual import Text

_NAMED = (
    r"(?i:date|jour|heures?|lieu|(?:pr[ée])?nom|adresse|t[ée]l[ée]phone|day|hours?|place|name|xx+|votre|vos|your"
    r"|[àa]\s+(?:compl[ée]ter|pr[ée]ciser|d[ée]finir|remplir|indiquer|renseigner))\b"
)
_PLACEHOLDER = re.compile(rf"\[(?!sic\])(?:{_NAMED}[^\[\]\n…]{{0,60}}|[a-zà-öø-ÿœ][^\[\]\n…]{{1,60}})\](?!\()")


def placeholders_in(text: str) -> list[str]:
    """The placeholders of a text, each once, with their brackets."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def placeholder_problems(texts: Mapping[str, str]) -> Iterator[Problem]:
    """A problem (`placeholder_left`) for each of these fields whose text is not filled in."""
    for field, text in texts.items():
        if found := placeholders_in(text):
            left = ", ".join(found)
            detail = Text(
                f"Il reste à remplir : {left}. Remplacez chaque crochet par ce qu'il annonce, ou supprimez-le",
                f"Still to be filled in: {left}. Put in the place of each bracket what it announces, or delete it",
            )
            yield Problem(pointer(field), "placeholder_left", detail)
