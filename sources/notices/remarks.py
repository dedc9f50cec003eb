"""Remarks that the readers of several forms make of a notice: on what a need has no place for, or takes otherwise."""

from collections.abc import Sequence

from domain.text.typography import cut
from sources.notices.element import Element
from sources.notices.notice import Notice


def procedure_without_equal(notice: Notice, path: str, code: str) -> None:
    notice.note(
        path,
        f"Procédure sans équivalent dans un besoin : {cut(code)}",
        f"A procedure that a need does not have: {cut(code)}",
    )


def nature_without_equal(notice: Notice, path: str, code: str) -> None:
    notice.note(
        path,
        f"Nature de marché sans équivalent : « {cut(code)} »",
        f"A nature of contract that a need does not have: “{cut(code)}”",
    )


def kind_of_buyer_unclear(notice: Notice, path: str, code: str) -> None:
    notice.note(
        path,
        f"« {cut(code)} » ne dit pas si l'acheteur relève de l'État ou d'une collectivité",
        f"“{cut(code)}” does not tell whether the buyer is of the State or of a local authority",
    )


def more_buyers(notice: Notice, others: Sequence[Element]) -> None:
    """Note the buyers beside the first, where there are any."""
    if others:
        notice.note(
            others[0].path,
            f"{len(others)} autre(s) acheteur(s) : seul le premier est lu",
            f"{len(others)} more buyer(s): only the first is read",
        )


def duration_not_in_months(notice: Notice, path: str, written: str) -> None:
    notice.note(
        path,
        f"La durée ne se dit pas en mois : « {cut(written)} »",
        f"The duration cannot be said in months: “{cut(written)}”",
    )


def total_is_awarded(notice: Notice, path: str) -> None:
    notice.note(
        path,
        "La valeur du besoin est le total attribué, faute d'estimation",
        "The value of the need is the total awarded, as there is no estimate",
    )


def corrections_not_read(notice: Notice, element: Element | None) -> None:
    """Note what a notice says of how another one, or its contract, changes; nothing where it does not."""
    if element is not None:
        notice.note(
            element.path,
            "Ce que l'avis change n'est pas lu à part : le besoin est celui du texte entier",
            "What the notice changes is not read apart: the need is that of the whole text",
        )
