"""The unread parts of a notice on a terminal: in French, what matters to the need in sentences, the rest by names."""

import re

from rich.console import Console

from api.commands.console import plain
from api.commands.need_files import ReadNeed

_POSITION = re.compile(r"\[\d+\]$")


def write_unread(read: ReadNeed, to: Console) -> None:
    """Write what was not read; nothing where the need was no notice. The answer of POST /notices has every path."""
    if not read.unread:
        return
    noted = [each for each in read.unread if not each.expected]
    others = [each for each in read.unread if each.expected]
    to.print(plain(f"Avis lu : {read.name}"), style="bold")
    if noted:
        to.print("À vérifier, lu autrement ou pas lu :")
        for each in noted:
            to.print(plain(f"  • {each.detail.fr} ({each.path})"), soft_wrap=True)
    if others:
        names = dict.fromkeys(_POSITION.sub("", each.path.rpartition("/")[2]) for each in others)
        to.print(plain(f"Sans place dans un besoin : {', '.join(names)}"))
    to.print()
