"""SIRENs and SIRETs by which rows of lists and registers join suppliers, as spreadsheets leave them."""

from domain.suppliers.supplier import SIRET_DIGITS
from domain.text.bilingual import Text
from sources.formats.csv_cells import BadCell

SIREN_DIGITS = 9
_MOST_ZEROS_LOST = 3
_NO_SIREN = Text("Un SIREN compte 9 chiffres", "A SIREN has 9 digits")
_NO_NUMBER = Text(
    "Ni SIRET ni SIREN : cette ligne ne peut rejoindre aucun fournisseur",
    "Neither a SIRET nor a SIREN: this row can join no supplier",
)


def siren_of(cell: str, column: str) -> str:
    """The SIREN in the cell; one that lost its first zeros, as whole numbers do, has them again. Raises BadCell."""
    digits = "".join(cell.split()).removesuffix(".0")
    is_number = digits.isascii() and digits.isdigit()
    if not is_number or not SIREN_DIGITS - _MOST_ZEROS_LOST <= len(digits) <= SIREN_DIGITS:
        raise BadCell((column,), "invalid_siren", _NO_SIREN)
    return digits.rjust(SIREN_DIGITS, "0")


def number_of(siret: str, siren: str) -> str:
    """The SIRET, else the SIREN. Raises BadCell where there is neither."""
    digits = "".join(siret.split())
    if len(digits) == SIRET_DIGITS and digits.isascii() and digits.isdigit():
        return digits
    if not siren.strip():
        raise BadCell(("siret",), "missing_field", _NO_NUMBER)
    return siren_of(siren, "siren")


def siret_in(number: str) -> str | None:
    """The number where it is a SIRET; None for a SIREN."""
    return number if len(number) == SIRET_DIGITS else None
