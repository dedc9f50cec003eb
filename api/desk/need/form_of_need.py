"""The form that says what a need says: of the example, a notice, a proposal of lots, a need that was stored."""

from typing import Any

import msgspec

from api.desk.need.need_form import LotForm, NeedForm, plain_number, words_read
from api.desk.need.understood_need import heard
from domain.needs.need import Lot, Need, NeedAndProcedure, Place, TerritoryRequest


def form_of_need(need: Need, *, keep_ids: bool = True) -> NeedForm:
    """The form of a need. Without `keep_ids` its lots are numbered: nothing knows them yet."""
    buyer = need.buyer
    authority = buyer.contracting_authority if buyer else None
    return NeedForm(
        **_place(need.territory),
        title=need.title or "",
        buyer=(buyer.kind if buyer else None) or "",
        planned=need.planned_publication_on.isoformat() if need.planned_publication_on else "",
        on=need.on.isoformat() if need.on else "",
        reference=need.reference or "",
        buyer_name=(buyer.name if buyer else None) or "",
        siret=(buyer.siret if buyer else None) or "",
        authority="" if authority is None else "oui" if authority else "non",
        purchases=plain_number(buyer.annual_purchases_eur if buyer else None),
        contract="" if need.contract == "market" else need.contract,
        technique=need.technique or "",
        procedure=(need.procedure if isinstance(need, NeedAndProcedure) else None) or "",
        total=plain_number(need.estimated_total_eur),
        lots=tuple(_lot(lot, need, keep_ids=keep_ids) for lot in need.lots),
    )


def _lot(lot: Lot, need: Need, *, keep_ids: bool) -> LotForm:
    cpv, keywords = ", ".join(lot.cpv), ", ".join(lot.keywords)
    site = lot.site or Place()
    return LotForm(
        **_place(lot.territory),
        id=lot.id if keep_ids else "",
        title=lot.title or "",
        # the need says its terms: those of its words are offered, but not taken as said
        heard=heard(lot.title or ""),
        # named segments are those that stay ticked; without any, all that is read is
        reading=words_read((lot.title or "", need.title or ""), cpv, keywords) if lot.segments else "",
        offered=lot.segments,
        chosen=lot.segments,
        cpv=cpv,
        keywords=keywords,
        support=lot.support_segments,
        nature=lot.nature or "",
        reserved=lot.reserved or (),
        value=plain_number(lot.value_eur),
        months=plain_number(lot.duration_months),
        renewal=plain_number(lot.renewal_months),
        options=plain_number(lot.options_eur),
        covers="tout" if lot.value_covers == "all" else "",
        innovative="oui" if lot.innovative else "",
        site=_point(site),
        site_code=site.commune or "",
        distance=plain_number(lot.max_distance_km),
    )


def _place(territory: TerritoryRequest | None) -> dict[str, Any]:
    if territory is None:
        return {}
    near = territory.near or Place()
    return {
        "territories": territory.codes or ((f"commune:{near.commune}",) if near.commune else ()),
        "radius": plain_number(territory.radius_km),
        "centre": _point(near),
        "drawn": msgspec.json.encode(territory.geometry).decode() if territory.geometry else "",
    }


def _point(place: Place) -> str:
    return f"{place.lat},{place.lon}" if place.lat is not None and place.lon is not None else ""
