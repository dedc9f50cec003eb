"""Lots that were pasted as one text: a numbered list ("Lot 1 : …"), or the rows of a table."""

import re

MOST_PARTS, LONGEST_PART = 200, 300
_HEAD = re.compile(
    r"(?:^|(?<=[\n;,.)\s]))(?:[-–•*]\s*)?lots?\s*(?:n\s?[°º]\s?|n[o°]\.?\s*)?(\d{1,3}|[A-Z])\s*(?:[:.)–—-]|\t)\s*",
    re.IGNORECASE,
)
_ROW_NUMBER = re.compile(r"\s*(?:lot\s*)?(?:n\s?[°º]\s?)?\d{1,3}\s*[.):]?\s*", re.IGNORECASE)
_AMOUNT = re.compile(
    r"\s*\d{1,3}(?:[\s.\u00a0\u202f]?\d{3})*(?:,\d{1,2})?\s*(?:€|k€|euros?)?(?:\s*(?:HT|TTC))?\s*", re.IGNORECASE
)
_TITLES = {
    *("lot", "lots", "n°", "numero", "numéro", "objet", "intitulé", "intitule"),
    *("désignation", "designation", "libellé", "libelle"),
}


def pasted_lots(text: str) -> tuple[str, ...]:
    """The words of each lot in a text that lists several; empty where it is the text of one lot.

    A row of a table is one lot: its longest cell that is no amount, then its amounts. A row of column titles is none.
    """
    heads = list(_HEAD.finditer(text))
    if len(heads) > 1:
        ends = [head.start() for head in heads[1:]] + [len(text)]
        parts = [text[head.end() : end] for head, end in zip(heads, ends, strict=True)]
    else:
        rows = [row for row in text.splitlines() if row.strip()]
        if len(rows) < 2 or not all("\t" in row for row in rows):
            return ()
        parts = list(map(_words_of_row, rows))
    found = [" ".join(part.replace("\t", " ").split()).strip(" ;,.-–—")[:LONGEST_PART] for part in parts]
    named = tuple(part for part in found if part)[:MOST_PARTS]
    return named if len(named) > 1 else ()


def _words_of_row(row: str) -> str:
    """The words of a row of a table, without its number; empty for a row of column titles."""
    cells = [cell.strip() for cell in row.split("\t") if cell.strip()]
    if all(cell.lower().rstrip(" .:") in _TITLES or "montant" in cell.lower() for cell in cells):
        return ""
    words = [cell for cell in cells if not _ROW_NUMBER.fullmatch(cell) and not _AMOUNT.fullmatch(cell)]
    amounts = [cell for cell in cells if _AMOUNT.fullmatch(cell) and ("€" in cell or len(re.sub(r"\D", "", cell)) > 3)]
    amounts = [cell if re.search("€|euro", cell, re.IGNORECASE) else f"{cell} €" for cell in amounts[:1]]
    return ", ".join([max(words, key=len, default=""), *amounts]) if words else ""
