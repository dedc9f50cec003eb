"""The check digits of a SIRET, the number of an establishment."""

from stdnum.fr import siret as siret_numbers

# Most numbers are decided here, ten times as fast; the branches of La Poste, and what is no SIRET, by the library.
_LA_POSTE = b"356000000"
_PLAIN = bytes(max(0, byte - 48) % 10 for byte in range(256))
_DOUBLED = bytes(sum(divmod(2 * value, 10)) for value in _PLAIN)


def siret_passes_check(siret: str) -> bool:
    """Whether the check digits of a SIRET agree: Luhn's key, and for the branches of La Poste a sum divisible by 5."""
    digits = siret.encode()
    if len(digits) == 14 and digits.isdigit() and not digits.startswith(_LA_POSTE):
        return not (_luhn_remainder(digits) or _luhn_remainder(digits[:9]))
    return siret_numbers.is_valid(siret)


def _luhn_remainder(digits: bytes) -> int:
    """The sum of Luhn's key modulo 10: 0 where it agrees."""
    first = len(digits) % 2
    return (sum(digits[first::2].translate(_DOUBLED)) + sum(digits[1 - first :: 2].translate(_PLAIN))) % 10
