"""Legal forms by INSEE's categories of legal persons (four digits, the first ones of which name a group)."""

from domain.suppliers.supplier import LegalForm

# The longest beginning of a code that is listed counts. A group stands for what most of its codes are; a society with
# the word cooperative or a Crédit agricole or mutuel in its title is one, whatever its group. The SAS have a single
# code, also those that are SCOP or SCIC: their quality is told by the ESS flag.
_FORMS: dict[str, LegalForm] = {
    # natural persons, bodies without legal personality, foreign ones
    "0": "other",
    "1": "other",
    "2": "other",
    "3": "other",
    "312": "commercial_company",
    # public bodies: industrial and commercial ones, the State and local authorities, administrative establishments
    "4": "public_body",
    "7": "public_body",
    # commercial companies
    "5": "commercial_company",
    "51": "cooperative",
    "5203": "cooperative",
    "5307": "cooperative",
    "5309": "cooperative",
    "5443": "cooperative",
    "545": "cooperative",
    "546": "cooperative",
    "5543": "cooperative",
    "5547": "cooperative",
    "555": "cooperative",
    "556": "cooperative",
    "5643": "cooperative",
    "5647": "cooperative",
    "565": "cooperative",
    "566": "cooperative",
    # other persons registered with the courts: savings banks, economic interest groups, civil societies
    "6": "other",
    "61": "cooperative",
    "631": "cooperative",
    "64": "mutual",
    "6543": "cooperative",
    "6551": "cooperative",
    "6554": "cooperative",
    "6558": "cooperative",
    "6560": "cooperative",
    "6595": "cooperative",
    "6596": "cooperative",
    # social protection, works councils, unions
    "8": "other",
    "82": "mutual",
    # associations under the law of 1901 or the local law, foundations; not congregations and owners' unions
    "9": "other",
    "921": "association",
    "922": "association",
    "9224": "other",
    "923": "association",
    "926": "association",
    "93": "foundation",
}
_LENGTH = 4


def legal_form_of(category: str) -> LegalForm | None:
    """The legal form that a category stands for; None for what is not a category."""
    if len(category) != _LENGTH or not (category.isascii() and category.isdigit()):
        return None
    return next(_FORMS[category[:size]] for size in range(_LENGTH, 0, -1) if category[:size] in _FORMS)
