"""The tables that an index of suppliers consists of: built from suppliers, and kept in a folder that processes map."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from matching.geo.territory import Geography
from matching.indexed_supplier import MatchedSupplier
from matching.mapped_arrays import load, read_table, read_tables, save, table_arrays, tables_arrays
from matching.offer_tables import OfferRows, Offers, WantedOffers, wanted_offers
from matching.service_areas import AreaTable, ServiceAreas
from matching.supplier_columns import Ordinals, SupplierRows, SupplierTable
from matching.trade_groups import TradeGroup, TradeGroups

NAMES_FILE = "names.json"


class Names(msgspec.Struct, frozen=True):
    """The meaning of the tables' numbers: trade groups by place, the codes of `offers` and `wanted`.

    `unknown_codes`: codes of service areas that the reference data does not know.
    """

    groups: tuple[TradeGroup, ...]
    offered: tuple[str, ...]
    wanted: tuple[str, ...]
    unknown_codes: tuple[str, ...]


class IndexTables(NamedTuple):
    """Active suppliers as an index holds them.

    `groups`: of each supplier, the place of its trade group; `offers` by the segment or family they name, `wanted` all
    that answers one; `offerless`: suppliers without offers, in order.
    """

    names: Names
    suppliers: SupplierTable
    groups: NDArray[np.int32]
    areas: AreaTable
    offers: Mapping[str, Offers]
    wanted: Mapping[str, WantedOffers]
    offerless: Ordinals


class TablesBuilder:
    """Builds the tables from suppliers as they arrive."""

    def __init__(self, taxonomy: Taxonomy, cpv: Cpv, geography: Geography) -> None:
        self._taxonomy, self._groups = taxonomy, TradeGroups()
        self._rows, self._areas = SupplierRows(), ServiceAreas(geography)
        self._offers = OfferRows(self._areas, taxonomy, cpv)
        self._group_places: list[int] = []
        self._offerless: list[int] = []

    def add(self, supplier: MatchedSupplier) -> None:
        """Add a supplier, unless it is inactive."""
        if not supplier.active:
            return
        number = len(self._group_places)
        self._rows.add(supplier)
        self._group_places.append(self._groups.place_of(supplier))
        if supplier.offers:
            self._offers.add(number, supplier.offers)
        else:
            self._offerless.append(number)

    def tables(self) -> IndexTables:
        """The tables of all that were added."""
        suppliers, order = self._rows.table()
        ordinals = np.empty(len(order), dtype=np.int32)
        ordinals[order] = np.arange(len(order), dtype=np.int32)
        offers = self._offers.tables(ordinals)
        codes = (*self._taxonomy.segments, *(family.id for family in self._taxonomy.families))
        wanted = {code: wanted_offers(code, offers, self._taxonomy) for code in codes}
        unknown = tuple(sorted(self._areas.unknown_codes))
        return IndexTables(
            Names(self._groups.distinct, tuple(offers), codes, unknown),
            suppliers,
            np.array(self._group_places, dtype=np.int32)[order],
            self._areas.table(),
            offers,
            wanted,
            np.sort(ordinals[np.array(self._offerless, dtype=np.int32)]),
        )


def built(suppliers: Iterable[MatchedSupplier], taxonomy: Taxonomy, cpv: Cpv, geography: Geography) -> IndexTables:
    """The tables of those of some suppliers that are active."""
    builder = TablesBuilder(taxonomy, cpv, geography)
    for supplier in suppliers:
        builder.add(supplier)
    return builder.tables()


def save_tables(folder: Path, tables: IndexTables) -> None:
    """Write the tables to a folder that is there."""
    save(
        folder,
        {
            **table_arrays("suppliers", tables.suppliers),
            **table_arrays("areas", tables.areas),
            **tables_arrays("offers", list(tables.offers.values())),
            **tables_arrays("wanted", list(tables.wanted.values())),
            "groups": tables.groups,
            "offerless": tables.offerless,
        },
    )
    (folder / NAMES_FILE).write_bytes(msgspec.json.encode(tables.names))


def load_tables(folder: Path) -> IndexTables:
    """The tables in a folder, mapped. Raises OSError, KeyError, ValueError where they are not whole."""
    names = msgspec.json.decode((folder / NAMES_FILE).read_bytes(), type=Names)
    arrays = load(folder)
    offers = read_tables(Offers, "offers", len(names.offered), arrays)
    wanted = read_tables(WantedOffers, "wanted", len(names.wanted), arrays)
    return IndexTables(
        names,
        read_table(SupplierTable, "suppliers", arrays),
        arrays["groups"],
        read_table(AreaTable, "areas", arrays),
        dict(zip(names.offered, offers, strict=True)),
        dict(zip(names.wanted, wanted, strict=True)),
        arrays["offerless"],
    )
