"""How many suppliers of the real files can be written to or called, by kind: what campaigns and invitations go by.

Contacts were taken out of the extracts of real files before anybody had them: of telephones, e-mail and sites this
counts what an import of the files as they are published would keep of these columns, none of it here.
"""

from collections import Counter
from pathlib import Path

from bench.reading.real_pool import read_pool
from domain.suppliers.supplier import Supplier
from matching.reference import load_reference

WAYS = ("telephone", "e-mail", "website", "commune", "postal code and city", "street too")


def measure_contacts(data: Path) -> None:
    """Print by kind how many suppliers have each way to reach them."""
    counts: dict[str, Counter[str]] = {}
    for listed in read_pool(data, load_reference()).by_id.values():
        for kind in ("all", *(listed.supplier.kinds or ("none",))):
            counts.setdefault(kind, Counter()).update(("suppliers", *ways_to_reach(listed.supplier)))
    print("kind    suppliers" + "".join(f"{way:>22}" for way in WAYS))
    for kind, found in sorted(counts.items(), key=lambda item: -item[1]["suppliers"]):
        cells = (f"{found[way]:>13} ({found[way] / found['suppliers']:>6.1%})" for way in WAYS)
        print(f"{kind:6}  {found['suppliers']:9}" + "".join(cells))


def ways_to_reach(supplier: Supplier) -> tuple[str, ...]:
    """The ways by which a supplier can be reached, of those in `WAYS`."""
    contact, address = supplier.contact, supplier.address
    postal = address if address and address.postal_code and address.city else None
    known = (contact.phone, contact.email, contact.website, supplier.commune, postal, postal and postal.street)
    return tuple(way for way, value in zip(WAYS, known, strict=True) if value)
