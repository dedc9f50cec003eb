"""Codes in words, French and English, read from labels.toml: kinds of suppliers, outcomes, statuses and the like.

The codes are typed where they are used, in rooms above this one: a test holds that each of them has its words.
"""

import tomllib
from importlib.resources import files
from typing import Any

import msgspec

from domain.text.bilingual import Text


class ReservedNames(msgspec.Struct, frozen=True):
    """A reserved type in words: in "the … reservation" (`name`), in "reserved to …" (`to`), and spelt out (`long`)."""

    name: Text
    to: Text
    long: Text


_FILE: dict[str, Any] = tomllib.loads((files("domain") / "data" / "labels.toml").read_text("utf-8"))
DELIVERIES = msgspec.convert(_FILE.pop("deliveries"), dict[str, dict[str, Text]])
"""By the way of a delivery, and how far it has come."""
BODIES = msgspec.convert(_FILE.pop("bodies"), dict[str, Text])
"""Kinds of buyers' bodies."""
RESERVED = msgspec.convert(_FILE.pop("reserved"), dict[str, ReservedNames])
"""Reserved types, and the two that a lot may be open to together."""
_TABLES = msgspec.convert(_FILE, dict[str, dict[str, Text]])
SUPPOSED_FROM = _TABLES["supposed_from"]
KINDS = _TABLES["kinds"]
ABBREVIATIONS = KINDS | _TABLES["abbreviations"]
STATUSES = _TABLES["statuses"]
PROCEDURES = _TABLES["procedures"]
CONTRACTS = _TABLES["contracts"]
TECHNIQUES = _TABLES["techniques"]
NATURES = _TABLES["natures"]
OUTCOMES = _TABLES["outcomes"]
GATES = _TABLES["gates"]
REFUSED_BY = _TABLES["refused_by"]
"""By gate, what is said of a supplier that it refused."""
ABSENCES = _TABLES["absences"] | {"no_offer": REFUSED_BY["segment"]}
LOT_FIELDS = _TABLES["lot_fields"]
CONTACTS = _TABLES["contacts"]
GAPS = _TABLES["gaps"]
FAILURES = _TABLES["failures"]
NEXT_STEPS = _TABLES["next_steps"]
MATCH_WORDS = _TABLES["match_words"]
"""Facts and remarks on the answer to a need, as terminal, desk and report tell them."""
LETTER = _TABLES["letter"]
SPENDING_FIGURES = _TABLES["spending_figures"]
SPENDING_INDICATORS = _TABLES["spending_indicators"]
NO_KIND = _TABLES["no_kind"]
"""In the place of a kind or a segment, where there is none."""
LEGAL_FORMS = _TABLES["legal_forms"]
TENSIONS = _TABLES["tensions"]
BASES = _TABLES["bases"]
REACH_LEVELS = _TABLES["reach_levels"]
SEVERITIES = _TABLES["severities"]
DECISIONS = _TABLES["decisions"]
DECISIONS_ON_ASKED = _TABLES["decisions_on_asked"]
ACTS = _TABLES["acts"]
CHANNELS = _TABLES["channels"]
POSITIONS = _TABLES["positions"]
BARRIERS = _TABLES["barriers"]
FORMATS = _TABLES["formats"]
MEETING_STATUSES = _TABLES["meeting_statuses"]
ROLES = _TABLES["roles"]
CONFIDENCES = _TABLES["confidences"]
THEMES = _TABLES["themes"]
STANDINGS = _TABLES["standings"]
NEED_FIELDS = _TABLES["need_fields"]
NEED_REFUSALS = _TABLES["need_refusals"]
VARIANTS = _TABLES["variants"]
ASKED_LAST = _TABLES["asked_last"]
EVIDENCE = _TABLES["evidence"]
NETWORK_KINDS = _TABLES["network_kinds"]
GIVEN_ALONE = _TABLES["given_alone"]
JSON_TYPES = _TABLES["json_types"]
KINDS_OF_PLACE = _TABLES["kinds_of_place"]
AREAS_AROUND = _TABLES["areas_around"]
OWN_BASES = _TABLES["own_bases"]
OWN_STANCES = _TABLES["own_stances"]
OWN_BARRIERS = _TABLES["own_barriers"]
