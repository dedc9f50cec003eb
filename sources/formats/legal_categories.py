"""Legal forms by INSEE's categories of legal persons (four digits, the first ones of which name a group)."""

from functools import cache

from domain.suppliers.supplier import LegalForm

# The longest beginning of a code that is listed counts. A group stands for what most of its codes are; a society with
# the word cooperative or a Crédit agricole or mutuel in its title is one, whatever its group. The SAS have a single
# code, also those that are SCOP or SCIC: their quality is told by the ESS flag. Congregations and owners' unions (91,
# 9224) are no associations.
_BEGINNINGS: dict[LegalForm, str] = {
    "commercial_company": "312 5",
    "cooperative": "51 5203 5307 5309 5443 545 546 5543 5547 555 556 5643 5647 565 566 61 631 6543 6551 6554 6558 6560 "
    "6595 6596",
    "public_body": "4 7",
    "mutual": "64 82",
    "association": "921 922 923 926",
    "foundation": "93",
    "other": "0 1 2 3 6 8 9 9224",
}
_FORMS = {beginning: form for form, listed in _BEGINNINGS.items() for beginning in listed.split()}
_LENGTH = 4


def legal_form_of(category: str) -> LegalForm | None:
    """The legal form that a category stands for; None for what is not a category."""
    if len(category) != _LENGTH or not (category.isascii() and category.isdigit()):
        return None
    return _form(category)


@cache  # of a few hundred categories
def _form(category: str) -> LegalForm:
    return next(_FORMS[category[:size]] for size in range(_LENGTH, 0, -1) if category[:size] in _FORMS)
