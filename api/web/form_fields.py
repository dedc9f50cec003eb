"""The fields of a form, as browsers send them."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qs

from api.web.problems import Refusal
from api.web.request_body import AnyRequest, Share, require_coding, whole_body
from domain.text.bilingual import Text

AT_ONCE_BYTES = 128 << 10
"""A longer form is read in a thread: a million escapes take a quarter of a second."""

Fields = Mapping[str, list[str]]
"""The texts of each field, at least one, in the order of the form."""


async def read_fields(request: AnyRequest, limit: int, most: int, share: Share) -> Fields:
    """The fields in a body of at most `limit` bytes, of which there are at most `most`.

    Raises Refusal: 400 where it is no form or has more, 413, 415, 429.
    """
    require_coding(request.headers, ("identity",))
    raw = await whole_body(request, limit, share)
    return fields_in(raw, most) if len(raw) <= AT_ONCE_BYTES else await asyncio.to_thread(fields_in, raw, most)


def fields_in(encoded: bytes, most: int) -> Fields:
    """The fields in a form, or in a query string. Raises Refusal (400) where it is none, or has too many."""
    if encoded.count(b"&") >= most:
        raise _too_many(most)
    try:
        fields = parse_qs(encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=most)
    except ValueError:
        raise unreadable_form() from None
    return {name: list(map(cleaned, texts)) for name, texts in fields.items()}


def _too_many(most: int) -> Refusal:
    return Refusal(
        "malformed-body",
        Text(
            f"Ce formulaire a plus de {most} champs : revenez à la page précédente, où votre saisie est gardée, et "
            "enregistrez-la en plusieurs fois",
            f"This form has more than {most} fields: go back to the page before, where what you typed is kept, "
            "and save it in several parts",
        ),
    )


def unreadable_form() -> Refusal:
    """The refusal (400) of what is no form."""
    return Refusal("malformed-body", Text("Ce formulaire est illisible", "This form cannot be read"))


def cleaned(text: str) -> str:
    """The text as it was typed, with line feeds alone and without NUL characters, which no database holds."""
    return text.replace("\0", "").replace("\r\n", "\n").strip()
