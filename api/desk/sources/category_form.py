"""The form on a source's page in which its categories are given their segments, each confirmed by a tick."""

from collections.abc import Mapping
from typing import NamedTuple

from api.desk.frame.form import Mistake
from api.web.html_pages import Fields
from domain.decoding.requests import hint_of_nearest
from domain.reference.taxonomy import Taxonomy
from domain.text.bilingual import said_by
from domain.text.normalise import fold

MOST_CATEGORIES = 50
"""Categories in one form, those of the most records first; the next follow once these are confirmed."""
_CATEGORY, _SEGMENT, _OTHER, _NONE = "categorie-", "metier-", "autre-", "aucun-"


class CategoryChoice(NamedTuple):
    """The choice made for a category: segments ticked, the name of another one, or that it means none."""

    number: str
    ticked: tuple[str, ...] = ()
    other: str = ""
    means_none: bool = False


def choices_in(fields: Fields) -> dict[str, CategoryChoice]:
    """The choices in a submitted form, by category."""
    numbers = [name.removeprefix(_CATEGORY) for name in fields if name.startswith(_CATEGORY)]
    return {
        fields[_CATEGORY + number][-1]: CategoryChoice(
            number,
            tuple(fields.get(_SEGMENT + number, ())),
            fields.get(_OTHER + number, [""])[-1].strip(),
            _NONE + number in fields,
        )
        for number in numbers
    }


def confirmed_segments(
    choices: Mapping[str, CategoryChoice], taxonomy: Taxonomy
) -> tuple[dict[str, tuple[str, ...]], list[Mistake]]:
    """The segments of each category that was confirmed, () where it means none, and the mistakes in the form."""
    labels = {fold(family.label): family.id for family in taxonomy.families}
    labels |= {fold(segment.label): segment.id for segment in taxonomy.segments.values()}
    confirmed: dict[str, tuple[str, ...]] = {}
    mistakes: list[Mistake] = []
    for category, (number, ticked, other, means_none) in choices.items():
        named = other if taxonomy.known(other) else labels.get(fold(other))
        if other and named is None:
            hint = hint_of_nearest(other, tuple(each.label for each in taxonomy.segments.values()))
            no_trade = said_by(__name__)["no_trade"].filled(written=other, hint=hint)
            mistakes.append(Mistake(_OTHER + number, no_trade))
        elif segments := tuple(dict.fromkeys((*ticked, *((named,) if named else ())))):
            confirmed[category] = segments
        elif means_none:
            confirmed[category] = ()
    return confirmed, mistakes
