"""Letters of a campaign or a message as one PDF, a page to a recipient; typst sets them as `letters.typ` says.

Thousands are set some hundreds at a time, each time in another process, and joined in one more: what is held at once
stays below some 300 MB.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from api.reports.html_and_pdf import pdf_of_process, printable_text
from domain.campaigns.letter import LetterTexts
from domain.exchanges.exchange import Exchange
from domain.exchanges.letter import Letter, contact_lines
from domain.text.bilingual import Language, day, said_by, typeset

SET_AT_ONCE = 500
_SAID = said_by(__name__)
LINK = re.compile(r"https?://\S+/replies/\S+")
TEMPLATE = (files("api.campaigns") / "letters.typ").read_text(encoding="utf-8")


class AddressedLetter(msgspec.Struct, frozen=True):
    """The parts of a letter that are its recipient's alone: its address, the name first, and where that comes from."""

    address: tuple[str, ...]
    link: str
    source: str = ""
    code: str = ""
    is_reminder: bool = False


def letters_pdf(texts: LetterTexts, letters: Sequence[AddressedLetter], moment: int) -> bytes:
    """The letters as one PDF, dated `moment` (seconds since 1970). Raises RuntimeError where they cannot be set."""
    common = {name: _printable(value) for name, value in msgspec.structs.asdict(texts).items()}
    with TemporaryDirectory() as folder:
        parts = list[Path]()
        for first in range(0, len(letters), SET_AT_ONCE):
            some = [_printable_letter(each) for each in letters[first : first + SET_AT_ONCE]]
            asked = {"template": TEMPLATE, "common": common, "letters": some, "moment": moment}
            part = Path(folder) / f"{len(parts)}.pdf"
            part.write_bytes(pdf_of_process(asked))
            parts.append(part)
        if len(parts) == 1:
            return parts[0].read_bytes()
        return pdf_of_process({"join": [*map(str, parts)]})


def message_letters_pdf(
    letters: Sequence[tuple[Letter, tuple[str, ...]]],
    sender: str,
    exchange: Exchange,
    now: datetime,
    language: Language,
) -> bytes:
    """A message as one PDF: the `letters` of all, each with its address, the name first, and a QR code of its link."""
    links = [LINK.findall(letter.text)[-1] for letter, _ in letters]  # the buyer's own words stand before it
    parts = [part.strip() for part in letters[0][0].text.replace("-" * 60, "").split("\n\n") if part.strip()]
    by_link = next(part for part in parts if links[0] in part)
    parts.remove(by_link)
    texts = LetterTexts(
        language=language,
        sender=sender,
        contact=tuple(contact_lines(exchange.contact)),
        day=day(now, language),
        subject=exchange.subject,
        paragraphs=tuple(typeset(part, language) for part in parts),
        call=typeset(by_link.partition("\n")[0], language),
        scan=_SAID["scan"].to(language),
    )
    told = [AddressedLetter(address, link) for (_, address), link in zip(letters, links, strict=True)]
    return letters_pdf(texts, told, int(now.timestamp()))


def _printable(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return printable_text(value) if isinstance(value, str) else tuple(map(printable_text, value))


def _printable_letter(letter: AddressedLetter) -> dict[str, object]:
    # the code by four letters, which people type with fewer mistakes
    return {
        "address": _printable(letter.address),
        "source": _printable(letter.source),
        "link": letter.link,
        "code": " ".join(letter.code[at : at + 4] for at in range(0, len(letter.code), 4)),
        "is_reminder": letter.is_reminder,
    }
