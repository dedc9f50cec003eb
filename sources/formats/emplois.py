"""Format `emplois`: inclusion structures and their jobs, from the API of les emplois de l'inclusion (JSON, NDJSON).

A structure is a record, under its `id`, or SIRET and kind where an extract has none; `type` becomes an approval without
known dates, `enseigne` the trade name. Each of its `postes` with a ROME code, or a title, that names a trade is an
offer; what is not found so is inferred from the words of name and description, and from the kind. The commune is looked
up by postal code and city. Not read: telephones and e-mail addresses, which are those of persons, and conditions of
jobs.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

import msgspec

from sources.file_types.csv_cells import kind_of
from sources.file_types.json_records import Draft, Scalar, readers, text_of
from sources.postal_addresses import CommuneNames, commune_names, departement_of
from sources.rows import Context, Document
from sources.trades.evidence_readers import Job, JobReader
from sources.trades.inference import OfferInference
from sources.trades.offers import without_segments

LISTS = ("results",)

_ROME = re.compile(r"\b[A-N][0-9]{4}\b")
_DAY = len("2026-11-24")


class JobPosting(msgspec.Struct, frozen=True):
    """A job that a structure offers. `rome`: a code, alone or after its label."""

    rome: Scalar = None
    appellation_modifiee: Scalar = None
    mis_a_jour_le: Scalar = None
    cree_le: Scalar = None


class Structure(msgspec.Struct, frozen=True):
    """An inclusion structure with its jobs."""

    type: str
    id: Scalar = None
    raison_sociale: Scalar = None
    enseigne: Scalar = None
    siret: Scalar = None
    site_web: Scalar = None
    description: Scalar = None
    addresse_ligne_1: Scalar = None
    addresse_ligne_2: Scalar = None
    code_postal: Scalar = None
    ville: Scalar = None
    departement: Scalar = None
    postes: list[JobPosting] | None = None


class _Structures:
    """Makes records of structures."""

    def __init__(self, context: Context) -> None:
        self._communes: CommuneNames = commune_names(context.territories)
        self._jobs = JobReader(context.taxonomy, context.source)
        self._inference = OfferInference(context.taxonomy, context.source)

    def drafts(self, structure: Structure) -> Iterator[Draft]:
        kind = kind_of(structure.type.strip())
        name, sign = text_of(structure.raison_sociale), text_of(structure.enseigne)
        lines = (text_of(structure.addresse_ligne_1), text_of(structure.addresse_ligne_2))
        postal_code, city = text_of(structure.code_postal), text_of(structure.ville)
        departement = text_of(structure.departement) or departement_of(postal_code)
        description = text_of(structure.description)
        by_jobs = self._jobs.offers(map(_job, structure.postes or ()), kind)
        known = {segment for offer in by_jobs for segment in offer.segments}
        inferred = self._inference.offers(kind, None, (name, sign, description), city)
        document: Document = {
            "name": name or sign,
            "trade_name": sign if sign and sign != name and name else None,
            "siret": text_of(structure.siret) or None,
            "approvals": [{"kind": kind}],
            "address": {
                "street": ", ".join(filter(None, lines)) or None,
                "postal_code": postal_code or None,
                "city": city or None,
                "commune": self._communes.find(postal_code, city, departement),
            },
            "offers": (*by_jobs, *without_segments(inferred, known)),
            "description": description or None,
            "contact": {"website": text_of(structure.site_web) or None},
        }
        siret = text_of(structure.siret)
        # SIRET and kind together are one structure
        key = text_of(structure.id) or (f"{siret}/{structure.type.strip()}" if siret else None)
        yield Draft(key, document)


def _job(posting: JobPosting) -> Job:
    code = _ROME.search(text_of(posting.rome))
    told, on = text_of(posting.mis_a_jour_le) or text_of(posting.cree_le), None
    with suppress(ValueError):
        on = date.fromisoformat(told[:_DAY])
    return Job(code[0] if code else "", text_of(posting.appellation_modifiee), on)


read_json, read_ndjson = readers(LISTS, Structure, lambda context: _Structures(context).drafts)
