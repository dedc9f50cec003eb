"""What is doubtful about a record's content, without stopping it."""

from stdnum.fr import siret as siret_numbers

from domain.suppliers.supplier import Flag, SupplierRecord

# The usual case is decided here, ten times as fast; whatever does not plainly pass is left to the library.
_LA_POSTE = b"356000000"
_PLAIN = bytes(max(0, byte - 48) % 10 for byte in range(256))
_DOUBLED = bytes(sum(divmod(2 * value, 10)) for value in _PLAIN)


def siret_passes_check(siret: str) -> bool:
    """Whether the check digits of a SIRET agree: Luhn's key, and for the branches of La Poste a sum divisible by 5."""
    digits = siret.encode()
    usual = len(digits) == 14 and digits.isdigit() and not digits.startswith(_LA_POSTE)
    if usual and not _luhn(digits) and not _luhn(digits[:9]):
        return True
    return siret_numbers.is_valid(siret)


def _luhn(digits: bytes) -> int:
    """What Luhn's key leaves of the digits, 0 where it agrees."""
    first = len(digits) % 2
    return (sum(digits[first::2].translate(_DOUBLED)) + sum(digits[1 - first :: 2].translate(_PLAIN))) % 10


def content_flags(record: SupplierRecord) -> tuple[Flag, ...]:
    """Every flag that the content of a record gives rise to; those of its place are found elsewhere."""
    return (*siret_flags(record), *offer_flags(record))


def siret_flags(record: SupplierRecord) -> tuple[Flag, ...]:
    """`siret_check_failed` where the record's SIRET fails its check; () where it has none."""
    if record.siret is None or siret_passes_check(record.siret):
        return ()
    return (Flag("siret_check_failed", record.siret),)


def offer_flags(record: SupplierRecord) -> tuple[Flag, ...]:
    """`no_offer` where nothing says what the supplier does, so that no need for a segment can find it."""
    return () if record.offers else (Flag("no_offer", "no segment and no CPV code"),)
