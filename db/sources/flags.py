"""What is doubtful about a record's content, without stopping it."""

from stdnum.fr import siret as siret_numbers

from domain.supplier import Flag, SupplierRecord


def siret_passes_check(siret: str) -> bool:
    """Whether the check digits of a SIRET agree: Luhn's key, and for the branches of La Poste a sum divisible by 5."""
    return siret_numbers.is_valid(siret)


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
