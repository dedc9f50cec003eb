"""What templates put between words is written as each language does."""

import re

from api.desk.frame.layout import TEMPLATES


def test_colons_between_words_are_those_of_the_language() -> None:
    """French has a space before them, English none: outside of bilingual texts they are `colon` and `semicolon`."""
    outside = re.compile(r'(?:\}\}|>) [:;] ?(?:\{\{|<)|" [:;] "')
    found = [
        f"{file.name}: {each}"
        for file in TEMPLATES.rglob("*.html")
        for each in outside.findall(file.read_text("utf-8"))
    ]
    assert found == []
