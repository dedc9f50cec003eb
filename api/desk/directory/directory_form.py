"""The filters of the directory as they are filled in, and the query that they say."""

from collections.abc import Sequence
from typing import NamedTuple, get_args
from urllib.parse import urlencode

from api.desk.need.understood_place import found_by_name
from api.directory.filters import SupplierQuery
from api.web.forms import Fields
from domain.needs.need import RESERVED_TYPES
from domain.reference.territory import Area, UnknownTerritory
from domain.suppliers.supplier import Kind
from domain.text.bilingual import Text
from matching.reference import Reference

KINDS_OF_SUPPLIER: tuple[Kind, ...] = get_args(Kind)
ON_A_PAGE, LONGEST, MOST_PLACES = 25, 200, 20


class DirectoryForm(NamedTuple):
    """The filters. `place`: a name that was typed; `areas`: the territories chosen; `choices`: what the name may mean.

    `wrong_place`: what is to be corrected in it.
    """

    words: str
    segment: str
    place: str
    areas: tuple[Area, ...]
    choices: tuple[Area, ...]
    kinds: tuple[Kind, ...]
    reserved: str
    inactive: bool
    cursor: str
    wrong_place: Text | None

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.segment or self.areas or self.kinds or self.reserved or self.inactive)

    def query(self) -> SupplierQuery:
        """The query of `GET /suppliers`."""
        return SupplierQuery(
            q=self.words or None,
            segment=(self.segment,) if self.segment else None,
            territory=tuple(area.id for area in self.areas) or None,
            kind=self.kinds or None,
            reserved=tuple(each for each in RESERVED_TYPES if each == self.reserved) or None,
            active=None if self.inactive else True,
            limit=ON_A_PAGE,
            cursor=self.cursor or None,
        )

    def address(self, cursor: str) -> str:
        """The path and query of another page of the same search; of the first, without a cursor."""
        fields = [("mots", self.words), ("metier", self.segment), ("reserve", self.reserved)]
        fields += [("territoire", area.id) for area in self.areas]
        fields += [("type", kind) for kind in self.kinds]
        fields += [("inactifs", "1" if self.inactive else ""), ("suite", cursor)]
        query = urlencode([(name, text) for name, text in fields if text])
        return f"annuaire?{query}" if query else "annuaire"


def read_directory_form(fields: Fields, reference: Reference) -> DirectoryForm:
    """The filters in these fields; values that no list offers are left out."""

    def text(name: str) -> str:
        return fields.get(name, [""])[-1][:LONGEST]

    wrong_place = None
    areas = _areas(fields.get("territoire", [])[:MOST_PLACES], reference)
    place, choices = text("lieu"), tuple[Area, ...]()
    if place:
        found = found_by_name(place, reference)
        if len(found) == 1 or any(area in areas for area in found):
            areas += [area for area in found if len(found) == 1]
            place = ""
        else:
            choices = found
            wrong_place = SEVERAL_PLACES if found else NO_SUCH_PLACE
    segment = text("metier")
    return DirectoryForm(
        words=text("mots"),
        segment=segment if reference.taxonomy.known(segment) else "",
        place=place,
        areas=tuple({area.id: area for area in areas}.values()),
        choices=choices,
        kinds=tuple(kind for kind in KINDS_OF_SUPPLIER if kind in fields.get("type", [])),
        reserved=text("reserve"),
        inactive=bool(text("inactifs")),
        cursor=text("suite"),
        wrong_place=wrong_place,
    )


def _areas(codes: Sequence[str], reference: Reference) -> list[Area]:
    found = []
    for code in filter(None, codes):
        try:
            found.append(reference.territories.area(code, suggest=False))
        except UnknownTerritory:
            continue
    return found


SEVERAL_PLACES = Text(
    "Plusieurs lieux portent ce nom : choisissez ci-dessous, puis cherchez à nouveau",
    "Several places have this name: choose below, then search again",
)
NO_SUCH_PLACE = Text(
    "Aucun lieu de ce nom n'est connu : écrivez-le autrement, ou videz ce champ",
    "No place of this name is known: spell it otherwise, or empty this field",
)
