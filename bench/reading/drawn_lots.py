"""Real lots, drawn by the digests of their ids among those that nothing was tuned on, as needs that a buyer would send.

`drawn_lots.csv` here names them; their words stay in `../shared/data`. Awards: objects that nobody labelled, and that
begin like none that was. Notices: lots whose titles are held back, two of a notice. Half of the lots is held back here
too: what is tuned looks at the others only.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, get_args

from msgspec.structs import replace

from bench.reading.files import table
from bench.reading.titles import digest, labelled, sibling
from domain.needs.lot_words import terms_in
from domain.needs.need import Buyer, Lot, Need, Reserved, TerritoryRequest
from domain.reference.territory import UnknownTerritory
from domain.text.normalise import fold
from matching.reference import Reference
from sources.notices.boamp import read
from sources.notices.need_of_notice import need_of
from sources.postal_addresses import departement_of

DRAWN = Path(__file__).with_name("drawn_lots.csv")
AWARDS, NOTICE_LOTS, MOST_OF_A_NOTICE = 100, 50, 2
_INSEE_LENGTH, _LONGEST_TITLE, _NUTS_2 = 5, 400, 4
_MOST_MONTHS, _LEAST_EUROS = 120, 100.0
_WIDER = ("region", "pays", "arrondissement", "canton")
_LOST_ACCENT = "\ufffd"


class LotKey(NamedTuple):
    """The identity of a real lot: "award" and the digest of its object, or "notice", the notice's id and the lot's."""

    source: str
    id: str
    lot: str

    @property
    def held_back(self) -> bool:
        """Whether it measures only, and nothing is tuned on it; lots of one notice are in the same half."""
        return int(_draw_digest(self.id), 16) % 2 == 1


class RealLot(NamedTuple):
    """A real lot as the need of a buyer who says its title and CPV code, where it is and what it is worth."""

    key: LotKey
    need: Need


def read_lots(data: Path, reference: Reference) -> list[RealLot]:
    """The lots that `drawn_lots.csv` names, in its order."""
    with DRAWN.open(encoding="utf-8", newline="") as lines:
        keys = [LotKey(**row) for row in csv.DictReader(lines)]
    needs = {lot.key: lot.need for lot in real_lots(data, reference)}
    return [RealLot(key, needs[key]) for key in keys]


def draw_lots(data: Path, reference: Reference) -> list[RealLot]:
    """Lots drawn as those of `drawn_lots.csv` were, which lacks those that were labelled to tune on afterwards."""
    titles = labelled(data)
    known = {sibling(title.title) for title in titles if title.source == "award"}
    tuned = {sibling(title.title) for title in titles if not title.held_back}
    awards: list[RealLot] = []
    notices: list[RealLot] = []
    drawn_of: Counter[str] = Counter()
    for lot in sorted(real_lots(data, reference), key=lambda each: _draw_digest("".join(each.key))):
        alike = sibling(lot.need.lots[0].title or lot.need.title or "")
        if alike in known or (lot.key.source == "notice" and alike in tuned):
            continue
        known.add(alike)
        if lot.key.source == "award":
            awards.append(lot)
        elif drawn_of[lot.key.id] < MOST_OF_A_NOTICE:
            drawn_of[lot.key.id] += 1
            notices.append(lot)
    return [*islice(awards, AWARDS), *islice(notices, NOTICE_LOTS)]


def real_lots(data: Path, reference: Reference) -> Iterator[RealLot]:
    """The lots of notices and the objects of awards of which the place is known, each once."""
    yield from _notice_lots(data, reference)
    objects: set[str] = set()
    for row in table(data / "awards" / "awards_2016_2024.csv.gz"):
        said, departement = row["object"].strip(), departement_of_award(row, reference)
        if said and _LOST_ACCENT not in said and departement and said not in objects:
            objects.add(said)
            yield RealLot(LotKey("award", digest(said), ""), award_need(row, departement, reference))


def award_need(row: Mapping[str, str], departement: str, reference: Reference) -> Need:
    """The need that an awarded contract answered, anywhere in its departement."""
    months, euros = _number(row["months"]), _number(row["amount"])
    lot = Lot(
        "1",
        title=row["object"].strip()[:_LONGEST_TITLE],
        cpv=_cpv([row["cpv"]], reference),
        reserved=_reserved_in(row["object"]),
        value_eur=euros if euros >= _LEAST_EUROS else None,
        duration_months=int(months) if 1 <= months <= _MOST_MONTHS else None,
    )
    siret = row["buyer_siret"]
    buyer = Buyer(siret=siret) if len(siret) == 14 and siret.isdigit() else None
    return Need((lot,), buyer=buyer, territory=TerritoryRequest(codes=(f"departement:{departement}",)))


def _notice_lots(data: Path, reference: Reference) -> Iterator[RealLot]:
    """The lots of notices, with the site that `POST /notices` gives them."""
    for line in (data / "notices" / "notices_ted_fr_sample.ndjson").read_text("utf-8").splitlines():
        notice = json.loads(line)
        as_read = need_of(read(notice, ""), reference).need.lots
        for row, lot_read in zip(notice["lots"] or [{}], as_read, strict=True):
            places = (row.get("places") or {}).get("nuts") or ()
            codes = _nuts(places, reference) or _nuts(notice["buyer_nuts"] or (), reference)
            title = (row.get("title") or "").strip() or None
            if codes and (title or notice["title"]):
                cpv = _cpv(row.get("cpv_add") or [notice["cpv_main"] or ""], reference)
                reserved = _reserved_in(title or notice["title"])
                lot = Lot(row.get("id") or "1", title=title and title[:_LONGEST_TITLE], cpv=cpv, reserved=reserved)
                lot = replace(lot, site=lot_read.site)
                need = Need(
                    (lot,),
                    title=notice["title"] and notice["title"][:_LONGEST_TITLE],
                    buyer=Buyer(name=notice["buyer"]) if notice["buyer"] else None,
                    territory=TerritoryRequest(codes=codes),
                )
                yield RealLot(LotKey("notice", notice["notice_id"], row.get("id") or ""), need)


def departement_of_award(row: Mapping[str, str], reference: Reference) -> str | None:
    """The departement of a contract's place of performance; None where that is wider, or not told."""
    code, kind = "".join(row["place_code"].split()).upper(), fold(row["place_type"])
    if not code or any(wider in kind for wider in _WIDER):
        return None
    found = code.rjust(2, "0") if len(code) < _INSEE_LENGTH else departement_of(code)
    return found if _exists(f"departement:{found}", reference) else None


def _nuts(codes: Iterable[str], reference: Reference) -> tuple[str, ...]:
    """The codes of the known territories among these that are a group of departements at most."""
    narrow = [f"nuts:{code}" for code in codes if len(code) >= _NUTS_2]
    return tuple(dict.fromkeys(code for code in narrow if _exists(code, reference)))


def _exists(code: str, reference: Reference) -> bool:
    try:
        reference.territories.area(code, suggest=False)
    except UnknownTerritory:
        return False
    return True


def _reserved_in(words: str) -> tuple[Reserved, ...]:
    """The reservation that a lot's words name, as the page of a need ticks it before a buyer looks."""
    terms = [term for term in terms_in(words) if term.kind == "reserved" and not term.is_question]
    return tuple(kind for kind in get_args(Reserved) if any(term.value == kind for term in terms))


def _cpv(codes: Iterable[Any], reference: Reference) -> tuple[str, ...]:
    written = (str(code)[:8] for code in codes)
    return tuple(dict.fromkeys(code for code in written if reference.cpv.exists(code)))


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return 0.0


def _draw_digest(text: str) -> str:
    return hashlib.sha1(f"precision{text}".encode()).hexdigest()
