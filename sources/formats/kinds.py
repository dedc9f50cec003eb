"""Kinds of suppliers by the codes that the directories of inclusion share."""

from typing import get_args

from domain.decoding.explain import near
from domain.suppliers.supplier import Kind
from domain.text.bilingual import Text
from sources.formats.csv_cells import BadCell

KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


def kind_of(written: str) -> Kind:
    """The kind of a record's only approval. Raises BadCell for an unknown code."""
    if written not in KINDS:
        hint = near(written, tuple(KINDS))
        detail = Text(f"Genre inconnu : « {written[:80]} »{hint.fr}", f"Unknown kind: “{written[:80]}”{hint.en}")
        raise BadCell(("approvals", 0, "kind"), "unknown_value", detail)
    return KINDS[written]
