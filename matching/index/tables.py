"""The tables that an index of suppliers consists of: built from suppliers, and kept in a folder that processes map."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy, segment_of
from matching.geo.territory import Geography
from matching.index.mapped_arrays import (
    Piece,
    TextWriter,
    load,
    move_pieces,
    pieces_in,
    read_tables,
    save,
    size_of,
    tables_arrays,
)
from matching.index.offers import OfferRows, Offers, WantedOffers, merged_offers, wanted_offers, with_silence
from matching.index.service_areas import AreaTable, ServiceAreas, default_reach_km, joined_areas
from matching.index.supplier_columns import (
    MatchedSupplier,
    Ordinals,
    SupplierDocument,
    SupplierRows,
    SupplierTable,
    document_of,
    joined_suppliers,
    read_offers,
)
from matching.index.trade_groups import TradeGroup, TradeGroups, trade_group

NAMES_FILE = "names.json"


class TableNames(msgspec.Struct, frozen=True):
    """The names behind the numbers of the tables: trade groups, and the codes of `offers` and `wanted`.

    `unknown_codes`: codes of service areas that the reference data does not know. `text_bytes`: of each piece of texts.
    """

    groups: tuple[TradeGroup, ...]
    offered: tuple[str, ...]
    wanted: tuple[str, ...]
    unknown_codes: tuple[str, ...]
    text_bytes: tuple[int, ...]


class IndexTables(NamedTuple):
    """The tables of an index: its active suppliers, their areas and offers.

    `groups`: of each supplier, the number of its trade group; `offers` by the segment or family they name, `wanted` all
    that answers one; `offerless`: suppliers without offers, in order. `texts`: the pieces that hold the texts.
    """

    names: TableNames
    suppliers: SupplierTable
    groups: NDArray[np.int32]
    areas: AreaTable
    offers: Mapping[str, Offers]
    wanted: Mapping[str, WantedOffers]
    offerless: Ordinals
    texts: tuple[Piece, ...]


class TablesBuilder:
    """Builds the tables of suppliers as they arrive, without `wanted`, which `join_tables` adds.

    Texts are written to the folder that `save_tables` is given then, if it is known.
    """

    def __init__(self, taxonomy: Taxonomy, cpv: Cpv, geography: Geography, folder: Path | None = None) -> None:
        self._groups = TradeGroups()
        self._rows, self._areas = SupplierRows(TextWriter(folder)), ServiceAreas(geography)
        self._offers = OfferRows(self._areas, taxonomy, cpv)
        self._group_places: list[int] = []
        self._offerless: list[int] = []

    def add(self, document: SupplierDocument) -> None:
        """Add a supplier, unless it is inactive."""
        if not document.active:
            return
        number, offers = len(self._group_places), read_offers(document.offers)
        self._rows.add(document)
        told = with_silence(offers, document.no_offer_until)
        known = document.kinds, *_name_and_siret(document)
        self._offers.add(number, told, document.updated_at, partial(default_reach_km, *known))
        if not offers and document.no_offer_until is None:
            self._offerless.append(number)
        group = trade_group(
            [one.source for one in document.sources],
            document.kinds,
            document.legal_form,
            offers,
            partial(_name_and_siret, document),
            document.size,
        )
        self._group_places.append(self._groups.number_of_group(group))

    def tables(self) -> IndexTables:
        """The tables of all suppliers added, with an empty `wanted`."""
        suppliers, texts = self._rows.table()
        offers, unknown = self._offers.tables(), tuple(self._areas.unknown_codes)
        names = TableNames(self._groups.distinct, tuple(offers), (), unknown, (size_of(texts),))
        groups, offerless = (np.array(some, dtype=np.int32) for some in (self._group_places, self._offerless))
        return _merge([IndexTables(names, suppliers, groups, self._areas.table(), offers, {}, offerless, (texts,))])


def _name_and_siret(document: SupplierDocument) -> tuple[str, str | None]:
    return msgspec.json.decode(document.name), msgspec.json.decode(document.siret)


def join_tables(parts: Sequence[IndexTables], taxonomy: Taxonomy) -> IndexTables:
    """The complete tables of the suppliers of several parts, no supplier being in two of them."""
    whole = parts[0] if len(parts) == 1 else _merge(parts)
    codes = (*taxonomy.segments, *taxonomy.parts, *(family.id for family in taxonomy.families))
    wanted = dict[str, WantedOffers]()
    for code in codes:
        segment = segment_of(code)  # what answers it answers its parts too, where nobody is known for a part alone
        same = segment != code and whole.offers.keys().isdisjoint(taxonomy.with_parts(segment)[1:])
        wanted[code] = wanted[segment] if same else wanted_offers(code, whole.offers, taxonomy)
    return whole._replace(names=msgspec.structs.replace(whole.names, wanted=codes), wanted=wanted)


def build_tables(
    suppliers: Iterable[MatchedSupplier], taxonomy: Taxonomy, cpv: Cpv, geography: Geography
) -> IndexTables:
    """The complete tables of those of the given suppliers that are active."""
    builder = TablesBuilder(taxonomy, cpv, geography)
    for supplier in suppliers:
        builder.add(document_of(supplier))
    return join_tables([builder.tables()], taxonomy)


def _merge(parts: Sequence[IndexTables]) -> IndexTables:
    """The tables of several parts as one, in spatial order, with an empty `wanted`."""
    suppliers, order = joined_suppliers([part.suppliers for part in parts], [len(part.texts) for part in parts])
    areas, places = joined_areas([part.areas for part in parts])
    ordinals = np.split(np.argsort(order).astype(np.int32), np.cumsum([len(part.groups) for part in parts])[:-1])
    groups = TradeGroups()
    of_part = [np.array([groups.number_of_group(each) for each in part.names.groups], dtype=np.int32) for part in parts]
    by_code: dict[str, list[Offers]] = {}
    for part, numbers, of_areas in zip(parts, ordinals, places, strict=True):
        new_area = np.append(of_areas, np.int32(-1))  # at its end for offers without such an area
        for code, some in part.offers.items():
            moved = some._replace(supplier=numbers[some.supplier], area=new_area[some.area])
            by_code.setdefault(code, []).append(moved)
    offers = {code: merged_offers(some) for code, some in by_code.items()}
    texts = tuple(piece for part in parts for piece in part.texts)
    unknown = sorted({code for part in parts for code in part.names.unknown_codes})
    return IndexTables(
        TableNames(groups.distinct, tuple(offers), (), tuple(unknown), tuple(map(size_of, texts))),
        suppliers,
        np.concatenate([moved[part.groups] for part, moved in zip(parts, of_part, strict=True)])[order],
        areas,
        offers,
        {},
        np.sort(np.concatenate([moved[part.offerless] for part, moved in zip(parts, ordinals, strict=True)])),
        texts,
    )


def save_tables(folder: Path, tables: IndexTables) -> None:
    """Write the tables to an existing folder, and move the files with their texts into it."""
    save(
        folder,
        {
            **tables_arrays("suppliers", [tables.suppliers]),
            **tables_arrays("areas", [tables.areas]),
            **tables_arrays("offers", list(tables.offers.values())),
            **tables_arrays("wanted", list(tables.wanted.values())),
            "groups": tables.groups,
            "offerless": tables.offerless,
        },
    )
    move_pieces(tables.texts, folder)
    (folder / NAMES_FILE).write_bytes(msgspec.json.encode(tables.names))


def load_tables(folder: Path) -> IndexTables:
    """The tables in a folder, mapped. Raises OSError, KeyError, ValueError where they are not whole."""
    try:
        names = msgspec.json.decode((folder / NAMES_FILE).read_bytes(), type=TableNames)
    except msgspec.DecodeError as cut_off:
        raise ValueError(f"{folder / NAMES_FILE}: {cut_off}") from cut_off
    arrays = load(folder)
    (suppliers,) = read_tables(SupplierTable, "suppliers", 1, arrays)
    (areas,) = read_tables(AreaTable, "areas", 1, arrays)
    offers = read_tables(Offers, "offers", len(names.offered), arrays)
    wanted = read_tables(WantedOffers, "wanted", len(names.wanted), arrays)
    return IndexTables(
        names,
        suppliers,
        arrays["groups"],
        areas,
        dict(zip(names.offered, offers, strict=True)),
        dict(zip(names.wanted, wanted, strict=True)),
        arrays["offerless"],
        pieces_in(folder, names.text_bytes),
    )
